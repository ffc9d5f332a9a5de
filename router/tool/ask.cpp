#include "router/tool/ask.h"

#include <cstdint>

#include "core/base/result.h"
#include "router/tool/json_text.h"

namespace semroute::router::tool {

core::Result<Answer> exchange_line(Client& client, std::string_view line, std::chrono::milliseconds timeout) {
  std::string request(line);
  request += '\n';
  if (const auto sent = client.send(request); !sent) return sent.error();
  return next_line(client, timeout);
}

core::Result<Answer> next_line(Client& client, std::chrono::milliseconds timeout) {
  auto reply = client.receive_line(timeout);
  if (!reply) return reply.error();
  auto value = parse_json(*reply);
  if (!value || value->map() == nullptr) {
    return core::Error{
        core::ErrorCode::internal,
        "the reply is no JSON object; is this semrouted's `listen` address? It began with: " + reply->substr(0, 60)};
  }
  return Answer{std::move(reply).value(), std::move(value).value()};
}

Refusal refusal_of(const config::Value& reply) {
  if (boolean_of(reply, "ok").value_or(false)) return {};
  Refusal refusal{Exit::software, "internal", "the reply has no `ok` and no `error`"};
  const config::Value* error = reply.find("error");
  if (error == nullptr) return refusal;
  refusal.code = text_of(*error, "code").value_or("internal");
  refusal.message = text_of(*error, "message").value_or("");
  for (auto number = static_cast<std::uint16_t>(core::ErrorCode::bad_request);
       number <= static_cast<std::uint16_t>(core::ErrorCode::internal); ++number) {
    const auto code = static_cast<core::ErrorCode>(number);
    if (core::to_string(code) == refusal.code) refusal.exit = exit_for(code);
  }
  return refusal;
}

std::variant<Exit, Answer> ask(const Context& context, const std::string& server, std::string_view line) {
  auto client = Client::connect(server);
  if (!client) return context.fail(client.error());
  auto answer = exchange_line(*client, line);
  if (!answer) return context.fail(answer.error());
  if (context.json) context.out << answer->line << "\n";
  const Refusal refusal = refusal_of(answer->value);
  if (refusal.exit != Exit::ok) return context.fail(refusal.exit, refusal.code + ": " + refusal.message);
  if (context.json) return Exit::ok;
  return std::move(answer).value();
}

}  // namespace semroute::router::tool

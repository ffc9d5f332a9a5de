#include "router/tool/change_client.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "config/load.h"
#include "core/base/limits.h"
#include "router/protocol/json_codec.h"
#include "router/tool/json_text.h"

namespace semroute::router::tool {

using core::Error;
using core::ErrorCode;
using core::Result;

Result<ChangeClient> ChangeClient::connect(const std::string& server) {
  auto connected = Client::connect(server);
  if (!connected.ok()) return connected.error();
  ChangeClient client(std::move(connected).value());
  const auto reply = client.exchange({.op = Op::ping});
  if (!reply.ok()) return reply.error();
  if (reply->error) return *reply->error;
  const auto facts = parse_json(reply->extras);
  const auto dimension = facts.ok() ? number_of(*facts, "dimension") : std::nullopt;
  const auto metric = facts.ok() ? core::parse_metric(text_of(*facts, "metric").value_or("")) : std::nullopt;
  if (!dimension || !metric) return Error{ErrorCode::internal, "the daemon's ping names no dimension or metric"};
  client.index_.dimension = static_cast<std::size_t>(*dimension);
  client.index_.metric = *metric;
  return client;
}

Result<ClientReply> ChangeClient::exchange(const ClientRequest& request) {
  std::string frame;
  encode_client_frame(request, frame);
  if (auto sent = client_.send(frame); !sent.ok()) return sent.error();
  const auto reply = client_.receive_frame();
  if (!reply.ok()) return reply.error();
  return decode_reply(*reply);
}

void ChangeBody::append_rows(const char* key, const config::ReferenceRows& rows) {
  if (rows.values.empty()) return;
  const std::size_t count = rows.values.size() / dimension;
  if (extras.back() != '{') extras += ',';
  extras += std::string("\"") + key + "\":{\"rows\":[" + std::to_string(values.size() / dimension) + ',' +
            std::to_string(count) + ']';
  if (std::ranges::any_of(rows.texts, [](const std::string& text) { return !text.empty(); })) {
    extras += ",\"texts\":[";
    for (std::size_t row = 0; row < count; ++row) {
      if (row > 0) extras += ',';
      append_json_string(row < rows.texts.size() ? rows.texts[row] : "", extras);
    }
    extras += ']';
  }
  extras += '}';
  values.insert(values.end(), rows.values.begin(), rows.values.end());
}

void ChangeBody::append_route(const config::RouteConfig& route) {
  extras += "\"route\":{\"name\":";
  append_json_string(route.name, extras);
  if (!route.description.empty()) {
    extras += ",\"description\":";
    append_json_string(route.description, extras);
  }
  config::append_members(route.destination, extras);
  if (route.score_threshold) {
    extras += ",\"score_threshold\":";
    append_json_number(*route.score_threshold, extras);
  }
  if (route.metadata.map() != nullptr) {
    extras += ",\"metadata\":";
    append_json_value(route.metadata, extras);
  }
  append_rows("references", route.references);
  append_rows("negatives", route.negatives);
  extras += '}';
}

ClientRequest ChangeBody::request(Op op) const {
  return {.op = op, .values = values, .count = values.empty() ? 0 : values.size() / dimension, .extras = extras};
}

Exit fail(const Context& context, Exit exit, const Error& error) {
  if (context.json) {
    std::string line =
        R"({"ok":false,"error":{"code":")" + std::string(core::to_string(error.code)) + R"(","message":)";
    append_json_string(error.message, line);
    context.out << line << "}}\n";
  }
  return context.fail(exit, std::string(core::to_string(error.code)) + ": " + error.message);
}

Result<void> change(const Context& context, ChangeClient& client, Op op, const ChangeBody& body) {
  const auto reply = client.exchange(body.request(op));
  if (!reply.ok()) return reply.error();
  if (reply->error) return *reply->error;
  if (context.json) context.out << reply->extras << "\n";
  return {};
}

namespace {

Result<config::RouteConfig> route_of(const Context& context, const config::LoadOutcome& outcome,
                                     const std::string& name) {
  for (const config::Diagnostic& problem : outcome.problems) context.err << config::to_string(problem) << "\n";
  if (outcome.omitted > 0) context.err << "... and " << outcome.omitted << " more\n";
  if (outcome.config) return outcome.config->routes.front();
  const std::string first = outcome.problems.empty() ? name : config::to_string(outcome.problems.front());
  return Error{ErrorCode::bad_request, "no route was read: " + first};
}

}  // namespace

Result<void> check_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return Error{ErrorCode::io_error, path + ": is a folder"};
  if (::access(path.c_str(), R_OK) == 0) return {};
  return Error{ErrorCode::io_error, path + ": " + std::strerror(errno)};
}

Result<config::RouteConfig> read_route(const Context& context, const std::string& path,
                                       const config::IndexConfig& index) {
  if (auto there = check_file(path); !there.ok()) return there.error();
  return route_of(context, config::load_route(path, index), path);
}

Result<config::RouteConfig> read_route(const Context& context, std::istream& in, const config::IndexConfig& index) {
  std::string text(core::kMaxConfigBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{ErrorCode::io_error, "standard input cannot be read"};
  text.resize(static_cast<std::size_t>(in.gcount()));
  return route_of(context, config::load_route_text(text, "stdin", index), "stdin");
}

}  // namespace semroute::router::tool

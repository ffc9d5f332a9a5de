#include "router/verbs/decision_line.h"

#include <array>
#include <chrono>
#include <ctime>

#include "router/protocol/json_codec.h"

namespace semroute::router {

namespace {

// RFC 3339, UTC, milliseconds.
std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const auto n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  const auto millis = std::to_string(1000 + ms % 1000).substr(1);
  return std::string(text.data(), n) + "." + millis + "Z";
}

void append_us(std::string_view name, std::uint64_t ns, std::string& out) {
  out.append("\"").append(name).append("\":");
  const std::uint64_t hundredths = ns / 10;
  append_json_number(static_cast<double>(hundredths) / 100.0, out);
}

}  // namespace

void append_decision_line(const ServiceState& state, std::string_view request_id, const Decision& decision,
                          const StageTimes& times, const std::optional<DispatchNote>& dispatch,
                          std::span<const float> embedding, std::string& out) {
  const RouteList routes = state.routing->table.routes();
  out.append(R"({"time":")").append(timestamp()).append(R"(","request_id":)");
  append_json_string(request_id, out);
  out.append(R"(,"decision":")").append(to_string(decision.kind));
  out.append(R"(","reason":")").append(to_string(decision.reason)).append("\"");
  if (decision.route) {
    out.append(R"(,"route":)");
    append_json_string(routes[*decision.route].name, out);
  }
  if (decision.score) {
    out.append(R"(,"score":)");
    append_json_number(*decision.score, out);
  }
  const auto append_candidate = [&](std::string_view key, const std::optional<RouteScore>& candidate) {
    if (!candidate) return;
    out.append(",\"").append(key).append(R"(":{"route":)");
    append_json_string(routes[candidate->route].name, out);
    out.append(R"(,"score":)");
    append_json_number(candidate->score, out);
    out.append("}");
  };
  append_candidate("best", decision.best);
  append_candidate("runner_up", decision.runner_up);
  if (dispatch) {
    out.append(R"(,"target":)");
    append_json_string(dispatch->target, out);
    out.append(R"(,"outcome":")").append(dispatch->outcome).append("\"");
  }
  out.append(R"(,"revision":)").append(std::to_string(state.revision)).append(R"(,"us":{)");
  append_us("decode", times.decode_ns, out);
  out += ',';
  append_us("search", times.search_ns, out);
  out += ',';
  append_us("decide", times.decide_ns, out);
  out += ',';
  append_us("dispatch", times.dispatch_ns, out);
  out += '}';
  if (!embedding.empty()) {
    out.append(R"(,"embedding":[)");
    for (std::size_t i = 0; i < embedding.size(); ++i) {
      if (i > 0) out += ',';
      append_json_number(embedding[i], out);
    }
    out += ']';
  }
  out.append("}\n");
}

}  // namespace semroute::router

#include "core/kernels/kernels.h"
#include "router/observe/process_usage.h"
#include "router/verbs/verb.h"

namespace semroute::router {

namespace {

std::string member(std::string_view name, std::uint64_t value) {
  return ",\"" + std::string(name) + "\":" + std::to_string(value);
}

// Of references, negatives and route vectors together; `algorithm` is what a search of the references does now.
std::string index_object(const RoutingState& routing) {
  const core::IndexParams& params = routing.index->params();
  const core::IndexBytes bytes = index_bytes(routing);
  return std::string(R"({"algorithm":")") + (routing.index->walks() ? "graph" : "scan") + R"(","quantization":")" +
         std::string(core::to_string(params.quantization)) + R"(","rerank":")" +
         std::string(core::to_string(params.rerank)) + R"(","bytes":{"vectors":)" + std::to_string(bytes.vectors) +
         member("codes", bytes.codes) + member("graph", bytes.graph) + member("ids", bytes.ids) +
         member("other", bytes.other) + "}}";
}

std::string endpoint_object(const plugins::EndpointStats& endpoint) {
  std::string out = R"({"address":)";
  append_json_string(endpoint.address, out);
  out += R"(,"state":")" + std::string(endpoint.state) + '"' + member("in_flight", endpoint.in_flight) +
         member("requests", endpoint.requests) + member("retries", endpoint.retries) + R"(,"failures":{)";
  for (const auto& [kind, count] : endpoint.failures) {
    if (out.back() != '{') out += ',';
    out += '"' + std::string(kind) + "\":" + std::to_string(count);
  }
  return out + R"(},"latency_us":{"p50":)" + std::to_string(endpoint.p50_us) + member("p90", endpoint.p90_us) +
         member("p99", endpoint.p99_us) + "}}";
}

// What a target says of itself.
std::string state_members(const plugins::Target& target) {
  const plugins::TargetStats stats = target.stats();
  std::uint64_t retries = 0;
  for (const plugins::EndpointStats& endpoint : stats.endpoints) retries += endpoint.retries;
  std::string out = R"(,"kind":")" + std::string(target.kind()) + R"(","state":")" + std::string(stats.state) + '"' +
                    member("pending", stats.pending) + member("retries", retries) + R"(,"endpoints":[)";
  for (const plugins::EndpointStats& endpoint : stats.endpoints) {
    if (out.back() != '[') out += ',';
    out += endpoint_object(endpoint);
  }
  return out + ']';
}

// By name; of those that are not in the configuration any more, the counters alone.
std::string targets_object(const ServiceState& state, const Metrics& metrics) {
  std::string out = "{";
  metrics.for_each_target([&](const std::string& name, const TargetCounters& counters) {
    if (out.size() > 1) out += ',';
    append_json_string(name, out);
    const auto ok = counters.outcomes[0].load(std::memory_order_relaxed);
    out += ":{\"ok\":" + std::to_string(ok) + member("in_flight", counters.in_flight.load(std::memory_order_relaxed)) +
           ",\"errors\":{";
    bool first = true;
    for (std::size_t code = 1; code < kOutcomes; ++code) {
      const auto n = counters.outcomes[code].load(std::memory_order_relaxed);
      if (n == 0) continue;
      out += (first ? "\"" : ",\"") + std::string(core::to_string(static_cast<core::ErrorCode>(code))) +
             "\":" + std::to_string(n);
      first = false;
    }
    out += '}';
    for (const auto& target : state.targets)
      if (target->name() == name) out += state_members(*target);
    out += '}';
  });
  return out + "}";
}

std::string store_object(const Metrics& metrics) {
  if (!metrics.store) return "null";
  const Metrics::StoreUse use = metrics.store();
  std::string out = R"({"live_bytes":)" + std::to_string(use.live_bytes) + member("log_bytes", use.log_bytes) +
                    member("disk_bytes", use.disk_bytes) + R"(,"read_only":)";
  if (use.read_only.empty()) return out + "null}";
  append_json_string(use.read_only, out);
  return out + '}';
}

}  // namespace

void handle_stats(Exchange& exchange) {
  const ServiceState& state = *exchange.state;
  Control& control = exchange.context.control;
  const auto totals = control.metrics().totals();
  const auto usage = read_process_usage();
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - control.started()).count();
  std::string members =
      R"("version":")" SEMROUTE_VERSION "\"" + member("uptime_s", static_cast<std::uint64_t>(uptime)) +
      member("workers", state.config.workers) + R"(,"isa":")" +
      std::string(core::to_string(core::active_kernels().isa)) + R"(","revision":)" + std::to_string(state.revision);
  members += member("routes", state.routing->table.routes().size());
  members += member("parked_routes", state.routing->parked.size());
  members += member("references", state.routing->table.reference_count());
  members += member("negatives", state.routing->table.negative_count());
  members += R"(,"index":)" + index_object(*state.routing);
  members += R"(,"store":)" + store_object(control.metrics());
  members += member("connections", totals.connections_open);
  members += member("connections_total", totals.connections_total);
  members += member("connections_refused", control.metrics().connections_refused.load());
  members += member("requests", totals.requests);
  members += member("errors", totals.errors);
  members += member("in_flight", totals.in_flight);
  members += member("cut_off", totals.cut_off);
  members += member("timed_out", totals.timed_out);
  members += member("output_overflow", totals.output_overflow);
  members += member("resident_bytes", usage.resident_bytes);
  members += R"(,"cpu_s":)";
  append_json_number(usage.cpu_seconds, members);
  members += R"(,"targets":)" + targets_object(state, control.metrics());
  exchange.session.reply_members(exchange.request.op, exchange.request.id,
                                 exchange.context.request_id(exchange.request), members);
}

}  // namespace semroute::router

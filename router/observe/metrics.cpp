#include "router/observe/metrics.h"

#include <algorithm>
#include <sstream>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "core/base/limits.h"
#include "router/observe/process_usage.h"

namespace semroute::router {

namespace {

// What a kind calls an endpoint, or a process of its own, that requests go to.
bool is_in_use(std::string_view state) { return state == "healthy" || state == "running"; }

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr const char* kOtherLabel = "_other";

MetricFamily family(const char* name, const char* help, MetricType type) {
  MetricFamily f;
  f.name = name;
  f.help = help;
  f.type = type;
  return f;
}

void add_value(MetricFamily& f, double value, Labels labels = {}) {
  ClientMetric m;
  m.label = std::move(labels);
  if (f.type == MetricType::Counter) {
    m.counter.value = value;
  } else {
    m.gauge.value = value;
  }
  f.metric.push_back(std::move(m));
}

MetricFamily single(const char* name, const char* help, MetricType type, double value) {
  auto f = family(name, help, type);
  add_value(f, value);
  return f;
}

// `counts` per bucket, not yet cumulative; the last one is the bucket without an upper bound.
ClientMetric histogram(const std::vector<std::uint64_t>& counts, const std::vector<double>& bounds, double sum,
                       Labels labels) {
  ClientMetric m;
  m.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    ClientMetric::Bucket b;
    b.cumulative_count = cumulative;
    b.upper_bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    m.histogram.bucket.push_back(b);
  }
  m.histogram.sample_count = cumulative;
  m.histogram.sample_sum = sum;
  return m;
}

double as_double(std::uint64_t n) { return static_cast<double>(n); }

}  // namespace

void RouteCounters::observe_score(float score) noexcept {
  std::size_t bucket = 0;
  while (bucket < kScoreBounds.size() && static_cast<double>(score) > kScoreBounds[bucket]) ++bucket;
  scores[bucket].fetch_add(1, std::memory_order_relaxed);
  score_sum.fetch_add(static_cast<double>(score), std::memory_order_relaxed);
}

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

WorkerCounters& Metrics::add_worker() {
  const std::lock_guard lock(mutex_);
  return *workers_.emplace_back(std::make_unique<WorkerCounters>());
}

RouteCounters& Metrics::route(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto known = routes_by_name_.find(name);
  if (known != routes_by_name_.end()) return *known->second;
  const std::string label = routes_by_name_.size() < core::kMaxRouteLabels ? name : kOtherLabel;
  auto& slot = routes_by_name_[label];
  if (slot == nullptr) slot = std::make_unique<RouteCounters>();
  return *slot;
}

TargetCounters& Metrics::target(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& slot = targets_by_name_[name];
  if (slot == nullptr) slot = std::make_unique<TargetCounters>();
  return *slot;
}

Metrics::Totals Metrics::totals() const {
  const std::lock_guard lock(mutex_);
  Totals t;
  for (const auto& w : workers_) {
    t.connections_open += w->connections_open.value();
    t.connections_total += w->connections_total.value();
    t.requests += w->requests.value();
    t.errors += w->errors.value();
    t.in_flight += w->in_flight.value();
    t.cut_off += w->cut_off.value();
    t.timed_out += w->timed_out.value();
    t.output_overflow += w->output_overflow.value();
  }
  return t;
}

void Metrics::for_each_target(const std::function<void(const std::string&, const TargetCounters&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, counters] : targets_by_name_) visit(name, *counters);
}

// Turns the counters into metric families, one method a topic.
class Metrics::Collector {
 public:
  explicit Collector(const Metrics& metrics) : m_(metrics) {}

  std::vector<MetricFamily> collect() {
    add_routes();
    add_stages();
    add_targets();
    add_state();
    add_process();
    return std::move(families_);
  }

 private:
  void add_routes() {
    auto decisions =
        family("semrouted_decisions_total", "Decisions by route, decision and reason.", MetricType::Counter);
    auto scores = family("semrouted_score", "Scores of served routes.", MetricType::Histogram);
    const auto add = [&](const std::string& name, const RouteCounters& c) {
      for (std::size_t d = 0; d < kDecisionKinds; ++d) {
        for (std::size_t r = 0; r < kReasons; ++r) {
          const auto n = c.decisions[d][r].load(std::memory_order_relaxed);
          if (n == 0) continue;
          add_value(decisions, as_double(n),
                    {{"route", name},
                     {"decision", std::string(to_string(static_cast<DecisionKind>(d)))},
                     {"reason", std::string(to_string(static_cast<Reason>(r)))}});
        }
      }
      std::vector<std::uint64_t> counts;
      for (const auto& b : c.scores) counts.push_back(b.load(std::memory_order_relaxed));
      if (std::all_of(counts.begin(), counts.end(), [](auto n) { return n == 0; })) return;
      scores.metric.push_back(histogram(counts, {kScoreBounds.begin(), kScoreBounds.end()},
                                        c.score_sum.load(std::memory_order_relaxed), {{"route", name}}));
    };
    const std::lock_guard lock(m_.mutex_);
    add("", m_.no_route_);
    for (const auto& [name, counters] : m_.routes_by_name_) add(name, *counters);
    families_.push_back(std::move(decisions));
    families_.push_back(std::move(scores));
  }

  void add_stages() {
    auto stages = family("semrouted_stage_seconds", "Time per stage of a request.", MetricType::Histogram);
    std::vector<double> bounds;
    for (const auto ns : kStageBoundsNs) bounds.push_back(static_cast<double>(ns) * 1e-9);
    const std::lock_guard lock(m_.mutex_);
    for (std::size_t s = 0; s < kStageCount; ++s) {
      std::vector<std::uint64_t> counts(kStageBoundsNs.size() + 1, 0);
      double sum = 0.0;
      for (const auto& w : m_.workers_) {
        for (std::size_t b = 0; b < counts.size(); ++b) counts[b] += w->stages[s].bucket(b);
        sum += static_cast<double>(w->stages[s].sum_ns()) * 1e-9;
      }
      stages.metric.push_back(histogram(counts, bounds, sum, {{"stage", kStageNames[s]}}));
    }
    families_.push_back(std::move(stages));
  }

  void add_targets() {
    auto dispatch = family("semrouted_dispatch_total", "Dispatches by target and outcome.", MetricType::Counter);
    auto in_flight = family("semrouted_dispatch_in_flight", "Dispatches waiting for their target.", MetricType::Gauge);
    m_.for_each_target([&](const std::string& name, const TargetCounters& c) {
      for (std::size_t o = 0; o < kOutcomes; ++o) {
        const auto n = c.outcomes[o].load(std::memory_order_relaxed);
        if (n == 0) continue;
        const auto outcome = o == 0 ? std::string("ok") : std::string(core::to_string(static_cast<core::ErrorCode>(o)));
        add_value(dispatch, as_double(n), {{"target", name}, {"outcome", outcome}});
      }
      add_value(in_flight, as_double(c.in_flight.load(std::memory_order_relaxed)), {{"target", name}});
    });
    families_.push_back(std::move(dispatch));
    families_.push_back(std::move(in_flight));
    const TargetsStats stats = m_.target_stats ? m_.target_stats() : TargetsStats{};
    add_target_states(stats);
    add_endpoints(stats);
  }

  void add_target_states(const TargetsStats& stats) {
    auto available = family("semrouted_target_available",
                            "1 when the target takes requests, 0 when its endpoints are "
                            "all down or its breaker is open.",
                            MetricType::Gauge);
    auto pending = family("semrouted_target_pending", "Requests that wait for a connection or a process of the target.",
                          MetricType::Gauge);
    for (const auto& [name, target] : stats) {
      add_value(available, target.state == "healthy" ? 1.0 : 0.0, {{"target", name}});
      add_value(pending, as_double(target.pending), {{"target", name}});
    }
    families_.push_back(std::move(available));
    families_.push_back(std::move(pending));
  }

  void add_endpoints(const TargetsStats& stats) {
    auto healthy = family("semrouted_endpoint_healthy", "1 when the endpoint is used, else 0.", MetricType::Gauge);
    auto in_flight = family("semrouted_endpoint_in_flight", "Tries under way.", MetricType::Gauge);
    auto requests = family("semrouted_endpoint_requests_total", "Tries that were sent.", MetricType::Counter);
    auto retries =
        family("semrouted_endpoint_retries_total", "Of these, not the first of their request.", MetricType::Counter);
    auto failures = family("semrouted_endpoint_failures_total", "Tries that failed, by kind.", MetricType::Counter);
    auto latency = family("semrouted_endpoint_latency_seconds", "Time until a whole reply, quantiles since the start.",
                          MetricType::Gauge);
    for (const auto& [name, target] : stats) {
      for (const plugins::EndpointStats& endpoint : target.endpoints) {
        const auto labels = [&endpoint, &target_name = name](const Labels& more = {}) {
          Labels all{{"target", target_name}, {"endpoint", endpoint.address}};
          all.insert(all.end(), more.begin(), more.end());
          return all;
        };
        add_value(healthy, is_in_use(endpoint.state) ? 1.0 : 0.0, labels());
        add_value(in_flight, as_double(endpoint.in_flight), labels());
        add_value(requests, as_double(endpoint.requests), labels());
        add_value(retries, as_double(endpoint.retries), labels());
        for (const auto& [kind, count] : endpoint.failures)
          add_value(failures, as_double(count), labels({{"kind", std::string(kind)}}));
        for (const auto& [quantile, us] :
             {std::pair{"0.5", endpoint.p50_us}, std::pair{"0.9", endpoint.p90_us}, std::pair{"0.99", endpoint.p99_us}})
          add_value(latency, as_double(us) * 1e-6, labels({{"quantile", quantile}}));
      }
    }
    for (MetricFamily* one : {&healthy, &in_flight, &requests, &retries, &failures, &latency})
      families_.push_back(std::move(*one));
  }

  void add_state() {
    const auto t = m_.totals();
    const auto gauge = [&](const char* name, const char* help, double v) {
      families_.push_back(single(name, help, MetricType::Gauge, v));
    };
    const auto counter = [&](const char* name, const char* help, double v) {
      families_.push_back(single(name, help, MetricType::Counter, v));
    };
    gauge("semrouted_connections", "Open client connections.", as_double(t.connections_open));
    counter("semrouted_connections_total", "Client connections accepted.", as_double(t.connections_total));
    counter("semrouted_connections_refused_total", "Client connections refused at a limit.",
            as_double(m_.connections_refused));
    counter("semrouted_requests_total", "Requests, well-formed or not.", as_double(t.requests));
    counter("semrouted_errors_total", "Requests answered with an error.", as_double(t.errors));
    gauge("semrouted_in_flight", "Requests whose reply is still to come.", as_double(t.in_flight));
    counter("semrouted_cut_off_total", "Connections that ended inside a request.", as_double(t.cut_off));
    counter("semrouted_timed_out_total", "Connections closed by a time-out.", as_double(t.timed_out));
    counter("semrouted_output_overflow_total", "Connections closed because the client did not read.",
            as_double(t.output_overflow));
    gauge("semrouted_references", "References of the routes that are served.", as_double(m_.references));
    gauge("semrouted_negatives", "Negatives of the routes that are served.", as_double(m_.negatives));
    add_index_bytes();
    add_store();
    gauge("semrouted_routes", "Routes in the table.", as_double(m_.routes));
    gauge("semrouted_parked_routes", "Run-time routes that are kept but not served.", as_double(m_.parked_routes));
    gauge("semrouted_revision", "Revision of the route table.", as_double(m_.revision));
    gauge("semrouted_reload_success", "1 when the last reload was applied, else 0.", m_.reload_success ? 1.0 : 0.0);
    counter("semrouted_decision_log_dropped_total", "Decision log lines dropped.",
            m_.decision_log_dropped ? as_double(m_.decision_log_dropped()) : 0.0);
    auto build = family("semrouted_build_info", "Version of this daemon; always 1.", MetricType::Gauge);
    add_value(build, 1.0, {{"version", SEMROUTE_VERSION}});
    families_.push_back(std::move(build));
  }

  void add_index_bytes() {
    const core::IndexBytes bytes = m_.index_bytes ? m_.index_bytes() : core::IndexBytes{};
    auto index = family("semrouted_index_bytes", "Memory of the index, by part.", MetricType::Gauge);
    for (const auto& [part, count] :
         {std::pair{"vectors", bytes.vectors}, std::pair{"codes", bytes.codes}, std::pair{"graph", bytes.graph},
          std::pair{"ids", bytes.ids}, std::pair{"other", bytes.other}})
      add_value(index, as_double(count), {{"part", part}});
    families_.push_back(std::move(index));
  }

  void add_store() {
    const Metrics::StoreUse use = m_.store ? m_.store() : Metrics::StoreUse{};
    auto bytes = family("semrouted_store_bytes", "What data_dir holds, by part.", MetricType::Gauge);
    for (const auto& [part, count] :
         {std::pair{"live", use.live_bytes}, std::pair{"log", use.log_bytes}, std::pair{"disk", use.disk_bytes}})
      add_value(bytes, as_double(count), {{"part", part}});
    families_.push_back(std::move(bytes));
    families_.push_back(single("semrouted_store_writable", "1 when changes of routes are kept in data_dir, else 0.",
                               MetricType::Gauge, m_.store && use.read_only.empty() ? 1.0 : 0.0));
  }

  void add_process() {
    const ProcessUsage u = read_process_usage();
    const auto gauge = [&](const char* name, const char* help, double v) {
      families_.push_back(single(name, help, MetricType::Gauge, v));
    };
    families_.push_back(
        single("process_cpu_seconds_total", "User and system CPU time.", MetricType::Counter, u.cpu_seconds));
    gauge("process_resident_memory_bytes", "Resident memory.", as_double(u.resident_bytes));
    gauge("process_virtual_memory_bytes", "Virtual memory.", as_double(u.virtual_bytes));
    gauge("process_open_fds", "Open file descriptors.", as_double(u.open_fds));
    gauge("process_max_fds", "Most file descriptors allowed.", as_double(u.max_fds));
    gauge("process_start_time_seconds", "Start time since the epoch.", u.start_time_seconds);
  }

  const Metrics& m_;
  std::vector<MetricFamily> families_;
};

std::string Metrics::expose() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, Collector(*this).collect());
  return out.str();
}

}  // namespace semroute::router

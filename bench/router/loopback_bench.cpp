// bench_loopback: `match` through the real daemon on loopback, one worker, beside the same decision called in
// process. bench/README.md says how to read it.
//
// The daemon and the calls in process run on one processor, the client on another. All take turns within each round,
// and the medians over the rounds count, because other work on the machine moves single turns.
#include <sysexits.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/router/pipelined_client.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "config/load.h"
#include "core/index/vector_rules.h"
#include "core/kernels/kernels.h"
#include "plugins/registry.h"
#include "router/decide/decide.h"
#include "router/protocol/client_codec.h"
#include "router/routes/table_writer.h"
#include "router/tool/json_text.h"
#include "router/tool/wire.h"
#include "tests/support/daemon_process.h"
#include "tests/support/synthetic_set.h"

namespace semroute::bench {
namespace {

using Clock = std::chrono::steady_clock;
using router::tool::Wire;

constexpr std::size_t kDimension = 384;
constexpr std::size_t kTop = 10;
constexpr double kTarget = 0.6;  // binary with pipelining, at least this share of the rate in process
constexpr std::size_t kRoundTrips = 1'000;

struct Settings {
  std::size_t rounds = 15;
  std::size_t depth = 64;
  std::size_t references = 20;  // a route
  std::chrono::milliseconds turn{200};
  std::string only;  // of the loads: those whose name holds it
  std::size_t daemon_cpu = 0;
  std::size_t client_cpu = 1;
  std::string out;
};

test::SyntheticSet make_set(std::size_t references) {
  return test::make_synthetic_set({.dimension = kDimension,
                                   .families = 10,
                                   .routes_per_family = 5,
                                   .references_per_route = references,
                                   .requests_per_route = 4,
                                   .out_of_scope = 56,
                                   .seed = 11});
}

// `listen` and `admin` are DaemonProcess's.
std::string configuration(const test::TemporaryFolder& folder) {
  return "workers: 1\nindex: {dimension: " + std::to_string(kDimension) +
         "}\n"
         "decision: {aggregation: mean_top, top_m: 3, score_threshold: 0.45}\n"
         "route_sets:\n  - {vectors: " +
         folder.path() + "/references.npy, labels: " + folder.path() + "/references.txt}\n";
}

// The table and the requests, and what is decided without the daemon.
class InProcess {
 public:
  InProcess(std::shared_ptr<const router::RoutingState> state, const std::vector<float>& requests)
      : state_(std::move(state)), count_(requests.size() / kDimension), prepared_(requests.size()) {
    for (std::size_t i = 0; i < count_; ++i) {
      const auto good = core::prepare_vector(core::Metric::cosine, kDimension,
                                             std::span(requests).subspan(i * kDimension, kDimension),
                                             std::span(prepared_).subspan(i * kDimension, kDimension));
      SEMROUTE_CHECK(good.ok());
    }
  }

  const router::Decision& decide(std::size_t request) {
    router::DecideRequest wanted;
    wanted.embedding = prepared(request);
    router::decide(*state_, wanted, scratch_, decision_);
    return decision_;
  }
  void search(std::size_t request) {
    core::Hit hits[kTop];
    keep(state_->index->search(prepared(request), kTop, hits));
    keep(hits);
  }
  [[nodiscard]] std::string route_name(std::size_t route) const { return state_->table.routes()[route].name; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const router::RoutingState& state() const { return *state_; }

 private:
  [[nodiscard]] std::span<const float> prepared(std::size_t request) const {
    return std::span(prepared_).subspan(request * kDimension, kDimension);
  }
  std::shared_ptr<const router::RoutingState> state_;
  std::size_t count_;
  std::vector<float> prepared_;
  router::DecideScratch scratch_;
  router::Decision decision_;
};

// How the daemon's answer to one request reads, whatever wire it came by.
struct Answer {
  std::string decision;
  std::string reason;
  std::string route;
  float score = 0.0F;  // of the best match, served or not
  std::string best;

  friend bool operator==(const Answer&, const Answer&) = default;
};

Answer answer_of(InProcess& calls, std::size_t request) {
  const router::Decision& decision = calls.decide(request);
  return {std::string(router::to_string(decision.kind)), std::string(router::to_string(decision.reason)),
          decision.route ? calls.route_name(*decision.route) : "", decision.best->score,
          calls.route_name(decision.best->route)};
}

Answer read_answer(Wire wire, const std::string& reply) {
  Answer answer;
  if (wire == Wire::binary) {
    const auto read = router::decode_reply(reply);
    if (!read || read->results.empty() || read->results.front().matches.empty()) return answer;
    const auto& result = read->results.front();
    return {std::string(router::to_string(result.decision)), std::string(router::to_string(result.reason)),
            result.route, result.matches.front().score, result.matches.front().route};
  }
  const auto read = router::tool::parse_json(reply);
  const auto* matches = read ? read->find("matches") : nullptr;
  if (matches == nullptr || matches->list() == nullptr || matches->list()->empty()) return answer;
  const auto& best = matches->list()->front();
  return {router::tool::text_of(*read, "decision").value_or(""), router::tool::text_of(*read, "reason").value_or(""),
          router::tool::text_of(*read, "route").value_or(""),
          static_cast<float>(router::tool::number_of(best, "score").value_or(0.0)),
          router::tool::text_of(best, "route").value_or("")};
}

enum class Form : std::uint8_t { binary, json_base64, json_array };

Script make_script(Form form, const std::vector<float>& requests) {
  Script script;
  script.wire = form == Form::binary ? Wire::binary : Wire::json;
  for (std::size_t i = 0; i < requests.size() / kDimension; ++i) {
    const auto row = std::span(requests).subspan(i * kDimension, kDimension);
    const std::string id = std::to_string(i + 1);
    if (form == Form::json_base64) {
      script.bytes += R"({"id":)" + id + R"(,"op":"match","embedding":")" + router::tool::base64_of(row) + "\"}\n";
    } else {
      std::string request = router::tool::encode_request(script.wire, router::Op::match, row, kDimension);
      if (form == Form::binary) {
        router::tool::set_frame_id(std::span(request), static_cast<std::uint32_t>(i + 1));
        script.bytes += request;
      } else {
        script.bytes += R"({"id":)" + id + "," + request.substr(1) + "\n";
      }
    }
    script.ends.push_back(script.bytes.size());
  }
  return script;
}

// Every request once: the daemon must decide as we do in process. Then each later reply must say the same.
void learn_decisions(std::uint16_t port, Script& script, InProcess& calls) {
  const auto replies = PipelinedClient(port, script, 1, 1).ask_all();
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (read_answer(script.wire, replies[i]) != answer_of(calls, i)) {
      std::fprintf(stderr, "bench_loopback: request %zu is decided differently in process: %s\n", i + 1,
                   replies[i].c_str());
      std::exit(70);
    }
    script.decisions.emplace_back(decision_part(script.wire, replies[i]));
  }
}

// What one turn gave.
struct Figures {
  double per_second = 0.0;
  double processor_us = 0.0;  // a call; a request, of the daemon
};

// One row of the table, by round.
struct Row {
  std::string name;
  std::vector<double> per_second{};
  std::vector<double> ratio{};  // to decide() in process, of the same round
  std::vector<double> processor_us{};

  void add(const Figures& figures, const Figures& decide) {
    per_second.push_back(figures.per_second);
    ratio.push_back(figures.per_second / decide.per_second);
    processor_us.push_back(figures.processor_us);
  }
};

Figures measure_calls(std::chrono::milliseconds turn, std::size_t count, const std::function<void(std::size_t)>& call) {
  const Stopwatch processor;
  const auto begin = Clock::now();
  std::size_t calls = 0;
  auto now = begin;
  while (now < begin + turn) {
    for (std::size_t i = 0; i < count; ++i) call(i);
    calls += count;
    now = Clock::now();
  }
  const double all = static_cast<double>(calls);
  return {all / std::chrono::duration<double>(now - begin).count(), processor.elapsed_us() / all};
}

// A way of asking the daemon.
struct Load {
  const Script* script;
  std::size_t connections;
  std::size_t depth;
  Row row;
};

Figures measure_load(const Settings& settings, const test::DaemonProcess& daemon, const Load& load) {
  PipelinedClient client(daemon.port(), *load.script, load.connections, load.depth);
  const double before = process_cpu_us(daemon.pid());
  const auto turn = client.run(settings.turn);
  const double used = process_cpu_us(daemon.pid()) - before;
  const double replies = static_cast<double>(turn.replies);
  return {replies / turn.seconds, used / replies};
}

struct Latency {
  std::string name;
  const Script* script;
  std::vector<double> p50{};
  std::vector<double> p99{};
};

void measure_latency(std::uint16_t port, Latency& latency) {
  std::vector<double> times = PipelinedClient(port, *latency.script, 1, 1).round_trips_us(kRoundTrips);
  std::sort(times.begin(), times.end());
  latency.p50.push_back(times[times.size() / 2]);
  latency.p99.push_back(times[times.size() * 99 / 100]);
}

// Everything that takes turns.
struct Contest {
  Row decide{"decide"};
  Row search{"index search for " + std::to_string(kTop)};
  std::vector<Load> loads;  // the first is the one that has a target
  std::vector<Latency> latencies;
};

Contest make_contest(const Settings& settings, const Script& binary, const Script& base64, const Script& array) {
  const std::size_t quarter = std::max<std::size_t>(1, settings.depth / 4);
  const std::string one = " 1 connection x " + std::to_string(settings.depth);
  Contest contest;
  contest.loads = {{&binary, 1, settings.depth, {"binary" + one}},
                   {&binary, 4, quarter, {"binary 4 connections x " + std::to_string(quarter)}},
                   {&base64, 1, settings.depth, {"json_base64" + one}},
                   {&array, 1, settings.depth, {"json_array" + one}}};
  std::erase_if(contest.loads,
                [&](const Load& load) { return load.row.name.find(settings.only) == std::string::npos; });
  if (settings.only.empty())
    contest.latencies = {{"binary", &binary}, {"json_base64", &base64}, {"json_array", &array}};
  return contest;
}

void measure_round(const Settings& settings, std::size_t round, InProcess& calls, const test::DaemonProcess& daemon,
                   Contest& contest) {
  const auto called = [&](const std::function<void(std::size_t)>& call) {
    return measure_calls(settings.turn, calls.count(), call);
  };
  run_on(settings.daemon_cpu);
  const Figures decide = called([&](std::size_t i) { keep(calls.decide(i)); });
  contest.decide.add(decide, decide);
  contest.search.add(called([&](std::size_t i) { calls.search(i); }), decide);
  run_on(settings.client_cpu);
  for (std::size_t turn = 0; turn < contest.loads.size(); ++turn) {
    Load& load = contest.loads[(round + turn) % contest.loads.size()];
    load.row.add(measure_load(settings, daemon, load), decide);
  }
  for (Latency& latency : contest.latencies) measure_latency(daemon.port(), latency);
}

void publish(const Contest& contest, const std::string& title, const std::string& out) {
  Table rates(title, {"what", "where", "per_s", "of_decide", "us", "processor_us"});
  const auto add = [&](const Row& row, const char* where) {
    const double rate = median(row.per_second);
    rates.add({row.name, where, fixed(rate, 0), fixed(median(row.ratio), 2), fixed(1e6 / rate, 2),
               fixed(median(row.processor_us), 2)});
  };
  add(contest.decide, "in_process");
  add(contest.search, "in_process");
  for (const Load& load : contest.loads) add(load.row, "loopback");
  rates.publish(out, "loopback");
  if (contest.latencies.empty()) return;
  Table times("One at a time", {"what", "p50_us", "p99_us"});
  for (const Latency& latency : contest.latencies)
    times.add({latency.name, fixed(median(latency.p50), 1), fixed(median(latency.p99), 0)});
  times.publish(out, "loopback_latency");
}

std::shared_ptr<const router::RoutingState> load_state(const test::TemporaryFolder& folder) {
  folder.write("in_process.yaml", configuration(folder));
  const auto loaded = config::load_config(folder.path() + "/in_process.yaml", plugins::check_target);
  for (const auto& problem : loaded.problems) std::fprintf(stderr, "%s\n", config::to_string(problem).c_str());
  if (!loaded.config) std::exit(78);
  auto state = router::build_routing_state(*loaded.config);
  SEMROUTE_CHECK(state.ok());
  return std::move(state).value();
}

int run(const Settings& settings) {
  const test::SyntheticSet set = make_set(settings.references);
  const test::TemporaryFolder folder;
  test::write_npy(folder.path() + "/references.npy", set.references.values, kDimension);
  test::write_labels(folder.path() + "/references.txt", set.references.labels);
  InProcess calls(load_state(folder), set.requests.values);
  run_on(settings.daemon_cpu);
  const test::DaemonProcess daemon(configuration(folder));
  Script binary = make_script(Form::binary, set.requests.values);
  Script base64 = make_script(Form::json_base64, set.requests.values);
  Script array = make_script(Form::json_array, set.requests.values);
  for (Script* script : {&binary, &base64, &array}) learn_decisions(daemon.port(), *script, calls);

  Contest contest = make_contest(settings, binary, base64, array);
  for (std::size_t round = 0; round < settings.rounds; ++round) measure_round(settings, round, calls, daemon, contest);

  publish(contest,
          "match: " + std::to_string(calls.state().index->count()) + " x " + std::to_string(kDimension) + " in " +
              std::to_string(calls.state().table.routes().size()) + " routes, mean_top of 3, cosine, " +
              std::string(core::active_kernels().name) + "; median of " + std::to_string(settings.rounds) + " rounds",
          settings.out);
  if (!settings.only.empty()) return 0;
  const Row& binary_row = contest.loads.front().row;
  const double ratio = median(binary_row.ratio);
  const double to_search = median_ratio(binary_row.per_second, contest.search.per_second);
  std::printf("binary with pipelining: %.2f of the rate of decide in process (%.2f of index search), target %.2f: %s\n",
              ratio, to_search, kTarget, ratio >= kTarget ? "met" : "MISSED");
  return ratio >= kTarget ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "`match` through the daemon, beside the same decision called in process.");
  Settings settings;
  settings.rounds = options.number("rounds", settings.rounds, "the median of so many counts");
  settings.depth = options.number("depth", settings.depth, "requests on their way");
  settings.references = options.number("references", settings.references, "a route, of 50");
  settings.turn = std::chrono::milliseconds(options.number("turn-ms", 200, "how long each load runs in a round"));
  const std::vector<std::string> processors =
      split(options.text("processors", "0,1", "those of the daemon and of the client"), ',');
  settings.only = options.text("only", "", "only the loads whose name holds this, and no verdict");
  settings.out = options.text("out", "", "folder for CSV files");
  options.finish();
  const auto read = [](const std::string& text, std::size_t& processor) {
    return std::from_chars(text.data(), text.data() + text.size(), processor).ptr == text.data() + text.size();
  };
  if (processors.size() != 2 || !read(processors[0], settings.daemon_cpu) || !read(processors[1], settings.client_cpu))
    stop(EX_USAGE, "--processors takes two numbers, as in 0,1");
  return run(settings);
}

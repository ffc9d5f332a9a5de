// bench_failover: one of three endpoints of an http target is killed under load and comes back, through the real
// daemon: failed requests, and how long it takes. bench/README.md says how to read it.
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "router/tool/json_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/steady_load.h"
#include "tests/support/three_endpoints.h"

namespace semroute::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr double kEjectionTargetMs = 1'000.0;
constexpr std::size_t kHealthyAfter = 2;
constexpr std::chrono::seconds kPatience{60};

struct Settings {
  std::size_t rounds = 5;
  std::size_t workers = 2;
  std::size_t connections = 16;
  std::size_t window = 4;
  milliseconds interval{200};
  milliseconds warm{1'000};
  std::string out;
};

struct Line {
  const char* name;
  const char* keys;
  std::uint64_t requests = 0;
  std::uint64_t most_failed = 0;  // of one round
  std::vector<double> out_ms{};
  std::vector<double> back_ms{};
};

// What the daemon says of the third endpoint.
class Watch {
 public:
  explicit Watch(std::uint16_t port) : client_(port) {}

  // Milliseconds from `since` until it is in, or is not.
  double until(bool is_in, Clock::time_point since) {
    for (;;) {
      if ((state() == "healthy") == is_in)
        return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
      if (Clock::now() - since > kPatience) stop(EX_SOFTWARE, is_in ? "it never comes back" : "it is never ejected");
    }
  }

 private:
  std::string state() {
    const auto stats = router::tool::parse_json(client_.ask(R"({"id":1,"op":"stats"})"));
    const config::Value* found = stats.ok() ? stats->find("targets") : nullptr;
    if (found != nullptr) found = found->find("service");
    if (found != nullptr) found = found->find("endpoints");
    if (found == nullptr || found->list() == nullptr || found->list()->size() != 3)
      stop(EX_SOFTWARE, "stats tell of no three endpoints");
    return router::tool::text_of(found->list()->back(), "state").value_or("");
  }

  test::RawClient client_;
};

void measure(const Settings& settings, Line& line) {
  test::ThreeEndpoints endpoints;
  const std::string health = "    health: {path: /healthz, interval: " + std::to_string(settings.interval.count()) +
                             "ms, healthy_after: " + std::to_string(kHealthyAfter) + "}\n";
  const test::DaemonProcess daemon(
      endpoints.configuration(settings.workers, health + "    ejection: {base_time: 1h}\n" + line.keys));
  test::SteadyLoad load(daemon.port(), R"("embedding":[1,0],"payload":{"n":1})", settings.connections, settings.window);
  Watch watch(daemon.port());
  std::this_thread::sleep_for(settings.warm);
  const auto killed = Clock::now();
  endpoints.kill_third();
  line.out_ms.push_back(watch.until(false, killed));
  std::this_thread::sleep_for(settings.warm);
  endpoints.bring_third_back();
  line.back_ms.push_back(watch.until(true, Clock::now()));
  std::this_thread::sleep_for(settings.warm);
  load.stop();
  std::uint64_t failed = 0;
  for (const auto& [word, count] : load.outcomes()) {
    line.requests += count;
    if (word != "ok") failed += count;
  }
  line.most_failed = std::max(line.most_failed, failed);
}

bool judge(const char* what, double found, double target, const char* unit) {
  const bool is_met = found <= target;
  std::printf("%s: %.0f%s, target at most %.0f%s: %s\n", what, found, unit, target, unit, is_met ? "met" : "MISSED");
  return is_met;
}

int run(const Settings& settings) {
  Line idempotent{
      "idempotent",
      "    idempotent: true\n    retry_on: [connect_failure, reset_before_request, reset]\n    retries: 2\n"};
  Line other{"not idempotent", ""};
  for (std::size_t round = 0; round < settings.rounds; ++round)
    for (Line* line : {&idempotent, &other}) {
      progress(std::string(line->name) + ", round " + std::to_string(round + 1));
      measure(settings, *line);
    }
  const std::size_t in_flight = settings.connections * settings.window;
  Table table("One of three endpoints is killed under load (" + std::to_string(settings.connections) +
                  " connections x " + std::to_string(settings.window) + " requests, " +
                  std::to_string(settings.workers) + " workers) and comes back; checked every " +
                  std::to_string(settings.interval.count()) + " ms; " + std::to_string(settings.rounds) + " rounds",
              {"target", "requests", "most_failed", "out_p50_ms", "out_max_ms", "back_p50_ms", "back_max_ms"});
  const auto most = [](const std::vector<double>& values) { return *std::ranges::max_element(values); };
  for (const Line* line : {&idempotent, &other})
    table.add({line->name, std::to_string(line->requests), std::to_string(line->most_failed),
               fixed(median(line->out_ms), 1), fixed(most(line->out_ms), 1), fixed(median(line->back_ms), 1),
               fixed(most(line->back_ms), 1)});
  table.publish(settings.out, "failover");
  const double back = static_cast<double>(settings.interval.count()) * (kHealthyAfter + 1);
  bool is_good = judge("failed of an idempotent target", static_cast<double>(idempotent.most_failed), 0.0, "");
  is_good = judge("failed of another (those in flight)", static_cast<double>(other.most_failed),
                  static_cast<double>(in_flight), "") &&
            is_good;
  is_good = judge("ejected after", std::max(most(idempotent.out_ms), most(other.out_ms)), kEjectionTargetMs, " ms") &&
            is_good;
  is_good = judge("back after", std::max(most(idempotent.back_ms), most(other.back_ms)), back, " ms") && is_good;
  return is_good ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(
      argc, argv,
      "One of three endpoints is killed under load and comes back. Exit code 1: a request failed that should "
      "not have, or it took too long.");
  Settings settings;
  settings.rounds = options.number("rounds", settings.rounds, "of each kind of target");
  settings.workers = options.number("workers", settings.workers, "of the daemon");
  settings.connections = options.number("connections", settings.connections, "of the clients");
  settings.window = options.number("window", settings.window, "requests on their way on each of them");
  settings.interval = milliseconds(options.number("interval-ms", 200, "between two health checks"));
  settings.warm = milliseconds(options.number("turn-ms", 1'000, "of load before, between and after"));
  settings.out = options.text("out", "", "folder for CSV files");
  options.finish();
  try {
    return run(settings);
  } catch (const std::exception& e) {
    stop(EX_SOFTWARE, e.what());
  }
}

// bench_dispatch: `route` through the daemon to an http target, beside HAProxy before the same nginx.
// bench/README.md says how to read it.
//
// The daemon, HAProxy and nginx run on one processor, one of them at work at a time but nginx; the client on another.
// Both proxies take turns within each round, and the medians over the rounds count.
#include <sched.h>
#include <sysexits.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/router/closed_loop.h"
#include "bench/router/pipelined_client.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "router/protocol/client_codec.h"
#include "tests/support/daemon_process.h"
#include "tests/support/peer_program.h"
#include "tests/support/synthetic_set.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kDimension = 128;
constexpr std::size_t kReferences = 50;
constexpr double kCpuTarget = 1.4;      // processor time of a request, of HAProxy's
constexpr double kLatencyTarget = 1.5;  // what is added to a round trip, of what HAProxy adds
constexpr std::size_t kRoundTrips = 2'000;

struct Settings {
  std::size_t rounds = 9;
  std::size_t connections = 16;
  std::size_t payload = 256;
  std::chrono::milliseconds turn{500};
  std::size_t server_cpu = 0;
  std::size_t client_cpu = 1;
  std::string out;
};

void run_on(std::size_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) == 0) return;
  stop(EX_USAGE, "there is no processor " + std::to_string(cpu) + " to run on");
}

std::string http_request(const std::string& path, const std::string& payload) {
  return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(payload.size()) + "\r\n\r\n" + payload;
}

// One dialogue in several places.
struct Contestant {
  Dialogue dialogue;
  pid_t pid = -1;  // of the proxy; none: directly
  std::vector<double> per_second{};
  std::vector<double> cpu_us{};
  std::vector<double> p50_us{};
  std::vector<double> p99_us{};
};

void measure(const Settings& settings, Contestant& contestant) {
  ClosedLoop client(contestant.dialogue, settings.connections);
  client.run(std::chrono::milliseconds(50));  // connections behind the proxy are open from here on
  const double before = contestant.pid < 0 ? 0.0 : process_cpu_us(contestant.pid);
  const auto turn = client.run(settings.turn);
  const double used = contestant.pid < 0 ? 0.0 : process_cpu_us(contestant.pid) - before;
  contestant.per_second.push_back(static_cast<double>(turn.replies) / turn.seconds);
  contestant.cpu_us.push_back(used / static_cast<double>(turn.replies));
  ClosedLoop single(contestant.dialogue, 1);
  (void)single.round_trips_us(50);
  std::vector<double> times = single.round_trips_us(kRoundTrips);
  contestant.p50_us.push_back(quantile(times, 0.5));
  contestant.p99_us.push_back(quantile(times, 0.99));
}

std::string configuration(const test::TemporaryFolder& folder, std::uint16_t upstream) {
  return "workers: 1\nindex: {dimension: " + std::to_string(kDimension) +
         "}\ndecision: {score_threshold: 0.1}\ntargets:\n  - {name: up, kind: http, url: \"http://127.0.0.1:" +
         std::to_string(upstream) + "/answer\"}\nroute_sets:\n  - {vectors: " + folder.path() +
         "/references.npy, labels: " + folder.path() + "/references.txt, target: up}\n";
}

std::string route_frame(std::span<const float> values, const std::string& payload) {
  std::string frame;
  router::encode_client_frame({.op = router::Op::route, .values = values, .payload = payload}, frame);
  return frame;
}

bool is_dispatched(std::string_view reply, std::string_view body) { return reply.find(body) != std::string_view::npos; }

void publish(const std::vector<Contestant>& all, const Settings& settings) {
  Table table("route to nginx, " + std::to_string(kReferences) + " x " + std::to_string(kDimension) +
                  " references, payload " + std::to_string(settings.payload) + " B, " +
                  std::to_string(settings.connections) + " connections; median of " + std::to_string(settings.rounds) +
                  " rounds",
              {"through", "per_s", "processor_us", "single_p50_us", "single_p99_us", "added_p50_us"});
  for (const Contestant& one : all) {
    std::vector<double> added;
    for (std::size_t i = 0; i < one.p50_us.size(); ++i) added.push_back(one.p50_us[i] - all.front().p50_us[i]);
    table.add({one.dialogue.name, fixed(median(one.per_second), 0), one.pid < 0 ? "-" : fixed(median(one.cpu_us), 2),
               fixed(median(one.p50_us), 1), fixed(median(one.p99_us), 1),
               one.pid < 0 ? "-" : fixed(median(added), 1)});
  }
  table.publish(settings.out, "dispatch");
}

int verdict(const Contestant& direct, const Contestant& haproxy, const Contestant& daemon) {
  const double cpu = median_ratio(daemon.cpu_us, haproxy.cpu_us);
  std::vector<double> by_us;
  std::vector<double> by_haproxy;
  for (std::size_t i = 0; i < direct.p50_us.size(); ++i) {
    by_us.push_back(daemon.p50_us[i] - direct.p50_us[i]);
    by_haproxy.push_back(haproxy.p50_us[i] - direct.p50_us[i]);
  }
  const double latency = median_ratio(by_us, by_haproxy);
  std::printf("processor time of a request: %.2f of HAProxy's, target %.2f: %s\n", cpu, kCpuTarget,
              cpu <= kCpuTarget ? "met" : "MISSED");
  std::printf("added to a round trip: %.2f of what HAProxy adds, target %.2f: %s\n", latency, kLatencyTarget,
              latency <= kLatencyTarget ? "met" : "MISSED");
  return cpu <= kCpuTarget && latency <= kLatencyTarget ? 0 : 1;
}

int run(const Settings& settings) {
  const std::string body = R"({"answer":42,"text":")" + std::string(100, 'a') + "\"}";
  const std::string payload = R"({"text":")" + std::string(settings.payload - 11, 'x') + "\"}";
  const test::SyntheticSet set = test::make_synthetic_set({.dimension = kDimension,
                                                           .families = 5,
                                                           .routes_per_family = 2,
                                                           .references_per_route = kReferences / 10,
                                                           .requests_per_route = 1,
                                                           .out_of_scope = 0,
                                                           .seed = 11});
  const test::TemporaryFolder folder;
  test::write_npy(folder.path() + "/references.npy", set.references.values, kDimension);
  test::write_labels(folder.path() + "/references.txt", set.references.labels);

  run_on(settings.server_cpu);
  const test::PeerProgram upstream(
      test::nginx("location / { default_type application/json; return 200 '" + body + "'; }"));
  const test::PeerProgram proxy(test::haproxy("  server a 127.0.0.1:" + std::to_string(upstream.port())));
  const test::DaemonProcess daemon(configuration(folder, upstream.port()));
  run_on(settings.client_cpu);

  const auto is_right = [&body](std::string_view reply) { return is_dispatched(reply, body); };
  const std::string http = http_request("/answer", payload);
  const std::string frame = route_frame(std::span(set.requests.values).first(kDimension), payload);
  std::vector<Contestant> all;
  all.push_back({{"direct", upstream.port(), http, http_reply_bytes, is_right}});
  all.push_back({{"haproxy", proxy.port(), http, http_reply_bytes, is_right}, proxy.pid()});
  all.push_back({{"semrouted", daemon.port(), frame, frame_bytes, is_right}, daemon.pid()});
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    for (std::size_t turn = 0; turn < all.size(); ++turn) measure(settings, all[(round + turn) % all.size()]);
  }
  publish(all, settings);
  return verdict(all[0], all[1], all[2]);
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "`route` through the daemon to an http target, beside HAProxy before the same nginx.");
  Settings settings;
  settings.rounds = options.number("rounds", settings.rounds, "the median of so many counts");
  settings.connections = options.number("connections", settings.connections, "of the client, a request at a time each");
  settings.payload =
      std::max<std::size_t>(16, options.number("payload", settings.payload, "bytes of a request's body"));
  settings.turn = std::chrono::milliseconds(options.number("turn-ms", 500, "how long each runs in a round"));
  const std::vector<std::string> processors =
      split(options.text("processors", "0,1", "those of the servers and of the client"), ',');
  settings.out = options.text("out", "", "folder for CSV files");
  options.finish();
  const auto read = [](const std::string& text, std::size_t& processor) {
    return std::from_chars(text.data(), text.data() + text.size(), processor).ptr == text.data() + text.size();
  };
  if (processors.size() != 2 || !read(processors[0], settings.server_cpu) || !read(processors[1], settings.client_cpu))
    stop(EX_USAGE, "--processors takes two numbers, as in 0,1");
  return run(settings);
}

// bench_dispatch: `route` through an http target of the real daemon, beside HAProxy in front of the same nginx, and
// nginx asked directly. bench/README.md says how to read it.
//
// The proxies run on one processor, the client and nginx on another. All take turns within each round; ratios are
// medians over the rounds.
#include <sysexits.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/router/http_client.h"
#include "bench/router/pipelined_client.h"
#include "bench/router/proxy_peers.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "router/protocol/client_codec.h"
#include "router/tool/wire.h"
#include "tests/support/daemon_process.h"
#include "tests/support/synthetic_set.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kDimension = 128;
constexpr std::size_t kRoutes = 10;
constexpr std::size_t kReferences = 50;
constexpr std::size_t kRoundTrips = 1'000;
constexpr double kCostTarget = 1.4;     // of HAProxy's processor time a request
constexpr double kLatencyTarget = 1.5;  // of what HAProxy adds to the median

struct Settings {
  std::size_t rounds = 9;
  std::size_t connections = 32;
  std::size_t payload_bytes = 512;
  std::chrono::milliseconds turn{1'000};
  std::size_t proxy_cpu = 0;
  std::size_t client_cpu = 1;
  std::string out;
};

std::vector<float> unit_vectors() {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> rows(kReferences * kDimension);
  for (float& number : rows) number = normal(random);
  return rows;
}

std::string configuration(const test::TemporaryFolder& folder, std::uint16_t upstream) {
  return "workers: 1\nindex: {dimension: " + std::to_string(kDimension) +
         "}\n"
         "decision: {aggregation: max}\ntargets: [{name: upstream, kind: http, url: \"http://127.0.0.1:" +
         std::to_string(upstream) +
         "/echo\"}]\n"
         "route_sets:\n  - {vectors: " +
         folder.path() + "/references.npy, labels: " + folder.path() + "/references.txt, target: upstream}\n";
}

// A request for each reference, so that every one is matched.
Script make_script(const std::vector<float>& rows, const std::string& payload) {
  Script script;
  script.wire = router::tool::Wire::binary;
  for (std::size_t i = 0; i < kReferences; ++i) {
    router::encode_client_frame({.op = router::Op::route,
                                 .id = static_cast<std::uint32_t>(i + 1),
                                 .values = std::span(rows).subspan(i * kDimension, kDimension),
                                 .content_type = "application/json",
                                 .payload = payload},
                                script.bytes);
    script.ends.push_back(script.bytes.size());
  }
  return script;
}

// Every request once: each must be dispatched, and answered by the upstream. Later replies must say the same.
void learn_replies(std::uint16_t port, Script& script, const std::string& expected) {
  for (const std::string& reply : PipelinedClient(port, script, 1, 1).ask_all()) {
    const auto read = router::decode_reply(reply);
    if (!read.ok() || !read->dispatched || read->status != 200 || read->body != expected)
      stop(EX_SOFTWARE, "a request was not answered by the upstream: " + reply);
    script.decisions.emplace_back(decision_part(script.wire, reply));
  }
}

std::string post_of(const std::string& payload) {
  return "POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(payload.size()) + "\r\n\r\n" + payload;
}

// One way to the upstream, by round.
struct Way {
  std::string name;
  pid_t pid = 0;  // 0: nothing in between
  std::vector<double> per_second{};
  std::vector<double> processor_us{};  // a request
  std::vector<double> p50_us{};
};

template <class Client>
void measure(Way& way, Client& client, std::chrono::milliseconds turn) {
  const double before = way.pid == 0 ? 0.0 : process_cpu_us(way.pid);
  const auto done = client.run(turn);
  const double used = way.pid == 0 ? 0.0 : process_cpu_us(way.pid) - before;
  way.per_second.push_back(static_cast<double>(done.replies) / done.seconds);
  way.processor_us.push_back(used / static_cast<double>(done.replies));
}

int run(const Settings& settings) {
  const std::string answer = R"({"answer":42,"text":"about as long as a short answer"})";
  const std::string payload = R"({"text":")" + std::string(settings.payload_bytes, 'x') + "\"}";
  run_on(settings.client_cpu);
  const Nginx nginx(answer);
  run_on(settings.proxy_cpu);
  const HaProxy haproxy(nginx.port());
  const test::TemporaryFolder folder;
  const std::vector<float> rows = unit_vectors();
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < kReferences; ++i) labels.push_back("route" + std::to_string(i % kRoutes));
  test::write_npy(folder.path() + "/references.npy", rows, kDimension);
  test::write_labels(folder.path() + "/references.txt", labels);
  const test::DaemonProcess daemon(configuration(folder, nginx.port()));
  run_on(settings.client_cpu);

  Script script = make_script(rows, payload);
  learn_replies(daemon.port(), script, answer);
  Way direct{"nginx"};
  Way peer{"haproxy", haproxy.pid()};
  Way ours{"semrouted", daemon.pid()};
  HttpClient to_nginx(nginx.port(), post_of(payload), settings.connections);
  HttpClient to_haproxy(haproxy.port(), post_of(payload), settings.connections);
  PipelinedClient to_daemon(daemon.port(), script, settings.connections, 1);
  std::vector<double> added;
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    measure(direct, to_nginx, settings.turn);
    measure(peer, to_haproxy, settings.turn);
    measure(ours, to_daemon, settings.turn);
    direct.p50_us.push_back(median(to_nginx.round_trips_us(kRoundTrips)));
    peer.p50_us.push_back(median(to_haproxy.round_trips_us(kRoundTrips)));
    ours.p50_us.push_back(median(to_daemon.round_trips_us(kRoundTrips)));
    added.push_back((ours.p50_us.back() - direct.p50_us.back()) / (peer.p50_us.back() - direct.p50_us.back()));
  }

  Table table("A POST of " + std::to_string(payload.size()) + " bytes to nginx over " +
                  std::to_string(settings.connections) + " connections; semrouted decides among " +
                  std::to_string(kReferences) + "x" + std::to_string(kDimension) +
                  " first; p50 one at a time; median of " + std::to_string(settings.rounds) + " rounds",
              {"way", "per_s", "processor_us", "p50_us"});
  for (const Way* way : {&direct, &peer, &ours})
    table.add({way->name, fixed(median(way->per_second), 0), way->pid == 0 ? "-" : fixed(median(way->processor_us), 2),
               fixed(median(way->p50_us), 1)});
  table.publish(settings.out, "dispatch");
  const double cost = median_ratio(ours.processor_us, peer.processor_us);
  const double latency = median(added);
  const auto verdict = [](double ratio, double target) { return ratio <= target ? "met" : "MISSED"; };
  std::printf("processor time a request: %.2f of HAProxy's, target %.1f: %s\n", cost, kCostTarget,
              verdict(cost, kCostTarget));
  std::printf("added to the median: %.2f of what HAProxy adds, target %.1f: %s\n", latency, kLatencyTarget,
              verdict(latency, kLatencyTarget));
  return cost <= kCostTarget && latency <= kLatencyTarget ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv,
                  "`route` through an http target, beside HAProxy in front of the same nginx. Exit code 1: a target "
                  "missed.");
  Settings settings;
  settings.rounds = options.number("rounds", settings.rounds, "the median of so many counts");
  settings.connections = options.number("connections", settings.connections, "of the client, a request at a time each");
  settings.payload_bytes = options.number("payload", settings.payload_bytes, "bytes of text in the POST");
  settings.turn = std::chrono::milliseconds(options.number("turn-ms", 1'000, "how long each way runs in a round"));
  settings.proxy_cpu = options.number("proxy-processor", 1, "that of the proxies, the first is 1") - 1;
  settings.client_cpu = options.number("client-processor", 2, "that of client and nginx") - 1;
  settings.out = options.text("out", "", "folder for CSV files");
  options.finish();
  return run(settings);
}

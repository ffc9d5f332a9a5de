// Many requests through the daemon to upstreams that reset at random: what reaches them how often, and what the clients
// are told.
//
// SEMROUTE_DISPATCH_REQUESTS=1000000 sends so many instead of 100,000 (under a sanitizer 2,000).
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <cstdlib>
#include <deque>
#include <map>
#include <thread>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/flaky_upstream.h"
#include "tests/support/raw_client.h"
#include "tests/support/runs_slowly.h"

namespace semroute::test {
namespace {

namespace json = boost::json;

constexpr std::size_t kClients = 4;
constexpr std::size_t kWindow = 32;  // requests on their way, of each client

std::size_t request_count() {
  const char* wanted = std::getenv("SEMROUTE_DISPATCH_REQUESTS");
  if (wanted != nullptr) return std::strtoull(wanted, nullptr, 10);
  return runs_slowly() ? 2'000 : 100'000;
}

std::string target_of(const std::vector<std::uint16_t>& ports, const std::string& keys) {
  std::string endpoints;
  for (const std::uint16_t port : ports) {
    endpoints +=
        (endpoints.empty() ? "" : ", ") + std::string("{url: \"http://127.0.0.1:") + std::to_string(port) + "/\"}";
  }
  return "  - name: upstreams\n    kind: http\n    endpoints: [" + endpoints + "]\n" + keys;
}

// What became of the requests: a word for each, "ok" or an error's code; empty while there is no answer.
struct Answers {
  explicit Answers(std::size_t count) : outcomes(count) {}

  [[nodiscard]] std::map<std::string, std::size_t> counts() const {
    std::map<std::string, std::size_t> counts;
    for (const std::string& outcome : outcomes) ++counts[outcome];
    return counts;
  }

  std::vector<std::string> outcomes;
  std::atomic<std::size_t> answered{0};
  std::atomic<bool> is_wrong{false};  // an answer that nobody asked for, or a second one
};

// The requests first, first + kClients, ...: a window of them on one connection.
void ask(std::uint16_t port, std::size_t first, Answers& answers) {
  RawClient client(port);
  const std::size_t count = answers.outcomes.size();
  std::size_t next = first;
  std::size_t waiting = 0;
  const auto send = [&] {
    std::string lines;
    for (; next < count && waiting < kWindow; next += kClients, ++waiting) {
      const std::string n = std::to_string(next);
      lines += "{\"id\":" + n + ",\"embedding\":[0,1,0,0],\"payload\":{\"n\":" + n + "}}\n";
    }
    client.send(lines);
  };
  for (send(); waiting > 0; send()) {
    const auto line = client.read_line();
    if (!line) break;
    const auto reply = json::parse(*line);
    const auto n = reply.at("id").to_number<std::size_t>();
    std::string& outcome = answers.outcomes.at(n);
    if (n % kClients != first || !outcome.empty()) answers.is_wrong = true;
    outcome = reply.at("ok").as_bool() ? "ok" : std::string(reply.at("error").at("code").as_string());
    --waiting;
    ++answers.answered;
  }
}

Answers& ask_all(std::uint16_t port, Answers& answers) {
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.emplace_back([&, i] { ask(port, i, answers); });
  for (std::thread& client : clients) client.join();
  return answers;
}

constexpr FlakyUpstream::Odds kOdds{.on_accept = 50, .unanswered = 20, .half_answer = 20, .after_reply = 20};
// Endpoints that fail so often would be ejected, and then nothing would be tried.
const std::string kNeverEjected = "    ejection: {consecutive_failures: 0}\n";

// 64, 65
TEST(FlakyUpstreams, Fault64NothingReachesAnUpstreamTwiceThatIsNotIdempotent) {
  const std::size_t count = request_count();
  std::deque<FlakyUpstream> upstreams;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) upstreams.emplace_back(kOdds, count, seed);
  const DaemonProcess daemon(tiny_config(
      {},
      target_of({upstreams[0].port(), upstreams[1].port(), upstreams[2].port()}, kNeverEjected + "    retries: 3\n"),
      "upstreams"));
  Answers answers(count);
  ask_all(daemon.port(), answers);
  EXPECT_FALSE(answers.is_wrong);
  std::size_t twice = 0;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < count; ++i) {
    unsigned arrivals = 0;
    for (const FlakyUpstream& upstream : upstreams) arrivals += upstream.arrivals(i);
    twice += arrivals > 1 ? 1 : 0;
    lost += answers.outcomes[i] == "ok" && arrivals == 0 ? 1 : 0;
  }
  EXPECT_EQ(twice, 0U);
  EXPECT_EQ(lost, 0U);
  auto counts = answers.counts();
  EXPECT_EQ(counts[""], 0U) << "without an answer";
  EXPECT_EQ(counts["ok"] + counts["upstream_error"] + counts["upstream_unavailable"], count);
  EXPECT_GT(counts["ok"], count * 8 / 10);
  EXPECT_GT(counts["upstream_error"], 0U);
}

TEST(FlakyUpstreams, Fault73AmplificationStaysWithinTheBudget) {
  const std::size_t count = request_count();
  std::deque<FlakyUpstream> upstreams;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) upstreams.emplace_back(kOdds, count, seed);
  const DaemonProcess daemon(
      tiny_config({},
                  target_of({upstreams[0].port(), upstreams[1].port(), upstreams[2].port()},
                            kNeverEjected + "    retries: 3\n    idempotent: true\n"
                                            "    retry_on: [connect_failure, reset_before_request, reset]\n"),
                  "upstreams"));
  Answers answers(count);
  ask_all(daemon.port(), answers);
  EXPECT_FALSE(answers.is_wrong);
  std::uint64_t arrivals = 0;
  for (const FlakyUpstream& upstream : upstreams) arrivals += upstream.all_arrivals();
  EXPECT_LE(static_cast<double>(arrivals), 1.2 * static_cast<double>(count) + 3);
  EXPECT_GT(arrivals, count);
  auto counts = answers.counts();
  EXPECT_EQ(counts[""], 0U) << "without an answer";
  EXPECT_GT(counts["ok"], count * 99 / 100);
}

}  // namespace
}  // namespace semroute::test

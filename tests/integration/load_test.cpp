// Signals while requests keep coming (faults 84 and 85): what every single client sees.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

namespace json = boost::json;

constexpr int kClients = 4;

std::string renamed_config() {
  std::string yaml = tiny_config();
  return yaml.replace(yaml.find("billing"), 7, "invoice");
}

// Asks until told to stop; nothing but a good reply of one of the two tables will do.
void ask_until(const std::atomic<bool>& stop, std::uint16_t port, std::atomic<int>& answered, std::string& problem) {
  RawClient client(port);
  std::int64_t revision = 0;
  do {
    const auto line = client.ask(R"({"id":1,"embedding":[1,0,0,0]})");
    boost::system::error_code ec;
    const auto reply = json::parse(line, ec);
    const bool good = !ec && reply.at("ok").as_bool() && reply.at("dispatched").as_bool() &&
                      (reply.at("route") == "billing" || reply.at("route") == "invoice") &&
                      reply.at("revision").to_number<std::int64_t>() >= revision;
    if (!good) {
      problem = line;
      return;
    }
    revision = reply.at("revision").to_number<std::int64_t>();
    ++answered;
  } while (!stop);
}

TEST(UnderLoad, Fault84AStormOfSighupFailsNoRequestAndTheLastFileIsServed) {
  const DaemonProcess daemon(tiny_config());
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<std::string> problems(kClients);
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { ask_until(stop, daemon.port(), answered, problems[static_cast<std::size_t>(i)]); });
  }
  for (int i = 0; i < 200; ++i) {
    daemon.rewrite(i % 2 == 0 ? renamed_config() : tiny_config());
    daemon.signal(SIGHUP);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  daemon.rewrite(renamed_config());
  // The reply comes when every worker serves what the file says now.
  RawClient control(daemon.port());
  const auto reloaded = json::parse(control.ask(R"({"id":1,"op":"reload"})"));
  EXPECT_TRUE(reloaded.at("ok").as_bool());
  for (int i = 0; i < 2 * kClients; ++i) {
    RawClient client(daemon.port());
    const auto reply = json::parse(client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0]})"));
    EXPECT_EQ(reply.at("route"), "invoice");
    EXPECT_GE(reply.at("revision").to_number<int>(), reloaded.at("revision").to_number<int>());
  }
  stop = true;
  for (auto& client : clients) client.join();
  for (const auto& problem : problems) EXPECT_EQ(problem, "");
  EXPECT_GE(answered, kClients);
}

// Sends a burst, reads its replies, and so on, until the daemon closes. Ids count up without a gap, and once a
// request was turned away no later one is served.
std::string burst_until_closed(std::uint16_t port, std::atomic<int>& served) {
  constexpr int kBurst = 50;
  RawClient client(port);
  bool turned_away = false;
  for (int next = 0;;) {
    std::string lines;
    for (int i = 0; i < kBurst; ++i) {
      lines += "{\"id\":" + std::to_string(next + i) + R"(,"op":"match","embedding":[1,0,0,0]})" + "\n";
    }
    (void)client.try_send(lines);
    for (int i = 0; i < kBurst; ++i, ++next) {
      const auto line = client.read_line(60);
      if (!line) return "";
      const bool matched = line->find(R"("decision":"matched")") != std::string::npos;
      const bool unavailable = line->find(R"("code":"unavailable")") != std::string::npos &&
                               line->find(R"("retryable":true)") != std::string::npos;
      const bool in_order = line->rfind("{\"id\":" + std::to_string(next) + ",", 0) == 0;
      if (!in_order || matched == unavailable || (matched && turned_away)) return *line;
      turned_away = turned_away || unavailable;
      served += matched ? 1 : 0;
    }
  }
}

TEST(UnderLoad, Fault85SigtermServesWhatHadArrivedTurnsTheRestAwayAndExitsZero) {
  DaemonProcess daemon(tiny_config());
  std::atomic<int> served{0};
  std::vector<std::string> problems(kClients);
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] { problems[static_cast<std::size_t>(i)] = burst_until_closed(daemon.port(), served); });
  }
  for (int i = 0; i < 60'000 && served < 10'000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  daemon.signal(SIGTERM);
  for (auto& client : clients) client.join();
  EXPECT_EQ(daemon.wait(60), 0);
  for (const auto& problem : problems) EXPECT_EQ(problem, "");
}

}  // namespace
}  // namespace semroute::test

// The decision log of the real daemon: its fields, its rotation, and disks that are full or slow (fault 83).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace json = boost::json;

std::string text_of(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

// The file once it holds `text` and ends with a whole line.
std::string wait_for(const std::string& path, const std::string& text) {
  for (int i = 0; i < 4'000; ++i) {
    std::string all = text_of(path);
    if (all.find(text) != std::string::npos && all.back() == '\n') return all;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return "(not written)";
}

// The entry with this request id.
json::object entry(const std::string& log, const std::string& request_id) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    auto value = json::parse(line).as_object();
    if (value.at("request_id").as_string() == request_id) return value;
  }
  ADD_FAILURE() << "no entry " << request_id << " in\n" << log;
  return {};
}

std::set<std::string> keys_of(const json::object& object) {
  std::set<std::string> keys;
  for (const auto& member : object) keys.insert(std::string(member.key()));
  return keys;
}

std::string dropped(const DaemonProcess& daemon) {
  const auto metrics = http_get(daemon.admin_port(), "/metrics");
  const std::string name = "\nsemrouted_decision_log_dropped_total ";
  const auto at = metrics.find(name);
  return at == std::string::npos ? "(none)"
                                 : metrics.substr(at + name.size(), metrics.find('\n', at + 1) - at - name.size());
}

TEST(DecisionLog, HasTheDocumentedFieldsForEveryKindOfDecision) {
  const DaemonProcess daemon(tiny_config("decision_log: {file: decisions.jsonl, embedding: true}\n"));
  RawClient client(daemon.port());
  (void)client.ask(R"({"id":1,"op":"match","embedding":[2,0,0,0],"request_id":"match"})");
  (void)client.ask(R"({"id":1,"op":"match","embedding":[0,0,0,1],"request_id":"nothing"})");
  (void)client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0],"filter":{"routes":[]},"request_id":"filtered"})");
  (void)client.ask(R"({"id":1,"embedding":[1,0,0,0],"request_id":"route"})");
  (void)client.ask(R"({"id":1,"embedding":[0,1,0,0],"request_id":"targetless"})");
  (void)client.ask(R"({"id":1,"op":"match","embeddings":[[1,0,0,0],[0,1,0,0]],"request_id":"batch"})");
  const auto log = wait_for(daemon.folder().path() + "/decisions.jsonl", "batch");

  const auto match = entry(log, "match");
  EXPECT_EQ(keys_of(match), (std::set<std::string>{"time", "request_id", "decision", "reason", "route", "score", "best",
                                                   "runner_up", "revision", "us", "embedding"}));
  EXPECT_EQ(match.at("time").as_string().size(), 24U);
  EXPECT_EQ(match.at("decision"), "matched");
  EXPECT_EQ(match.at("reason"), "passed");
  EXPECT_EQ(match.at("route"), "billing");
  EXPECT_NEAR(match.at("score").to_number<double>(), 1.0, 1e-6);
  EXPECT_EQ(match.at("best").at("route"), "billing");
  EXPECT_EQ(match.at("runner_up").at("route"), "support");
  EXPECT_EQ(match.at("revision").to_number<int>(), 1);
  EXPECT_EQ(keys_of(match.at("us").as_object()), (std::set<std::string>{"decode", "search", "decide", "dispatch"}));
  EXPECT_EQ(match.at("embedding"), json::parse("[2,0,0,0]")) << "as it came";

  const auto nothing = entry(log, "nothing");
  EXPECT_EQ(nothing.at("decision"), "no_match");
  EXPECT_EQ(nothing.at("reason"), "below_threshold");
  EXPECT_FALSE(nothing.contains("route"));
  EXPECT_TRUE(nothing.contains("best")) << "what came nearest is worth knowing";
  const auto filtered = entry(log, "filtered");
  EXPECT_EQ(filtered.at("reason"), "filtered");
  EXPECT_FALSE(filtered.contains("best"));

  const auto route = entry(log, "route");
  EXPECT_EQ(route.at("target"), "canned");
  EXPECT_EQ(route.at("outcome"), "ok");
  EXPECT_FALSE(entry(log, "targetless").contains("target"));
  std::size_t batch = 0;
  for (auto at = log.find("\"batch\""); at != std::string::npos; at = log.find("\"batch\"", at + 1)) ++batch;
  EXPECT_EQ(batch, 2U) << "a line an embedding";
}

TEST(DecisionLog, WritesNoEmbeddingUnlessAskedAndOnlyTheSampledShare) {
  DaemonProcess daemon(tiny_config("decision_log: {file: decisions.jsonl, sample: 0.5}\n"));
  RawClient client(daemon.port());
  constexpr int kRequests = 2'000;
  std::string lines;
  for (int i = 0; i < kRequests; ++i) lines += "{\"id\":1,\"op\":\"match\",\"embedding\":[1,0,0,0]}\n";
  client.send(lines);
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(client.read_line());
  daemon.signal(SIGTERM);
  ASSERT_EQ(daemon.wait(20), 0) << "the rest is written before the end";
  const auto log = text_of(daemon.folder().path() + "/decisions.jsonl");
  EXPECT_THAT(log, Not(HasSubstr("embedding")));
  const auto written = std::count(log.begin(), log.end(), '\n');
  // Twenty standard deviations around the half.
  EXPECT_GT(written, 550);
  EXPECT_LT(written, 1'450);
}

TEST(DecisionLog, Sigusr1LetsGoOfARotatedFile) {
  const DaemonProcess daemon(tiny_config("decision_log: {file: decisions.jsonl}\n"));
  const std::string path = daemon.folder().path() + "/decisions.jsonl";
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0],"request_id":"r-1"})"), HasSubstr("matched"));
  EXPECT_THAT(wait_for(path, "r-1"), HasSubstr("r-1"));
  ASSERT_EQ(std::rename(path.c_str(), (path + ".1").c_str()), 0);
  daemon.signal(SIGUSR1);
  for (int i = 0; i < 4'000 && ::access(path.c_str(), F_OK) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_THAT(client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0],"request_id":"r-2"})"), HasSubstr("matched"));
  EXPECT_THAT(wait_for(path, "r-2"), Not(HasSubstr("r-1")));
  EXPECT_THAT(text_of(path + ".1"), Not(HasSubstr("r-2")));
}

TEST(DecisionLog, WhatCannotBeCreatedIs73) {
  const TemporaryFolder folder;
  folder.write("c.yaml", "listen: 127.0.0.1:0\nadmin: off\n" + tiny_config("decision_log: {file: none/d.jsonl}\n"));
  const auto started = run_program({daemon_path(), "--config", folder.path() + "/c.yaml"});
  EXPECT_EQ(started.exit_code, 73);
  EXPECT_THAT(started.output, HasSubstr("none/d.jsonl"));
}

TEST(DecisionLog, Fault83AFullDiskDropsLinesAndServiceGoesOn) {
  const DaemonProcess daemon(tiny_config("decision_log: {file: /dev/full}\n"));
  RawClient client(daemon.port());
  for (int i = 0; i < 50; ++i) {
    ASSERT_THAT(client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0]})"), HasSubstr("matched"));
  }
  for (int i = 0; i < 4'000 && dropped(daemon) != "50"; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(dropped(daemon), "50");
  EXPECT_THAT(daemon.log(), HasSubstr("/dev/full cannot be written, lines are dropped: No space left on device"));
}

// A file that may not grow cuts a line short; when it may again, the next line stands alone.
TEST(DecisionLog, Fault83ALineThatWasCutShortSpoilsNoOther) {
  const DaemonProcess daemon(tiny_config("decision_log: {file: decisions.jsonl}\n"));
  const std::string path = daemon.folder().path() + "/decisions.jsonl";
  constexpr rlim_t kMost = 8'000;
  const rlimit small{kMost, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(daemon.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  RawClient client(daemon.port());
  for (int i = 0; i < 4'000 && dropped(daemon) == "0"; ++i) {
    ASSERT_THAT(client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0]})"), HasSubstr("matched"));
  }
  ASSERT_NE(dropped(daemon), "0");
  EXPECT_EQ(text_of(path).size(), kMost) << "no line was cut short, the test shows nothing";
  const rlimit open{RLIM_INFINITY, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(daemon.pid(), RLIMIT_FSIZE, &open, nullptr), 0);
  (void)client.ask(R"({"id":1,"op":"match","embedding":[1,0,0,0],"request_id":"after"})");
  const auto log = wait_for(path, "after");
  std::istringstream lines(log);
  std::size_t broken = 0;
  for (std::string line; std::getline(lines, line);) {
    boost::system::error_code ec;
    (void)json::parse(line, ec);
    broken += ec ? 1 : 0;
  }
  EXPECT_EQ(broken, 1U);
  EXPECT_EQ(json::parse(log.substr(log.rfind('\n', log.size() - 2) + 1)).at("request_id"), "after");
  EXPECT_TRUE(daemon.wait_for_log("is written again"));
}

// A pipe that nobody reads is a disk that hangs.
TEST(DecisionLog, Fault83ADiskThatHangsHoldsUpNeitherRequestsNorTheEnd) {
  const TemporaryFolder folder;
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  DaemonProcess daemon(tiny_config("decision_log: {file: \"" + pipe + "\"}\n"));
  RawClient client(daemon.port());
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += "{\"id\":1,\"op\":\"match\",\"embedding\":[1,0,0,0]}\n";
  for (int i = 0; i < 200 && dropped(daemon) == "0"; ++i) {
    client.send(lines);
    for (int line = 0; line < 1'000; ++line) ASSERT_THAT(client.read_line().value_or(""), HasSubstr("matched"));
  }
  EXPECT_NE(dropped(daemon), "0");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(30), 0);
  ::close(reader);
}

}  // namespace
}  // namespace semroute::test

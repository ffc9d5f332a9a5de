// Life cycle of the real daemon: start refusals, reload, a storm of SIGHUP (84), SIGTERM under load (85).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "core/base/limits.h"
#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/held_server.h"
#include "tests/support/places.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const char* const kMatch = R"({"id":1,"op":"match","embedding":[1,0,0,0]})";

TEST(Start, AWrongConfigurationIsRefusedWithItsPlaces) {
  const TemporaryFolder folder;
  folder.write("bad.yaml", "index:\n  dimension: 0\n  colour: red\nroutes: []\n");
  const auto checked = run_program({daemon_path(), "--config", folder.path() + "/bad.yaml", "--check"});
  EXPECT_EQ(checked.exit_code, 78);
  EXPECT_THAT(checked.output, HasSubstr("bad.yaml:2:"));
  EXPECT_THAT(checked.output, HasSubstr("bad.yaml:3:"));
  const auto started = run_program({daemon_path(), "--config", folder.path() + "/bad.yaml"});
  EXPECT_EQ(started.exit_code, 78);
}

TEST(Start, WrongCommandLinesAreUsageErrors) {
  EXPECT_EQ(run_program({daemon_path()}).exit_code, 64);
  EXPECT_EQ(run_program({daemon_path(), "--config"}).exit_code, 64);
  EXPECT_EQ(run_program({daemon_path(), "--colour"}).exit_code, 64);
  EXPECT_EQ(run_program({daemon_path(), "--config", "x.yaml", "--log-level", "loud"}).exit_code, 64);
  EXPECT_EQ(run_program({daemon_path(), "--version"}).exit_code, 0);
  EXPECT_EQ(run_program({daemon_path(), "--help"}).exit_code, 0);
}

TEST(Start, Fault91AListenerBeyondLoopbackNeedsAllowOpen) {
  const TemporaryFolder folder;
  folder.write("open.yaml", "listen: 0.0.0.0:0\nadmin: off\n" + tiny_config());
  const auto refused = run_program({daemon_path(), "--config", folder.path() + "/open.yaml"});
  EXPECT_EQ(refused.exit_code, 78);
  EXPECT_THAT(refused.output, HasSubstr("allow_open"));
  folder.write("open.yaml", "listen: 0.0.0.0:0\nadmin: off\naccess: {allow_open: true}\n" + tiny_config());
  EXPECT_EQ(run_program({daemon_path(), "--check", "--config", folder.path() + "/open.yaml"}).exit_code, 0);
}

TEST(Start, APortInUseIsNamed) {
  const DaemonProcess daemon(tiny_config());
  const TemporaryFolder folder;
  folder.write("same.yaml", "listen: 127.0.0.1:" + std::to_string(daemon.port()) + "\nadmin: off\n" + tiny_config());
  const auto second = run_program({daemon_path(), "--config", folder.path() + "/same.yaml"});
  EXPECT_EQ(second.exit_code, 69);
  EXPECT_THAT(second.output, HasSubstr(std::to_string(daemon.port())));
}

TEST(Start, TheForcedInstructionSetRuns) {
  const DaemonProcess daemon(tiny_config(), {"SEMROUTE_ISA=scalar"});
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"id":1,"op":"stats"})"), HasSubstr("\"isa\":\"scalar\""));
  EXPECT_THAT(client.ask(kMatch), HasSubstr("\"route\":\"billing\""));
}

TEST(Reload, AppliesRoutesAndThresholdsAndCountsTheRevision) {
  const DaemonProcess daemon(tiny_config());
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(kMatch), HasSubstr("\"route\":\"billing\""));
  std::string changed = tiny_config();
  changed.replace(changed.find("billing"), 7, "invoice");
  daemon.rewrite(changed);
  EXPECT_THAT(client.ask(R"({"id":2,"op":"reload"})"), HasSubstr("\"revision\":2"));
  const auto after = client.ask(kMatch);
  EXPECT_THAT(after, HasSubstr("\"route\":\"invoice\""));
  EXPECT_THAT(after, HasSubstr("\"revision\":2"));
  daemon.signal(SIGHUP);
  EXPECT_TRUE(daemon.wait_for_log("reloaded: revision 3"));
}

TEST(Reload, AWrongFileChangesNothing) {
  const DaemonProcess daemon(tiny_config());
  RawClient client(daemon.port());
  daemon.rewrite("index: {dimension: 4}\nroutes: [{name: x, references: {vectors: [[1,2,3]]}}]\ncolour: red\n");
  const auto refused = client.ask(R"({"id":2,"op":"reload"})");
  EXPECT_THAT(refused, HasSubstr("\"ok\":false"));
  EXPECT_THAT(refused, HasSubstr("semrouted.yaml:"));
  const auto after = client.ask(kMatch);
  EXPECT_THAT(after, HasSubstr("\"route\":\"billing\""));
  EXPECT_THAT(after, HasSubstr("\"revision\":1"));
  EXPECT_THAT(http_get(daemon.admin_port(), "/metrics"), HasSubstr("semrouted_reload_success 0"));
}

TEST(Reload, WhatNeedsARestartIsRefusedByName) {
  const DaemonProcess daemon(tiny_config());
  RawClient client(daemon.port());
  std::string changed = tiny_config();
  changed.replace(changed.find("workers: 2"), 10, "workers: 3");
  daemon.rewrite(changed);
  const auto refused = client.ask(R"({"id":2,"op":"reload"})");
  EXPECT_THAT(refused, HasSubstr("workers"));
  EXPECT_THAT(refused, HasSubstr("needs a restart"));
}

TEST(Reload, Fault84AStormOfSighupFailsNoRequest) {
  const DaemonProcess daemon(tiny_config());
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::thread load([&] {
    RawClient client(daemon.port());
    do {
      if (client.ask(kMatch).find("\"route\":\"billing\"") == std::string::npos) ++failed;
      ++answered;
    } while (!stop);
  });
  for (int i = 0; i < 200; ++i) {
    daemon.signal(SIGHUP);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(daemon.wait_for_log("reloaded: revision 2"));
  stop = true;
  load.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(answered, 0);
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr("\"ok\":true"));
}

TEST(Drain, Fault85SigtermAnswersWhatIsInFlightAndExitsZero) {
  HeldServer held;
  DaemonProcess daemon(tiny_config(
      "drain: {timeout: 60s}\n",
      "  - {name: held, kind: http, url: \"http://127.0.0.1:" + std::to_string(held.port()) + "/\"}\n", "held"));
  RawClient waiting(daemon.port());
  waiting.send("{\"id\":1,\"embedding\":[0,1,0,0]}\n");
  EXPECT_THAT(waiting.ask(R"({"id":2,"op":"ping"})"), HasSubstr("\"ok\":true"));
  RawClient open(daemon.port());
  EXPECT_THAT(open.ask(kMatch), HasSubstr("matched"));
  daemon.signal(SIGTERM);
  std::string last;
  EXPECT_TRUE(eventually([&] {
    last = open.ask(kMatch);
    return last.find("matched") == std::string::npos;
  }));
  // As long as something is in flight, well beyond the grace, open connections are told to go elsewhere.
  const auto beyond = std::chrono::steady_clock::now() + 3 * core::kDrainGrace;
  do {
    ASSERT_THAT(last, HasSubstr("\"code\":\"unavailable\""));
    ASSERT_THAT(last, HasSubstr("\"retryable\":true"));
    last = open.ask(kMatch);
  } while (std::chrono::steady_clock::now() < beyond);
  held.answer();
  EXPECT_THAT(waiting.read_line().value_or(""), HasSubstr("\"body\":{\"answer\":42}"));
  EXPECT_EQ(daemon.wait(60), 0);
}

TEST(Drain, DuringTheDelayEverythingIsServedAndASecondSignalEndsAtOnce) {
  DaemonProcess daemon(tiny_config("drain: {delay: 1h}\n"));
  daemon.signal(SIGTERM);
  ASSERT_TRUE(daemon.wait_for_log("draining"));
  const auto ready = http_get(daemon.admin_port(), "/readyz");
  EXPECT_THAT(ready, HasSubstr("503"));
  EXPECT_THAT(ready, HasSubstr("draining"));
  RawClient late(daemon.port());
  EXPECT_THAT(late.ask(kMatch), HasSubstr("matched"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(60), 128 + SIGTERM);
}

TEST(Drain, WhatReachedTheSocketAndTheBacklogIsAnswered) {
  DaemonProcess daemon(tiny_config());
  // Below the 64 KiB that a receiver takes at first: what waits on the sender's side has not reached the daemon's
  // socket.
  constexpr int kLines = 1'000;
  std::string lines;
  for (int i = 0; i < kLines; ++i) lines += std::string(kMatch) + "\n";
  ASSERT_LT(lines.size(), std::size_t{60'000});
  RawClient open(daemon.port());
  EXPECT_THAT(open.ask(kMatch), HasSubstr("matched"));
  // Stopped, it can neither read nor accept: all of this is waiting when the signal comes.
  daemon.signal(SIGSTOP);
  open.send(lines);
  RawClient queued(daemon.port());
  queued.send(std::string(kMatch) + "\n");
  ASSERT_TRUE(open.delivered());
  ASSERT_TRUE(queued.delivered());
  daemon.signal(SIGTERM);
  daemon.signal(SIGCONT);
  for (int i = 0; i < kLines; ++i) {
    const auto line = open.read_line();
    ASSERT_TRUE(line) << i;
    ASSERT_THAT(*line, HasSubstr("matched")) << i;
  }
  EXPECT_THAT(queued.read_line().value_or(""), HasSubstr("matched"));
  EXPECT_EQ(daemon.wait(60), 0);
}

// Accepted one by one while the signal is handled, none may fall between the loop and the drain.
TEST(Drain, Fault85EveryConnectionOfTheBacklogIsAnswered) {
  DaemonProcess daemon(tiny_config());
  daemon.signal(SIGSTOP);
  std::vector<std::unique_ptr<RawClient>> queued;
  for (int i = 0; i < 200; ++i) {
    queued.push_back(std::make_unique<RawClient>(daemon.port()));
    queued.back()->send(std::string(kMatch) + "\n");
  }
  for (const auto& client : queued) ASSERT_TRUE(client->delivered());
  daemon.signal(SIGTERM);
  daemon.signal(SIGCONT);
  for (std::size_t i = 0; i < queued.size(); ++i) {
    EXPECT_THAT(queued[i]->read_line().value_or("(nothing)"), HasSubstr("matched")) << i;
  }
  EXPECT_EQ(daemon.wait(60), 0);
}

}  // namespace
}  // namespace semroute::test

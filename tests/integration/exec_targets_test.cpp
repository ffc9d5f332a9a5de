// Targets of the kind exec through the real daemon: its processes, and what is left of them when it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <fstream>

#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
namespace json = boost::json;

std::string config_for(const std::string& more = {}, const std::string& arguments = {}) {
  return R"(workers: 2
index: {dimension: 2}
decision: {aggregation: max, score_threshold: 0.5}
targets:
  - name: program
    kind: exec
    command: [/usr/bin/python3, )" +
         source_path("tests/support/exec_worker.py") + arguments + R"(]
    processes: 2
    env: {GREETING: hello}
)" + more +
         R"(routes:
  - {name: there, target: program, references: {vectors: [[1, 0]]}}
)";
}

std::string ask(const DaemonProcess& daemon, const std::string& payload, const std::string& members = {}) {
  RawClient client(daemon.port());
  return client.ask(R"({"id":1,"embedding":[1,0],)" + members + R"("payload":)" + payload + "}");
}

pid_t pid_of_a_process(const DaemonProcess& daemon) {
  const auto reply = json::parse(ask(daemon, R"({"do":"facts"})"));
  return static_cast<pid_t>(reply.at("reply").at("body").at("pid").as_int64());
}

bool has_ended(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  return line.empty() || line.substr(line.rfind(')')).starts_with(") Z");
}

TEST(ExecTargets, AnswerWithWhatTheProcessSays) {
  const DaemonProcess daemon(config_for());
  const auto reply = json::parse(ask(daemon, R"({"text":"x"})", R"("request_id":"mine",)"));
  ASSERT_TRUE(reply.at("ok").as_bool()) << json::serialize(reply);
  const auto& body = reply.at("reply").at("body");
  EXPECT_EQ(body.at("route"), "there");
  EXPECT_EQ(body.at("request_id"), "mine");
  EXPECT_EQ(body.at("payload"), json::parse(R"({"text":"x"})"));
  EXPECT_THAT(ask(daemon, R"({"do":"complain","lines":["from inside"]})"), HasSubstr(R"("ok":true)"));
  EXPECT_TRUE(daemon.wait_for_log(": from inside"));
}

TEST(ExecTargets, Fault74ProcessesThatEndCostTheirRequestsOnly) {
  const DaemonProcess daemon(config_for());
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(ask(daemon, R"({"do":"exit"})"), HasSubstr(R"("code":"upstream_error")"));
    EXPECT_TRUE(eventually([&] { return ask(daemon, "1").find(R"("ok":true)") != std::string::npos; }));
  }
}

TEST(ExecTargets, Fault74NothingIsLeftWhenTheDaemonEnds) {
  pid_t process = 0;
  pid_t sleeper = 0;
  {
    // One that ends neither with its input nor by SIGTERM, with a child that does not either.
    const DaemonProcess daemon(config_for("", ", stubborn"));
    process = pid_of_a_process(daemon);
    const auto reply = json::parse(ask(daemon, R"({"do":"fork"})"));
    sleeper = static_cast<pid_t>(reply.at("reply").at("body").as_int64());
    EXPECT_FALSE(has_ended(sleeper));
  }
  EXPECT_TRUE(has_ended(process));
  EXPECT_TRUE(eventually([&] { return has_ended(sleeper); }));
}

TEST(ExecTargets, Fault74ADaemonThatIsKilledLeavesNoProcess) {
  DaemonProcess daemon(config_for("", ", stubborn"));
  const pid_t process = pid_of_a_process(daemon);
  daemon.signal(SIGKILL);
  EXPECT_EQ(daemon.wait(60), 128 + SIGKILL);
  EXPECT_TRUE(eventually([&] { return has_ended(process); }));
}

TEST(ExecTargets, KeepTheirProcessesThroughAReloadThatDoesNotChangeThem) {
  const DaemonProcess daemon(config_for("    limits: {pending: 5}\n"));
  RawClient client(daemon.port());
  const pid_t process = pid_of_a_process(daemon);
  daemon.rewrite(config_for("    limits: {pending: 5}\n") + "limits: {max_batch: 7}\n");
  EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("revision":2)"));
  EXPECT_FALSE(has_ended(process));
  daemon.rewrite(config_for("    limits: {pending: 6}\n"));
  EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("revision":3)"));
  EXPECT_TRUE(eventually([&] { return has_ended(process); })) << "another target of the same name";
  EXPECT_THAT(ask(daemon, "1"), HasSubstr(R"("ok":true)"));
}

TEST(ExecTargets, AReloadThatDropsThemCostsNoRequest) {
  const DaemonProcess daemon(config_for("    limits: {pending: 5}\n"));
  RawClient client(daemon.port());
  const std::string file = daemon.folder().path() + "/go";
  // Two are under way, and four wait.
  for (int i = 0; i < 6; ++i) {
    client.send(R"({"id":)" + std::to_string(i) + R"(,"embedding":[1,0],"payload":{"do":"await","file":")" + file +
                "\"}}\n");
  }
  RawClient other(daemon.port());
  ASSERT_TRUE(
      eventually([&] { return other.ask(R"({"id":1,"op":"stats"})").find(R"("pending":4)") != std::string::npos; }));
  daemon.rewrite(config_for("    limits: {pending: 6}\n"));
  ASSERT_THAT(other.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("revision":2)"));
  EXPECT_THAT(ask(daemon, "1"), HasSubstr(R"("ok":true)")) << "of the new target";
  std::ofstream(file).put('1');
  for (int i = 0; i < 6; ++i) EXPECT_THAT(client.read_line().value_or(""), HasSubstr("awaited"));
  EXPECT_TRUE(daemon.wait_for_log("ended with signal 15"));
}

}  // namespace
}  // namespace semroute::test

// Targets of the kind dynamic through the real daemon: a misbehaving plugin costs its request, a bad one is not loaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
namespace json = boost::json;
namespace fs = std::filesystem;

// A folder of this user's own (TemporaryFolder's is), with copies of plugins.
class Plugins {
 public:
  [[nodiscard]] std::string add(const std::string& variant, const std::string& name = "plugin.so") const {
    const std::string to = folder_.path() + '/' + name;
    fs::copy_file(plugin_path(variant), to + ".new");
    fs::permissions(to + ".new", fs::perms{0644});
    fs::rename(to + ".new", to);
    return to;
  }
  [[nodiscard]] std::string gate() const { return folder_.path() + "/gate"; }
  void release() const { std::ofstream(gate()).put('1'); }

 private:
  TemporaryFolder folder_;
};

std::string config_for(const std::string& file, const std::string& more = {}) {
  return R"(workers: 1
drain: {timeout: 1s}
index: {dimension: 2}
decision: {aggregation: max, score_threshold: 0.5}
targets:
  - {name: inside, kind: dynamic, threads: 2, file: )" +
         file + R"(, config: {model: small}}
routes:
  - {name: there, target: inside, references: {vectors: [[1, 0]]}}
  - {name: still, references: {vectors: [[0, 1]]}}
)" + more;
}

std::string ask(const DaemonProcess& daemon, const std::string& what, const std::string& members = {}) {
  RawClient client(daemon.port());
  return client.ask(R"({"id":1,"embedding":[1,0],)" + members + R"("payload":")" + what + "\"}");
}

// An upstream_timeout whose request got as far as the plugin, however slow this machine is.
void expect_upstream_timeout(const DaemonProcess& daemon, const std::string& what) {
  std::string reply;
  for (int timeout_ms = 200; timeout_ms < 60'000; timeout_ms *= 2) {
    reply = ask(daemon, what, "\"timeout_ms\":" + std::to_string(timeout_ms) + ",");
    if (reply.find(R"("sent":true)") != std::string::npos) break;
  }
  EXPECT_THAT(reply, HasSubstr(R"("code":"upstream_timeout")"));
}

TEST(DynamicTargets, AnswerThroughTheDaemon) {
  const Plugins plugins;
  const DaemonProcess daemon(config_for(plugins.add("good")));
  const auto reply = json::parse(ask(daemon, "facts", R"("request_id":"mine",)"));
  ASSERT_TRUE(reply.at("ok").as_bool()) << json::serialize(reply);
  EXPECT_THAT(std::string(reply.at("reply").at("text").as_string()), HasSubstr("there|mine|matched|application/json|"));
  EXPECT_THAT(ask(daemon, "config"),
              HasSubstr(R"("status":201,"content_type":"application/json","body":{"model":"small"})"));
  EXPECT_TRUE(daemon.wait_for_log("target inside: plugin test of "));
}

TEST(DynamicTargets, Fault77APluginThatMisbehavesCostsItsRequestOnly) {
  const Plugins plugins;
  const DaemonProcess daemon(config_for(plugins.add("good")));
  RawClient beside(daemon.port());
  const auto others_go_on = [&] {
    EXPECT_THAT(beside.ask(R"({"id":1,"embedding":[0,1]})"), HasSubstr(R"("ok":true)")) << "of the same worker";
    EXPECT_THAT(ask(daemon, "config"), HasSubstr(R"("ok":true)"));
  };
  expect_upstream_timeout(daemon, "never");
  others_go_on();
  for (int i = 0; i < 3; ++i) expect_upstream_timeout(daemon, "block " + plugins.gate());
  others_go_on();
  EXPECT_THAT(ask(daemon, "twice"), HasSubstr(R"("text":"first")"));
  EXPECT_THAT(ask(daemon, "strangers"), HasSubstr(R"("text":"mine")"));
  EXPECT_THAT(ask(daemon, "throw"), HasSubstr(R"("code":"upstream_error")"));
  others_go_on();
  plugins.release();
  others_go_on();
}

TEST(DynamicTargets, Fault77AHangingPluginDoesNotHoldUpTheEnd) {
  const Plugins plugins;
  DaemonProcess daemon(config_for(plugins.add("good")));
  expect_upstream_timeout(daemon, "block " + plugins.gate());
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(60), 0);
  EXPECT_THAT(daemon.log(), HasSubstr("target inside: its plugin is left behind"));
}

TEST(DynamicTargets, AreDestroyedAtTheEnd) {
  const Plugins plugins;
  DaemonProcess daemon(config_for(plugins.add("good")));
  EXPECT_THAT(ask(daemon, "config"), HasSubstr(R"("ok":true)"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(60), 0);
  EXPECT_THAT(daemon.log(), HasSubstr("target inside: destroyed"));
}

TEST(DynamicTargets, Fault76And78WhatIsNotToBeLoadedIsToldByCheckAndRefusedByAReload) {
  const Plugins plugins;
  const std::string good = plugins.add("good");
  const DaemonProcess daemon(config_for(good));
  RawClient client(daemon.port());
  const auto expect_refused = [&](const std::string& file, const std::string& why) {
    daemon.rewrite(config_for(file));
    EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("ok":false)"));
    EXPECT_TRUE(daemon.wait_for_log("targets[0].file: " + file + ": " + why));
    const Finished checked = run_program({daemon_path(), "--config", daemon.config_path(), "--check"});
    EXPECT_EQ(checked.exit_code, 78);
    EXPECT_THAT(checked.output, HasSubstr(why));
    EXPECT_THAT(ask(daemon, "config"), HasSubstr(R"("ok":true)")) << "the old one stays";
  };
  expect_refused(plugins.add("wrong_version", "other.so"), "is of ABI version 2");
  const std::string open = plugins.add("good", "open.so");
  fs::permissions(open, fs::perms{0666});
  expect_refused(open, "the file can be written by others");
}

TEST(DynamicTargets, AnotherConfigurationIsAnotherInstance) {
  const Plugins plugins;
  const std::string file = plugins.add("good");
  const DaemonProcess daemon(config_for(file));
  RawClient client(daemon.port());
  EXPECT_THAT(ask(daemon, "config"), HasSubstr("small"));
  std::string changed = config_for(file);
  changed.replace(changed.find("model: small"), 12, "model: large");
  daemon.rewrite(changed);
  EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr(R"("revision":2)"));
  EXPECT_THAT(ask(daemon, "config"), HasSubstr("large"));
  EXPECT_TRUE(daemon.wait_for_log("target inside: destroyed")) << "the old one";
}

TEST(DynamicTargets, ANewFileIsTakenByAReloadAndTheSameOneIsKept) {
  const Plugins plugins;
  const DaemonProcess daemon(config_for(plugins.add("good")));
  RawClient client(daemon.port());
  const auto reload = [&] { return client.ask(R"({"id":1,"op":"reload"})"); };
  EXPECT_THAT(ask(daemon, "config"), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(reload(), HasSubstr(R"("revision":2)"));
  EXPECT_THAT(ask(daemon, "config"), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(daemon.log(), ::testing::Not(HasSubstr("destroyed")));
  (void)plugins.add("good");  // in its place
  EXPECT_THAT(reload(), HasSubstr(R"("revision":3)"));
  EXPECT_THAT(ask(daemon, "config"), HasSubstr(R"("ok":true)"));
  EXPECT_TRUE(daemon.wait_for_log("target inside: destroyed"));
  EXPECT_TRUE(daemon.wait_for_log("target inside: plugin test of ", 60, 2));
}

}  // namespace
}  // namespace semroute::test

// faults.md 34-37 and 91 against the real programs: each wrong file is refused at start (78), by --check and by a
// reload, which keeps the old configuration; with file, line, column and key path, all in one run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/synthetic_set.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Wrong {
  std::string yaml;
  std::vector<std::string> said;  // each in what is told, after "semrouted.yaml"
};

// A daemon that is fed wrong files; the files are also given to a start and to --check.
class Configuration : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { daemon_ = new DaemonProcess(tiny_config()); }
  static void TearDownTestSuite() {
    delete daemon_;
    daemon_ = nullptr;
  }

  // Two lines stand before `yaml`, in every use of it: listen and admin.
  static void expect_refused(const Wrong& wrong) {
    const std::string text = kHead + wrong.yaml;
    files().write("semrouted.yaml", text);
    const std::string path = files().path() + "/semrouted.yaml";
    const auto checked = run_program({daemon_path(), "--check", "--config", path});
    const auto started = run_program({daemon_path(), "--config", path});
    EXPECT_EQ(checked.exit_code, 78) << wrong.yaml;
    EXPECT_EQ(started.exit_code, 78) << wrong.yaml;
    EXPECT_THAT(started.output, Not(HasSubstr("listening"))) << wrong.yaml;

    daemon_->rewrite(wrong.yaml);
    RawClient client(daemon_->port());
    const auto reloaded = client.ask(R"({"id":1,"op":"reload"})");
    EXPECT_THAT(reloaded, HasSubstr(R"("ok":false)")) << wrong.yaml;
    EXPECT_THAT(reloaded, HasSubstr("the old one stays")) << wrong.yaml;
    const auto served = client.ask(R"({"id":2,"op":"match","embedding":[1,0,0,0]})");
    EXPECT_THAT(served, HasSubstr(R"("route":"billing")")) << wrong.yaml;
    EXPECT_THAT(served, HasSubstr(R"("revision":1,)")) << wrong.yaml;
    const std::string log = daemon_->log();
    for (const std::string& said : wrong.said) {
      EXPECT_THAT(checked.output, HasSubstr("/semrouted.yaml" + said)) << wrong.yaml;
      EXPECT_THAT(started.output, HasSubstr("/semrouted.yaml" + said)) << wrong.yaml;
      EXPECT_THAT(log, HasSubstr("/semrouted.yaml" + said)) << wrong.yaml;
    }
  }

  // Where vector files are written: the daemon's own folder and that of the other programs.
  static const TemporaryFolder& files() {
    static const TemporaryFolder folder;
    return folder;
  }
  static void write_file(const std::string& name, const std::string& bytes) {
    files().write(name, bytes);
    daemon_->folder().write(name, bytes);
  }
  static void write_vectors(const std::string& name, const std::vector<float>& values, std::size_t dimension) {
    for (const std::string& folder : {files().path(), daemon_->folder().path()}) {
      write_npy(folder + "/" + name, values, dimension);
    }
  }

  static constexpr const char* kHead = "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n";
  static DaemonProcess* daemon_;
};
DaemonProcess* Configuration::daemon_ = nullptr;

TEST_F(Configuration, Fault34WhatIsNotStrictYaml) {
  expect_refused({"index: {dimension: 4}\ncolour: red\n", {":4:1: colour: unknown key"}});
  expect_refused({"index: {dimension: 4, metrik: dot}\n", {":3:23: index.metrik: unknown key; did you mean metric?"}});
  expect_refused({"index: {dimension: 4}\nindex: {dimension: 4}\n", {":4:1: index: given twice, first at 3:1"}});
  expect_refused({"index: {dimension: 4, dimension: 4}\n", {":3:23: index.dimension: given twice"}});
  expect_refused({"index: &a {dimension: 4}\n", {":3:8: index: anchors are not supported"}});
  expect_refused({"index: {dimension: 4}\ndecision: *a\n", {":4:11"}});
  expect_refused({"index:\n  <<: {dimension: 4}\n", {":4:3: index.<<: merge keys are not supported"}});
  expect_refused({"index: {dimension: 4}\n---\nindex: {dimension: 4}\n", {":4:1: expected one document"}});
  expect_refused({"index: !int {dimension: 4}\n", {":3:8: index: tags are not supported"}});
  expect_refused({"a: " + std::string(40, '[') + std::string(40, ']') + "\n", {":3:"}});
  expect_refused({"a: " + std::string(400'000, '[') + "\n", {":3:"}});
  expect_refused({"index: {dimension: 4\n", {":"}});
  expect_refused({"index: \"x\n", {":"}});
  expect_refused({"- index\n", {":"}});
}

TEST_F(Configuration, Fault35ValuesOutsideTheirRange) {
  expect_refused({"index: {dimension: 010}\n", {":3:20: index.dimension: a number with a leading zero"}});
  expect_refused({"index: {dimension: 0}\n", {":3:20: index.dimension: expected an integer 1..65536, found 0"}});
  expect_refused({"index: {dimension: 65537}\n", {":3:20: index.dimension: expected an integer 1..65536"}});
  expect_refused({"index: {dimension: 4.5}\n", {":3:20: index.dimension"}});
  expect_refused({"index: {dimension: \"4\"}\n", {":3:20: index.dimension"}});
  expect_refused({"index: {dimension: 4}\ndecision: {score_threshold: .nan}\n", {":4:29: decision.score_threshold"}});
  expect_refused({"index: {dimension: 4}\ndecision: {score_threshold: .inf}\n", {":4:29: decision.score_threshold"}});
  expect_refused({"index: {dimension: 4}\ndecision: {score_threshold: 1e400}\n", {":4:29: decision.score_threshold"}});
  expect_refused({"index: {dimension: 4}\ndecision: {margin: -0.1}\n", {":4:20: decision.margin"}});
  expect_refused({"index: {dimension: 4}\ndecision: {top_m: 0}\n", {":4:19: decision.top_m"}});
  expect_refused({"index: {dimension: 4}\ndrain: {timeout: 25}\n", {":4:18: drain.timeout: expected a duration"}});
  expect_refused(
      {"index: {dimension: 4}\nlimits: {max_request: 1TiB}\n", {":4:23: limits.max_request: expected a size"}});
  expect_refused({"index: {dimension: 4}\nlimits: {max_batch: 0}\n", {":4:21: limits.max_batch"}});
  expect_refused({"index: {dimension: 4, metric: hamming}\n", {":3:31: index.metric: expected one of cosine"}});
  expect_refused({"index: {dimension: 4, hnsw: {m: 50000}}\n", {":3:33: index.hnsw.m: expected an integer 2..128"}});
  expect_refused({"index: {dimension: 4, rerank: none}\n", {":3:31: index.rerank: quantization none keeps"}});
  expect_refused({"index: {dimension: 4, metric: manhattan, quantization: binary}\ndecision: {score_threshold: 0}\n",
                  {":3:56: index.quantization: quantization binary cannot estimate manhattan distances"}});
  expect_refused({"index: {dimension: 4, metric: dot}\n", {":1:1: decision.score_threshold: is required"}});
}

TEST_F(Configuration, Fault35AScoreThresholdMayBeAnyFiniteNumber) {
  for (const char* threshold : {"-3", "0", "7.5", "-1e300"}) {
    files().write("fine.yaml",
                  std::string(kHead) + "index: {dimension: 4}\ndecision: {score_threshold: " + threshold + "}\n");
    EXPECT_EQ(run_program({daemon_path(), "--check", "-c", files().path() + "/fine.yaml"}).exit_code, 0) << threshold;
  }
}

TEST_F(Configuration, Fault36RoutesTargetsAndTheirFiles) {
  write_vectors("three.npy", {1, 0, 0, 0, 1, 0}, 3);
  write_vectors("nan.npy", {1, 0, 0, 0, 1, std::numeric_limits<float>::quiet_NaN(), 0, 0, 0, 0, 0, 0}, 4);
  write_vectors("two.npy", {1, 0, 0, 0, 0, 1, 0, 0}, 4);
  write_file("one.jsonl", "a\n");
  write_file("cut.npy", "\x93NUMPY\x01");
  const std::string head = "index: {dimension: 4}\ntargets: [{name: t, kind: static, reply: 1}]\nroutes:\n";
  const std::string vectors = "references: {vectors: [[1, 0, 0, 0]]}";
  expect_refused({head + "  - {name: a, " + vectors + "}\n  - {name: a, " + vectors + "}\n",
                  {":7:12: routes[1].name: the route \"a\" is there already, at 6:12"}});
  expect_refused({head + "  - {name: a, target: u, " + vectors + "}\n",
                  {":6:23: routes[0].target: expected the name of a target, found \"u\""}});
  expect_refused(
      {head + "  - {name: a, references: {vectors: none.npy}}\n", {":6:37: routes[0].references.vectors: "}});
  expect_refused(
      {head + "  - {name: a, references: {vectors: three.npy}}\n", {":6:37: routes[0].references.vectors: "}});
  expect_refused({head + "  - {name: a, references: {vectors: cut.npy}}\n", {":6:37: routes[0].references.vectors: "}});
  expect_refused({head + "  - {name: a, references: {vectors: two.npy, labels: one.jsonl}}\n",
                  {":6:54: routes[0].references.labels: "}});
  expect_refused({head + "  - {name: a, references: {vectors: [[1, 0, 0]]}}\n",
                  {":6:38: routes[0].references.vectors[0]: has 3 numbers, the index 4"}});
  expect_refused({head + "  - {name: a, references: {vectors: [[0, 0, 0, 0]]}}\n",
                  {":6:38: routes[0].references.vectors[0]: has the norm 0"}});
  expect_refused({head + "  - {name: a/b, " + vectors + "}\n", {":6:12: routes[0].name: "}});
  expect_refused({head + "  - {name: a}\n", {":6:5: routes[0].references: is required"}});
  expect_refused({"index: {dimension: 4}\ndecision: {default_route: b}\n", {":4:27: decision.default_route: "}});
  expect_refused(
      {"index: {dimension: 4}\ntargets: [{name: t, kind: static, reply: 1}, {name: t, kind: static, reply: 2}]\n",
       {":4:53: targets[1].name: the target \"t\" is there already"}});

  // Every row and every problem, in one run.
  expect_refused(
      {head +
           "  - {name: a, references: {vectors: nan.npy}}\n  - {name: b, target: u, references: {vectors: none.npy}}\n",
       {":6:37: routes[0].references.vectors: ", ":7:23: routes[1].target", ":7:48: routes[1].references.vectors: "}});
  const auto all = run_program({daemon_path(), "--check", "-c", files().path() + "/semrouted.yaml"}).output;
  EXPECT_THAT(all, HasSubstr("nan.npy: row 1: number 1 is not finite"));
  EXPECT_THAT(all, HasSubstr("nan.npy: row 2: has the norm 0"));
}

TEST_F(Configuration, Fault36NoStateCanBeMade) {
  expect_refused(
      {"index: {dimension: 4, model: tiny}\ndecision: {aggregation: centroid}\n"
       "routes: [{name: a, references: {vectors: [[1, 0, 0, 0], [-1, 0, 0, 0]]}}]\n",
       {": route \"a\": its 2 references cancel each other"}});
}

TEST_F(Configuration, Fault37FilesThatAreNone) {
  expect_refused({std::string((1U << 20), '#') + "\n", {": has 10486"}});
  expect_refused({"#\n\xFF\n", {":4:1: expected UTF-8"}});
  for (const std::string& path : {files().path() + "/nowhere.yaml", files().path(), std::string("/dev/null")}) {
    for (const bool check : {false, true}) {
      std::vector<std::string> command{daemon_path(), "--config", path};
      if (check) command.emplace_back("--check");
      const auto refused = run_program(command);
      EXPECT_EQ(refused.exit_code, 78) << path;
      EXPECT_THAT(refused.output, HasSubstr(path + ": ")) << path;
    }
  }
  files().write("empty.yaml", "");
  EXPECT_EQ(run_program({daemon_path(), "-c", files().path() + "/empty.yaml"}).exit_code, 78);
  if (::geteuid() != 0) {
    files().write("locked.yaml", tiny_config());
    ASSERT_EQ(::chmod((files().path() + "/locked.yaml").c_str(), 0), 0);
    EXPECT_EQ(run_program({daemon_path(), "-c", files().path() + "/locked.yaml"}).exit_code, 78);
  }
  // A reload of a file that went away, or became empty.
  RawClient client(daemon_->port());
  for (const bool exists : {true, false}) {
    daemon_->folder().write("semrouted.yaml", "");
    if (!exists) {
      ASSERT_EQ(::unlink(daemon_->config_path().c_str()), 0);
    }
    EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr("the old one stays"));
    EXPECT_THAT(client.ask(R"({"id":2,"op":"match","embedding":[1,0,0,0]})"), HasSubstr(R"("route":"billing")"));
  }
}

TEST_F(Configuration, Fault91AListenerBeyondLoopbackIsRefusedUntilItIsAllowed) {
  for (const std::string key : {"listen", "admin"}) {
    const std::string other = key == "listen" ? "admin" : "listen";
    for (const std::string address : {"0.0.0.0:0", "'[::]:0'", "192.0.2.1:7311"}) {
      const std::string yaml = key + ": " + address + "\n" + other + ": 127.0.0.1:0\n" + tiny_config();
      files().write("open.yaml", yaml);
      const auto refused = run_program({daemon_path(), "--config", files().path() + "/open.yaml"});
      EXPECT_EQ(refused.exit_code, 78) << yaml;
      EXPECT_THAT(refused.output, HasSubstr("/open.yaml:1:")) << yaml;
      EXPECT_THAT(refused.output, HasSubstr(key + ": ")) << yaml;
      EXPECT_THAT(refused.output, HasSubstr("allow_open: true")) << yaml;
      files().write("open.yaml", yaml + "access: {allow_open: true}\n");
      EXPECT_EQ(run_program({daemon_path(), "--check", "-c", files().path() + "/open.yaml"}).exit_code, 0) << yaml;
    }
  }
  files().write("loopback.yaml", "listen: 127.8.9.10:0\nadmin: '[::1]:0'\n" + tiny_config());
  EXPECT_EQ(run_program({daemon_path(), "--check", "-c", files().path() + "/loopback.yaml"}).exit_code, 0);
}

TEST_F(Configuration, KeysOfLaterVersionsAreRefusedByName) {
  for (const auto& [yaml, named] : std::vector<std::pair<std::string, std::string>>{
           {"http: 127.0.0.1:0", "http"},
           {"tls: {cert_file: a.pem}", "tls"},
           {"access: {tokens_file: t}", "access.tokens_file"},
           {"limits: {handshake_timeout: 1s}", "limits.handshake_timeout"}}) {
    expect_refused({"index: {dimension: 4}\n" + yaml + "\n", {":4:"}});
    const auto said = run_program({daemon_path(), "--check", "-c", files().path() + "/semrouted.yaml"}).output;
    EXPECT_THAT(said, HasSubstr(" " + named + ": ")) << yaml;
    EXPECT_THAT(said, HasSubstr("known, not in this version")) << yaml;
  }
}

}  // namespace
}  // namespace semroute::test

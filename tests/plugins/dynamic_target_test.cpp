// The dynamic target with plugins that behave and others that do not (faults.md 76-78).
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plugins/log.h"
#include "plugins/targets/dynamic/instance.h"
#include "plugins/targets/dynamic/library.h"
#include "tests/plugins/kept_log.h"
#include "tests/plugins/target_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/places.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using semroute::test::eventually;
using semroute::test::plugin_path;
using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;
namespace fs = std::filesystem;

std::string log_text() { return KeptLog::text(); }

// A folder of this user's own, with copies of plugins.
class PluginFolder {
 public:
  PluginFolder() {
    char folder[] = "/tmp/semroute_plugin_XXXXXX";
    if (::mkdtemp(folder) == nullptr) std::abort();
    path_ = folder;
  }
  PluginFolder(const PluginFolder&) = delete;
  PluginFolder& operator=(const PluginFolder&) = delete;
  ~PluginFolder() { fs::remove_all(path_); }

  [[nodiscard]] const std::string& path() const { return path_; }
  std::string add(const std::string& variant, const std::string& name = "plugin.so") const {
    const std::string to = path_ + '/' + name;
    fs::copy_file(plugin_path(variant), to, fs::copy_options::overwrite_existing);
    ::chmod(to.c_str(), 0644);
    return to;
  }

 private:
  std::string path_;
};

class DynamicTarget : public TargetFixture {
 protected:
  KeptLog log_;

  ~DynamicTarget() override {
    channel_.reset();
    if (target_ != nullptr) target_->stop();
    release();
    io_.restart();
    io_.run();  // until the plugin's threads have left
  }

  void open_plugin(std::vector<config::Member> keys = {}) {
    keys.push_back(text_of("file", "plugin.so"));
    auto config = target_of("service", "dynamic", std::move(keys));
    config.file = folder_.path() + "/semrouted.yaml";
    folder_.add("good");
    open(config);
  }

  DispatchOutcome ask(const std::string& payload) { return exchange(request(payload)); }
  // With a deadline of its own, long enough to get as far as the plugin.
  DispatchOutcome ask_in_a_hurry(const std::string& payload) {
    return until_sent([&](milliseconds timeout) {
      DispatchRequest hurried = request(payload);
      hurried.deadline = Clock::now() + timeout;
      return exchange(std::move(hurried));
    });
  }

  // What "block" and "at" wait for.
  [[nodiscard]] std::string gate() const { return folder_.path() + "/gate"; }
  void release() const { std::ofstream(gate()).put('1'); }

  PluginFolder folder_;
};

TEST_F(DynamicTarget, HandsThePluginTheRequestAndTakesItsReply) {
  open_plugin({map_of("config", {text_of("model", "small"), number_of("n", 3)})});
  DispatchRequest full = request("facts");
  full.has_score = true;
  full.score = 0.5F;
  full.traceparent = "00-01";
  full.headers = {{"x-tenant", "acme"}, {"x-b", ""}};
  const auto outcome = exchange(std::move(full));
  expect_reply(outcome, 200, "billing|r-1|matched|application/json|00-01|17|0.500000|time left|x-tenant=acme|x-b=");
  EXPECT_EQ(outcome.reply->content_type, "text/plain");
  EXPECT_THAT(ask("facts").reply->body, HasSubstr("|no score|"));
  DispatchRequest copy = request("facts");
  copy.is_mirror = true;
  EXPECT_THAT(exchange(std::move(copy)).reply->body, HasSubstr("|time left|a copy"));
  const auto configured = ask("config");
  expect_reply(configured, 201, R"({"model":"small","n":3})");
  EXPECT_EQ(configured.reply->content_type, "application/json");
  expect_reply(ask("log here I am"), 200, "");
  EXPECT_THAT(log_text(), HasSubstr("target service: here I am\n"));
  const auto stats = target_->stats();
  EXPECT_EQ(stats.state, "healthy");
  EXPECT_EQ(stats.endpoints.at(0).requests, 5U);
  EXPECT_EQ(stats.endpoints.at(0).address, "plugin.so");
}

TEST_F(DynamicTarget, APluginMayAnswerLaterOnAThreadOfItsOwn) {
  open_plugin();
  std::vector<Sent*> sent;
  for (int i = 0; i < 50; ++i) sent.push_back(&dispatch(request("later " + std::to_string(i))));
  for (int i = 0; i < 50; ++i) expect_reply(finish(*sent[static_cast<std::size_t>(i)]), 200, std::to_string(i));
}

TEST_F(DynamicTarget, APluginsFailureIsAnUpstreamError) {
  open_plugin({map_of("limits", {text_of("max_reply", "1KiB")})});
  const auto outcome = ask("fail no such queue");
  expect_error(outcome, ErrorCode::upstream_error, true);
  EXPECT_EQ(outcome.reply.error().message, "the target's plugin says: no such queue");
  expect_error(ask("throw"), ErrorCode::upstream_error, true);
  expect_error(ask("status 99"), ErrorCode::upstream_error, true);
  expect_error(ask("status 600"), ErrorCode::upstream_error, true);
  expect_error(ask("null"), ErrorCode::upstream_error, true);
  expect_error(ask("type text/plain\r\nX: 1"), ErrorCode::upstream_error, true);
  EXPECT_EQ(ask("type text/x; a=1").reply->content_type, "text/x; a=1");
  expect_reply(ask("big 1024"), 200, std::string(1024, 'x'));
  EXPECT_THAT(ask("big 1025").reply.error().message, HasSubstr("limits.max_reply"));
  expect_reply(ask("counts"), 200, "cancelled 0, ignored 0");
}

TEST_F(DynamicTarget, ASecondCompletionAndOneOfNoCallAreIgnoredAndCounted) {
  open_plugin();
  for (int i = 0; i < 3; ++i) expect_reply(ask("twice"), 200, "first");
  expect_reply(ask("strangers"), 200, "mine");
  expect_reply(ask("counts"), 200, "cancelled 0, ignored 6");
  // One of the strangers has the number of this instance.
  EXPECT_THAT(target_->stats().endpoints.at(0).failures, Contains(Pair("ignored_completion", 4U)));
}

TEST_F(DynamicTarget, Fault77APluginThatNeverCompletesCostsItsRequest) {
  open_plugin({number_of("threads", 1)});
  expect_error(ask_in_a_hurry("never"), ErrorCode::upstream_timeout, true);
  expect_reply(ask("config"), 201, "null");
  EXPECT_TRUE(eventually([&] { return ask("counts").reply->body.starts_with("cancelled 1,"); }))
      << "it was told that nobody waits";
  EXPECT_THAT(target_->stats().endpoints.at(0).failures, Contains(Pair("timeout", 1U)));
  EXPECT_EQ(target_->stats().endpoints.at(0).in_flight, 0U);
}

TEST_F(DynamicTarget, Fault77APluginThatHangsIsWorkedAround) {
  open_plugin({number_of("threads", 1)});
  for (int i = 0; i < 3; ++i) {
    expect_error(ask_in_a_hurry("block " + gate()), ErrorCode::upstream_timeout, true);
    expect_reply(ask("config"), 201, "null");
  }
  EXPECT_THAT(target_->stats().endpoints.at(0).failures, Contains(Pair("late_threads", 3U)));
  release();
  EXPECT_TRUE(eventually([&] {
    const auto failures = target_->stats().endpoints.at(0).failures;
    return std::ranges::none_of(failures, [](const auto& one) { return one.first == "late_threads"; });
  }));
  EXPECT_THAT(target_->stats().endpoints.at(0).failures, Contains(Pair("ignored_completion", 3U)));
  expect_reply(ask("config"), 201, "null");
}

TEST_F(DynamicTarget, Fault77APluginWhoseThreadsAllHangIsUnavailableUntilOneComesBack) {
  open_plugin({number_of("threads", 1)});
  const auto gate_of = [this](std::size_t i) { return gate() + std::to_string(i); };
  const auto state = [this] { return target_->stats().endpoints.at(0).state; };
  const auto hang = [&](std::size_t i) -> Sent& {
    Sent& sent = dispatch(request("block " + gate_of(i)));
    EXPECT_TRUE(run_until([&] { return target_->stats().endpoints.at(0).in_flight == 1; }));
    return sent;
  };
  for (std::size_t i = 0; i < kPluginMaxLate; ++i) hang(i).call->cancel();
  expect_reply(ask("config"), 201, "null");
  EXPECT_EQ(state(), "running");
  Sent& last = hang(kPluginMaxLate);
  Sent& waiting = dispatch(request("config"));
  last.call->cancel();
  EXPECT_EQ(state(), "stuck");
  EXPECT_EQ(target_->stats().state, "unavailable");
  expect_error(finish(waiting), ErrorCode::upstream_unavailable, false);
  const auto outcome = ask("config");
  expect_error(outcome, ErrorCode::upstream_unavailable, false);
  EXPECT_THAT(outcome.reply.error().message, HasSubstr("is stuck"));
  EXPECT_THAT(log_text(), HasSubstr("is stuck"));

  std::ofstream(gate_of(3)).put('1');
  EXPECT_TRUE(eventually([&] { return state() == "running"; }));
  EXPECT_EQ(target_->stats().state, "healthy");
  for (int i = 0; i < 3; ++i) expect_reply(ask("config"), 201, "null");
  for (std::size_t i = 0; i <= kPluginMaxLate; ++i) std::ofstream(gate_of(i)).put('1');
  EXPECT_TRUE(eventually([&] {
    const auto failures = target_->stats().endpoints.at(0).failures;
    return std::ranges::none_of(failures, [](const auto& one) { return one.first == "late_threads"; });
  }));
  expect_reply(ask("config"), 201, "null");
}

TEST_F(DynamicTarget, ALateCompletionAnswersNobody) {
  open_plugin();
  expect_error(ask_in_a_hurry("at " + gate()), ErrorCode::upstream_timeout, true);
  release();
  EXPECT_TRUE(eventually([&] { return ask("counts").reply->body.ends_with("ignored 1"); }));
}

TEST_F(DynamicTarget, ACancelledCallIsNoLongerWanted) {
  open_plugin({number_of("threads", 1)});
  Sent& watching = dispatch(request("watch"));
  ASSERT_TRUE(run_until([&] { return target_->stats().endpoints.at(0).in_flight == 1; }));
  watching.call->cancel();
  expect_error(finish(watching), ErrorCode::cancelled, true);
  EXPECT_TRUE(eventually([&] { return ask("counts").reply->body.starts_with("cancelled 1,"); }));
}

TEST_F(DynamicTarget, RequestsThatWaitAreBoundedAndHaveTheirDeadline) {
  open_plugin({number_of("threads", 1), map_of("limits", {number_of("pending", 1)})});
  expect_reply(ask("config"), 201, "null");
  Sent& blocking = dispatch(request("block " + gate()));
  ASSERT_TRUE(run_until([&] { return target_->stats().endpoints.at(0).in_flight == 1; }));
  DispatchRequest hurried = request("config");
  hurried.deadline = Clock::now() + milliseconds(50);
  expect_error(exchange(std::move(hurried)), ErrorCode::timeout, false);
  Sent& waiting = dispatch(request("config"));
  // 81
  expect_error(exchange(request("config")), ErrorCode::overloaded, false);
  release();
  expect_reply(finish(blocking), 200, "unblocked");
  expect_reply(finish(waiting), 201, "null");
}

TEST_F(DynamicTarget, APluginThatDoesNotStartIsUnavailableAndSaysWhy) {
  open_plugin({text_of("config", "do not start")});
  const auto outcome = ask("config");
  expect_error(outcome, ErrorCode::upstream_unavailable, false);
  EXPECT_THAT(outcome.reply.error().message, HasSubstr("no model here"));
  EXPECT_EQ(target_->stats().state, "unavailable");
  EXPECT_THAT(log_text(), HasSubstr("no model here"));
}

TEST_F(DynamicTarget, AStopLetsCallsEndAndDestroysTheInstance) {
  open_plugin();
  Sent& running = dispatch(request("at " + gate()));
  ASSERT_TRUE(run_until([&] { return target_->stats().endpoints.at(0).in_flight == 1; }));
  target_->stop();
  expect_reply(ask("config"), 201, "null");  // of a request that began before
  EXPECT_THAT(log_text(), testing::Not(HasSubstr("destroyed")));
  release();
  expect_reply(finish(running), 200, "late");
  EXPECT_TRUE(eventually([] { return log_text().find("target service: destroyed") != std::string::npos; }));
  expect_error(ask("config"), ErrorCode::upstream_unavailable, false);
}

TEST_F(DynamicTarget, TwoTargetsHaveInstancesOfTheirOwn) {
  open_plugin({text_of("config", "one")});
  boost::asio::io_context control;
  const std::string file = folder_.path() + "/plugin.so";
  const auto other = make_target(target_of("other", "dynamic", {text_of("file", file), text_of("config", "two")}));
  other->start(control);
  expect_reply(ask("config"), 201, "\"one\"");
  const auto mine = std::move(channel_);
  channel_ = other->open(io_);
  expect_reply(ask("config"), 201, "\"two\"");
  channel_.reset();
  other->stop();
  control.run();
}

std::string problem_of(const std::string& file, const std::string& configured = "null") {
  const auto problems = problems_of(target_of("a", "dynamic", {text_of("file", file), text_of("config", configured)}));
  if (problems.empty()) return "";
  return problems[0].key_path + ": " + problems[0].message;
}

TEST(DynamicTargetFile, Fault76AnotherVersionOrNoSymbolIsNotLoadedAndNamed) {
  const PluginFolder folder;
  EXPECT_EQ(problem_of(folder.add("good", "good.so")), "");
  EXPECT_THAT(problem_of(folder.add("wrong_version", "a.so")),
              testing::AllOf(HasSubstr("targets[0].file: " + folder.path() + "/a.so: is of ABI version 2"),
                             HasSubstr("this daemon of 1")));
  EXPECT_THAT(problem_of(folder.add("no_symbol", "b.so")),
              HasSubstr(folder.path() + "/b.so: does not export semroute_plugin_get"));
  EXPECT_THAT(problem_of(folder.add("no_dispatch", "c.so")), HasSubstr("/c.so: its table lacks"));
  std::ofstream(folder.path() + "/d.so") << "no shared object";
  EXPECT_THAT(problem_of(folder.path() + "/d.so"), HasSubstr("/d.so: cannot be loaded: "));
  EXPECT_THAT(problem_of(folder.path() + "/e.so"), HasSubstr("/e.so: cannot be opened: No such file"));
  EXPECT_THAT(problem_of(folder.path()), HasSubstr(": is no regular file"));
  ASSERT_EQ(::mkfifo((folder.path() + "/f.so").c_str(), 0600), 0);
  EXPECT_THAT(problem_of(folder.path() + "/f.so"), HasSubstr("/f.so: is no regular file"));
}

TEST(DynamicTargetFile, Fault78AFileOrFolderThatOthersCanWriteIsNotLoaded) {
  const PluginFolder folder;
  const std::string file = folder.add("good");
  for (const mode_t mode : {0664U, 0646U, 0666U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_THAT(problem_of(file), HasSubstr("the file can be written by others")) << mode;
  }
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  for (const mode_t mode : {0770U, 0707U, 01777U}) {
    ASSERT_EQ(::chmod(folder.path().c_str(), mode), 0);
    EXPECT_THAT(problem_of(file), HasSubstr("its folder can be written by others")) << mode;
  }
  // A link in a safe folder leads to a file in one that is not.
  const PluginFolder safe;
  fs::create_symlink(file, safe.path() + "/link.so");
  EXPECT_THAT(problem_of(safe.path() + "/link.so"), HasSubstr("its folder can be written by others"));
  ASSERT_EQ(::chmod(folder.path().c_str(), 0700), 0);
  EXPECT_EQ(problem_of(safe.path() + "/link.so"), "");
}

TEST(DynamicTargetFile, Fault78AFileOfAnotherUserIsNotLoaded) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const PluginFolder folder;
  const std::string file = folder.add("good");
  ASSERT_EQ(::chown(file.c_str(), 65534, 65534), 0);
  EXPECT_THAT(problem_of(file), HasSubstr("the file belongs neither to root nor to the daemon's user"));
  ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(folder.path().c_str(), 65534, 65534), 0);
  EXPECT_THAT(problem_of(file), HasSubstr("its folder belongs neither"));
}

// The loader would take a descriptor's number that it has seen for the same file.
TEST(DynamicTargetFile, AnotherFileIsAnotherPluginHoweverTheyComeAndGo) {
  const PluginFolder folder;
  const auto first = load_plugin(folder.add("good", "first.so"));
  const auto second = load_plugin(folder.add("good", "second.so"));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(*first, *second) << "each has a table of its own";
  EXPECT_EQ(load_plugin(folder.path() + "/first.so").value(), *first);
  // Replaced by a rename: a new one.
  fs::rename(folder.add("good", "new.so"), folder.path() + "/first.so");
  EXPECT_FALSE(is_plugin_of(folder.path() + "/first.so", *first));
  const auto third = load_plugin(folder.path() + "/first.so");
  ASSERT_TRUE(third.ok());
  EXPECT_NE(*third, *first);
  EXPECT_NE(*third, *second);
  EXPECT_TRUE(is_plugin_of(folder.path() + "/first.so", *third));
  EXPECT_TRUE(is_plugin_of(folder.path() + "/second.so", *second));
}

TEST(DynamicTargetFile, OneThatWasWrittenOverWhileItIsLoadedIsRefused) {
  const PluginFolder folder;
  const std::string file = folder.add("good");
  EXPECT_EQ(problem_of(file), "");
  const auto written = fs::last_write_time(file);
  fs::last_write_time(file, written + std::chrono::seconds(1));
  EXPECT_THAT(problem_of(file), HasSubstr("was written over while it is loaded"));
}

TEST(DynamicTargetKeys, AreChecked) {
  const PluginFolder folder;
  const std::string file = folder.add("good");
  EXPECT_EQ(problem_of(file, "refuse me"), "targets[0].config: refused by the plugin test: as it says");
  const auto problems = [&](config::Member key) {
    std::vector<std::string> paths;
    for (const auto& problem : problems_of(target_of("a", "dynamic", {text_of("file", file), std::move(key)}))) {
      paths.push_back(problem.key_path);
    }
    return paths;
  };
  EXPECT_THAT(problems(number_of("threads", 0)), testing::ElementsAre("targets[0].threads"));
  EXPECT_THAT(problems(text_of("symbol", "x")), testing::ElementsAre("targets[0].symbol"));
  EXPECT_THAT(problems({"config", {}, scalar(std::numeric_limits<double>::infinity())}),
              testing::ElementsAre("targets[0].config"));
}

}  // namespace
}  // namespace semroute::plugins::test

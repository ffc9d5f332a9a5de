// The exec target against processes that behave and others that do not (faults.md 74).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "plugins/log.h"
#include "plugins/targets/exec/settings.h"
#include "tests/plugins/kept_log.h"
#include "tests/plugins/target_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/places.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using semroute::test::eventually;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
namespace json = boost::json;

std::string log_text() { return KeptLog::text(); }

std::size_t count_in_log(const std::string& text) {
  const std::string log = log_text();
  std::size_t count = 0;
  for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; ++at) ++count;
  return count;
}

// Neither there nor a zombie.
bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }
// Ended, whether or not somebody has waited for it: an orphan's new parent may take its time.
bool has_ended(pid_t pid) {
  if (is_gone(pid)) return true;
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  return line.empty() || line.substr(line.rfind(')')).starts_with(") Z");
}

std::set<std::string> open_descriptors() {
  std::set<std::string> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) open.insert(entry.path().filename());
  return open;
}

class ExecTarget : public TargetFixture {
 protected:
  KeptLog log_;

  ExecTarget() {
    std::signal(SIGPIPE, SIG_IGN);  // as in the daemon
    char folder[] = "/tmp/semroute_exec_XXXXXX";
    if (::mkdtemp(folder) == nullptr) std::abort();
    folder_ = folder;
  }
  ~ExecTarget() override {
    if (target_ != nullptr) end_target();
    std::filesystem::remove_all(folder_);
  }

  void open_worker(std::vector<config::Member> keys = {}, const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> command{"/usr/bin/python3", semroute::test::source_path("tests/support/exec_worker.py")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    keys.push_back(list_of("command", command));
    auto config = target_of("service", "exec", std::move(keys));
    config.file = folder_ + "/semrouted.yaml";
    open(config);
  }

  // As a reload that takes it out does; runs the loop until its processes are gone.
  void end_target() {
    channel_.reset();
    target_->stop();
    io_.restart();
    io_.run();
    for (const auto& process : target_->stats().endpoints) EXPECT_EQ(process.state, "down");
  }

  DispatchOutcome ask(const std::string& payload) { return exchange(request(payload)); }

  static json::value body_of(const DispatchOutcome& outcome) {
    if (!outcome.reply.ok()) {
      ADD_FAILURE() << outcome.reply.error().message;
      return {};
    }
    return json::parse(outcome.reply.value().body);
  }

  pid_t pid_of_worker() { return static_cast<pid_t>(body_of(ask(R"({"do":"facts"})")).at("pid").as_int64()); }

  std::string folder_;
};

TEST_F(ExecTarget, SpeaksLinesOfJson) {
  open_worker();
  DispatchRequest full = request("{\"text\": [1,\n2]}");
  full.has_score = true;
  full.score = 0.25F;
  full.headers = {{"x-tenant", "acme"}};
  const auto outcome = exchange(std::move(full));
  const auto seen = body_of(outcome).as_object();
  EXPECT_EQ(outcome.reply->content_type, "application/json");
  EXPECT_EQ(seen.at("payload"), json::parse("{\"text\":[1,2]}"));
  EXPECT_EQ(seen.at("route"), "billing");
  EXPECT_EQ(seen.at("request_id"), "r-1");
  EXPECT_EQ(seen.at("score"), 0.25);
  EXPECT_EQ(seen.at("headers"), json::parse(R"({"x-tenant":"acme"})"));
  EXPECT_THAT(tries_of(outcome), ElementsAre("ok"));
  const auto gone = ask(R"({"do":"reply","with":{"status":410,"text":"gone"}})");
  expect_reply(gone, 410, "gone");
  const auto stats = target_->stats();
  EXPECT_EQ(stats.state, "healthy");
  ASSERT_EQ(stats.endpoints.size(), 1U);
  EXPECT_EQ(stats.endpoints[0].requests, 2U);
  EXPECT_EQ(stats.endpoints[0].state, "running");
  EXPECT_EQ(stats.endpoints[0].address, "process 1");
}

TEST_F(ExecTarget, GivesItsProcessesWhatIsListedAndNothingElse) {
  const int leak = ::open("/dev/null", O_RDONLY);  // not close-on-exec: of a library, say
  ::setenv("SEMROUTE_SECRET", "x", 1);
  open_worker({map_of("env", {text_of("MODEL", "small"), text_of("LC_ALL", "C.UTF-8")}),
               map_of("limits", {text_of("memory", "1GiB"), number_of("open_files", 64)})});
  ::unsetenv("SEMROUTE_SECRET");
  ::close(leak);
  const auto facts = body_of(ask(R"({"do":"facts"})")).as_object();
  EXPECT_EQ(facts.at("environment"), json::parse(R"({"MODEL":"small","LC_ALL":"C.UTF-8"})"));
  EXPECT_EQ(facts.at("folder").as_string(), std::filesystem::canonical(folder_).string());
  EXPECT_EQ(facts.at("pid"), facts.at("group"));
  EXPECT_NE(facts.at("group").as_int64(), ::getpgid(0));
  EXPECT_EQ(facts.at("descriptors"), json::parse(R"([[0,"pipe"],[1,"pipe"],[2,"pipe"]])"));
  EXPECT_EQ(facts.at("core"), json::parse("[0,0]"));
  EXPECT_EQ(facts.at("open_files"), json::parse("[64,64]"));
  EXPECT_EQ(facts.at("memory"), json::parse("[1073741824,1073741824]"));
  EXPECT_EQ(facts.at("blocked"), 0);
  EXPECT_EQ(facts.at("ignored"), 0);
  EXPECT_EQ(facts.at("privileges"), "1");
}

TEST_F(ExecTarget, ProcessesWorkSideBySideAndTheRestWaits) {
  open_worker({number_of("processes", 2), map_of("limits", {number_of("pending", 6)})});
  std::vector<Sent*> sent;
  for (int i = 0; i < 8; ++i) sent.push_back(&dispatch(request(R"({"do":"facts"})")));
  // 81
  Sent& refused = dispatch(request());
  EXPECT_EQ(refused.call, nullptr);
  expect_error(finish(refused), ErrorCode::overloaded, false);
  std::set<std::int64_t> pids;
  for (Sent* one : sent) pids.insert(body_of(finish(*one)).at("pid").as_int64());
  EXPECT_EQ(pids.size(), 2U);
  EXPECT_EQ(target_->stats().pending, 0U);
}

TEST_F(ExecTarget, LargePayloadsAndRepliesGoThroughWhole) {
  open_worker();
  const std::string large(std::size_t{3} << 20, 'x');
  EXPECT_EQ(body_of(ask('"' + large + '"')).at("payload").as_string(), large);
}

TEST_F(ExecTarget, Fault74AProcessThatExitsCostsItsRequestAndIsStartedAgain) {
  open_worker();
  const pid_t first = pid_of_worker();
  const auto outcome = ask(R"({"do":"exit","code":3})");
  expect_error(outcome, ErrorCode::upstream_error, true);
  EXPECT_THAT(outcome.reply.error().message, HasSubstr("exit code 3"));
  EXPECT_TRUE(is_gone(first)) << "reaped";
  const pid_t second = pid_of_worker();
  EXPECT_NE(second, first);
  EXPECT_THAT(ask(R"({"do":"die"})").reply.error().message, HasSubstr("signal 9"));
  EXPECT_TRUE(is_gone(second));
  EXPECT_NE(pid_of_worker(), second);
}

TEST_F(ExecTarget, Fault74AProcessThatDoesNotAnswerIsKilled) {
  open_worker();
  (void)pid_of_worker();
  for (const char* how : {R"({"do":"hang"})", R"({"do":"hang and ignore"})"}) {
    const pid_t pid = pid_of_worker();
    const auto outcome = until_sent([&](milliseconds timeout) {
      DispatchRequest hurried = request(how);
      hurried.deadline = Clock::now() + timeout;
      return exchange(std::move(hurried));
    });
    expect_error(outcome, ErrorCode::upstream_timeout, true);
    EXPECT_TRUE(run_until([&] { return is_gone(pid); })) << how;
  }
  EXPECT_THAT(body_of(ask("1")).as_object(), testing::SizeIs(testing::Ge(5U)));
}

TEST_F(ExecTarget, Fault74AProcessThatIgnoresItsInputIsKilled) {
  open_worker({}, {"deaf"});
  const std::string large(std::size_t{1} << 20, 'x');  // more than a pipe takes
  const auto outcome = until_sent([&](milliseconds timeout) {
    DispatchRequest hurried = request('"' + large + '"');
    hurried.deadline = Clock::now() + timeout;
    return exchange(std::move(hurried));
  });
  expect_error(outcome, ErrorCode::upstream_timeout, true);
  EXPECT_TRUE(run_until([&] { return log_text().find("ended with signal 15") != std::string::npos; })) << log_text();
}

TEST_F(ExecTarget, Fault74WhatAProcessForkedEndsWithIt) {
  open_worker();
  // The child holds the pipes and ignores SIGTERM.
  const auto sleeper = static_cast<pid_t>(body_of(ask(R"({"do":"fork"})")).as_int64());
  EXPECT_FALSE(has_ended(sleeper));
  expect_error(ask(R"({"do":"exit"})"), ErrorCode::upstream_error, true);
  EXPECT_TRUE(eventually([&] { return has_ended(sleeper); }));

  const std::string file = folder_ + "/pid";
  expect_error(ask(R"({"do":"fork and exit","file":")" + file + "\"}"), ErrorCode::upstream_error, true);
  pid_t other = 0;
  std::ifstream(file) >> other;
  ASSERT_GT(other, 0);
  EXPECT_TRUE(eventually([&] { return has_ended(other); }));
}

TEST_F(ExecTarget, Fault74GarbageEndsTheProcess) {
  open_worker({map_of("limits", {text_of("max_reply", "64KiB")})});
  for (const std::string& payload :
       {std::string(R"({"do":"say","text":"hello\n"})"),
        std::string(R"({"do":"say","text":"{\"id\":1,\"body\":1}\n"})"),
        R"({"do":"say","text":")" + std::string(70'000, 'x') + "\"}", std::string(R"({"do":"close output"})")}) {
    const pid_t pid = pid_of_worker();
    expect_error(ask(payload), ErrorCode::upstream_error, true);
    EXPECT_TRUE(run_until([&] { return is_gone(pid); }));
  }
}

TEST_F(ExecTarget, Fault74ASecondAnswerGoesToNobody) {
  open_worker();
  const pid_t pid = pid_of_worker();
  expect_reply(ask(R"({"do":"answer twice"})"), 200, "1");
  EXPECT_TRUE(run_until([&] { return is_gone(pid); }));
  EXPECT_EQ(body_of(ask("5")).at("payload"), 5);
}

TEST_F(ExecTarget, LastWordsCount) {
  open_worker();
  for (std::size_t i = 1; i <= 3; ++i) {
    expect_reply(ask(R"({"do":"answer and exit"})"), 200, "\"last words\"");
    EXPECT_TRUE(run_until([&] { return count_in_log("ended with exit code 0") == i; }));
  }
}

TEST_F(ExecTarget, Fault74NoDescriptorIsLeaked) {
  open_worker();
  (void)pid_of_worker();
  const auto before = open_descriptors().size();
  for (int i = 0; i < 3; ++i) {
    expect_error(ask(R"({"do":"exit"})"), ErrorCode::upstream_error, true);
    (void)pid_of_worker();
  }
  EXPECT_EQ(open_descriptors().size(), before);
}

TEST_F(ExecTarget, WhereNoneRunsItIsUnavailable) {
  open("exec", {list_of("command", {"false"})});
  EXPECT_TRUE(run_until([&] { return target_->stats().state == "unavailable"; }));
  const auto outcome = exchange();
  expect_error(outcome, ErrorCode::upstream_unavailable, false);
  // Started again and again, at growing intervals.
  EXPECT_TRUE(run_until([&] { return count_in_log("was started") >= 3; }));
}

// A request is taken, not written, and put back: it must not be counted out of those that wait twice.
TEST_F(ExecTarget, WhereNoneReadsItsInputNoneIsLeftWaiting) {
  open("exec",
       {list_of("command", {"/bin/sh", "-c", "exec 0<&-; echo closed >&2; sleep 60"}), text_of("timeout", "1s")});
  ASSERT_TRUE(run_until([&] { return log_text().find(": closed") != std::string::npos; }));
  EXPECT_FALSE(exchange().reply.ok());
  EXPECT_THAT(log_text(), HasSubstr("closed its input"));
  EXPECT_EQ(target_->stats().pending, 0U);
}

TEST_F(ExecTarget, AnIdempotentOneIsAskedAgain) {
  open_worker({flag_of("idempotent", true)});
  EXPECT_TRUE(target_->is_idempotent());
  (void)pid_of_worker();
  const auto outcome = ask(R"({"do":"once","file":")" + folder_ + "/mark\"}");
  expect_reply(outcome, 200, "\"second\"");
  EXPECT_THAT(tries_of(outcome), ElementsAre("upstream_error", "ok"));
}

TEST_F(ExecTarget, WhatWaitsWaitsForARestart) {
  open_worker();
  (void)pid_of_worker();
  Sent& ends = dispatch(request(R"({"do":"exit"})"));
  Sent& waits = dispatch(request("5"));
  expect_error(finish(ends), ErrorCode::upstream_error, true);
  EXPECT_EQ(body_of(finish(waits)).at("payload"), 5);
}

TEST_F(ExecTarget, ACancelledRequestLeavesItsProcessAlone) {
  open_worker();
  const pid_t pid = pid_of_worker();
  Sent& running = dispatch(request("1"));
  ASSERT_TRUE(run_until([&] { return target_->stats().endpoints[0].in_flight == 1; }));
  Sent& waiting = dispatch(request("2"));
  running.call->cancel();
  waiting.call->cancel();
  expect_error(finish(running), ErrorCode::cancelled, true);
  expect_error(finish(waiting), ErrorCode::cancelled, false);
  EXPECT_EQ(pid_of_worker(), pid);
  EXPECT_EQ(target_->stats().pending, 0U);
}

TEST_F(ExecTarget, ItsStderrGoesToTheLogLineByLine) {
  open_worker();
  const std::string shown(kExecMaxLogLine, 'y');
  (void)ask(R"({"do":"complain","lines":["first","second",")" + shown + "cut off\"]}");
  EXPECT_TRUE(run_until([&] { return log_text().find(shown) != std::string::npos; }));
  EXPECT_THAT(log_text(), testing::ContainsRegex("target service: process [0-9]+: first\n"));
  EXPECT_THAT(log_text(), testing::ContainsRegex("target service: process [0-9]+: second\n"));
  EXPECT_THAT(log_text(), testing::Not(HasSubstr("cut off")));
}

TEST_F(ExecTarget, ARequestThatEndsProcessesIsTheOnlyOneToSuffer) {
  open_worker({flag_of("idempotent", true)});
  (void)pid_of_worker();
  Sent& ends = dispatch(request(R"({"do":"die"})"));
  Sent& ends_too = dispatch(request(R"({"do":"exit"})"));
  Sent& waits = dispatch(request("5"));
  const auto outcome = finish(ends);
  expect_error(outcome, ErrorCode::upstream_error, true);
  EXPECT_THAT(tries_of(outcome), ElementsAre("upstream_error", "upstream_error"));
  expect_error(finish(ends_too), ErrorCode::upstream_error, true);
  EXPECT_EQ(body_of(finish(waits)).at("payload"), 5);
}

// What comes after many of these has better chances elsewhere.
TEST_F(ExecTarget, WhereRequestsEndOneProcessAfterTheOtherItIsUnavailable) {
  open_worker();
  (void)pid_of_worker();
  int ended = 0;
  DispatchOutcome outcome = ask(R"({"do":"exit"})");
  while (outcome.sent && ++ended < 20) outcome = ask(R"({"do":"exit"})");
  expect_error(outcome, ErrorCode::upstream_unavailable, false);
  EXPECT_GT(ended, 3);
}

// As when a reload takes the target out: requests that began before may wait, or come.
TEST_F(ExecTarget, AStopServesWhatWaitsAndWhatComesBeforeTheLastChannelIsClosed) {
  open_worker();
  const pid_t pid = pid_of_worker();
  Sent& running = dispatch(request("1"));
  Sent& waiting = dispatch(request("2"));
  io_.poll();
  target_->stop();
  EXPECT_EQ(body_of(finish(running)).at("payload"), 1);
  EXPECT_EQ(body_of(finish(waiting)).at("payload"), 2);
  EXPECT_EQ(body_of(ask("3")).at("payload"), 3);
  EXPECT_FALSE(is_gone(pid));
  channel_.reset();
  EXPECT_TRUE(run_until([&] { return is_gone(pid); }));
  channel_ = target_->open(io_);
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
}

TEST_F(ExecTarget, AStopServesWhatWaitsForARestart) {
  open_worker();
  (void)pid_of_worker();
  Sent& ends = dispatch(request(R"({"do":"exit"})"));
  Sent& waits = dispatch(request("5"));
  expect_error(finish(ends), ErrorCode::upstream_error, true);
  target_->stop();
  EXPECT_EQ(body_of(finish(waits)).at("payload"), 5);
}

TEST_F(ExecTarget, NothingIsLeftWhenItsLoopEnds) {
  pid_t pid = 0;
  {
    boost::asio::io_context control;
    auto config = target_of(
        "service", "exec",
        {list_of("command",
                 {"/usr/bin/python3", semroute::test::source_path("tests/support/exec_worker.py"), "stubborn"})});
    target_ = make_target(config);
    target_->start(control);
    channel_ = target_->open(io_);
    Sent& sent = dispatch(request(R"({"do":"facts"})"));
    EXPECT_TRUE(eventually([&] {
      control.poll();
      control.restart();
      io_.poll();
      io_.restart();
      return sent.outcome.has_value();
    }));
    pid = static_cast<pid_t>(body_of(*sent.outcome).at("pid").as_int64());
    Sent& unfinished = dispatch(request(R"({"do":"hang"})"));
    target_->stop();
    (void)unfinished;
  }
  EXPECT_TRUE(is_gone(pid));
  channel_.reset();
  EXPECT_EQ(sent_.back().outcome->reply.error().code, ErrorCode::cancelled);
  target_.reset();
}

TEST(ExecTargetKeys, AreChecked) {
  const auto problems = [](std::vector<config::Member> keys) {
    std::vector<std::string> paths;
    for (const auto& problem : problems_of(target_of("a", "exec", std::move(keys)))) paths.push_back(problem.key_path);
    return paths;
  };
  const auto command = list_of("command", {"true"});
  EXPECT_THAT(problems({command}), ElementsAre());
  EXPECT_THAT(problems({list_of("command", {"/bin/sh", "-c", ""})}), ElementsAre());
  // One problem, that says what is expected.
  const auto problem = [&](config::Member key) {
    const auto found = problems_of(target_of("a", "exec", {std::move(key)}));
    return found.size() == 1 ? found[0].message : std::to_string(found.size()) + " problems";
  };
  EXPECT_EQ(
      problem(text_of("command", "/bin/sh x.sh")),
      "expected a list of strings: a program, then its arguments, found \"/bin/sh x.sh\"; no shell takes it apart");
  EXPECT_EQ(problem(number_of("processes", 1)),
            "expected a list of strings: a program, then its arguments, found nothing");
  EXPECT_THAT(problem(list_of("command", {std::string("tr\0ue", 5)})), HasSubstr("without NUL bytes"));
  EXPECT_THAT(problem(list_of("command", {"/bin/sh", std::string("\0", 1)})), HasSubstr("without NUL bytes"));
  for (const auto& bad : {list_of("command", {}), list_of("command", {""}), list_of("command", {"no-such-program"}),
                          list_of("command", {"/etc/passwd"}), list_of("command", {"/tmp"})}) {
    EXPECT_THAT(problems({bad}), ElementsAre("targets[0].command"));
  }
  EXPECT_THAT(problems({command, number_of("processes", 0)}), ElementsAre("targets[0].processes"));
  EXPECT_THAT(problems({command, map_of("env", {text_of("A=B", "")})}), ElementsAre("targets[0].env"));
  for (const char* memory : {"1KiB", "4095KiB"}) {
    EXPECT_THAT(problems({command, map_of("limits", {text_of("memory", memory)})}),
                ElementsAre("targets[0].limits.memory"));
  }
  for (const char* memory : {"0", "4MiB"}) {
    EXPECT_THAT(problems({command, map_of("limits", {text_of("memory", memory)})}), ElementsAre()) << memory;
  }
  EXPECT_THAT(problems({command, map_of("limits", {number_of("open_files", 1)})}),
              ElementsAre("targets[0].limits.open_files"));
  EXPECT_THAT(problems({command, text_of("connect_timeout", "1s")}), ElementsAre("targets[0].connect_timeout"));
}

}  // namespace
}  // namespace semroute::plugins::test

// Fault 83, at its floor: a log that is slower than the decisions, full, or stuck never holds anybody up.
#include "router/observe/decision_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace semroute::router {
namespace {

class DecisionLogFile : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ostringstream all;
    all << std::ifstream(path(name)).rdbuf();
    return all.str();
  }
  static std::unique_ptr<DecisionLog> open(const std::string& file) {
    auto log = DecisionLog::open(file);
    EXPECT_TRUE(log.ok()) << file;
    return std::move(log).value();
  }
  template <class Condition>
  static bool wait_until(Condition condition) {
    for (int i = 0; i < 4'000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return condition();
  }

  const std::string folder_ = ::testing::TempDir() + "decision_log_" + std::to_string(::getpid());
};

TEST_F(DecisionLogFile, KeepsWhatIsThereAndWritesAllAtTheEnd) {
  std::ofstream(path("log")) << "before\n";
  {
    const auto log = open(path("log"));
    for (int i = 0; i < 1'000; ++i) log->append("line\n");
  }
  std::string expected = "before\n";
  for (int i = 0; i < 1'000; ++i) expected += "line\n";
  EXPECT_EQ(text("log"), expected);
}

TEST_F(DecisionLogFile, WhatCannotBeOpenedIsNamed) {
  const auto log = DecisionLog::open(path("none/log"));
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().message, ::testing::HasSubstr(path("none/log") + ": No such file or directory"));
}

TEST_F(DecisionLogFile, AFullDiskDropsAndCounts) {
  const auto log = open("/dev/full");
  for (int i = 0; i < 100; ++i) log->append("line\n");
  EXPECT_TRUE(wait_until([&] { return log->dropped() == 100; })) << log->dropped();
}

// A pipe that nobody reads stands for a disk that hangs: lines are dropped, the end is not held up.
TEST_F(DecisionLogFile, AWriterThatIsStuckDropsAndEnds) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const std::string line(1'000, 'x');
  std::uint64_t appended = 0;
  std::uint64_t dropped = 0;
  {
    const auto log = open(path("pipe"));
    for (; log->dropped() == 0 && appended < 100'000; ++appended) log->append(line + "\n");
    dropped = log->dropped();
    EXPECT_GT(dropped, 0U);
    EXPECT_GT(appended, 8'000U) << "the buffer was not used";
  }
  std::string all;
  char bytes[4'096];
  for (ssize_t n = 0; (n = ::read(reader, bytes, sizeof bytes)) > 0;) all.append(bytes, static_cast<std::size_t>(n));
  ::close(reader);
  EXPECT_FALSE(all.empty());
  EXPECT_EQ(all.rfind(line + "\n", 0), 0U);
}

TEST_F(DecisionLogFile, ReopenedItLetsGoOfTheOldFile) {
  const auto log = open(path("log"));
  log->append("one\n");
  ASSERT_TRUE(wait_until([&] { return text("log") == "one\n"; }));
  std::filesystem::rename(path("log"), path("log.1"));
  log->reopen();
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(path("log")); }));
  log->append("two\n");
  ASSERT_TRUE(wait_until([&] { return text("log") == "two\n"; }));
  EXPECT_EQ(text("log.1"), "one\n");
}

// The folder went away: better the old file than none.
TEST_F(DecisionLogFile, WhatCannotBeReopenedIsKept) {
  std::filesystem::create_directory(path("logs"));
  const auto log = open(path("logs/log"));
  log->append("one\n");
  ASSERT_TRUE(wait_until([&] { return text("logs/log") == "one\n"; }));
  std::filesystem::rename(path("logs"), path("moved"));
  log->reopen();
  log->append("two\n");
  EXPECT_TRUE(wait_until([&] { return text("moved/log") == "one\ntwo\n"; })) << text("moved/log");
  log->append("three\n");  // surely after the reopening
  EXPECT_TRUE(wait_until([&] { return text("moved/log") == "one\ntwo\nthree\n"; })) << text("moved/log");
  EXPECT_EQ(log->dropped(), 0U);
}

}  // namespace
}  // namespace semroute::router

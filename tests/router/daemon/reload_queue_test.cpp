// Fault 84: requests for a reload are coalesced.
#include "router/daemon/reload_queue.h"

#include <gtest/gtest.h>

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;

TEST(ReloadQueue, Fault84AStormCostsOneReloadMore) {
  ReloadQueue queue;
  std::vector<std::uint64_t> answers;
  const auto note = [&](const core::Result<std::uint64_t>& revision) { answers.push_back(revision.value()); };
  EXPECT_TRUE(queue.request(nullptr));
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(queue.request(i % 2 == 0 ? ReloadQueue::Done(note) : nullptr));
  EXPECT_TRUE(queue.finish(std::uint64_t{2})) << "the running one may have read the file too early for the others";
  EXPECT_TRUE(answers.empty());
  EXPECT_FALSE(queue.finish(std::uint64_t{3}));
  EXPECT_EQ(answers, std::vector<std::uint64_t>(500, 3));
  EXPECT_FALSE(queue.running());
}

TEST(ReloadQueue, ASignalAloneIsEnoughForAnother) {
  ReloadQueue queue;
  EXPECT_TRUE(queue.request(nullptr));
  EXPECT_FALSE(queue.request(nullptr));
  EXPECT_TRUE(queue.finish(std::uint64_t{2}));
  EXPECT_FALSE(queue.finish(std::uint64_t{3}));
  EXPECT_TRUE(queue.request(nullptr));
}

TEST(ReloadQueue, EachHearsOfTheReloadThatItWaitedFor) {
  ReloadQueue queue;
  std::string first;
  std::string second;
  const auto into = [](std::string& text) {
    return [&text](const core::Result<std::uint64_t>& result) {
      text = result.ok() ? std::to_string(*result) : result.error().message;
    };
  };
  EXPECT_TRUE(queue.request(into(first)));
  EXPECT_FALSE(queue.request(into(second)));
  EXPECT_TRUE(queue.finish(Error{ErrorCode::bad_request, "wrong"}));
  EXPECT_EQ(first, "wrong");
  EXPECT_EQ(second, "");
  EXPECT_FALSE(queue.finish(std::uint64_t{2}));
  EXPECT_EQ(second, "2");
}

// An answer may ask again at once.
TEST(ReloadQueue, ARequestMadeInAnAnswerIsAnswered) {
  ReloadQueue queue;
  int answered = 0;
  EXPECT_TRUE(queue.request([&](const core::Result<std::uint64_t>&) {
    EXPECT_TRUE(queue.request([&](const core::Result<std::uint64_t>&) { ++answered; }));
  }));
  EXPECT_FALSE(queue.finish(std::uint64_t{2})) << "the one that asked starts it";
  EXPECT_TRUE(queue.running());
  EXPECT_FALSE(queue.finish(std::uint64_t{3}));
  EXPECT_EQ(answered, 1);
}

}  // namespace
}  // namespace semroute::router

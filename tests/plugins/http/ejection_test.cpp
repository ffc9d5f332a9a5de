#include "plugins/targets/http/ejection.h"

#include <gtest/gtest.h>

namespace semroute::plugins {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = HttpEjection::State;

const Clock::time_point kStart = Clock::time_point(std::chrono::hours(5));

TEST(HttpEjection, WantsSoManyFailuresInARow) {
  HttpEjection ejection(3, seconds(30));
  EXPECT_FALSE(ejection.on_failure());
  EXPECT_FALSE(ejection.on_failure());
  ejection.on_success();
  EXPECT_FALSE(ejection.on_failure());
  EXPECT_FALSE(ejection.on_failure());
  EXPECT_TRUE(ejection.on_failure());
  HttpEjection never(0, seconds(30));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(never.on_failure());
}

TEST(HttpEjection, LetsOneProbeThroughWhenItsTimeIsOver) {
  HttpEjection ejection(1, seconds(30));
  ejection.eject(kStart);
  EXPECT_EQ(ejection.state(), State::out);
  EXPECT_FALSE(ejection.admits(kStart + seconds(29)));
  EXPECT_FALSE(ejection.claim_probe(kStart + seconds(29)));
  const auto over = kStart + seconds(30);
  EXPECT_TRUE(ejection.admits(over));
  EXPECT_TRUE(ejection.claim_probe(over));
  EXPECT_FALSE(ejection.admits(over));
  EXPECT_FALSE(ejection.claim_probe(over));
  // Told nothing, another may go.
  ejection.release_probe();
  EXPECT_TRUE(ejection.claim_probe(over));
  ejection.restore(over);
  EXPECT_TRUE(ejection.admits(over));
  EXPECT_FALSE(ejection.claim_probe(over));
}

TEST(HttpEjection, LastsLongerEachTimeAndNotForEver) {
  HttpEjection ejection(1, seconds(30));
  auto now = kStart;
  for (int i = 1; i <= 20; ++i) {
    ejection.eject(now);
    const auto time = std::min<Clock::duration>(seconds(30) * i, core::kHttpLongestEjection);
    EXPECT_FALSE(ejection.admits(now + time - milliseconds(1))) << i;
    now += time;
    EXPECT_TRUE(ejection.claim_probe(now)) << i;
  }
  // In for two times base_time: two taken off.
  HttpEjection recovering(1, seconds(10));
  for (int i = 0; i < 3; ++i) recovering.eject(kStart);
  recovering.restore(kStart);
  recovering.eject(kStart + seconds(25));
  EXPECT_TRUE(recovering.admits(kStart + seconds(45)));
  EXPECT_FALSE(recovering.admits(kStart + seconds(44)));
}

TEST(HttpEjection, RequestsFromBeforeChangeNothing) {
  HttpEjection ejection(2, seconds(30));
  ejection.eject(kStart);
  ejection.on_success();
  EXPECT_FALSE(ejection.on_failure());
  EXPECT_FALSE(ejection.on_failure());
  EXPECT_EQ(ejection.state(), State::out);
  EXPECT_TRUE(ejection.admits(kStart + seconds(30)));
}

}  // namespace
}  // namespace semroute::plugins

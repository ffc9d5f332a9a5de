#include "router/changes/change_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "core/base/limits.h"
#include "tests/router/changes/changes.h"
#include "tests/router/changes/test_journal.h"
#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using core::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

// A change thread with a daemon that the test plays: states are served as soon as they are published, or when it says.
class Changes : public testing::Test {
 protected:
  explicit Changes() {
    config_ = test::config_of({{"file", {1.0F}}}, test::max_at(0.5));
    config_.file = "routes.yaml";
    config_.routes[0].place = {14, 5};
    config_.index.capacity = 20;
    config::TargetConfig target;
    target.name = "canned";
    target.kind = "static";
    config::Value::Map node;
    node.push_back({"name", {}, test::text("canned")});
    node.push_back({"kind", {}, test::text("static")});
    node.push_back({"reply", {}, test::text("hello")});
    target.node = test::value(std::move(node));
    config_.targets.push_back(target);
    start();
  }
  ~Changes() override {
    journal_.release();
    thread_.reset();
  }

  void start() {
    config::Config sections = config_;
    sections.routes.clear();
    sections.targets.clear();
    thread_ = std::make_unique<ChangeThread>(
        loading_state(sections), 1, &journal_, nullptr, metrics_,
        [this](std::shared_ptr<const ServiceState> state, const std::function<void()>& adopted) {
          {
            const std::lock_guard lock(mutex_);
            served_ = std::move(state);
            if (!adopts_) {
              adopt_ = adopted;
              return;
            }
          }
          adopted();
        });
  }
  core::Result<std::uint64_t> load() {
    const auto promise = std::make_shared<std::promise<core::Result<std::uint64_t>>>();
    thread_->load(config_, [promise](const core::Result<std::uint64_t>& revision) { promise->set_value(revision); });
    return promise->get_future().get();
  }
  std::future<ChangeAnswer> submit(std::vector<RouteChange> changes) {
    const auto promise = std::make_shared<std::promise<ChangeAnswer>>();
    thread_->change(std::move(changes), [promise](const ChangeAnswer& answer) { promise->set_value(answer); });
    return promise->get_future();
  }
  ChangeAnswer change(RouteChange one) {
    std::vector<RouteChange> changes;
    changes.push_back(std::move(one));
    return submit(std::move(changes)).get();
  }
  std::shared_ptr<const ServiceState> served() {
    const std::lock_guard lock(mutex_);
    return served_;
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const Route& route : served()->routing->table.routes()) names.push_back(route.name);
    return names;
  }

  test::TestJournal journal_;
  Metrics metrics_;
  config::Config config_;
  std::mutex mutex_;
  std::shared_ptr<const ServiceState> served_;
  bool adopts_ = true;
  std::function<void()> adopt_;
  std::unique_ptr<ChangeThread> thread_;
};

TEST_F(Changes, AreUnavailableBeforeTheFirstLoad) {
  EXPECT_EQ(change(test::put("a", {1.0F})).revision.error().code, ErrorCode::unavailable);
}

TEST_F(Changes, EachMakesARevisionAndItsVersion) {
  EXPECT_EQ(load().value(), 1U);
  EXPECT_EQ(change(test::put("a", {2.0F})).revision.value(), 2U);
  EXPECT_EQ(change(test::put("b", {3.0F})).revision.value(), 3U);
  EXPECT_EQ(change(test::patch("a", {4.0F}, {})).revision.value(), 4U);
  EXPECT_EQ(change(test::put("file", {1.0F})).revision.error().code, ErrorCode::conflict);
  EXPECT_EQ(change(test::erase("b")).revision.value(), 5U) << "one that is refused makes no revision";
  EXPECT_EQ(served()->revision, 5U);
  EXPECT_THAT(names(), ElementsAre("a", "file"));
  EXPECT_EQ(served()->routing->table.routes()[0].version, 4U);
  EXPECT_EQ(load().value(), 6U);
  EXPECT_EQ(served()->routing->table.routes()[0].version, 4U);
  EXPECT_EQ(change(test::put("b", {3.0F})).revision.value(), 7U) << "a version is not used again";
}

TEST_F(Changes, WhatWaitsIsKeptAsOneGroupAndSeenInOrder) {
  ASSERT_TRUE(load().ok());
  journal_.hold();
  auto first = submit({test::put("a", {1.0F})});
  journal_.wait_for_commits(1);
  RouteChange if_new = test::put("b", {2.0F});
  if_new.if_version = 0;
  auto second = submit({if_new});
  auto third = submit({if_new});  // b is on its way
  RouteChange if_old = test::patch("b", {3.0F}, {});
  if_old.if_version = 3;
  auto fourth = submit({if_old});
  auto fifth = submit({test::erase("c")});
  auto sixth = submit({test::erase("a"), test::put("c", {1.0F})});
  journal_.release();
  EXPECT_EQ(first.get().revision.value(), 2U);
  EXPECT_EQ(second.get().revision.value(), 3U);
  EXPECT_EQ(third.get().revision.error().code, ErrorCode::conflict);
  EXPECT_EQ(fourth.get().revision.value(), 4U);
  EXPECT_EQ(fifth.get().revision.error().code, ErrorCode::not_found);
  EXPECT_EQ(sixth.get().revision.value(), 5U);
  EXPECT_THAT(journal_.groups(), ElementsAre(1U, 3U));
  EXPECT_THAT(names(), ElementsAre("b", "c", "file"));
  EXPECT_EQ(served()->revision, 5U);
}

// Fault 45, with changes on their way counted.
TEST_F(Changes, CapacityCountsChangesOnTheirWay) {
  ASSERT_TRUE(load().ok());
  journal_.hold();
  auto first = submit({test::put("a", std::vector<float>(10, 1.0F))});
  journal_.wait_for_commits(1);
  auto fits = submit({test::put("b", std::vector<float>(9, 1.0F))});
  auto one_more = submit({test::put("c", {1.0F})});
  auto same_size = submit({test::put("b", std::vector<float>(9, 2.0F))});
  auto in_place_of = submit({test::erase("b"), test::put("c", std::vector<float>(9, 2.0F))});
  journal_.release();
  EXPECT_TRUE(first.get().revision.ok());
  EXPECT_TRUE(fits.get().revision.ok());
  const ChangeAnswer refused = one_more.get();
  EXPECT_EQ(refused.revision.error().code, ErrorCode::resource_exhausted);
  EXPECT_THAT(refused.revision.error().message, HasSubstr("index.capacity is 20"));
  EXPECT_TRUE(same_size.get().revision.ok());
  EXPECT_TRUE(in_place_of.get().revision.ok());
}

TEST_F(Changes, AreAnsweredOnceServedAndNotBefore) {
  ASSERT_TRUE(load().ok());
  {
    const std::lock_guard lock(mutex_);
    adopts_ = false;
  }
  journal_.hold();
  auto answer = submit({test::put("a", {1.0F})});
  journal_.wait_for_commits(1);
  EXPECT_THAT(names(), ElementsAre("file")) << "not served before it is kept";
  journal_.release();
  std::function<void()> adopt;
  while (!adopt) {
    const std::lock_guard lock(mutex_);
    adopt = adopt_;
  }
  EXPECT_THAT(names(), ElementsAre("a", "file"));
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  adopt();
  EXPECT_EQ(answer.get().revision.value(), 2U);
}

// Faults 56 and 57, as far as the journal tells of them.
TEST_F(Changes, WhatIsNotKeptIsNotServed) {
  ASSERT_TRUE(load().ok());
  ASSERT_TRUE(change(test::put("a", {1.0F})).revision.ok());
  for (const bool unknown : {false, true}) {
    journal_.fail(JournalFailure{{ErrorCode::unavailable, "the disk is full"}, unknown});
    const ChangeAnswer answer = change(test::put("b", {1.0F}));
    EXPECT_EQ(answer.revision.error().message, "the disk is full");
    EXPECT_EQ(answer.outcome_unknown, unknown);
    EXPECT_THAT(names(), ElementsAre("a", "file"));
    EXPECT_EQ(served()->routing->index->count(), 2U) << "its rows were taken back";
    EXPECT_TRUE(load().ok()) << "reads and reloads go on";
  }
  // Refused because of one that then could not be kept: it would not have been refused.
  journal_.hold();
  auto waiting = submit({test::put("x", {1.0F})});
  journal_.wait_for_commits(4);
  RouteChange if_new = test::put("b", {1.0F});
  if_new.if_version = 0;
  auto first = submit({if_new});
  auto second = submit({if_new});
  journal_.release();
  EXPECT_EQ(waiting.get().revision.error().code, ErrorCode::unavailable);
  EXPECT_EQ(first.get().revision.error().code, ErrorCode::unavailable);
  EXPECT_EQ(second.get().revision.error().code, ErrorCode::unavailable);
  journal_.fail(std::nullopt);
  EXPECT_TRUE(change(test::put("b", {1.0F})).revision.ok());
}

TEST_F(Changes, AreThereAgainAfterARestart) {
  ASSERT_TRUE(load().ok());
  RouteChange put = test::put("a", {1.0F, 2.0F}, 1, {5.0F});
  put.fields.targets = {{"canned", 1}};
  ASSERT_TRUE(change(put).revision.ok());
  ASSERT_TRUE(change(test::patch("a", {3.0F}, {0})).revision.ok());
  ASSERT_TRUE(change(test::put("b", {4.0F})).revision.ok());
  ASSERT_TRUE(change(test::erase("b")).revision.ok());
  thread_.reset();
  start();
  EXPECT_EQ(load().value(), 6U) << "after every revision that a change was given";
  ASSERT_THAT(names(), ElementsAre("a", "file"));
  const Route& route = served()->routing->table.routes()[0];
  EXPECT_EQ(route.version, 3U);
  EXPECT_EQ(route.source, RouteSource::run_time);
  EXPECT_EQ(route.destination.targets, (config::TargetSplit{{"canned", 1}}));
  EXPECT_EQ(route.references.count(), 2U);
  EXPECT_EQ(test::stored(*served()->routing->index, route.references.id(0))[0], 2.0F);
  EXPECT_EQ(test::stored(*served()->routing->index, route.references.id(1))[0], 3.0F);
  EXPECT_EQ(change(test::put("b", {4.0F})).revision.value(), 7U);
}

TEST_F(Changes, ManyPatchesOfARouteAreKeptAsOneRecord) {
  ASSERT_TRUE(load().ok());
  ASSERT_TRUE(change(test::put("a", {1.0F})).revision.ok());
  std::size_t most = 0;
  for (std::size_t i = 0; i < 3 * core::kMaxRecordsOfRoute; ++i) {
    ASSERT_TRUE(change(test::patch("a", {static_cast<float>(i + 2)}, {0})).revision.ok());
    most = std::max(most, journal_.record_count("a"));
  }
  EXPECT_EQ(most, core::kMaxRecordsOfRoute);
  std::vector<RouteChange> together;  // of one batch: only the first of them can be put together with what is kept
  for (std::size_t i = 0; i < 3; ++i) together.push_back(test::patch("a", {1.0F}, {0}));
  together.push_back(test::patch("a", {7.0F}, {}));
  while (journal_.record_count("a") < core::kMaxRecordsOfRoute) {
    ASSERT_TRUE(change(test::patch("a", {5.0F}, {0})).revision.ok());
  }
  const ChangeAnswer answer = submit(std::move(together)).get();
  ASSERT_TRUE(answer.revision.ok()) << answer.revision.error().message;
  EXPECT_EQ(journal_.record_count("a"), 4U);
  thread_.reset();
  start();
  ASSERT_TRUE(load().ok());
  const Route& route = served()->routing->table.routes()[0];
  ASSERT_EQ(route.references.count(), 2U);
  EXPECT_EQ(test::stored(*served()->routing->index, route.references.id(0))[0], 1.0F);
  EXPECT_EQ(test::stored(*served()->routing->index, route.references.id(1))[0], 7.0F);
}

TEST_F(Changes, RoutesInTheWayAreParkedAtStartAndAtReload) {
  ASSERT_TRUE(load().ok());
  RouteChange put = test::put("a", {1.0F});
  put.fields.targets = {{"canned", 1}};
  ASSERT_TRUE(change(put).revision.ok());
  ASSERT_TRUE(change(test::put("b", {2.0F})).revision.ok());
  const config::Config before = config_;
  config_.targets.clear();
  config_.routes.push_back(config_.routes[0]);
  config_.routes.back().name = "b";
  for (const bool restart : {false, true}) {
    if (restart) {
      thread_.reset();
      start();
    }
    ASSERT_TRUE(load().ok());
    EXPECT_THAT(names(), ElementsAre("b", "file"));
    const auto& parked = served()->routing->parked;
    ASSERT_EQ(parked.size(), 2U);
    EXPECT_EQ(parked[0]->route->name, "a");
    EXPECT_THAT(parked[0]->reason, HasSubstr("no target \"canned\""));
    EXPECT_THAT(parked[1]->reason, HasSubstr("the configuration has a route of this name"));
    EXPECT_EQ(served()->routing->table.routes()[0].source, RouteSource::file);
  }
  RouteChange patch = test::patch("b", {3.0F}, {});
  EXPECT_THAT(change(patch).revision.error().message, HasSubstr("is of the configuration, at routes.yaml:14:5"));
  patch.name = "a";
  EXPECT_THAT(change(patch).revision.error().message, HasSubstr("is parked: its target \"canned\" is not there"));
  patch.fields.targets.emplace();
  ASSERT_TRUE(change(patch).revision.ok());
  EXPECT_THAT(names(), ElementsAre("a", "b", "file"));
  config_ = before;
  ASSERT_TRUE(load().ok());
  EXPECT_THAT(names(), ElementsAre("a", "b", "file"));
  EXPECT_TRUE(served()->routing->parked.empty());
  EXPECT_EQ(served()->routing->table.routes()[1].source, RouteSource::run_time);
}

TEST_F(Changes, BeyondTheBoundAreOverloadedAtOnce) {
  ASSERT_TRUE(load().ok());
  journal_.hold();
  auto first = submit({test::put("a", {1.0F})});
  journal_.wait_for_commits(1);
  std::vector<std::future<ChangeAnswer>> waiting;
  for (std::size_t i = 0; i < core::kMaxWaitingChanges; ++i) waiting.push_back(submit({test::erase("none")}));
  EXPECT_EQ(submit({test::erase("none")}).get().revision.error().code, ErrorCode::overloaded);
  journal_.release();
  for (auto& one : waiting) EXPECT_EQ(one.get().revision.error().code, ErrorCode::not_found);
  EXPECT_TRUE(first.get().revision.ok());
}

TEST_F(Changes, WhatWaitsWhenItStopsIsUnavailable) {
  ASSERT_TRUE(load().ok());
  journal_.hold();
  auto first = submit({test::put("a", {1.0F})});
  journal_.wait_for_commits(1);
  auto second = submit({test::put("b", {1.0F})});
  thread_->stop();
  journal_.release();
  thread_->join();
  EXPECT_EQ(second.get().revision.error().code, ErrorCode::unavailable);
  const ChangeAnswer kept = first.get();
  EXPECT_TRUE(kept.revision.ok() || kept.outcome_unknown);
  EXPECT_EQ(change(test::put("c", {1.0F})).revision.error().code, ErrorCode::unavailable);
  EXPECT_EQ(load().error().code, ErrorCode::unavailable);
}

TEST_F(Changes, ARefusedConfigurationLeavesEverythingAsItWas) {
  ASSERT_TRUE(load().ok());
  ASSERT_TRUE(change(test::put("a", {2.0F})).revision.ok());
  const auto before = served();
  config_.decision.default_route = "nowhere";
  config_.routes[0].references.values = {7.0F, 8.0F};
  EXPECT_FALSE(load().ok());
  EXPECT_EQ(served(), before);
  EXPECT_EQ(served()->routing->index->count(), 2U);
  EXPECT_EQ(change(test::put("b", {2.0F})).revision.value(), 3U);
}

}  // namespace
}  // namespace semroute::router

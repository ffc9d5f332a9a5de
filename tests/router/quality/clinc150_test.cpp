// On real utterances (CLINC150, 384 dimensions): `train` as references, `test` and `oos_test` as requests, held to
// exact float64 results. Slow under sanitizers, where synthetic_test.cpp takes the same paths.
#include <gtest/gtest.h>

#include "router/quality/weak_routes.h"
#include "tests/router/quality/labelled_state.h"
#include "tests/support/intent_data.h"
#include "tests/support/sanitizer.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using semroute::test::LabelledVectors;

constexpr std::size_t kDimension = semroute::test::kIntentDimension;

class Clinc150 : public testing::Test {
 protected:
  void SetUp() override {
    if (SEMROUTE_SANITIZED) GTEST_SKIP() << "a sanitizer build: 5,500 requests over 15,000 references take too long";
    if (const std::string missing = semroute::test::missing_intents("clinc150"); !missing.empty())
      GTEST_SKIP() << missing;
    semroute::test::append_intents(references_, "clinc150", "train");
    semroute::test::append_intents(requests_, "clinc150", "test");
    semroute::test::append_intents(requests_, "clinc150", "oos_test");
    ASSERT_EQ(references_.labels.size(), 15'000U);
    ASSERT_EQ(requests_.labels.size(), 5'500U);
  }

  std::vector<EvaluatedRequest> decided(Aggregation aggregation, std::size_t top_m) {
    config::DecisionConfig decision;
    decision.aggregation = aggregation;
    decision.top_m = top_m;
    const auto state = test::state_from(references_, kDimension, decision);
    if (state == nullptr) return {};
    EXPECT_EQ(state->table.routes().size(), 150U);
    return test::decide_all(*state, requests_);
  }

  LabelledVectors references_;
  LabelledVectors requests_;
};

void expect_accuracy(const std::vector<EvaluatedRequest>& requests, double expected) {
  const Accuracy accuracy = accuracy_without_threshold(requests);
  EXPECT_EQ(accuracy.in_scope, 4'500U);
  EXPECT_EQ(accuracy.out_of_scope, 1'000U);
  EXPECT_NEAR(accuracy.in_scope_accuracy().value(), expected, 0.001);
}

TEST_F(Clinc150, MeanTop5) {
  const auto requests = decided(Aggregation::mean_top, 5);
  expect_accuracy(requests, 0.8678);
  EXPECT_NEAR(auroc(requests).value(), 0.944, 0.001);
}

TEST_F(Clinc150, MeanTop3) { expect_accuracy(decided(Aggregation::mean_top, 3), 0.8598); }
TEST_F(Clinc150, Max) { expect_accuracy(decided(Aggregation::max, 3), 0.8453); }
TEST_F(Clinc150, Centroid) { expect_accuracy(decided(Aggregation::centroid, 3), 0.8438); }
TEST_F(Clinc150, Mean) { expect_accuracy(decided(Aggregation::mean, 3), 0.7556); }

TEST_F(Clinc150, WeakRoutesAreFoundAmong15000References) {
  config::DecisionConfig decision;
  const auto state = test::state_from(references_, kDimension, decision);
  ASSERT_NE(state, nullptr);
  const WeakRoutes weak = find_weak_routes(*state);
  ASSERT_EQ(weak.left_out.size(), 150U);
  EXPECT_TRUE(weak.too_few.empty());
  std::size_t refused = 0;
  for (const LeftOut& left : weak.left_out) refused += left.refused;
  EXPECT_GT(refused, 0U);
  EXPECT_LT(refused, 15'000U);
  EXPECT_TRUE(weak.duplicates_checked);
  for (const NearDuplicates& pair : weak.near_duplicates) {
    EXPECT_LT(pair.first_route, pair.second_route);
    for (const NearDuplicate& duplicate : pair.shown) EXPECT_GE(duplicate.score, 0.98F - 1e-6F);
  }
}

}  // namespace
}  // namespace semroute::router

// On real utterances (CLINC150, 384 dimensions): `train` as references, `test` and `oos_test` as requests, held to
// exact float64 results. Slow under sanitizers, where synthetic_test.cpp takes the same paths.
#include <gtest/gtest.h>

#include <filesystem>

#include "config/vector_file.h"
#include "router/quality/weak_routes.h"
#include "tests/router/quality/labelled_state.h"
#include "tests/support/places.h"
#include "tests/support/sanitizer.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using semroute::test::LabelledVectors;

constexpr std::size_t kDimension = 384;

std::string data_folder() { return semroute::test::test_data_folder() + "/clinc150"; }

void append(LabelledVectors& rows, const std::string& split) {
  const std::string path = data_folder() + "/" + split;
  auto vectors = config::read_vectors(path + ".d384.f16.npy", kDimension, core::Metric::cosine);
  ASSERT_TRUE(vectors.ok()) << vectors.error().message;
  auto labels = config::read_labels(path + ".jsonl");
  ASSERT_TRUE(labels.ok()) << labels.error().message;
  ASSERT_EQ(labels->labels.size(), vectors->count);
  rows.values.insert(rows.values.end(), vectors->values.begin(), vectors->values.end());
  rows.labels.insert(rows.labels.end(), labels->labels.begin(), labels->labels.end());
}

class Clinc150 : public testing::Test {
 protected:
  void SetUp() override {
    if (SEMROUTE_SANITIZED) GTEST_SKIP() << "a sanitizer build: 5,500 requests over 15,000 references take too long";
    if (!std::filesystem::exists(data_folder()))
      GTEST_SKIP() << "no data in " << data_folder() << "; set SEMROUTE_TEST_DATA to the folder that holds clinc150";
    append(references_, "train");
    append(requests_, "test");
    append(requests_, "oos_test");
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

// Whatever finds the candidates, the decision is that of exact search: on real utterances, for every aggregation.
#include <gtest/gtest.h>

#include "tests/router/quality/labelled_state.h"
#include "tests/support/intent_data.h"
#include "tests/support/sanitizer.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using semroute::test::kIntentDimension;
using semroute::test::LabelledVectors;

struct Set {
  const char* name;
  std::vector<std::string> request_splits;
};

core::IndexParams params_of(core::Algorithm algorithm, core::Quantization quantization) {
  core::IndexParams params;
  params.algorithm = algorithm;
  params.quantization = quantization;
  return params;
}

class IndexKinds : public testing::TestWithParam<std::tuple<Set, Aggregation>> {
 protected:
  void SetUp() override {
    if (SEMROUTE_SANITIZED) GTEST_SKIP() << "a sanitizer build: building graphs of 15,000 references takes too long";
    const Set& set = std::get<0>(GetParam());
    if (const std::string missing = semroute::test::missing_intents(set.name); !missing.empty())
      GTEST_SKIP() << missing;
    semroute::test::append_intents(references_, set.name, "train");
    for (const std::string& split : set.request_splits) semroute::test::append_intents(requests_, set.name, split);
    rules_.aggregation = std::get<1>(GetParam());
    rules_.score_threshold = rules_.aggregation == Aggregation::sum_top ? 1.5 : 0.5;
    rules_.margin = 0.01;
  }

  std::vector<EvaluatedRequest> decided(const core::IndexParams& params) {
    const auto state = test::state_from(references_, kIntentDimension, rules_, params, 2);
    if (state == nullptr) return {};
    EXPECT_EQ(state->index->walks(), params.algorithm == core::Algorithm::hnsw);
    return test::decide_all(*state, requests_);
  }

  LabelledVectors references_;
  LabelledVectors requests_;
  config::DecisionConfig rules_;
};

TEST_P(IndexKinds, AGraphOverBytesDecidesAsExactSearchInAllButOneOfAThousand) {
  const auto exact = decided(params_of(core::Algorithm::flat, core::Quantization::none));
  const auto found = decided(params_of(core::Algorithm::hnsw, core::Quantization::int8));
  ASSERT_EQ(exact.size(), found.size());
  std::size_t same = 0;
  for (std::size_t i = 0; i < exact.size(); ++i)
    same += exact[i].decision == found[i].decision && exact[i].served == found[i].served ? 1U : 0U;
  EXPECT_GE(static_cast<double>(same), 0.999 * static_cast<double>(exact.size())) << same << " of " << exact.size();
}

INSTANTIATE_TEST_SUITE_P(All, IndexKinds,
                         testing::Combine(testing::Values(Set{"clinc150", {"test", "oos_test"}},
                                                          Set{"banking77", {"test"}}),
                                          testing::Values(Aggregation::max, Aggregation::mean_top, Aggregation::sum_top,
                                                          Aggregation::mean, Aggregation::centroid)),
                         [](const auto& test_info) {
                           return std::string(std::get<0>(test_info.param).name) + "_" +
                                  std::string(config::to_string(std::get<1>(test_info.param)));
                         });

}  // namespace
}  // namespace semroute::router

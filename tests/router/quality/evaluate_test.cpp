// Numbers worked out by hand.
#include "router/quality/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace semroute::router {
namespace {

constexpr DecisionKind kNone = DecisionKind::no_match;
constexpr DecisionKind kMatched = DecisionKind::matched;
constexpr DecisionKind kDefault = DecisionKind::fallback;

EvaluatedRequest in_scope(std::string label, DecisionKind decision, std::string served, std::string best, float score) {
  return {std::move(label), false, decision, std::move(served), std::move(best), score};
}

EvaluatedRequest out_of_scope(DecisionKind decision, std::string served, std::string best, float score) {
  return {"oos", true, decision, std::move(served), std::move(best), score};
}

std::vector<EvaluatedRequest> sample() {
  return {
      in_scope("a", kMatched, "a", "a", 0.9F),
      in_scope("a", kMatched, "a", "a", 0.7F),
      in_scope("a", kMatched, "b", "b", 0.8F),
      in_scope("a", kDefault, "general", "a", 0.4F),
      in_scope("b", kMatched, "b", "b", 0.6F),
      in_scope("b", kNone, "", "a", 0.3F),
      in_scope("general", kDefault, "general", "b", 0.2F),
      {"b", false, kNone, "", "", std::nullopt},  // no candidate
      out_of_scope(kMatched, "b", "b", 0.65F),
      out_of_scope(kNone, "", "a", 0.4F),
      out_of_scope(kDefault, "general", "a", 0.1F),
  };
}

TEST(Accuracy, WithoutThresholdAsksWhetherTheBestRouteIsTheLabel) {
  const Accuracy accuracy = accuracy_without_threshold(sample());
  EXPECT_EQ(accuracy.in_scope, 8U);
  EXPECT_EQ(accuracy.in_scope_right, 4U);
  EXPECT_EQ(accuracy.out_of_scope, 3U);
  EXPECT_EQ(accuracy.out_of_scope_refused, 0U);
  EXPECT_DOUBLE_EQ(accuracy.in_scope_accuracy().value(), 0.5);
}

TEST(Accuracy, AtAThresholdRefusesBelowIt) {
  struct Case {
    double threshold;
    std::size_t right;
    std::size_t refused;
  };
  for (const Case& c : {Case{-1e300, 4, 0}, Case{0.0, 4, 0}, Case{0.4, 4, 1}, Case{0.41, 3, 2}, Case{0.65, 2, 2},
                        Case{0.66, 2, 3}, Case{0.9, 1, 3}, Case{0.95, 0, 3}, Case{1e300, 0, 3}}) {
    const Accuracy accuracy = accuracy_at(sample(), c.threshold);
    EXPECT_EQ(accuracy.in_scope_right, c.right) << c.threshold;
    EXPECT_EQ(accuracy.out_of_scope_refused, c.refused) << c.threshold;
  }
  const Accuracy accuracy = accuracy_at(sample(), 0.65);
  EXPECT_DOUBLE_EQ(accuracy.in_scope_accuracy().value(), 0.25);
  EXPECT_DOUBLE_EQ(accuracy.out_of_scope_recall().value(), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(accuracy.overall().value(), 4.0 / 11.0);
}

TEST(Accuracy, AsConfiguredTakesWhatWasServed) {
  const Accuracy accuracy = accuracy_as_configured(sample());
  EXPECT_EQ(accuracy.in_scope_right, 4U);  // a, a, b, and general by default
  EXPECT_EQ(accuracy.out_of_scope_refused, 2U);
}

TEST(Accuracy, OfNothingIsAbsent) {
  const Accuracy accuracy = accuracy_at({}, 0.5);
  EXPECT_FALSE(accuracy.in_scope_accuracy());
  EXPECT_FALSE(accuracy.out_of_scope_recall());
  EXPECT_FALSE(accuracy.overall());
}

std::optional<double> auroc_of(const std::vector<float>& in, const std::vector<float>& out) {
  std::vector<EvaluatedRequest> requests;
  for (const float score : in) requests.push_back(in_scope("a", kMatched, "a", "a", score));
  for (const float score : out) requests.push_back(out_of_scope(kNone, "", "a", score));
  const std::optional<double> forwards = auroc(requests);
  std::reverse(requests.begin(), requests.end());
  EXPECT_EQ(auroc(requests), forwards);
  return forwards;
}

TEST(Auroc, CountsPairsInOrderAndTiesHalf) {
  EXPECT_DOUBLE_EQ(auroc_of({0.8F, 0.9F}, {0.1F, 0.2F}).value(), 1.0);
  EXPECT_DOUBLE_EQ(auroc_of({0.1F, 0.2F}, {0.8F, 0.9F}).value(), 0.0);
  EXPECT_DOUBLE_EQ(auroc_of({0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}).value(), 0.5);
  EXPECT_DOUBLE_EQ(auroc_of({0.9F, 0.5F, 0.3F}, {0.5F, 0.1F}).value(), 4.5 / 6.0);
  EXPECT_DOUBLE_EQ(auroc_of({0.9F, 0.5F, 0.5F, 0.2F}, {0.5F, 0.5F, 0.3F}).value(), (3.0 + 2.0 + 2.0) / 12.0);
}

TEST(Auroc, ARequestWithoutCandidatesIsBelowAllOthers) {
  std::vector<EvaluatedRequest> requests{{"a", false, kNone, "", "", std::nullopt},
                                         out_of_scope(kNone, "", "a", -5.0F)};
  EXPECT_DOUBLE_EQ(auroc(requests).value(), 0.0);
  requests[1].best_score.reset();
  EXPECT_DOUBLE_EQ(auroc(requests).value(), 0.5);
}

TEST(Auroc, NeedsBothSides) {
  EXPECT_FALSE(auroc_of({0.5F}, {}));
  EXPECT_FALSE(auroc_of({}, {0.5F}));
  EXPECT_FALSE(auroc_of({}, {}));
}

std::vector<std::string> listed(const std::vector<Confusion>& confusions) {
  std::vector<std::string> lines;
  for (const Confusion& c : confusions) lines.push_back(c.label + ">" + c.answered + " " + std::to_string(c.count));
  return lines;
}

TEST(MostConfused, ListsWrongAnswersMostFrequentFirst) {
  std::vector<EvaluatedRequest> requests = sample();
  requests.push_back(in_scope("a", kMatched, "b", "b", 0.8F));
  EXPECT_EQ(listed(most_confused(requests, 10, Basis::served)),
            (std::vector<std::string>{"a>b 2", ">b 1", "a>general 1"}));
  EXPECT_EQ(listed(most_confused(requests, 10, Basis::best)),
            (std::vector<std::string>{"a>b 2", "b>a 1", "general>b 1"}));
  EXPECT_EQ(listed(most_confused(requests, 1, Basis::best)), (std::vector<std::string>{"a>b 2"}));
  EXPECT_TRUE(most_confused(requests, 0, Basis::best).empty());
}

TEST(RouteQuality, PrecisionAndRecallPerRoute) {
  const std::vector<RouteQuality> quality = route_quality(sample(), Basis::served);
  ASSERT_EQ(quality.size(), 3U);
  EXPECT_EQ(quality[0].route, "a");
  EXPECT_EQ(quality[0].requests, 4U);
  EXPECT_DOUBLE_EQ(quality[0].precision().value(), 1.0);
  EXPECT_DOUBLE_EQ(quality[0].recall().value(), 0.5);
  EXPECT_EQ(quality[1].route, "b");
  EXPECT_EQ(quality[1].requests, 3U);
  EXPECT_EQ(quality[1].answered, 3U);  // one of them out of scope
  EXPECT_DOUBLE_EQ(quality[1].precision().value(), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(quality[1].recall().value(), 1.0 / 3.0);
  EXPECT_EQ(quality[2].route, "general");
  EXPECT_DOUBLE_EQ(quality[2].precision().value(), 0.5);
  EXPECT_DOUBLE_EQ(quality[2].recall().value(), 1.0);
}

TEST(RouteQuality, OnTheBestRouteCountsInScopeRequestsOnly) {
  const std::vector<RouteQuality> quality = route_quality(sample(), Basis::best);
  ASSERT_EQ(quality.size(), 3U);
  EXPECT_EQ(quality[0].answered, 4U);
  EXPECT_EQ(quality[0].right, 3U);
  EXPECT_EQ(quality[1].answered, 3U);
  EXPECT_EQ(quality[1].right, 1U);
  EXPECT_FALSE(quality[2].precision());  // answered nothing
  EXPECT_DOUBLE_EQ(quality[2].recall().value(), 0.0);
}

}  // namespace
}  // namespace semroute::router

#include "router/observe/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/limits.h"

namespace semroute::router {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, RouteLabelsAreCapped) {
  Metrics metrics;
  const std::size_t routes = core::kMaxRouteLabels + 50;
  for (std::size_t i = 0; i < routes; ++i) {
    metrics.route("route" + std::to_string(i)).count(DecisionKind::matched, Reason::passed);
  }
  const std::string text = metrics.expose();
  std::size_t labels = 0;
  for (auto at = text.find("semrouted_decisions_total{"); at != std::string::npos;
       at = text.find("semrouted_decisions_total{", at + 1)) {
    ++labels;
  }
  EXPECT_EQ(labels, core::kMaxRouteLabels + 1);
  EXPECT_THAT(text, HasSubstr(R"(semrouted_decisions_total{route="route0",decision="matched",reason="passed"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(semrouted_decisions_total{route="_other",decision="matched",reason="passed"} 50)"));
}

TEST(Metrics, CountersOutliveTheRouteThatTheyAreOf) {
  Metrics metrics;
  RouteCounters& first = metrics.route("a");
  first.count(DecisionKind::fallback, Reason::ambiguous);
  EXPECT_EQ(&metrics.route("a"), &first);
  EXPECT_THAT(metrics.expose(),
              HasSubstr(R"(semrouted_decisions_total{route="a",decision="default",reason="ambiguous"} 1)"));
}

TEST(Metrics, ScoresAreAHistogramOfEveryMetricsRange) {
  Metrics metrics;
  for (const float score : {-0.7F, 0.55F, 0.55F, 1.0F, 250.0F}) metrics.route("a").observe_score(score);
  const std::string text = metrics.expose();
  for (const char* line :
       {R"(semrouted_score_bucket{route="a",le="-0.5"} 1)", R"(semrouted_score_bucket{route="a",le="0.5"} 1)",
        R"(semrouted_score_bucket{route="a",le="0.6"} 3)", R"(semrouted_score_bucket{route="a",le="1"} 4)",
        R"(semrouted_score_bucket{route="a",le="100"} 4)", R"(semrouted_score_bucket{route="a",le="+Inf"} 5)",
        R"(semrouted_score_count{route="a"} 5)"}) {
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
  }
}

TEST(Metrics, LabelsCannotBreakALine) {
  Metrics metrics;
  metrics.route("a\"b\\c").count(DecisionKind::matched, Reason::passed);
  metrics.target("t\"").count_error(core::ErrorCode::upstream_timeout);
  const std::string text = metrics.expose();
  EXPECT_THAT(text, HasSubstr(R"({route="a\"b\\c",decision="matched",reason="passed"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(semrouted_dispatch_total{target="t\"",outcome="upstream_timeout"} 1)"));
}

TEST(Metrics, WorkersAreSummed) {
  Metrics metrics;
  metrics.add_worker().requests.add(3);
  WorkerCounters& second = metrics.add_worker();
  second.requests.add(4);
  second.observe(Stage::search, 30'000);
  EXPECT_EQ(metrics.totals().requests, 7U);
  const std::string text = metrics.expose();
  EXPECT_THAT(text, HasSubstr("\nsemrouted_requests_total 7\n"));
  EXPECT_THAT(text, HasSubstr(R"(semrouted_stage_seconds_count{stage="search"} 1)"));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace semroute::router

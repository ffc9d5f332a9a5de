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

TEST(Metrics, TheIndexIsToldByPart) {
  Metrics metrics;
  metrics.index_bytes = [] { return core::IndexBytes{.vectors = 5, .codes = 4, .graph = 3, .ids = 2, .other = 1}; };
  const std::string text = metrics.expose();
  for (const char* line : {"{part=\"vectors\"} 5\n", "{part=\"codes\"} 4\n", "{part=\"graph\"} 3\n",
                           "{part=\"ids\"} 2\n", "{part=\"other\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(std::string("\nsemrouted_index_bytes") + line));
}

TEST(Metrics, TargetsAndEndpointsAreTold) {
  Metrics metrics;
  metrics.target_stats = [] {
    plugins::EndpointStats one{.address = "http://a:1"};
    one.state = "unhealthy";
    one.in_flight = 2;
    one.requests = 30;
    one.retries = 4;
    one.failures = {{"connect", 5}};
    one.p50_us = 1'000;
    one.p90_us = 20'000;
    one.p99_us = 3'000'000;
    plugins::TargetStats api{.state = "unavailable", .pending = 6, .endpoints = {one}};
    plugins::EndpointStats process{.address = "process 1"};
    process.state = "running";
    plugins::TargetStats program{.endpoints = {process}};
    return Metrics::TargetsStats{{"api", api}, {"canned", {}}, {"program", program}};
  };
  const std::string text = metrics.expose();
  for (const char* line :
       {R"(semrouted_target_available{target="api"} 0)", R"(semrouted_target_available{target="canned"} 1)",
        R"(semrouted_target_pending{target="api"} 6)",
        R"(semrouted_endpoint_healthy{target="api",endpoint="http://a:1"} 0)",
        R"(semrouted_endpoint_healthy{target="program",endpoint="process 1"} 1)",
        R"(semrouted_endpoint_in_flight{target="api",endpoint="http://a:1"} 2)",
        R"(semrouted_endpoint_requests_total{target="api",endpoint="http://a:1"} 30)",
        R"(semrouted_endpoint_retries_total{target="api",endpoint="http://a:1"} 4)",
        R"(semrouted_endpoint_failures_total{target="api",endpoint="http://a:1",kind="connect"} 5)",
        R"(semrouted_endpoint_latency_seconds{target="api",endpoint="http://a:1",quantile="0.5"} 0.001)",
        R"(semrouted_endpoint_latency_seconds{target="api",endpoint="http://a:1",quantile="0.9"} 0.02)",
        R"(semrouted_endpoint_latency_seconds{target="api",endpoint="http://a:1",quantile="0.99"} 3)"})
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line + "\n"));
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

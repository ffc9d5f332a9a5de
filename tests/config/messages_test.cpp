// What a user reads: one file with many mistakes, word for word, all in one run and in file order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/config/scratch.h"
#include "tests/support/places.h"

namespace semroute::config {
namespace {

constexpr const char* kManyMistakes = R"(listn: 127.0.0.1:7311
admin: 0.0.0.0:7312
workers: 0
index: {dimension: 2, metric: cosin, model: 5, hnsw: {m: 1}}
decision:
  top_m: "3"
  margin: -0.5
  margin: 1
  score_threshold: .nan
  default_route: general
drain: {delay: 5, timeout: 010}
limits: {max_request: 10XB, handshake_timeout: 1s}
access: off
targets:
  - {name: billing-api, kind: http}
  - {name: billing-api, kind: http}
routes:
  - name: billing
    target: billing
    references: {vectors: nope.npy}
    metadata: {tags: [a, b]}
  - name: refund
    references: {vectors: [[1, 0], [1, 0, 0]]}
  - name: sales
  - {name: a/b, references: {vectors: ~}}
)";

TEST(Messages, ManyMistakesAreAllReportedInOneRun) {
  const test::Scratch scratch;
  EXPECT_EQ(
      scratch.problems(kManyMistakes),
      (std::vector<std::string>{
          "routes.yaml:1:1: listn: unknown key; did you mean listen?",
          "routes.yaml:2:8: admin: 0.0.0.0:7312 can be reached from other machines, without authentication: listen on "
          "127.0.0.1, or write access: {allow_open: true}",
          "routes.yaml:3:10: workers: expected auto or an integer 1..1024, found 0",
          "routes.yaml:4:31: index.metric: expected one of cosine | dot | euclidean | manhattan, found \"cosin\"",
          "routes.yaml:4:45: index.model: expected a string (quote it), found 5",
          "routes.yaml:4:58: index.hnsw.m: expected an integer 2..128, found 1",
          "routes.yaml:6:10: decision.top_m: expected an integer 1..1000, found \"3\"",
          "routes.yaml:7:11: decision.margin: expected a number at least 0, found -0.5",
          "routes.yaml:8:3: decision.margin: given twice, first at 7:3",
          "routes.yaml:9:20: decision.score_threshold: expected a finite number, found .nan",
          "routes.yaml:10:18: decision.default_route: expected the name of a route, found \"general\"",
          "routes.yaml:11:16: drain.delay: expected a duration 0s..1h such as 250ms, 2s, 1m, found 5",
          "routes.yaml:11:28: drain.timeout: a number with a leading zero is ambiguous: write it without, or quote it "
          "as "
          "a string, found 010",
          "routes.yaml:12:23: limits.max_request: expected a size 1KiB..1GiB such as 64KiB, 1MiB, found \"10XB\"",
          "routes.yaml:12:48: limits.handshake_timeout: is known, not in this version",
          "routes.yaml:13:9: access: expected a map, found \"off\"",
          "routes.yaml:16:12: targets[1].name: the target \"billing-api\" is there already, at 15:12",
          "routes.yaml:19:13: routes[0].target: expected the name of a target, found \"billing\"",
          "routes.yaml:20:27: routes[0].references.vectors: nope.npy: cannot be opened: No such file or directory",
          "routes.yaml:21:22: routes[0].metadata.tags: expected a string, a number or a boolean, found a list",
          "routes.yaml:23:36: routes[1].references.vectors[1]: has 3 numbers, the index 2",
          "routes.yaml:24:5: routes[2].references: is required: expected a map with vectors, found nothing (only "
          "decision.default_route needs no references)",
          "routes.yaml:25:12: routes[3].name: expected a name without '/', found \"a/b\"",
          "routes.yaml:25:39: routes[3].references.vectors: expected a .npy or .jsonl file, a vector, or a list of "
          "these, found nothing",
      }));
}

TEST(Messages, AreBoundedAndSayHowManyAreLeftOut) {
  const test::Scratch scratch;
  std::string yaml = "index: {dimension: 2}\n";
  for (int i = 0; i < 150; ++i) yaml += "unknown_" + std::to_string(i) + ": 1\n";
  const LoadOutcome outcome = scratch.load(yaml);
  EXPECT_EQ(outcome.problems.size(), 100U);
  EXPECT_EQ(outcome.omitted, 50U);
}

// Found by fuzzing: a quoted scalar may hold any character.
TEST(Messages, StayOnTheirLineWhateverTheyRepeat) {
  const test::Scratch scratch;
  EXPECT_THAT(
      scratch.problems("index: {dimension: 2}\n"
                       "listen: \"a\\nb\\e[2J\\x7F\\x9B\\t\"\n"
                       "decision: {default_route: \"x\\r\\ny\"}\n"
                       "\"k\\n1\": 1\n"),
      testing::ElementsAre("routes.yaml:2:9: listen: expected host:port such as 127.0.0.1:7311, found \"a b [2J    \"",
                           "routes.yaml:3:27: decision.default_route: expected the name of a route, found \"x  y\"",
                           "routes.yaml:4:1: k 1: unknown key"));
}

TEST(Messages, TheQuickstartHasNone) {
  const LoadOutcome outcome =
      load_config(semroute::test::source_path("examples/quickstart/semrouted.yaml"), test::accept_target);
  for (const Diagnostic& problem : outcome.problems) ADD_FAILURE() << to_string(problem);
  ASSERT_TRUE(outcome.config);
  EXPECT_EQ(outcome.config->routes.size(), 8U);
  for (const RouteConfig& route : outcome.config->routes) {
    EXPECT_EQ(route.references.values.size(), 12U * 64U) << route.name;
    EXPECT_EQ(route.references.texts.size(), 12U) << route.name;
    EXPECT_FALSE(route.destination.targets.empty()) << route.name;
  }
}

}  // namespace
}  // namespace semroute::config

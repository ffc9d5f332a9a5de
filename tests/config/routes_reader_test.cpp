// Targets, routes, route_sets and their references. Fault 36, and 39-42 where a configuration brings the vectors.
#include "config/routes_reader.h"
#include "core/base/limits.h"

#include <gtest/gtest.h>

#include "tests/config/scratch.h"

namespace semroute::config {
namespace {

TargetSplit sole(const std::string& name) { return {{name, 1}}; }

class Routes : public testing::Test {
 protected:
  void SetUp() override {
    (void)scratch_.write("six.npy", test::float_npy(6, 2, {1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 0, 3}));
    (void)scratch_.write("six.jsonl",
                         "{\"label\": \"x\", \"text\": \"one right\"}\n{\"label\": \"y\"}\nx\ny\n"
                         "{\"label\": \"z\", \"text\": \"three right\"}\ny\n");
    (void)scratch_.write("own.jsonl",
                         "{\"embedding\": [4, 0], \"label\": \"x\", \"text\": \"four\"}\n"
                         "{\"embedding\": [0, 4], \"label\": \"w\"}\n");
    (void)scratch_.write("bare.jsonl", "{\"embedding\": [5, 0], \"text\": \"five\"}\n{\"embedding\": [0, 5]}\n");
  }

  static std::string with_index(const std::string& yaml) {
    return "index: {dimension: 2}\ntargets: [{name: canned, kind: static}]\n" + yaml;
  }
  Config load(const std::string& yaml) {
    LoadOutcome outcome = scratch_.load(with_index(yaml));
    EXPECT_TRUE(outcome.config) << (outcome.problems.empty() ? "" : to_string(outcome.problems[0]));
    return outcome.config.value_or(Config{});
  }
  // Key path and message of the problems.
  std::vector<std::string> problems(const std::string& yaml) {
    std::vector<std::string> lines;
    for (const Diagnostic& problem : scratch_.load(with_index(yaml)).problems) {
      lines.push_back(scratch_.without_folder(problem.key_path + ": " + problem.message));
    }
    return lines;
  }
  std::string problem(const std::string& yaml) {
    const auto found = problems(yaml);
    EXPECT_EQ(found.size(), 1U) << yaml;
    return found.empty() ? "" : found.front();
  }
  // Of one route named x with these references.
  std::string reference_problem(const std::string& references) {
    return problem("routes: [{name: x, references: " + references + "}]");
  }
  std::vector<float> values(const std::string& references) {
    const Config config = load("routes: [{name: x, references: " + references + "}]");
    return config.routes.empty() ? std::vector<float>{} : config.routes[0].references.values;
  }

  test::Scratch scratch_;
};

TEST_F(Routes, KeepWhatTheFileSays) {
  const Config config = load(R"(routes:
  - name: x
    description: rightwards
    target: canned
    score_threshold: -0.5
    references: {vectors: six.npy, labels: six.jsonl}
    negatives: {vectors: [0.5, 0.5]}
    metadata: {tier: gold, level: 3, on: true}
  - {name: y, references: {vectors: [[0, 1]]}}
)");
  ASSERT_EQ(config.routes.size(), 2U);
  const RouteConfig& route = config.routes[0];
  EXPECT_EQ(route.description, "rightwards");
  EXPECT_EQ(route.destination.targets, sole("canned"));
  EXPECT_EQ(route.score_threshold, -0.5);
  EXPECT_EQ(route.references.values, (std::vector<float>{1, 0, 2, 0}));
  EXPECT_EQ(route.references.texts, (std::vector<std::string>{"one right", ""}));
  EXPECT_EQ(route.negatives.values, (std::vector<float>{0.5, 0.5}));
  EXPECT_TRUE(route.negatives.texts.empty());
  EXPECT_EQ(*route.metadata.find("tier")->string(), "gold");
  EXPECT_EQ(route.place, (Place{4, 5}));
  EXPECT_TRUE(config.routes[1].metadata.is_null());
  EXPECT_EQ(config.routes[1].score_threshold, std::nullopt);
  ASSERT_EQ(config.targets.size(), 1U);
  EXPECT_EQ(config.targets[0].kind, "static");
  EXPECT_NE(config.targets[0].node.find("kind"), nullptr);
}

TEST_F(Routes, TakeVectorsInEveryForm) {
  EXPECT_EQ(values("{vectors: [1, 2]}"), (std::vector<float>{1, 2}));
  EXPECT_EQ(values("{vectors: [[1, 2], [3, 4.5]]}"), (std::vector<float>{1, 2, 3, 4.5}));
  EXPECT_EQ(values("{vectors: [[[1, 2], [3, 4]], [5, 6]]}"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values("{vectors: bare.jsonl}"), (std::vector<float>{5, 0, 0, 5}));
  EXPECT_EQ(values("{vectors: [bare.jsonl, [7, 7], six.npy]}").size(), 18U);
  EXPECT_EQ(values("{vectors: six.npy}").size(), 12U);
  EXPECT_EQ(values("{vectors: " + scratch_.path("bare.jsonl") + "}").size(), 4U);
}

TEST_F(Routes, SelectRowsByLabel) {
  EXPECT_EQ(values("{vectors: six.npy, labels: six.jsonl}"), (std::vector<float>{1, 0, 2, 0}));
  EXPECT_EQ(values("{vectors: six.npy, labels: six.jsonl, label: z}"), (std::vector<float>{3, 0}));
  EXPECT_EQ(values("{vectors: own.jsonl}"), (std::vector<float>{4, 0}));
  EXPECT_EQ(values("{vectors: own.jsonl, label: w}"), (std::vector<float>{0, 4}));
  // A labels file runs over all parts; without one, parts without labels belong to every label.
  EXPECT_EQ(values("{vectors: [bare.jsonl, [7, 8], bare.jsonl, [9, 9]], labels: six.jsonl}"),
            (std::vector<float>{5, 0, 7, 8}));
  EXPECT_EQ(values("{vectors: [own.jsonl, [7, 8]]}"), (std::vector<float>{4, 0, 7, 8}));
}

TEST_F(Routes, KeepTheTextsOfVectorAndLabelFiles) {
  const Config config = load("routes: [{name: x, references: {vectors: [bare.jsonl, own.jsonl]}}]");
  EXPECT_EQ(config.routes[0].references.texts, (std::vector<std::string>{"five", "", "four"}));
}

TEST_F(Routes, RefuseReferencesThatFitNothing) {
  EXPECT_EQ(reference_problem("{vectors: six.npy, labels: six.jsonl, label: q}"),
            "routes[0].references.label: no row of six.jsonl has the label \"q\"; did you mean x?");
  EXPECT_EQ(problem("routes: [{name: xylophone, references: {vectors: six.npy, labels: six.jsonl}}]"),
            "routes[0].references.vectors: no row of six.jsonl has the label \"xylophone\"");
  EXPECT_EQ(reference_problem("{vectors: six.npy, label: x}"),
            "routes[0].references.label: expected none, as the vectors have no labels: name a labels file, or drop it");
  EXPECT_EQ(reference_problem("{vectors: bare.jsonl, labels: six.jsonl}"),
            "routes[0].references.labels: six.jsonl has 6 labels, the vectors have 2 rows");
  EXPECT_EQ(reference_problem("{vectors: own.jsonl, labels: six.jsonl}"),
            "routes[0].references.labels: expected no labels file, as own.jsonl has labels itself");
  EXPECT_EQ(reference_problem("{vectors: none.npy}"),
            "routes[0].references.vectors: none.npy: cannot be opened: No such file or directory");
  EXPECT_EQ(reference_problem("{vectors: six.npy, labels: none.txt}"),
            "routes[0].references.labels: none.txt: cannot be opened: No such file or directory");
  EXPECT_EQ(reference_problem("{labels: six.jsonl}"),
            "routes[0].references.vectors: is required: expected a .npy or .jsonl file, a vector, or a list of these, "
            "found nothing");
  EXPECT_EQ(reference_problem("{vectors: []}"),
            "routes[0].references.vectors: expected a .npy or .jsonl file, a vector, or a list of these, found an "
            "empty list");
  EXPECT_EQ(reference_problem("{vectors: {a: 1}}"),
            "routes[0].references.vectors: expected a .npy or .jsonl file, a vector, or a list of these, found a map");
}

TEST_F(Routes, RefuseInlineVectorsThatBreakARule) {
  EXPECT_EQ(reference_problem("{vectors: [[1, 0], [1, 0, 0]]}"),
            "routes[0].references.vectors[1]: has 3 numbers, the index 2");
  EXPECT_EQ(reference_problem("{vectors: [1, x]}"), "routes[0].references.vectors[1]: expected a number, found \"x\"");
  EXPECT_EQ(reference_problem("{vectors: [[1, 1e39]]}"),
            "routes[0].references.vectors[0][1]: expected a number that fits a float32, found 1e39");
  EXPECT_EQ(reference_problem("{vectors: [[1, .nan]]}"),
            "routes[0].references.vectors[0][1]: expected a finite number, found .nan");
  EXPECT_TRUE(reference_problem("{vectors: [[0, 0]]}").starts_with("routes[0].references.vectors[0]: has the norm 0"));
  EXPECT_TRUE(reference_problem("{vectors: [[2e18, 0]]}").starts_with("routes[0].references.vectors[0]: has the norm"));
  EXPECT_EQ(reference_problem("{vectors: [[]]}"), "routes[0].references.vectors[0]: has no numbers, the index 2");
}

TEST_F(Routes, ListEveryProblemOfAFileOnceHoweverOftenItIsNamed) {
  (void)scratch_.write("bad.npy", test::float_npy(3, 2, {0, 0, 1, 0, 0, 0}));
  const auto found = problems(
      "routes: [{name: a, references: {vectors: bad.npy}}, {name: b, references: {vectors: bad.npy}},\n"
      "         {name: c, references: {vectors: six.npy, labels: own.txt}}]");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_TRUE(found[0].starts_with("routes[0].references.vectors: bad.npy: row 0: has the norm 0"));
  EXPECT_TRUE(found[1].starts_with("routes[0].references.vectors: bad.npy: row 2: has the norm 0"));
  EXPECT_TRUE(found[2].starts_with("routes[2].references.labels: own.txt: cannot be opened"));
}

TEST_F(Routes, ShareAFileThatManyOfThemName) {
  std::string yaml = "routes:\n";
  for (int i = 0; i < 50; ++i) {
    yaml += "  - {name: x" + std::to_string(i) + ", references: {vectors: six.npy, labels: six.jsonl, label: x}}\n";
  }
  const Config config = load(yaml);
  ASSERT_EQ(config.routes.size(), 50U);
  for (const RouteConfig& route : config.routes) EXPECT_EQ(route.references.values, (std::vector<float>{1, 0, 2, 0}));
}

TEST_F(Routes, WantReferencesButForTheDefaultRoute) {
  EXPECT_EQ(
      problem("routes: [{name: x}]"),
      "routes[0].references: is required: expected a map with vectors, found nothing (only decision.default_route "
      "needs no references)");
  EXPECT_EQ(load("decision: {default_route: x}\nroutes: [{name: x}]").routes.size(), 1U);
  EXPECT_EQ(problem("decision: {default_route: gneral}\nroutes: [{name: general, references: {vectors: [1, 0]}}]"),
            "decision.default_route: expected the name of a route, found \"gneral\"; did you mean general?");
}

TEST_F(Routes, RefuseNamesThatAreTakenOrNone) {
  EXPECT_EQ(
      problems("routes:\n  - {name: x, references: {vectors: [1, 0]}}\n  - {name: x, references: {vectors: [1, 0]}}"),
      (std::vector<std::string>{"routes[1].name: the route \"x\" is there already, at 4:12"}));
  EXPECT_EQ(problem("routes: [{name: a/b, references: {vectors: [1, 0]}}]"),
            "routes[0].name: expected a name without '/', found \"a/b\"");
  EXPECT_EQ(problem("routes: [{name: 5, references: {vectors: [1, 0]}}]"),
            "routes[0].name: expected a string (quote it), found 5");
  EXPECT_EQ(problem("routes: [{references: {vectors: [1, 0]}}]"),
            "routes[0].name: is required: expected a string, found nothing");
  EXPECT_EQ(problem("routes: [{name: \"a\\tb\", references: {vectors: [1, 0]}}]"),
            "routes[0].name: expected a name without control characters");
}

TEST_F(Routes, RefuseTargetsThatAreTakenOrMissing) {
  EXPECT_EQ(problem("routes: [{name: x, target: caned, references: {vectors: [1, 0]}}]"),
            "routes[0].target: expected the name of a target, found \"caned\"; did you mean canned?");
  EXPECT_EQ(
      scratch_.problems("index: {dimension: 2}\ntargets:\n  - {name: a, kind: static}\n  - {name: a, kind: static}\n"
                        "  - {name: b}\n"),
      (std::vector<std::string>{
          "routes.yaml:4:12: targets[1].name: the target \"a\" is there already, at 3:12",
          "routes.yaml:5:5: targets[2].kind: is required: expected a string, found nothing",
      }));
}

TEST_F(Routes, HandTargetsToTheirChecker) {
  std::vector<std::string> seen;
  const auto check = [&](const TargetConfig& target, const std::string& path, Diagnostics& diagnostics, KeyCatalogue*) {
    seen.push_back(path + ' ' + target.name + ' ' + target.kind);
    if (target.name == "b") diagnostics.error(target.node.place, path + ".url", "is wrong");
  };
  const LoadOutcome outcome = load_config(
      scratch_.write("t.yaml", "index: {dimension: 2}\ntargets: [{name: a, kind: http}, {name: b, kind: exec}]\n"),
      check);
  EXPECT_EQ(seen, (std::vector<std::string>{"targets[0] a http", "targets[1] b exec"}));
  EXPECT_FALSE(outcome.config);
  EXPECT_EQ(scratch_.without_folder(outcome.problems),
            (std::vector<std::string>{"t.yaml:2:34: targets[1].url: is wrong"}));
}

TEST_F(Routes, RefuseMetadataThatIsNotFlat) {
  EXPECT_EQ(problems("routes: [{name: x, references: {vectors: [1, 0]}, metadata: {a: [1], b: {c: d}, e: ~, f: 1}}]"),
            (std::vector<std::string>{
                "routes[0].metadata.a: expected a string, a number or a boolean, found a list",
                "routes[0].metadata.b: expected a string, a number or a boolean, found a map",
                "routes[0].metadata.e: expected a string, a number or a boolean, found nothing",
            }));
  EXPECT_EQ(problem("routes: [{name: x, references: {vectors: [1, 0]}, metadata: gold}]"),
            "routes[0].metadata: expected a map, found \"gold\"");
}

TEST_F(Routes, SayWhereTheirRequestsGo) {
  const std::string targets = "[{name: a, kind: static}, {name: b, kind: static}, {name: c, kind: static}]";
  const LoadOutcome outcome =
      scratch_.load("index: {dimension: 2}\ntargets: " + targets +
                    "\nroutes:\n"
                    "  - {name: x, target: a, fallback_targets: [b, c], references: {vectors: [1, 0]}}\n"
                    "  - {name: y, target: [{target: a, weight: 90}, {target: b}], fallback_targets: [a], "
                    "mirror: {target: c, percent: 2.5}, references: {vectors: [1, 0]}}\n"
                    "route_sets:\n  - {vectors: own.jsonl, except: [x], target: [{target: c}], mirror: {target: a}}\n");
  ASSERT_TRUE(outcome.config) << (outcome.problems.empty() ? "" : to_string(outcome.problems[0]));
  const auto& routes = outcome.config->routes;
  EXPECT_EQ(routes[0].destination, (Destination{sole("a"), {"b", "c"}, std::nullopt}));
  EXPECT_EQ(routes[1].destination, (Destination{{{"a", 90}, {"b", 1}}, {"a"}, Mirror{"c", 2.5}}));
  EXPECT_EQ(routes[2].destination, (Destination{sole("c"), {}, Mirror{"a", 100.0}}));
}

TEST_F(Routes, RefuseDestinationsThatMakeNoSense) {
  const auto destination_problem = [this](const std::string& keys) {
    return problem("routes: [{name: x, references: {vectors: [1, 0]}, " + keys + "}]");
  };
  EXPECT_EQ(destination_problem("target: 7"), "routes[0].target: expected a string or a list of maps, found 7");
  EXPECT_EQ(destination_problem("target: []"),
            "routes[0].target: expected a string or a list of maps, found an empty list");
  EXPECT_EQ(destination_problem("target: [canned]"), "routes[0].target[0]: expected a map, found \"canned\"");
  EXPECT_EQ(destination_problem("target: [{target: canned, weight: 0}]"),
            "routes[0].target[0].weight: expected an integer 1..1000000, found 0");
  EXPECT_EQ(destination_problem("target: [{weight: 1}]"),
            "routes[0].target[0].target: is required: expected a string, found nothing");
  EXPECT_EQ(destination_problem("target: [{target: caned}]"),
            "routes[0].target[0].target: expected the name of a target, found \"caned\"; did you mean canned?");
  EXPECT_EQ(destination_problem("target: [{target: canned}, {target: canned}]"),
            "routes[0].target[1].target: \"canned\" is in this split already");
  EXPECT_EQ(destination_problem("target: canned, fallback_targets: [canned]"),
            "routes[0].fallback_targets: \"canned\" is the target itself");
  EXPECT_EQ(destination_problem("target: canned, fallback_targets: [spare]"),
            "routes[0].fallback_targets[0]: expected the name of a target, found \"spare\"");
  EXPECT_EQ(destination_problem("fallback_targets: [canned]"),
            "routes[0].fallback_targets: expected none, as there is no target");
  EXPECT_EQ(destination_problem("mirror: {target: canned}"), "routes[0].mirror: expected none, as there is no target");
  EXPECT_EQ(destination_problem("target: canned, mirror: {percent: 5}"),
            "routes[0].mirror.target: is required: expected a string, found nothing");
  EXPECT_EQ(destination_problem("target: canned, mirror: {target: canned}"),
            "routes[0].mirror.target: \"canned\" is the target itself, and would get requests twice");
  EXPECT_EQ(destination_problem("target: [{target: canned}], mirror: {target: canned}"),
            "routes[0].mirror.target: \"canned\" is the target itself, and would get requests twice");
  std::string many = "target: [";
  for (std::size_t i = 0; i <= core::kMaxTargetsOfSplit; ++i) many += "{target: canned}, ";
  EXPECT_EQ(destination_problem(many + "]"), "routes[0].target: expected at most 64 targets");
}

TEST_F(Routes, RefuseAMirrorThatIsInTheSplit) {
  const auto mirror_problem = [this](const std::string& mirror) {
    const LoadOutcome outcome = scratch_.load(
        "index: {dimension: 2}\ntargets: [{name: a, kind: static}, {name: b, kind: static}, {name: c, kind: static}]\n"
        "routes: [{name: x, references: {vectors: [1, 0]}, target: [{target: a}, {target: b}], mirror: " +
        mirror + "}]\n");
    EXPECT_EQ(outcome.problems.size(), 1U);
    return outcome.problems.empty() ? "" : outcome.problems[0].key_path + ": " + outcome.problems[0].message;
  };
  EXPECT_EQ(mirror_problem("{target: b}"),
            "routes[0].mirror.target: \"b\" is in the split, and would get requests twice");
  EXPECT_EQ(mirror_problem("{target: c, percent: -1}"), "routes[0].mirror.percent: expected a number 0..100, found -1");
}

// What a change may not give a route, since every reply of it has its metadata, and every route can be exported.
TEST_F(Routes, RefuseMetadataAndDescriptionsWithoutEnd) {
  const auto route = [this](const std::string& keys) {
    return problem("routes: [{name: x, references: {vectors: [1, 0]}, " + keys + "}]");
  };
  EXPECT_EQ(route("metadata: {k: \"" + std::string(core::kMaxMetadataBytes, 'm') + "\"}"),
            "routes[0].metadata: expected at most 65536 bytes as JSON, found 65544");
  EXPECT_EQ(route("description: " + std::string(core::kMaxDescriptionBytes + 1, 'd')),
            "routes[0].description: expected at most 4096 bytes, found 4097");
}

TEST_F(Routes, ComeFromSetsInOrderOfFirstAppearance) {
  const Config config = load(
      "routes: [{name: z, references: {vectors: [1, 0]}}]\n"
      "route_sets:\n  - {vectors: six.npy, labels: six.jsonl, target: canned, except: [z]}\n  - {vectors: own.jsonl, "
      "except: [x]}\n");
  std::vector<std::string> names;
  for (const RouteConfig& route : config.routes) names.push_back(route.name);
  EXPECT_EQ(names, (std::vector<std::string>{"z", "x", "y", "w"}));
  EXPECT_EQ(config.routes[2].references.values, (std::vector<float>{0, 1, 0, 2, 0, 3}));
  EXPECT_EQ(config.routes[2].destination.targets, sole("canned"));
  EXPECT_EQ(config.routes[3].destination, Destination{});
}

TEST_F(Routes, RefuseSetsThatFitNothing) {
  EXPECT_EQ(problem("route_sets: [{vectors: six.npy}]"),
            "route_sets[0].labels: is required: expected a labels file, as the vectors have no labels themselves");
  EXPECT_EQ(problem("route_sets: [{vectors: own.jsonl, except: [x, v]}]"),
            "route_sets[0].except: no row of own.jsonl has the label \"v\"; did you mean x?");
  EXPECT_EQ(problem("routes: [{name: w, references: {vectors: [1, 0]}}]\nroute_sets: [{vectors: own.jsonl}]"),
            "route_sets[0].except: the route \"w\" is there already, at 3:17: add it to except");
  EXPECT_EQ(problem("route_sets: [{labels: six.jsonl}]"),
            "route_sets[0].vectors: is required: expected a .npy or .jsonl file, or a list of these, found nothing");
  (void)scratch_.write("slash.txt", "a/b\nok\n");
  EXPECT_EQ(problem("route_sets: [{vectors: bare.jsonl, labels: slash.txt}]"),
            "route_sets[0].labels: the label \"a/b\" cannot name a route: expected a name without '/', found \"a/b\"");
  EXPECT_EQ(problem("route_sets: [{vectors: own.jsonl, score_threshold: 0.5}]"),
            "route_sets[0].score_threshold: unknown key");
}

TEST_F(Routes, FitTheCapacityOfTheIndex) {
  EXPECT_EQ(
      scratch_.problems("index: {dimension: 2, capacity: 5}\nroutes: [{name: x, references: {vectors: six.npy}}]\n"),
      (std::vector<std::string>{
          "routes.yaml:1:33: index.capacity: expected room for the 6 vectors of the routes, found 5"}));
}

TEST_F(Routes, AreReadEvenWhenTheDimensionIsWrong) {
  const auto found =
      scratch_.problems("index: {dimension: x}\nroutes: [{name: x, references: {vectors: [[0, 0], [1]]}}]\n");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_TRUE(found[1].starts_with("routes.yaml:2:43: routes[0].references.vectors[0]: has the norm 0"));
  EXPECT_EQ(found[2], "routes.yaml:2:51: routes[0].references.vectors[1]: has 1 numbers, the index 2");
}

}  // namespace
}  // namespace semroute::config

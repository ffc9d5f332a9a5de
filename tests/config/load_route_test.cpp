// A file that is a route alone.
#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/config/scratch.h"

namespace semroute::config {
namespace {

class LoadRoute : public testing::Test {
 protected:
  LoadOutcome load(std::string_view yaml) {
    IndexConfig index;
    index.dimension = 2;
    return load_route(scratch_.write("route.yaml", yaml), index);
  }
  std::string problem(std::string_view yaml) {
    const auto lines = scratch_.without_folder(load(yaml).problems);
    EXPECT_EQ(lines.size(), 1U) << yaml;
    return lines.empty() ? "" : lines[0];
  }

  test::Scratch scratch_;
};

TEST_F(LoadRoute, HasTheFieldsOfARouteAndAnyTarget) {
  const LoadOutcome outcome = load(
      "name: a\ntarget: unheard\nscore_threshold: 0.5\nmetadata: {tier: gold}\nreferences: {vectors: [[1, 2], [3, "
      "4]]}\n"
      "negatives: {vectors: [5, 6]}\n");
  ASSERT_TRUE(outcome.config.has_value());
  ASSERT_EQ(outcome.config->routes.size(), 1U);
  const RouteConfig& route = outcome.config->routes[0];
  EXPECT_EQ(route.name, "a");
  EXPECT_EQ(route.destination.targets, (TargetSplit{{"unheard", 1}}));
  EXPECT_EQ(route.references.values, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(route.negatives.values, (std::vector<float>{5, 6}));
}

TEST_F(LoadRoute, ProblemsHaveTheirPlaces) {
  EXPECT_EQ(problem("name: a\nreferences: {vectors: [[1, 2, 3]]}\n"),
            "route.yaml:2:24: references.vectors[0]: has 3 numbers, the index 2");
  EXPECT_EQ(problem("name: a/b\nreferences: {vectors: [1, 2]}\n"),
            "route.yaml:1:7: name: expected a name without '/', found \"a/b\"");
  EXPECT_EQ(problem("name: a\nreferences: {vectors: [1, 2]}\nroutes: []\n"), "route.yaml:3:1: routes: unknown key");
  EXPECT_EQ(problem("[]"), "route.yaml:1:1: expected a map: a route as in `routes` of a configuration");
  EXPECT_NE(problem("name: a\n").find("references: is required"), std::string::npos);
}

}  // namespace
}  // namespace semroute::config

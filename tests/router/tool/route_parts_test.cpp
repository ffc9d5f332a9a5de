#include "router/tool/route_parts.h"

#include <gtest/gtest.h>

namespace semroute::router::tool {
namespace {

config::RouteConfig route_of(std::size_t references, std::size_t negatives) {
  config::RouteConfig route;
  route.name = "r";
  route.description = "d";
  for (std::size_t i = 0; i < 2 * references; ++i) route.references.values.push_back(static_cast<float>(i));
  for (std::size_t i = 0; i < references; ++i) route.references.texts.push_back(std::to_string(i));
  for (std::size_t i = 0; i < 2 * negatives; ++i) route.negatives.values.push_back(-static_cast<float>(i));
  return route;
}

void append(const config::ReferenceRows& rows, config::ReferenceRows& out) {
  out.values.insert(out.values.end(), rows.values.begin(), rows.values.end());
  out.texts.insert(out.texts.end(), rows.texts.begin(), rows.texts.end());
}

TEST(RouteParts, AreTheRouteWhenPutTogether) {
  for (const std::size_t bytes : {1U, 9U, 18U, 30U, 1'000U}) {
    const config::RouteConfig route = route_of(7, 5);
    config::RouteConfig whole;
    const auto parts = parts_of(route, 2, bytes);
    ASSERT_FALSE(parts.empty());
    EXPECT_EQ(parts.front().description, "d");
    EXPECT_FALSE(parts.front().references.values.empty());
    for (const config::RouteConfig& part : parts) {
      EXPECT_EQ(part.name, "r");
      EXPECT_FALSE(part.references.values.empty() && part.negatives.values.empty());
      if (bytes > 9) {
        EXPECT_LE((part.references.values.size() + part.negatives.values.size()) * sizeof(float), bytes);
      }
      append(part.references, whole.references);
      append(part.negatives, whole.negatives);
    }
    EXPECT_EQ(whole.references.values, route.references.values) << bytes;
    EXPECT_EQ(whole.references.texts, route.references.texts) << bytes;
    EXPECT_EQ(whole.negatives.values, route.negatives.values) << bytes;
    EXPECT_EQ(whole.negatives.texts, route.negatives.texts) << bytes;
  }
}

TEST(RouteParts, ARouteThatFitsIsOne) {
  const auto parts = parts_of(route_of(3, 2), 2, 1'000);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].references.texts, (std::vector<std::string>{"0", "1", "2"}));
}

}  // namespace
}  // namespace semroute::router::tool

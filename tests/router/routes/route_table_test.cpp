#include "router/routes/route_table.h"

#include <gtest/gtest.h>

#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

std::shared_ptr<const Route> named(const std::string& name, IdRanges references = {}) {
  auto route = std::make_shared<Route>();
  route->name = name;
  route->references = std::move(references);
  return route;
}

TEST(RouteTable, IsInBytewiseNameOrderAndFindsByName) {
  const auto state = test::state_of({{"b", {1.0F}}, {"é", {1.0F}}, {"a", {1.0F}}, {"Z", {1.0F}}});
  std::vector<std::string> names;
  for (const Route& route : state->table.routes()) names.push_back(route.name);
  EXPECT_EQ(names, (std::vector<std::string>{"Z", "a", "b", "é"}));
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(state->table.find(names[i]), i);
  for (const char* unknown : {"", "A", "aa", "c", "zz"}) EXPECT_FALSE(state->table.find(unknown)) << unknown;
}

TEST(RouteTable, SortsRoutesThatItIsGiven) {
  const RouteTable table({named("b"), named("a")}, {});
  EXPECT_EQ(table.find("a"), 0U);
  EXPECT_EQ(table.find("b"), 1U);
}

TEST(RouteTable, RanksRoutesWithReferencesByTheirThresholds) {
  const auto state = test::state_of(
      {{"a", {1.0F}}, {"b", {1.0F}, {}, 0.9}, {"c", {}, {}, -1.0}, {"d", {1.0F}, {}, 0.0}}, test::max_at(0.5));
  EXPECT_EQ(state->table.by_threshold(), (std::vector<std::size_t>{3, 0, 1}));
  EXPECT_EQ(state->table.threshold(0), 0.5);
  EXPECT_EQ(state->table.threshold(1), 0.9);
}

TEST(RouteTable, KnowsTheOwnerOfEveryIdAndOfNoOther) {
  IdRanges b({10, 2});
  b.append({4, 1});
  const RouteTable table({named("a", IdRanges({5, 3})), named("b", b), named("none")}, {});
  const std::vector<std::size_t> owners{4, 4, 4, 4, 1, 0, 0, 0, 4, 4, 1, 1, 4};
  for (core::ReferenceId id = 0; id < owners.size(); ++id)
    EXPECT_EQ(table.owner(id), owners[id] == 4 ? IdOwners::kNobody : owners[id]) << id;
  EXPECT_EQ(table.references().first, 4U);
  EXPECT_EQ(table.references().count, 8U);
  EXPECT_EQ(table.reference_count(), 6U);
  EXPECT_EQ(table.most_references(), 3U);
  EXPECT_EQ(table.vectors().count, 0U);
  EXPECT_EQ(RouteTable({}, {}).owner(0), IdOwners::kNobody);
}

}  // namespace
}  // namespace semroute::router

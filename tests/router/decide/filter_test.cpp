#include <gtest/gtest.h>

#include "router/decide/decide.h"
#include "tests/router/decide/tables.h"

namespace semroute::router {
namespace {

using config::Value;
using test::text;
using test::value;

Route route_with(std::vector<std::pair<std::string, Value>> metadata) {
  Route route;
  route.name = "billing";
  Value::Map members;
  for (auto& [key, data] : metadata) members.push_back({key, {}, std::move(data)});
  route.metadata = value(std::move(members));
  return route;
}

Filter metadata_filter(std::vector<std::pair<std::string, std::vector<Value>>> metadata) {
  Filter filter;
  filter.metadata = std::move(metadata);
  return filter;
}

TEST(Filter, AMissingPartPassesEverything) {
  EXPECT_TRUE(passes(Filter{}, route_with({})));
  EXPECT_TRUE(passes(Filter{}, Route{}));
}

TEST(Filter, NamesMustBeListed) {
  Filter filter;
  filter.routes = {{"refund", "billing"}};
  EXPECT_TRUE(passes(filter, route_with({})));
  filter.routes = {{"Billing", "bill"}};
  EXPECT_FALSE(passes(filter, route_with({})));
  filter.routes = std::vector<std::string>{};
  EXPECT_FALSE(passes(filter, route_with({})));
}

TEST(Filter, ValuesCompareByTypeAndValue) {
  const Route route = route_with({{"tier", text("gold")}, {"level", value(std::int64_t{1})}, {"live", value(true)}});
  EXPECT_TRUE(passes(metadata_filter({{"tier", {text("gold")}}}), route));
  EXPECT_FALSE(passes(metadata_filter({{"tier", {text("Gold")}}}), route));
  EXPECT_TRUE(passes(metadata_filter({{"level", {value(std::int64_t{1})}}}), route));
  EXPECT_TRUE(passes(metadata_filter({{"level", {value(1.0)}}}), route));
  EXPECT_FALSE(passes(metadata_filter({{"level", {text("1")}}}), route));
  EXPECT_FALSE(passes(metadata_filter({{"level", {value(true)}}}), route));
  EXPECT_FALSE(passes(metadata_filter({{"live", {value(std::int64_t{1})}}}), route));
}

TEST(Filter, AnyValueOfAListAndEveryKey) {
  const Route route = route_with({{"tier", text("gold")}, {"area", text("north")}});
  EXPECT_TRUE(passes(metadata_filter({{"tier", {text("silver"), text("gold")}}}), route));
  EXPECT_TRUE(passes(metadata_filter({{"tier", {text("gold")}}, {"area", {text("north")}}}), route));
  EXPECT_FALSE(passes(metadata_filter({{"tier", {text("gold")}}, {"area", {text("south")}}}), route));
  EXPECT_FALSE(passes(metadata_filter({{"tier", {}}}), route));
}

TEST(Filter, UnknownKeysMatchNothingNotEvenNull) {
  EXPECT_FALSE(passes(metadata_filter({{"tear", {text("gold")}}}), route_with({{"tier", text("gold")}})));
  EXPECT_FALSE(passes(metadata_filter({{"tier", {Value{}}}}), route_with({})));
  EXPECT_FALSE(passes(metadata_filter({{"tier", {Value{}}}}), Route{}));
  EXPECT_TRUE(passes(metadata_filter({{"tier", {Value{}}}}), route_with({{"tier", Value{}}})));
}

TEST(Filter, BothPartsApply) {
  Filter filter = metadata_filter({{"tier", {text("gold")}}});
  filter.routes = {{"billing"}};
  EXPECT_TRUE(passes(filter, route_with({{"tier", text("gold")}})));
  EXPECT_FALSE(passes(filter, route_with({{"tier", text("silver")}})));
  filter.routes = {{"refund"}};
  EXPECT_FALSE(passes(filter, route_with({{"tier", text("gold")}})));
}

}  // namespace
}  // namespace semroute::router

#include "router/tool/route_files.h"

#include <gtest/gtest.h>

#include <bit>

#include "config/load.h"
#include "router/tool/json_text.h"
#include "tests/router/tool/run.h"

namespace semroute::router::tool {
namespace {

config::Value json(const std::string& text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value.ok());
  return value.ok() ? std::move(value).value() : config::Value{};
}

config::RouteConfig written_and_read(const Folder& folder, const config::RouteConfig& route, std::size_t dimension) {
  const auto written = write_route(folder.path().string(), 7, dimension, route);
  EXPECT_TRUE(written.ok()) << written.error().message;
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path().extension() == ".yaml") file = entry.path().string();
  config::IndexConfig index;
  index.dimension = dimension;
  index.metric = core::Metric::dot;
  const config::LoadOutcome outcome = config::load_route(file, index);
  for (const auto& problem : outcome.problems) ADD_FAILURE() << config::to_string(problem);
  return outcome.config ? outcome.config->routes.at(0) : config::RouteConfig{};
}

TEST(RouteFiles, ARouteComesBackAsItWas) {
  const Folder folder;
  config::RouteConfig route;
  route.name = "ümlaut: ${HOME} \"{[#&*!|>%@`' ";
  route.description = "two\nlines # and ${NAME:-x} $${Y}";
  route.destination = {{{"true", 90}, {"${HOME}", 10}}, {"no: [1]", "true"}, config::Mirror{"# shadow", 12.5}};
  route.score_threshold = -1e-300;
  route.metadata = json(R"({"a: b":"null","n":-3,"r":0.1,"huge":1e300,"yes":true,"${Z}":"010","":""})");
  route.references.values = {0.1F, -0.0F, 1e-39F, 3.4e17F, 5.0F, 6.0F};
  route.references.texts = {"", "a \"text\"\n${B} \x7f", ""};
  route.negatives.values = {1.0F, 2.0F};
  const config::RouteConfig read = written_and_read(folder, route, 2);
  EXPECT_EQ(read.name, route.name);
  EXPECT_EQ(read.description, route.description);
  EXPECT_EQ(read.destination, route.destination);
  EXPECT_EQ(read.score_threshold, route.score_threshold);
  EXPECT_EQ(read.metadata, route.metadata);
  ASSERT_EQ(read.references.values.size(), route.references.values.size());
  for (std::size_t i = 0; i < read.references.values.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint32_t>(read.references.values[i]),
              std::bit_cast<std::uint32_t>(route.references.values[i]));
  EXPECT_EQ(read.references.texts, route.references.texts);
  EXPECT_EQ(read.negatives.values, route.negatives.values);
}

TEST(RouteFiles, LargeNumbersLongKeysAndStrayBracketsComeBack) {
  const Folder folder;
  config::RouteConfig route;
  route.name = "a";
  route.description = std::string(4'096, '[');
  route.metadata = json(R"({"a":9223372036854775807,"b":9223372036854775808,"c":18446744073709551615,)"
                        R"("d":18446744073709551616,"e":-9223372036854775808,"f":-1e19,"g":1e22,"h":1e23,)"
                        R"("<<":"merge","? :":"- ","\u0000\u0001":"\u0085\ufeff\u2028 ","i":1.7976931348623157e308})");
  auto& members = std::get<config::Value::Map>(route.metadata.data);
  config::Value brackets;
  brackets.data = std::string(20'000, '{') + std::string(8'000, ',');
  members.push_back({std::string(1'023, 'k'), {}, brackets});
  members.push_back({std::string(5'000, 'l'), {}, brackets});
  route.references.values = {1.0F};
  const config::RouteConfig read = written_and_read(folder, route, 1);
  EXPECT_TRUE(read.description == route.description);
  EXPECT_TRUE(read.metadata == route.metadata);
  const config::Value* largest = read.metadata.find("c");
  ASSERT_NE(largest, nullptr);
  EXPECT_EQ(*largest->large_integer(), UINT64_MAX);
}

// As the daemon's own replies, which say what is wrong when it is put somewhere.
TEST(RouteFiles, ADestinationThatIsRefusedNowIsExportedAllTheSame) {
  const auto route =
      route_of_reply(json(R"({"name":"a","target":"t","mirror":{"target":"t","percent":5},"metadata":{}})"));
  ASSERT_TRUE(route.ok()) << route.error().message;
  EXPECT_EQ(route->destination.mirror, (config::Mirror{"t", 5.0}));
}

TEST(RouteFiles, ALeanRouteIsALeanFile) {
  const Folder folder;
  config::RouteConfig route;
  route.name = "a";
  route.references.values = {1.0F};
  const config::RouteConfig read = written_and_read(folder, route, 1);
  EXPECT_EQ(read.name, "a");
  EXPECT_EQ(read.destination, config::Destination{});
  EXPECT_TRUE(read.metadata.is_null());
  EXPECT_TRUE(read.references.texts.empty());
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "00007-a.references.npy"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "00007-a.references.jsonl"));
}

TEST(RouteFiles, RepliesOfRoutesGetAreRead) {
  const config::Value reply = json(
      R"({"name":"a","version":3,"target":"t","score_threshold":0.5,"description":"d","metadata":{"k":1},
          "references":[{"row":0,"text":"x","embedding":[1,0.5]},{"row":1,"embedding":[2,3]}],"negatives":[]})");
  auto route = route_of_reply(reply);
  ASSERT_TRUE(route.ok());
  EXPECT_EQ(route->name, "a");
  EXPECT_EQ(route->destination.targets, (config::TargetSplit{{"t", 1}}));
  EXPECT_EQ(route->score_threshold, 0.5);
  ASSERT_TRUE(append_rows(reply.find("references"), 2, route->references).ok());
  EXPECT_EQ(route->references.values, (std::vector<float>{1.0F, 0.5F, 2.0F, 3.0F}));
  EXPECT_EQ(route->references.texts, (std::vector<std::string>{"x", ""}));
  EXPECT_FALSE(append_rows(reply.find("references"), 3, route->references).ok());
  EXPECT_FALSE(append_rows(nullptr, 2, route->references).ok());
  EXPECT_FALSE(route_of_reply(json("{}")).ok());
}

TEST(RouteFiles, AFolderThatIsNotThereIsTold) {
  config::RouteConfig route;
  route.name = "a";
  route.references.values = {1.0F};
  EXPECT_NE(write_route("/nowhere", 1, 1, route).error().message.find("/nowhere/00001-a"), std::string::npos);
}

}  // namespace
}  // namespace semroute::router::tool

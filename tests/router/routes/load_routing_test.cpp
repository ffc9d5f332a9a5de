#include "router/routes/load_routing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace semroute::router {
namespace {

class LoadRouting : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  RoutingLoad load(const std::string& yaml) {
    std::ofstream(path_) << yaml;
    return load_routing(path_);
  }
  const std::string path_ = ::testing::TempDir() + "load_routing_" + std::to_string(::getpid()) + ".yaml";
};

TEST_F(LoadRouting, GivesConfigAndStateTogether) {
  const auto load = this->load("index: {dimension: 2}\nroutes: [{name: a, references: {vectors: [[1, 0]]}}]\n");
  ASSERT_TRUE(load.outcome.config);
  ASSERT_NE(load.routing, nullptr);
  EXPECT_EQ(load.errors(), 0U);
  EXPECT_EQ(load.routing->table.routes().size(), 1U);
}

TEST_F(LoadRouting, NeitherWhenTheFileIsWrong) {
  const auto load = this->load("index: {dimension: 2}\nroutes: [{name: a}]\ncolour: 1\n");
  EXPECT_FALSE(load.outcome.config);
  EXPECT_EQ(load.routing, nullptr);
  EXPECT_EQ(load.errors(), 2U);
}

// Right as a file, but no state can be made of it: still a problem of the file.
TEST_F(LoadRouting, NeitherWhenNoStateCanBeMade) {
  const auto load = this->load(
      "index: {dimension: 2}\ndecision: {aggregation: centroid}\n"
      "routes: [{name: a, references: {vectors: [[1, 0], [-1, 0]]}}]\n");
  EXPECT_FALSE(load.outcome.config);
  EXPECT_EQ(load.routing, nullptr);
  ASSERT_EQ(load.errors(), 1U);
  EXPECT_THAT(config::to_string(load.outcome.problems.front()), ::testing::HasSubstr("cancel each other"));
}

TEST_F(LoadRouting, CountsWhatWasLeftOut) {
  std::string yaml = "index: {dimension: 2}\n";
  for (int i = 0; i < 150; ++i) yaml += "key" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(load(yaml).errors(), 150U);
}

}  // namespace
}  // namespace semroute::router

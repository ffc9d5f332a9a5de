#include "plugins/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/plugins/target_nodes.h"

namespace semroute::plugins {
namespace {

using testing::HasSubstr;

TEST(Registry, HasTheKindsOfTheContract) {
  for (const char* kind : {"static", "http", "tcp", "unix", "exec", "dynamic"}) {
    EXPECT_TRUE(std::ranges::any_of(kinds(), [&](const Kind& known) { return known.name == kind; })) << kind;
  }
}

TEST(Registry, UnknownKindsAreRefusedWithTheKnownOnes) {
  const auto problems = test::problems_of(test::target_of("a", "htttp", {}));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].key_path, "targets[0].kind");
  EXPECT_THAT(problems[0].message, HasSubstr("\"htttp\""));
  for (const Kind& kind : kinds()) EXPECT_THAT(problems[0].message, HasSubstr(kind.name));
}

TEST(Registry, MadeTargetsKnowTheirNameAndKind) {
  const auto target = make_target(test::target_of("canned", "static", {{"reply", {}, config::Value{}}}));
  EXPECT_EQ(target->name(), "canned");
  EXPECT_EQ(target->kind(), "static");
}

}  // namespace
}  // namespace semroute::plugins

#include "plugins/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/target_nodes.h"

namespace semroute::plugins {
namespace {

using testing::HasSubstr;

TEST(Registry, KindsOfLaterVersionsAreRefusedByName) {
  for (const char* kind : {"dynamic"}) {
    const auto problems = test::problems_of(test::target_of("a", kind, {}));
    ASSERT_EQ(problems.size(), 1U) << kind;
    EXPECT_EQ(problems[0].key_path, "targets[0].kind");
    EXPECT_THAT(problems[0].message, HasSubstr("known, not in this version"));
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

#include "config/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "config/map_reader.h"
#include "config/yaml_reader.h"

namespace semroute::config {
namespace {

class Environment : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("SEMROUTE_TEST_NAME", "value", 1);
    ::setenv("SEMROUTE_TEST_EMPTY", "", 1);
    ::unsetenv("SEMROUTE_TEST_UNSET");
  }

  Value expand(std::string_view yaml) {
    Value root = *read_yaml(yaml, diagnostics_);
    expand_environment(root, diagnostics_);
    return root;
  }
  std::string expanded(const std::string& text) { return *expand("a: '" + text + "'").find("a")->string(); }
  std::string problem(const std::string& text) {
    (void)expand("list: [x, {a: '" + text + "'}]");
    EXPECT_EQ(diagnostics_.all().size(), 1U) << text;
    return diagnostics_.all().empty() ? "" : to_string(diagnostics_.all().front());
  }

  Diagnostics diagnostics_{"t.yaml"};
};

TEST_F(Environment, ReplacesNamesAndDefaults) {
  EXPECT_EQ(expanded("${SEMROUTE_TEST_NAME}"), "value");
  EXPECT_EQ(expanded("a-${SEMROUTE_TEST_NAME}-${SEMROUTE_TEST_NAME}-b"), "a-value-value-b");
  EXPECT_EQ(expanded("${SEMROUTE_TEST_NAME:-other}"), "value");
  EXPECT_EQ(expanded("${SEMROUTE_TEST_UNSET:-other:80}"), "other:80");
  EXPECT_EQ(expanded("${SEMROUTE_TEST_UNSET:-}"), "");
  EXPECT_EQ(expanded("${SEMROUTE_TEST_EMPTY:-other}"), "other");
  EXPECT_EQ(expanded("${SEMROUTE_TEST_EMPTY}"), "");
  EXPECT_FALSE(diagnostics_.has_errors());
}

TEST_F(Environment, LeavesOtherDollarsAlone) {
  EXPECT_EQ(expanded("$${SEMROUTE_TEST_NAME}"), "${SEMROUTE_TEST_NAME}");
  EXPECT_EQ(expanded("$5 and $$ and $NAME$"), "$5 and $$ and $NAME$");
  EXPECT_FALSE(diagnostics_.has_errors());
}

TEST_F(Environment, NeverChangesKeysOrTypes) {
  ::setenv("SEMROUTE_TEST_NAME", "17", 1);
  const Value root = expand("\"${SEMROUTE_TEST_NAME}\": ${SEMROUTE_TEST_NAME}\n");
  EXPECT_EQ(*root.find("${SEMROUTE_TEST_NAME}")->string(), "17");
}

TEST_F(Environment, NamesWhatIsMissing) {
  EXPECT_EQ(problem("${SEMROUTE_TEST_UNSET}"),
            "t.yaml:1:15: list[1].a: the environment has no SEMROUTE_TEST_UNSET, and ${SEMROUTE_TEST_UNSET} names no "
            "default");
}

TEST_F(Environment, RefusesWhatIsNoName) {
  EXPECT_EQ(problem("${A B}"),
            "t.yaml:1:15: list[1].a: expected ${NAME} or ${NAME:-default}, found \"${A B}\"; a literal ${ is written "
            "$${");
}

TEST_F(Environment, RefusesABraceThatNeverEnds) {
  EXPECT_EQ(problem("x${SEMROUTE"),
            "t.yaml:1:15: list[1].a: expected ${NAME} or ${NAME:-default}, found \"${\" without \"}\"");
}

TEST_F(Environment, MessagesShowWhatWasWrittenNotWhatTheEnvironmentHolds) {
  ::setenv("SEMROUTE_TEST_NAME", "secret", 1);
  const Value root = expand("a: ${SEMROUTE_TEST_NAME}\n");
  EXPECT_EQ(found_text(*root.find("a")), "\"${SEMROUTE_TEST_NAME}\"");
}

}  // namespace
}  // namespace semroute::config

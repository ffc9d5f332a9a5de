#include <gtest/gtest.h>

#include "router/tool/json_text.h"
#include "tests/router/tool/run.h"

namespace semroute::router::tool {
namespace {

TEST(Check, AllIsWell) {
  const Folder folder;
  const std::string file = folder.file("c.yaml", kSmallConfig);
  const Ran ran = run({"check", file});
  EXPECT_EQ(ran.exit, 0) << ran.out << ran.err;
  EXPECT_NE(ran.out.find(file + ": ok, 3 routes, 6 references, "), std::string::npos) << ran.out;
  EXPECT_EQ(ran.err, "");
}

TEST(Check, EveryProblemWithItsPlace) {
  const Folder folder;
  const std::string file = folder.file("c.yaml",
                                       "lisen: 127.0.0.1:0\n"
                                       "index: {dimension: abc}\n"
                                       "targets:\n"
                                       "  - {name: t, kind: nonsense}\n");
  const Ran ran = run({"check", file});
  EXPECT_EQ(ran.exit, 78);
  EXPECT_NE(ran.out.find(file + ":1:1: "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(file + ":2:20: "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(file + ":4:"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(" errors, "), std::string::npos) << ran.out;
}

TEST(Check, JsonHoldsTheSame) {
  const Folder folder;
  const std::string file = folder.file("c.yaml", "index: {dimension: abc}\n");
  const Ran ran = run({"check", file, "--output", "json"});
  EXPECT_EQ(ran.exit, 78);
  const auto value = parse_json(ran.out);
  ASSERT_TRUE(value.ok()) << ran.out;
  EXPECT_EQ(boolean_of(*value, "ok"), false);
  const config::Value* problems = value->find("problems");
  ASSERT_NE(problems, nullptr);
  ASSERT_FALSE(problems->list()->empty());
  const config::Value& first = problems->list()->front();
  EXPECT_EQ(text_of(first, "severity"), "error");
  EXPECT_EQ(text_of(first, "key_path"), "index.dimension");
  EXPECT_EQ(number_of(first, "line"), 1.0);
  EXPECT_EQ(number_of(first, "column"), 20.0);
}

TEST(Check, WeakRoutesAreWarnings) {
  const Folder folder;
  // One reference is less than top_m, and both routes hold the same vector.
  const std::string file = folder.file("c.yaml",
                                       "index: {dimension: 2}\n"
                                       "decision: {aggregation: mean_top, top_m: 3}\n"
                                       "routes:\n"
                                       "  - {name: one, references: {vectors: [[1, 0]]}}\n"
                                       "  - {name: two, references: {vectors: [[1, 0]]}}\n");
  const Ran ran = run({"check", file});
  EXPECT_EQ(ran.exit, 0) << ran.out;
  EXPECT_NE(ran.out.find("warning"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(file + ":4:"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("two"), std::string::npos) << ran.out;
  const Ran silent = run({"check", file, "--no-warnings"});
  EXPECT_NE(silent.out.find("0 warnings"), std::string::npos) << silent.out;
}

TEST(Check, NoFileIs78) {
  const Ran ran = run({"check", "/nowhere/at/all.yaml"});
  EXPECT_EQ(ran.exit, 78);
  EXPECT_NE(ran.out.find("/nowhere/at/all.yaml"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace semroute::router::tool

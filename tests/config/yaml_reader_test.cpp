// Faults 34, 35 and 37 as far as they are YAML's: what the text may not contain, with its place.
#include "config/yaml_reader.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"

namespace semroute::config {
namespace {

struct Read {
  std::optional<Value> root;
  std::vector<std::string> problems;
};

Read read(std::string_view yaml) {
  Diagnostics diagnostics("t.yaml");
  Read result;
  result.root = read_yaml(yaml, diagnostics);
  for (const Diagnostic& problem : diagnostics.all()) result.problems.push_back(to_string(problem));
  return result;
}

// The one problem of a text.
std::string problem(std::string_view yaml) {
  const Read result = read(yaml);
  EXPECT_EQ(result.problems.size(), 1U) << yaml;
  return result.problems.empty() ? "" : result.problems.front();
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

TEST(YamlReader, KeepsPlacesOrderAndTypes) {
  const Read result = read("a: 1\nb: {c: [x, '1']}\nd:\n");
  ASSERT_TRUE(result.root);
  EXPECT_TRUE(result.problems.empty());
  const Value::Map& map = *result.root->map();
  ASSERT_EQ(map.size(), 3U);
  EXPECT_EQ(map[0].key, "a");
  EXPECT_EQ(map[0].value.place, (Place{1, 4}));
  EXPECT_EQ(map[1].key_place, (Place{2, 1}));
  const Value& list = *map[1].value.find("c");
  EXPECT_EQ(list.place, (Place{2, 8}));
  EXPECT_EQ(*(*list.list())[1].string(), "1");
  EXPECT_EQ((*list.list())[1].place, (Place{2, 12}));
  EXPECT_TRUE(map[2].value.is_null());
  EXPECT_EQ(map[2].value.place, (Place{3, 1}));  // a value left out stands where its key does
}

TEST(YamlReader, KeepsBlocksAndQuotedTextsAsStrings) {
  const Read result = read("a: |\n  1\n  2\nb: >-\n  x\n  y\nc: \"true\"\nd: 'it''s'\ne: \"\"\n");
  ASSERT_TRUE(result.root);
  EXPECT_EQ(*result.root->find("a")->string(), "1\n2\n");
  EXPECT_EQ(*result.root->find("b")->string(), "x y");
  EXPECT_EQ(*result.root->find("c")->string(), "true");
  EXPECT_EQ(*result.root->find("d")->string(), "it's");
  EXPECT_EQ(*result.root->find("e")->string(), "");
}

TEST(YamlReader, RefusesDuplicateKeysAndKeepsTheFirst) {
  const Read result = read("a: {b: 1, c: 2, b: 3}\na: 4\n");
  EXPECT_EQ(result.problems, (std::vector<std::string>{"t.yaml:1:17: a.b: given twice, first at 1:5",
                                                       "t.yaml:2:1: a: given twice, first at 1:1"}));
  EXPECT_EQ(*result.root->find("a")->find("b")->integer(), 1);
}

TEST(YamlReader, RefusesAliasesAnchorsTagsAndMergeKeys) {
  const Read result = read("a: &x 1\nb: *x\nc: !!str 5\nd: !mine {e: 1}\n<<: {f: 1}\ng: ! plain\n");
  EXPECT_EQ(result.problems, (std::vector<std::string>{
                                 "t.yaml:1:4: a: anchors are not supported: write the value out where needed",
                                 "t.yaml:2:4: b: aliases are not supported: write the value out",
                                 "t.yaml:3:4: c: tags are not supported: quote a value to make it a string",
                                 "t.yaml:4:4: d: tags are not supported: quote a value to make it a string",
                                 "t.yaml:5:1: <<: merge keys are not supported: write the members out",
                                 "t.yaml:6:4: g: tags are not supported: quote a value to make it a string",
                             }));
}

TEST(YamlReader, ReadsACyclicAnchorWithoutFollowingIt) { EXPECT_EQ(read("a: &x [*x]\n").problems.size(), 2U); }

TEST(YamlReader, RefusesASecondDocumentAndAnEmptyOne) {
  EXPECT_EQ(problem("a: 1\n---\nb: 2\n"), "t.yaml:2:1: expected one document, found a second one");
  EXPECT_EQ(problem("a: 1\n...\nb: 2\n"), "t.yaml:3:1: expected one document, found a second one");
  for (const char* text : {"", "\n\n", "# only a comment\n"}) {
    EXPECT_EQ(problem(text), "t.yaml: expected a configuration, found nothing");
  }
  EXPECT_TRUE(read("---\na: 1\n...\n").problems.empty());
}

TEST(YamlReader, RefusesQuotesThatNeverEnd) {
  EXPECT_EQ(problem("a: \"never\nb: 2\n"), "t.yaml:1:4: a: this quote never ends");
  EXPECT_EQ(problem("a: \"escaped \\\"\n"), "t.yaml:1:4: a: this quote never ends");
  EXPECT_EQ(problem("a: 'it''s\n"), "t.yaml:1:4: a: this quote never ends");
  EXPECT_EQ(problem("'a: 1\n"), "t.yaml:1:1: this quote never ends");
}

TEST(YamlReader, RefusesKeysThatAreNoWords) {
  EXPECT_EQ(problem("~: 1\nb: 2\n"), "t.yaml:1:1: expected a key that is a plain word, found null");
  EXPECT_EQ(problem("? [a]\n: 1\n"), "t.yaml:1:3: expected a key that is a plain word, found a list");
  EXPECT_EQ(problem("? {a: b}\n: 1\n"), "t.yaml:1:3: expected a key that is a plain word, found a map");
}

TEST(YamlReader, SaysWhereTheTextIsNoYaml) {
  EXPECT_EQ(problem("a: b: c\n"),
            "t.yaml:1:5: this is not YAML: a ':' cannot stand here: check the indentation, or quote the value");
  EXPECT_EQ(problem("a: [1, 2\nb: 3\n"), "t.yaml:2:2: this is not YAML: expected ',' or ']'");
  EXPECT_EQ(problem("a:\n  b: 1\n c: 2\n"),
            "t.yaml:3:2: this is not YAML: this does not continue the map: check the indentation and the quotes");
  EXPECT_EQ(problem("a: @b\n"), "t.yaml:1:4: this is not YAML: a value cannot begin with this character: quote it");
}

TEST(YamlReader, RefusesBytesThatAreNoText) {
  EXPECT_EQ(problem(std::string_view("a: 1\nb: \0\n", 10)), "t.yaml:2:4: expected text, found a NUL byte");
  EXPECT_EQ(problem("a: 1\nb: \xFF\n"), "t.yaml:2:1: expected UTF-8, found other bytes in this line");
  EXPECT_EQ(problem("a: \xC3"), "t.yaml:1:1: expected UTF-8, found other bytes in this line");
  EXPECT_TRUE(read("\xEF\xBB\xBF"
                   "a: 1\n")
                  .problems.empty());  // a byte order mark may stand in front
}

TEST(YamlReader, BoundsNestingAndCount) {
  const auto nested = [](std::size_t levels) { return repeated("[", levels) + repeated("]", levels); };
  EXPECT_TRUE(read(nested(core::kMaxConfigDepth)).problems.empty());
  EXPECT_EQ(problem(nested(core::kMaxConfigDepth + 1)), "t.yaml:1:33: expected a nesting of at most 32 levels");
  EXPECT_EQ(problem(repeated("- ", core::kMaxConfigDepth + 1)), "t.yaml:1:65: expected a nesting of at most 32 levels");
  EXPECT_TRUE(read('[' + repeated("1,\n", core::kMaxConfigNodes - 2) + "]").problems.empty());
  EXPECT_EQ(problem(repeated("- 1\n", core::kMaxConfigNodes + 1)), "t.yaml:200001:3: expected at most 200000 values");
}

TEST(YamlReader, RefusesHostileNestingBeforeItCostsAnything) {
  EXPECT_EQ(problem(repeated("[", 1'000'000)), "t.yaml:1:100001: expected a nesting of at most 32 levels");
  EXPECT_EQ(problem("a: " + repeated("{", 1'000'000)), "t.yaml:1:100004: expected a nesting of at most 32 levels");
  EXPECT_EQ(problem(repeated("[],", 300'000)), "t.yaml:1:300001: expected at most 200000 values");
}

}  // namespace
}  // namespace semroute::config

#include "config/map_reader.h"

#include <gtest/gtest.h>

#include "config/yaml_reader.h"

namespace semroute::config {
namespace {

using std::chrono::milliseconds;

class Reading : public testing::Test {
 protected:
  MapReader reader(std::string_view yaml, KeyCatalogue* catalogue = nullptr) {
    tree_ = *read_yaml(yaml, diagnostics_);
    return {tree_, "a[3]", diagnostics_, catalogue};
  }
  std::vector<std::string> problems() const {
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : diagnostics_.all()) lines.push_back(to_string(diagnostic));
    return lines;
  }

  Value tree_;
  Diagnostics diagnostics_{"t.yaml"};
};

TEST_F(Reading, GivesWhatIsThereAndTheDefaultOtherwise) {
  MapReader read = reader("{s: x, b: true, i: 7, n: 2, d: 3s, z: 2KiB, l: [p, q], w: two, m: {k: v}, t: -1e3}");
  EXPECT_EQ(read.string("s"), "x");
  EXPECT_EQ(read.string("none"), std::nullopt);
  EXPECT_TRUE(read.boolean("b", false));
  EXPECT_EQ(read.integer("i", 1, 0, 7), 7);
  EXPECT_EQ(read.integer("j", 5, 0, 7), 5);
  EXPECT_EQ(read.number("n", 0.5, 0, 2), 2.0);
  EXPECT_EQ(read.optional_number("t"), -1000.0);
  EXPECT_EQ(read.duration("d", milliseconds{1}, milliseconds{0}, milliseconds{3'000}), milliseconds{3'000});
  EXPECT_EQ(read.size("z", 0, 0, 4'096), 2'048U);
  EXPECT_EQ(read.strings("l"), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(read.one_of("w", {"one", "two"}, "one"), "two");
  EXPECT_EQ(read.string_map("m").at(0).key, "k");
  EXPECT_TRUE(read.section("absent").map()->empty());
  EXPECT_TRUE(read.elements("absent", "list").empty());
  read.finish();
  EXPECT_TRUE(problems().empty());
}

TEST_F(Reading, ReportsEveryMistakeAndYieldsTheDefault) {
  MapReader read = reader("s: 5\nb: yes\ni: 8\nn: x\nd: 4s\nz: 1\nl: [p, 2]\nw: three\nm: {k: 1}\nt: [1]\nu:\n");
  EXPECT_EQ(read.string("s"), std::nullopt);
  EXPECT_FALSE(read.boolean("b", false));
  EXPECT_EQ(read.integer("i", 1, 0, 7), 1);
  EXPECT_EQ(read.number("n", 0.5, 0, 2), 0.5);
  EXPECT_EQ(read.duration("d", milliseconds{1}, milliseconds{0}, milliseconds{3'000}), milliseconds{1});
  EXPECT_EQ(read.size("z", 2'048, 1'024, 4'096), 2'048U);
  EXPECT_EQ(read.strings("l"), (std::vector<std::string>{"p"}));
  EXPECT_EQ(read.one_of("w", {"one", "two"}, "one"), "one");
  (void)read.string_map("m");
  EXPECT_EQ(read.optional_number("t"), std::nullopt);
  EXPECT_EQ(read.integer("u", 3, 0, 7), 3);
  EXPECT_EQ(read.required_integer("v", 1, 9), 1);
  read.finish();
  EXPECT_EQ(problems(), (std::vector<std::string>{
                            "t.yaml:1:4: a[3].s: expected a string (quote it), found 5",
                            "t.yaml:2:4: a[3].b: expected true or false, found \"yes\"",
                            "t.yaml:3:4: a[3].i: expected an integer 0..7, found 8",
                            "t.yaml:4:4: a[3].n: expected a number 0..2, found \"x\"",
                            "t.yaml:5:4: a[3].d: expected a duration 0s..3s, found \"4s\"",
                            "t.yaml:6:4: a[3].z: expected a size 1KiB..4KiB, found 1",
                            "t.yaml:7:8: a[3].l[1]: expected a string, found 2",
                            "t.yaml:8:4: a[3].w: expected one of one | two, found \"three\"",
                            "t.yaml:9:8: a[3].m.k: expected a string, found 1",
                            "t.yaml:10:4: a[3].t: expected a finite number, found a list",
                            "t.yaml:11:1: a[3].u: expected an integer 0..7, found nothing",
                            "t.yaml:1:1: a[3].v: is required: expected an integer 1..9, found nothing",
                        }));
}

TEST_F(Reading, ReportsKeysThatNobodyAskedFor) {
  MapReader read = reader("timeuot: 1s\ncolour: red\nretries: 3\n");
  (void)read.duration("timeout", milliseconds{1}, milliseconds{0}, milliseconds{3'000});
  read.not_in_this_version({"retries", "balance"});
  read.finish();
  EXPECT_EQ(problems(), (std::vector<std::string>{
                            "t.yaml:3:10: a[3].retries: is known, not in this version",
                            "t.yaml:1:1: a[3].timeuot: unknown key; did you mean timeout?",
                            "t.yaml:2:1: a[3].colour: unknown key",
                        }));
}

TEST_F(Reading, SaysOnceThatThereIsNoMap) {
  MapReader read = reader("[1]");
  (void)read.required_string("s");
  (void)read.required_integer("i", 0, 1);
  read.finish();
  EXPECT_EQ(problems(), (std::vector<std::string>{"t.yaml:1:1: a[3]: expected a map, found a list"}));
}

TEST_F(Reading, RecordsEveryKeyAskedFor) {
  KeyCatalogue catalogue;
  MapReader read = reader("{}", &catalogue);
  (void)read.duration("timeout", milliseconds{1'000}, milliseconds{1}, milliseconds{60'000});
  (void)read.one_of("mode", {"a", "b"}, "b");
  read.not_in_this_version({"later"});
  std::vector<std::string> found;
  for (const KeyEntry& key : catalogue.keys()) {
    found.push_back(key.path + " | " + key.type + " | " + key.range + " | " + key.fallback);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"a[].later | not in this version |  | ", "a[].mode | word | a, b | b",
                                             "a[].timeout | duration | 1ms..1m | 1s"}));
}

TEST_F(Reading, ARefusedValueIsReportedOnce) {
  tree_ = *read_yaml("i: 010\n", diagnostics_);
  MapReader read(tree_, "", diagnostics_);
  EXPECT_EQ(read.integer("i", 1, 0, 7), 1);
  ASSERT_EQ(problems().size(), 1U);
  EXPECT_NE(problems()[0].find("leading zero"), std::string::npos);
}

TEST(FoundText, IsShortAndOnOneLine) {
  Value value;
  value.data = std::string(200, 'x') + "\n";
  EXPECT_EQ(found_text(value), '"' + std::string(60, 'x') + "...\"");
  value.data = std::string("a\nb\x01");
  EXPECT_EQ(found_text(value), "\"a b \"");
  std::string cut = std::string(59, 'x') + "\xC3\xA9";  // the character lies over the cut
  value.data = cut;
  EXPECT_EQ(found_text(value), '"' + std::string(59, 'x') + "...\"");
}

TEST(Diagnostics, AreBoundedAndCounted) {
  Diagnostics diagnostics("t.yaml");
  for (std::uint32_t i = 1; i <= 150; ++i) diagnostics.error({i, 1}, "k", "m");
  EXPECT_EQ(diagnostics.all().size(), 100U);
  EXPECT_EQ(diagnostics.omitted(), 50U);
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(Diagnostics, WarningsAreNoErrors) {
  Diagnostics diagnostics("t.yaml");
  diagnostics.warning({3, 5}, "a.b", "looks odd");
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(to_string(diagnostics.all().at(0)), "t.yaml:3:5: warning: a.b: looks odd");
}

}  // namespace
}  // namespace semroute::config

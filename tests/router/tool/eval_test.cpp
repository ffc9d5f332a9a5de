#include <gtest/gtest.h>

#include "router/tool/json_text.h"
#include "tests/router/tool/run.h"

namespace semroute::router::tool {
namespace {

class Eval : public testing::Test {
 protected:
  // The value at runs[run].<path>.
  static double at(const config::Value& report, std::size_t run, const std::vector<std::string>& path) {
    const config::Value* value = &report.find("runs")->list()->at(run);
    for (std::size_t i = 0; i + 1 < path.size(); ++i) value = value->find(path[i]);
    return number_of(*value, path.back()).value_or(-1.0);
  }

  Folder folder_;
  std::string config_ = folder_.file("c.yaml", kSmallConfig);
  std::string requests_ = folder_.file("q.jsonl", kSmallRequests);
};

TEST_F(Eval, CountsWhatWasMadeToBeCounted) {
  const Ran ran = run({"eval", "--config", config_, "--vectors", requests_, "--thresholds", "0.5,0.99", "--output",
                       "json", "--per-route"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const auto report = parse_json(ran.out);
  ASSERT_TRUE(report.ok()) << ran.out;
  EXPECT_EQ(number_of(*report, "in_scope"), 5.0);
  EXPECT_EQ(number_of(*report, "out_of_scope"), 2.0);
  // Four of five are nearest to their route; at 0.9 the turned south (cosine 0.87) is refused as well.
  EXPECT_DOUBLE_EQ(at(*report, 0, {"accuracy"}), 0.8);
  EXPECT_DOUBLE_EQ(at(*report, 0, {"configured", "in_scope_accuracy"}), 0.6);
  EXPECT_DOUBLE_EQ(at(*report, 0, {"configured", "out_of_scope_recall"}), 0.5);
  const auto& thresholds = *report->find("runs")->list()->front().find("thresholds")->list();
  ASSERT_EQ(thresholds.size(), 2U);
  EXPECT_DOUBLE_EQ(*number_of(*thresholds[0].find("result"), "in_scope_accuracy"), 0.8);
  EXPECT_DOUBLE_EQ(*number_of(*thresholds[1].find("result"), "in_scope_accuracy"), 0.6);
  // The one far out-of-scope row scores lowest of all; the other beats the turned south and the confused east.
  EXPECT_DOUBLE_EQ(at(*report, 0, {"auroc"}), 0.8);
  const auto& confused = *report->find("confused")->list();
  ASSERT_EQ(confused.size(), 1U);
  EXPECT_EQ(text_of(confused[0], "label"), "east");
  EXPECT_EQ(text_of(confused[0], "nearest"), "north");
  EXPECT_EQ(report->find("routes")->list()->size(), 3U);
}

TEST_F(Eval, ATableForPeople) {
  const Ran ran = run({"eval", "--config", config_, "--vectors", requests_, "--thresholds", "0.5"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  for (const char* line : {"7 requests, 5 in scope, 2 out of scope", "max", "configured", "most confused"}) {
    EXPECT_NE(ran.out.find(line), std::string::npos) << line << "\n" << ran.out;
  }
}

TEST_F(Eval, AllAggregationsOnce) {
  const Ran ran = run({"eval", "--config", config_, "--vectors", requests_, "--aggregations", "all,max", "--top-m", "2",
                       "--output", "json"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const auto report = parse_json(ran.out);
  ASSERT_TRUE(report.ok());
  std::vector<std::string> names;
  for (const config::Value& one : *report->find("runs")->list()) names.push_back(*text_of(one, "name"));
  EXPECT_EQ(names, (std::vector<std::string>{"max", "mean_top 2", "sum_top 2", "mean", "centroid"}));
  EXPECT_EQ(run({"eval", "--config", config_, "--vectors", requests_, "--aggregations", "median"}).exit, 64);
}

TEST_F(Eval, PairsOfFilesGoTogether) {
  const std::string in = folder_.file("in.jsonl", "{\"embedding\":[1,0,0,0]}\n");
  const std::string out = folder_.file("out.jsonl", "{\"embedding\":[0,0,0,1]}\n");
  const std::string in_labels = folder_.file("in.txt", "north\n");
  const std::string out_labels = folder_.file("out.txt", "elsewhere\n");
  const std::vector<std::string> pairs{"eval",    "--config",  config_, "--vectors", in,        "--labels",
                                       in_labels, "--vectors", out,     "--labels",  out_labels};
  std::vector<std::string> named = pairs;
  named.insert(named.end(), {"--out-of-scope", "elsewhere"});
  const Ran ran = run(named);
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_NE(ran.out.find("2 requests, 1 in scope, 1 out of scope"), std::string::npos) << ran.out;
  const Ran strange = run(pairs);
  EXPECT_EQ(strange.exit, 0);
  EXPECT_NE(strange.err.find("\"elsewhere\""), std::string::npos) << strange.err;
  const Ran odd = run({"eval", "--config", config_, "--vectors", in, "--vectors", out, "--labels", in_labels});
  EXPECT_EQ(odd.exit, 65) << odd.err;
  const Ran uneven = run({"eval", "--config", config_, "--vectors", requests_, "--labels", in_labels});
  EXPECT_EQ(uneven.exit, 65);
  EXPECT_NE(uneven.err.find("1 labels for the 7 rows"), std::string::npos) << uneven.err;
  EXPECT_EQ(run({"eval", "--config", config_, "--vectors", in}).exit, 65) << "a file without labels";
}

TEST_F(Eval, AWrongConfigurationIs78) {
  const std::string wrong = folder_.file("w.yaml", "index: {dimension: 0}\n");
  const Ran ran = run({"eval", "--config", wrong, "--vectors", requests_});
  EXPECT_EQ(ran.exit, 78);
  EXPECT_NE(ran.err.find(":1:"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace semroute::router::tool

// Real data through the daemon over TCP: the quickstart, and CLINC150 where it is there (SEMROUTE_TEST_DATA).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/vector_file.h"
#include "router/protocol/client_codec.h"
#include "router/tool/tool.h"
#include "tests/support/daemon_process.h"
#include "tests/support/intent_data.h"
#include "tests/support/places.h"
#include "tests/support/raw_client.h"
#include "tests/support/sanitizer.h"

namespace semroute::test {
namespace {

// Every row asked over one pipelined binary connection, in chunks that neither side has to buffer for long.
std::vector<router::ClientResult> match_binary(std::uint16_t port, const config::VectorRows& rows) {
  RawClient client(port);
  std::vector<router::ClientResult> results;
  constexpr std::size_t kChunk = 64;
  for (std::size_t first = 0; first < rows.count; first += kChunk) {
    const std::size_t count = std::min(kChunk, rows.count - first);
    std::string frames;
    for (std::size_t i = first; i < first + count; ++i) {
      router::encode_client_frame({.id = static_cast<std::uint32_t>(i + 1),
                                   .values = {rows.values.data() + i * rows.dimension, rows.dimension},
                                   .content_type = {},
                                   .payload = {},
                                   .extras = {}},
                                  frames);
    }
    client.send(frames);
    for (std::size_t i = 0; i < count; ++i) {
      const auto reply = router::decode_reply(client.read_frame(60).value_or(""));
      if (!reply.ok() || reply->error || reply->results.size() != 1) return results;
      results.push_back(reply->results.front());
    }
  }
  return results;
}

// What a JSON client is told, in the words of said().
std::string match_json(RawClient& client, const config::VectorRows& rows, std::size_t row) {
  std::ostringstream line;
  line.precision(9);
  line << R"({"id":1,"op":"match","embedding":[)";
  for (std::size_t i = 0; i < rows.dimension; ++i) line << (i > 0 ? "," : "") << rows.values[row * rows.dimension + i];
  line << "]}";
  const auto reply = boost::json::parse(client.ask(line.str())).as_object();
  const auto text = [&](const char* key) {
    return reply.contains(key) ? std::string(reply.at(key).as_string()) : std::string();
  };
  std::ostringstream out;
  out << text("decision") << ' ' << text("reason") << ' ' << text("route") << ' ' << text("target") << ' ';
  const auto& best = reply.at("matches").at(0).as_object();
  out << std::string(best.at("route").as_string()) << ' ' << best.at("score").to_number<float>();
  return out.str();
}

std::string said(const router::ClientResult& result) {
  std::ostringstream out;
  out << to_string(result.decision) << ' ' << to_string(result.reason) << ' ' << result.route << ' ' << result.target
      << ' ' << result.matches.at(0).route << ' ' << result.matches.at(0).score;
  return out.str();
}

// `semroute eval --output json` of these arguments; an empty object when it failed.
boost::json::object evaluated(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "eval");
  arguments.insert(arguments.end(), {"--output", "json"});
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(router::tool::run_tool(arguments, out, err), 0) << err.str();
  boost::json::error_code problem;
  const auto report = boost::json::parse(out.str(), problem);
  EXPECT_FALSE(problem) << out.str();
  return report.is_object() ? report.as_object() : boost::json::object{};
}

// The same table from a daemon over TCP and in process; the names of the runs differ.
boost::json::object evaluated_alike(const DaemonProcess& daemon, const std::vector<std::string>& arguments) {
  std::vector<std::string> there = arguments;
  there.insert(there.end(), {"--server", "127.0.0.1:" + std::to_string(daemon.port())});
  std::vector<std::string> here = arguments;
  here.insert(here.end(), {"--config", daemon.config_path()});
  auto served = evaluated(there);
  auto decided = evaluated(here);
  if (served.empty() || decided.empty()) return {};
  for (auto* report : {&served, &decided}) report->at("runs").at(0).as_object().erase("name");
  EXPECT_EQ(boost::json::serialize(served), boost::json::serialize(decided));
  return served;
}

double accuracy(const std::vector<router::ClientResult>& results, const std::vector<std::string>& labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < results.size(); ++i) right += results[i].route == labels[i] ? 1U : 0U;
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

// The configuration of the quickstart on free ports, from another folder.
std::string quickstart_yaml(const std::string& folder) {
  std::ifstream in(folder + "semrouted.yaml");
  std::string yaml;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("listen:", 0) == 0 || line.rfind("admin:", 0) == 0) continue;
    for (const std::string name : {"routes.npy", "routes.jsonl"}) {
      for (auto at = line.find(name); at != std::string::npos; at = line.find(name, at + folder.size() + name.size())) {
        line.insert(at, folder);
      }
    }
    yaml += line + "\n";
  }
  return yaml;
}

TEST(Quickstart, RoutesAllInScopeRequestsAndRefusesTheRest) {
  const std::string folder = source_path("examples/quickstart/");
  const DaemonProcess daemon(quickstart_yaml(folder));
  const auto queries = config::read_vectors(folder + "queries.npy", 64, core::Metric::cosine);
  const auto labels = config::read_labels(folder + "queries.jsonl");
  ASSERT_TRUE(queries.ok() && labels.ok());
  const auto results = match_binary(daemon.port(), *queries);
  ASSERT_EQ(results.size(), 32U);
  std::size_t routed = 0;
  std::size_t refused = 0;
  RawClient json(daemon.port());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool out_of_scope = labels->labels[i] == "none";
    if (out_of_scope && results[i].decision == router::DecisionKind::no_match) ++refused;
    if (!out_of_scope && results[i].route == labels->labels[i]) ++routed;
    EXPECT_EQ(match_json(json, *queries, i), said(results[i])) << i;
  }
  EXPECT_EQ(routed, 24U);
  EXPECT_EQ(refused, 8U);
}

TEST(Quickstart, IsEvaluatedAlikeOverTcpAndInProcess) {
  const std::string folder = source_path("examples/quickstart/");
  const DaemonProcess daemon(quickstart_yaml(folder));
  const auto report = evaluated_alike(daemon, {"--vectors", folder + "queries.npy", "--labels",
                                               folder + "queries.jsonl", "--thresholds", "0.4", "--per-route"});
  ASSERT_FALSE(report.empty());
  EXPECT_EQ(report.at("in_scope").to_number<int>(), 24);
  EXPECT_EQ(report.at("out_of_scope").to_number<int>(), 8);
  const auto& run = report.at("runs").at(0).as_object();
  for (const auto& result : {run.at("configured"), run.at("thresholds").at(0).at("result")}) {
    EXPECT_EQ(result.at("in_scope_accuracy").to_number<double>(), 1.0);
    EXPECT_EQ(result.at("out_of_scope_recall").to_number<double>(), 1.0);
  }
}

struct Expected {
  const char* name;
  const char* aggregation;
  int top_m;
  double accuracy;
  std::size_t json_step;  // which rows a JSON client asks, too
};

// Why there is nothing to test with; empty when there is.
std::string missing_clinc() {
  if (SEMROUTE_SANITIZED != 0) return "15,000 references are too slow under a sanitizer";
  return missing_intents("clinc150");
}

// A daemon whose references are `train`, and the folder of the data with a slash behind.
std::string clinc_yaml(const std::string& decision, std::string& absolute) {
  absolute = std::filesystem::canonical(intent_folder("clinc150")).string() + "/";
  return "index: {dimension: 384}\ndecision: {" + decision + "}\nroute_sets:\n  - {vectors: \"" + absolute +
         "train.d384.f16.npy\", labels: \"" + absolute + "train.jsonl\"}\n";
}

class Clinc : public ::testing::TestWithParam<Expected> {};

TEST_P(Clinc, InScopeAccuracyWithoutAThreshold) {
  if (const std::string missing = missing_clinc(); !missing.empty()) GTEST_SKIP() << missing;
  std::string absolute;
  const DaemonProcess daemon(clinc_yaml("aggregation: " + std::string(GetParam().aggregation) +
                                            ", top_m: " + std::to_string(GetParam().top_m) + ", score_threshold: -1",
                                        absolute));
  const auto queries = config::read_vectors(absolute + "test.d384.f16.npy", 384, core::Metric::cosine);
  const auto labels = config::read_labels(absolute + "test.jsonl");
  ASSERT_TRUE(queries.ok() && labels.ok());
  const auto results = match_binary(daemon.port(), *queries);
  ASSERT_EQ(results.size(), 4'500U);
  EXPECT_NEAR(accuracy(results, labels->labels), GetParam().accuracy, 0.001);
  // A JSON client gets the same decisions.
  RawClient json(daemon.port());
  for (std::size_t row = 0; row < queries->count; row += GetParam().json_step) {
    ASSERT_EQ(match_json(json, *queries, row), said(results[row])) << row;
  }
}

TEST(ClincEval, PrintsWhatTheDaemonDecides) {
  if (const std::string missing = missing_clinc(); !missing.empty()) GTEST_SKIP() << missing;
  std::string absolute;
  const DaemonProcess daemon(clinc_yaml("aggregation: mean_top, top_m: 5, score_threshold: 0.5", absolute));
  const auto report =
      evaluated_alike(daemon, {"--vectors", absolute + "test.d384.f16.npy", "--labels", absolute + "test.jsonl",
                               "--vectors", absolute + "oos_test.d384.f16.npy", "--labels", absolute + "oos_test.jsonl",
                               "--thresholds", "0.5,0.6", "--confused", "3"});
  ASSERT_FALSE(report.empty());
  const auto& run = report.at("runs").at(0).as_object();
  EXPECT_NEAR(run.at("auroc").to_number<double>(), 0.944, 0.001);
  EXPECT_NEAR(run.at("accuracy").to_number<double>(), 0.8678, 0.001);
  const auto& thresholds = run.at("thresholds").as_array();
  ASSERT_EQ(thresholds.size(), 2U);
  EXPECT_EQ(thresholds[0].at("result"), run.at("configured")) << "0.5 is the configured one";
  const auto recall = [&](std::size_t i) {
    return thresholds[i].at("result").at("out_of_scope_recall").to_number<double>();
  };
  EXPECT_GT(recall(0), 0.5);
  EXPECT_GT(recall(1), recall(0)) << "a higher threshold refuses more";
  EXPECT_EQ(report.at("confused").as_array().size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Aggregations, Clinc,
                         ::testing::Values(Expected{"mean_top_5", "mean_top", 5, 0.8678, 1},
                                           Expected{"mean_top_3", "mean_top", 3, 0.8598, 45},
                                           Expected{"max", "max", 3, 0.8453, 45},
                                           Expected{"centroid", "centroid", 3, 0.8438, 45},
                                           Expected{"mean", "mean", 3, 0.7556, 45}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace semroute::test

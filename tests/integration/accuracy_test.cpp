// Real data through the daemon over TCP: the quickstart, and CLINC150 where it is there (SEMROUTE_TEST_DATA).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/vector_file.h"
#include "router/protocol/client_codec.h"
#include "tests/support/daemon_process.h"
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

std::string match_json(RawClient& client, const config::VectorRows& rows, std::size_t row) {
  std::ostringstream line;
  line.precision(9);
  line << R"({"id":1,"op":"match","embedding":[)";
  for (std::size_t i = 0; i < rows.dimension; ++i) line << (i > 0 ? "," : "") << rows.values[row * rows.dimension + i];
  line << "]}";
  return client.ask(line.str());
}

double accuracy(const std::vector<router::ClientResult>& results, const std::vector<std::string>& labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < results.size(); ++i) right += results[i].route == labels[i] ? 1U : 0U;
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

TEST(Quickstart, RoutesAllInScopeRequestsAndRefusesTheRest) {
  const std::string folder = source_path("examples/quickstart/");
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
  const DaemonProcess daemon(yaml);
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
    const auto line = match_json(json, *queries, i);
    const std::string same =
        results[i].route.empty() ? "\"decision\":\"no_match\"" : "\"route\":\"" + results[i].route + "\"";
    EXPECT_NE(line.find(same), std::string::npos) << line;
  }
  EXPECT_EQ(routed, 24U);
  EXPECT_EQ(refused, 8U);
}

struct Expected {
  const char* name;
  const char* aggregation;
  int top_m;
  double accuracy;
};

class Clinc : public ::testing::TestWithParam<Expected> {};

TEST_P(Clinc, InScopeAccuracyWithoutAThreshold) {
  if (SEMROUTE_SANITIZED != 0) GTEST_SKIP() << "15,000 references are too slow under a sanitizer";
  const std::string folder = test_data_folder() + "/clinc150/";
  if (!std::filesystem::exists(folder + "train.jsonl")) {
    GTEST_SKIP() << "no CLINC150 in " << folder << "; set SEMROUTE_TEST_DATA to the folder of the data sets";
  }
  const auto absolute = std::filesystem::canonical(folder).string() + "/";
  const DaemonProcess daemon("index: {dimension: 384}\ndecision: {aggregation: " + std::string(GetParam().aggregation) +
                             ", top_m: " + std::to_string(GetParam().top_m) +
                             ", score_threshold: -1}\nroute_sets:\n  - {vectors: \"" + absolute +
                             "train.d384.f16.npy\", labels: \"" + absolute + "train.jsonl\"}\n");
  const auto queries = config::read_vectors(absolute + "test.d384.f16.npy", 384, core::Metric::cosine);
  const auto labels = config::read_labels(absolute + "test.jsonl");
  ASSERT_TRUE(queries.ok() && labels.ok());
  const auto results = match_binary(daemon.port(), *queries);
  ASSERT_EQ(results.size(), 4'500U);
  EXPECT_NEAR(accuracy(results, labels->labels), GetParam().accuracy, 0.001);
  // A JSON client gets the same decisions.
  RawClient json(daemon.port());
  for (std::size_t row = 0; row < queries->count; row += 45) {
    EXPECT_NE(match_json(json, *queries, row).find("\"route\":\"" + results[row].route + "\""), std::string::npos)
        << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Aggregations, Clinc,
                         ::testing::Values(Expected{"mean_top_5", "mean_top", 5, 0.8678},
                                           Expected{"mean_top_3", "mean_top", 3, 0.8598},
                                           Expected{"max", "max", 3, 0.8453},
                                           Expected{"centroid", "centroid", 3, 0.8438},
                                           Expected{"mean", "mean", 3, 0.7556}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace semroute::test

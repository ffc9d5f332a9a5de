// Large tables through the daemon: every kind of index answers alike, says what it is, and marks what is approximate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "router/protocol/client_codec.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/synthetic_set.h"

namespace semroute::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kRequests = 40;

// 40 routes of 60 references.
const SyntheticSet& the_set() {
  static const SyntheticSet set = make_synthetic_set(
      {.dimension = 24, .families = 8, .routes_per_family = 5, .references_per_route = 60, .requests_per_route = 1});
  return set;
}

class IndexedDaemon {
 public:
  explicit IndexedDaemon(const std::string& index) : daemon_(yaml(index)), client_(daemon_.port()) {}

  json::object ask(const std::string& line) { return json::parse(client_.ask(line)).as_object(); }
  json::object match(std::size_t row) {
    return ask(R"({"id":1,"op":"match","top_k":3,"embedding":)" + row_text(row) + "}");
  }
  json::object match_all() {
    std::string line = R"({"id":1,"op":"match","top_k":3,"embeddings":[)";
    for (std::size_t row = 0; row < kRequests; ++row) line += (row > 0 ? "," : "") + row_text(row);
    return ask(line + "]}");
  }
  router::ClientReply match_frame() {
    std::string frame;
    router::encode_client_frame({.values = std::span(the_set().requests.values).first(the_set().dimension)}, frame);
    RawClient client(daemon_.port());
    client.send(frame);
    return router::decode_reply(client.read_frame().value_or("")).value();
  }
  json::object index_stats() { return ask(R"({"id":1,"op":"stats"})").at("index").as_object(); }
  std::string metrics() const { return http_get(daemon_.admin_port(), "/metrics"); }

 private:
  static std::string row_text(std::size_t row) {
    const std::size_t dimension = the_set().dimension;
    json::array values;
    for (std::size_t i = 0; i < dimension; ++i) values.push_back(the_set().requests.values[row * dimension + i]);
    return json::serialize(values);
  }
  std::string yaml(const std::string& index) {
    write_npy(files_.path() + "/refs.npy", the_set().references.values, the_set().dimension);
    write_labels(files_.path() + "/refs.txt", the_set().references.labels);
    return "index: {dimension: 24, " + index +
           "}\ndecision: {score_threshold: 0.3, margin: 0.01}\nroute_sets: [{vectors: " + files_.path() +
           "/refs.npy, labels: " + files_.path() + "/refs.txt}]\n";
  }

  TemporaryFolder files_;
  DaemonProcess daemon_;
  RawClient client_;
};

std::string decision_of(const json::object& reply) {
  json::object kept;
  for (const char* key : {"decision", "reason", "route", "score", "matches"})
    if (const auto* value = reply.if_contains(key)) kept[key] = *value;
  return json::serialize(kept);
}

TEST(IndexKinds, AnswerAlikeOneByOneAndInBatches) {
  std::vector<std::string> expected;
  for (const char* index :
       {"algorithm: flat", "algorithm: flat, quantization: int8", "algorithm: flat, quantization: f16",
        "algorithm: flat, quantization: binary", "algorithm: hnsw, quantization: int8"}) {
    IndexedDaemon daemon(index);
    const json::object batch = daemon.match_all();
    ASSERT_EQ(batch.at("results").as_array().size(), kRequests);
    std::size_t same = 0;
    for (std::size_t row = 0; row < kRequests; ++row) {
      const std::string decision = decision_of(daemon.match(row));
      EXPECT_EQ(decision_of(batch.at("results").at(row).as_object()), decision) << index << " " << row;
      if (expected.size() < kRequests) expected.push_back(decision);
      same += decision == expected[row] ? 1U : 0U;
    }
    EXPECT_EQ(same, kRequests) << index;
  }
}

TEST(IndexKinds, SayWhatTheyAre) {
  IndexedDaemon scan("algorithm: flat");
  const json::object flat = scan.index_stats();
  EXPECT_EQ(flat.at("algorithm"), "scan");
  EXPECT_EQ(flat.at("quantization"), "none");
  EXPECT_EQ(flat.at("rerank"), "f32");
  EXPECT_GE(flat.at("bytes").at("vectors").to_number<int>(), 2'400 * 24 * 4);
  EXPECT_EQ(flat.at("bytes").at("graph").to_number<int>(), 0);
  EXPECT_FALSE(scan.match(0).contains("approximate"));
  EXPECT_THAT(scan.match_frame().extras, Not(HasSubstr("approximate")));
  EXPECT_THAT(scan.metrics(), HasSubstr("semrouted_index_bytes{part=\"graph\"} 0\n"));

  IndexedDaemon walk("algorithm: hnsw, quantization: int8, rerank: none");
  const json::object graph = walk.index_stats();
  EXPECT_EQ(graph.at("algorithm"), "graph");
  EXPECT_EQ(graph.at("quantization"), "int8");
  EXPECT_EQ(graph.at("rerank"), "none");
  EXPECT_GT(graph.at("bytes").at("graph").to_number<int>(), 0);
  EXPECT_LT(graph.at("bytes").at("vectors").to_number<int>(), 2'400 * 24 * 4) << "they are not kept";
  EXPECT_EQ(walk.match(0).at("approximate"), true);
  EXPECT_EQ(walk.match_all().at("results").at(5).at("approximate"), true);
  EXPECT_THAT(walk.match_frame().extras, HasSubstr(R"("approximate":true)"));
  EXPECT_THAT(walk.metrics(), Not(HasSubstr("semrouted_index_bytes{part=\"graph\"} 0\n")));
}

}  // namespace
}  // namespace semroute::test

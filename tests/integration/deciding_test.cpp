// How the real daemon decides: every rule, and every field of a request that has a say in it, with scores that
// can be worked out by hand. The rules alone, over many tables: tests/router/decide/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

namespace json = boost::json;

// Along x: a (1), b (0.8), c (0.6), and `vetoed`, whose negative is as near as its reference.
constexpr const char* kTable = R"(workers: 1
index: {dimension: 2, model: tiny}
decision: {aggregation: max, score_threshold: 0.5}
targets: [{name: canned, kind: static, reply: 1}]
routes:
  - {name: a, target: canned, references: {vectors: [[1, 0]]}, metadata: {tier: gold, level: 1, live: true}}
  - {name: b, references: {vectors: [[0.8, 0.6]]}, score_threshold: 0.9, metadata: {tier: silver, level: 2}}
  - {name: c, references: {vectors: [[0.6, 0.8]]}, metadata: {tier: gold, level: "1"}}
  - {name: vetoed, references: {vectors: [[1, 0]]}, negatives: {vectors: [[1, 0]]}}
)";

class Deciding : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { daemon_ = new DaemonProcess(kTable); }
  static void TearDownTestSuite() {
    delete daemon_;
    daemon_ = nullptr;
  }
  // A match along x with more members.
  static json::object ask(const std::string& more) {
    RawClient client(daemon_->port());
    return json::parse(client.ask(R"({"id":1,"op":"match","embedding":[2,0])" + more + "}")).as_object();
  }
  // "decision reason route"
  static std::string said(const json::object& reply) {
    if (!reply.contains("decision")) return json::serialize(reply);
    return std::string(reply.at("decision").as_string()) + " " + std::string(reply.at("reason").as_string()) + " " +
           (reply.contains("route") ? std::string(reply.at("route").as_string()) : "-");
  }
  static std::string said(const std::string& more) { return said(ask(more)); }
  static DaemonProcess* daemon_;
};
DaemonProcess* Deciding::daemon_ = nullptr;

TEST_F(Deciding, TheBestPassingRouteIsServed) {
  const auto reply = ask("");
  EXPECT_EQ(said(reply), "matched passed a");
  EXPECT_EQ(reply.at("target"), "canned");
  EXPECT_EQ(reply.at("metadata"), json::parse(R"({"tier":"gold","level":1,"live":true})"));
  EXPECT_EQ(reply.at("matches").as_array().size(), 1U) << "top_k is 1 when left out";
}

TEST_F(Deciding, NoMatchHasNeitherRouteNorTarget) {
  const auto reply = ask(R"(,"score_threshold":2)");
  EXPECT_EQ(said(reply), "no_match below_threshold -");
  for (const char* member : {"route", "score", "metadata", "target"}) EXPECT_FALSE(reply.contains(member)) << member;
  EXPECT_TRUE(reply.at("ok").as_bool()) << "the question was answered";
}

TEST_F(Deciding, AVetoAloneIsTheReasonNegative) {
  EXPECT_EQ(said(R"(,"filter":{"routes":["vetoed"]})"), "no_match negative -");
  EXPECT_EQ(said(R"(,"filter":{"routes":["vetoed","b"]})"), "no_match negative -") << "b is below its own threshold";
  EXPECT_EQ(said(R"(,"filter":{"routes":["b"]})"), "no_match below_threshold -");
}

TEST_F(Deciding, FilterPartsBothApplyAndValuesCompareByTypeAndValue) {
  EXPECT_EQ(said(R"(,"filter":{})"), "matched passed a");
  EXPECT_EQ(said(R"(,"filter":{"routes":["c"]})"), "matched passed c");
  EXPECT_EQ(said(R"(,"filter":{"routes":["c","nobody"]})"), "matched passed c") << "unknown names match nothing";
  EXPECT_EQ(said(R"(,"filter":{"routes":["nobody"]})"), "no_match filtered -");
  EXPECT_EQ(said(R"(,"filter":{"routes":[]})"), "no_match filtered -");
  EXPECT_EQ(said(R"(,"filter":{"metadata":{"tier":"gold"}})"), "matched passed a");
  EXPECT_EQ(said(R"(,"filter":{"metadata":{"tier":["silver","gold"],"level":"1"}})"), "matched passed c");
  EXPECT_EQ(said(R"(,"filter":{"metadata":{"level":1}})"), "matched passed a") << "not the text 1 of c";
  EXPECT_EQ(said(R"(,"filter":{"metadata":{"level":1.0}})"), "matched passed a") << "the same number";
  EXPECT_EQ(said(R"(,"filter":{"metadata":{"live":1}})"), "no_match filtered -") << "a number is no boolean";
  EXPECT_EQ(said(R"(,"filter":{"metadata":{"live":true}})"), "matched passed a");
  EXPECT_EQ(said(R"(,"filter":{"metadata":{"colour":"red"}})"), "no_match filtered -") << "a key that none has";
  EXPECT_EQ(said(R"(,"filter":{"routes":["b","c"],"metadata":{"tier":"gold"}})"), "matched passed c");
  EXPECT_EQ(said(R"(,"filter":{"routes":["b"],"metadata":{"tier":"gold"}})"), "no_match filtered -");
}

TEST_F(Deciding, ThresholdOfTheRequestBeforeTheRoutesBeforeTheDecisions) {
  EXPECT_EQ(said(R"(,"filter":{"routes":["b"]})"), "no_match below_threshold -") << "0.8 under its own 0.9";
  EXPECT_EQ(said(R"(,"filter":{"routes":["b"]},"score_threshold":0.7)"), "matched passed b");
  EXPECT_EQ(said(R"(,"filter":{"routes":["c"]},"score_threshold":0.7)"), "no_match below_threshold -");
  EXPECT_EQ(said(R"(,"filter":{"routes":["c"]},"score_threshold":0)"), "matched passed c");
  EXPECT_EQ(said(R"(,"filter":{"routes":["c"]},"score_threshold":-1)"), "matched passed c");
}

TEST_F(Deciding, MatchesAreTheHighestScoringWhetherTheyPassedOrNot) {
  const auto matches = ask(R"(,"top_k":3)").at("matches").as_array();
  ASSERT_EQ(matches.size(), 3U);
  EXPECT_EQ(matches[0], json::parse(R"({"route":"a","score":1,"threshold":5E-1,"passed":true})"));
  EXPECT_EQ(matches[1].at("route"), "vetoed") << "a tie, by name";
  EXPECT_FALSE(matches[1].at("passed").as_bool());
  EXPECT_EQ(matches[2].at("route"), "b");
  EXPECT_EQ(matches[2].at("threshold"), 0.9);
}

TEST_F(Deciding, Fault47MoreThanThereAreIsAllThereAre) {
  EXPECT_EQ(ask(R"(,"top_k":1000)").at("matches").as_array().size(), 4U);
  EXPECT_EQ(ask(R"(,"top_k":1000,"filter":{"routes":["a"]})").at("matches").as_array().size(), 1U);
  EXPECT_EQ(ask(R"(,"top_k":1000,"filter":{"routes":[]})").at("matches").as_array().size(), 0U);
}

TEST_F(Deciding, AModelThatIsNotTheIndexsIsRefused) {
  EXPECT_EQ(said(R"(,"model":"tiny")"), "matched passed a");
  const auto refused = ask(R"(,"model":"large")");
  EXPECT_EQ(refused.at("error").at("code"), "model_mismatch");
  EXPECT_THAT(std::string(refused.at("error").at("message").as_string()), ::testing::HasSubstr("large"));
}

TEST_F(Deciding, ExplainShowsEveryCandidateWhateverTopKIs) {
  const auto explain = ask(R"(,"explain":true)").at("explain").as_object();
  std::string candidates;
  for (const auto& c : explain.at("candidates").as_array()) {
    candidates += std::string(c.at("route").as_string()) + " " + std::string(c.at("outcome").as_string()) + "\n";
  }
  EXPECT_EQ(candidates, "a served\nvetoed vetoed\nb below_threshold\nc passed\n");
  const auto& first = explain.at("candidates").at(1).as_object();
  EXPECT_NEAR(first.at("score").to_number<double>(), 1.0, 1e-6);
  EXPECT_NEAR(first.at("margin").to_number<double>(), 0.2, 1e-6) << "its lead over the next one";
  EXPECT_EQ(first.at("threshold"), 0.5);
  EXPECT_EQ(explain.at("candidates").at(2).at("threshold"), 0.9);
  EXPECT_EQ(explain.at("candidates").at(3).at("margin").to_number<double>(), 0.0) << "the last leads nobody";
  EXPECT_EQ(explain.at("references"), json::parse(R"([{"route":"a","row":0,"score":1,"text":"","negative":false}])"));
  for (const char* stage : {"decode", "search", "decide", "dispatch"}) {
    EXPECT_TRUE(explain.at("took_us").as_object().contains(stage)) << stage;
  }
  EXPECT_TRUE(explain.at("attempts").as_array().empty()) << "match dispatches nothing";
}

TEST_F(Deciding, ExplainOfARouteShowsCandidatesAndTheAttempt) {
  RawClient client(daemon_->port());
  const auto reply = json::parse(client.ask(R"({"id":1,"embedding":[1,0],"explain":true})"));
  const auto& explain = reply.at("explain");
  EXPECT_EQ(explain.at("candidates").as_array().size(), 4U);
  ASSERT_EQ(explain.at("attempts").as_array().size(), 1U);
  EXPECT_EQ(explain.at("attempts").at(0).at("target"), "canned");
  EXPECT_EQ(explain.at("attempts").at(0).at("outcome"), "ok");
}

TEST_F(Deciding, OneBadVectorRefusesTheBatchAndIsNamed) {
  RawClient client(daemon_->port());
  for (const auto& [bad, code] : std::vector<std::pair<std::string, std::string>>{{"[0,0]", "bad_vector"},
                                                                                  {"[1]", "dimension_mismatch"},
                                                                                  {"[1e39,0]", "bad_vector"},
                                                                                  {"[]", "bad_vector"},
                                                                                  {"\"AAA\"", "bad_vector"},
                                                                                  {"\"AADAfwAAgD8=\"", "bad_vector"},
                                                                                  {"[1,\"x\"]", "bad_request"}}) {
    const auto reply =
        json::parse(client.ask(R"({"id":1,"op":"match","embeddings":[[1,0],[0,1],[1,1],)" + bad + "]}")).as_object();
    EXPECT_FALSE(reply.contains("results")) << bad;
    EXPECT_EQ(reply.at("error").at("code").as_string(), code) << bad;
    EXPECT_THAT(std::string(reply.at("error").at("message").as_string()), ::testing::StartsWith("embeddings[3]"))
        << bad;
  }
}

// kTable with another decision and a default route without references.
std::string with_default(const std::string& decision) {
  std::string yaml = std::string(kTable) + "  - {name: general, target: canned, metadata: {tier: gold}}\n";
  const std::string old = "{aggregation: max, score_threshold: 0.5}";
  return yaml.replace(yaml.find(old), old.size(), "{aggregation: max, " + decision + ", default_route: general}");
}

// Whatever stops a match, the default route is served, and the reason stays the cause.
TEST(DefaultRoute, IsServedInEveryOtherCaseUnlessTheFilterForbids) {
  const DaemonProcess daemon(with_default("score_threshold: 0.5, margin: 0.3"));
  RawClient client(daemon.port());
  const auto said = [&](const std::string& more) {
    const auto reply = json::parse(client.ask(R"({"id":1,"embedding":[1,0])" + more + "}")).as_object();
    return std::string(reply.at("decision").as_string()) + " " + std::string(reply.at("reason").as_string()) +
           (reply.contains("route") ? " " + std::string(reply.at("route").as_string()) : "") +
           (reply.contains("score") ? " scored" : "") + (reply.at("dispatched").as_bool() ? " dispatched" : "");
  };
  EXPECT_EQ(said(""), "matched passed a scored dispatched") << "the second that passes, c, is 0.4 behind";
  EXPECT_EQ(said(R"(,"score_threshold":0.7)"), "default ambiguous general dispatched") << "b passes, 0.2 behind";
  EXPECT_EQ(said(R"(,"score_threshold":2)"), "default below_threshold general dispatched");
  EXPECT_EQ(said(R"(,"score_threshold":0.9,"filter":{"metadata":{"tier":"silver"}})"), "no_match below_threshold")
      << "the default does not pass the filter";
  EXPECT_EQ(said(R"(,"filter":{"routes":["vetoed","general"]})"), "default negative general dispatched");
  EXPECT_EQ(said(R"(,"filter":{"routes":["general"]})"), "default filtered general dispatched")
      << "without references it is no candidate";
  EXPECT_EQ(said(R"(,"filter":{"routes":["nobody"]})"), "no_match filtered");
}

TEST(DefaultRoute, Fault43WithoutAnyReferenceEverythingIsTheDefaultsOrNobodys) {
  const DaemonProcess with(R"(index: {dimension: 2}
decision: {default_route: general}
targets: [{name: canned, kind: static, reply: fine}]
routes: [{name: general, target: canned}]
)");
  RawClient client(with.port());
  const auto reply = json::parse(client.ask(R"({"id":1,"embedding":[1,0]})")).as_object();
  EXPECT_EQ(reply.at("decision"), "default");
  EXPECT_EQ(reply.at("reason"), "empty");
  EXPECT_EQ(reply.at("reply").at("body"), "fine");
  EXPECT_FALSE(reply.contains("score"));

  const DaemonProcess without("index: {dimension: 2}\n");
  RawClient other(without.port());
  for (int i = 0; i < 2; ++i) {  // the connection is kept
    const auto nothing = json::parse(other.ask(R"({"id":1,"op":"route","embedding":[1,0]})")).as_object();
    EXPECT_EQ(nothing.at("decision"), "no_match");
    EXPECT_EQ(nothing.at("reason"), "empty");
    EXPECT_FALSE(nothing.at("dispatched").as_bool());
    EXPECT_TRUE(nothing.at("matches").as_array().empty());
  }
}

TEST(Scores, FollowTheMetric) {
  for (const auto& [metric, score] : std::vector<std::pair<std::string, double>>{
           {"cosine", 0.6}, {"dot", 6.0}, {"euclidean", 1.0 / (1.0 + 4.123105625617661)}, {"manhattan", 1.0 / 6.0}}) {
    const DaemonProcess daemon("index: {dimension: 2, metric: " + metric +
                               "}\ndecision: {aggregation: max, score_threshold: -10}\n"
                               "routes: [{name: a, references: {vectors: [[2, 0]]}}]\n");
    RawClient client(daemon.port());
    const auto reply = json::parse(client.ask(R"({"id":1,"op":"match","embedding":[3,4]})")).as_object();
    EXPECT_NEAR(reply.at("score").to_number<double>(), score, 1e-6) << metric;
  }
}

TEST(Texts, AreShownByExplainAndRoutesGet) {
  const TemporaryFolder folder;
  folder.write("refs.jsonl", R"({"embedding":[1,0],"label":"a","text":"how much"}
{"embedding":[0,1],"label":"b"}
{"embedding":[0.9,0.1],"label":"a","text":"what \"price\""}
)");
  const DaemonProcess daemon(
      "index: {dimension: 2}\ndecision: {top_m: 2, score_threshold: 0}\nroute_sets: [{vectors: " + folder.path() +
      "/refs.jsonl}]\n");
  RawClient client(daemon.port());
  const auto explain = json::parse(client.ask(R"({"id":1,"op":"match","embedding":[1,0],"explain":true})"));
  const auto& references = explain.at("explain").at("references").as_array();
  ASSERT_EQ(references.size(), 2U) << "those that made the score";
  EXPECT_EQ(references[0].at("text"), "how much");
  EXPECT_EQ(references[1].at("text"), "what \"price\"");
  EXPECT_EQ(references[1].at("row").to_number<int>(), 1) << "of the route, not of the file";
  const auto got = json::parse(client.ask(R"({"id":1,"op":"routes.get","name":"a"})"));
  EXPECT_EQ(got.at("route").at("references").at(1).at("text"), "what \"price\"");
}

}  // namespace
}  // namespace semroute::test

// Replies as JSON lines: their exact bytes, and that they are JSON whatever a target or a name holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "router/protocol/json_codec.h"
#include "tests/router/protocol/replies.h"

namespace semroute::router {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

std::string line_of(const DecisionReply& reply, const RequestId& id = {"1", "n:1"}) {
  std::string out;
  encode_json(id, reply, out);
  EXPECT_EQ(out.find('\n'), out.size() - 1) << out;
  json::error_code problem;
  (void)json::parse(out, problem);
  EXPECT_FALSE(problem) << out;
  return out.substr(0, out.size() - 1);
}

std::string line_of(const ErrorReply& reply) {
  std::string out;
  encode_json({}, reply, out);
  return out.substr(0, out.size() - 1);
}

// The reply of a target as `route` shows it.
std::string shown_reply(std::string_view content_type, std::string_view body) {
  DecisionReply reply = test::no_match();
  reply.route_op = reply.dispatched = true;
  reply.reply = TargetReplyView{200, content_type, body};
  const std::string line = line_of(reply);
  const std::size_t begin = line.find("\"reply\":") + 8;
  return line.substr(begin, line.size() - 1 - begin);
}

TEST(JsonEncoder, AMatch) {
  EXPECT_EQ(line_of(test::matched(), {"\"a\\u0062\"", "s:ab"}),
            R"({"id":"a\u0062","ok":true,"request_id":"r-1","decision":"matched","reason":"passed","route":"billing",)"
            R"("score":0.83,"metadata":{"tier":"gold"},"target":"billing-api","revision":17,"matches":)"
            R"([{"route":"billing","score":0.83,"threshold":0.6,"passed":true},)"
            R"({"route":"refund","score":0.41,"threshold":0.5,"passed":false}]})");
}

TEST(JsonEncoder, ApproximateScoresAreMarked) {
  DecisionReply reply = test::matched();
  reply.decisions[0].approximate = true;
  EXPECT_THAT(line_of(reply), HasSubstr(R"("score":0.83,"approximate":true,"metadata":)"));
  reply = test::no_match();
  reply.decisions[0].approximate = true;
  EXPECT_THAT(line_of(reply), HasSubstr(R"("reason":"below_threshold","approximate":true,"revision":17)"));
}

TEST(JsonEncoder, NoMatchHasNoRoute) {
  EXPECT_EQ(line_of(test::no_match(), {}),
            R"({"id":null,"ok":true,"request_id":"r-1","decision":"no_match","reason":"below_threshold","revision":17,)"
            R"("matches":[{"route":"billing","score":0.25,"threshold":0.5,"passed":false}]})");
}

TEST(JsonEncoder, ADefaultRouteWithoutReferencesHasNoScore) {
  DecisionReply reply = test::no_match();
  reply.decisions[0].decision = DecisionKind::fallback;
  reply.decisions[0].route = "general";
  reply.decisions[0].matches.clear();
  EXPECT_THAT(line_of(reply), HasSubstr(R"("decision":"default","reason":"below_threshold","route":"general",)"
                                        R"("metadata":{},"revision":17,"matches":[]})"));
}

TEST(JsonEncoder, ABatch) {
  DecisionReply reply = test::matched();
  reply.batch = true;
  reply.decisions.push_back(test::no_match().decisions[0]);
  const auto line = json::parse(line_of(reply)).as_object();
  EXPECT_EQ(line.at("revision"), 17);
  ASSERT_EQ(line.at("results").as_array().size(), 2U);
  EXPECT_EQ(line.at("results").at(0).at("route"), "billing");
  EXPECT_FALSE(line.at("results").at(0).as_object().contains("revision"));
  EXPECT_EQ(line.at("results").at(1).at("decision"), "no_match");
}

TEST(JsonEncoder, ARouteSaysWhetherItWasDispatched) {
  DecisionReply reply = test::matched();
  reply.route_op = true;
  EXPECT_THAT(line_of(reply), testing::EndsWith(R"(],"dispatched":false})"));
}

TEST(JsonEncoder, ATargetsJsonIsPassedOnVerbatim) {
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "application/problem+json",
                           "application/vnd.x+json ; a=b"}) {
    EXPECT_EQ(shown_reply(type, R"({"a" :1.50, "b":[ ]})"),
              "{\"status\":200,\"content_type\":" + json_string(type) + R"(,"body":{"a" :1.50, "b":[ ]}})");
  }
  // What no float64 holds is still JSON.
  EXPECT_THAT(shown_reply("application/json", "123456789012345678901234567890"),
              HasSubstr("\"body\":123456789012345678901234567890"));
}

TEST(JsonEncoder, ATargetsJsonOfManyLinesBecomesOne) {
  EXPECT_THAT(shown_reply("application/json", "{\r\n  \"a b\": [1, 2],\n\t\"c\\\" \": \"x  \\\\\"\n}\n"),
              HasSubstr(R"("body":{"a b":[1,2],"c\" ":"x  \\"}})"));
}

TEST(JsonEncoder, OtherBodiesAreTextOrBase64) {
  for (const char* type : {"text/plain", "application/jsonx", "json", "", "application/xml"}) {
    EXPECT_THAT(shown_reply(type, "[1]"), HasSubstr(R"("text":"[1]")")) << type;
  }
  for (const char* body : {"", "{", "{} {}", "01", "nope", "\"a\nb\""}) {
    EXPECT_THAT(shown_reply("application/json", body), HasSubstr("\"text\":" + json_string(body))) << body;
  }
  EXPECT_THAT(shown_reply("text/plain", "\xFF"), HasSubstr(R"("base64":"/w==")"));
  EXPECT_THAT(shown_reply("application/json", "\"\xFF\xFE\""), HasSubstr(R"("base64":"Iv/+Ig==")"));
  EXPECT_THAT(shown_reply("image/png", "\x89PNG\r\n"), HasSubstr(R"("base64":"iVBORw0K")"));
  EXPECT_THAT(shown_reply("a\xFF\"b", "x"), HasSubstr("\"content_type\":\"a\xEF\xBF\xBD\\\"b\""));
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  EXPECT_THAT(shown_reply("application/json", deep), HasSubstr("\"text\":"));
}

TEST(JsonEncoder, AnErrorBeforeAndAfterADecision) {
  EXPECT_EQ(
      line_of(ErrorReply{.code = core::ErrorCode::dimension_mismatch, .message = "embedding has \"383\" numbers"}),
      R"({"id":null,"ok":false,"error":{"code":"dimension_mismatch","message":"embedding has \"383\" numbers",)"
      R"("retryable":false}})");
  const DecisionReply decided = test::matched();
  EXPECT_EQ(line_of(ErrorReply{.request_id = "r-9",
                               .code = core::ErrorCode::upstream_timeout,
                               .message = "slow",
                               .retryable = true,
                               .sent = false,
                               .decision = &decided.decisions[0],
                               .revision = 3}),
            R"({"id":null,"ok":false,"request_id":"r-9","decision":"matched","reason":"passed","route":"billing",)"
            R"("score":0.83,"metadata":{"tier":"gold"},"target":"billing-api","revision":3,)"
            R"("error":{"code":"upstream_timeout","message":"slow","sent":false,"retryable":true}})");
}

TEST(JsonEncoder, Explain) {
  DecisionReply reply = test::matched();
  reply.decisions[0].explain =
      ExplainView{.references = {{"billing", 3, 0.9F, "where is \"it\"", false}, {"refund", 0, -0.5F, "", true}},
                  .candidates = {{"billing", 0.83F, 0.6, 0.25, "served"}, {"refund", 0.41F, 0.5, -0.25, "vetoed"}},
                  .decode_us = 1.5,
                  .search_us = 2,
                  .decide_us = 0,
                  .dispatch_us = 1e6,
                  .attempts = {{"spare", "", "overloaded", 3}, {"billing-api", "http://[::1]:80", "ok", 1200}}};
  EXPECT_THAT(
      line_of(reply),
      HasSubstr(R"("explain":{"references":[{"route":"billing","row":3,"score":0.9,"text":"where is \"it\"",)"
                R"("negative":false},{"route":"refund","row":0,"score":-0.5,"text":"","negative":true}],)"
                R"("candidates":[{"route":"billing","score":0.83,"threshold":0.6,"margin":0.25,"outcome":"served"},)"
                R"({"route":"refund","score":0.41,"threshold":0.5,"margin":-0.25,"outcome":"vetoed"}],)"
                R"("took_us":{"decode":1.5,"search":2,"decide":0,"dispatch":1e+06},)"
                R"("attempts":[{"target":"spare","outcome":"overloaded","took_us":3},)"
                R"({"target":"billing-api","endpoint":"http://[::1]:80","outcome":"ok","took_us":1200}]}})"));
}

TEST(JsonEncoder, MembersOfOtherVerbs) {
  std::string out;
  encode_json_members({"7", "n:7"}, "r", R"("version":"1")", out);
  encode_json_members({}, "", "", out);
  EXPECT_EQ(out, "{\"id\":7,\"ok\":true,\"request_id\":\"r\",\"version\":\"1\"}\n{\"id\":null,\"ok\":true}\n");
}

}  // namespace
}  // namespace semroute::router

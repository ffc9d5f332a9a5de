#include "plugins/targets/exec/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace semroute::plugins {
namespace {

using testing::HasSubstr;

DispatchRequest request_with(std::string payload) {
  DispatchRequest request;
  request.payload = std::move(payload);
  request.content_type = "application/json";
  request.request_id = "r-1";
  request.route = "bill\n\"ing";
  request.decision = "matched";
  request.revision = 17;
  return request;
}

std::string line_of(const DispatchRequest& request) {
  return exec_request_line(7, request, Clock::now() - std::chrono::seconds(1));
}

TEST(ExecProtocol, ARequestIsOneLine) {
  DispatchRequest request = request_with("{\"a\":\n [1,\r\n 1e2]}");
  EXPECT_EQ(line_of(request),
            R"({"id":7,"request_id":"r-1","route":"bill\n\"ing","decision":"matched","revision":17,"timeout_ms":0,)"
            R"("content_type":"application/json","payload":{"a":  [1,   1e2]}})"
            "\n");
  request.has_score = true;
  request.score = 0.5F;
  request.traceparent = "00-01";
  request.headers = {{"x-tenant", "a"}, {"x-b", "\"c"}};
  EXPECT_THAT(line_of(request), HasSubstr(R"(,"score":0.5,"revision":17,"timeout_ms":0,"traceparent":"00-01",)"
                                          R"("headers":{"x-tenant":"a","x-b":"\"c"},"content_type":)"));
}

TEST(ExecProtocol, ACopySaysThatItIsOne) {
  DispatchRequest request = request_with("1");
  request.is_mirror = true;
  EXPECT_THAT(line_of(request), HasSubstr(R"(,"timeout_ms":0,"mirror":true,"content_type":)"));
}

TEST(ExecProtocol, APayloadThatIsNoJsonIsBase64) {
  EXPECT_THAT(line_of(request_with("{\n")), HasSubstr(R"("payload_base64":"ewo="})"));
  EXPECT_THAT(line_of(request_with("")), HasSubstr(R"("payload_base64":""})"));
}

TEST(ExecProtocol, RepliesAreReadAsTheyWereWritten) {
  struct Case {
    const char* line;
    int status;
    const char* type;
    const char* body;
  };
  for (const Case& c : {Case{R"({"id":7,"body":{"a" : 1e2}})", 200, "application/json", R"({"a" : 1e2})"},
                        Case{R"( {"body":null,"status":404,"id":7} )", 404, "application/json", "null"},
                        Case{R"({"id":7,"text":"h\u00e9\n"})", 200, "text/plain; charset=utf-8", "h\xc3\xa9\n"},
                        Case{R"({"id":7,"base64":"/w==","content_type":"image/png"})", 200, "image/png", "\xff"},
                        Case{R"({"id":7,"status":204})", 204, "", ""},
                        Case{R"({"id":7,"body":1,"mine":2})", 200, "application/json", "1"}}) {
    const ExecReply parsed = parse_exec_reply(7, c.line);
    ASSERT_TRUE(parsed.reply.ok()) << parsed.reply.error().message;
    EXPECT_EQ(parsed.reply->status, c.status);
    EXPECT_EQ(parsed.reply->content_type, c.type);
    EXPECT_EQ(parsed.reply->body, c.body);
  }
}

TEST(ExecProtocol, AnErrorIsTheTargets) {
  const ExecReply parsed = parse_exec_reply(7, R"({"id":7,"error":"no model"})");
  EXPECT_FALSE(parsed.is_garbage);
  ASSERT_FALSE(parsed.reply.ok());
  EXPECT_EQ(parsed.reply.error().code, core::ErrorCode::upstream_error);
  EXPECT_EQ(parsed.reply.error().message, "the process says: no model");
}

TEST(ExecProtocol, WhatIsNoReplyIsGarbage) {
  for (const char* line : {"",
                           "hello",
                           "[1]",
                           R"({"body":1})",
                           R"({"id":8,"body":1})",
                           R"({"id":"7","body":1})",
                           R"({"id":7.5})",
                           R"({"id":7,"id":7})",
                           R"({"id":7,"body":1,"text":"x"})",
                           R"({"id":7,"text":1})",
                           R"({"id":7,"base64":"x"})",
                           R"({"id":7,"status":99})",
                           R"({"id":7,"status":600})",
                           R"({"id":7,"status":"200"})",
                           R"({"id":7,"error":1})",
                           R"({"id":7,"content_type":1})",
                           R"({"id":7,"content_type":"text/plain\r\nX: 1"})",
                           R"({"id":7,"content_type":"a\u0000"})",
                           R"({"id":7,"content_type":"caf\u00e9"})",
                           R"({"id":7,"content_type":" a"})"}) {
    const ExecReply parsed = parse_exec_reply(7, line);
    EXPECT_TRUE(parsed.is_garbage) << line;
    ASSERT_FALSE(parsed.reply.ok());
    EXPECT_EQ(parsed.reply.error().code, core::ErrorCode::upstream_error);
  }
}

TEST(ExecProtocol, GarbageIsToldWithItsBeginning) {
  const ExecReply parsed = parse_exec_reply(7, "Traceback:\t\x1b[31m");
  EXPECT_EQ(parsed.problem, R"(answered with what is no reply: not a JSON object: "Traceback:\u0009\u001b[31m")");
  EXPECT_EQ(parsed.reply.error().message, "the target's process " + parsed.problem);
  // Cut, but no character in two.
  EXPECT_EQ(parse_exec_reply(7, std::string(59, 'x') + "\xc3\xa9").problem,
            "answered with what is no reply: not a JSON object: \"" + std::string(59, 'x') + "\"...");
  const std::string type(2'000, 'x');
  EXPECT_TRUE(parse_exec_reply(7, R"({"id":7,"content_type":")" + type + "\"}").is_garbage)
      << "longer than frames carry";
}

}  // namespace
}  // namespace semroute::plugins

#include "router/tool/load.h"

#include <gtest/gtest.h>

#include <atomic>

#include "router/protocol/frame_codec.h"
#include "router/tool/json_text.h"
#include "router/tool/wire.h"
#include "tests/router/tool/run.h"
#include "tests/router/tool/stand_in.h"

namespace semroute::router::tool {
namespace {

LoadPlan plan_for(const StandIn& server, Wire wire) {
  LoadPlan plan;
  plan.server = server.address();
  plan.wire = wire;
  plan.connections = 3;
  plan.pipeline = 4;
  plan.threads = 2;
  plan.requests = 1'000;
  const std::vector<float> row{0.25F, -1.0F};
  plan.encoded.push_back(encode_request(wire, Op::match, row, 2));
  return plan;
}

// Answers frames in reverse order of arrival; every tenth with an error.
StandIn::Script frames_server(std::atomic<std::uint64_t>& seen) {
  return [&seen](StandIn::Turn& turn) {
    std::string out;
    while (true) {
      const FramePeek peek = peek_frame(turn.input, 1 << 20);
      if (!peek.header || turn.input.size() < peek.frame_bytes) return out;
      RequestId id;
      id.text = std::to_string(peek.header->request_id);
      std::string reply;
      if (seen.fetch_add(1) % 10 == 9) {
        ErrorReply error;
        error.code = core::ErrorCode::overloaded;
        error.message = "too much";
        encode_frame(peek.header->op, id, error, reply);
      } else {
        DecisionReply decided;
        decided.decisions.emplace_back();
        encode_frame(Op::match, id, decided, reply);
      }
      out = reply + out;
      turn.input.erase(0, peek.frame_bytes);
    }
  };
}

TEST(Load, BinaryRequestsAreAllAnsweredAndErrorsCounted) {
  std::atomic<std::uint64_t> seen{0};
  StandIn server(frames_server(seen));
  const auto report = run_load(plan_for(server, Wire::binary));
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->answered, 1'000U);
  EXPECT_EQ(seen.load(), 1'000U);
  EXPECT_EQ(report->lost, 0U);
  EXPECT_EQ(report->latency_ns.count(), 1'000U);
  EXPECT_GT(report->seconds, 0.0);
  EXPECT_EQ(report->errors, (std::map<std::string, std::uint64_t>{{"overloaded", 100}}));
}

TEST(Load, JsonRequestsAreAllAnsweredAndErrorsCounted) {
  std::atomic<std::uint64_t> seen{0};
  StandIn server(StandIn::lines([&seen](const std::string& line) {
    const auto request = parse_json(line);
    EXPECT_TRUE(request.ok()) << line;
    const std::string id = std::to_string(static_cast<int>(*number_of(*request, "id")));
    EXPECT_EQ(request->find("embedding")->list()->size(), 2U);
    if (seen.fetch_add(1) % 10 != 9) return R"({"id":)" + id + R"(,"ok":true,"decision":"no_match"})" + "\n";
    return R"({"id":)" + id + R"(,"ok":false,"error":{"code":"bad_vector","message":"no"}})" + "\n";
  }));
  const auto report = run_load(plan_for(server, Wire::json));
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->answered, 1'000U);
  EXPECT_EQ(report->errors, (std::map<std::string, std::uint64_t>{{"bad_vector", 100}}));
}

TEST(Load, KeepsThePipelineAndNoMore) {
  std::size_t waiting = 0;
  std::size_t most = 0;
  StandIn server([&](StandIn::Turn& turn) {
    // Holds everything back until four are there, then answers them all.
    std::vector<std::uint32_t> ids;
    std::string rest = turn.input;
    while (true) {
      const FramePeek peek = peek_frame(rest, 1 << 20);
      if (!peek.header || rest.size() < peek.frame_bytes) break;
      ids.push_back(peek.header->request_id);
      rest.erase(0, peek.frame_bytes);
    }
    waiting = ids.size();
    most = std::max(most, waiting);
    if (waiting < 4) return std::string{};
    turn.input = rest;
    std::string out;
    for (const std::uint32_t one : ids) {
      RequestId id;
      id.text = std::to_string(one);
      DecisionReply decided;
      decided.decisions.emplace_back();
      encode_frame(Op::match, id, decided, out);
    }
    return out;
  });
  LoadPlan plan = plan_for(server, Wire::binary);
  plan.connections = 1;
  plan.threads = 1;
  plan.requests = 40;
  const auto report = run_load(plan);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->answered, 40U);
  EXPECT_EQ(most, 4U);
}

TEST(Load, LostConnectionsAreCounted) {
  StandIn server([](StandIn::Turn& turn) {
    const FramePeek peek = peek_frame(turn.input, 1 << 20);
    RequestId id;
    id.text = std::to_string(peek.header->request_id);
    DecisionReply decided;
    decided.decisions.emplace_back();
    std::string out;
    encode_frame(Op::match, id, decided, out);
    turn.hang_up = true;
    return out;
  });
  LoadPlan plan = plan_for(server, Wire::binary);
  const auto report = run_load(plan);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->answered, 3U);
  EXPECT_EQ(report->lost, 3U * 4U);  // a new request took the place of the answered one
}

TEST(Load, ADaemonThatHangsUpIsUnavailable) {
  StandIn server([](StandIn::Turn& turn) {
    turn.hang_up = true;
    return std::string{};
  });
  const auto report = run_load(plan_for(server, Wire::binary));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, core::ErrorCode::unavailable);
}

TEST(Load, WhatIsNoProtocolIsUnavailable) {
  StandIn server([](StandIn::Turn& turn) {
    turn.input.clear();
    return std::string("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const auto report = run_load(plan_for(server, Wire::binary));
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("no frame"), std::string::npos) << report.error().message;
}

TEST(Wire, OneAndSeveralEmbeddings) {
  const std::vector<float> rows{1.0F, 0.5F, -2.0F, 0.0F};
  const auto line = [&](std::size_t dimension, Op op) { return encode_request(Wire::json, op, rows, dimension); };
  const auto batch = parse_json(line(2, Op::match));
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->find("embeddings")->list()->size(), 2U);
  const auto one = parse_json(line(4, Op::route));
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(text_of(*one, "op"), "route");
  EXPECT_EQ(one->find("embedding")->list()->size(), 4U);
  std::string frame = encode_request(Wire::binary, Op::match, rows, 2);
  set_frame_id(frame, 0x01020304);
  const FramePeek peek = peek_frame(frame, 1 << 20);
  ASSERT_TRUE(peek.header);
  EXPECT_EQ(peek.header->request_id, 0x01020304U);
  EXPECT_EQ(peek.frame_bytes, frame.size());
}

TEST(Bench, PrintsRateAndPercentiles) {
  StandIn server(StandIn::lines([](const std::string& line) {
    if (line.find("ping") != std::string::npos) return std::string("{\"id\":1,\"ok\":true,\"dimension\":3}\n");
    const std::string id = line.substr(6, line.find(',') - 6);
    return R"({"id":)" + id + R"(,"ok":true,"decision":"no_match"})" + "\n";
  }));
  const std::vector<std::string> arguments{"bench",      "--server", server.address(), "--protocol", "json",
                                           "--requests", "200",      "--pipeline",     "4",          "--batch",
                                           "2"};
  const Ran ran = run(arguments);
  EXPECT_EQ(ran.exit, 0) << ran.err;
  for (const char* shown :
       {"dimension 3", "200 requests in", "requests/s", "embeddings/s", "p50", "p90", "p99", "p99.9"}) {
    EXPECT_NE(ran.out.find(shown), std::string::npos) << shown << "\n" << ran.out;
  }
  std::vector<std::string> json = arguments;
  json.insert(json.end(), {"--output", "json"});
  const auto report = parse_json(run(json).out);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(number_of(*report, "requests"), 200.0);
  EXPECT_EQ(number_of(*report, "lost"), 0.0);
  EXPECT_GT(*number_of(*report, "requests_per_s"), 0.0);
  const config::Value* latency = report->find("latency_us");
  EXPECT_LE(*number_of(*latency, "p50"), *number_of(*latency, "p99.9"));
}

TEST(Bench, RefusedRequestsAreNoResult) {
  StandIn server(StandIn::lines([](const std::string& line) {
    if (line.find("ping") != std::string::npos) return std::string("{\"id\":1,\"ok\":true,\"dimension\":3}\n");
    return std::string("{\"id\":0,\"ok\":false,\"error\":{\"code\":\"dimension_mismatch\",\"message\":\"\"}}\n");
  }));
  const Ran ran = run({"bench", "--server", server.address(), "--protocol", "json", "--requests", "5"});
  EXPECT_EQ(ran.exit, 65);
  EXPECT_NE(ran.out.find("dimension_mismatch: 5"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace semroute::router::tool

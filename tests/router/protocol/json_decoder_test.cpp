// One JSON line to a request: every field, the forms of ids, and what is no JSON at all (faults.md 1-3, 5, 7-9).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/base/limits.h"
#include "tests/router/protocol/decoding.h"

namespace semroute::router {
namespace {

using test::decoded;
using test::repeated;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kFull =
    R"({"id":"a-1","op":"match","request_id":"r.1:2_3-4","embedding":[1,-0.5,2e-1],"top_k":3,"score_threshold":-0.25,)"
    R"("filter":{"routes":["x","y"],"metadata":{"tier":"gold","level":[1,2.5,true,null]}},"timeout_ms":250,)"
    R"("explain":true,"model":"m","payload":{"text" : "h\u00e9"},"headers":{"X-Tenant":"t 1"}})";

TEST(JsonDecoder, ReadsEveryField) {
  const auto [request, error] = decoded(kFull);
  ASSERT_FALSE(error) << error->message;
  EXPECT_EQ(request.op, Op::match);
  EXPECT_EQ(request.id.text, "\"a-1\"");
  EXPECT_EQ(request.id.key, "s:a-1");
  EXPECT_EQ(request.request_id, "r.1:2_3-4");
  EXPECT_THAT(request.embeddings, ElementsAre(1.0F, -0.5F, 0.2F));
  EXPECT_EQ(request.embedding_count, 1U);
  EXPECT_EQ(request.dimension, 3U);
  EXPECT_FALSE(request.batch);
  EXPECT_EQ(request.top_k, 3U);
  EXPECT_EQ(request.score_threshold, -0.25);
  EXPECT_THAT(*request.filter.routes, ElementsAre("x", "y"));
  ASSERT_EQ(request.filter.metadata.size(), 2U);
  EXPECT_EQ(request.filter.metadata[0].first, "tier");
  EXPECT_EQ(*request.filter.metadata[0].second.at(0).string(), "gold");
  ASSERT_EQ(request.filter.metadata[1].second.size(), 4U);
  EXPECT_EQ(*request.filter.metadata[1].second[0].integer(), 1);
  EXPECT_EQ(*request.filter.metadata[1].second[1].real(), 2.5);
  EXPECT_EQ(*request.filter.metadata[1].second[2].boolean(), true);
  EXPECT_TRUE(request.filter.metadata[1].second[3].is_null());
  EXPECT_EQ(request.timeout_ms, 250U);
  EXPECT_TRUE(request.explain);
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.payload, R"({"text" : "h\u00e9"})");
  ASSERT_EQ(request.headers.size(), 1U);
  EXPECT_EQ(request.headers[0].name, "x-tenant");
  EXPECT_EQ(request.headers[0].value, "t 1");
}

TEST(JsonDecoder, WhatIsLeftOutHasItsDefault) {
  const auto [request, error] = decoded(R"({"embedding":[1]})");
  ASSERT_FALSE(error) << error->message;
  EXPECT_EQ(request.op, Op::route);
  EXPECT_EQ(request.id.text, "null");
  EXPECT_EQ(request.id.key, "");
  EXPECT_EQ(request.top_k, 1U);
  EXPECT_EQ(request.payload, "null");
  EXPECT_EQ(request.payload_content_type, "application/json");
  EXPECT_FALSE(request.score_threshold || request.timeout_ms || request.model || request.filter.routes);
}

TEST(JsonDecoder, EveryOpHasItsFields) {
  EXPECT_EQ(decoded(R"({"op":"route","embedding":[1]})").request.op, Op::route);
  EXPECT_EQ(decoded(R"({"op":"ping"})").request.op, Op::ping);
  EXPECT_EQ(decoded(R"({"op":"stats"})").request.op, Op::stats);
  EXPECT_EQ(decoded(R"({"op":"reload"})").request.op, Op::reload);
  EXPECT_EQ(decoded(R"({"op":"routes.list"})").request.op, Op::routes_list);
  const auto cancel = decoded(R"({"op":"cancel","request":7})");
  EXPECT_EQ(cancel.code(), "ok");
  EXPECT_EQ(cancel.request.cancel_request.key, "n:7");
  const auto get = decoded(R"({"limit":5,"offset":2,"vectors":true,"name":"b","op":"routes.get"})");
  EXPECT_EQ(get.code(), "ok");
  EXPECT_EQ(get.request.route_name, "b");
  EXPECT_TRUE(get.request.vectors);
  EXPECT_EQ(get.request.offset, 2U);
  EXPECT_EQ(get.request.limit, 5U);
}

TEST(JsonDecoder, WhiteSpaceAndCrlfAreTaken) {  // fault 9
  EXPECT_EQ(decoded("{\"op\":\"ping\"}\r").code(), "ok");
  EXPECT_EQ(decoded(" \t{ \"op\" : \"ping\" , \"id\" : 1 } \r").request.id.text, "1");
  EXPECT_EQ(decoded("{\"op\":\"match\",\"embedding\": [ 1 ,\t2 ] }").request.dimension, 2U);
  EXPECT_EQ(decoded("{\"op\":\"match\",\"embeddings\" : [ [ 1 ] , \"AACAPw==\" ] }").request.embedding_count, 2U);
}

TEST(JsonDecoder, BlankLinesAndOtherTextAreRefused) {  // fault 9
  for (const char* line : {"", " ", "\r", "\t \r"}) {
    EXPECT_THAT(decoded(line).message(), HasSubstr("blank")) << '[' << line << ']';
  }
  for (const char* line : {"[]", "1", "null", "\"x\"", "\xEF\xBB\xBF{\"op\":\"ping\"}", "PING", "}"}) {
    EXPECT_EQ(decoded(line).code(), "bad_request") << line;
  }
}

// fault 1: what is cut off anywhere is refused, and never read past its end.
TEST(JsonDecoder, EveryBeginningOfALineIsRefused) {
  for (std::size_t length = 0; length < kFull.size(); ++length) {
    const std::string line(kFull.substr(0, length));  // its own allocation, for AddressSanitizer
    EXPECT_EQ(decoded(line).code(), "bad_request") << line;
  }
  const std::string batch = R"({"op":"match","embeddings":[[1,2],"AACAPwAAgD8=",[3,4]]})";
  for (std::size_t length = 0; length < batch.size(); ++length) {
    EXPECT_EQ(decoded(std::string(batch, 0, length)).code(), "bad_request") << batch.substr(0, length);
  }
}

TEST(JsonDecoder, MalformedTextIsRefused) {  // fault 1
  for (const char* line : {
           R"({"op":"ping"}})",
           R"({"op":"ping"} {"op":"ping"})",
           R"({"op":"ping",})",
           R"({,"op":"ping"})",
           R"({"op" "ping"})",
           R"({"op":})",
           R"({"op":"ping" "id":1})",
           R"({op:"ping"})",
           R"({'op':"ping"})",
           R"({1:"ping"})",
           R"({"op":"ping","id":01})",
           R"({"op":"ping","id":+1})",
           R"({"op":"ping","id":.5})",
           R"({"op":"ping","id":1.})",
           R"({"op":"ping","id":1e})",
           R"({"op":"ping","id":-})",
           R"({"op":"ping","id":nul})",
           R"({"op":"ping","id":NaN})",
           R"({"op":"ping","id":Infinity})",
           R"({"op":"ping","id":"a})",
           R"({"op":"ping","id":"\x"})",
           R"({"op":"ping","id":"\u12G4"})",
           R"({"op":"ping","id":"\u12"})",
           R"({"op":"ping"/**/})",
           R"({"op":"match","embedding":[1,]})",
           R"({"op":"match","embedding":[,1]})",
           R"({"op":"match","embedding":[1 2]})",
           R"({"op":"match","embedding":[1}})",
           R"({"op":"match","embedding":[NaN]})",
           R"({"op":"match","embedding":[-Infinity]})",
           R"({"op":"match","embedding":[01]})",
           R"({"op":"match","embedding":[1.]})",
           R"({"op":"match","embeddings":[[1],]})",
           R"({"op":"match","embeddings":[[1] [2]]})",
           R"({"op":"match","embeddings":[[1]})",
           "{\"op\":\"ping\",\"id\":\"a\nb\"}",
           "{\"op\":\"ping\",\"id\":\"a\tb\"}",
           "{\"o\tp\":\"ping\"}",
           "{\"op\":\"match\",\"embedding\":\"AAC\tAPw==\"}",
       }) {
    EXPECT_EQ(decoded(line).code(), "bad_request") << line;
  }
  EXPECT_EQ(decoded(std::string("{\"op\":\"ping\"\0}", 14)).code(), "bad_request");
  EXPECT_EQ(decoded(std::string("{\"op\":\"ping\"}\0", 14)).code(), "bad_request");
}

TEST(JsonDecoder, InvalidUtf8AndLoneSurrogatesAreRefused) {  // fault 2
  for (const char* text :
       {"\xFF", "\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80",
        "\xF0\x9F\x98", R"(\ud800)", R"(\udc00)", R"(\ud83dx)", R"(\ud83d\u0041)", R"(\ud83d\ud83d)"}) {
    const std::string quoted = '"' + std::string(text) + '"';
    for (const std::string& line : {
             "{\"id\":" + quoted + ",\"op\":\"ping\"}",
             "{" + quoted + ":1,\"op\":\"ping\"}",
             "{\"op\":\"route\",\"embedding\":[1],\"payload\":{\"a\":[" + quoted + "]}}",
             "{\"op\":\"match\",\"embedding\":[1],\"filter\":{\"routes\":[" + quoted + "]}}",
             "{\"op\":\"match\",\"embedding\":[1],\"filter\":{" + quoted + ":[]}}",
             "{\"op\":\"match\",\"embedding\":" + quoted + "}",
         }) {
      EXPECT_EQ(decoded(line).code(), "bad_request") << line;
    }
  }
}

TEST(JsonDecoder, CharactersOfEveryLengthAndPairsAreTaken) {
  const auto line = decoded(
      R"({"id":"\ud83d\ude00","op":"match","embedding":[1],"payload":"é € 😀 \ud83d\ude00","model":"\u00e9\u20ac"})");
  EXPECT_EQ(line.code(), "ok") << line.message();
  EXPECT_EQ(line.request.id.key, "s:\xF0\x9F\x98\x80");
  EXPECT_EQ(line.request.model, "\xC3\xA9\xE2\x82\xAC");
  EXPECT_EQ(decoded("{\"id\":\"\xF0\x9F\x98\x80\",\"op\":\"ping\"}").request.id.key, "s:\xF0\x9F\x98\x80");
}

TEST(JsonDecoder, NestingIsBounded) {  // fault 3: the object itself is the first of 32 levels
  const auto line = [](const std::string& key, std::size_t levels) {
    return "{\"id\":5,\"op\":\"match\",\"embedding\":[1],\"" + key + "\":" + repeated("[", levels) +
           repeated("]", levels) + "}";
  };
  EXPECT_EQ(decoded(line("payload", core::kMaxJsonDepth - 1)).code(), "ok");
  for (const std::size_t levels : {core::kMaxJsonDepth, core::kMaxJsonDepth + 1, std::size_t{200'000}}) {
    for (const char* key : {"payload", "filter", "unheard_of", "id", "op"}) {
      const auto refused = decoded(line(key, levels));
      EXPECT_EQ(refused.code(), "bad_request") << key << ' ' << levels;
      EXPECT_THAT(refused.message(), HasSubstr("nesting over 32")) << key;
      EXPECT_EQ(refused.request.id.text, "5");
    }
    for (const char* key : {"embedding", "embeddings"}) {
      EXPECT_EQ(decoded("{\"op\":\"match\",\"" + std::string(key) + "\":" + repeated("[", levels) + "}").code(),
                "bad_request");
    }
    EXPECT_EQ(decoded(repeated("{\"a\":", levels)).code(), "bad_request");
  }
}

TEST(JsonDecoder, NumbersBeyondFloat64AreRefusedByTheirField) {  // fault 5
  for (const std::string& number : {std::string("1e400"), std::string("-1E+400"), "1" + repeated("0", 400)}) {
    for (const char* key : {"payload", "score_threshold", "filter", "top_k", "unheard_of", "model"}) {
      const auto refused =
          decoded("{\"op\":\"match\",\"embedding\":[1],\"" + std::string(key) + "\":" + number + ",\"id\":9}");
      EXPECT_EQ(refused.code(), "bad_request");
      EXPECT_THAT(refused.message(), testing::AllOf(HasSubstr(key), HasSubstr("float64")));
      EXPECT_EQ(refused.request.id.text, "9") << key;
    }
  }
  EXPECT_THAT(decoded(R"({"op":"match","embedding":[1],"payload":{"a":[0,1e400]}})").message(), HasSubstr("payload"));
  EXPECT_EQ(decoded(R"({"op":"match","embedding":[1],"payload":1e-400})").code(), "ok");
  // An exponent too long to count ends the walk: nothing is known of what follows.
  EXPECT_EQ(decoded(R"({"id":1e999999999999999999999,"op":"ping"})").code(), "bad_request");
}

TEST(JsonDecoder, DuplicateKeysAreRefused) {  // fault 7
  for (const char* line : {
           R"({"op":"ping","op":"stats"})",
           R"({"op":"match","embedding":[1],"embedding":[1]})",
           R"({"op":"match","embeddings":[[1]],"embeddings":[[1]]})",
           R"({"op":"match","embedding":[1],"payload":1,"payload":1})",
           R"({"op":"match","embedding":[1],"top_k":1,"t\u006fp_k":1})",
           R"({"op":"match","embedding":[1],"filter":{"routes":[],"routes":[]}})",
           R"({"op":"match","embedding":[1],"filter":{"metadata":{"a":1,"\u0061":1}}})",
           R"({"op":"match","embedding":[1],"headers":{"a":"1","a":"2"}})",
           R"({"op":"match","embedding":[1],"headers":{"X-A":"1","x-a":"2"}})",
       }) {
    EXPECT_EQ(decoded(line).code(), "bad_request") << line;
    EXPECT_THAT(decoded(line).message(), HasSubstr("twice")) << line;
  }
  const auto twice = decoded(R"({"id":1,"op":"ping","id":2})");
  EXPECT_THAT(twice.message(), HasSubstr("\"id\" appears twice"));
  EXPECT_EQ(twice.request.id.text, "1");
}

TEST(JsonDecoder, WhatFollowsAnOffenceIsStillRead) {
  for (const char* offence :
       {R"("top_k":0)", R"("filter":{"a":{},"a":{}})", R"("embedding":[1e39])", R"("unheard":[1])", R"("op":"noop")",
        R"("payload":[1e400])", R"("headers":{"":""})", R"("embedding":"!")", R"("filter":{"metadata":{"a":[[1]]}})",
        R"("embeddings":5)", R"("model":1)"}) {
    const auto refused = decoded('{' + std::string(offence) + R"(,"id":"x","request_id":"r"})");
    EXPECT_NE(refused.code(), "ok") << offence;
    EXPECT_EQ(refused.request.id.text, "\"x\"") << offence;
    EXPECT_EQ(refused.request.request_id, "r") << offence;
  }
}

TEST(JsonDecoder, TheFirstOffenceIsNamedAndAnUnknownOpComesBeforeAll) {
  EXPECT_THAT(decoded(R"({"top_k":0,"explain":1,"embedding":[1]})").message(), HasSubstr("top_k"));
  EXPECT_THAT(decoded(R"({"top_k":0,"unheard":1,"op":"hello"})").message(), HasSubstr("hello is known"));
}

// Whatever the decoder takes is JSON to another parser, too.
TEST(JsonDecoder, AcceptsNothingThatIsNoJson) {
  std::uint64_t random = 88172645463325252U;
  const auto next = [&random] {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return random;
  };
  const std::string_view alphabet = "{}[]:,\"\\0123456789eE+-. abtruefalsn\xC3\xA9\n";
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string line(kFull);
    for (std::uint64_t edits = next() % 3 + 1; edits > 0; --edits) {
      const std::size_t at = next() % line.size();
      const char c = alphabet[next() % alphabet.size()];
      switch (next() % 3) {
        case 0: line[at] = c; break;
        case 1: line.insert(at, 1, c); break;
        default: line.erase(at, 1); break;
      }
    }
    if (decoded(line).code() != "ok") continue;
    ++taken;
    boost::json::error_code problem;
    (void)boost::json::parse(line, problem);
    EXPECT_FALSE(problem) << line;
  }
  EXPECT_GT(taken, 100);
}

TEST(JsonDecoder, IsAsNewAfterEveryLine) {
  JsonDecoder decoder;
  Request request;
  for (int round = 0; round < 3; ++round) {
    for (const char* bad :
         {R"({"id":1,"op":"match","embedding":[1e39],"filter":{"a":1}})", R"({"id":1,"top_k":)", R"({"op":"hello"})",
          R"({"\u0078":1})", R"({"op":"match","embedding":"AAA=","headers":1})"}) {
      request.clear();
      EXPECT_FALSE(decoder.decode(bad, request).ok()) << bad;
      request.clear();
      const auto read = decoder.decode(R"({"op":"match","embedding":[1,2]})", request);
      ASSERT_TRUE(read.ok()) << read.error().message << " after " << bad;
      EXPECT_EQ(request.id.text, "null");
      EXPECT_THAT(request.embeddings, ElementsAre(1.0F, 2.0F));
    }
  }
}

}  // namespace
}  // namespace semroute::router

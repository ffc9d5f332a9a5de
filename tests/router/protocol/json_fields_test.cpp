// The fields of a JSON line by name: types, ranges, ids, and which op knows which (faults.md 5, 8, 12).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "tests/router/protocol/decoding.h"

namespace semroute::router {
namespace {

using test::decoded;
using test::decoded_extras;
using test::repeated;
using testing::AllOf;
using testing::HasSubstr;

// A match with one more field.
test::Decoded with(const std::string& field) { return decoded(R"({"op":"match","embedding":[1],)" + field + '}'); }

TEST(JsonFields, AnIdIsEchoedAsItCameAndComparedByWhatItSays) {
  struct Case {
    std::string source;
    std::string key;
  };
  for (const auto& [source, key] : std::vector<Case>{
           {"1", "n:1"},
           {"0", "n:0"},
           {"-0", "n:-0"},
           {"1.50", "n:1.50"},
           {"1e5", "n:1e5"},
           {"18446744073709551616", "n:18446744073709551616"},
           {"123456789012345678901234567890", "n:123456789012345678901234567890"},
           {"9007199254740993", "n:9007199254740993"},
           {R"("")", "s:"},
           {R"("1")", "s:1"},
           {R"("a\u0062\n\/\"")", "s:ab\n/\""},
           {R"("\u0000")", std::string("s:\0", 3)},
           {'"' + repeated("x", core::kMaxIdBytes) + '"', "s:" + repeated("x", core::kMaxIdBytes)},
           {'"' + repeated("\\u0078", core::kMaxIdBytes) + '"', "s:" + repeated("x", core::kMaxIdBytes)},
           {repeated("1", core::kMaxIdBytes), "n:" + repeated("1", core::kMaxIdBytes)},
           {"null", ""},
       }) {
    const auto read = decoded("{\"id\":" + source + ",\"op\":\"ping\"}");
    EXPECT_EQ(read.code(), "ok") << source << ": " << read.message();
    EXPECT_EQ(read.request.id.text, source);
    EXPECT_EQ(read.request.id.key, key);
    const auto cancel = decoded("{\"request\":" + source + ",\"op\":\"cancel\"}");
    EXPECT_EQ(cancel.request.cancel_request.key, key);
    EXPECT_EQ(cancel.code(), key.empty() ? "bad_request" : "ok") << source;
  }
}

TEST(JsonFields, AnIdThatCannotBeIsNull) {
  for (const std::string& source :
       {std::string("true"), std::string("[1]"), std::string("{}"), std::string("1e400"),
        '"' + repeated("x", core::kMaxIdBytes + 1) + '"', repeated("1", core::kMaxIdBytes + 1)}) {
    const auto read = decoded("{\"id\":" + source + ",\"op\":\"ping\"}");
    EXPECT_EQ(read.code(), "bad_request") << source;
    EXPECT_THAT(read.message(), HasSubstr("id: "));
    EXPECT_EQ(read.request.id.text, "null");
    // Nor after another offence.
    EXPECT_EQ(decoded("{\"op\":\"ping\",\"request_id\":\"\",\"id\":" + source + '}').request.id.text, "null");
  }
}

TEST(JsonFields, WrongTypesAndRangesNameTheField) {  // fault 8
  const std::string too_long = '"' + repeated("r", core::kMaxRequestIdBytes + 1) + '"';
  struct Case {
    std::string key;
    std::vector<std::string> wrong;
  };
  for (const auto& [key, wrong] : std::vector<Case>{
           {"top_k", {"0", "1001", "-1", "1.0", "1e2", "\"1\"", "null", "[1]", "99999999999999999999", "true"}},
           {"timeout_ms", {"0", "86400001", "1.5", "\"1s\"", "null"}},
           {"score_threshold", {"\"0.5\"", "null", "[]", "{}", "false"}},
           {"explain", {"1", "\"true\"", "null"}},
           {"model", {"1", "null", "[]"}},
           {"request_id", {"\"\"", "1", "null", too_long, R"("a b")", R"("a\n")", R"("é")", R"("a/b")"}},
           {"filter",
            {"1", "null", "[]", "\"x\"", R"({"rutes":[]})", R"({"routes":"x"})", R"({"routes":[1]})",
             R"({"routes":null})", R"({"metadata":[]})", R"({"metadata":{"a":{}}})", R"({"metadata":{"a":[[]]}})"}},
           {"headers",
            {"1", "null", "[]", R"({"a":1})", R"({"a":null})", R"({"":"x"})", R"({"a b":"x"})", R"({"a:":"x"})",
             R"({"a\n":"x"})", R"({"a":"x\r\ny"})", R"({"a":"\u0000"})", R"({"a":"\u007f"})", R"({"é":"x"})"}},
           {"stream", {"true", "1", "null", "\"true\""}},
           {"key", {"\"\"", "1", "null", "[]", '"' + repeated("k", 257) + '"'}},
           {"embedding", {"1", "null", "{}", "true", "[null]", "[\"1\"]", "[[1]]", "[1,{}]"}},
           {"embeddings", {"1", "null", "{}", "\"AACAPw==\"", "[]", "[1]", "[null]", "[[[1]]]", "[[1],{}]"}},
       }) {
    for (const std::string& value : wrong) {
      const std::string vector = key.starts_with("embedding") ? "" : R"("embedding":[1],)";
      const auto refused = decoded("{\"op\":\"match\"," + vector + '"' + key + "\":" + value + ",\"id\":3}");
      EXPECT_EQ(refused.code(), "bad_request") << key << ": " << value;
      EXPECT_THAT(refused.message(), HasSubstr(key)) << value;
      EXPECT_EQ(refused.request.id.text, "3");
    }
  }
}

TEST(JsonFields, LimitsAreTakenAndWhatIsBeyondIsRefused) {
  EXPECT_EQ(with(R"("top_k":1000)").request.top_k, 1000U);
  EXPECT_EQ(with(R"("timeout_ms":86400000)").request.timeout_ms, 86'400'000U);
  EXPECT_EQ(with("\"request_id\":\"" + repeated("r", core::kMaxRequestIdBytes) + '"').code(), "ok");
  EXPECT_EQ(with(R"("score_threshold":-1e300)").request.score_threshold, -1e300);
  EXPECT_EQ(with(R"("score_threshold":0)").request.score_threshold, 0.0);

  const auto headers = [](std::size_t count, std::size_t value_bytes) {
    std::string text = "\"headers\":{";
    for (std::size_t i = 0; i < count; ++i) {
      text += (i == 0 ? "\"h" : ",\"h") + std::to_string(i + 100) + "\":\"" + repeated("v", value_bytes) + '"';
    }
    return text + '}';
  };
  EXPECT_EQ(with(headers(core::kMaxRequestHeaders, 1)).code(), "ok");
  EXPECT_THAT(with(headers(core::kMaxRequestHeaders + 1, 1)).message(), HasSubstr("at most 64"));
  EXPECT_EQ(with(headers(1, core::kMaxRequestHeaderBytes - 4)).code(), "ok");
  EXPECT_THAT(with(headers(1, core::kMaxRequestHeaderBytes - 3)).message(), HasSubstr("more than 8192 bytes"));

  const auto routes = [](std::size_t names) {
    return "\"filter\":{\"routes\":[\"a\"" + repeated(",\"a\"", names - 1) + "]}";
  };
  EXPECT_EQ(with(routes(core::kMaxFilterValues - 2)).code(), "ok");  // the filter and the list count too
  const auto many = with(routes(core::kMaxFilterValues - 1) + ",\"id\":4");
  EXPECT_THAT(many.message(), AllOf(HasSubstr("filter"), HasSubstr("more than 10000 values")));
  EXPECT_EQ(many.request.id.text, "4");
}

TEST(JsonFields, UnknownFieldsAreNamed) {  // fault 8
  EXPECT_THAT(with(R"("topk":1)").message(), HasSubstr("unknown field \"topk\""));
  EXPECT_THAT(with(R"("":1)").message(), HasSubstr("unknown field \"\""));
  EXPECT_THAT(with('"' + repeated("é", 100) + "\":1").message(), HasSubstr("é...\""));
  EXPECT_THAT(decoded(R"({"op":"ping","embedding":[1]})").message(),
              HasSubstr("unknown field \"embedding\" for this op"));
  EXPECT_THAT(decoded(R"({"op":"ping","name":"x"})").message(), HasSubstr("unknown field \"name\" for this op"));
  EXPECT_THAT(with(R"("request":1)").message(), HasSubstr("unknown field \"request\" for this op"));
  EXPECT_THAT(decoded(R"({"op":"routes.get","name":"x","request":1})").message(), HasSubstr("request"));
}

TEST(JsonFields, MissingFieldsAreNamed) {  // fault 8
  EXPECT_THAT(decoded(R"({"op":"match"})").message(), HasSubstr("embedding is missing"));
  EXPECT_THAT(decoded("{}").message(), HasSubstr("embedding is missing"));
  EXPECT_THAT(decoded(R"({"op":"cancel"})").message(), HasSubstr("request is missing"));
  EXPECT_THAT(decoded(R"({"op":"routes.get"})").message(), HasSubstr("name is missing"));
}

TEST(JsonFields, OpsOfLaterVersionsAreRefusedByName) {
  const auto refused = decoded(R"({"id":1,"op":"hello","since":1})");
  EXPECT_EQ(refused.code(), "bad_request");
  EXPECT_THAT(refused.message(), HasSubstr("hello is known, but not in this version"));
  EXPECT_EQ(refused.request.id.text, "1");
  for (const char* op : {"\"Match\"", "\"\"", "1", "null", "[]", "\"match \""}) {
    EXPECT_THAT(decoded("{\"op\":" + std::string(op) + "}").message(), HasSubstr("op: expected")) << op;
  }
}

TEST(JsonFields, APayloadIsKeptByteForByte) {
  for (const char* payload : {"null", "1", "-0.0", "1.50e+3", R"("a\u0062")", R"({ "b" :1, "a": [ ] })",
                              R"({"a":1,"a":2})", "123456789012345678901234567890", "[1e308]", "\"\xC3\xA9\""}) {
    const auto read = with("\"payload\": " + std::string(payload) + " ");
    EXPECT_EQ(read.code(), "ok") << payload << ": " << read.message();
    EXPECT_EQ(read.request.payload, payload);
  }
}

TEST(JsonFields, MetadataNumbersAreReadExactly) {
  const auto read =
      with(R"("filter":{"metadata":{"a":0.1,"b":9007199254740993,"c":2.2250738585072011e-308,"d":-0.0}})");
  ASSERT_EQ(read.code(), "ok") << read.message();
  EXPECT_EQ(*read.request.filter.metadata[0].second[0].real(), 0.1);
  EXPECT_EQ(*read.request.filter.metadata[1].second[0].integer(), 9'007'199'254'740'993);
  EXPECT_EQ(*read.request.filter.metadata[2].second[0].real(), 2.2250738585072011e-308);
  EXPECT_TRUE(std::signbit(*read.request.filter.metadata[3].second[0].real()));
}

TEST(JsonFields, ExtrasHaveNoFieldsThatTheFrameCarries) {
  EXPECT_EQ(decoded_extras(Op::match, "").code(), "ok");
  EXPECT_EQ(decoded_extras(Op::match, "{}").code(), "ok");
  for (const char* text : {R"({"id":1})", R"({"op":"ping"})", R"({"embedding":[1]})", R"({"embeddings":[[1]]})",
                           R"({"payload":1})", R"({"timeout_ms":5})"}) {
    EXPECT_THAT(decoded_extras(Op::match, text).message(), HasSubstr("unknown field")) << text;
  }
  const auto read = decoded_extras(
      Op::route,
      R"({"request_id":"r","filter":{"routes":["a"]},"score_threshold":0.5,"model":"m","headers":{"a":"b"},"top_k":2,"explain":true})");
  EXPECT_EQ(read.code(), "ok") << read.message();
  EXPECT_EQ(read.request.op, Op::route);
  EXPECT_EQ(read.request.request_id, "r");
  EXPECT_EQ(read.request.top_k, 2U);
  EXPECT_TRUE(read.request.explain);
  EXPECT_THAT(decoded_extras(Op::cancel, "").message(), HasSubstr("request is missing"));
  EXPECT_EQ(decoded_extras(Op::cancel, R"({"request":7})").request.cancel_request.key, "n:7");
  EXPECT_THAT(decoded_extras(Op::routes_get, "").message(), HasSubstr("name is missing"));
  EXPECT_THAT(decoded_extras(Op::ping, R"({"top_k":1})").message(), HasSubstr("for this op"));
  for (const char* text : {" ", "[]", "{", R"({"request_id":"r"} x)"}) {
    EXPECT_EQ(decoded_extras(Op::match, text).code(), "bad_request") << text;
  }
}

}  // namespace
}  // namespace semroute::router

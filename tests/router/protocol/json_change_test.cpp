// The fields of routes.put, patch, delete and batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "router/protocol/json_codec.h"
#include "tests/router/protocol/decoding.h"

namespace semroute::router {
namespace {

using test::decoded;
using test::decoded_extras;
using testing::HasSubstr;

TEST(JsonChange, APutHasARoute) {
  const auto read = decoded(
      R"({"if_version":3,"route":{"target":"api","references":[[1,2],"AACAPwAAAEA=",{"text":"hi","embedding":[3,4]}],
          "name":"a","negatives":[[5,6]],"score_threshold":0.5,"description":"d","metadata":{"tier":"gold","n":1}},
          "op":"routes.put","id":7})");
  ASSERT_EQ(read.code(), "ok") << read.message();
  const RouteChange& change = read.request.change;
  EXPECT_EQ(read.request.op, Op::routes_put);
  EXPECT_EQ(change.name, "a");
  EXPECT_EQ(change.if_version, 3U);
  EXPECT_EQ(change.references.values, (std::vector<float>{1, 2, 1, 2, 3, 4}));
  EXPECT_EQ(change.references.count, 3U);
  EXPECT_EQ(change.references.dimension, 2U);
  EXPECT_FALSE(change.references.ragged.has_value());
  EXPECT_EQ(change.references.texts, (std::vector<std::string>{"", "", "hi"}));
  EXPECT_EQ(change.negatives.values, (std::vector<float>{5, 6}));
  EXPECT_TRUE(change.negatives.texts.empty());
  EXPECT_EQ(change.fields.targets, (config::TargetSplit{{"api", 1}}));
  EXPECT_EQ(*change.fields.score_threshold, 0.5);
  EXPECT_EQ(change.fields.description, "d");
  EXPECT_EQ(*change.fields.metadata->find("tier")->string(), "gold");
}

TEST(JsonChange, APatchNamesWhatItChanges) {
  const auto read = decoded(
      R"({"op":"routes.patch","name":"a","add":[[1,2]],"remove":[7,0],"add_negatives":[[3,4]],"remove_negatives":[1],
          "set":{"target":null,"score_threshold":null,"metadata":null}})");
  ASSERT_EQ(read.code(), "ok") << read.message();
  const RouteChange& change = read.request.change;
  EXPECT_EQ(read.request.route_name, "a");
  EXPECT_EQ(change.references.values, (std::vector<float>{1, 2}));
  EXPECT_EQ(change.negatives.values, (std::vector<float>{3, 4}));
  EXPECT_EQ(change.remove, (std::vector<std::size_t>{7, 0}));
  EXPECT_EQ(change.remove_negatives, (std::vector<std::size_t>{1}));
  EXPECT_EQ(change.fields.targets, config::TargetSplit{}) << "null takes it away";
  EXPECT_FALSE(change.fields.fallbacks.has_value());
  ASSERT_TRUE(change.fields.score_threshold.has_value());
  EXPECT_FALSE(change.fields.score_threshold->has_value());
  EXPECT_TRUE(change.fields.metadata->is_null());
  EXPECT_FALSE(change.fields.description.has_value());
}

TEST(JsonChange, ABatchHasChangesInOrder) {
  const auto read = decoded(
      R"({"op":"routes.batch","changes":[{"put":{"if_version":0,"route":{"name":"a","references":[[1]]}}},
          {"patch":{"name":"b","remove":[0]}},{"delete":{"name":"c","if_version":9}}]})");
  ASSERT_EQ(read.code(), "ok") << read.message();
  const auto& changes = read.request.changes;
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].kind, RouteChange::Kind::put);
  EXPECT_EQ(changes[0].name, "a");
  EXPECT_EQ(changes[0].if_version, 0U);
  EXPECT_EQ(changes[0].path, "changes[0].put.");
  EXPECT_EQ(changes[1].kind, RouteChange::Kind::patch);
  EXPECT_EQ(changes[1].remove, (std::vector<std::size_t>{0}));
  EXPECT_EQ(changes[2].kind, RouteChange::Kind::erase);
  EXPECT_EQ(changes[2].name, "c");
  EXPECT_EQ(changes[2].if_version, 9U);
}

// As it will be written, not as it came.
TEST(JsonChange, MetadataIsMeasuredAsRepliesHaveIt) {
  const auto put = [](const std::string& metadata) {
    return decoded(R"({"op":"routes.put","route":{"name":"a","references":[[1]],"metadata":)" + metadata + "}}");
  };
  EXPECT_EQ(put("{\"k\":" + std::string(70'000, ' ') + "1}").code(), "ok");
  EXPECT_EQ(put("{\"k\":\"" + std::string(20'000, '\x7f') + "\"}").message(),
            "route.metadata: 120008 bytes, at most 65536");
  const auto large = put(R"({"id":18446744073709551615,"next":18446744073709551616})");
  ASSERT_EQ(large.code(), "ok");
  EXPECT_EQ(*large.request.change.fields.metadata->find("id")->large_integer(), UINT64_MAX);
  EXPECT_EQ(put(R"({"id":18446744073709551617})").message(),
            "route.metadata: an integer is beyond 64 bits, and no float64 is exactly that");
}

TEST(JsonChange, ADeleteHasANameAndMayHaveAVersion) {
  const auto read = decoded(R"({"op":"routes.delete","name":"a","if_version":18446744073709551615})");
  EXPECT_EQ(read.code(), "bad_request") << "more than 63 bits";
  EXPECT_EQ(decoded(R"({"op":"routes.delete","name":"a","if_version":4})").request.change.if_version, 4U);
}

// What is wrong, the code, and words of the message. Every one is well-formed JSON: the id is known.
TEST(JsonChange, WhatIsWrongIsNamed) {
  const std::vector<std::array<std::string, 3>> cases{
      {R"("op":"routes.put")", "bad_request", "route is missing"},
      {R"("op":"routes.put","route":[])", "bad_request", "route: expected an object"},
      {R"("op":"routes.put","route":{"references":[[1]]})", "bad_request", "route.name is missing"},
      {R"("op":"routes.put","route":{"name":7})", "bad_request", "route.name: expected a string, found 7"},
      {R"("op":"routes.put","route":{"name":"a","refs":[]})", "bad_request", "route: unknown field \"refs\""},
      {R"("op":"routes.put","route":{"name":"a","name":"b"})", "bad_request", "route: key \"name\" appears twice"},
      {R"("op":"routes.put","route":{"name":"a","references":{}})", "bad_request", "route.references: expected a list"},
      {R"("op":"routes.put","route":{"name":"a","references":[7]})", "bad_request",
       "route.references[0]: expected an array of numbers"},
      {R"("op":"routes.put","route":{"name":"a","references":[[1],[1,"x"]]})", "bad_request",
       "route.references[1]: element 1 is not a number"},
      {R"("op":"routes.put","route":{"name":"a","references":[[1e39]]})", "bad_vector",
       "route.references[0]: number 0"},
      {R"("op":"routes.put","route":{"name":"a","references":[[]]})", "bad_vector",
       "route.references[0] has no numbers"},
      {R"("op":"routes.put","route":{"name":"a","references":["?"]})", "bad_vector", "route.references[0]: not base64"},
      {R"("op":"routes.put","route":{"name":"a","references":["AADAfw=="]})", "bad_vector", "number 0 is not finite"},
      {R"("op":"routes.put","route":{"name":"a","references":[{"text":"x"}]})", "bad_request",
       "route.references[0].embedding is missing"},
      {R"("op":"routes.put","route":{"name":"a","references":[{"embedding":[1],"text":7}]})", "bad_request",
       "route.references[0].text: expected a string"},
      {R"("op":"routes.put","route":{"name":"a","references":[{"embedding":[1],"label":7}]})", "bad_request",
       "route.references[0]: unknown field \"label\""},
      {R"("op":"routes.put","route":{"name":"a","metadata":[]})", "bad_request", "route.metadata: expected an object"},
      {R"("op":"routes.put","route":{"name":"a","metadata":{"x":[1]}})", "bad_request", "route.metadata.x: expected"},
      {R"("op":"routes.put","route":{"name":"a","metadata":{"x":null}})", "bad_request", "route.metadata.x: expected"},
      {R"("op":"routes.put","route":{"name":"a","score_threshold":"1"})", "bad_request",
       "route.score_threshold: expected a number or null"},
      {R"("op":"routes.put","route":{"name":"a","target":1})", "bad_request",
       "route.target: expected a string or a list of maps, found 1"},
      {R"("op":"routes.put","route":{"name":"a","target":[]})", "bad_request", "found an empty list"},
      {R"("op":"routes.put","route":{"name":"a","target":[{"target":"x","weight":0}]})", "bad_request",
       "route.target[0].weight: expected an integer 1..1000000, found 0"},
      {R"("op":"routes.put","route":{"name":"a","target":[{"target":"x","weight":1.5}]})", "bad_request",
       "route.target[0].weight: expected an integer 1..1000000, found 1.5"},
      {R"("op":"routes.put","route":{"name":"a","target":[{"target":"x"},{"target":"x"}]})", "bad_request",
       "route.target[1].target: \"x\" is in this split already"},
      {R"("op":"routes.put","route":{"name":"a","fallback_targets":"x"})", "bad_request",
       "route.fallback_targets: expected a list, found \"x\""},
      {R"("op":"routes.put","route":{"name":"a","fallback_targets":["x",null]})", "bad_request",
       "route.fallback_targets[1]: expected a string, found nothing"},
      {R"("op":"routes.put","route":{"name":"a","mirror":{"target":"x","percent":101}})", "bad_request",
       "route.mirror.percent: expected a number 0..100, found 101"},
      {R"("op":"routes.put","route":{"name":"a","mirror":{"target":"x","share":1}})", "bad_request",
       "route.mirror.share: unknown key"},
      {R"("op":"routes.put","route":{"name":"a","references":[[1]]},"if_version":-1)", "bad_request",
       "if_version: expected an integer, at least 0, found -1"},
      {R"("op":"routes.put","route":{"name":"a"},"name":"a")", "bad_request", "unknown field \"name\" for this op"},
      {R"("op":"match","embedding":[1],"route":{"name":"a"})", "bad_request", "unknown field \"route\" for this op"},
      {R"("op":"routes.patch","name":"a")", "bad_request", "there is nothing to change"},
      {R"("op":"routes.patch","add":[[1]])", "bad_request", "name is missing"},
      {R"("op":"routes.patch","name":"a","remove":7)", "bad_request", "remove: expected a list"},
      {R"("op":"routes.patch","name":"a","remove":[-1])", "bad_request", "remove[0]: expected the number of a row"},
      {R"("op":"routes.patch","name":"a","remove":[0.5])", "bad_request", "remove[0]: expected the number of a row"},
      {R"("op":"routes.patch","name":"a","set":{"references":[]})", "bad_request", "set: unknown field \"references\""},
      {R"("op":"routes.delete")", "bad_request", "name is missing"},
      {R"("op":"routes.delete","name":"a","add":[])", "bad_request", "unknown field \"add\" for this op"},
      {R"("op":"routes.batch")", "bad_request", "changes is missing"},
      {R"("op":"routes.batch","changes":[])", "bad_request", "changes: the list is empty"},
      {R"("op":"routes.batch","changes":{})", "bad_request", "changes: expected a list"},
      {R"("op":"routes.batch","changes":[{}])", "bad_request", "changes[0]: expected one of put, patch and delete"},
      {R"("op":"routes.batch","changes":[{"put":{"route":{"name":"a"}},"delete":{"name":"a"}}])", "bad_request",
       "changes[0]: expected one of put, patch and delete"},
      {R"("op":"routes.batch","changes":[{"get":{"name":"a"}}])", "bad_request", "changes[0]: unknown field \"get\""},
      {R"("op":"routes.batch","changes":[{"put":{"name":"a"}}])", "bad_request",
       "changes[0].put: unknown field \"name\""},
      {R"("op":"routes.batch","changes":[{"put":{}}])", "bad_request", "changes[0].put.route is missing"},
      {R"("op":"routes.batch","changes":[{"patch":{"name":"a"}}])", "bad_request",
       "changes[0].patch: there is nothing to change"},
      {R"("op":"routes.batch","changes":[{"delete":{}}])", "bad_request", "changes[0].delete.name is missing"},
      {R"("op":"routes.batch","changes":[{"patch":{"name":"a","add":[[1],[1e39]]}}])", "bad_vector",
       "changes[0].patch.add[1]: number 0"},
  };
  for (const auto& [fields, code, words] : cases) {
    const auto read = decoded("{" + fields + ",\"id\":\"x\"}");
    EXPECT_EQ(read.code(), code) << fields;
    EXPECT_THAT(read.message(), HasSubstr(words)) << fields;
    EXPECT_EQ(read.request.id.text, "\"x\"") << fields;
  }
  for (const char* cut :
       {R"({"op":"routes.put","route":{"name":"a")", R"({"op":"routes.put","route":{"references":[[1)",
        R"({"op":"routes.batch","changes":[{"put")", R"({"op":"routes.patch","remove":[0)"})
    EXPECT_EQ(decoded(cut).code(), "bad_request") << cut;
}

TEST(JsonChange, RaggedRowsAreKnown) {
  const auto read = decoded(R"({"op":"routes.put","route":{"name":"a","references":[[1,2],[3,4],[5]]}})");
  ASSERT_EQ(read.code(), "ok");
  EXPECT_EQ(read.request.change.references.ragged, (std::pair<std::size_t, std::size_t>{2, 1}));
}

TEST(JsonChange, ABatchIsBounded) {
  const std::string one = R"({"delete":{"name":"a"}},)";
  std::string line = R"({"op":"routes.batch","changes":[)" + test::repeated(one, core::kMaxChangesInBatch);
  std::string full = line;
  full.back() = ']';
  EXPECT_EQ(decoded(full + "}").code(), "ok");
  line += one;
  line.back() = ']';
  EXPECT_EQ(decoded(line + "}").code(), "too_large");
}

TEST(JsonChange, ExtrasTakeTheirVectorsFromTheBody) {
  const std::vector<float> floats{1, 2, 3, 4, 5, 6};
  const FrameRows rows{{reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)}, 2, 3};
  const auto read = decoded_extras(
      Op::routes_put,
      R"({"route":{"name":"a","references":{"rows":[1,2],"texts":["x",""]},"negatives":{"rows":[0,1]}}})", rows);
  ASSERT_EQ(read.code(), "ok") << read.message();
  EXPECT_EQ(read.request.change.references.values, (std::vector<float>{3, 4, 5, 6}));
  EXPECT_EQ(read.request.change.references.texts, (std::vector<std::string>{"x", ""}));
  EXPECT_EQ(read.request.change.negatives.values, (std::vector<float>{1, 2}));
  EXPECT_TRUE(read.request.change.negatives.texts.empty());
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"route":{"name":"a","references":{"rows":[0,2]}}})", "take 2 rows of the body, which has 3"},
      {R"({"route":{"name":"a","references":{"rows":[0,4]}}})", "within the 3 rows of the body"},
      {R"({"route":{"name":"a","references":{"rows":[4,0]}}})", "within the 3 rows of the body"},
      {R"({"route":{"name":"a","references":{"rows":[0,3]},"negatives":{"rows":[0,1]}}})", "each of them once"},
      {R"({"route":{"name":"a","references":{"rows":[1099511627776,1099511627776]}}})", "within the 3 rows"},
      {R"({"route":{"name":"a","references":{"rows":[0]}}})", "expected [first, count]"},
      {R"({"route":{"name":"a","references":{}}})", "expected [first, count]"},
      {R"({"route":{"name":"a","references":{"rows":[0,3],"texts":["x"]}}})", "texts: expected one for each row"},
      {R"({"route":{"name":"a","references":{"rows":[0,3],"more":1}}})", "unknown field \"more\""},
      {R"({"route":{"name":"a","references":[[1,2]]}})", "take 0 rows of the body, which has 3"},
  };
  for (const auto& [extras, words] : cases) {
    const auto refused = decoded_extras(Op::routes_put, extras, rows);
    EXPECT_EQ(refused.code(), "bad_request") << extras;
    EXPECT_THAT(refused.message(), HasSubstr(words)) << extras;
  }
  EXPECT_EQ(decoded(R"({"op":"routes.put","route":{"name":"a","references":{"rows":[0,0]}}})").code(), "bad_request")
      << "lines have no body";
}

TEST(JsonChange, VectorsOfTheBodyAreFinite) {
  const std::vector<float> floats{1, 2, 3, std::numeric_limits<float>::infinity()};
  const FrameRows rows{{reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)}, 2, 2};
  const auto read = decoded_extras(Op::routes_patch, R"({"name":"a","add":{"rows":[0,2]}})", rows);
  EXPECT_EQ(read.code(), "bad_vector");
  EXPECT_THAT(read.message(), HasSubstr("add[1]: number 1 is not finite"));
}

}  // namespace
}  // namespace semroute::router

// Embeddings in JSON lines: arrays, base64 and batches, and which of them is named when one is bad (faults.md 5, 6,
// 22, 39, 40).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/router/protocol/decoding.h"

namespace semroute::router {
namespace {

using test::decoded;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

test::Decoded one(const std::string& embedding) {
  return decoded(R"({"op":"match","embedding":)" + embedding + R"(,"id":6})");
}
test::Decoded batch(const std::string& embeddings) {
  return decoded(R"({"op":"match","embeddings":)" + embeddings + R"(,"id":6})");
}

TEST(JsonEmbeddings, ArraysAndBase64SayTheSame) {
  EXPECT_THAT(one("[3,4,0,-0.5]").request.embeddings, ElementsAre(3.0F, 4.0F, 0.0F, -0.5F));
  EXPECT_THAT(one(R"("AABAQAAAgEAAAAAAAAAAvw==")").request.embeddings, ElementsAre(3.0F, 4.0F, 0.0F, -0.5F));
  EXPECT_THAT(one(R"("//9/Pw==")").request.embeddings, ElementsAre(std::nextafter(1.0F, 0.0F)));
}

TEST(JsonEmbeddings, Base64MayBeWrittenWithEscapes) {
  const float below_one = std::nextafter(1.0F, 0.0F);
  EXPECT_THAT(one(R"("\/\/9\/Pw==")").request.embeddings, ElementsAre(below_one));
  EXPECT_THAT(one(R"("\u002f\u002F9/Pw=\u003d")").request.embeddings, ElementsAre(below_one));
  EXPECT_EQ(one(R"("\/\/9\/Pw==")").request.dimension, 1U);
}

TEST(JsonEmbeddings, OtherBase64IsRefused) {
  for (const char* text : {"AACAPw=", "AACAPw", "AACAPw===", "AAC=APw=", "AACAPx==", "AACAPw==AACAPw==", "_-9_Pw==",
                           "AAC APw=", "=", "====", "AACA Pw==", "AACAPw==\\n", "!", "AACA\\\"Pw==", "é"}) {
    const auto refused = one('"' + std::string(text) + '"');
    EXPECT_EQ(refused.code(), "bad_vector") << text;
    EXPECT_THAT(refused.message(), HasSubstr("embedding: not base64")) << text;
    EXPECT_EQ(refused.request.id.text, "6") << text;
  }
  EXPECT_THAT(one(R"("AACAPwA=")").message(), HasSubstr("no multiple of four"));
  EXPECT_THAT(one(R"("AAAA")").message(), HasSubstr("no multiple of four"));
}

TEST(JsonEmbeddings, NotFiniteBitsAreRefused) {  // fault 40
  EXPECT_THAT(one(R"("AACAPwAAwH8=")").message(), AllOf(HasSubstr("embedding: number 1"), HasSubstr("not finite")));
  EXPECT_EQ(one(R"("AACAfw==")").code(), "bad_vector");
  EXPECT_EQ(one(R"("AACA/w==")").code(), "bad_vector");
  EXPECT_EQ(one(R"("//9/fw==")").code(), "ok");
}

TEST(JsonEmbeddings, EmptyOnesAreRefused) {  // fault 40
  EXPECT_EQ(one("[]").code(), "bad_vector");
  EXPECT_EQ(one("[ ]").code(), "bad_vector");
  EXPECT_EQ(one("\"\"").code(), "bad_vector");
  EXPECT_THAT(one("[]").message(), HasSubstr("has no numbers"));
  EXPECT_THAT(batch("[[1],[],[1]]").message(), HasSubstr("embeddings[1] has no numbers"));
}

TEST(JsonEmbeddings, NumbersBeyondFloat32AreRefusedByPlace) {  // faults 5 and 6
  for (const char* number : {"1e39", "-1e39", "1e400", "3.4028236e38", "-9999999999999999999999999999999999999999",
                             "1e99999999999999999999", "340282356779733661637539395458142568448"}) {
    const auto refused = one("[1," + std::string(number) + ",1e39]");
    EXPECT_EQ(refused.code(), "bad_vector") << number;
    EXPECT_THAT(refused.message(), AllOf(HasSubstr("embedding: number 1 ("), HasSubstr("beyond the range of float32")));
    EXPECT_EQ(refused.request.id.text, "6");
  }
  EXPECT_EQ(one("[3.4028235e38]").request.embeddings[0], std::numeric_limits<float>::max());
  // Under half a unit over the largest float, which is what it rounds to.
  EXPECT_EQ(one("[340282356779733661637539395458142568447]").request.embeddings[0], std::numeric_limits<float>::max());
  EXPECT_EQ(one("[1e-400,-1e-400]").request.embeddings[0], 0.0F);
  EXPECT_EQ(one("[1e-45,1e-40]").request.embeddings[0], std::numeric_limits<float>::denorm_min());
}

TEST(JsonEmbeddings, AVectorThatIsNotAllNumbersIsABadRequestEvenBesideANumberTooLarge) {
  EXPECT_EQ(one("[1e39,null]").code(), "bad_request");
  EXPECT_THAT(one("[1,2,null]").message(), HasSubstr("embedding: element 2 is not a number"));
  EXPECT_THAT(batch("[[1],[1,\"2\"]]").message(), HasSubstr("embeddings[1]: element 1 is not a number"));
}

TEST(JsonEmbeddings, ABatchIsReadInOrder) {
  const auto read = batch(R"([[1,2],"AABAQAAAgEA=",[5,6]])");
  ASSERT_EQ(read.code(), "ok") << read.message();
  EXPECT_TRUE(read.request.batch);
  EXPECT_EQ(read.request.embedding_count, 3U);
  EXPECT_EQ(read.request.dimension, 2U);
  EXPECT_FALSE(read.request.ragged);
  EXPECT_THAT(read.request.embeddings, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_TRUE(batch("[[1]]").request.batch);
}

TEST(JsonEmbeddings, ABatchNamesTheBadOne) {
  struct Case {
    const char* bad;
    const char* code;
  };
  for (const auto& [bad, code] :
       {Case{"[1,1e39]", "bad_vector"}, Case{"\"AACAPwAAwH8=\"", "bad_vector"}, Case{"\"!!\"", "bad_vector"},
        Case{"[]", "bad_vector"}, Case{"\"\"", "bad_vector"}, Case{"7", "bad_request"}, Case{"null", "bad_request"},
        Case{"[[1]]", "bad_request"}, Case{"[true]", "bad_request"}, Case{"{\"a\":1}", "bad_request"}}) {
    const auto refused = batch("[[1,2],[3,4],[5,6]," + std::string(bad) + ",[1e39],7]");
    EXPECT_EQ(refused.code(), code) << bad;
    EXPECT_THAT(refused.message(), HasSubstr("embeddings[3]")) << bad;
    EXPECT_EQ(refused.request.id.text, "6") << bad;
  }
}

TEST(JsonEmbeddings, ARaggedBatchIsRememberedByItsFirstOddOne) {  // fault 39, judged against the index later
  const auto read = batch("[[1,2],[1,2],[1],[1,2,3]]");
  EXPECT_EQ(read.code(), "ok");
  ASSERT_TRUE(read.request.ragged);
  EXPECT_EQ(*read.request.ragged, std::pair(std::size_t{2}, std::size_t{1}));
}

TEST(JsonEmbeddings, OneAndManyExcludeEachOther) {
  EXPECT_THAT(decoded(R"({"op":"match","embedding":[1],"embeddings":[[1]]})").message(), HasSubstr("exclude"));
  EXPECT_THAT(decoded(R"({"op":"match","embeddings":[[1]],"embedding":[1]})").message(), HasSubstr("exclude"));
  EXPECT_THAT(decoded(R"({"embeddings":[[1]]})").message(), HasSubstr("match only"));
}

}  // namespace
}  // namespace semroute::router

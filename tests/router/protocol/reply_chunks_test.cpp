#include "router/protocol/reply_chunks.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/base/utf8.h"

namespace semroute::router {
namespace {

using As = ReplyChunks::As;

std::string taken(ReplyChunks& chunks, std::size_t most = 1'000) {
  std::string all;
  while (const auto chunk = chunks.next(most)) {
    if (!all.empty()) all += '|';
    all += (chunk->is_text ? "" : "b:") + std::string(chunk->bytes);
  }
  return all;
}

TEST(ReplyChunks, TextComesAsItCame) {
  ReplyChunks chunks(As::text);
  EXPECT_TRUE(chunks.empty());
  chunks.add("data: a\n\n");
  EXPECT_FALSE(chunks.empty());
  chunks.add("data: b\n\n");
  EXPECT_EQ(taken(chunks), "data: a\n\ndata: b\n\n");
  EXPECT_TRUE(chunks.empty());
  chunks.add("süß");
  EXPECT_EQ(taken(chunks), "süß");
}

TEST(ReplyChunks, ACharacterIsNeverCut) {
  for (const std::string whole : {"\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) {
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      ReplyChunks chunks(As::text);
      chunks.add("a" + whole.substr(0, cut));
      EXPECT_EQ(taken(chunks), "a") << cut;
      EXPECT_TRUE(chunks.empty()) << "the beginning of a character waits";
      chunks.add(whole.substr(cut) + "z");
      EXPECT_EQ(taken(chunks), whole + "z") << cut;
      // At a bound that falls into it, too.
      chunks.add("abc" + whole);
      EXPECT_EQ(taken(chunks, 4), "abc|" + whole);
    }
  }
}

TEST(ReplyChunks, WhatEndsInsideACharacterIsNoText) {
  ReplyChunks chunks(As::text);
  chunks.add("ab\xE2\x82");
  chunks.end();
  EXPECT_EQ(taken(chunks), "ab|b:\xE2\x82");
}

TEST(ReplyChunks, BytesThatAreNoUtf8AreNoText) {
  for (const std::string wrong : {"\xFF", "a\x80", "\xC0\xAF", "\xED\xA0\x80", "\xE2z", "\xF5", "\xC3z"}) {
    ReplyChunks chunks(As::text);
    chunks.add(wrong + "z");
    EXPECT_EQ(taken(chunks), "b:" + wrong + "z");
    chunks.add("text again");
    EXPECT_EQ(taken(chunks), "text again");
  }
}

TEST(ReplyChunks, ForFramesNothingWaits) {
  ReplyChunks chunks(As::bytes);
  chunks.add("a\xE2\x82");
  EXPECT_EQ(taken(chunks), "b:a\xE2\x82");
  chunks.add("0123456789");
  EXPECT_EQ(taken(chunks, 4), "b:0123|b:4567|b:89");
}

TEST(ReplyChunks, WhatIsDroppedIsGone) {
  ReplyChunks chunks(As::text);
  chunks.add("abcdef");
  (void)chunks.next(4);
  chunks.drop();
  EXPECT_TRUE(chunks.empty());
  chunks.add("gh");
  EXPECT_EQ(taken(chunks), "gh");
}

TEST(ReplyChunks, NoBytesAreLostOrTurnedIntoOthersHoweverTheyCome) {
  std::mt19937 random(5);
  const std::vector<std::string> alphabet{"a",   "ü", "€", "😀", "\x80", "\xF0\x9F", "\xED\xA0", std::string(1, '\0'),
                                          "\xFE"};
  for (int round = 0; round < 3'000; ++round) {
    std::string whole;
    const bool is_clean = round % 2 == 0;
    for (auto n = random() % 40; n > 0; --n) whole += alphabet[random() % (is_clean ? 4 : alphabet.size())];
    for (const As as : {As::text, As::bytes}) {
      ReplyChunks chunks(as);
      std::string got;
      const auto take = [&] {
        while (const auto chunk = chunks.next(4 + random() % 8)) {
          ASSERT_FALSE(chunk->bytes.empty());
          ASSERT_TRUE(!chunk->is_text || core::is_utf8(chunk->bytes));
          ASSERT_TRUE(chunk->is_text || as == As::bytes || !is_clean) << "clean text stays text";
          got += chunk->bytes;
        }
        ASSERT_TRUE(chunks.empty());
      };
      for (std::size_t at = 0; at < whole.size();) {
        const std::size_t n = 1 + random() % 7;
        chunks.add(std::string_view(whole).substr(at, n));
        at += n;
        if (random() % 3 != 0) take();
      }
      chunks.end();
      take();
      EXPECT_EQ(got, whole);
    }
  }
}

}  // namespace
}  // namespace semroute::router

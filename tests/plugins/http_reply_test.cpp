#include "plugins/targets/http_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/base/limits.h"

namespace semroute::plugins {
namespace {

using State = HttpReplyReader::State;

// Feeds `bytes` in pieces of at most `piece`.
State feed(HttpReplyReader& reader, std::string_view bytes, std::size_t piece = 1'000'000) {
  State state = State::more;
  while (!bytes.empty() && state == State::more) {
    const auto room = reader.prepare();
    const std::size_t count = std::min({piece, bytes.size(), room.size()});
    std::copy_n(bytes.data(), count, room.data());
    bytes.remove_prefix(count);
    state = reader.commit(count);
  }
  return state;
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";

TEST(HttpReply, ReadsLengthsAndChunksInPiecesOfAnySize) {
  const std::string bodies[] = {std::string(kOk) + "Content-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
                                std::string(kOk) +
                                    "content-type: text/plain\r\nTransfer-Encoding: "
                                    "Chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n"};
  for (const std::string& bytes : bodies) {
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
      HttpReplyReader reader(1'000);
      ASSERT_EQ(feed(reader, bytes, piece), State::complete) << piece;
      EXPECT_TRUE(reader.reusable());
      const DispatchReply reply = reader.take();
      EXPECT_EQ(reply.status, 200);
      EXPECT_EQ(reply.content_type, "text/plain");
      EXPECT_EQ(reply.body, "hello world");
    }
  }
}

TEST(HttpReply, SkipsInterimReplies) {
  HttpReplyReader reader(1'000);
  const std::string bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" +
                            std::string(kOk) + "Content-Length: 2\r\n\r\nok";
  ASSERT_EQ(feed(reader, bytes, 7), State::complete);
  EXPECT_TRUE(reader.reusable());
  EXPECT_EQ(reader.take().body, "ok");

  HttpReplyReader endless(1'000);
  std::string interim;
  for (int i = 0; i < 100; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(feed(endless, interim), State::failed);
  HttpReplyReader switching(1'000);
  EXPECT_EQ(feed(switching, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), State::failed);
}

TEST(HttpReply, NoContentHasNoBody) {
  for (const char* status : {"204 No Content", "304 Not Modified"}) {
    HttpReplyReader reader(1'000);
    ASSERT_EQ(feed(reader, "HTTP/1.1 " + std::string(status) + "\r\n\r\n"), State::complete);
    EXPECT_TRUE(reader.reusable());
    EXPECT_EQ(reader.take().body, "");
    HttpReplyReader announced(1'000);
    ASSERT_EQ(feed(announced, "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 5\r\n\r\n"), State::complete);
    EXPECT_FALSE(announced.reusable());
  }
}

TEST(HttpReply, ConnectionsInDoubtAreNotUsedAgain) {
  const std::string unsafe[] = {
      std::string(kOk) + "Content-Length: 2\r\nConnection: close\r\n\r\nok",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
      std::string(kOk) + "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
  };
  for (const std::string& bytes : unsafe) {
    HttpReplyReader reader(1'000);
    ASSERT_EQ(feed(reader, bytes), State::complete) << bytes;
    EXPECT_FALSE(reader.reusable()) << bytes;
    EXPECT_EQ(reader.take().body, "ok");
  }
  for (const char* version : {"1.0", "1.1"}) {
    HttpReplyReader reader(1'000);
    ASSERT_EQ(feed(reader, "HTTP/" + std::string(version) + " 200 OK\r\n\r\nuntil the end"), State::more);
    ASSERT_EQ(reader.finish(), State::complete);
    EXPECT_FALSE(reader.reusable());
    EXPECT_EQ(reader.take().body, "until the end");
  }
}

TEST(HttpReply, RefusesFramingThatLeavesTheEndInDoubt) {
  const std::string_view heads[] = {
      "Content-Length: 2\r\nContent-Length: 3\r\n",
      "Content-Length: 2\r\nContent-Length: 2\r\n",
      "Content-Length: 2, 2\r\n",
      "Content-Length: +2\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: 0x2\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "Transfer-Encoding: gzip\r\n",
      "Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
      "X-A: b\r\n c\r\nContent-Length: 2\r\n",
      "Content-Length : 2\r\n",
      "X-A\r\nContent-Length: 2\r\n",
  };
  for (const std::string_view head : heads) {
    HttpReplyReader reader(1'000);
    EXPECT_EQ(feed(reader, std::string(kOk) + std::string(head) + "\r\nok"), State::failed) << head;
    EXPECT_FALSE(reader.problem().empty());
  }
  HttpReplyReader old(1'000);
  EXPECT_EQ(feed(old, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), State::failed);
}

TEST(HttpReply, RefusesGarbageAtItsFirstBytes) {
  for (const char* bytes :
       {"garbage", "\r\n", "H2", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.1 999 X\r\n\r\n",
        "HTTP/1.1 20 X\r\n\r\n", "HTTP/1.1 2000 X\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"}) {
    HttpReplyReader reader(1'000);
    EXPECT_EQ(feed(reader, bytes), State::failed) << bytes;
  }
}

TEST(HttpReply, ABodyOverTheLimitIsRefusedHoweverItIsFramed) {
  const std::string body(11, 'x');
  const std::string framed[] = {
      std::string(kOk) + "Content-Length: 11\r\n\r\n",
      std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n6\r\nxxxxxx\r\n5\r\nxxxxx\r\n",
      std::string(kOk) + "\r\n" + body,
  };
  for (const std::string& bytes : framed) {
    HttpReplyReader reader(10);
    EXPECT_EQ(feed(reader, bytes), State::failed) << bytes;
    EXPECT_THAT(reader.problem(), testing::HasSubstr("max_reply"));
  }
  HttpReplyReader fits(10);
  EXPECT_EQ(feed(fits, std::string(kOk) + "Content-Length: 10\r\n\r\n" + std::string(10, 'x')), State::complete);
}

TEST(HttpReply, HeadersAndChunkLinesAreBounded) {
  HttpReplyReader header(1'000);
  EXPECT_EQ(feed(header, std::string(kOk) + "X-A: " + std::string(core::kHttpMaxReplyHeaderBytes, 'a')), State::failed);
  HttpReplyReader chunk(1'000);
  EXPECT_EQ(feed(chunk, std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n5;" +
                            std::string(2 * core::kHttpMaxReplyHeaderBytes, 'a')),
            State::failed);
}

TEST(HttpReply, AnEarlyEndIsAProblem) {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    HttpReplyReader reader(1'000);
    ASSERT_EQ(feed(reader, bytes), State::more) << bytes;
    EXPECT_EQ(reader.finish(), State::failed) << bytes;
  }
}

TEST(HttpReply, AContentTypeThatIsNoTextIsNotPassedOn) {
  HttpReplyReader reader(1'000);
  ASSERT_EQ(feed(reader, std::string(kOk) + "Content-Type: caf\xff\r\nContent-Length: 0\r\n\r\n"), State::complete);
  EXPECT_EQ(reader.take().content_type, "application/octet-stream");
}

}  // namespace
}  // namespace semroute::plugins

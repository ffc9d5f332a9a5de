#include "plugins/targets/http/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/base/limits.h"

namespace semroute::plugins {
namespace {

using Event = HttpReplyReader::Event;

// A reader with the body that it has told.
struct Whole {
  explicit Whole(std::size_t max_body_bytes) { reader.start(max_body_bytes); }

  Event next() { return reader.next_whole(body); }
  Event finish() {
    reader.commit_end();
    return next();
  }

  HttpReplyReader reader;
  std::string body;
};

// Feeds `bytes` in pieces of at most `piece`.
Event feed(Whole& whole, std::string_view bytes, std::size_t piece = 1'000'000) {
  Event event = Event::more;
  while (!bytes.empty() && event == Event::more) {
    const auto room = whole.reader.prepare();
    const std::size_t count = std::min({piece, bytes.size(), room.size()});
    std::copy_n(bytes.data(), count, room.data());
    bytes.remove_prefix(count);
    whole.reader.commit(count);
    event = whole.next();
  }
  return event;
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";

TEST(HttpReply, ReadsLengthsAndChunksInPiecesOfAnySize) {
  const std::string bodies[] = {std::string(kOk) + "Content-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
                                std::string(kOk) +
                                    "content-type: text/plain\r\nTransfer-Encoding: "
                                    "Chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n"};
  for (const std::string& bytes : bodies) {
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
      Whole whole(1'000);
      ASSERT_EQ(feed(whole, bytes, piece), Event::complete) << piece;
      EXPECT_TRUE(whole.reader.reusable());
      EXPECT_EQ(whole.reader.status(), 200);
      EXPECT_EQ(whole.reader.content_type(), "text/plain");
      EXPECT_EQ(whole.body, "hello world");
    }
  }
}

TEST(HttpReply, SkipsInterimReplies) {
  Whole whole(1'000);
  const std::string bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" +
                            std::string(kOk) + "Content-Length: 2\r\n\r\nok";
  ASSERT_EQ(feed(whole, bytes, 7), Event::complete);
  EXPECT_TRUE(whole.reader.reusable());
  EXPECT_EQ(whole.body, "ok");

  Whole endless(1'000);
  std::string interim;
  for (int i = 0; i < 100; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(feed(endless, interim), Event::failed);
  Whole switching(1'000);
  EXPECT_EQ(feed(switching, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), Event::failed);
}

TEST(HttpReply, NoContentHasNoBody) {
  for (const char* status : {"204 No Content", "304 Not Modified"}) {
    Whole whole(1'000);
    ASSERT_EQ(feed(whole, "HTTP/1.1 " + std::string(status) + "\r\n\r\n"), Event::complete);
    EXPECT_TRUE(whole.reader.reusable());
    EXPECT_EQ(whole.body, "");
    Whole announced(1'000);
    ASSERT_EQ(feed(announced, "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 5\r\n\r\n"), Event::complete);
    EXPECT_FALSE(announced.reader.reusable());
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
    Whole whole(1'000);
    ASSERT_EQ(feed(whole, bytes), Event::complete) << bytes;
    EXPECT_FALSE(whole.reader.reusable()) << bytes;
    EXPECT_EQ(whole.body, "ok");
  }
  for (const char* version : {"1.0", "1.1"}) {
    Whole whole(1'000);
    ASSERT_EQ(feed(whole, "HTTP/" + std::string(version) + " 200 OK\r\n\r\nuntil the end"), Event::more);
    ASSERT_EQ(whole.finish(), Event::complete);
    EXPECT_FALSE(whole.reader.reusable());
    EXPECT_EQ(whole.body, "until the end");
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
    Whole whole(1'000);
    EXPECT_EQ(feed(whole, std::string(kOk) + std::string(head) + "\r\nok"), Event::failed) << head;
    EXPECT_FALSE(whole.reader.problem().empty());
  }
  Whole old(1'000);
  EXPECT_EQ(feed(old, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), Event::failed);
}

TEST(HttpReply, RefusesGarbageAtItsFirstBytes) {
  for (const char* bytes :
       {"garbage", "\r\n", "H2", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.1 999 X\r\n\r\n",
        "HTTP/1.1 20 X\r\n\r\n", "HTTP/1.1 2000 X\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"}) {
    Whole whole(1'000);
    EXPECT_EQ(feed(whole, bytes), Event::failed) << bytes;
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
    Whole whole(10);
    EXPECT_EQ(feed(whole, bytes), Event::failed) << bytes;
    EXPECT_THAT(whole.reader.problem(), testing::HasSubstr("max_reply"));
  }
  Whole fits(10);
  EXPECT_EQ(feed(fits, std::string(kOk) + "Content-Length: 10\r\n\r\n" + std::string(10, 'x')), Event::complete);
}

TEST(HttpReply, HeadersAndChunkLinesAreBounded) {
  Whole header(1'000);
  EXPECT_EQ(feed(header, std::string(kOk) + "X-A: " + std::string(core::kHttpMaxReplyHeaderBytes, 'a')), Event::failed);
  Whole chunk(1'000);
  EXPECT_EQ(feed(chunk, std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n5;" +
                            std::string(2 * core::kHttpMaxReplyHeaderBytes, 'a')),
            Event::failed);
}

TEST(HttpReply, AnEarlyEndIsAProblem) {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    Whole whole(1'000);
    ASSERT_EQ(feed(whole, bytes), Event::more) << bytes;
    EXPECT_EQ(whole.finish(), Event::failed) << bytes;
  }
}

TEST(HttpReply, AContentTypeThatIsNoTextIsNotPassedOn) {
  Whole whole(1'000);
  ASSERT_EQ(feed(whole, std::string(kOk) + "Content-Type: caf\xff\r\nContent-Length: 0\r\n\r\n"), Event::complete);
  EXPECT_EQ(whole.reader.content_type(), "application/octet-stream");
}

}  // namespace
}  // namespace semroute::plugins

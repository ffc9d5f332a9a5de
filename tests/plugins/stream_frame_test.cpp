#include "plugins/targets/stream_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace semroute::plugins {
namespace {

using State = FrameReader::State;
using namespace std::string_literals;
using testing::HasSubstr;

// Feeds `bytes` in pieces of `step`.
State feed(FrameReader& reader, std::string_view bytes, std::size_t step) {
  State state = State::more;
  while (state == State::more && !bytes.empty()) {
    const auto room = reader.prepare();
    const std::size_t count = std::min({step, bytes.size(), room.size()});
    std::copy_n(bytes.begin(), count, room.begin());
    bytes.remove_prefix(count);
    state = reader.commit(count);
  }
  return state;
}

TEST(StreamFrame, LinesEndWithALineBreak) {
  const auto frame = frame_of(Framing::line, "{\"a\":1}");
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->before, "");
  EXPECT_EQ(frame->after, "\n");
  const auto broken = frame_of(Framing::line, "{\n}");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, core::ErrorCode::bad_request);
  EXPECT_THAT(broken.error().message, HasSubstr("line break"));
}

TEST(StreamFrame, LengthsAreFourBytesMostSignificantFirst) {
  const auto frame = frame_of(Framing::u32, std::string(0x010203, 'x'));
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->before, "\x00\x01\x02\x03"s);
  EXPECT_EQ(frame->after, "");
  EXPECT_EQ(frame_of(Framing::u32, "\n")->before, "\x00\x00\x00\x01"s);
}

TEST(StreamFrame, RepliesAreFoundHoweverTheyAreCut) {
  const std::string large(100'000, 'y');
  struct Case {
    Framing framing;
    std::string bytes;
    std::string reply;
  };
  for (const Case& c :
       {Case{Framing::line, "hello\n", "hello"}, Case{Framing::line, "hello\r\n", "hello"},
        Case{Framing::line, "\n", ""}, Case{Framing::line, "\r\n", ""}, Case{Framing::line, "a\rb\n", "a\rb"},
        Case{Framing::line, large + "\n", large}, Case{Framing::u32, "\0\0\0\0"s, ""},
        Case{Framing::u32, "\0\0\0\2\n\0"s, "\n\0"s}, Case{Framing::u32, "\0\1\x86\xA0"s + large, large}}) {
    for (const std::size_t step : {1U, 2U, 3U, 5U, 4'096U, 1'000'000U}) {
      FrameReader reader(c.framing, 1 << 20);
      ASSERT_EQ(feed(reader, c.bytes, step), State::complete) << step;
      EXPECT_FALSE(reader.has_surplus());
      EXPECT_EQ(reader.take(), c.reply);
    }
  }
}

TEST(StreamFrame, BytesBeyondTheReplyAreNoticed) {
  FrameReader line(Framing::line, 1024);
  ASSERT_EQ(feed(line, "a\nb", 100), State::complete);
  EXPECT_TRUE(line.has_surplus());
  EXPECT_EQ(line.take(), "a");
  FrameReader frame(Framing::u32, 1024);
  ASSERT_EQ(feed(frame, "\0\0\0\1ab"s, 100), State::complete);
  EXPECT_TRUE(frame.has_surplus());
  EXPECT_EQ(frame.take(), "a");
}

// faults.md 66
TEST(StreamFrame, RepliesOverTheLimitFailBeforeTheyAreThere) {
  FrameReader exact(Framing::line, 1024);
  EXPECT_EQ(feed(exact, std::string(1024, 'x') + "\n", 7), State::complete);
  FrameReader line(Framing::line, 1024);
  EXPECT_EQ(feed(line, std::string(1026, 'x'), 7), State::failed);
  EXPECT_THAT(line.problem(), HasSubstr("limits.max_reply, 1KiB"));
  FrameReader ended(Framing::line, 1024);
  EXPECT_EQ(feed(ended, std::string(1025, 'x') + "\n", 2000), State::failed);
  FrameReader frame(Framing::u32, 1024);
  EXPECT_EQ(feed(frame, "\0\0\4\1"s, 1), State::failed) << "by its length alone";
  FrameReader fits(Framing::u32, 1024);
  EXPECT_EQ(feed(fits, "\0\0\4\0"s, 1), State::more);
  FrameReader huge(Framing::u32, 1024);
  EXPECT_EQ(feed(huge, "\xff\xff\xff\xff", 4), State::failed);
}

}  // namespace
}  // namespace semroute::plugins

// faults.md 15-23 over TCP, against the real daemon, with frames made byte by byte.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstring>
#include <limits>

#include "router/protocol/frame_codec.h"
#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

template <class T>
std::string bytes_of(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

std::string header(std::uint8_t op, std::uint32_t id, std::size_t body_bytes, std::uint8_t flags = 0,
                   std::uint8_t version = 1) {
  return bytes_of<std::uint8_t>(0xA7) + bytes_of(version) + bytes_of(op) + bytes_of(flags) + bytes_of(id) +
         bytes_of(static_cast<std::uint32_t>(body_bytes)) + bytes_of<std::uint32_t>(0);
}

std::string match_body(const std::vector<float>& numbers, std::uint32_t dimension, std::uint32_t count = 1) {
  std::string body = bytes_of(dimension) + bytes_of(count) + bytes_of<std::uint16_t>(0) + bytes_of<std::uint16_t>(0);
  for (const float x : numbers) body += bytes_of(x);
  return body + bytes_of<std::uint32_t>(0);
}

// `count` embeddings of the tiny configuration's dimension.
std::string batch_frame(std::uint32_t id, std::uint32_t count, const std::vector<float>& numbers) {
  const auto body = match_body(numbers, 4, count);
  return header(1, id, body.size()) + body;
}

std::string match_frame(std::uint32_t id, const std::vector<float>& numbers) {
  const auto body = match_body(numbers, static_cast<std::uint32_t>(numbers.size()));
  return header(1, id, body.size()) + body;
}

// The error code of a reply frame; 0 for a good one.
int error_of(const std::optional<std::string>& frame) {
  if (!frame) return -1;
  if ((static_cast<std::uint8_t>((*frame)[3]) & router::kFrameFlagError) == 0) return 0;
  std::uint16_t code = 0;
  std::memcpy(&code, frame->data() + 16, sizeof code);
  return code;
}

int number(core::ErrorCode code) { return static_cast<int>(code); }

class BinaryFrames : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { daemon_ = new DaemonProcess(tiny_config("limits: {max_request: 64KiB}\n")); }
  static void TearDownTestSuite() {
    delete daemon_;
    daemon_ = nullptr;
  }
  // The frame gets `code` after a good one went before; the connection is kept or closed.
  static void expect(const std::string& frame, core::ErrorCode code, bool kept) {
    RawClient client(daemon_->port());
    client.send(match_frame(1, {1, 0, 0, 0}));
    ASSERT_EQ(error_of(client.read_frame()), 0);
    client.send(frame);
    EXPECT_EQ(error_of(client.read_frame()), number(code));
    if (kept) {
      client.send(match_frame(2, {1, 0, 0, 0}));
      EXPECT_EQ(error_of(client.read_frame()), 0) << "the connection was not kept";
    } else {
      EXPECT_TRUE(client.closed());
    }
  }
  static DaemonProcess* daemon_;
};
DaemonProcess* BinaryFrames::daemon_ = nullptr;

TEST_F(BinaryFrames, PipelinedMatchesAreAnsweredWithTheirIds) {
  RawClient client(daemon_->port());
  std::string frames;
  for (std::uint32_t id = 1; id <= 1'000; ++id) frames += match_frame(id, {1, 0, 0, 0});
  client.send(frames);
  for (std::uint32_t id = 1; id <= 1'000; ++id) {
    const auto reply = client.read_frame();
    ASSERT_EQ(error_of(reply), 0);
    EXPECT_EQ(reply->substr(4, 4), bytes_of(id));
    EXPECT_EQ(static_cast<std::uint8_t>((*reply)[2]), 0x81);
    EXPECT_NE(reply->find("billing"), std::string::npos);
  }
}
// Short and long frames in pieces that begin and end anywhere.
TEST_F(BinaryFrames, FramesArriveInPieces) {
  std::vector<float> numbers;
  for (int i = 0; i < 1'024; ++i) numbers.insert(numbers.end(), {1, 0, 0, 0});
  std::string frames;
  std::uint32_t last = 0;
  for (const std::uint32_t count : {1U, 1U, 300U, 2U, 1'020U, 1'024U, 1U, 1'020U, 7U, 1U}) {
    frames += batch_frame(++last, count, {numbers.begin(), numbers.begin() + 4 * static_cast<std::ptrdiff_t>(count)});
  }
  for (const std::size_t piece : {997U, 4'093U, 16'411U, 40'009U}) {
    RawClient client(daemon_->port());
    for (std::size_t at = 0; at < frames.size(); at += piece) {
      client.send(std::string_view(frames).substr(at, piece));
      ::usleep(500);  // so that the daemon mostly finds one piece at a time
    }
    for (std::uint32_t id = 1; id <= last; ++id) {
      const auto reply = client.read_frame();
      ASSERT_EQ(error_of(reply), 0) << piece << ", " << id;
      EXPECT_EQ(reply->substr(4, 4), bytes_of(id)) << piece;
    }
  }
}
TEST_F(BinaryFrames, Fault15BadMagic) {
  expect("\x42" + match_frame(2, {1, 0, 0, 0}).substr(1), core::ErrorCode::bad_request, false);
}
TEST_F(BinaryFrames, Fault16UnknownVersion) {
  expect(header(1, 2, 0, 0, 9), core::ErrorCode::unsupported_version, false);
}
TEST_F(BinaryFrames, Fault17LengthOverTheLimitBeforeAnyBody) {
  expect(header(1, 2, 0xFFFFFFFFU), core::ErrorCode::too_large, false);
}
TEST_F(BinaryFrames, Fault18LengthThatContradictsTheFields) {
  const auto body = match_body({1, 0, 0, 0}, 5);
  expect(header(1, 2, body.size()) + body, core::ErrorCode::bad_request, false);
  const auto overflow = match_body({1, 0, 0, 0}, 0x80000000U, 0x80000000U);
  expect(header(1, 2, overflow.size()) + overflow, core::ErrorCode::bad_request, false);
  const auto good = match_body({1, 0, 0, 0}, 4);
  for (const std::string& wrong :
       {std::string(), std::string("\x04"), good.substr(0, 12), good.substr(0, good.size() - 1), good + "x",
        good.substr(0, good.size() - 4) + bytes_of<std::uint32_t>(1),
        good.substr(0, good.size() - 4) + bytes_of<std::uint32_t>(0xFFFFFFFFU)}) {
    expect(header(1, 2, wrong.size()) + wrong, core::ErrorCode::bad_request, false);
  }
  // A route's content type and payload.
  const auto floats = good.substr(0, good.size() - 4);
  for (const std::string& wrong : {floats, floats + bytes_of<std::uint16_t>(9) + "text",
                                   floats + bytes_of<std::uint16_t>(0) + bytes_of<std::uint32_t>(9) + "{}"}) {
    expect(header(2, 2, wrong.size()) + wrong, core::ErrorCode::bad_request, false);
  }
}
TEST_F(BinaryFrames, Fault19CutOffByTheEndOfInputIsCounted) {
  const auto frame = match_frame(1, {1, 0, 0, 0});
  const DaemonProcess daemon(tiny_config());
  std::size_t cut_off = 0;
  for (std::size_t bytes = 0; bytes <= frame.size(); ++bytes) {
    RawClient client(daemon.port());
    client.send(frame);
    client.send(frame.substr(0, bytes));
    client.shutdown_send();
    EXPECT_EQ(error_of(client.read_frame()), 0) << "what came before is answered";
    if (bytes == frame.size()) {
      EXPECT_EQ(error_of(client.read_frame()), 0);
    }
    EXPECT_TRUE(client.read_all().empty());
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(client.was_reset());
    cut_off += bytes > 0 && bytes < frame.size() ? 1 : 0;
  }
  RawClient client(daemon.port());
  EXPECT_NE(client.ask(R"({"id":1,"op":"stats"})").find("\"cut_off\":" + std::to_string(cut_off) + ","),
            std::string::npos);
}
TEST(BinaryFramesTimeouts, Fault20OneByteAtATime) {
  const DaemonProcess daemon(tiny_config("limits: {request_timeout: 400ms}\n"));
  RawClient client(daemon.port());
  const std::string frame = match_frame(1, {1, 0, 0, 0});
  bool sending = true;
  for (std::size_t i = 0; i + 1 < frame.size(); ++i) {  // all but the last
    sending = sending && client.try_send(std::string_view(frame).substr(i, 1));
    ::usleep(10'000);
  }
  EXPECT_EQ(error_of(client.read_frame()), number(core::ErrorCode::timeout));
  EXPECT_TRUE(client.closed());
}
TEST_F(BinaryFrames, Fault21AnotherDimension) {
  expect(match_frame(2, {1, 0, 0}), core::ErrorCode::dimension_mismatch, true);
}
TEST_F(BinaryFrames, Fault22NanAndInfinity) {
  expect(match_frame(2, {1, std::numeric_limits<float>::quiet_NaN(), 0, 0}), core::ErrorCode::bad_vector, true);
  expect(match_frame(2, {1, std::numeric_limits<float>::infinity(), 0, 0}), core::ErrorCode::bad_vector, true);
}
TEST_F(BinaryFrames, Fault22NamesTheNumberWhereverItIs) {
  for (const std::size_t place : {0U, 63U, 64U, 127U, 128U, 191U, 192U, 199U}) {
    std::vector<float> numbers(200, 0.5F);
    numbers[place] = -std::numeric_limits<float>::infinity();
    RawClient client(daemon_->port());
    client.send(batch_frame(1, 50, numbers));
    const auto reply = client.read_frame();
    EXPECT_EQ(error_of(reply), number(core::ErrorCode::bad_vector)) << place;
    const std::string named =
        "embeddings[" + std::to_string(place / 4) + "]: number " + std::to_string(place % 4) + " is not finite";
    EXPECT_NE(reply.value_or("").find(named), std::string::npos) << place;
  }
}
TEST_F(BinaryFrames, Fault23UnknownOpOrReservedFlag) {
  const auto body = match_body({1, 0, 0, 0}, 4);
  for (const int op : {0, 14, 99, 0x81, 255}) {
    expect(header(static_cast<std::uint8_t>(op), 2, body.size()) + body, core::ErrorCode::bad_request, true);
  }
  for (const int bit : {0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80}) {
    const auto flag = static_cast<std::uint8_t>(bit);
    expect(header(1, 2, body.size(), flag) + body, core::ErrorCode::bad_request, true);
    expect(header(3, 2, 4, flag) + bytes_of<std::uint32_t>(0), core::ErrorCode::bad_request, true);
  }
  std::string reserved = body;
  reserved[10] = '\x01';  // after top_k
  expect(header(1, 2, reserved.size()) + reserved, core::ErrorCode::bad_request, true);
  for (const int later : {13}) {
    expect(header(static_cast<std::uint8_t>(later), 2, 4) + bytes_of<std::uint32_t>(0), core::ErrorCode::bad_request,
           true);
  }
}

}  // namespace
}  // namespace semroute::test

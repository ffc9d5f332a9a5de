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
}
TEST_F(BinaryFrames, Fault19CutOffByTheEndOfInputIsCounted) {
  {
    RawClient client(daemon_->port());
    client.send(match_frame(1, {1, 0, 0, 0}).substr(0, 30));
    client.shutdown_send();
    EXPECT_TRUE(client.closed());
  }
  RawClient client(daemon_->port());
  EXPECT_NE(client.ask(R"({"id":1,"op":"stats"})").find("\"cut_off\":1"), std::string::npos);
}
TEST(BinaryFramesTimeouts, Fault20OneByteAtATime) {
  const DaemonProcess daemon(tiny_config("limits: {request_timeout: 400ms}\n"));
  RawClient client(daemon.port());
  bool sending = true;
  for (const char c : match_frame(1, {1, 0, 0, 0})) {
    sending = sending && client.try_send(std::string_view(&c, 1));
    ::usleep(30'000);
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
TEST_F(BinaryFrames, Fault23UnknownOpOrReservedFlag) {
  const auto body = match_body({1, 0, 0, 0}, 4);
  expect(header(99, 2, body.size()) + body, core::ErrorCode::bad_request, true);
  expect(header(1, 2, body.size(), 0x40) + body, core::ErrorCode::bad_request, true);
}

}  // namespace
}  // namespace semroute::test

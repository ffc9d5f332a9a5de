#include "plugins/targets/stream_frame.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "config/scalar.h"

namespace semroute::plugins {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kLeastRoom = 4 * 1024;
constexpr std::size_t kMostRoom = 256 * 1024;

}  // namespace

core::Result<Frame> frame_of(Framing framing, std::string_view payload) {
  if (framing == Framing::line) {
    if (payload.find('\n') != std::string_view::npos) {
      return core::Error{core::ErrorCode::bad_request,
                         "the payload has a line break, which the target's framing (line) cannot carry"};
    }
    return Frame{"", "\n"};
  }
  if (payload.size() > std::numeric_limits<std::uint32_t>::max()) {
    return core::Error{core::ErrorCode::too_large, "the payload is longer than the target's framing (u32) can tell"};
  }
  Frame frame;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) frame.before += static_cast<char>((payload.size() >> shift) & 0xFFU);
  return frame;
}

std::span<char> FrameReader::prepare() {
  // As much again as has come, so that a long reply takes few reads.
  const std::size_t room = std::clamp(used_, kLeastRoom, kMostRoom);
  if (buffer_.size() < used_ + room) buffer_.resize(used_ + room);
  return {buffer_.data() + used_, room};
}

FrameReader::State FrameReader::commit(std::size_t bytes) {
  used_ += bytes;
  const std::string_view arrived(buffer_.data(), used_);
  const auto too_long = [&] {
    return fail("the target's reply has more than limits.max_reply, " + config::format_size(max_bytes_));
  };
  if (framing_ == Framing::line) {
    const std::size_t newline = arrived.find('\n', scanned_);
    scanned_ = used_;
    if (newline == std::string_view::npos) return used_ > max_bytes_ + 1 ? too_long() : State::more;
    end_ = newline + 1;
    size_ = newline > 0 && arrived[newline - 1] == '\r' ? newline - 1 : newline;
    return size_ > max_bytes_ ? too_long() : State::complete;
  }
  if (used_ < kLengthBytes) return State::more;
  size_ = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) size_ = size_ << 8U | static_cast<unsigned char>(arrived[i]);
  if (size_ > max_bytes_) return too_long();
  begin_ = kLengthBytes;
  end_ = kLengthBytes + size_;
  return used_ < end_ ? State::more : State::complete;
}

std::string FrameReader::take() {
  buffer_.resize(begin_ + size_);
  buffer_.erase(0, begin_);
  return std::move(buffer_);
}

FrameReader::State FrameReader::fail(std::string problem) {
  problem_ = std::move(problem);
  return State::failed;
}

}  // namespace semroute::plugins

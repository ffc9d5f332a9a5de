// Frames of a tcp or unix target: bytes around a payload, and the end of a reply found in what arrives. No I/O.
//
// Complexity: linear in the bytes. Memory grows with what has arrived, not with what a length announces.
// Errors: bad_request for a payload that the framing cannot carry; a reader that failed says why, and its
// connection is not to be used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "plugins/targets/stream_settings.h"

namespace semroute::plugins {

struct Frame {
  std::string before;  // the payload
  std::string after;
};
[[nodiscard]] core::Result<Frame> frame_of(Framing framing, std::string_view payload);

class FrameReader {
 public:
  enum class State : std::uint8_t { more, complete, failed };

  FrameReader(Framing framing, std::size_t max_bytes) : framing_(framing), max_bytes_(max_bytes) {}

  // Where the next bytes go; then how many came.
  [[nodiscard]] std::span<char> prepare();
  [[nodiscard]] State commit(std::size_t bytes);

  [[nodiscard]] bool has_bytes() const noexcept { return used_ > 0; }
  // When complete: the reply without its frame; whether more than the reply has arrived.
  [[nodiscard]] std::string take();
  [[nodiscard]] bool has_surplus() const noexcept { return used_ > end_; }
  // When failed.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  State fail(std::string problem);

  Framing framing_;
  std::size_t max_bytes_;
  std::string buffer_;
  std::size_t used_ = 0;     // of buffer_
  std::size_t scanned_ = 0;  // line: no end in these
  std::size_t begin_ = 0;    // of the reply
  std::size_t end_ = 0;      // of the frame
  std::size_t size_ = 0;     // of the reply
  std::string problem_;
};

}  // namespace semroute::plugins

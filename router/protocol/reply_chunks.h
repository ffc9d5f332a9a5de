// ReplyChunks: the bytes of a streamed reply, cut into what one line or frame carries.
//
// For JSON lines a character of UTF-8 is never cut: the beginning of one waits for the rest of it. Bytes that are no
// UTF-8 make a chunk that is not text. For frames all bytes are alike, and nothing waits. Complexity: linear. Threads:
// one. Lifetime: a chunk's bytes are valid until the next call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace semroute::router {

struct ReplyChunk {
  std::string_view bytes;  // not empty
  bool is_text = false;    // whole characters of UTF-8
};

class ReplyChunks {
 public:
  enum class As : std::uint8_t { text, bytes };

  explicit ReplyChunks(As as) : as_(as) {}

  void add(std::string_view bytes);
  // There will be no more: what waits for the rest of a character waits no longer.
  void end() { ended_ = true; }
  // Forgets what was not taken.
  void drop();

  // The next `most` bytes at most, which is at least 4; nothing when there are none, or they wait for others.
  [[nodiscard]] std::optional<ReplyChunk> next(std::size_t most);
  // Whether next() has something.
  [[nodiscard]] bool empty() const;

 private:
  struct Cut {
    std::size_t bytes = 0;
    bool is_text = false;
  };
  [[nodiscard]] Cut cut(std::size_t most) const;

  As as_;
  bool ended_ = false;
  std::string bytes_;
  std::size_t taken_ = 0;  // of bytes_
};

}  // namespace semroute::router

// HttpReplyReader: the bytes of one HTTP/1.x reply after another, as they come, to its head and the pieces of its body.
//
// Holds no socket: read into prepare(), tell commit() (or commit_end() when the peer has closed), then ask next() until
// it says `more`. Interim (1xx) replies are skipped. Stricter than a browser: whatever leaves a doubt about where the
// reply ends (folded lines, several or odd Transfer-Encodings, Content-Length twice or beside one, a line that does not
// end with CR LF) is refused, because the next reply on the connection would start at a guess.
// Memory: one buffer, kept from reply to reply: kHttpReadBytes, more for a long head (kHttpMaxReplyHeaderBytes at most)
// or while a large body comes. Complexity: linear in the bytes; no allocation for a reply whose head fits.
// Threads: one. Errors: Event::failed, with problem(). RFC 9112.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace semroute::plugins {

class HttpReplyReader {
 public:
  enum class Event : std::uint8_t {
    more,      // nothing to tell before more bytes are there
    head,      // status() and content_type() are known; once a reply
    bytes,     // bytes() is the next piece of the body
    complete,  // the reply has ended
    failed     // what came is no reply, or a too long one
  };

  HttpReplyReader();
  HttpReplyReader(const HttpReplyReader&) = delete;
  HttpReplyReader& operator=(const HttpReplyReader&) = delete;

  // Before each reply. A body of more than `max_body_bytes` fails.
  void start(std::size_t max_body_bytes);

  // Room for the next bytes, never empty; valid until commit().
  [[nodiscard]] std::span<char> prepare();
  void commit(std::size_t bytes);
  void commit_end() { at_end_ = true; }

  [[nodiscard]] Event next();
  // The same with the body put into `body`: `more`, `complete` or `failed`.
  [[nodiscard]] Event next_whole(std::string& body);

  // From `head` on.
  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const std::string& content_type() const noexcept { return content_type_; }
  // After `bytes`, until the next call.
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
  // Whether another request may follow on the connection; before `complete` it may not.
  [[nodiscard]] bool reusable() const noexcept { return phase_ == Phase::done && keep_ && begin_ == end_; }
  // Whether any byte of the reply has come.
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  // After `failed`.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  // The reply may be a good one: it is longer than what is kept of one.
  [[nodiscard]] bool too_long() const noexcept { return too_long_; }

 private:
  enum class Phase : std::uint8_t { head, body, until_end, chunk_line, chunk_data, chunk_end, trailer, done, failed };

  [[nodiscard]] std::string_view unread() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  void grow(std::size_t size);
  Event fail(std::string why);
  Event need_more();
  Event next_head();
  [[nodiscard]] bool read_head(std::string_view head);
  [[nodiscard]] bool read_status_line(std::string_view line);
  [[nodiscard]] bool read_field(std::string_view line);
  [[nodiscard]] bool settle_framing();
  Event next_chunk_line();
  Event next_trailer();
  Event take_bytes(std::size_t count);
  // The next line without its CR LF; false when it is not there whole. May fail.
  [[nodiscard]] bool next_line(std::string_view& line, Event& event);

  std::unique_ptr<char[]> buffer_;
  std::size_t size_ = 0;
  std::size_t begin_ = 0;   // first byte not looked at
  std::size_t end_ = 0;     // one past the last byte read
  std::size_t looked_ = 0;  // bytes after `begin_` already searched for the end of a head or line

  Phase phase_ = Phase::head;
  bool at_end_ = false;
  bool begun_ = false;
  bool keep_ = false;
  bool too_long_ = false;
  std::size_t max_body_bytes_ = 0;
  std::uint64_t left_ = 0;      // of the body or the chunk
  std::size_t body_bytes_ = 0;  // told so far
  std::size_t line_bytes_ = 0;  // of trailers
  int interim_replies_ = 0;

  // Of the head that is being read.
  int version_ = 0;
  int status_ = 0;
  int lengths_ = 0;
  int encodings_ = 0;
  std::uint64_t length_ = 0;
  bool is_chunked_ = false;
  bool is_close_ = false;
  std::string content_type_;
  std::string_view bytes_;
  std::string problem_;
};

}  // namespace semroute::plugins

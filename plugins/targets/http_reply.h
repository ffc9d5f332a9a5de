// HttpReplyReader: the bytes of one HTTP/1.x reply, as they come, to a DispatchReply.
//
// Holds no socket: read into prepare(), tell commit(), and finish() when the peer has closed.
// Interim (1xx) replies are skipped. Stricter than a browser: whatever leaves a doubt about where
// the reply ends (folded lines, several or odd Transfer-Encodings, Content-Length twice or beside
// one) is refused, because the next reply on the connection would start at a guess.
// Complexity: linear in the bytes; memory is at most the body limit, the header limit
// (kHttpMaxReplyHeaderBytes) and one chunk of reading. Threads: one. Errors: State::failed, with problem().
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "plugins/target.h"

namespace semroute::plugins {

class HttpReplyReader {
 public:
  enum class State { more, complete, failed };

  explicit HttpReplyReader(std::size_t max_body_bytes);
  ~HttpReplyReader();
  HttpReplyReader(const HttpReplyReader&) = delete;
  HttpReplyReader& operator=(const HttpReplyReader&) = delete;

  // Room for the next bytes; valid until commit().
  [[nodiscard]] std::span<char> prepare();
  [[nodiscard]] State commit(std::size_t bytes);
  [[nodiscard]] State finish();

  // Precondition for these: complete.
  [[nodiscard]] DispatchReply take();
  [[nodiscard]] bool reusable() const noexcept;  // whether another request may follow on the connection

  // Precondition: failed.
  [[nodiscard]] const std::string& problem() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace semroute::plugins

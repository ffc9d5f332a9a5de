// Request head: whether the head of an HTTP/1.x request leaves no doubt about what it asks and where it ends.
//
// Looks at the bytes before a parser does, because the parser is more forgiving: it unfolds lines, takes any or no
// Host, and lets lengths and codings pass that the next program on the way may read otherwise.
// Complexity: linear in the bytes. Threads: a pure function. Errors: a status, and what is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace semroute::router {

struct HeadVerdict {
  enum class Kind : std::uint8_t { more, whole, refused };
  Kind kind = Kind::more;
  std::size_t bytes = 0;    // whole: of the head, with the empty line that ends it
  unsigned status = 0;      // refused: 400, 413 or 431
  std::string_view reason;  // refused: in words
};

// `received` begins with the request. Refused: 400 bytes that cannot be in a head, a target that is no path, not
// exactly one Host (HTTP/1.0: at most one), folded lines, Content-Length that is no number or given twice, any
// Transfer-Encoding but one `chunked` of HTTP/1.1 without Content-Length; 413 a body, which nothing here has a use for;
// 431 over kAdminMaxHeaderBytes or kAdminMaxHeaders.
[[nodiscard]] HeadVerdict judge_head(std::string_view received) noexcept;

}  // namespace semroute::router

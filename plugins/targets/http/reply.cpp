#include "plugins/targets/http/reply.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "config/header_rules.h"
#include "core/base/limits.h"
#include "plugins/content_type.h"

namespace semroute::plugins {
namespace {

constexpr int kMaxInterimReplies = 8;                         // a target that only ever says "processing" must end
constexpr std::size_t kMostReserved = std::size_t{64} << 10;  // of a body's stated length, before it is there
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kStart = "HTTP/1.";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) noexcept {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Nothing that another reader might take for the end of a line, or of the text.
bool is_line_text(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7f : c == '\t';
  });
}

// Whether a comma-separated list has the word, in any case.
bool has_word(std::string_view list, std::string_view word) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (config::equal_ignoring_case(trimmed(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

HttpReplyReader::HttpReplyReader() { grow(core::kHttpReadBytes); }

void HttpReplyReader::grow(std::size_t size) {
  auto larger = std::make_unique_for_overwrite<char[]>(size);
  if (end_ > begin_) std::memcpy(larger.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  buffer_ = std::move(larger);
  size_ = size;
}

void HttpReplyReader::start(std::size_t max_body_bytes) {
  begin_ = end_ = looked_ = 0;
  phase_ = Phase::head;
  at_end_ = begun_ = keep_ = too_long_ = false;
  max_body_bytes_ = max_body_bytes;
  left_ = 0;
  body_bytes_ = line_bytes_ = 0;
  interim_replies_ = 0;
  bytes_ = {};
}

std::span<char> HttpReplyReader::prepare() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // A head or line is looked at as a whole; how long one may be is checked there.
  if (end_ == size_) grow(size_ * 2);
  return {buffer_.get() + end_, size_ - end_};
}

void HttpReplyReader::commit(std::size_t bytes) {
  end_ += bytes;
  begun_ = begun_ || bytes > 0;
  // There is more where this came from: larger reads cost less.
  if (end_ == size_ && size_ < core::kHttpLargeReadBytes && phase_ != Phase::head) grow(core::kHttpLargeReadBytes);
}

HttpReplyReader::Event HttpReplyReader::fail(std::string why) {
  problem_ = std::move(why);
  phase_ = Phase::failed;
  return Event::failed;
}

HttpReplyReader::Event HttpReplyReader::need_more() {
  if (!at_end_) return Event::more;
  return fail(begun_ ? "the connection was closed within the reply" : "the connection was closed without a reply");
}

HttpReplyReader::Event HttpReplyReader::next() {
  for (;;) {
    switch (phase_) {
      case Phase::head: return next_head();
      case Phase::body:
        if (left_ > 0) return take_bytes(static_cast<std::size_t>(std::min<std::uint64_t>(left_, end_ - begin_)));
        phase_ = Phase::done;
        break;
      case Phase::until_end:
        if (begin_ < end_) {
          left_ = end_ - begin_;
          return take_bytes(end_ - begin_);
        }
        if (!at_end_) return Event::more;
        phase_ = Phase::done;
        break;
      case Phase::chunk_line:
        if (const Event event = next_chunk_line(); event != Event::complete) return event;
        break;
      case Phase::chunk_data:
        if (left_ > 0) return take_bytes(static_cast<std::size_t>(std::min<std::uint64_t>(left_, end_ - begin_)));
        phase_ = Phase::chunk_end;
        break;
      case Phase::chunk_end:
        if (end_ - begin_ < kLineEnd.size()) return need_more();
        if (!unread().starts_with(kLineEnd)) return fail("the reply is not HTTP/1.1: a chunk is longer than it says");
        begin_ += kLineEnd.size();
        phase_ = Phase::chunk_line;
        break;
      case Phase::trailer:
        if (const Event event = next_trailer(); event != Event::complete) return event;
        break;
      case Phase::done: return Event::complete;
      case Phase::failed: return Event::failed;
    }
  }
}

HttpReplyReader::Event HttpReplyReader::next_whole(std::string& body) {
  for (;;) {
    const Event event = next();
    if (event == Event::bytes) {
      body.append(bytes_);
    } else if (event == Event::head) {
      if (lengths_ > 0) body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(left_, kMostReserved)));
    } else {
      return event;
    }
  }
}

HttpReplyReader::Event HttpReplyReader::take_bytes(std::size_t count) {
  if (count == 0) return need_more();
  if (count > max_body_bytes_ - body_bytes_) {
    too_long_ = true;
    return fail("the reply is larger than limits.max_reply (" + std::to_string(max_body_bytes_) + " bytes)");
  }
  bytes_ = unread().substr(0, count);
  begin_ += count;
  left_ -= count;
  body_bytes_ += count;
  return Event::bytes;
}

HttpReplyReader::Event HttpReplyReader::next_head() {
  for (;;) {
    const std::string_view bytes = unread();
    const std::size_t start = std::min(bytes.size(), kStart.size());
    if (bytes.substr(0, start) != kStart.substr(0, start)) return fail("the reply is not HTTP/1.1");
    const std::size_t found = bytes.find(kHeadEnd, looked_);
    const std::size_t head_bytes = found == std::string_view::npos ? bytes.size() : found + kHeadEnd.size();
    if (head_bytes > core::kHttpMaxReplyHeaderBytes) {
      return fail("the reply's header is larger than " + std::to_string(core::kHttpMaxReplyHeaderBytes) + " bytes");
    }
    if (found == std::string_view::npos) {
      looked_ = bytes.size() < kHeadEnd.size() ? 0 : bytes.size() - (kHeadEnd.size() - 1);
      return need_more();
    }
    looked_ = 0;
    if (!read_head(bytes.substr(0, found + kLineEnd.size()))) return Event::failed;
    begin_ += head_bytes;
    if (status_ >= 200) break;
    if (status_ == 101) return fail("the reply switches protocols, which nobody asked for");
    if (++interim_replies_ > kMaxInterimReplies) return fail("the reply is interim (1xx) too many times");
  }
  return settle_framing() ? Event::head : Event::failed;
}

// `head`: whole lines, each with its end.
bool HttpReplyReader::read_head(std::string_view head) {
  lengths_ = encodings_ = 0;
  length_ = 0;
  is_chunked_ = is_close_ = false;
  content_type_.clear();
  bool is_first = true;
  while (!head.empty()) {
    const std::size_t end = head.find(kLineEnd);
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + kLineEnd.size());
    if (!is_line_text(line)) {
      fail("the reply's header is not HTTP/1.1: a control character");
      return false;
    }
    if (!(is_first ? read_status_line(line) : read_field(line))) return false;
    is_first = false;
  }
  return true;
}

bool HttpReplyReader::read_status_line(std::string_view line) {
  // HTTP/1.x SP 3DIGIT [SP reason]
  const std::string_view rest = line.substr(kStart.size());
  const bool is_right = rest.size() >= 5 && (rest[0] == '0' || rest[0] == '1') && rest[1] == ' ' && is_digit(rest[2]) &&
                        is_digit(rest[3]) && is_digit(rest[4]) && (rest.size() == 5 || rest[5] == ' ');
  if (!is_right) {
    fail("the reply is not HTTP/1.1");
    return false;
  }
  version_ = rest[0] - '0';
  status_ = (rest[2] - '0') * 100 + (rest[3] - '0') * 10 + (rest[4] - '0');
  if (status_ >= 100 && status_ <= 599) return true;
  fail("the reply's status " + std::to_string(status_) + " does not exist");
  return false;
}

bool HttpReplyReader::read_field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) {
    fail("the reply's header has a folded line");
    return false;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !config::is_header_name(line.substr(0, colon))) {
    fail("the reply's header is not HTTP/1.1");
    return false;
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  switch (name.size()) {  // spares most of the comparisons
    case std::string_view("connection").size():
      if (config::equal_ignoring_case(name, "connection") && has_word(value, "close")) is_close_ = true;
      break;
    case std::string_view("content-type").size():
      if (config::equal_ignoring_case(name, "content-type")) content_type_ = value;
      break;
    case std::string_view("content-length").size():
      if (!config::equal_ignoring_case(name, "content-length")) break;
      ++lengths_;
      if (!config::is_content_length(value) ||
          std::from_chars(value.data(), value.data() + value.size(), length_).ec != std::errc{}) {
        lengths_ = 2;
      }
      break;
    case std::string_view("transfer-encoding").size():
      if (!config::equal_ignoring_case(name, "transfer-encoding")) break;
      ++encodings_;
      is_chunked_ = config::equal_ignoring_case(value, "chunked");
      break;
    default: break;
  }
  return true;
}

bool HttpReplyReader::settle_framing() {
  const bool is_version_1_1 = version_ == 1;
  if (encodings_ > 0 && (encodings_ > 1 || !is_chunked_ || lengths_ > 0 || !is_version_1_1)) {
    fail("the reply's Transfer-Encoding leaves its end in doubt");
    return false;
  }
  if (lengths_ > 1) {
    fail("the reply's Content-Length leaves its end in doubt");
    return false;
  }
  const bool is_bodiless = status_ == 204 || status_ == 304;
  // A body announced where there is none may still be sent.
  const bool is_announced = encodings_ > 0 || (lengths_ == 1 && length_ > 0);
  keep_ = is_version_1_1 && !is_close_ && !(is_bodiless && is_announced);
  if (!is_content_type(content_type_)) content_type_ = "application/octet-stream";
  if (is_bodiless) {
    phase_ = Phase::done;
  } else if (is_chunked_) {
    phase_ = Phase::chunk_line;
  } else if (lengths_ == 1) {
    left_ = length_;
    phase_ = Phase::body;
    if (length_ > max_body_bytes_) {
      too_long_ = true;
      fail("the reply is larger than limits.max_reply (" + std::to_string(max_body_bytes_) + " bytes)");
      return false;
    }
  } else {
    keep_ = false;
    phase_ = Phase::until_end;
  }
  return true;
}

bool HttpReplyReader::next_line(std::string_view& line, Event& event) {
  const std::string_view bytes = unread();
  const std::size_t end = bytes.find('\n', looked_);
  const std::size_t line_bytes = end == std::string_view::npos ? bytes.size() : end + 1;
  if (line_bytes > core::kHttpMaxChunkLine) {
    event = fail("the reply is not HTTP/1.1: endless chunk header");
    return false;
  }
  if (end == std::string_view::npos) {
    looked_ = bytes.size();
    event = need_more();
    return false;
  }
  looked_ = 0;
  begin_ += line_bytes;
  line = bytes.substr(0, line_bytes - 1);
  if (!line.ends_with('\r') || !is_line_text(line.substr(0, line.size() - 1))) {
    event = fail("the reply is not HTTP/1.1: a chunk's line does not end as it should");
    return false;
  }
  line.remove_suffix(1);
  return true;
}

// `complete`: the chunk's size is known.
HttpReplyReader::Event HttpReplyReader::next_chunk_line() {
  std::string_view line;
  Event event = Event::more;
  if (!next_line(line, event)) return event;
  const auto size = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  const std::string_view rest = trimmed(line.substr(static_cast<std::size_t>(size.ptr - line.data())));
  if (size.ec != std::errc{} || (!rest.empty() && rest.front() != ';')) {
    return fail("the reply is not HTTP/1.1: a chunk's size is no number");
  }
  phase_ = left_ == 0 ? Phase::trailer : Phase::chunk_data;
  return Event::complete;
}

// `complete`: one line of trailers, or the empty one that ends the reply.
HttpReplyReader::Event HttpReplyReader::next_trailer() {
  std::string_view line;
  Event event = Event::more;
  if (!next_line(line, event)) return event;
  line_bytes_ += line.size();
  if (line_bytes_ > core::kHttpMaxReplyHeaderBytes) return fail("the reply's trailers are too long");
  if (line.empty()) {
    phase_ = Phase::done;
  } else if (!config::is_header_name(line.substr(0, std::min(line.find(':'), line.size()))) ||
             line.find(':') == std::string_view::npos) {
    return fail("the reply's trailers are not HTTP/1.1");
  }
  return Event::complete;
}

}  // namespace semroute::plugins

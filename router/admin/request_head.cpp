#include "router/admin/request_head.h"

#include <algorithm>

#include "config/header_rules.h"
#include "core/base/limits.h"

namespace semroute::router {
namespace {

using config::equal_ignoring_case;

constexpr std::string_view kEnd = "\r\n\r\n";

HeadVerdict refused(unsigned status, std::string_view reason) noexcept {
  return {.kind = HeadVerdict::Kind::refused, .bytes = 0, .status = status, .reason = reason};
}

bool is_letter(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Every CR and LF as a pair; no other control character but the tab. The last CR may wait for its LF.
bool has_clean_lines(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\r') {
      if (i + 1 < text.size() && text[i + 1] != '\n') return false;
    } else if (c == '\n') {
      if (i == 0 || text[i - 1] != '\r') return false;
    } else if ((c < 0x20 && c != '\t') || c == 0x7F) {
      return false;
    }
  }
  return true;
}

std::string_view take_line(std::string_view& rest) noexcept {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

std::string_view without_blanks(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_path(std::string_view target) noexcept {
  return target.starts_with('/') &&
         std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7F && c != '#'; });
}

struct Fields {
  std::size_t count = 0;
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t codings = 0;
  std::string_view length;
  std::string_view coding;

  // False: not a header line.
  bool add(std::string_view line) noexcept {
    ++count;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !config::is_header_name(line.substr(0, colon))) return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = without_blanks(line.substr(colon + 1));
    if (equal_ignoring_case(name, "host")) ++hosts;
    if (equal_ignoring_case(name, "content-length")) {
      ++lengths;
      length = value;
    }
    if (equal_ignoring_case(name, "transfer-encoding")) {
      ++codings;
      coding = value;
    }
    return true;
  }
};

HeadVerdict judge_fields(const Fields& fields, bool is_1_1, std::size_t bytes) noexcept {
  if (is_1_1 ? fields.hosts != 1 : fields.hosts > 1) return refused(400, "expected exactly one Host");
  if (fields.lengths > 1 || (fields.lengths == 1 && !config::is_content_length(fields.length)))
    return refused(400, "expected at most one Content-Length, and a number");
  if (fields.codings > 0 &&
      (fields.codings > 1 || fields.lengths > 0 || !is_1_1 || !equal_ignoring_case(fields.coding, "chunked")))
    return refused(400, "expected no Transfer-Encoding but one chunked, in HTTP/1.1 and without Content-Length");
  if (fields.length.find_first_not_of('0') != std::string_view::npos) return refused(413, "no request here has a body");
  return {.kind = HeadVerdict::Kind::whole, .bytes = bytes, .status = 0, .reason = {}};
}

}  // namespace

HeadVerdict judge_head(std::string_view received) noexcept {
  if (received.empty()) return {};
  if (!is_letter(received.front())) return refused(400, "expected an HTTP request");
  const std::size_t end = received.find(kEnd);
  const std::size_t bytes = end == std::string_view::npos ? received.size() : end + kEnd.size();
  if (bytes > core::kAdminMaxHeaderBytes) return refused(431, "the head is longer than 8 KiB");
  if (!has_clean_lines(received.substr(0, bytes)))
    return refused(400, "expected lines that end in CRLF, without control characters");
  if (end == std::string_view::npos) return {};

  std::string_view rest = received.substr(0, end + 2);
  const std::string_view request = take_line(rest);
  const std::size_t first = request.find(' ');
  const std::size_t last = request.rfind(' ');
  if (first == last) return refused(400, "expected a method, a path and a version");
  const std::string_view version = request.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refused(400, "expected HTTP/1.1 or HTTP/1.0");
  if (!is_path(request.substr(first + 1, last - first - 1))) return refused(400, "expected a path as the target");

  Fields fields;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.starts_with(' ') || line.starts_with('\t')) return refused(400, "folded header lines are refused");
    if (!fields.add(line)) return refused(400, "expected header lines of a name, ':' and a value");
    if (fields.count > core::kAdminMaxHeaders) return refused(431, "more than 100 header lines");
  }
  return judge_fields(fields, version == "HTTP/1.1", bytes);
}

}  // namespace semroute::router

#include "router/protocol/json_op_scan.h"

#include <cstddef>

namespace semroute::router {
namespace {

// Moves over the parts of an object; at the end of the text every part is cut short.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  bool take(char c) noexcept {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // The inside of a string that begins here, escapes as they are.
  std::optional<std::string_view> string() noexcept {
    if (!take('"')) return std::nullopt;
    const std::size_t begin = at_;
    for (; !at_end(); ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '"')
        return text_.substr(begin, at_++ - begin);
    }
    return std::nullopt;
  }
  // To the comma or brace after a value.
  void skip_value() noexcept {
    std::size_t depth = 0;
    while (!at_end()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!string()) return;
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}')) return;
      if (c == '[' || c == '{') ++depth;
      if (c == ']' || c == '}') {
        if (depth == 0) return;
        --depth;
      }
      ++at_;
    }
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Op> named_op(std::string_view begun_line) noexcept {
  Scan scan(begun_line);
  if (!scan.take('{')) return std::nullopt;
  do {
    const auto key = scan.string();
    if (!key || !scan.take(':')) return std::nullopt;
    if (*key != "op") {
      scan.skip_value();
      continue;
    }
    const auto word = scan.string();
    const OpEntry* entry = word ? find_op(*word) : nullptr;
    return entry == nullptr ? std::nullopt : std::optional(entry->op);
  } while (scan.take(','));
  return std::nullopt;
}

}  // namespace semroute::router

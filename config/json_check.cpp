#include "config/json_check.h"

#include <algorithm>

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include "config/any_json.h"
#include "core/base/limits.h"

namespace semroute::config {
namespace {

namespace json = boost::json;
using json::error_code;
using AnyHandler = AnyJson<error_code, json::string_view>;

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Walks over a text that is known to be JSON.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  [[nodiscard]] char next() {
    while (is_space(text_[at_])) ++at_;
    return text_[at_];
  }
  void step() { ++at_; }

  [[nodiscard]] std::string_view string() {
    const std::size_t begin = at_++;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // Up to the `,` or `}` that ends a member of the object that the walk is in.
  [[nodiscard]] std::string_view value() {
    const std::size_t begin = at_;
    for (std::size_t depth = 0; depth > 0 || (text_[at_] != ',' && text_[at_] != '}');) {
      const char c = text_[at_];
      if (c == '"') {
        (void)string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    }
    std::size_t end = at_;
    while (is_space(text_[end - 1])) --end;
    return text_.substr(begin, end - begin);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = core::kMaxJsonDepth;
  json::basic_parser<AnyHandler> parser(options);
  error_code ec;
  const std::size_t bytes = parser.write_some(false, text.data(), text.size(), ec);
  return !ec && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(bytes), text.end(), is_space);
}

std::optional<JsonMembers> json_members(std::string_view text) {
  if (!is_json(text)) return std::nullopt;
  Walker walker(text);
  if (walker.next() != '{') return std::nullopt;
  JsonMembers members;
  do {
    walker.step();
    if (walker.next() == '}') break;
    std::string key = *json_string_value(walker.string());
    (void)walker.next();
    walker.step();
    (void)walker.next();
    members.emplace_back(std::move(key), walker.value());
  } while (walker.next() == ',');
  return members;
}

std::optional<std::string> json_string_value(std::string_view text) {
  if (text.empty() || text.front() != '"') return std::nullopt;
  error_code ec;
  const json::value value = json::parse(text, ec);
  if (ec || !value.is_string()) return std::nullopt;
  return std::string(value.as_string());
}

}  // namespace semroute::config

#include "config/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/base/check.h"
#include "core/base/utf8.h"

namespace semroute::config {
namespace {

template <class Number>
void append_shortest(Number number, std::string& out) {
  SEMROUTE_CHECK(std::isfinite(number));
  std::array<char, 32> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD for bytes that are not UTF-8
  const auto is_plain = [](char c) { return c >= 0x20 && c != 0x7F && c != '"' && c != '\\'; };
  out += '"';
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto u = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (u >= 0x80) {
      length = core::utf8_length(text);
      out.append(length == 0 ? kReplacement : text.substr(0, length));
      length = std::max<std::size_t>(length, 1);
    } else if (u == '"' || u == '\\') {
      out += '\\';
      out += text.front();
    } else if (u == '\n') {
      out += "\\n";
    } else {
      out += "\\u00";
      out += kHex[u >> 4U];
      out += kHex[u & 15U];
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_json_number(double number, std::string& out) { append_shortest(number, out); }
void append_json_number(float number, std::string& out) { append_shortest(number, out); }

void append_json_value(const Value& value, std::string& out) {
  if (value.is_null()) {
    out += "null";
  } else if (const auto* b = value.boolean()) {
    out += *b ? "true" : "false";
  } else if (const auto* i = value.integer()) {
    out += std::to_string(*i);
  } else if (const auto* u = value.large_integer()) {
    out += std::to_string(*u);
  } else if (const auto* d = value.real()) {
    append_json_number(*d, out);
  } else if (const auto* s = value.string()) {
    append_json_string(*s, out);
  } else if (const auto* list = value.list()) {
    out += '[';
    for (std::size_t n = 0; n < list->size(); ++n) {
      if (n > 0) out += ',';
      append_json_value((*list)[n], out);
    }
    out += ']';
  } else if (const auto* map = value.map()) {
    out += '{';
    for (std::size_t n = 0; n < map->size(); ++n) {
      if (n > 0) out += ',';
      append_json_string((*map)[n].key, out);
      out += ':';
      append_json_value((*map)[n].value, out);
    }
    out += '}';
  }
}

}  // namespace semroute::config

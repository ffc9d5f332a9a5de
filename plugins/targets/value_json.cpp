#include "plugins/targets/value_json.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace semroute::plugins {
namespace {

void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0x0fU];
    } else {
      out += c;
    }
  }
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number number) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), number).ptr;
  out.append(text, end);
}

bool append(std::string& out, const config::Value& value) {
  if (value.is_null()) {
    out += "null";
  } else if (const bool* boolean = value.boolean()) {
    out += *boolean ? "true" : "false";
  } else if (const std::int64_t* integer = value.integer()) {
    append_number(out, *integer);
  } else if (const double* real = value.real()) {
    if (!std::isfinite(*real)) return false;
    append_number(out, *real);
  } else if (const std::string* text = value.string()) {
    append_string(out, *text);
  } else if (const config::Value::List* list = value.list()) {
    out += '[';
    for (const config::Value& element : *list) {
      if (&element != list->data()) out += ',';
      if (!append(out, element)) return false;
    }
    out += ']';
  } else if (const config::Value::Map* map = value.map()) {
    out += '{';
    for (const config::Member& member : *map) {
      if (&member != map->data()) out += ',';
      append_string(out, member.key);
      out += ':';
      if (!append(out, member.value)) return false;
    }
    out += '}';
  }
  return true;
}

}  // namespace

std::optional<std::string> to_json(const config::Value& value) {
  std::string text;
  if (!append(text, value)) return std::nullopt;
  return text;
}

}  // namespace semroute::plugins

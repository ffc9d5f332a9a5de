#include "config/map_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "config/json_text.h"
#include "config/scalar.h"
#include "core/base/utf8.h"

namespace semroute::config {
namespace {

constexpr std::size_t kMaxFoundBytes = 60;  // of a value shown in a message

std::string range_text(std::string_view least, std::string_view most) {
  return std::string(least) + ".." + std::string(most);
}

std::string joined(const std::vector<std::string_view>& words, std::string_view separator) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

// "targets[0].url" as "targets[].url".
std::string without_positions(std::string_view path) {
  std::string text;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) text += c;
    if (c == '[') inside = true;
  }
  return text;
}

// A long text would spoil the line that a message is.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, kMaxFoundBytes));
  // A cut may leave half a character behind.
  while (!core::is_utf8(result)) result.pop_back();
  result = printable(std::move(result));
  return text.size() > kMaxFoundBytes ? result + "..." : result;
}

}  // namespace

std::string found_text(const Value& value) {
  if (value.is_null()) return "nothing";
  if (value.list() != nullptr || value.map() != nullptr) return std::string(value.type_name());
  if (value.string() == nullptr) {
    std::string text = value.text;  // as it was written; JSON does not keep that
    if (text.empty()) append_json_value(value, text);
    return text;
  }
  return '"' + shown(value.text.empty() ? *value.string() : value.text) + '"';
}

MapReader::MapReader(const Value& value, std::string path, Diagnostics& diagnostics, KeyCatalogue* catalogue)
    : value_(value), path_(std::move(path)), diagnostics_(diagnostics), catalogue_(catalogue) {
  if (value_.map() == nullptr) {
    diagnostics_.error(value_.place, path_, "expected a map, found " + found_text(value_));
  }
}

std::string MapReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

Place MapReader::place_of(std::string_view key) const {
  const Value* member = value_.find(key);
  return member != nullptr ? member->place : value_.place;
}

void MapReader::error(std::string_view key, std::string message) {
  diagnostics_.error(place_of(key), path_of(key), std::move(message));
}

void MapReader::mistaken(std::string_view key, std::string_view expected, const Value& found) {
  diagnostics_.error(found.place, path_of(key), "expected " + std::string(expected) + ", found " + found_text(found));
}

void MapReader::missing(std::string_view key, std::string_view expected) {
  if (value_.map() == nullptr) return;  // reported already, once for all keys
  error(key, "is required: expected " + std::string(expected) + ", found nothing");
}

const Value* MapReader::ask(std::string_view key, std::string_view type, std::string_view range,
                            std::string_view fallback) {
  asked_.emplace(key);
  if (catalogue_ != nullptr) {
    catalogue_->add({without_positions(path_of(key)), std::string(type), std::string(range), std::string(fallback)});
  }
  return value_.find(key);
}

const Value* MapReader::raw(std::string_view key, std::string_view type, std::string_view range,
                            std::string_view fallback) {
  return ask(key, type, range, fallback);
}

std::optional<std::string> MapReader::string(std::string_view key) {
  const Value* value = ask(key, "string", {}, {});
  if (value == nullptr) return std::nullopt;
  if (value->string() != nullptr) return *value->string();
  mistaken(key, value->is_scalar() ? "a string (quote it)" : "a string", *value);
  return std::nullopt;
}

std::string MapReader::required_string(std::string_view key) {
  const Value* value = ask(key, "string", {}, "required");
  if (value == nullptr) {
    missing(key, "a string");
    return {};
  }
  if (value->string() != nullptr && value->string()->empty()) {
    error(key, "expected a string that is not empty, found \"\"");
    return {};
  }
  return string(key).value_or("");
}

std::string MapReader::one_of(std::string_view key, std::vector<std::string_view> words, std::string_view fallback) {
  const Value* value = ask(key, "word", joined(words, ", "), fallback);
  if (value == nullptr) return std::string(fallback);
  if (value->string() != nullptr && std::ranges::find(words, *value->string()) != words.end()) return *value->string();
  mistaken(key, "one of " + joined(words, " | "), *value);
  return std::string(fallback);
}

bool MapReader::boolean(std::string_view key, bool fallback) {
  const Value* value = ask(key, "boolean", {}, fallback ? "true" : "false");
  if (value == nullptr) return fallback;
  if (value->boolean() != nullptr) return *value->boolean();
  mistaken(key, "true or false", *value);
  return fallback;
}

std::optional<std::int64_t> MapReader::checked_integer(std::string_view key, const Value& value, std::int64_t least,
                                                       std::int64_t most) {
  const std::int64_t* integer = value.integer();
  if (integer != nullptr && *integer >= least && *integer <= most) return *integer;
  const std::string range = range_text(std::to_string(least), std::to_string(most));
  const bool is_whole = value.real() != nullptr && *value.real() == std::trunc(*value.real());  // 1.0
  mistaken(key, "an integer " + range + (is_whole ? ", written without a point" : ""), value);
  return std::nullopt;
}

std::int64_t MapReader::integer(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most) {
  const Value* value =
      ask(key, "integer", range_text(std::to_string(least), std::to_string(most)), std::to_string(fallback));
  if (value == nullptr) return fallback;
  return checked_integer(key, *value, least, most).value_or(fallback);
}

std::int64_t MapReader::required_integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const std::string range = range_text(std::to_string(least), std::to_string(most));
  const Value* value = ask(key, "integer", range, "required");
  if (value == nullptr) {
    missing(key, "an integer " + range);
    return least;
  }
  return checked_integer(key, *value, least, most).value_or(least);
}

double MapReader::number(std::string_view key, double fallback, double least, double most) {
  const bool is_open = most == std::numeric_limits<double>::max();
  const std::string range =
      is_open ? "at least " + format_number(least) : range_text(format_number(least), format_number(most));
  const Value* value = ask(key, "number", range, format_number(fallback));
  if (value == nullptr) return fallback;
  if (const auto number = value->number(); number && *number >= least && *number <= most) return *number;
  mistaken(key, "a number " + range, *value);
  return fallback;
}

std::optional<double> MapReader::optional_number(std::string_view key, std::string_view fallback) {
  const Value* value = ask(key, "number", "any finite", fallback);
  if (value == nullptr) return std::nullopt;
  if (const auto number = value->number()) return number;
  mistaken(key, "a finite number", *value);
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> MapReader::checked_duration(std::string_view key, const Value& value,
                                                                     std::string_view range,
                                                                     std::chrono::milliseconds least,
                                                                     std::chrono::milliseconds most) {
  const auto parsed = value.string() != nullptr ? parse_duration(*value.string()) : std::nullopt;
  if (parsed && *parsed >= least && *parsed <= most) return parsed;
  mistaken(key, "a duration " + std::string(range) + (parsed ? "" : " such as 250ms, 2s, 1m"), value);
  return std::nullopt;
}

std::chrono::milliseconds MapReader::duration(std::string_view key, std::chrono::milliseconds fallback,
                                              std::chrono::milliseconds least, std::chrono::milliseconds most) {
  const std::string range = range_text(format_duration(least), format_duration(most));
  const Value* value = ask(key, "duration", range, format_duration(fallback));
  return value == nullptr ? fallback : checked_duration(key, *value, range, least, most).value_or(fallback);
}

std::optional<std::chrono::milliseconds> MapReader::optional_duration(std::string_view key,
                                                                      std::chrono::milliseconds least,
                                                                      std::chrono::milliseconds most) {
  const std::string range = range_text(format_duration(least), format_duration(most));
  const Value* value = ask(key, "duration", range, {});
  return value == nullptr ? std::nullopt : checked_duration(key, *value, range, least, most);
}

std::optional<std::size_t> MapReader::checked_size(std::string_view key, const Value& value, std::string_view range,
                                                   std::size_t least, std::size_t most) {
  std::optional<std::size_t> parsed;
  if (value.string() != nullptr) parsed = parse_size(*value.string());
  if (value.integer() != nullptr && *value.integer() >= 0) parsed = static_cast<std::size_t>(*value.integer());
  if (parsed && *parsed >= least && *parsed <= most) return parsed;
  mistaken(key, "a size " + std::string(range) + (parsed ? "" : " such as 64KiB, 1MiB"), value);
  return std::nullopt;
}

std::size_t MapReader::size(std::string_view key, std::size_t fallback, std::size_t least, std::size_t most) {
  const std::string range = range_text(format_size(least), format_size(most));
  const Value* value = ask(key, "size", range, format_size(fallback));
  return value == nullptr ? fallback : checked_size(key, *value, range, least, most).value_or(fallback);
}

std::optional<std::size_t> MapReader::optional_size(std::string_view key, std::size_t least, std::size_t most) {
  const std::string range = range_text(format_size(least), format_size(most));
  const Value* value = ask(key, "size", range, {});
  return value == nullptr ? std::nullopt : checked_size(key, *value, range, least, most);
}

std::vector<std::string> MapReader::strings(std::string_view key) {
  std::vector<std::string> result;
  const Value::List& list = elements(key, "list of strings");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].string() != nullptr) {
      result.push_back(*list[i].string());
    } else {
      mistaken(std::string(key) + '[' + std::to_string(i) + ']', "a string", list[i]);
    }
  }
  return result;
}

std::vector<Member> MapReader::string_map(std::string_view key) {
  const Value* value = ask(key, "map of strings", {}, {});
  if (value == nullptr) return {};
  if (value->map() == nullptr) {
    mistaken(key, "a map of strings", *value);
    return {};
  }
  for (const Member& member : *value->map()) {
    if (member.value.string() == nullptr) mistaken(std::string(key) + '.' + member.key, "a string", member.value);
  }
  return *value->map();
}

const Value& MapReader::section(std::string_view key) {
  const Value* value = ask(key, "map", {}, {});
  return value != nullptr ? *value : absent_.emplace_back(Value{Value::Map{}, value_.place, {}});
}

const Value::List& MapReader::elements(std::string_view key, std::string_view type, std::string_view range) {
  static const Value::List kNone;
  const Value* value = ask(key, type, range, {});
  if (value == nullptr) return kNone;
  if (value->list() != nullptr) return *value->list();
  mistaken(key, "a list", *value);
  return kNone;
}

void MapReader::not_in_this_version(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (ask(key, kLaterKey, {}, {}) != nullptr) error(key, "is known, not in this version");
  }
}

void MapReader::finish() {
  if (value_.map() == nullptr) return;
  for (const Member& member : *value_.map()) {
    if (asked_.contains(member.key)) continue;
    const std::string_view meant = nearest_word(member.key, asked_);
    std::string message = "unknown key";
    if (!meant.empty()) message += "; did you mean " + std::string(meant) + '?';
    diagnostics_.error(member.key_place, path_of(member.key), std::move(message));
  }
}

}  // namespace semroute::config

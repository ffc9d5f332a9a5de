// Value: a YAML or JSON value as a tree whose nodes know their place in the file.
//
// What the YAML reader makes and the typed configuration is read from; also route metadata and
// the own keys of a target, which its kind reads. Equality compares type and content, not places;
// an integer equals a real of the same value. Member order is kept. Integers are those of 64 bits, signed or not: over
// INT64_MAX they are kept unsigned, so that every integer has one form.
// Threads: a plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/diagnostic.h"

namespace semroute::config {

struct Member;

struct Value {
  using List = std::vector<Value>;
  using Map = std::vector<Member>;

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, List, Map> data;
  Place place;
  std::string text;  // a scalar as it was written, for messages; empty for lists and maps

  [[nodiscard]] bool is_null() const noexcept { return data.index() == 0; }
  [[nodiscard]] const bool* boolean() const noexcept { return std::get_if<bool>(&data); }
  [[nodiscard]] const std::int64_t* integer() const noexcept { return std::get_if<std::int64_t>(&data); }
  // One over INT64_MAX.
  [[nodiscard]] const std::uint64_t* large_integer() const noexcept { return std::get_if<std::uint64_t>(&data); }
  [[nodiscard]] const double* real() const noexcept { return std::get_if<double>(&data); }
  [[nodiscard]] const std::string* string() const noexcept { return std::get_if<std::string>(&data); }
  [[nodiscard]] const List* list() const noexcept { return std::get_if<List>(&data); }
  [[nodiscard]] const Map* map() const noexcept { return std::get_if<Map>(&data); }

  // Of an integer or a real, the nearest float64.
  [[nodiscard]] std::optional<double> number() const noexcept;
  [[nodiscard]] bool is_scalar() const noexcept { return !is_null() && list() == nullptr && map() == nullptr; }

  // The member's value, or nullptr when this is no map or has no such key. O(members).
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;

  // "a string", "an integer", "a list", ...
  [[nodiscard]] std::string_view type_name() const noexcept;
};

struct Member {
  std::string key;
  Place key_place;
  Value value;
};

[[nodiscard]] bool operator==(const Value& a, const Value& b);
[[nodiscard]] bool operator==(const Member& a, const Member& b);

}  // namespace semroute::config

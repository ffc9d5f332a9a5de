#include "config/value.h"

#include <algorithm>

namespace semroute::config {
namespace {

// Exact: a 64-bit integer above 2^53 equals a real only when the real holds the very same integer.
bool same_number(std::int64_t integer, double real) noexcept {
  if (!(real >= -9223372036854775808.0 && real < 9223372036854775808.0)) return false;
  const auto truncated = static_cast<std::int64_t>(real);
  return truncated == integer && static_cast<double>(truncated) == real;
}

// The same of one over INT64_MAX.
bool same_number(std::uint64_t integer, double real) noexcept {
  if (!(real >= 9223372036854775808.0 && real < 18446744073709551616.0)) return false;
  return static_cast<std::uint64_t>(real) == integer;  // a real as large as this is whole
}

bool same_number(const Value& integer, double real) noexcept {
  if (const auto* large = integer.large_integer()) return same_number(*large, real);
  return integer.integer() != nullptr && same_number(*integer.integer(), real);
}

// Keys are unique, so equal sizes and every key of one found in the other is equality.
bool same_members(const Value::Map& a, const Value::Map& b) {
  if (a.size() != b.size()) return false;
  return std::ranges::all_of(a, [&b](const Member& member) {
    const auto found = std::ranges::find(b, member.key, &Member::key);
    return found != b.end() && found->value == member.value;
  });
}

}  // namespace

const Value* Value::find(std::string_view key) const noexcept {
  const Map* members = map();
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find(*members, key, &Member::key);
  return found == members->end() ? nullptr : &found->value;
}

std::optional<double> Value::number() const noexcept {
  if (const auto* whole = integer()) return static_cast<double>(*whole);
  if (const auto* large = large_integer()) return static_cast<double>(*large);
  if (const auto* fraction = real()) return *fraction;
  return std::nullopt;
}

std::string_view Value::type_name() const noexcept {
  switch (data.index()) {
    case 0: return "null";
    case 1: return "a boolean";
    case 2:
    case 3: return "an integer";
    case 4: return "a number";
    case 5: return "a string";
    case 6: return "a list";
    default: return "a map";
  }
}

bool operator==(const Value& a, const Value& b) {
  if (a.real() != nullptr && b.real() == nullptr) return same_number(b, *a.real());
  if (b.real() != nullptr && a.real() == nullptr) return same_number(a, *b.real());
  if (a.data.index() != b.data.index()) return false;
  if (a.map() != nullptr) return same_members(*a.map(), *b.map());
  return a.data == b.data;
}

bool operator==(const Member& a, const Member& b) { return a.key == b.key && a.value == b.value; }

}  // namespace semroute::config

#include "config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "core/base/limits.h"
#include "core/base/utf8.h"

namespace semroute::config {
namespace {

constexpr std::size_t kLongestWhole = 320;  // digits of a float64, and its sign

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view without_sign(std::string_view text) noexcept {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

std::size_t count_digits(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

enum class Shape { integer, real, other };

// The core schema's [-+]?[0-9]+ and [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
Shape shape_of(std::string_view text) noexcept {
  text = without_sign(text);
  const std::size_t whole = count_digits(text);
  text.remove_prefix(whole);
  if (text.empty()) return whole > 0 ? Shape::integer : Shape::other;
  std::size_t fraction = 0;
  if (text.front() == '.') {
    text.remove_prefix(1);
    fraction = count_digits(text);
    text.remove_prefix(fraction);
  }
  if (whole + fraction == 0) return Shape::other;
  if (text.empty()) return Shape::real;
  if (text.front() != 'e' && text.front() != 'E') return Shape::other;
  text = without_sign(text.substr(1));
  return !text.empty() && count_digits(text) == text.size() ? Shape::real : Shape::other;
}

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> words) noexcept {
  return std::ranges::find(words, text) != words.end();
}

bool has_radix_prefix(std::string_view text) noexcept {
  return text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o') &&
         std::ranges::all_of(text.substr(2),
                             [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

core::Error refused(std::string message) { return {core::ErrorCode::bad_request, std::move(message)}; }

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

core::Result<Value> parse_number(std::string_view text, Shape shape) {
  const std::string_view digits = without_sign(text);
  if (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1])) {
    return refused("a number with a leading zero is ambiguous: write it without, or quote it as a string, found " +
                   std::string(text));
  }
  const std::string_view unsigned_plus = text.front() == '+' ? digits : text;
  const char* const end = unsigned_plus.data() + unsigned_plus.size();
  Value value;
  if (shape == Shape::integer) {
    if (read_integer(unsigned_plus, value)) return value;
    return refused("expected an integer of 64 bits, or one that a float64 holds exactly, found " + std::string(text));
  }
  double real = 0.0;
  if (std::from_chars(unsigned_plus.data(), end, real).ec != std::errc{} || !std::isfinite(real)) {
    return refused("expected a number that fits a float64, found " + std::string(text));
  }
  value.data = real;
  return value;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// Largest first, as the writers pick the largest that divides.
constexpr std::array<Unit, 4> kDurationUnits{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizeUnits{{{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"", 1}}};

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  const std::size_t digits = count_digits(text);
  if (digits == 0 || (digits > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t number = 0;
  if (std::from_chars(text.data(), text.data() + digits, number).ec != std::errc{}) return std::nullopt;
  const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (unit == units.end() || number > kMost / unit->factor) return std::nullopt;
  return number * unit->factor;
}

std::string format_with_unit(std::uint64_t number, std::span<const Unit> units) {
  const auto unit = std::ranges::find_if(units, [number](const Unit& u) { return number % u.factor == 0; });
  return std::to_string(number / unit->factor) + std::string(unit->name);
}

}  // namespace

bool read_integer(std::string_view digits, Value& out) {
  const char* const end = digits.data() + digits.size();
  std::int64_t integer = 0;
  if (const auto [at, status] = std::from_chars(digits.data(), end, integer); status == std::errc{} && at == end) {
    out.data = integer;
    return true;
  }
  std::uint64_t large = 0;
  if (const auto [at, status] = std::from_chars(digits.data(), end, large); status == std::errc{} && at == end) {
    out.data = large;
    return true;
  }
  double real = 0.0;
  if (const auto [at, status] = std::from_chars(digits.data(), end, real); status != std::errc{} || at != end)
    return false;
  std::array<char, kLongestWhole> whole{};
  const auto written = std::to_chars(whole.data(), whole.data() + whole.size(), real, std::chars_format::fixed, 0);
  if (std::string_view(whole.data(), written.ptr) != digits) return false;
  out.data = real;
  return true;
}

core::Result<Value> parse_plain_scalar(std::string_view text) {
  Value value;
  value.text = std::string(text);
  if (text.empty() || is_any_of(text, {"~", "null", "Null", "NULL"})) return value;
  if (is_any_of(text, {"true", "True", "TRUE"})) {
    value.data = true;
    return value;
  }
  if (is_any_of(text, {"false", "False", "FALSE"})) {
    value.data = false;
    return value;
  }
  if (is_any_of(without_sign(text), {".inf", ".Inf", ".INF"}) || is_any_of(text, {".nan", ".NaN", ".NAN"})) {
    return refused("expected a finite number, found " + value.text);
  }
  if (has_radix_prefix(text)) {
    return refused("expected a decimal number, or a quoted string, found " + value.text);
  }
  const Shape shape = shape_of(text);
  if (shape == Shape::other) {
    value.data = value.text;
    return value;
  }
  core::Result<Value> number = parse_number(text, shape);
  if (number.ok()) number->text = value.text;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto count = parse_with_unit(text, kDurationUnits);
  if (!count) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*count)};
}

std::string format_duration(std::chrono::milliseconds duration) {
  if (duration.count() == 0) return "0s";
  return format_with_unit(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
}

std::optional<std::size_t> parse_size(std::string_view text) {
  const auto bytes = parse_with_unit(text, kSizeUnits);
  if (!bytes) return std::nullopt;
  return static_cast<std::size_t>(*bytes);
}

std::string format_size(std::size_t bytes) {
  if (bytes == 0) return "0";
  return format_with_unit(bytes, kSizeUnits);
}

std::string format_number(double number) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return {buffer.data(), result.ptr};
}

std::string printable(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) text[i] = ' ';
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      text[i] = text[i + 1] = ' ';
  }
  return text;
}

std::optional<std::string> name_problem(std::string_view name) {
  if (name.empty() || name.size() > core::kMaxNameBytes) {
    return "expected a name of 1.." + std::to_string(core::kMaxNameBytes) + " bytes, found " +
           std::to_string(name.size());
  }
  if (!core::is_utf8(name)) return "expected a name in UTF-8";
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const bool c1 = byte == 0xC2 && static_cast<unsigned char>(name[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || c1) return "expected a name without control characters";
    if (byte == '/') return "expected a name without '/', found " + quoted(name);
  }
  return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace semroute::config

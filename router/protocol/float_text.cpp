#include "router/protocol/float_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "core/base/base64.h"

namespace semroute::router {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are copied from little-endian bytes");

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// A flag in the high bit of each of eight characters that is no digit, and right up to the first such: the bytes
// before that one are digits, so that neither sum carries into it.
std::uint64_t flag_others(std::uint64_t word) {
  return ((word + 0x4646464646464646U) | (word - 0x3030303030303030U)) & 0x8080808080808080U;
}

// The number that the first `count` (0..8) characters write: D. Lemire, "Number Parsing at a Gigabyte per
// Second", Software: Practice and Experience 51(8), 2021, section 3. Fewer than eight move up behind zeros.
std::uint64_t number_of(std::uint64_t word, unsigned count) {
  const unsigned half = 32 - 4 * count;  // twice, as a word cannot be shifted by all of its bits
  word = (word & 0x0F0F0F0F0F0F0F0FU) << half << half;
  word = word * 10 + (word >> 8);
  return (((word & 0x000000FF000000FFU) * 0x000F424000000064U) +
          (((word >> 16) & 0x000000FF000000FFU) * 0x0000271000000001U)) >>
         32;
}

constexpr std::array<std::uint64_t, 9> kWholePowersOfTen = {1,       10,        100,        1'000,      10'000,
                                                            100'000, 1'000'000, 10'000'000, 100'000'000};

// A number's parts: mantissa * 10^exponent, unless its digits were too many for 64 bits.
struct Decimal {
  std::uint64_t mantissa = 0;
  std::int64_t exponent = 0;
  bool negative = false;
  bool too_long = false;

  // Precondition: `number` has `digits` digits.
  void append(std::uint64_t number, unsigned digits) {
    const std::uint64_t power = kWholePowersOfTen[digits];
    too_long |= mantissa > kMost[digits];
    mantissa = mantissa * power + number;
  }

 private:
  // The largest mantissa that has room for that many digits more.
  static constexpr std::array<std::uint64_t, 9> kMost = [] {
    std::array<std::uint64_t, 9> most{};
    for (std::size_t i = 0; i < most.size(); ++i)
      most[i] = (std::numeric_limits<std::uint64_t>::max() - (kWholePowersOfTen[i] - 1)) / kWholePowersOfTen[i];
    return most;
  }();
};

// Appends the digits at `p`; returns the first character that is none. How long a number is cannot be foretold, so
// its last digits, however many, take the same path through the code.
[[gnu::always_inline]] inline const char* scan_digits(const char* p, const char* end, Decimal& decimal) {
  while (end - p >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    const std::uint64_t others = flag_others(word);
    if (others != 0) {
      const unsigned count = static_cast<unsigned>(std::countr_zero(others)) / 8;
      decimal.append(number_of(word, count), count);
      return p + count;
    }
    decimal.append(number_of(word, 8), 8);
    p += 8;
  }
  for (; p < end && is_digit(*p); ++p) decimal.append(static_cast<std::uint64_t>(*p - '0'), 1);
  return p;
}

constexpr std::int64_t kExponentCap = 1'000'000'000;  // far over any length of line

// Reads one JSON number; null when the text is none.
const char* scan_decimal(const char* p, const char* end, Decimal& decimal) {
  if (p == end) return nullptr;
  decimal.negative = *p == '-';
  p += static_cast<std::ptrdiff_t>(decimal.negative);  // no branch: every other number of a vector is below zero
  if (p == end || !is_digit(*p)) return nullptr;
  if (*p == '0') {
    ++p;
    if (p < end && is_digit(*p)) return nullptr;
  } else {
    p = scan_digits(p, end, decimal);
  }
  if (p < end && *p == '.') {
    const char* const fraction = p + 1;
    p = scan_digits(fraction, end, decimal);
    if (p == fraction) return nullptr;
    decimal.exponent = fraction - p;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool below = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p == end || !is_digit(*p)) return nullptr;
    std::int64_t exponent = 0;
    for (; p < end && is_digit(*p); ++p) {
      if (exponent < kExponentCap) exponent = exponent * 10 + (*p - '0');
    }
    decimal.exponent += below ? -exponent : exponent;
  }
  return p;
}

// Whether a number that is not zero is 1 or more: its first digit that is not 0 stands for digit * 10^power.
bool is_large(const char* p, const char* end) {
  if (*p == '-') ++p;
  const char* const point = std::find_if_not(p, end, is_digit);
  const char* first = std::find_if(p, end, [](char c) { return c >= '1' && c <= '9'; });
  std::int64_t power = first < point ? point - first - 1 : point - first;
  const char* e = std::find_if(point, end, [](char c) { return c == 'e' || c == 'E'; });
  std::int64_t exponent = 0;
  const bool below = end - e > 1 && e[1] == '-';
  for (; e < end; ++e) {
    if (is_digit(*e) && exponent < kExponentCap) exponent = exponent * 10 + (*e - '0');
  }
  return power + (below ? -exponent : exponent) >= 0;
}

// The rare numbers: over 19 digits, far exponents, or too near the middle of two floats.
float round_slowly(const char* begin, const char* end, bool negative) {
  float value = 0.0F;
  if (std::from_chars(begin, end, value).ec == std::errc{}) return value;
  // Out of range: either too large, or so small that it is zero.
  const float limit = is_large(begin, end) ? std::numeric_limits<float>::infinity() : 0.0F;
  return negative ? -limit : limit;
}

// The nearest float32; infinite when there is none.
float round_to_float(const char* begin, const char* end, const Decimal& decimal) {
  if (decimal.too_long || decimal.exponent < -22 || decimal.exponent > 22)
    return round_slowly(begin, end, decimal.negative);
  // Rounding the mantissa and one division or multiplication by an exact power of ten: the result is
  // within two units in the last place of float64, so its float32 is right unless it
  // lies that near the middle of two neighbours.
  double value = static_cast<double>(decimal.mantissa);
  value = decimal.exponent < 0 ? value / kPowersOfTen[static_cast<std::size_t>(-decimal.exponent)]
                               : value * kPowersOfTen[static_cast<std::size_t>(decimal.exponent)];
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 28;
  const std::uint64_t below_float = std::bit_cast<std::uint64_t>(value) & ((std::uint64_t{1} << 29) - 1);
  if (below_float - (kHalf - 4) <= 8 || value > static_cast<double>(std::numeric_limits<float>::max()))
    return round_slowly(begin, end, decimal.negative);
  const auto magnitude = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return std::bit_cast<float>(magnitude | std::uint32_t{decimal.negative} << 31U);
}

const char* skip_space(const char* p, const char* end) {
  while (p < end && is_space(*p)) ++p;
  return p;
}

}  // namespace

FloatScan scan_float_array(std::string_view text, std::vector<float>& out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  FloatScan scan;
  std::array<float, 256> chunk{};
  std::size_t filled = 0;
  const auto flush = [&] {
    out.insert(out.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(filled));
    filled = 0;
  };
  const auto fail = [&](FloatFault fault, std::size_t number) {
    scan.fault = fault;
    scan.number = number;
    return scan;
  };
  if (p == end || *p != '[') return fail(FloatFault::not_an_array, 0);
  p = skip_space(p + 1, end);
  if (p < end && *p == ']') {
    scan.bytes = static_cast<std::size_t>(p + 1 - text.data());
    return scan;
  }
  for (std::size_t number = 0;; ++number) {
    p = skip_space(p, end);
    Decimal decimal;
    const char* const begin = p;
    p = scan_decimal(p, end, decimal);
    if (p == nullptr) return fail(FloatFault::not_an_array, number);
    const float value = round_to_float(begin, p, decimal);
    if (std::isinf(value) && scan.fault == FloatFault::none) {
      scan.source = std::string_view(begin, static_cast<std::size_t>(p - begin));
      (void)fail(FloatFault::out_of_range, number);
    }
    chunk[filled++] = value;
    if (filled == chunk.size()) flush();
    p = skip_space(p, end);
    if (p == end) return fail(FloatFault::not_an_array, number);
    if (*p == ',') {
      ++p;
      continue;
    }
    if (*p != ']') return fail(FloatFault::not_an_array, number);
    break;
  }
  flush();
  scan.bytes = static_cast<std::size_t>(p + 1 - text.data());
  return scan;
}

FloatScan decode_float_base64(std::string_view text, std::vector<float>& out) {
  FloatScan scan;
  const std::size_t bytes = core::base64_bytes(text);
  const std::size_t first = out.size();
  out.resize(first + (bytes + sizeof(float) - 1) / sizeof(float));
  const auto room = std::as_writable_bytes(std::span(out).subspan(first)).first(bytes);
  const auto fault = core::decode_base64(text, room);
  scan.bytes = fault.value_or(text.size());
  if (fault) {
    scan.fault = FloatFault::not_base64;
  } else if (bytes % sizeof(float) != 0) {
    scan.fault = FloatFault::not_float_size;
  }
  return scan;
}

std::size_t first_not_finite(const float* values, std::size_t count) {
  constexpr std::uint32_t kExponent = 0x7F80'0000;
  // A block of fixed length is what compilers turn into a few instructions.
  std::array<std::uint32_t, 64> bits{};
  std::size_t i = 0;
  for (; count - i >= bits.size(); i += bits.size()) {
    std::memcpy(bits.data(), values + i, sizeof bits);
    std::uint32_t any = 0;
    for (const std::uint32_t one : bits) any |= (one & kExponent) == kExponent ? 1U : 0U;
    if (any != 0) break;
  }
  while (i < count && std::isfinite(values[i])) ++i;
  return i;
}

}  // namespace semroute::router

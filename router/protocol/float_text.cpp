#include "router/protocol/float_text.h"

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

// Eight digits at once within one word: D. Lemire, "Number Parsing at a Gigabyte per Second",
// Software: Practice and Experience 51(8), 2021, section 3.
bool eight_digits(const char* p, std::uint64_t& value) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, 8);
  if ((((word + 0x4646464646464646U) | (word - 0x3030303030303030U)) & 0x8080808080808080U) != 0) return false;
  word -= 0x3030303030303030U;
  word = word * 10 + (word >> 8);
  value = (((word & 0x000000FF000000FFU) * 0x000F424000000064U) +
           (((word >> 16) & 0x000000FF000000FFU) * 0x0000271000000001U)) >>
          32;
  return true;
}

// A number's parts: mantissa * 10^exponent, when `digits` significant digits fit in 64 bits.
struct Decimal {
  std::uint64_t mantissa = 0;
  std::int64_t exponent = 0;
  std::int64_t digits = 0;         // significant ones
  std::int64_t leading_power = 0;  // the first significant digit stands for digit * 10^(leading_power - 1)
  bool negative = false;
};

constexpr std::int64_t kExponentCap = 1'000'000'000;  // far over any length of line

// Reads one JSON number; null when the text is none.
const char* scan_decimal(const char* p, const char* end, Decimal& decimal) {
  decimal.negative = p < end && *p == '-';
  if (decimal.negative) ++p;
  if (p == end || !is_digit(*p)) return nullptr;
  std::uint64_t mantissa = 0;
  const char* const integer = p;
  if (*p == '0') {
    ++p;
    if (p < end && is_digit(*p)) return nullptr;
  } else {
    for (; p < end && is_digit(*p); ++p) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
    decimal.digits = p - integer;
    decimal.leading_power = decimal.digits;
  }
  if (p < end && *p == '.') {
    ++p;
    const char* const fraction = p;
    if (decimal.digits == 0) {
      while (p < end && *p == '0') ++p;
      decimal.leading_power = -(p - fraction);
    }
    const char* const significant = p;
    std::uint64_t eight = 0;
    while (end - p >= 8 && eight_digits(p, eight)) {
      mantissa = mantissa * 100'000'000U + eight;
      p += 8;
    }
    for (; p < end && is_digit(*p); ++p) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
    if (p == fraction) return nullptr;
    decimal.digits += p - significant;
    decimal.exponent = -(p - fraction);
  }
  decimal.mantissa = mantissa;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool below = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p == end || !is_digit(*p)) return nullptr;
    std::int64_t exponent = 0;
    for (; p < end && is_digit(*p); ++p) {
      if (exponent < kExponentCap) exponent = exponent * 10 + (*p - '0');
    }
    if (below) exponent = -exponent;
    decimal.exponent += exponent;
    decimal.leading_power += exponent;
  }
  return p;
}

// The rare numbers: over 19 digits, far exponents, or too near the middle of two floats.
float round_slowly(const char* begin, const char* end, const Decimal& decimal) {
  float value = 0.0F;
  if (std::from_chars(begin, end, value).ec == std::errc{}) return value;
  // Out of range: either too large, or so small that it is zero.
  const float limit = decimal.leading_power > 0 ? std::numeric_limits<float>::infinity() : 0.0F;
  return decimal.negative ? -limit : limit;
}

// The nearest float32; infinite when there is none.
float round_to_float(const char* begin, const char* end, const Decimal& decimal) {
  if (decimal.digits > 19 || decimal.exponent < -22 || decimal.exponent > 22) return round_slowly(begin, end, decimal);
  // Rounding the mantissa and one division or multiplication by an exact power of ten: the result is
  // within two units in the last place of float64, so its float32 is right unless it
  // lies that near the middle of two neighbours.
  double value = static_cast<double>(decimal.mantissa);
  value = decimal.exponent < 0 ? value / kPowersOfTen[static_cast<std::size_t>(-decimal.exponent)]
                               : value * kPowersOfTen[static_cast<std::size_t>(decimal.exponent)];
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 28;
  const std::uint64_t below_float = std::bit_cast<std::uint64_t>(value) & ((std::uint64_t{1} << 29) - 1);
  if (below_float - (kHalf - 4) <= 8 || value > static_cast<double>(std::numeric_limits<float>::max()))
    return round_slowly(begin, end, decimal);
  return static_cast<float>(decimal.negative ? -value : value);
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

#include "core/base/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define SEMROUTE_CRC_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#if defined(__clang__)
#define SEMROUTE_CRC_TARGET __attribute__((target("crc")))
#else
#define SEMROUTE_CRC_TARGET __attribute__((target("+crc")))
#endif
#endif

namespace semroute::core {
namespace {

static_assert(std::endian::native == std::endian::little, "words are fed as they lie in memory");

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // Castagnoli's, bits reversed

// kTables[k][b]: the register after byte b and k zero bytes.
constexpr auto kTables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xFFU];
  return tables;
}();

// A linear map of the register: what each of its bits becomes.
using Map = std::array<std::uint32_t, 32>;

constexpr std::uint32_t times(const Map& map, std::uint32_t crc) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t bit = 0; crc != 0; crc >>= 1, ++bit)
    if ((crc & 1U) != 0) sum ^= map[bit];
  return sum;
}

constexpr Map twice(const Map& map) noexcept {
  Map result{};
  for (std::size_t bit = 0; bit < 32; ++bit) result[bit] = times(map, map[bit]);
  return result;
}

constexpr Map over_a_zero_byte() noexcept {
  Map map{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    const std::uint32_t crc = std::uint32_t{1} << bit;
    map[bit] = (crc >> 8) ^ kTables[0][crc & 0xFFU];
  }
  return map;
}

std::uint64_t word_at(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

std::uint32_t of_table(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = word_at(at) ^ crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(word >> (8 * k)) & 0xFFU];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<std::uint32_t>(*at)) & 0xFFU];
  return ~crc;
}

#if defined(SEMROUTE_CRC_TARGET)

// Three streams hide the instruction's latency of three cycles; a stream's register is then moved over the bytes of
// the streams behind it, a linear map, by four tables.
class ZeroBytes {
 public:
  // The map for `count` zero bytes, a power of two.
  constexpr explicit ZeroBytes(std::size_t count) {
    Map map = over_a_zero_byte();
    for (; count > 1; count /= 2) map = twice(map);
    for (std::uint32_t byte = 0; byte < 256; ++byte)
      for (std::uint32_t k = 0; k < 4; ++k) tables_[k][byte] = times(map, byte << (8 * k));
  }

  [[nodiscard]] std::uint32_t over(std::uint64_t crc) const noexcept {
    return tables_[0][crc & 0xFFU] ^ tables_[1][(crc >> 8) & 0xFFU] ^ tables_[2][(crc >> 16) & 0xFFU] ^
           tables_[3][(crc >> 24) & 0xFFU];
  }

 private:
  std::array<std::array<std::uint32_t, 256>, 4> tables_{};
};

constexpr std::size_t kLongStream = 4096;
constexpr std::size_t kShortStream = 256;
constinit const ZeroBytes kOverLong(kLongStream);
constinit const ZeroBytes kOverShort(kShortStream);

#if defined(__x86_64__)
SEMROUTE_CRC_TARGET std::uint64_t step(std::uint64_t crc, std::uint64_t word) noexcept {
  return _mm_crc32_u64(crc, word);
}
SEMROUTE_CRC_TARGET std::uint64_t step_byte(std::uint64_t crc, std::byte byte) noexcept {
  return _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<std::uint8_t>(byte));
}
bool has_instructions() noexcept { return __builtin_cpu_supports("sse4.2") != 0; }
constexpr std::string_view kInstructions = "sse4.2";
#else
// Written out, as arm_acle.h declares its functions only where the whole file may use them.
SEMROUTE_CRC_TARGET std::uint64_t step(std::uint64_t crc, std::uint64_t word) noexcept {
  auto low = static_cast<std::uint32_t>(crc);
  __asm__("crc32cx %w0, %w0, %x1" : "+r"(low) : "r"(word));
  return low;
}
SEMROUTE_CRC_TARGET std::uint64_t step_byte(std::uint64_t crc, std::byte byte) noexcept {
  auto low = static_cast<std::uint32_t>(crc);
  __asm__("crc32cb %w0, %w0, %w1" : "+r"(low) : "r"(static_cast<std::uint32_t>(byte)));
  return low;
}
bool has_instructions() noexcept { return (::getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
constexpr std::string_view kInstructions = "armv8";
#endif

SEMROUTE_CRC_TARGET std::uint64_t three_streams(const std::byte* at, std::size_t stream, const ZeroBytes& over,
                                                std::uint64_t crc) noexcept {
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  for (const std::byte* const end = at + stream; at != end; at += 8) {
    crc = step(crc, word_at(at));
    second = step(second, word_at(at + stream));
    third = step(third, word_at(at + 2 * stream));
  }
  crc = over.over(crc) ^ second;
  return over.over(crc) ^ third;
}

SEMROUTE_CRC_TARGET std::uint32_t of_instructions(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint64_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kLongStream; left -= 3 * kLongStream, at += 3 * kLongStream)
    crc = three_streams(at, kLongStream, kOverLong, crc);
  for (; left >= 3 * kShortStream; left -= 3 * kShortStream, at += 3 * kShortStream)
    crc = three_streams(at, kShortStream, kOverShort, crc);
  for (; left >= 8; left -= 8, at += 8) crc = step(crc, word_at(at));
  for (; left > 0; --left, ++at) crc = step_byte(crc, *at);
  return ~static_cast<std::uint32_t>(crc);
}

constexpr Crc32cMethod kMethods[] = {{kInstructions, of_instructions}, {"table", of_table}};
const std::size_t kFirst = has_instructions() ? 0 : 1;
#else
constexpr Crc32cMethod kMethods[] = {{"table", of_table}};
constexpr std::size_t kFirst = 0;
#endif

}  // namespace

std::span<const Crc32cMethod> crc32c_methods() noexcept { return std::span(kMethods).subspan(kFirst); }

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  return kMethods[kFirst].of(bytes, before);
}

// The inversions at both ends cancel out.
std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) noexcept {
  Map map = over_a_zero_byte();
  for (; second_bytes != 0; second_bytes /= 2, map = twice(map))
    if (second_bytes % 2 == 1) first = times(map, first);
  return first ^ second;
}

}  // namespace semroute::core

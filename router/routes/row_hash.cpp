#include "router/routes/row_hash.h"

#include <bit>

namespace semroute::router {
namespace {

// Finalizer of splitmix64 (Steele, Lea & Flood 2014): every bit of the result depends on every bit that went in.
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x ^= x >> 30U;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27U;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

}  // namespace

RowHash hash_row(std::span<const float> row) noexcept {
  RowHash hash{0x9E3779B97F4A7C15ULL + row.size(), 0xD1B54A32D192ED03ULL};
  for (const float number : row) {
    const std::uint64_t bits = std::bit_cast<std::uint32_t>(number);
    hash.low = (hash.low ^ bits) * 0xFF51AFD7ED558CCDULL;
    hash.low ^= hash.low >> 32U;
    hash.high = std::rotl((hash.high + bits) * 0xC4CEB9FE1A85EC53ULL, 31);
  }
  return {mixed(hash.low), mixed(hash.high)};
}

std::vector<RowHash> hash_rows(std::span<const float> values, std::size_t dimension) {
  std::vector<RowHash> hashes;
  hashes.reserve(values.size() / dimension);
  for (std::size_t begin = 0; begin < values.size(); begin += dimension)
    hashes.push_back(hash_row(values.subspan(begin, dimension)));
  return hashes;
}

}  // namespace semroute::router

#include "bench/support/read_bandwidth.h"

#include <cstring>

#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

template <std::size_t kBytes>
struct Words {
  typedef std::uint64_t Register __attribute__((vector_size(kBytes), aligned(kBytes)));
};

// Sixteen loads of one register's width, in four sums.
template <class Register>
__attribute__((always_inline)) inline std::uint64_t sum_of(const std::byte* from, std::size_t bytes) {
  Register a{}, b{}, c{}, d{};
  for (const std::byte* at = from; at < from + bytes; at += 16 * sizeof(Register)) {
    const Register* const v = reinterpret_cast<const Register*>(at);
    a ^= v[0] ^ v[4] ^ v[8] ^ v[12];
    b ^= v[1] ^ v[5] ^ v[9] ^ v[13];
    c ^= v[2] ^ v[6] ^ v[10] ^ v[14];
    d ^= v[3] ^ v[7] ^ v[11] ^ v[15];
  }
  a ^= b ^ c ^ d;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof(Register) / sizeof(std::uint64_t); ++i) sum ^= a[i];
  return sum;
}

std::uint64_t sum_by_16(const std::byte* from, std::size_t bytes) { return sum_of<Words<16>::Register>(from, bytes); }
#if defined(__x86_64__)
__attribute__((target("avx2"))) std::uint64_t sum_by_32(const std::byte* from, std::size_t bytes) {
  return sum_of<Words<32>::Register>(from, bytes);
}
__attribute__((target("avx512f"))) std::uint64_t sum_by_64(const std::byte* from, std::size_t bytes) {
  return sum_of<Words<64>::Register>(from, bytes);
}
#endif

using Read = std::uint64_t (*)(const std::byte*, std::size_t);
Read widest_read() {
#if defined(__x86_64__)
  if (core::can_run(core::Isa::avx512)) return sum_by_64;
  if (core::can_run(core::Isa::avx2)) return sum_by_32;
#endif
  return sum_by_16;
}

}  // namespace

std::uint64_t read_in_order(const std::byte* from, std::size_t bytes) {
  static const Read read = widest_read();
  return read(from, bytes);
}

std::uint64_t read_lines(const std::byte* from, const std::uint32_t* slots, std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t word;
    std::memcpy(&word, from + std::size_t{slots[i]} * 64, sizeof word);
    sum ^= word;
  }
  return sum;
}

}  // namespace semroute::bench

#include "bench/support/read_bandwidth.h"

#include <cstring>

#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

template <std::size_t kBytes>
struct Words {
  typedef std::uint64_t Register __attribute__((vector_size(kBytes), aligned(kBytes)));
};

// Sixteen loads of one register's width, in four sums. Each sum has a quarter of the bytes (apart) or every fourth
// register.
template <class Register, bool kApart>
__attribute__((always_inline)) inline std::uint64_t sum_of(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kStep = kApart ? 1 : 4;  // from a sum's register to its next
  const std::size_t apart = kApart ? bytes / 4 : sizeof(Register);
  Register a{}, b{}, c{}, d{};
  for (const std::byte* at = from; at < from + bytes / (kApart ? 4 : 1); at += 4 * kStep * sizeof(Register)) {
    const auto* const of_a = reinterpret_cast<const Register*>(at);
    const auto* const of_b = reinterpret_cast<const Register*>(at + apart);
    const auto* const of_c = reinterpret_cast<const Register*>(at + 2 * apart);
    const auto* const of_d = reinterpret_cast<const Register*>(at + 3 * apart);
    a ^= of_a[0] ^ of_a[kStep] ^ of_a[2 * kStep] ^ of_a[3 * kStep];
    b ^= of_b[0] ^ of_b[kStep] ^ of_b[2 * kStep] ^ of_b[3 * kStep];
    c ^= of_c[0] ^ of_c[kStep] ^ of_c[2 * kStep] ^ of_c[3 * kStep];
    d ^= of_d[0] ^ of_d[kStep] ^ of_d[2 * kStep] ^ of_d[3 * kStep];
  }
  const Register all = a ^ b ^ c ^ d;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof(Register) / sizeof(std::uint64_t); ++i) sum ^= all[i];
  return sum;
}

using Read = std::uint64_t (*)(const std::byte*, std::size_t);
template <bool kApart>
std::uint64_t sum_by_16(const std::byte* from, std::size_t bytes) {
  return sum_of<Words<16>::Register, kApart>(from, bytes);
}
#if defined(__x86_64__)
template <bool kApart>
__attribute__((target("avx2"))) std::uint64_t sum_by_32(const std::byte* from, std::size_t bytes) {
  return sum_of<Words<32>::Register, kApart>(from, bytes);
}
template <bool kApart>
__attribute__((target("avx512f"))) std::uint64_t sum_by_64(const std::byte* from, std::size_t bytes) {
  return sum_of<Words<64>::Register, kApart>(from, bytes);
}
#endif

template <bool kApart>
Read widest_read() {
#if defined(__x86_64__)
  if (core::can_run(core::Isa::avx512)) return sum_by_64<kApart>;
  if (core::can_run(core::Isa::avx2)) return sum_by_32<kApart>;
#endif
  return sum_by_16<kApart>;
}

}  // namespace

std::uint64_t read_in_order(const std::byte* from, std::size_t bytes) {
  static const Read read = widest_read<false>();
  return read(from, bytes);
}

std::uint64_t read_four_parts(const std::byte* from, std::size_t bytes) {
  static const Read read = widest_read<true>();
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

// CRC32C (Castagnoli, iSCSI, RFC 3720 appendix B.4): finds every error of up to 32 bits in a row, and what is left of
// the others with a chance of 1 - 2^-32.
//
// crc32c("123456789") is 0xE3069283; crc32c(b, crc32c(a)) is that of a followed by b.
// Complexity: linear; with the processor's instructions about 20 GB/s, without them 2.
// Threads: pure functions. Errors: none.
// Source of the three streams side by side: Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32
// Instruction", Intel 2011.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace semroute::core {

[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

// That of two parts, one after the other, from that of each, so that parts can be summed up side by side.
// O(log second_bytes), some microseconds.
[[nodiscard]] std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second,
                                          std::uint64_t second_bytes) noexcept;

// The ways to compute it that this processor can run, best first: crc32c() takes the first. For tests.
struct Crc32cMethod {
  std::string_view name;  // "sse4.2", "armv8", "table"
  std::uint32_t (*of)(std::span<const std::byte> bytes, std::uint32_t before) noexcept;
};
[[nodiscard]] std::span<const Crc32cMethod> crc32c_methods() noexcept;

}  // namespace semroute::core

// Kernels: what the index computes over rows of vectors, codes and bits, one table per instruction set.
//
// A row kernel computes one number for each of many rows, in two forms: `rows` over rows that lie at one
// stride, `gather` over rows anywhere in one block, which asks memory for the rows to come. Both give a row
// the same bits wherever it stands and whichever form is used, so equal rows tie exactly; a pair kernel may
// differ from them in the last bits. The members say what the numbers are; docs/kernels.md says which
// instructions compute them and how fast.
// Shapes: stride and length are in elements of the row, stride >= length; out has `count` numbers. Rows of
// floats (F32, F16, BF16) have any length and alignment, 64-byte aligned ones are fastest. Rows of codes (U8, U4,
// U1, Pq) may lie anywhere, too, and do in a few places; indexes align them. Nothing beyond `length` of a row or query
// is read for its value. Complexity: O(count * length); nothing allocates. Threads: pure functions; the choice is made
// once, at the first call of active_kernels(). Accuracy: kernels of integers are exact. Those of floats accumulate in
// float32, in several independent sums: up to 4,096 dimensions the error against a float64 sum is measured to be within
// kKernelErrorBound * (the sum of the terms' magnitudes), with numbers of one size and random roundings
// (tests/core/kernels/); it is no worst-case bound. Conversions give the same bits in every set.
//
// An instruction set has a table of its own, and, on a processor with extensions of it, a second one in which
// the extensions' members stand in place of the set's: VNNI (u8_dot, u4_dot), VPOPCNTDQ (u1_dot) and
// BF16 (bf16_dot) for avx512, AVX-VNNI for avx2, the dot product (u8_dot, u8_l1, u4_dot) for neon. The best table that
// the processor and the operating system support is taken; SEMROUTE_ISA=scalar|neon|avx2|avx512 forces a set, with the
// extensions there are. A forced set that cannot run here, or an unknown word, is an error (select_kernels).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace semroute::core {

inline constexpr double kKernelErrorBound = 2e-6;
inline constexpr std::size_t kMostCodes = 65'536;  // of u8_dot: 65,536 * 255 * 128 is the last power to fit 31 bits

// avx2: AVX2, FMA and F16C. avx512: AVX-512 F, BW, VL and DQ (a processor with F alone runs avx2).
enum class Isa : std::uint8_t { scalar, neon, avx2, avx512 };
[[nodiscard]] constexpr std::string_view to_string(Isa isa) noexcept {
  switch (isa) {
    case Isa::scalar: return "scalar";
    case Isa::neon: return "neon";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "unknown";
}

using PairKernel = float (*)(const float* a, const float* b, std::size_t dimension) noexcept;

template <class Query, class Row, class Out>
struct RowKernel {
  // out[i] = kernel(query, rows + i * stride) for i in [0, count)
  void (*rows)(const Query* query, const Row* rows, std::size_t stride, std::size_t count, std::size_t length,
               Out* out) noexcept;
  // out[i] = kernel(query, base + slots[i] * stride); slots may repeat
  void (*gather)(const Query* query, const Row* base, std::size_t stride, const std::uint32_t* slots, std::size_t count,
                 std::size_t length, Out* out) noexcept;
  friend bool operator==(const RowKernel&, const RowKernel&) = default;
};
using F32Kernel = RowKernel<float, float, float>;
using F16Kernel = RowKernel<float, std::uint16_t, float>;           // rows of IEEE 754 half floats
using BF16Kernel = RowKernel<std::uint16_t, std::uint16_t, float>;  // query and rows of bfloat16 numbers
using U8DotKernel = RowKernel<std::int8_t, std::uint8_t, std::int32_t>;
using U8L1Kernel = RowKernel<std::uint8_t, std::uint8_t, std::int32_t>;
using U4DotKernel = RowKernel<std::int8_t, std::uint8_t, std::int32_t>;
using U1DotKernel = RowKernel<std::uint64_t, std::uint64_t, std::int32_t>;
using PqKernel = RowKernel<float, std::uint8_t, float>;

struct Kernels {
  Isa isa;
  std::string_view name;  // of the set, with the extensions whose members it has taken: "avx512+vnni"
  PairKernel dot;         // sum a_i * b_i
  PairKernel l2_squared;  // sum (a_i - b_i)^2
  PairKernel l1;          // sum |a_i - b_i|

  // query q, row r
  F32Kernel f32_dot;         // sum q_i * r_i
  F32Kernel f32_l2_squared;  // sum (q_i - r_i)^2
  F32Kernel f32_l1;          // sum |q_i - r_i|
  F16Kernel f16_dot;
  F16Kernel f16_l2_squared;
  F16Kernel f16_l1;
  BF16Kernel bf16_dot;  // numbers below 2^-126 may count as 0
  // sum q_i * r_i and sum |q_i - r_i| over 8-bit codes. Length: a multiple of 64, at most kMostCodes;
  // query and rows padded with 0.
  U8DotKernel u8_dot;
  U8L1Kernel u8_l1;
  // sum q_i * r_i over 4-bit codes: in every 64-byte line L of a row the low nibbles of bytes 0..63 are codes
  // 128 L .. 128 L + 63, the high nibbles codes 128 L + 64 .. 128 L + 127. Length: the row's bytes, a multiple
  // of 64, at most kMostCodes / 2; the query has 2 * length numbers in the order of the codes.
  U4DotKernel u4_dot;
  // sum q_i over the row's bits i that are 1 (bit i % 64 of word i / 64), with q_i in 0..15 as four planes:
  // bit p of q_i is bit i of the words query[p * length ...] (RaBitQ, arXiv:2405.12497, section 3.3.2).
  // Length: the row's words, any number.
  U1DotKernel u1_dot;
  // sum query[256 * j + r_j], with one table of 256 distances a subspace (product quantization). Length: the
  // subspaces, any number.
  PqKernel pq_sum;

  // Half floats, rounded to the nearest, ties to even; beyond 65,504 infinity.
  void (*to_f16)(const float* from, std::size_t count, std::uint16_t* to) noexcept;
  void (*from_f16)(const std::uint16_t* from, std::size_t count, float* to) noexcept;
  // bfloat16 numbers, rounded likewise.
  void (*to_bf16)(const float* from, std::size_t count, std::uint16_t* to) noexcept;
  void (*from_bf16)(const std::uint16_t* from, std::size_t count, float* to) noexcept;
  // to[i] = (from[i] - offset[i]) * inverse_scale, rounded to the nearest, ties to even, and held to
  // -127..127; what is no number becomes -127.
  void (*to_s8)(const float* from, const float* offset, float inverse_scale, std::size_t count,
                std::int8_t* to) noexcept;
  // most[i] = keys[i] + (per_error * errors[i] + constant); bit i of the result: most[i] >= floor. count <= 64.
  std::uint64_t (*reaching)(const float* keys, const float* errors, float per_error, float constant, float floor,
                            std::size_t count, float* most) noexcept;
};

// The table of every set compiled into this binary, best first, whether this machine can run it or not;
// before it the one with extensions, where this machine has some. Lives as long as the program.
[[nodiscard]] std::span<const Kernels* const> compiled_kernels();

// Whether this CPU and operating system can run the set.
[[nodiscard]] bool can_run(Isa isa) noexcept;

// The set named by `forced` ("scalar", "neon", "avx2", "avx512"), or the best that runs here when empty.
// Errors: bad_request when the word is unknown or the set cannot run on this machine.
[[nodiscard]] Result<const Kernels*> select_kernels(std::string_view forced);

// select_kernels(getenv("SEMROUTE_ISA")), made once. Programs call select_kernels themselves at
// start to report a wrong SEMROUTE_ISA; here it aborts.
[[nodiscard]] const Kernels& active_kernels();

}  // namespace semroute::core

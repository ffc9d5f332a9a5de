// Distance kernels over float32 rows, one table per instruction set.
//
// Shapes: a vector is `dimension` contiguous floats; rows are `count` vectors at a distance of
// `stride` floats (stride >= dimension). No alignment is required; 64-byte aligned rows are fastest.
// Complexity: O(count * dimension); nothing allocates.
// Threads: pure functions; the choice is made once, at the first call of active_kernels().
// Accuracy: float32 accumulation in several independent sums. Up to 4,096 dimensions the error against a
// float64 sum is measured to be within kKernelErrorBound * (the sum of the terms' magnitudes), with
// numbers of one size and random roundings (tests/core/kernels_test.cpp); it is no worst-case bound.
// A rows kernel gives a row the same bits wherever it stands, so equal rows tie exactly; a pair kernel
// may differ from it in the last bits.
//
// The best set that the CPU and the operating system support is taken; SEMROUTE_ISA=scalar|avx2|avx512
// forces one. A forced set that cannot run here, or an unknown word, is an error (select_kernels).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.h"

namespace semroute::core {

inline constexpr double kKernelErrorBound = 2e-6;

enum class Isa : std::uint8_t { scalar, avx2, avx512 };

[[nodiscard]] std::string_view to_string(Isa isa) noexcept;

using PairKernel = float (*)(const float* a, const float* b, std::size_t dimension) noexcept;
// out[i] = kernel(query, rows + i * stride) for i in [0, count).
using RowsKernel = void (*)(const float* query, const float* rows, std::size_t stride, std::size_t count,
                            std::size_t dimension, float* out) noexcept;

struct Kernels {
  Isa isa;
  PairKernel dot;         // sum a_i * b_i
  PairKernel l2_squared;  // sum (a_i - b_i)^2
  PairKernel l1;          // sum |a_i - b_i|
  RowsKernel dot_rows;
  RowsKernel l2_squared_rows;
  RowsKernel l1_rows;
};

// Every set compiled into this binary, best first, whether this machine can run it or not.
[[nodiscard]] std::span<const Kernels* const> compiled_kernels() noexcept;

// Whether this CPU and operating system can run the set.
[[nodiscard]] bool can_run(Isa isa) noexcept;

// The set named by `forced` ("scalar", "avx2", "avx512"), or the best that runs here when empty.
// Errors: bad_request when the word is unknown or the set cannot run on this machine.
[[nodiscard]] Result<const Kernels*> select_kernels(std::string_view forced);

// select_kernels(getenv("SEMROUTE_ISA")), made once. Programs call select_kernels themselves at
// start to report a wrong SEMROUTE_ISA; here it aborts.
[[nodiscard]] const Kernels& active_kernels();

}  // namespace semroute::core

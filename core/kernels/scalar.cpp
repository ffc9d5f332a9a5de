#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::scalar {

#define SEMROUTE_SIMD

using Vec = float;
constexpr std::size_t kLanes = 1;
constexpr Isa kIsa = Isa::scalar;

inline Vec zero() noexcept { return 0.0F; }
inline Vec load(const float* from) noexcept { return *from; }
inline Vec load_first(const float*, std::size_t) noexcept { return 0.0F; }
inline Vec add(Vec a, Vec b) noexcept { return a + b; }
inline Vec sub(Vec a, Vec b) noexcept { return a - b; }
inline Vec abs(Vec a) noexcept { return std::fabs(a); }
inline Vec mul_add(Vec a, Vec b, Vec c) noexcept { return a * b + c; }
inline void store_sums(Vec a, Vec b, Vec c, Vec d, float* out) noexcept {
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

#include "core/kernels/kernels_body.inc"

}  // namespace semroute::core::scalar

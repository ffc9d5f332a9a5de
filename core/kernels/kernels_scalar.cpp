// Plain C++, for every machine, and the measure that the other sets are held against.
#include <cmath>
#include <cstddef>

#include "core/kernels/kernel_sets.h"

#define SEMROUTE_TARGET

namespace semroute::core {
namespace scalar {

using V = float;
constexpr std::size_t kWidth = 1;

inline V zero() noexcept { return 0.0F; }
inline V load(const float* p) noexcept { return *p; }
inline V load_part(const float* /*p*/, std::size_t /*n*/) noexcept { return 0.0F; }  // never: one lane has no part
inline V add(V a, V b) noexcept { return a + b; }
inline V dot_step(V sum, V a, V b) noexcept { return sum + a * b; }
inline V l2_step(V sum, V a, V b) noexcept { return sum + (a - b) * (a - b); }
inline V l1_step(V sum, V a, V b) noexcept { return sum + std::fabs(a - b); }
inline float sum(V v) noexcept { return v; }

#include "core/kernels/kernel_text.inc"

}  // namespace scalar

const Kernels kScalarKernels{Isa::scalar,        scalar::dot_pair,     scalar::l2_squared_pair,
                             scalar::l1_pair,    scalar::dot_all_rows, scalar::l2_squared_all_rows,
                             scalar::l1_all_rows};

}  // namespace semroute::core

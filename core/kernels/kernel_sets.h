// The sets that kernels.cpp chooses from: one namespace per instruction set, each from the file of
// its name, all with the same names inside. kKernels is a set's own table; an extension's take() puts its
// members in place of the set's. Only kernels.cpp and the sets include this.
#pragma once

#include "core/kernels/half.h"
#include "core/kernels/kernels.h"

// For the small functions that the kernels are written with. SEMROUTE_SIMD is each set's own.
#define SEMROUTE_SIMD_INLINE SEMROUTE_SIMD inline __attribute__((always_inline))

// clang 14 has the intrinsics of an extension only when the whole file is compiled for it.
#if defined(__aarch64__) && (!defined(__clang__) || defined(__ARM_FEATURE_DOTPROD))
#define SEMROUTE_NEON_DOTPROD
#endif

namespace semroute::core {

namespace scalar {
extern const Kernels kKernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx2_vnni {
void take(Kernels& kernels) noexcept;
}
namespace avx512 {
extern const Kernels kKernels;
}
namespace avx512_vnni {
void take(Kernels& kernels) noexcept;
}
namespace avx512_vpopcntdq {
void take(Kernels& kernels) noexcept;
}
namespace avx512_bf16 {
void take(Kernels& kernels) noexcept;
}
#endif
#if defined(__aarch64__)
namespace neon {
extern const Kernels kKernels;
}
#endif
#if defined(SEMROUTE_NEON_DOTPROD)
namespace neon_dotprod {
void take(Kernels& kernels) noexcept;
}
#endif

}  // namespace semroute::core

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/kernels/kernel_sets.h"

namespace semroute::core::avx512 {

#define SEMROUTE_SIMD __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")))
#include "core/kernels/avx512_lanes.inc"
#include "core/kernels/kernels_body.inc"

}  // namespace semroute::core::avx512

#endif

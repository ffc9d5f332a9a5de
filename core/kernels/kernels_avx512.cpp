// AVX-512 F: sixteen lanes, masked tails.
#include "core/kernels/kernel_sets.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>

#define SEMROUTE_TARGET __attribute__((target("avx512f")))
#define SEMROUTE_OP SEMROUTE_TARGET __attribute__((always_inline)) inline

namespace semroute::core {
namespace avx512 {

#include "core/kernels/avx512_ops.inc"
#include "core/kernels/kernel_text.inc"

}  // namespace avx512

const Kernels kAvx512Kernels{Isa::avx512,        avx512::dot_pair,     avx512::l2_squared_pair,
                             avx512::l1_pair,    avx512::dot_all_rows, avx512::l2_squared_all_rows,
                             avx512::l1_all_rows};

}  // namespace semroute::core

#endif

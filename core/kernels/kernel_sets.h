// The sets that kernels.cpp chooses from: one namespace per instruction set, each from the file of
// its name, all with the same names inside. Only kernels.cpp and the sets include this.
#pragma once

#include "core/kernels/kernels.h"

namespace semroute::core {

namespace scalar {
extern const Kernels kKernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

}  // namespace semroute::core

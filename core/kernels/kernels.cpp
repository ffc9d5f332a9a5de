#include "core/kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/kernels/kernel_sets.h"

namespace semroute::core {
namespace {

constexpr const Kernels* kCompiled[] = {
#if defined(__x86_64__)
    &avx512::kKernels,
    &avx2::kKernels,
#endif
    &scalar::kKernels,
};

const Kernels& selected_by_environment() {
  const char* forced = std::getenv("SEMROUTE_ISA");
  const Result<const Kernels*> selected = select_kernels(forced == nullptr ? "" : forced);
  if (!selected.ok()) {
    std::fprintf(stderr, "semroute: %s\n", selected.error().message.c_str());
    std::abort();
  }
  return **selected;
}

#if defined(__x86_64__)
// clang 14's builtin does not know the word.
bool has_f16c() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & static_cast<unsigned>(bit_F16C)) != 0;
}
#endif

}  // namespace

std::string_view to_string(Isa isa) noexcept {
  switch (isa) {
    case Isa::scalar: return "scalar";
    case Isa::neon: return "neon";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "unknown";
}

std::span<const Kernels* const> compiled_kernels() noexcept { return kCompiled; }

bool can_run(Isa isa) noexcept {
  switch (isa) {
    case Isa::scalar: return true;
    case Isa::neon: return false;
#if defined(__x86_64__)
    // The builtin also asks the operating system (XGETBV) whether it saves the wide registers.
    case Isa::avx2: return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && has_f16c();
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 && can_run(Isa::avx2);
#else
    case Isa::avx2:
    case Isa::avx512: return false;
#endif
  }
  return false;
}

Result<const Kernels*> select_kernels(std::string_view forced) {
  std::string words;
  for (const Kernels* kernels : kCompiled) {
    if (forced.empty() ? can_run(kernels->isa) : forced == to_string(kernels->isa)) {
      if (!can_run(kernels->isa))
        return Error{ErrorCode::bad_request,
                     "SEMROUTE_ISA=" + std::string(forced) + " cannot run on this processor or operating system"};
      return kernels;
    }
    words.append(words.empty() ? "" : ", ").append(to_string(kernels->isa));
  }
  return Error{ErrorCode::bad_request,
               "SEMROUTE_ISA is \"" + std::string(forced) + "\", expected one of " + words + ", or nothing"};
}

const Kernels& active_kernels() {
  static const Kernels& kernels = selected_by_environment();
  return kernels;
}

}  // namespace semroute::core

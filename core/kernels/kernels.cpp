#include "core/kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>

#include "core/kernels/kernel_sets.h"

namespace semroute::core {
namespace {

#if defined(__x86_64__)
// Words that clang 14's builtin does not know. Both only matter beside AVX2, which vouches for the operating system.
struct CpuId {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
};
CpuId cpu_id(unsigned leaf, unsigned subleaf) noexcept {
  CpuId id;
  if (__get_cpuid_count(leaf, subleaf, &id.a, &id.b, &id.c, &id.d) == 0) return {};
  return id;
}
// Asked once: under a hypervisor the instruction takes microseconds.
bool has_f16c() noexcept {
  static const bool has = (cpu_id(1, 0).c >> 29 & 1U) != 0;
  return has;
}
bool has_avx_vnni() noexcept { return (cpu_id(7, 1).a >> 4 & 1U) != 0; }
bool has_avx512_vnni() noexcept { return __builtin_cpu_supports("avx512vnni") != 0; }
bool has_avx512_vpopcntdq() noexcept { return __builtin_cpu_supports("avx512vpopcntdq") != 0; }
bool has_avx512_bf16() noexcept { return __builtin_cpu_supports("avx512bf16") != 0; }
#endif

#if defined(SEMROUTE_NEON_DOTPROD)
bool has_dotprod() noexcept { return (::getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#endif

// The sets, best first.
constexpr const Kernels* kSets[] = {
#if defined(__x86_64__)
    &avx512::kKernels,
    &avx2::kKernels,
#elif defined(__aarch64__)
    &neon::kKernels,
#endif
    &scalar::kKernels,
};

// What a set can have on top of its own members.
struct Extension {
  Isa isa;
  std::string_view name;
  bool (*has)() noexcept;
  void (*take)(Kernels&) noexcept;
};
constexpr Extension kExtensions[] = {
#if defined(__x86_64__)
    {Isa::avx512, "vnni", has_avx512_vnni, avx512_vnni::take},
    {Isa::avx512, "vpopcntdq", has_avx512_vpopcntdq, avx512_vpopcntdq::take},
    {Isa::avx512, "bf16", has_avx512_bf16, avx512_bf16::take},
    {Isa::avx2, "vnni", has_avx_vnni, avx2_vnni::take},
#elif defined(SEMROUTE_NEON_DOTPROD)
    {Isa::neon, "dotprod", has_dotprod, neon_dotprod::take},
#endif
    {Isa::scalar, "", nullptr, nullptr},  // no array is empty
};

struct Tables {
  Tables() {
    for (const Kernels* own : kSets) {
      Kernels& extended = extended_[extended_count_];
      std::string& name = names_[extended_count_];
      extended = *own;
      name = own->name;
      for (const Extension& extension : kExtensions) {
        if (extension.isa != own->isa || extension.has == nullptr || !can_run(own->isa) || !extension.has()) continue;
        extension.take(extended);
        name.append("+").append(extension.name);
      }
      if (name != own->name) {
        extended.name = name;
        all[count++] = &extended;
        ++extended_count_;
      }
      all[count++] = own;
    }
  }

  const Kernels* all[2 * std::size(kSets)] = {};
  std::size_t count = 0;

 private:
  Kernels extended_[std::size(kSets)] = {};
  std::string names_[std::size(kSets)];
  std::size_t extended_count_ = 0;
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

}  // namespace

std::span<const Kernels* const> compiled_kernels() {
  static const Tables tables;
  return {tables.all, tables.count};
}

bool can_run(Isa isa) noexcept {
  switch (isa) {
    case Isa::scalar: return true;
#if defined(__x86_64__)
    case Isa::neon: return false;
    // The builtin also asks the operating system (XGETBV) whether it saves the wide registers.
    case Isa::avx2: return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && has_f16c();
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 && can_run(Isa::avx2);
#elif defined(__aarch64__)
    case Isa::neon: return true;  // every 64-bit processor has it
    case Isa::avx2:
    case Isa::avx512: return false;
#else
    case Isa::neon:
    case Isa::avx2:
    case Isa::avx512: return false;
#endif
  }
  return false;
}

Result<const Kernels*> select_kernels(std::string_view forced) {
  for (const Kernels* kernels : compiled_kernels()) {
    if (!forced.empty() && forced != to_string(kernels->isa)) continue;
    if (can_run(kernels->isa)) return kernels;
    if (!forced.empty())
      return Error{ErrorCode::bad_request,
                   "SEMROUTE_ISA=" + std::string(forced) + " cannot run on this processor or operating system"};
  }
  std::string words;
  for (const Kernels* set : kSets) words.append(words.empty() ? "" : ", ").append(to_string(set->isa));
  return Error{ErrorCode::bad_request,
               "SEMROUTE_ISA is \"" + std::string(forced) + "\", expected one of " + words + ", or nothing"};
}

const Kernels& active_kernels() {
  static const Kernels& kernels = selected_by_environment();
  return kernels;
}

}  // namespace semroute::core

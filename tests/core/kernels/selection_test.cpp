#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernels/kernels.h"

namespace semroute::core {
namespace {

// Sums of these numbers round differently in every set, so the bits tell which one ran.
std::uint32_t fingerprint(const Kernels& kernels) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> number(-1.0F, 1.0F);
  std::vector<float> a(997);
  std::vector<float> b(997);
  for (float& value : a) value = number(random);
  for (float& value : b) value = number(random);
  float rows = 0.0F;
  kernels.f32_dot.rows(a.data(), b.data(), b.size(), 1, b.size(), &rows);
  return std::bit_cast<std::uint32_t>(kernels.dot(a.data(), b.data(), a.size())) ^
         std::rotl(std::bit_cast<std::uint32_t>(rows), 16);
}

std::string name_and_fingerprint(const Kernels& kernels) {
  return std::string(kernels.name) + " " + std::to_string(fingerprint(kernels));
}

// The table that SEMROUTE_ISA=isa stands for: the set with the extensions that this processor has.
const Kernels* best_of(Isa isa) {
  for (const Kernels* kernels : compiled_kernels())
    if (kernels->isa == isa) return kernels;
  return nullptr;
}

bool has_extensions(const Kernels& kernels) { return kernels.name != to_string(kernels.isa); }

// Runs the next test in a new process of this program with SEMROUTE_ISA set to `isa`, and returns what it
// prints, or "ended N" and its output when it failed.
std::string active_in_a_process_with(const std::string& isa) {
  char self[4096] = {};
  if (::readlink("/proc/self/exe", self, sizeof self - 1) <= 0) return "no /proc/self/exe";
  // Under an emulator the shell cannot start this program by itself.
  const char* const emulator = std::getenv("SEMROUTE_TEST_EMULATOR");
  // All of it, also where this process runs a share of the tests.
  const std::string command = "unset GTEST_TOTAL_SHARDS GTEST_SHARD_INDEX; SEMROUTE_ISA=" + isa + " " +
                              (emulator == nullptr ? "" : emulator) + " '" + self +
                              "' --gtest_filter='KernelSelection.TheActiveSetIsTheEnvironments' 2>&1";
  std::FILE* output = ::popen(command.c_str(), "r");
  if (output == nullptr) return "popen failed";
  std::string text;
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, output) != nullptr) text += buffer;
  const int status = ::pclose(output);
  if (status != 0) return "ended " + std::to_string(status) + "\n" + text;
  const std::size_t begin = text.find("active: ");
  if (begin == std::string::npos) return text;
  return text.substr(begin + 8, text.find('\n', begin) - begin - 8);
}

// What this prints is also what active_in_a_process_with reads.
TEST(KernelSelection, TheActiveSetIsTheEnvironments) {
  const char* forced = std::getenv("SEMROUTE_ISA");
  const Kernels& active = active_kernels();
  std::printf("active: %s\n", name_and_fingerprint(active).c_str());
  const Result<const Kernels*> selected = select_kernels(forced == nullptr ? "" : forced);
  ASSERT_TRUE(selected.ok());
  EXPECT_EQ(&active, *selected);
}

TEST(KernelSelection, TheForcedSetIsTheOneThatRuns) {
  for (const Kernels* kernels : compiled_kernels()) {
    if (!can_run(kernels->isa)) continue;
    EXPECT_EQ(active_in_a_process_with(std::string(to_string(kernels->isa))),
              name_and_fingerprint(*best_of(kernels->isa)));
  }
}

TEST(KernelSelection, TheFingerprintTellsTheSetsApart) {
  std::vector<std::uint32_t> seen;
  for (const Kernels* kernels : compiled_kernels()) {
    if (!can_run(kernels->isa) || has_extensions(*kernels)) continue;
    for (const std::uint32_t other : seen) EXPECT_NE(fingerprint(*kernels), other) << to_string(kernels->isa);
    seen.push_back(fingerprint(*kernels));
  }
  EXPECT_FALSE(seen.empty());
}

TEST(KernelSelection, ExtensionsReplaceTheMembersTheyAreNamedFor) {
  const auto has = [](const Kernels& kernels, std::string_view extension) {
    return kernels.name.find("+" + std::string(extension)) != std::string_view::npos;
  };
  for (const Kernels* extended : compiled_kernels()) {
    if (!has_extensions(*extended)) continue;
    const auto at = std::find_if(compiled_kernels().begin(), compiled_kernels().end(), [&](const Kernels* kernels) {
      return kernels->isa == extended->isa && !has_extensions(*kernels);
    });
    ASSERT_NE(at, compiled_kernels().end());
    const Kernels& own = **at;
    const bool products = has(*extended, "vnni") || has(*extended, "dotprod");
    EXPECT_EQ(extended->u8_l1 != own.u8_l1, has(*extended, "dotprod")) << extended->name;
    EXPECT_EQ(extended->u8_dot != own.u8_dot, products) << extended->name;
    EXPECT_EQ(extended->u4_dot != own.u4_dot, products) << extended->name;
    EXPECT_EQ(extended->u1_dot != own.u1_dot, has(*extended, "vpopcntdq")) << extended->name;
    EXPECT_EQ(extended->bf16_dot != own.bf16_dot, has(*extended, "bf16")) << extended->name;
    EXPECT_EQ(extended->f32_dot, own.f32_dot) << extended->name;
  }
}

TEST(KernelSelection, NothingForcedTakesTheBestThatRuns) {
  const Kernels* best = nullptr;
  for (const Kernels* kernels : compiled_kernels())
    if (best == nullptr && can_run(kernels->isa)) best = kernels;
  const Result<const Kernels*> selected = select_kernels("");
  ASSERT_TRUE(selected.ok());
  EXPECT_EQ(*selected, best);
  EXPECT_EQ(active_in_a_process_with(""), name_and_fingerprint(*best));
}

TEST(KernelSelection, EndsWithScalarWhichRunsEverywhere) {
  ASSERT_FALSE(compiled_kernels().empty());
  EXPECT_EQ(compiled_kernels().back()->isa, Isa::scalar);
  EXPECT_TRUE(can_run(Isa::scalar));
  std::vector<std::string_view> sets;
  for (const Kernels* kernels : compiled_kernels())
    if (!has_extensions(*kernels)) sets.push_back(kernels->name);
#if defined(__x86_64__)
  EXPECT_EQ(sets, (std::vector<std::string_view>{"avx512", "avx2", "scalar"}));
#elif defined(__aarch64__)
  EXPECT_EQ(sets, (std::vector<std::string_view>{"neon", "scalar"}));
#endif
}

TEST(KernelSelection, AnUnknownWordIsAnErrorThatListsTheWords) {
  for (const char* word : {"avx3", "AVX2", "avx2 ", "best"}) {
    const Result<const Kernels*> selected = select_kernels(word);
    ASSERT_FALSE(selected.ok()) << word;
    EXPECT_EQ(selected.error().code, ErrorCode::bad_request);
    EXPECT_NE(selected.error().message.find("\"" + std::string(word) + "\""), std::string::npos);
    EXPECT_NE(selected.error().message.find("scalar"), std::string::npos) << selected.error().message;
  }
}

TEST(KernelSelection, ASetThatCannotRunHereIsRefusedByName) {
  for (const Kernels* kernels : compiled_kernels()) {
    const std::string word(to_string(kernels->isa));
    const Result<const Kernels*> selected = select_kernels(word);
    EXPECT_EQ(selected.ok(), can_run(kernels->isa)) << word;
    if (selected.ok())
      EXPECT_EQ(*selected, best_of(kernels->isa));
    else
      EXPECT_NE(selected.error().message.find("SEMROUTE_ISA=" + word + " cannot run"), std::string::npos);
  }
}

TEST(KernelSelection, AProcessWithAWrongWordStopsAndSaysWhy) {
  const std::string answer = active_in_a_process_with("sse9");
  EXPECT_EQ(answer.rfind("ended ", 0), 0U) << answer;
  std::string words;
  for (const Kernels* kernels : compiled_kernels())
    if (!has_extensions(*kernels)) words.append(words.empty() ? "" : ", ").append(kernels->name);
  EXPECT_NE(answer.find("SEMROUTE_ISA is \"sse9\", expected one of " + words), std::string::npos) << answer;
}

}  // namespace
}  // namespace semroute::core

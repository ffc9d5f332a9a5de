// bench_kernels: nanoseconds per distance and bytes of rows read per second, for every kernel of every
// instruction set that runs here, over row blocks that fit L1, L2, L3 and none. bench/README.md says how
// to read it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "bench/support/timing.h"
#include "bench/support/vectors.h"
#include "core/base/float_block.h"
#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kRounds = 9;
constexpr double kTurnUs = 3'000.0;

struct Level {
  const char* name;
  std::size_t bytes;  // of rows; a query and the results come on top
};
constexpr Level kLevels[] = {
    {"16 KiB", 16U << 10}, {"256 KiB", 256U << 10}, {"4 MiB", 4U << 20}, {"128 MiB", 128U << 20}};

struct Kernel {
  const char* name;
  core::PairKernel pair;
  core::F32Kernel rows;
};

// Nanoseconds per row, the median of the rounds; `scan` goes over `count` rows once.
template <class Scan>
double ns_per_row(std::size_t count, const Scan& scan) {
  const Stopwatch first;
  scan();
  const std::size_t passes = 1 + static_cast<std::size_t>(kTurnUs / first.elapsed_us());
  std::vector<double> rounds;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const Stopwatch watch;
    for (std::size_t pass = 0; pass < passes; ++pass) scan();
    rounds.push_back(watch.elapsed_us() * 1'000.0 / static_cast<double>(passes * count));
  }
  return median(rounds);
}

int run(std::size_t dimension) {
  const std::size_t most_rows = kLevels[std::size(kLevels) - 1].bytes / (dimension * sizeof(float));
  std::optional<core::FloatBlock> block = core::FloatBlock::allocate(most_rows, dimension);
  if (!block) {
    std::fprintf(stderr, "bench_kernels: no memory for %zu rows\n", most_rows);
    return 69;
  }
  const std::vector<float> some = unit_vectors(64, dimension, 7);
  for (std::size_t row = 0; row < most_rows; ++row)
    std::memcpy(block->data() + row * dimension, &some[row % 64 * dimension], dimension * sizeof(float));
  const std::vector<float> query = unit_vectors(1, dimension, 8);
  std::vector<float> out(most_rows);

  std::printf("dimension %zu; ns per distance (GB/s of rows)\n%-8s %-12s %-6s", dimension, "isa", "kernel", "form");
  for (const Level& level : kLevels) std::printf("  %16s", level.name);
  std::printf("\n");
  for (const core::Kernels* set : core::compiled_kernels()) {
    if (!core::can_run(set->isa)) continue;
    const Kernel kernels[] = {{"dot", set->dot, set->f32_dot},
                              {"l2_squared", set->l2_squared, set->f32_l2_squared},
                              {"l1", set->l1, set->f32_l1}};
    for (const Kernel& kernel : kernels)
      for (const bool rows_form : {false, true}) {
        std::printf("%-8s %-12s %-6s", std::string(core::to_string(set->isa)).c_str(), kernel.name,
                    rows_form ? "rows" : "pair");
        for (const Level& level : kLevels) {
          const std::size_t count = level.bytes / (dimension * sizeof(float));
          const double ns = ns_per_row(count, [&] {
            if (rows_form)
              kernel.rows.rows(query.data(), block->data(), dimension, count, dimension, out.data());
            else
              for (std::size_t row = 0; row < count; ++row)
                out[row] = kernel.pair(query.data(), block->data() + row * dimension, dimension);
            keep(out[0]);
          });
          std::printf("  %7.1f (%6.1f)", ns, static_cast<double>(dimension * sizeof(float)) / ns);
        }
        std::printf("\n");
      }
  }
  return 0;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  std::size_t dimension = 384;
  if (argc == 3 && std::strcmp(argv[1], "--dimension") == 0) {
    dimension = static_cast<std::size_t>(std::strtoul(argv[2], nullptr, 10));
    if (dimension > 4'096) dimension = 0;
  } else if (argc != 1) {
    dimension = 0;
  }
  if (dimension == 0) {
    std::fprintf(stderr, "usage: bench_kernels [--dimension D]        1 <= D <= 4096, default 384\n");
    return 64;
  }
  return semroute::bench::run(dimension);
}

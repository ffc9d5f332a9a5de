// bench_kernels: nanoseconds per row and bytes of rows read per second, for every kernel of every
// instruction set that runs here, over rows in L1, L2, L3 and memory, one after the other and anywhere
// (gathered). Above them what the machine reads at most. bench/README.md says how to read it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "bench/support/huge_block.h"
#include "bench/support/read_bandwidth.h"
#include "bench/support/timing.h"
#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kRounds = 7;
constexpr double kTurnUs = 3'000.0;
constexpr std::size_t kLine = 64;
constexpr std::size_t kRowsACall = 256;   // of the rows form
constexpr std::size_t kSlotsACall = 32;   // of the gather form: a node's neighbours
constexpr std::size_t kSlots = 1U << 16;  // gathered in a pass; a multiple of both

struct Level {
  const char* name;
  std::size_t bytes;  // of rows; a query and the results come on top
};
constexpr Level kLevels[] = {
    {"L1 24 KiB", 24U << 10}, {"L2 512 KiB", 512U << 10}, {"L3 8 MiB", 8U << 20}, {"memory 200 MiB", 200U << 20}};

// Nanoseconds per row, the median of the rounds; `scan` goes over `count` rows once.
template <class Scan>
double ns_per_row(std::size_t count, const Scan& scan) {
  scan();
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

class Bench {
 public:
  Bench(std::size_t dimension, const std::string& only_isa, const std::string& only_kernel)
      : dimension_(dimension),
        only_isa_(only_isa),
        only_kernel_(only_kernel),
        block_(kLevels[std::size(kLevels) - 1].bytes),
        slots_(kSlots) {}

  int run() {
    if (block_.data() == nullptr) {
      std::fprintf(stderr, "bench_kernels: no memory for %zu bytes of rows\n", kLevels[std::size(kLevels) - 1].bytes);
      return 69;
    }
    std::printf("dimension %zu; ns per row (GB/s of rows)\n%-8s %-14s %-6s", dimension_, "isa", "kernel", "form");
    for (const Level& level : kLevels) std::printf("  %16s", level.name);
    std::printf("\n");
    machine();
    for (const core::Kernels* set : core::compiled_kernels())
      if (core::can_run(set->isa)) kernels(*set);
    return 0;
  }

 private:
  // A call that scans and one that gathers, over `count` rows of the block at a distance of `stride` bytes.
  template <class Rows, class Gather>
  void line(const char* isa, const char* name, std::size_t row_bytes, const Rows& rows, const Gather& gather) {
    if (!only_kernel_.empty() && only_kernel_ != name) return;
    const std::size_t stride = (row_bytes + kLine - 1) / kLine * kLine;
    for (const bool gathered : {false, true}) {
      std::printf("%-8s %-14s %-6s", isa, name, gathered ? "gather" : "rows");
      for (const Level& level : kLevels) {
        const std::size_t count = level.bytes / stride;
        if (count == 0) continue;
        double ns = 0.0;
        if (gathered) {
          std::mt19937 random(9);
          for (std::uint32_t& slot : slots_) slot = static_cast<std::uint32_t>(random() % count);
          // Each call waits for the one before, as the steps of a walk do.
          ns = ns_per_row(kSlots, [&] {
            std::size_t last = 0;
            for (std::size_t i = 0; i < kSlots; i += kSlotsACall)
              last = gather(slots_.data() + i + (last & zero_), stride);
          });
        } else {
          ns = ns_per_row(count, [&] {
            for (std::size_t i = 0; i < count; i += kRowsACall)
              rows(block_.data() + i * stride, stride, count - i < kRowsACall ? count - i : kRowsACall);
          });
        }
        std::printf("  %7.2f (%6.1f)", ns, static_cast<double>(row_bytes) / ns);
        std::fflush(stdout);
      }
      std::printf("\n");
    }
  }

  void machine() {
    line(
        "-", "any read", 1'024,
        [&](const std::byte* at, std::size_t stride, std::size_t count) { keep(read_in_order(at, stride * count)); },
        [&](const std::uint32_t* slots, std::size_t stride) {
          std::uint64_t sum = 0;
          for (std::size_t i = 0; i < kSlotsACall; ++i) sum ^= read_in_order(block_.data() + slots[i] * stride, 1'024);
          return static_cast<std::size_t>(sum);
        });
    line(
        "-", "any line", kLine,
        [&](const std::byte* at, std::size_t stride, std::size_t count) { keep(read_in_order(at, stride * count)); },
        [&](const std::uint32_t* slots, std::size_t) {
          return static_cast<std::size_t>(read_lines(block_.data(), slots, kSlotsACall));
        });
  }

  void pair(const char* isa, const char* name, core::PairKernel kernel) {
    const float* const query = reinterpret_cast<const float*>(block_.data());
    line(
        isa, name, dimension_ * sizeof(float),
        [&](const std::byte* at, std::size_t stride, std::size_t count) {
          for (std::size_t i = 0; i < count; ++i)
            floats_[i] = kernel(query, reinterpret_cast<const float*>(at + i * stride), dimension_);
          keep(floats_[0]);
        },
        [&](const std::uint32_t* slots, std::size_t stride) {
          for (std::size_t i = 0; i < kSlotsACall; ++i)
            floats_[i] = kernel(query, reinterpret_cast<const float*>(block_.data() + slots[i] * stride), dimension_);
          return static_cast<std::size_t>(floats_[kSlotsACall - 1]);
        });
  }

  template <class Query, class Row, class Out>
  void row_kernel(const char* isa, const char* name, core::RowKernel<Query, Row, Out> kernel, std::size_t length) {
    const Query* const query = reinterpret_cast<const Query*>(block_.data());
    Out* const out = reinterpret_cast<Out*>(floats_);
    line(
        isa, name, length * sizeof(Row),
        [&](const std::byte* at, std::size_t stride, std::size_t count) {
          kernel.rows(query, reinterpret_cast<const Row*>(at), stride / sizeof(Row), count, length, out);
          keep(out[0]);
        },
        [&](const std::uint32_t* slots, std::size_t stride) {
          kernel.gather(query, reinterpret_cast<const Row*>(block_.data()), stride / sizeof(Row), slots, kSlotsACall,
                        length, out);
          return static_cast<std::size_t>(out[kSlotsACall - 1]);
        });
  }

  void kernels(const core::Kernels& set) {
    const std::string name(set.name);
    if (!only_isa_.empty() && only_isa_ != name) return;
    const char* const isa = name.c_str();
    const std::size_t codes = (dimension_ + kLine - 1) / kLine * kLine;
    const std::size_t nibbles = (dimension_ + 2 * kLine - 1) / (2 * kLine) * kLine;
    pair(isa, "pair dot", set.dot);
    pair(isa, "pair l2", set.l2_squared);
    pair(isa, "pair l1", set.l1);
    row_kernel(isa, "f32_dot", set.f32_dot, dimension_);
    row_kernel(isa, "f32_l2_squared", set.f32_l2_squared, dimension_);
    row_kernel(isa, "f32_l1", set.f32_l1, dimension_);
    row_kernel(isa, "f16_dot", set.f16_dot, dimension_);
    row_kernel(isa, "f16_l2_squared", set.f16_l2_squared, dimension_);
    row_kernel(isa, "f16_l1", set.f16_l1, dimension_);
    row_kernel(isa, "bf16_dot", set.bf16_dot, dimension_);
    row_kernel(isa, "u8_dot", set.u8_dot, codes);
    row_kernel(isa, "u8_l1", set.u8_l1, codes);
    row_kernel(isa, "u4_dot", set.u4_dot, nibbles);
    row_kernel(isa, "u1_dot", set.u1_dot, (dimension_ + 63) / 64);
    row_kernel(isa, "pq_sum", set.pq_sum, (dimension_ + 7) / 8);
  }

  std::size_t dimension_;
  volatile std::size_t zero_ = 0;
  std::string only_isa_;
  std::string only_kernel_;
  HugeBlock block_;
  std::vector<std::uint32_t> slots_;
  float floats_[kRowsACall] = {};
};

int usage() {
  std::fprintf(
      stderr, "usage: bench_kernels [--dimension D] [--isa WORD] [--kernel NAME]        1 <= D <= 4096, default 384\n");
  return 64;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  std::size_t dimension = 384;
  std::string isa;
  std::string kernel;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return semroute::bench::usage();
    if (std::strcmp(argv[i], "--dimension") == 0)
      dimension = static_cast<std::size_t>(std::strtoul(argv[i + 1], nullptr, 10));
    else if (std::strcmp(argv[i], "--isa") == 0)
      isa = argv[i + 1];
    else if (std::strcmp(argv[i], "--kernel") == 0)
      kernel = argv[i + 1];
    else
      return semroute::bench::usage();
  }
  if (dimension == 0 || dimension > 4'096) return semroute::bench::usage();
  return semroute::bench::Bench(dimension, isa, kernel).run();
}

// bench_kernels: nanoseconds per row and bytes of rows read per second, for every kernel of every
// instruction set that runs here, over rows in L1, L2, L3 and memory, one after the other and anywhere
// (gathered). Above them what the machine reads at most. bench/README.md says how to read it.
#include <sysexits.h>

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/support/page_block.h"
#include "bench/support/program.h"
#include "bench/support/read_bandwidth.h"
#include "bench/support/table.h"
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
constexpr Level kLevels[] = {{"l1", 24U << 10}, {"l2", 512U << 10}, {"l3", 8U << 20}, {"memory", 200U << 20}};

std::vector<std::string> columns() {
  std::vector<std::string> columns{"isa", "kernel", "form"};
  for (const Level& level : kLevels) {
    columns.push_back(std::string(level.name) + "_ns");
    columns.push_back(std::string(level.name) + "_gb_per_s");
  }
  return columns;
}

// Nanoseconds per row; `scan` goes over `count` rows once.
template <class Scan>
double ns_per_row(std::size_t count, const Scan& scan) {
  return median_us(kRounds, kTurnUs, scan) * 1'000.0 / static_cast<double>(count);
}

// A pattern that is a normal number both as 32-bit and as half floats.
void fill_with_numbers(PageBlock& block) {
  std::mt19937 random(5);
  for (std::size_t i = 0; i < block.bytes() / sizeof(std::uint16_t); ++i)
    reinterpret_cast<std::uint16_t*>(block.data())[i] = static_cast<std::uint16_t>(0x3800U + (random() & 0x3FFU));
}

class Bench {
 public:
  Bench(std::size_t dimension, const std::string& only_isa, const std::string& only_kernel)
      : dimension_(dimension),
        only_isa_(only_isa),
        only_kernel_(only_kernel),
        block_(kLevels[std::size(kLevels) - 1].bytes, Pages::huge),
        slots_(kSlots),
        table_("A row of " + std::to_string(dimension) +
                   " numbers: rows of 24 KiB (l1), 512 KiB (l2), 8 MiB (l3), 200 MiB",
               columns()) {}

  void run(const std::string& out) {
    if (block_.data() == nullptr) stop(EX_UNAVAILABLE, "no memory for the rows");
    fill_with_numbers(block_);
    machine();
    for (const core::Kernels* set : core::compiled_kernels())
      if (core::can_run(set->isa)) kernels(*set);
    table_.publish(out, "kernels");
  }

 private:
  // A call that scans and one that gathers, over `count` rows of the block at a distance of `stride` bytes.
  template <class Rows, class Gather>
  void line(std::string_view set, const char* name, std::size_t row_bytes, const Rows& rows, const Gather& gather) {
    if (!only_kernel_.empty() && only_kernel_ != name) return;
    const std::size_t stride = (row_bytes + kLine - 1) / kLine * kLine;
    for (const bool gathered : {false, true}) {
      progress(std::string(set) + " " + name);
      std::vector<std::string> cells{std::string(set), name, gathered ? "gather" : "rows"};
      for (const Level& level : kLevels) {
        const std::size_t count = level.bytes / stride;
        if (count == 0) {
          cells.insert(cells.end(), {"-", "-"});
          continue;
        }
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
        cells.push_back(fixed(ns, 2));
        cells.push_back(fixed(static_cast<double>(row_bytes) / ns, 1));
      }
      table_.add(std::move(cells));
    }
  }

  void machine() {
    line(
        "plain_loads", "1_KiB", 1'024,
        [&](const std::byte* at, std::size_t stride, std::size_t count) { keep(read_in_order(at, stride * count)); },
        [&](const std::uint32_t* slots, std::size_t stride) {
          std::uint64_t sum = 0;
          for (std::size_t i = 0; i < kSlotsACall; ++i) sum ^= read_in_order(block_.data() + slots[i] * stride, 1'024);
          return static_cast<std::size_t>(sum);
        });
    line(
        "plain loads", "64 B", kLine,
        [&](const std::byte* at, std::size_t stride, std::size_t count) { keep(read_in_order(at, stride * count)); },
        [&](const std::uint32_t* slots, std::size_t) {
          return static_cast<std::size_t>(read_lines(block_.data(), slots, kSlotsACall));
        });
  }

  // The table of a set without its extensions; a table with them is measured where it differs from that.
  static const core::Kernels& own_of(const core::Kernels& set) {
    for (const core::Kernels* own : core::compiled_kernels())
      if (own->name == core::to_string(set.isa)) return *own;
    return set;
  }

  void pair(const core::Kernels& set, const char* name, core::PairKernel core::Kernels::*member) {
    if (&set != &own_of(set)) return;
    const core::PairKernel kernel = set.*member;
    const float* const query = reinterpret_cast<const float*>(block_.data());
    line(
        set.name, name, dimension_ * sizeof(float),
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
  void rows(const core::Kernels& set, const char* name, core::RowKernel<Query, Row, Out> core::Kernels::*member,
            std::size_t length) {
    const core::RowKernel<Query, Row, Out> kernel = set.*member;
    if (&set != &own_of(set) && kernel == own_of(set).*member) return;
    const Query* const query = reinterpret_cast<const Query*>(block_.data());
    Out* const out = reinterpret_cast<Out*>(floats_);
    line(
        set.name, name, length * sizeof(Row),
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
    if (!only_isa_.empty() && only_isa_ != core::to_string(set.isa)) return;
    using core::Kernels;
    const std::size_t codes = (dimension_ + kLine - 1) / kLine * kLine;
    const std::size_t nibbles = (dimension_ + 2 * kLine - 1) / (2 * kLine) * kLine;
    pair(set, "dot", &Kernels::dot);
    pair(set, "l2_squared", &Kernels::l2_squared);
    pair(set, "l1", &Kernels::l1);
    rows(set, "f32_dot", &Kernels::f32_dot, dimension_);
    rows(set, "f32_l2_squared", &Kernels::f32_l2_squared, dimension_);
    rows(set, "f32_l1", &Kernels::f32_l1, dimension_);
    rows(set, "f16_dot", &Kernels::f16_dot, dimension_);
    rows(set, "f16_l2_squared", &Kernels::f16_l2_squared, dimension_);
    rows(set, "f16_l1", &Kernels::f16_l1, dimension_);
    rows(set, "bf16_dot", &Kernels::bf16_dot, dimension_);
    rows(set, "u8_dot", &Kernels::u8_dot, codes);
    rows(set, "u8_l1", &Kernels::u8_l1, codes);
    rows(set, "u4_dot", &Kernels::u4_dot, nibbles);
    rows(set, "u1_dot", &Kernels::u1_dot, (dimension_ + 63) / 64);
    rows(set, "pq_sum", &Kernels::pq_sum, (dimension_ + 7) / 8);
  }

  std::size_t dimension_;
  volatile std::size_t zero_ = 0;
  std::string only_isa_;
  std::string only_kernel_;
  PageBlock block_;
  std::vector<std::uint32_t> slots_;
  float floats_[kRowsACall] = {};
  Table table_;
};

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "Nanoseconds per row and GB of rows read per second, for every kernel.");
  const std::size_t dimension = options.number("dimension", 384, "numbers a row, 4096 at most");
  const std::string isa = options.text("isa", "", "only this instruction set");
  const std::string kernel = options.text("kernel", "", "only this kernel");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();
  if (dimension > 4'096) stop(EX_USAGE, "--dimension is 4096 at most");
  Bench(dimension, isa, kernel).run(out);
}

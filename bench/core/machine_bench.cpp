// bench_machine: the machine that the other figures are of: how fast one core reads each level of the memory, and how
// long a load takes, in small and in huge pages. bench/README.md says how to read it.
#include <sys/utsname.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "bench/support/page_block.h"
#include "bench/support/program.h"
#include "bench/support/read_bandwidth.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr double kTurnUs = 5'000.0;

struct Level {
  std::string name;
  std::size_t bytes;
};

// The value of the first line of a file that starts with `key`; an empty key: the first line.
std::string value_in(const std::string& path, const std::string& key) {
  std::string found = "unknown";
  if (std::FILE* file = std::fopen(path.c_str(), "r"); file != nullptr) {
    char line[512];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      const std::string text = line;
      if (!text.starts_with(key)) continue;
      const std::size_t from = text.find_first_not_of(": \t", key.size());
      if (from != std::string::npos) found = text.substr(from, text.find('\n') - from);
      break;
    }
    std::fclose(file);
  }
  return found;
}

// What the first processor sees; sysconf() tells the size of all parts of a shared cache together.
std::size_t cache_bytes(int level, std::size_t otherwise) {
  for (int i = 0; i < 8; ++i) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    if (value_in(folder + "level", "") != std::to_string(level) || value_in(folder + "type", "") == "Instruction")
      continue;
    const std::size_t kib = std::strtoul(value_in(folder + "size", "").c_str(), nullptr, 10);
    if (kib > 0) return kib << 10;
  }
  return otherwise;
}

// Half of each private cache and a quarter of the shared one, so that they hold it; memory is four times all of them.
std::vector<Level> levels(std::size_t memory_bytes) {
  const std::size_t l3 = cache_bytes(3, 8U << 20);
  return {{"L1", cache_bytes(1, 32U << 10) / 2},
          {"L2", cache_bytes(2, 512U << 10) / 2},
          {"L3", l3 / 4},
          {"memory", std::max(memory_bytes, 4 * l3)}};
}

template <class Read>
double gb_per_s(const PageBlock& block, std::size_t bytes, std::size_t rounds, const Read& read) {
  const double us = median_us(rounds, kTurnUs, [&] { keep(read(block.data(), bytes)); });
  return static_cast<double>(bytes) / us / 1e3;
}

// Each line holds the place of the next, in one random round over all of them.
struct Line {
  const Line* next;
  char rest[kLineBytes - sizeof(const Line*)];
};

double load_ns(PageBlock& block, std::size_t bytes, std::size_t rounds) {
  auto* const lines = reinterpret_cast<Line*>(block.data());
  const std::size_t count = bytes / sizeof(Line);
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::mt19937_64 random(7);
  std::shuffle(order.begin(), order.end(), random);
  for (std::size_t i = 0; i < count; ++i) lines[order[i]].next = &lines[order[(i + 1) % count]];
  const std::size_t steps = std::min<std::size_t>(count, 100'000);
  const Line* at = lines;
  const double us = median_us(rounds, kTurnUs, [&] {
    for (std::size_t i = 0; i < steps; ++i) at = at->next;
    keep(at);
  });
  return us * 1e3 / static_cast<double>(steps);
}

void describe() {
  ::utsname system{};
  ::uname(&system);
  std::printf("processor   %s, %ld online\n", value_in("/proc/cpuinfo", "model name").c_str(),
              ::sysconf(_SC_NPROCESSORS_ONLN));
  std::printf("caches      L1 %zu KiB, L2 %zu KiB, L3 %zu KiB\n", cache_bytes(1, 0) >> 10, cache_bytes(2, 0) >> 10,
              cache_bytes(3, 0) >> 10);
  std::printf("memory      %s\n", value_in("/proc/meminfo", "MemTotal").c_str());
  std::printf("system      %s %s, huge pages %s\n", system.sysname, system.release,
              value_in("/sys/kernel/mm/transparent_hugepage/enabled", "").c_str());
  std::printf("compiler    %s\n", __VERSION__);
  std::printf("kernels     %s\n", std::string(core::active_kernels().name).c_str());
  std::printf("other work  load %s\n", value_in("/proc/loadavg", "").c_str());
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "Read bandwidth and load latency of each level of the memory, of one core.");
  const std::size_t rounds = options.number("rounds", 9, "the median of so many counts");
  const std::size_t memory_mib = options.number("memory-mib", 512, "beyond the caches");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();
  describe();
  Table table("One core, processor time, median of " + std::to_string(rounds) + " rounds",
              {"level", "kib", "pages", "read_gb_per_s", "read_4_gb_per_s", "load_ns"});
  for (const Level& level : levels(memory_mib << 20))
    for (const Pages pages : {Pages::small, Pages::huge}) {
      PageBlock block(level.bytes, pages);
      if (block.data() == nullptr) stop(EX_UNAVAILABLE, "no memory for " + std::to_string(level.bytes) + " bytes");
      table.add({level.name, std::to_string(level.bytes >> 10),
                 pages == Pages::small ? "4_KiB"
                 : block.mostly_huge() ? "huge"
                                       : "huge_refused",
                 fixed(gb_per_s(block, level.bytes, rounds, read_in_order), 1),
                 fixed(gb_per_s(block, level.bytes, rounds, read_four_parts), 1),
                 fixed(load_ns(block, level.bytes, rounds), 1)});
    }
  table.publish(out, "machine");
}

#include "bench/core/graph_build.h"

#include <cstdio>

#include "bench/support/memory.h"
#include "bench/support/program.h"

namespace semroute::bench {
namespace {

// Beside an index file, in one line; written last, so that it vouches for the file.
bool read_note(const std::string& path, Build& took) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return false;
  const bool good = std::fscanf(file, "cpu_us %lf wall_us %lf resident_bytes %zu", &took.spent.cpu_us,
                                &took.spent.wall_us, &took.resident_bytes) == 3;
  std::fclose(file);
  return good;
}

void keep_for_next_time(Contender& contender, const std::string& path, const Build& took) {
  std::remove((path + ".note").c_str());
  if (!contender.save(path)) return;
  std::FILE* file = std::fopen((path + ".note").c_str(), "w");
  if (file == nullptr) return;
  std::fprintf(file, "cpu_us %.0f wall_us %.0f resident_bytes %zu\n", took.spent.cpu_us, took.spent.wall_us,
               took.resident_bytes);
  std::fclose(file);
}

}  // namespace

std::unique_ptr<Contender> build(const Entry& entry, std::span<const float> rows, std::size_t threads, Build& took) {
  took.threads = threads;
  const std::string path = entry.file.empty() ? "" : entry.file + "_t" + std::to_string(threads);
  if (!path.empty() && read_note(path + ".note", took)) {
    std::unique_ptr<Contender> contender = entry.make();
    if (contender->load(path)) {
      took.kept = true;
      return contender;
    }
  }
  progress("building " + entry.name + " with " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"));
  const std::size_t before = resident_bytes();
  std::unique_ptr<Contender> contender = entry.make();
  const Stopwatch watch(CLOCK_PROCESS_CPUTIME_ID);
  contender->build(rows, threads);
  took.spent = watch.elapsed();
  const std::size_t after = resident_bytes();
  took.resident_bytes = after > before ? after - before : 0;
  if (!path.empty()) keep_for_next_time(*contender, path, took);
  return contender;
}

}  // namespace semroute::bench

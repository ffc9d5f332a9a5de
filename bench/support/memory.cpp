#include "bench/support/memory.h"

#include <malloc.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "bench/support/program.h"
#include "core/base/growing_block.h"

namespace semroute::bench {

std::size_t resident_bytes() {
  ::malloc_trim(0);
  std::size_t all_pages = 0;
  std::size_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r"); file != nullptr) {
    if (std::fscanf(file, "%zu %zu", &all_pages, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t huge_page_bytes() {
  std::size_t kib = 0;
  if (std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r"); file != nullptr) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr)
      if (std::sscanf(line, "AnonHugePages: %zu", &kib) == 1) break;
    std::fclose(file);
  }
  return kib * 1'024;
}

void have_memory_at_hand(std::size_t bytes) {
  constexpr std::size_t kPageBytes = 4096;
  auto memory = core::GrowingBlock::reserve(bytes);
  if (!memory || !memory->grow(bytes)) stop(EX_UNAVAILABLE, "no memory");
  for (std::size_t at = 0; at < bytes; at += kPageBytes) memory->as<volatile char>()[at] = 1;
}

}  // namespace semroute::bench

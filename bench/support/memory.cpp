#include "bench/support/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

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

}  // namespace semroute::bench

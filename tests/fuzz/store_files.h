// A store of one file in memory, opened as the daemon does; and checksums made right, so that what is behind them is
// reached. Threads: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include "core/base/check.h"
#include "core/base/crc32c.h"
#include "core/store/store.h"
#include "tests/core/store/memory_disk.h"

namespace semroute::fuzz {

using Bytes = std::span<const std::byte>;

template <class T>
T header_at(const std::string& file, std::size_t at) {
  return core::header_from<T>(std::as_bytes(std::span(file)).subspan(at));
}
template <class T>
void put_at(std::string& file, std::size_t at, const T& header) {
  std::memcpy(file.data() + at, &header, sizeof header);
}

// Rights the checksums of the records from `at` on, as many as fit before `end`; returns that of their headers.
inline std::uint32_t right_records(std::string& file, std::size_t at, std::size_t end, std::uint64_t& count) {
  std::uint32_t crc = 0;
  for (count = 0; end - at >= sizeof(core::RecordHeader); ++count) {
    auto header = header_at<core::RecordHeader>(file, at);
    if (core::record_bytes(header) > end - at) break;
    const std::size_t bytes = sizeof header + std::size_t{header.value_bytes} + header.key_bytes;
    header.crc = core::crc32c(std::as_bytes(std::span(file)).subspan(at + 4, bytes - 4));
    put_at(file, at, header);
    crc = core::crc32c(core::bytes_of(header), crc);
    at += static_cast<std::size_t>(core::record_bytes(header));
  }
  return crc;
}

// Opens the folder that has only this file. What opens can be read, written to, and opened again as it was.
inline void try_store(const std::string& name, const std::string& file, const std::string& log) {
  core::test::MemoryDisk disk;
  (void)disk.mkdir("/data", 0);
  disk.put("/data/" + name, file);
  if (!log.empty()) disk.put("/data/log_00000001", log);
  core::StoreParams params;
  params.folder = "/data";
  params.automatic_snapshots = false;
  std::string before;
  for (int opening = 0; opening < 2; ++opening) {
    auto store = core::Store::open(params, disk);
    if (!store.ok()) {
      SEMROUTE_CHECK(opening == 0 && !store.error().message.empty());
      return;
    }
    std::string all;
    const auto read = (*store)->read_all([&](std::string_view key, std::span<const Bytes> chain) {
      all.append(key).push_back('=');
      for (const Bytes record : chain) all.append(reinterpret_cast<const char*>(record.data()), record.size());
      return core::Result<void>{};
    });
    SEMROUTE_CHECK(read.ok());
    SEMROUTE_CHECK(opening == 0 || (all == before && !(*store)->recovery().torn_tail));
    if (opening == 1) return;
    before = all;
    if ((*store)->last_sequence() == std::numeric_limits<std::uint64_t>::max()) return;
    const core::StoreBatch batch{(*store)->last_sequence() + 1, {}};
    SEMROUTE_CHECK((*store)->commit({&batch, 1}).ok());
  }
}

}  // namespace semroute::fuzz

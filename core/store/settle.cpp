#include <algorithm>
#include <utility>

#include "core/store/log_writer.h"
#include "core/store/recovery.h"

namespace semroute::core {
namespace {

Result<void> remove_files(const Folder& folder, const std::vector<std::string>& names, RecoveryReport& report) {
  for (const std::string& name : names) {
    if (auto removed = folder.remove(name); !removed) return removed;
    report.removed.push_back(name);
  }
  return names.empty() ? Result<void>{} : folder.sync();
}

// The tail that is not named as synced, written as it is.
Result<void> write_again(StoreFile& file, std::uint64_t from, std::uint64_t to) {
  FileWindow window(file.file, to);
  for (std::uint64_t at = from; at < to;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(to - at, kStoreChunkBytes));
    const auto chunk = window.at(at, count);
    if (!chunk) return chunk.error();
    if (auto written = file.file.write_at(at, *chunk); !written) return written;
    at += count;
  }
  return {};
}

// Room for one more kept tail: those of the lowest segments go first.
Result<void> limit_tails(const Folder& folder, std::vector<std::string>& kept, RecoveryReport& report) {
  std::vector<std::string> tails;
  for (const std::string& name : kept)
    if (name.starts_with(std::string(kKeptPrefix) + std::string(kTailPrefix))) tails.push_back(name);
  if (tails.size() < kMaxKeptTails) return {};
  tails.resize(tails.size() - kMaxKeptTails + 1);
  for (const std::string& name : tails) std::erase(kept, name);
  return remove_files(folder, tails, report);
}

Result<void> cut_tail(const Folder& folder, std::vector<std::string>& kept, StoreFile& file, RecoveryReport& report) {
  TornTail& tail = *report.torn_tail;
  if (auto limited = limit_tails(folder, kept, report); !limited) return limited;
  tail.kept_as = kept_name(std::string(kTailPrefix) + file.name, kept);
  if (const auto copied = keep_aside(folder, file, tail.offset, tail.kept_as); !copied) {
    // Nothing in it was acknowledged as synced: better to start without a copy than not to start.
    if (copied.error().code != ErrorCode::resource_exhausted) return copied;
    tail.kept_as.clear();
  }
  tail.cut = true;
  return file.file.truncate(tail.offset);
}

// The last segment, with which the log goes on.
Result<void> settle_log(const Folder& folder, std::vector<std::string>& kept, Recovered& recovered) {
  const StoreFile& read = *recovered.logs.back();
  auto opened = folder.open(read.name, OpenMode::read_write);
  if (!opened) return opened.error();
  recovered.last_log = std::make_shared<StoreFile>(std::move(*opened), read.name, read.number);
  StoreFile& file = *recovered.last_log;
  if (recovered.report.torn_tail) {
    if (auto cut = cut_tail(folder, kept, file, recovered.report); !cut) return cut;
  }
  if (auto written = write_again(file, recovered.end.synced_offset, recovered.end.offset); !written) return written;
  if (auto synced = file.file.sync(); !synced) return synced;
  recovered.end.bad.reset();
  return {};
}

}  // namespace

Result<void> settle(const Folder& folder, const StoreFiles& files, Recovered& recovered) {
  RecoveryReport& report = recovered.report;
  if (auto removed = remove_files(folder, files.leftovers, report); !removed) return removed;
  std::vector<std::string> kept = files.kept;
  if (auto settled = settle_log(folder, kept, recovered); !settled) return settled;
  std::vector<std::uint64_t> snapshots = files.snapshots;
  for (const std::uint64_t number : recovered.damaged_snapshots) {
    const std::string name = snapshot_name(number);
    if (auto renamed = folder.rename(name, kept_name(name, kept)); !renamed) return renamed;
    std::erase(snapshots, number);
  }
  if (!recovered.damaged_snapshots.empty()) {
    if (auto synced = folder.sync(); !synced) return synced;
  }
  return remove_files(folder, replaced_files(files.logs, snapshots), report);
}

}  // namespace semroute::core

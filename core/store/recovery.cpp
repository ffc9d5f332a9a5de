#include "core/store/recovery.h"

#include <algorithm>
#include <utility>

#include "core/store/snapshot_reader.h"

namespace semroute::core {
namespace {

RecordVisitor into(KeyTable& table) {
  return [&table](RecordKind kind, std::string_view key, const RecordPlace& place) -> Problem {
    if (kind == RecordKind::append && !table.has(key)) return "a record is appended to a key that is not there";
    table.apply(kind, key, place);
    return std::nullopt;
  };
}

Result<std::shared_ptr<StoreFile>> open_file(const Folder& folder, std::string name, std::uint64_t number,
                                             OpenMode mode = OpenMode::read) {
  auto file = folder.open(name, mode);
  if (!file) return file.error();
  return std::make_shared<StoreFile>(std::move(*file), std::move(name), number);
}

LogDamage missing(const Folder& folder, std::uint64_t number) {
  return {
      number, 0, {ErrorCode::damaged, folder.path_of(log_name(number)) + " is missing, and the log goes on after it"}};
}

}  // namespace

BytesRead StoreReader::counted() {
  if (!progress_) return nullptr;
  return [this](std::uint64_t bytes) {
    done_bytes_ += bytes;
    progress_(done_bytes_, std::max(all_bytes_, done_bytes_));
  };
}

// Sums up what is to be read, for the progress.
Result<void> StoreReader::count_bytes(std::uint64_t base) {
  done_bytes_ = all_bytes_ = 0;
  if (!progress_) return {};
  std::vector<std::string> names;
  if (base != 0) names.push_back(snapshot_name(base));
  for (const std::uint64_t number : files_.logs)
    if (number >= base) names.push_back(log_name(number));
  for (const std::string& name : names) {
    const auto file = folder_.open(name, OpenMode::read);
    if (!file) return file.error();
    const auto bytes = file->bytes();
    if (!bytes) return bytes.error();
    all_bytes_ += *bytes;
  }
  return {};
}

Result<void> StoreReader::read_base(std::uint64_t base, Recovered& into_recovered) {
  auto file = open_file(folder_, snapshot_name(base), base);
  if (!file) return file.error();
  const auto bytes = (*file)->file.bytes();
  if (!bytes) return bytes.error();
  into_recovered.table.add_file(*file);
  const auto header = read_snapshot(**file, *bytes, identity_, into(into_recovered.table), counted(), threads_);
  if (!header) return header.error();
  into_recovered.identity = identity_of(*header);
  into_recovered.base_sequence = into_recovered.last_sequence = header->base_sequence;
  into_recovered.report.snapshot = (*file)->name;
  into_recovered.report.snapshot_bytes = *bytes;
  return {};
}

// Whether the log goes on after this segment; damage is noted.
Result<bool> StoreReader::read_segment(std::uint64_t number, bool last, Recovered& recovered) {
  auto file = open_file(folder_, log_name(number), number);
  if (!file) return file.error();
  const auto bytes = (*file)->file.bytes();
  if (!bytes) return bytes.error();
  const bool first = recovered.base == 0 && recovered.logs.empty();
  const auto identity = first ? identity_ : std::optional(recovered.identity);
  const auto header = read_file_header(**file, *bytes, kLogMagic, identity);
  const auto damaged = [&](std::uint64_t offset, Error error) {
    recovered.damage = LogDamage{number, offset, std::move(error)};
    return false;
  };
  if (!header) {
    if (header.error().code != ErrorCode::damaged) return header.error();
    return damaged(0, header.error());
  }
  if (header->base_sequence != recovered.last_sequence) {
    return damaged(0, damaged_at(**file, 0,
                                 "it goes on from sequence number " + std::to_string(header->base_sequence) +
                                     ", and what is before it ends at " + std::to_string(recovered.last_sequence)));
  }
  recovered.table.add_file(*file);
  auto end = read_log(**file, *bytes, *header, into(recovered.table), counted());
  if (!end) return end.error();
  recovered.identity = identity_of(*header);
  recovered.logs.push_back(*file);
  recovered.last_log_bytes = *bytes;
  recovered.last_header = *header;
  recovered.end = *end;
  recovered.last_sequence = end->last_sequence;
  recovered.report.log_bytes += *bytes;
  // The segment after this one was begun when all of this one was synced.
  if (end->bad && (end->bad->damage || !last))
    return damaged(end->offset, damaged_at(**file, end->bad->offset, end->bad->problem));
  return true;
}

Result<void> StoreReader::read_logs(std::uint64_t first, Recovered& recovered) {
  const auto begin = std::ranges::lower_bound(files_.logs, first);
  const std::uint64_t newest = files_.logs.empty() ? 0 : files_.logs.back();
  std::uint64_t number = first;
  for (auto at = begin; at != files_.logs.end(); ++at, ++number) {
    if (*at != number) {
      recovered.damage = missing(folder_, number);
      return {};
    }
    const auto on = read_segment(number, number == newest, recovered);
    if (!on) return on.error();
    if (!*on) return {};
  }
  // A snapshot N is written after segment N was begun.
  const std::uint64_t newest_snapshot = files_.snapshots.empty() ? 0 : files_.snapshots.back();
  if (begin == files_.logs.end() || newest < newest_snapshot) recovered.damage = missing(folder_, number);
  return {};
}

Result<Recovered> StoreReader::read_from(std::uint64_t base) {
  Recovered recovered;
  recovered.base = base;
  if (const auto counted_bytes = count_bytes(base); !counted_bytes) return counted_bytes.error();
  if (base != 0) {
    if (const auto read = read_base(base, recovered); !read) return read.error();
  }
  if (const auto read = read_logs(std::max<std::uint64_t>(base, 1), recovered); !read) return read.error();
  RecoveryReport& report = recovered.report;
  report.log_segments = recovered.logs.size();
  report.key_count = recovered.table.key_count();
  report.record_count = recovered.table.record_count();
  report.last_sequence = recovered.last_sequence;
  if (const auto& bad = recovered.end.bad; bad && !recovered.damage) {
    report.torn_tail = TornTail{recovered.logs.back()->name,
                                recovered.end.offset,
                                recovered.last_log_bytes - recovered.end.offset,
                                bad->problem,
                                false,
                                ""};
  }
  return recovered;
}

Result<Recovered> StoreReader::read_newest(bool may_be_damaged) {
  std::vector<std::uint64_t> bases(files_.snapshots.rbegin(), files_.snapshots.rend());
  bases.push_back(0);
  std::vector<std::uint64_t> damaged;
  std::vector<std::string> messages;
  for (const std::uint64_t base : bases) {
    // With snapshots damaged, what is before them must reach back to one that is not, or to the log's beginning.
    if (base == 0 && !damaged.empty() && (files_.logs.empty() || files_.logs.front() != 1)) break;
    auto recovered = read_from(base);
    if (!recovered && recovered.error().code == ErrorCode::damaged && base != 0) {
      damaged.push_back(base);
      messages.push_back(recovered.error().message);
      continue;
    }
    if (!recovered) return recovered.error();
    if (recovered->damage && !may_be_damaged) return recovered->damage->error;
    recovered->damaged_snapshots = damaged;
    recovered->report.damaged_snapshots = messages;
    return recovered;
  }
  return Error{ErrorCode::damaged, messages.front() + "; there is no older snapshot or log to start from"};
}

Result<void> keep_aside(const Folder& folder, const StoreFile& file, std::uint64_t offset, std::string_view kept) {
  const auto bytes = file.file.bytes();
  if (!bytes) return bytes.error();
  const auto copy = [&]() -> Result<void> {
    auto copied = folder.open(kept, OpenMode::create);
    if (!copied) return copied.error();
    FileWindow window(file.file, *bytes);
    for (std::uint64_t at = offset; at < *bytes;) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(*bytes - at, kStoreChunkBytes));
      const auto chunk = window.at(at, count);
      if (!chunk) return chunk.error();
      if (auto written = copied->write_at(at - offset, *chunk); !written) return written;
      at += count;
    }
    if (auto synced = copied->sync(); !synced) return synced;
    return folder.sync();
  };
  auto done = copy();
  if (!done) (void)folder.remove(kept);
  return done;
}

std::vector<std::string> replaced_files(const std::vector<std::uint64_t>& logs,
                                        const std::vector<std::uint64_t>& snapshots) {
  std::vector<std::string> names;
  if (snapshots.size() < 2) return names;
  const std::uint64_t older = snapshots[snapshots.size() - 2];
  for (const std::uint64_t number : logs)
    if (number < older) names.push_back(log_name(number));
  for (const std::uint64_t number : snapshots)
    if (number < older) names.push_back(snapshot_name(number));
  return names;
}

}  // namespace semroute::core

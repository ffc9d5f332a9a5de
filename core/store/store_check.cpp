#include "core/store/store_check.h"

#include <algorithm>
#include <utility>

#include "core/store/log_writer.h"
#include "core/store/recovery.h"
#include "core/store/store.h"

namespace semroute::core {
namespace {

Result<File> lock_folder(const Folder& folder, bool exclusive) {
  auto file = folder.open(kLockName, exclusive ? OpenMode::lock : OpenMode::read);
  if (!file) return file.error();
  const auto locked = file->lock(exclusive);
  if (!locked && locked.error().code == ErrorCode::unavailable) {
    return Error{ErrorCode::unavailable, folder.path() + " is in use: another program has locked " + file->path()};
  }
  if (!locked) return locked.error();
  return file;
}

Result<StoreFiles> files_in(const Folder& folder) {
  const auto names = folder.names();
  if (!names) return names.error();
  StoreFiles files = sort_files(*names);
  if (files.empty()) return Error{ErrorCode::not_found, "there is no store in " + folder.path()};
  return files;
}

bool same_changes(const KeyView& a, const KeyView& b) {
  const auto same_place = [](const RecordPlace& x, const RecordPlace& y) {
    return x.sequence == y.sequence && x.bytes == y.bytes;
  };
  return std::ranges::equal(a.chains, b.chains, [&](const auto& x, const auto& y) {
    return x->key == y->key && std::ranges::equal(x->places, y->places, same_place);
  });
}

// Whether there is anything before the damage.
bool has_something(const Recovered& recovered) { return recovered.base != 0 || !recovered.logs.empty(); }

// The older snapshot and the log since, which a start needs when the newest snapshot is damaged.
Result<std::optional<std::string>> check_older(StoreReader& reader, const StoreFiles& files, Recovered& newest) {
  const auto base = std::ranges::find(files.snapshots, newest.base);
  if (base == files.snapshots.end()) return std::optional<std::string>{};
  const bool has_older = base != files.snapshots.begin();
  if (!has_older && files.logs.front() != 1) {
    return std::optional("there is no older start beside " + newest.report.snapshot);
  }
  auto older = reader.read_from(has_older ? *std::prev(base) : 0);
  if (!older && older.error().code != ErrorCode::damaged) return older.error();
  if (!older) return std::optional(older.error().message);
  if (older->damage) return std::optional(older->damage->error.message);
  if (older->last_sequence != newest.last_sequence || !same_changes(older->table.view(), newest.table.view())) {
    return std::optional("the older start, " + (has_older ? older->report.snapshot : std::string("the log alone")) +
                         ", gives something else than " + newest.report.snapshot);
  }
  return std::optional<std::string>{};
}

// Puts files aside by other names, the last first, so that a crash leaves no gap.
Result<void> put_aside(const Folder& folder, const std::vector<std::string>& names, std::vector<std::string>& taken,
                       StoreRepair& repair) {
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const std::string kept = kept_name(*name, taken);
    if (auto renamed = folder.rename(*name, kept); !renamed) return renamed;
    taken.push_back(kept);
    repair.kept.push_back(kept);
  }
  return names.empty() ? Result<void>{} : folder.sync();
}

// What can still be read, by a person with FORMAT.md, behind the damage.
Result<GroupsFound> found_behind(const Folder& folder, const StoreFiles& files, const LogDamage& damage) {
  GroupsFound all;
  for (const std::uint64_t number : files.logs) {
    if (number < damage.number) continue;
    auto opened = folder.open(log_name(number), OpenMode::read);
    if (!opened) return opened.error();
    const StoreFile file(std::move(*opened), log_name(number), number);
    const auto bytes = file.file.bytes();
    if (!bytes) return bytes.error();
    const auto header = read_file_header(file, *bytes, kLogMagic, std::nullopt);
    if (!header) continue;
    const std::uint64_t from = number == damage.number && damage.offset != 0 ? damage.offset : sizeof(FileHeader);
    const auto found = find_groups(file, *bytes, header->salt, from);
    if (!found) return found.error();
    all.group_count += found->group_count;
    all.record_count += found->record_count;
    all.last_sequence = std::max(all.last_sequence, found->last_sequence);
  }
  return all;
}

// Cuts the log where it is damaged; everything cut off or passed over is kept.
Result<void> cut_log(const Folder& folder, SystemCalls& calls, const StoreFiles& files, const Recovered& recovered,
                     StoreRepair& repair) {
  const LogDamage& damage = *recovered.damage;
  const auto behind = found_behind(folder, files, damage);
  if (!behind) return behind.error();
  std::vector<std::string> taken = files.kept;
  std::vector<std::string> aside;
  for (const std::uint64_t number : files.logs)
    if (number > damage.number || (number == damage.number && damage.offset == 0)) aside.push_back(log_name(number));
  if (auto put = put_aside(folder, aside, taken, repair); !put) return put;
  if (damage.offset != 0) {
    const StoreFile& damaged = *recovered.logs.back();
    const std::string kept = kept_name(damaged.name, taken);
    if (auto copied = keep_aside(folder, damaged, 0, kept); !copied) return copied;
    repair.kept.push_back(kept);
    auto file = folder.open(damaged.name, OpenMode::read_write);
    if (!file) return file.error();
    if (auto cut = file->truncate(damage.offset); !cut) return cut;
    if (auto synced = file->sync(); !synced) return synced;
  } else if (recovered.logs.empty()) {
    // The snapshot alone is left: the log goes on from it.
    const auto salt = random_salt(calls);
    if (!salt) return salt.error();
    const auto segment = make_segment(
        folder, sealed(file_header(kLogMagic, recovered.identity, recovered.base, *salt, recovered.last_sequence)));
    if (!segment) return segment.error();
    if (auto published = publish_segment(folder, *segment); !published) return published;
  }
  std::string lost = damage.error.message + ": all changes after sequence number " +
                     std::to_string(recovered.last_sequence) + " are lost";
  if (behind->group_count != 0) {
    lost += "; the kept files still have " + std::to_string(behind->record_count) + " records in " +
            std::to_string(behind->group_count) + " groups that are whole, up to " +
            std::to_string(behind->last_sequence);
  }
  repair.lost.push_back(std::move(lost));
  return {};
}

Result<void> repair_locked(const Folder& folder, SystemCalls& calls, const StoreProgress& progress,
                           StoreRepair& repair) {
  const auto files = files_in(folder);
  if (!files) return files.error();
  auto recovered = StoreReader(folder, *files, std::nullopt, progress).read_newest(true);
  if (!recovered) return recovered.error();
  if (!recovered->damage) return {};
  if (!has_something(*recovered)) {
    return Error{ErrorCode::damaged, recovered->damage->error.message + "; nothing before it can be read"};
  }
  std::vector<std::string> snapshots;
  for (const std::uint64_t number : files->snapshots)
    if (number > recovered->base) snapshots.push_back(snapshot_name(number));
  std::vector<std::string> taken = files->kept;
  if (auto put = put_aside(folder, snapshots, taken, repair); !put) return put;
  return cut_log(folder, calls, *files, *recovered, repair);
}

}  // namespace

Result<StoreCheck> check_store(const std::string& path, SystemCalls& calls, const StoreProgress& progress) {
  const Folder folder(path, calls);
  const auto lock = lock_folder(folder, false);
  // A store without its lock has not been opened by anybody since it was brought here.
  if (!lock && lock.error().code != ErrorCode::not_found) return lock.error();
  const auto files = files_in(folder);
  if (!files) return files.error();
  StoreReader reader(folder, *files, std::nullopt, progress);
  StoreCheck check;
  check.kept = files->kept;
  auto newest = reader.read_newest(true);
  if (!newest) {
    if (newest.error().code != ErrorCode::damaged) return newest.error();
    check.damage = newest.error().message;
    check.is_repairable = false;
    return check;
  }
  check.identity = newest->identity;
  if (newest->damage) check.damage = newest->damage->error.message;
  check.is_repairable = !newest->damage || has_something(*newest);
  if (!check.damage && newest->base != 0) {
    auto older = check_older(reader, *files, *newest);
    if (!older) return older.error();
    check.older_start = *older;
  }
  check.recovery = std::move(newest->report);
  return check;
}

Result<StoreRepair> repair_store(const std::string& path, SystemCalls& calls, const StoreProgress& progress) {
  const Folder folder(path, calls);
  StoreRepair repair;
  {
    if (const auto files = files_in(folder); !files) return files.error();
    const auto lock = lock_folder(folder, true);
    if (!lock) return lock.error();
    if (const auto repaired = repair_locked(folder, calls, progress, repair); !repaired) return repaired.error();
  }
  // The rest is what every start does.
  StoreParams params;
  params.folder = path;
  params.automatic_snapshots = false;
  const auto store = Store::open(params, calls, progress);
  if (!store) return store.error();
  repair.recovery = (*store)->recovery();
  return repair;
}

}  // namespace semroute::core

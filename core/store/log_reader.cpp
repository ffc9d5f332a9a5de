#include "core/store/log_reader.h"

#include <algorithm>
#include <vector>

#include "core/base/crc32c.h"

namespace semroute::core {
namespace {

// The records of one group, found whole.
struct GroupRecords {
  struct One {
    RecordKind kind;
    std::size_t key_at;
    std::size_t key_bytes;
    RecordPlace place;
  };
  std::vector<One> all;
  std::string keys;  // one after the other
  void clear() {
    all.clear();
    keys.clear();
  }
};

// What is wrong with a group and where, judged by itself.
struct Judged {
  std::uint64_t offset = 0;
  Problem problem;
};

// The records of the group at `offset`, whose header was checked against the file's size. Fills `records`, if given.
Result<Judged> check_records(FileWindow& window, const StoreFile& file, std::uint64_t offset, const GroupHeader& group,
                             GroupRecords* records) {
  std::uint64_t at = offset + sizeof group;
  const std::uint64_t end = at + group.body_bytes;
  std::uint64_t sequence = group.first_sequence;
  std::uint32_t crc = 0;
  for (std::uint32_t i = 0; i < group.record_count; ++i) {
    if (end - at < sizeof(RecordHeader)) return Judged{at, "the group ends within a record"};
    const auto head = window.at(at, sizeof(RecordHeader));
    if (!head) return head.error();
    const auto header = header_from<RecordHeader>(*head);
    crc = crc32c(*head, crc);
    if (const Problem problem = check_record_header(header, end - at)) return Judged{at, problem};
    const auto record = window.at(at, static_cast<std::size_t>(record_bytes(header)));
    if (!record) return record.error();
    if (const Problem problem = check_record(*record)) return Judged{at, problem};
    if (header.sequence < sequence || header.sequence > group.last_sequence)
      return Judged{at, "a record's sequence number is out of order"};
    sequence = header.sequence;
    if (records != nullptr) {
      const std::string_view key = key_of(*record);
      records->all.push_back({header.kind, records->keys.size(), key.size(),
                              RecordPlace{&file, at, header.sequence, static_cast<std::uint32_t>(record->size())}});
      records->keys += key;
    }
    at += record->size();
  }
  if (at != end) return Judged{at, "the group is longer than its records"};
  if (crc != group.records_crc) return Judged{offset, "the checksum of the group's records is wrong"};
  return Judged{};
}

// At every place where one may begin, from `from` on.
Result<GroupsFound> find_groups_in(FileWindow& window, const StoreFile& file, std::uint64_t from, std::uint64_t salt) {
  GroupsFound found;
  std::uint64_t at = from;
  while (at <= window.bytes() && window.bytes() - at >= sizeof(GroupHeader)) {
    const auto head = window.at(at, sizeof(GroupHeader));
    if (!head) return head.error();
    const auto group = header_from<GroupHeader>(*head);
    at += 8;
    if (group.magic != kGroupMagic || check_group_header(group, salt, window.bytes() - (at - 8) - sizeof group))
      continue;
    const auto judged = check_records(window, file, at - 8, group, nullptr);
    if (!judged) return judged.error();
    if (judged->problem) continue;
    ++found.group_count;
    found.record_count += group.record_count;
    found.last_sequence = std::max(found.last_sequence, group.last_sequence);
    found.synced_sequence = std::max(found.synced_sequence, group.synced_sequence);
    at += sizeof group + group.body_bytes - 8;
  }
  return found;
}

// What is wrong with a group's place in the log, its header being right in itself.
Problem check_order(const GroupHeader& group, const LogEnd& end) noexcept {
  if (group.previous_crc != end.previous_crc) return "the group does not follow on the one before it";
  if (group.synced_sequence > end.last_sequence) return "the group names as synced what is not there";
  const bool marker = group.record_count == 0 && group.first_sequence == group.last_sequence &&
                      group.last_sequence == end.last_sequence;
  if (group.first_sequence <= end.last_sequence && !marker) return "the group's sequence numbers were there before";
  return std::nullopt;
}

class LogWalk {
 public:
  LogWalk(const StoreFile& file, std::uint64_t bytes, const FileHeader& header, const BytesRead& on_read)
      : file_(file), window_(file.file, bytes, on_read), salt_(header.salt) {
    end_.offset = end_.synced_offset = sizeof header;
    end_.last_sequence = end_.synced_sequence = header.base_sequence;
    end_.previous_crc = header.crc;
  }

  Result<LogEnd> walk(const RecordVisitor& visit) {
    while (end_.offset < window_.bytes()) {
      const auto judged = next();
      if (!judged) return judged.error();
      if (judged->problem) return ended_at(*judged);
      // Its bytes are what was written, so a record that makes no sense is no torn tail.
      if (const auto senseless = take(visit)) {
        end_.bad = BadPlace{senseless->offset, std::string(*senseless->problem), true};
        return end_;
      }
    }
    return end_;
  }

 private:
  Result<Judged> next() {
    const std::uint64_t left = window_.bytes() - end_.offset;
    if (left < sizeof group_) return Judged{end_.offset, "the file ends within a group's header"};
    const auto head = window_.at(end_.offset, sizeof group_);
    if (!head) return head.error();
    group_ = header_from<GroupHeader>(*head);
    if (const Problem problem = check_group_header(group_, salt_, left - sizeof group_))
      return Judged{end_.offset, problem};
    if (const Problem problem = check_order(group_, end_)) return Judged{end_.offset, problem};
    records_.clear();
    return check_records(window_, file_, end_.offset, group_, &records_);
  }

  std::optional<Judged> take(const RecordVisitor& visit) {
    const std::string_view keys = records_.keys;
    for (const GroupRecords::One& one : records_.all) {
      if (const Problem problem = visit(one.kind, keys.substr(one.key_at, one.key_bytes), one.place))
        return Judged{one.place.offset, problem};
    }
    unsynced_.push_back({end_.offset, group_.last_sequence});
    end_.offset += sizeof group_ + group_.body_bytes;
    end_.last_sequence = group_.last_sequence;
    end_.previous_crc = group_.crc;
    if (group_.synced_sequence > end_.synced_sequence) end_.synced_sequence = group_.synced_sequence;
    while (first_ < unsynced_.size() && unsynced_[first_].last_sequence <= end_.synced_sequence) ++first_;
    end_.synced_offset = first_ < unsynced_.size() ? unsynced_[first_].offset : end_.offset;
    if (first_ > unsynced_.size() / 2) {
      unsynced_.erase(unsynced_.begin(), unsynced_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    ++end_.group_count;
    return std::nullopt;
  }

  Result<LogEnd> ended_at(const Judged& judged) {
    const auto behind = find_groups_in(window_, file_, end_.offset, salt_);
    if (!behind) return behind.error();
    end_.bad = BadPlace{judged.offset, std::string(*judged.problem), behind->synced_sequence > end_.last_sequence};
    return end_;
  }

  struct Unsynced {
    std::uint64_t offset;
    std::uint64_t last_sequence;
  };

  const StoreFile& file_;
  FileWindow window_;
  std::uint64_t salt_;
  LogEnd end_;
  GroupHeader group_;
  GroupRecords records_;
  std::vector<Unsynced> unsynced_;  // from first_ on: groups not named as synced yet
  std::size_t first_ = 0;
};

std::string text_of(const StoreIdentity& identity) {
  return "dimension " + std::to_string(identity.dimension) + ", metric " + identity.metric;
}

}  // namespace

Error damaged_at(const StoreFile& file, std::uint64_t offset, std::string_view problem) {
  return {ErrorCode::damaged,
          file.file.path() + " is damaged at byte " + std::to_string(offset) + ": " + std::string(problem)};
}

Result<GroupsFound> find_groups(const StoreFile& file, std::uint64_t bytes, std::uint64_t salt, std::uint64_t from) {
  FileWindow window(file.file, bytes);
  return find_groups_in(window, file, from, salt);
}

Result<FileHeader> read_file_header(const StoreFile& file, std::uint64_t bytes, const std::array<char, 8>& magic,
                                    const std::optional<StoreIdentity>& identity) {
  if (bytes < sizeof(FileHeader)) return damaged_at(file, bytes, "it ends within its header");
  FileWindow window(file.file, sizeof(FileHeader));
  const auto head = window.at(0, sizeof(FileHeader));
  if (!head) return head.error();
  const auto header = header_from<FileHeader>(*head);
  if (const Problem problem = check_file_header(header, magic)) return damaged_at(file, 0, *problem);
  if (header.version != kStoreVersion) {
    return Error{ErrorCode::unsupported_version, file.file.path() + " has format version " +
                                                     std::to_string(header.version) + ", this program knows " +
                                                     std::to_string(kStoreVersion)};
  }
  if (header.number != file.number) return damaged_at(file, 0, "its header has the number of another file");
  if (identity && identity_of(header) != *identity) {
    return Error{ErrorCode::dimension_mismatch, file.file.path() + " is for " + text_of(identity_of(header)) +
                                                    ", the configuration for " + text_of(*identity)};
  }
  return header;
}

Result<LogEnd> read_log(const StoreFile& file, std::uint64_t bytes, const FileHeader& header,
                        const RecordVisitor& visit, const BytesRead& on_read) {
  return LogWalk(file, bytes, header, on_read).walk(visit);
}

}  // namespace semroute::core

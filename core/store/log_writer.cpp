#include "core/store/log_writer.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/crc32c.h"
#include "core/store/file_names.h"

namespace semroute::core {
namespace {

constexpr std::size_t kBufferKept = std::size_t{4} << 20;  // a larger one is given back after its group

RecordHeader header_of(const StoreChange& change) noexcept {
  RecordHeader header;
  header.key_bytes = static_cast<std::uint16_t>(change.key.size());
  header.value_bytes = static_cast<std::uint32_t>(change.record.size());
  return header;
}

}  // namespace

std::uint64_t group_body_bytes(std::span<const StoreBatch> batches) noexcept {
  std::uint64_t bytes = 0;
  for (const StoreBatch& batch : batches)
    for (const StoreChange& change : batch.changes) bytes += record_bytes(header_of(change));
  return bytes;
}

Result<std::uint64_t> random_salt(SystemCalls& calls) {
  std::uint64_t salt = 0;
  ssize_t got = -1;
  do got = calls.getrandom(&salt, sizeof salt);
  while (got < 0 && errno == EINTR);
  if (got != sizeof salt) return Error{ErrorCode::io_error, "the operating system gives no random number"};
  return salt;
}

Result<NewSegment> make_segment(const Folder& folder, const FileHeader& header) {
  const std::string name = log_name(header.number);
  const std::string new_name = name + std::string(kNewEnding);
  auto file = folder.open(new_name, OpenMode::create);
  if (!file) return file.error();
  Result<void> done = file->write_at(0, bytes_of(header));
  if (done) done = file->sync();
  if (!done) {
    (void)folder.remove(new_name);  // else the next start does it
    return done.error();
  }
  return NewSegment{std::make_shared<StoreFile>(std::move(*file), name, header.number), header};
}

Result<void> publish_segment(const Folder& folder, const NewSegment& segment) {
  const std::string& name = segment.file->name;
  if (auto renamed = folder.rename(name + std::string(kNewEnding), name); !renamed) return renamed;
  segment.file->file.set_path(folder.path_of(name));
  return folder.sync();
}

Result<void> LogWriter::append(std::span<const StoreBatch> batches, std::uint64_t synced_sequence,
                               std::uint64_t last_sequence) {
  SEMROUTE_CHECK(!broken_);
  GroupHeader group;
  group.body_bytes = group_body_bytes(batches);
  group.first_sequence = batches.empty() ? last_sequence : batches.front().sequence;
  group.last_sequence = batches.empty() ? last_sequence : batches.back().sequence;
  group.synced_sequence = synced_sequence;
  group.previous_crc = previous_crc_;
  buffer_.resize(sizeof group + static_cast<std::size_t>(group.body_bytes));
  places_.clear();
  std::size_t at = sizeof group;
  for (const StoreBatch& batch : batches) {
    for (const StoreChange& change : batch.changes) {
      const RecordHeader header =
          write_record(change.kind, batch.sequence, change.key, change.record, buffer_.data() + at);
      group.records_crc = crc32c(bytes_of(header), group.records_crc);
      places_.push_back({file_.get(), end_ + at, batch.sequence, static_cast<std::uint32_t>(record_bytes(header))});
      at += static_cast<std::size_t>(record_bytes(header));
      ++group.record_count;
    }
  }
  group = sealed(group, salt_);
  std::memcpy(buffer_.data(), &group, sizeof group);
  Result<void> written = file_->file.write_at(end_, buffer_);
  if (written) {
    end_ += buffer_.size();
    previous_crc_ = group.crc;
  } else if (const auto cut = file_->file.truncate(end_); !cut) {
    broken_ = true;
    written = Error{written.error().code, written.error().message + "; then " + cut.error().message};
  }
  if (buffer_.capacity() > kBufferKept) buffer_ = {};
  return written;
}

Result<void> LogWriter::sync() {
  SEMROUTE_CHECK(!broken_);
  auto synced = file_->file.sync();
  if (!synced) broken_ = true;
  return synced;
}

}  // namespace semroute::core

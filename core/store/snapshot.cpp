#include "core/store/snapshot.h"

#include <string>
#include <utility>

#include "core/base/crc32c.h"
#include "core/store/file_names.h"
#include "core/store/record_reader.h"
#include "core/store/snapshot_reader.h"

namespace semroute::core {
namespace {

// Records one after the other into the new file, a chunk at a time.
class SnapshotBody {
 public:
  explicit SnapshotBody(std::shared_ptr<StoreFile> file) : file_(std::move(file)) {}

  Result<RecordPlace> copy(const RecordPlace& place, std::string_view key) {
    if (filled_ + place.bytes > kStoreChunkBytes) {
      if (const auto written = flush(); !written) return written.error();
    }
    if (buffer_.size() < filled_ + place.bytes) buffer_.resize(filled_ + place.bytes);
    const auto record = std::span(buffer_).subspan(filled_, place.bytes);
    if (const auto read = reader_.read(place, key, record); !read) return read.error();
    records_crc_ = crc32c(record.first(sizeof(RecordHeader)), records_crc_);
    const RecordPlace copied{file_.get(), end_ + filled_, place.sequence, place.bytes};
    filled_ += place.bytes;
    return copied;
  }

  Result<void> flush() {
    if (auto written = file_->file.write_at(end_, std::span(buffer_).first(filled_)); !written) return written;
    end_ += filled_;
    unsynced_ += filled_;
    filled_ = 0;
    if (buffer_.size() > kStoreChunkBytes) buffer_ = {};
    if (unsynced_ < kSnapshotSyncBytes) return {};
    unsynced_ = 0;
    return file_->file.sync();
  }

  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  [[nodiscard]] std::uint32_t records_crc() const noexcept { return records_crc_; }

 private:
  std::shared_ptr<StoreFile> file_;
  RecordReader reader_;
  std::vector<std::byte> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t end_ = sizeof(FileHeader);
  std::uint64_t unsynced_ = 0;
  std::uint32_t records_crc_ = 0;
};

Result<FileHeader> write_body(const std::shared_ptr<StoreFile>& file, FileHeader header, const KeyView& view,
                              std::vector<std::vector<RecordPlace>>& copies) {
  SnapshotBody body(file);
  for (const auto& chain : view.chains) {
    std::vector<RecordPlace>& copied = copies.emplace_back();
    copied.reserve(chain->places.size());
    for (const RecordPlace& place : chain->places) {
      const auto copy = body.copy(place, chain->key);
      if (!copy) return copy.error();
      copied.push_back(*copy);
      ++header.record_count;
    }
  }
  if (const auto flushed = body.flush(); !flushed) return flushed.error();
  header.key_count = view.chains.size();
  header.body_bytes = body.end() - sizeof header;
  header.records_crc = body.records_crc();
  header = sealed(header);
  if (const auto written = file->file.write_at(0, bytes_of(header)); !written) return written.error();
  if (const auto synced = file->file.sync(); !synced) return synced.error();
  return header;
}

// What is read back is what was meant.
Result<void> verify(const StoreFile& file, const FileHeader& meant) {
  const auto bytes = file.file.bytes();
  if (!bytes) return bytes.error();
  const auto none = [](RecordKind, std::string_view, const RecordPlace&) -> Problem { return std::nullopt; };
  const auto read = read_snapshot(file, *bytes, std::nullopt, none, nullptr, 1);
  if (!read) return read.error();
  if (read->crc != meant.crc) return damaged_at(file, 0, "another header than the one that was written");
  return {};
}

}  // namespace

Result<WrittenSnapshot> write_snapshot_file(const Folder& folder, FileHeader header, const KeyView& view) {
  const std::string name = snapshot_name(header.number);
  const std::string new_name = name + std::string(kNewEnding);
  auto opened = folder.open(new_name, OpenMode::create);
  if (!opened) return opened.error();
  WrittenSnapshot snapshot;
  snapshot.file = std::make_shared<StoreFile>(std::move(*opened), name, header.number);
  const auto written = write_body(snapshot.file, header, view, snapshot.copies);
  if (!written) return written.error();
  if (const auto verified = verify(*snapshot.file, *written); !verified) return verified.error();
  if (const auto renamed = folder.rename(new_name, name); !renamed) return renamed.error();
  if (const auto synced = folder.sync(); !synced) {
    (void)folder.remove(name);  // whole, but not for certain; the log says the same
    return synced.error();
  }
  snapshot.file->file.set_path(folder.path_of(name));
  snapshot.bytes = sizeof header + written->body_bytes;
  return snapshot;
}

}  // namespace semroute::core

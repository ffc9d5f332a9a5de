// LogWriter: the segment that grows.
//
// A group is one write at the end; what fails is cut off again, so that the file always ends with a whole group. After
// a sync that failed, or a cut that failed, nothing may be written any more: broken().
// Complexity: linear in the bytes. Threads: one at a time; file() may be synced by another.
// Errors: those of core/base/file.h; too_large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/file.h"
#include "core/store/key_table.h"
#include "core/store/log_reader.h"
#include "core/store/store_params.h"

namespace semroute::core {

// A segment's file, made and synced under its name with `.new`; publish_segment gives it its name, for good. When
// making fails nothing is there; when publishing fails, that is not certain.
struct NewSegment {
  std::shared_ptr<StoreFile> file;
  FileHeader header;
};
// A salt for the header of a file to be made.
[[nodiscard]] Result<std::uint64_t> random_salt(SystemCalls& calls);
[[nodiscard]] Result<NewSegment> make_segment(const Folder& folder, const FileHeader& header);
[[nodiscard]] Result<void> publish_segment(const Folder& folder, const NewSegment& segment);

class LogWriter {
 public:
  // Goes on after `end`, to which the segment was read or, a new one, made.
  LogWriter(std::shared_ptr<StoreFile> file, const FileHeader& header, const LogEnd& end)
      : file_(std::move(file)), salt_(header.salt), end_(end.offset), previous_crc_(end.previous_crc) {}
  explicit LogWriter(const NewSegment& segment)
      : file_(segment.file), salt_(segment.header.salt), end_(sizeof(FileHeader)), previous_crc_(segment.header.crc) {}

  // Writes the batches as one group that names `synced_sequence`. The places of its records are in places() until the
  // next call. No batches: a marker that only names it, and has `last_sequence`.
  [[nodiscard]] Result<void> append(std::span<const StoreBatch> batches, std::uint64_t synced_sequence,
                                    std::uint64_t last_sequence);
  [[nodiscard]] Result<void> sync();

  [[nodiscard]] std::span<const RecordPlace> places() const noexcept { return places_; }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return end_; }
  [[nodiscard]] const std::shared_ptr<StoreFile>& file() const noexcept { return file_; }

 private:
  std::shared_ptr<StoreFile> file_;
  std::uint64_t salt_;
  std::uint64_t end_;
  std::uint32_t previous_crc_;
  bool broken_ = false;
  std::vector<std::byte> buffer_;
  std::vector<RecordPlace> places_;
};

// The bytes of the group of these batches, without header; 0 for none.
[[nodiscard]] std::uint64_t group_body_bytes(std::span<const StoreBatch> batches) noexcept;

}  // namespace semroute::core

#include "core/store/record_reader.h"

#include <cstring>

#include "core/store/format.h"
#include "core/store/log_reader.h"

namespace semroute::core {

Result<void> RecordReader::read_bytes(const RecordPlace& place, std::span<std::byte> out) {
  const std::uint64_t end = place.offset + place.bytes;
  const bool follows = place.file == file_ && place.offset == next_;
  if (place.file != file_) window_.reset();
  file_ = place.file;
  next_ = end;
  if (follows && !window_) {
    const auto bytes = file_->file.bytes();
    if (!bytes) return bytes.error();
    window_.emplace(file_->file, *bytes);
  }
  // Behind the window's end is what was committed since.
  if (follows && end <= window_->bytes()) {
    const auto ahead = window_->at(place.offset, place.bytes);
    if (!ahead) return ahead.error();
    std::memcpy(out.data(), ahead->data(), ahead->size());
    return {};
  }
  const auto got = file_->file.read_at(place.offset, out);
  if (!got) return got.error();
  if (*got < out.size()) return damaged_at(*file_, place.offset + *got, "the file became shorter");
  return {};
}

Result<void> RecordReader::read(const RecordPlace& place, std::string_view key, std::span<std::byte> out) {
  if (auto got = read_bytes(place, out); !got) return got;
  const auto header = header_from<RecordHeader>(out);
  Problem problem = check_record_header(header, out.size());
  if (!problem && record_bytes(header) != out.size()) problem = "a record has another length than when it was written";
  if (!problem) problem = check_record(out);
  if (!problem && (header.sequence != place.sequence || key_of(out) != key)) problem = "a record is of another change";
  if (problem) return damaged_at(*place.file, place.offset, *problem);
  return {};
}

}  // namespace semroute::core

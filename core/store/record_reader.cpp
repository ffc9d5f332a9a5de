#include "core/store/record_reader.h"

#include <cstring>

#include "core/store/format.h"
#include "core/store/log_reader.h"

namespace semroute::core {
namespace {

Result<void> check(std::span<const std::byte> record, const RecordPlace& place, std::string_view key) {
  const auto header = header_from<RecordHeader>(record);
  Problem problem = check_record_header(header, record.size());
  if (!problem && record_bytes(header) != record.size())
    problem = "a record has another length than when it was written";
  if (!problem) problem = check_record(record);
  if (!problem && (header.sequence != place.sequence || key_of(record) != key))
    problem = "a record is of another change";
  if (problem) return damaged_at(*place.file, place.offset, *problem);
  return {};
}

}  // namespace

Result<std::span<const std::byte>> RecordReader::bytes_at(const RecordPlace& place,
                                                          std::optional<std::span<std::byte>> out) {
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
  if (follows && end <= window_->bytes()) return window_->at(place.offset, place.bytes);
  if (!out) {
    if (buffer_.size() < place.bytes) buffer_.resize(place.bytes);
    out = std::span(buffer_).first(place.bytes);
  }
  const auto got = file_->file.read_at(place.offset, *out);
  if (!got) return got.error();
  if (*got < out->size()) return damaged_at(*file_, place.offset + *got, "the file became shorter");
  return std::span<const std::byte>(*out);
}

Result<std::span<const std::byte>> RecordReader::view(const RecordPlace& place, std::string_view key) {
  auto record = bytes_at(place, std::nullopt);
  if (!record) return record;
  if (const auto checked = check(*record, place, key); !checked) return checked.error();
  return record;
}

Result<void> RecordReader::read(const RecordPlace& place, std::string_view key, std::span<std::byte> out) {
  const auto record = bytes_at(place, out);
  if (!record) return record.error();
  if (record->data() != out.data()) std::memcpy(out.data(), record->data(), record->size());
  return check(out, place, key);
}

}  // namespace semroute::core

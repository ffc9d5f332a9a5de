#include "core/store/format.h"

#include <algorithm>
#include <cstddef>

#include "core/base/check.h"
#include "core/base/crc32c.h"

namespace semroute::core {
namespace {

std::uint32_t crc_of(FileHeader header) noexcept {
  header.crc = 0;
  return crc32c(bytes_of(header));
}

std::uint32_t crc_of(GroupHeader header, std::uint64_t salt) noexcept {
  header.crc = 0;
  return crc32c(bytes_of(header), crc32c(bytes_of(salt)));
}

// Of all but the padding, which must be zeros.
std::uint32_t crc_of_record(std::span<const std::byte> record, const RecordHeader& header) noexcept {
  const std::size_t bytes = sizeof header + std::size_t{header.value_bytes} + header.key_bytes;
  return crc32c(record.first(bytes).subspan(sizeof header.crc));
}

}  // namespace

FileHeader sealed(FileHeader header) noexcept {
  header.crc = crc_of(header);
  return header;
}

GroupHeader sealed(GroupHeader header, std::uint64_t salt) noexcept {
  header.crc = crc_of(header, salt);
  return header;
}

FileHeader file_header(const std::array<char, 8>& magic, const StoreIdentity& identity, std::uint64_t number,
                       std::uint64_t salt, std::uint64_t base_sequence) {
  SEMROUTE_CHECK(identity.metric.size() < kMetricBytes);
  FileHeader header;
  header.magic = magic;
  header.number = number;
  header.salt = salt;
  header.base_sequence = base_sequence;
  header.dimension = identity.dimension;
  std::ranges::copy(identity.metric, header.metric.begin());
  return header;
}

RecordHeader write_record(RecordKind kind, std::uint64_t sequence, std::string_view key,
                          std::span<const std::byte> value, std::byte* out) noexcept {
  RecordHeader header;
  header.kind = kind;
  header.key_bytes = static_cast<std::uint16_t>(key.size());
  header.sequence = sequence;
  header.value_bytes = static_cast<std::uint32_t>(value.size());
  const auto bytes = static_cast<std::size_t>(record_bytes(header));
  std::memcpy(out, &header, sizeof header);
  if (!value.empty()) std::memcpy(out + sizeof header, value.data(), value.size());
  std::memcpy(out + sizeof header + value.size(), key.data(), key.size());
  const std::size_t end = sizeof header + value.size() + key.size();
  std::memset(out + end, 0, bytes - end);
  header.crc = crc_of_record({out, bytes}, header);
  std::memcpy(out, &header.crc, sizeof header.crc);
  return header;
}

Problem check_file_header(const FileHeader& header, const std::array<char, 8>& magic) noexcept {
  if (header.magic != magic) return "its first bytes are not those of such a file";
  if (header.crc != crc_of(header)) return "the checksum of its header is wrong";
  if (header.version != kStoreVersion) return std::nullopt;
  if (header.reserved != 0 || header.reserved_too != 0) return "a reserved field of its header is not zero";
  if (header.metric.back() != 0) return "the metric in its header has no end";
  if (header.number == 0) return "its header has number 0";
  return std::nullopt;
}

Problem check_group_header(const GroupHeader& header, std::uint64_t salt, std::uint64_t bytes_after) noexcept {
  if (header.magic != kGroupMagic) return "no group begins here";
  if (header.crc != crc_of(header, salt)) return "the checksum of the group's header is wrong";
  if (header.reserved != 0) return "a reserved field of the group's header is not zero";
  if (header.body_bytes > bytes_after) return "the group is longer than the file";
  if (header.body_bytes % 8 != 0 || header.record_count > header.body_bytes / sizeof(RecordHeader))
    return "the group's length contradicts its count of records";
  if (header.first_sequence > header.last_sequence) return "the group's sequence numbers go backwards";
  return std::nullopt;
}

Problem check_record_header(const RecordHeader& header, std::uint64_t bytes_left) noexcept {
  if (header.kind < RecordKind::set || header.kind > RecordKind::erase) return "a record of an unknown kind";
  if (header.reserved != 0 || header.reserved_too != 0) return "a reserved field of a record is not zero";
  if (header.key_bytes == 0 || header.key_bytes > kMaxStoreKeyBytes) return "a record's key has an impossible length";
  if (header.value_bytes > kMaxStoreRecordBytes) return "a record over the limit";
  if (header.kind == RecordKind::erase && header.value_bytes != 0) return "an erasing record with a value";
  if (record_bytes(header) > bytes_left) return "a record is longer than what holds it";
  return std::nullopt;
}

Problem check_record(std::span<const std::byte> record) noexcept {
  const auto header = header_from<RecordHeader>(record);
  if (header.crc != crc_of_record(record, header)) return "the checksum of a record is wrong";
  const std::size_t end = sizeof header + std::size_t{header.value_bytes} + header.key_bytes;
  for (const std::byte byte : record.subspan(end))
    if (byte != std::byte{0}) return "a record is not followed by zeros";
  return std::nullopt;
}

StoreIdentity identity_of(const FileHeader& header) {
  const auto end = std::ranges::find(header.metric, '\0');
  return {header.dimension, std::string(header.metric.begin(), end)};
}

std::span<const std::byte> value_of(std::span<const std::byte> record) noexcept {
  return record.subspan(sizeof(RecordHeader), header_from<RecordHeader>(record).value_bytes);
}

std::string_view key_of(std::span<const std::byte> record) noexcept {
  const auto header = header_from<RecordHeader>(record);
  const auto key = record.subspan(sizeof header + header.value_bytes, header.key_bytes);
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

}  // namespace semroute::core

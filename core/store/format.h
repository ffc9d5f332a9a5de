// The bytes of log segments and snapshots, as FORMAT.md has them: headers and records as they lie on disk.
//
// Little-endian, every block a multiple of 8 bytes. What is read is judged before it is believed: a `check_` function
// says what is wrong with bytes, or nothing. Lengths are compared with the bytes that are there before they are used.
// Threads: pure functions. Errors: words.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/limits.h"

namespace semroute::core {

static_assert(std::endian::native == std::endian::little, "structs are copied as they lie in memory");

inline constexpr std::uint32_t kStoreVersion = 1;
inline constexpr std::size_t kMetricBytes = 16;
inline constexpr std::array<char, 8> kLogMagic{'s', 'r', 'l', 'o', 'g', '\r', '\n', '\x1A'};
inline constexpr std::array<char, 8> kSnapshotMagic{'s', 'r', 's', 'n', 'a', 'p', '\r', '\n'};
inline constexpr std::uint32_t kGroupMagic = 0x50475253;  // "SRGP"

// What every file of a store agrees on.
struct StoreIdentity {
  std::uint32_t dimension = 0;
  std::string metric;  // a word of at most 15 bytes
  [[nodiscard]] bool operator==(const StoreIdentity&) const = default;
};

// The first bytes of every file. The last five fields are a snapshot's and zero in a log.
struct FileHeader {
  std::array<char, 8> magic{};
  std::uint32_t version = kStoreVersion;
  std::uint32_t crc = 0;            // of the whole header with this field zero, in every version
  std::uint64_t number = 0;         // that of the file's name
  std::uint64_t salt = 0;           // random: no record's bytes can pass for a group of this file
  std::uint64_t base_sequence = 0;  // log: synced before the file was named; snapshot: the last one in it
  std::uint32_t dimension = 0;
  std::uint32_t reserved = 0;
  std::array<char, kMetricBytes> metric{};  // zeros after its end
  std::uint64_t key_count = 0;
  std::uint64_t record_count = 0;
  std::uint64_t body_bytes = 0;
  std::uint32_t records_crc = 0;  // of all record headers one after the other
  std::uint32_t reserved_too = 0;
};
static_assert(sizeof(FileHeader) == 96 && std::is_trivially_copyable_v<FileHeader>);

// What is written and synced at once: this header, then `record_count` records.
struct GroupHeader {
  std::uint32_t magic = kGroupMagic;
  std::uint32_t crc = 0;  // of the file's salt and this header with this field zero
  std::uint64_t body_bytes = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t synced_sequence = 0;  // the last one that was on disk for certain before this group was written
  std::uint32_t record_count = 0;
  std::uint32_t records_crc = 0;   // of the record headers, one after the other
  std::uint32_t previous_crc = 0;  // `crc` of the group before, or of the file header
  std::uint32_t reserved = 0;
};
static_assert(sizeof(GroupHeader) == 56 && std::is_trivially_copyable_v<GroupHeader>);

enum class RecordKind : std::uint8_t { set = 1, append = 2, erase = 3 };

// A record: this header, the value, the key, zeros up to a multiple of 8.
struct RecordHeader {
  std::uint32_t crc = 0;  // of the header after this field, the value and the key
  RecordKind kind = RecordKind::set;
  std::uint8_t reserved = 0;
  std::uint16_t key_bytes = 0;
  std::uint64_t sequence = 0;
  std::uint32_t value_bytes = 0;
  std::uint32_t reserved_too = 0;
};
static_assert(sizeof(RecordHeader) == 24 && std::is_trivially_copyable_v<RecordHeader>);

[[nodiscard]] constexpr std::uint64_t padded(std::uint64_t bytes) noexcept { return (bytes + 7) / 8 * 8; }
[[nodiscard]] constexpr std::uint64_t record_bytes(const RecordHeader& header) noexcept {
  return padded(sizeof(RecordHeader) + std::uint64_t{header.value_bytes} + header.key_bytes);
}

template <class T>
[[nodiscard]] std::span<const std::byte, sizeof(T)> bytes_of(const T& header) noexcept {
  return std::as_bytes(std::span<const T, 1>(&header, 1));
}
// Precondition: sizeof(T) bytes.
template <class T>
[[nodiscard]] T header_from(std::span<const std::byte> bytes) noexcept {
  T header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

// Headers with their checksums in place.
[[nodiscard]] FileHeader sealed(FileHeader header) noexcept;
[[nodiscard]] GroupHeader sealed(GroupHeader header, std::uint64_t salt) noexcept;
[[nodiscard]] FileHeader file_header(const std::array<char, 8>& magic, const StoreIdentity& identity,
                                     std::uint64_t number, std::uint64_t salt, std::uint64_t base_sequence);
// Writes a record's header, value, key and padding at `out`, which has record_bytes(). Returns the header.
RecordHeader write_record(RecordKind kind, std::uint64_t sequence, std::string_view key,
                          std::span<const std::byte> value, std::byte* out) noexcept;

// What is wrong, if anything.
using Problem = std::optional<std::string_view>;
// Another version than ours is for the caller to judge; before it, only magic and checksum are.
[[nodiscard]] Problem check_file_header(const FileHeader& header, const std::array<char, 8>& magic) noexcept;
// In itself, and against the bytes that the file has after it.
[[nodiscard]] Problem check_group_header(const GroupHeader& header, std::uint64_t salt,
                                         std::uint64_t bytes_after) noexcept;
// In itself, and against the bytes of the body from the record's first on.
[[nodiscard]] Problem check_record_header(const RecordHeader& header, std::uint64_t bytes_left) noexcept;
// The whole record, whose header was checked. Precondition: record_bytes() bytes.
[[nodiscard]] Problem check_record(std::span<const std::byte> record) noexcept;

[[nodiscard]] StoreIdentity identity_of(const FileHeader& header);
// Of a record that was checked.
[[nodiscard]] std::span<const std::byte> value_of(std::span<const std::byte> record) noexcept;
[[nodiscard]] std::string_view key_of(std::span<const std::byte> record) noexcept;

}  // namespace semroute::core

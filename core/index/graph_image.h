// The file of a graph, as FORMAT.md has it: a header, then sections of raw numbers, every byte under a CRC32C.
//
// Vectors are not in it. A node is found again by its content, a number made from its vector; what the graph is then
// worth depends on that number, the scores it leads to never do.
// Complexity: linear in the bytes. Threads: a writer by one at a time; a reader by any, and with as many as it is told.
// Errors: of reading: unsupported_version, damaged (with file and place); of both: those of File.
// Lifetime: the File outlives both.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/file.h"
#include "core/base/result.h"
#include "core/index/index_params.h"

namespace semroute::core {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

inline constexpr std::uint32_t kGraphImageVersion = 1;
inline constexpr std::array<char, 8> kGraphImageMagic{'s', 'r', 'g', 'r', 'a', 'p', 'h', '\n'};
inline constexpr std::size_t kGraphImageSections = 6;

// Lists of links and of layers have an entry for each slot, of slots that are no node, too.
enum class GraphSection : std::uint8_t { contents, layers, base_links, upper_links, twins, squared_norms };

struct GraphImageSection {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
  std::uint32_t reserved = 0;
};

struct GraphImageHeader {
  std::array<char, 8> magic = kGraphImageMagic;
  std::uint32_t version = kGraphImageVersion;
  std::uint32_t crc = 0;  // of the header with this field zero
  std::uint32_t dimension = 0;
  std::uint32_t metric = 0;
  std::uint32_t m = 0;
  std::uint32_t ef_construction = 0;
  std::uint64_t slots = 0;
  std::uint64_t entry = 0;
  float largest_squared_norm = 0.0F;
  std::uint32_t reserved = 0;
  std::array<GraphImageSection, kGraphImageSections> sections{};

  [[nodiscard]] bool is_like(const IndexParams& params) const noexcept;
};
static_assert(sizeof(GraphImageHeader) == 200 && std::is_trivially_copyable_v<GraphImageHeader>);

// The content of a (prepared) vector: two CRC32C, of its halves.
[[nodiscard]] std::uint64_t content_of(std::span<const float> vector) noexcept;

class GraphImageWriter {
 public:
  explicit GraphImageWriter(File& file) : file_(file) {}
  [[nodiscard]] Result<void> add(GraphSection section, std::span<const std::byte> bytes);
  // The header, which makes the file one. `header` names everything but the sections.
  [[nodiscard]] Result<void> finish(GraphImageHeader header);

 private:
  File& file_;
  std::uint64_t end_ = 4096;
  std::array<GraphImageSection, kGraphImageSections> sections_{};
};

class GraphImageReader {
 public:
  // Believes the header once its checksum and its sections' places in the file are right.
  [[nodiscard]] static Result<GraphImageReader> open(const File& file);
  [[nodiscard]] const GraphImageHeader& header() const noexcept { return header_; }
  [[nodiscard]] Error damage(const std::string& what) const;
  // Whether the sections are as long as so many slots need at least: memory for them is worth asking for.
  [[nodiscard]] Result<void> check_slots() const;
  // All of the section. Error damaged: it has not as many bytes, or others than were written.
  [[nodiscard]] Result<void> read(GraphSection section, std::span<std::byte> out, std::size_t threads = 1) const;

 private:
  explicit GraphImageReader(const File& file) : file_(&file) {}
  // Of a part of a section, read into `out`: its checksum.
  [[nodiscard]] Result<std::uint32_t> read_part(std::string_view name, std::uint64_t offset,
                                                std::span<std::byte> out) const;

  const File* file_;
  GraphImageHeader header_;
};

}  // namespace semroute::core

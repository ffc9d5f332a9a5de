#include "core/index/graph_image.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/in_threads.h"

namespace semroute::core {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::size_t kBytesAtATime = std::size_t{1} << 20;  // read and summed up while they are in the cache
constexpr std::size_t kBytesAThread = std::size_t{4} << 20;  // fewer are read before a thread has started

constexpr std::array<std::string_view, kGraphImageSections> kSectionNames{"contents",    "layers", "base links",
                                                                          "upper links", "twins",  "squared norms"};

std::uint32_t crc_of(GraphImageHeader header) noexcept {
  header.crc = 0;
  return crc32c(std::as_bytes(std::span(&header, 1)));
}

}  // namespace

bool GraphImageHeader::is_like(const IndexParams& params) const noexcept {
  return dimension == params.dimension && metric == static_cast<std::uint32_t>(params.metric) && m == params.hnsw.m &&
         ef_construction == params.hnsw.ef_construction;
}

std::uint64_t content_of(std::span<const float> vector) noexcept {
  const std::size_t half = vector.size() / 2;
  return std::uint64_t{crc32c(std::as_bytes(vector.first(half)))} << 32U | crc32c(std::as_bytes(vector.subspan(half)));
}

Result<void> GraphImageWriter::add(GraphSection section, std::span<const std::byte> bytes) {
  GraphImageSection& written = sections_[static_cast<std::size_t>(section)];
  written = {.offset = end_, .bytes = bytes.size()};
  for (std::size_t at = 0; at < bytes.size(); at += kBytesAtATime) {
    const auto some = bytes.subspan(at, std::min(kBytesAtATime, bytes.size() - at));
    written.crc = crc32c(some, written.crc);
    if (auto wrote = file_.write_at(end_ + at, some); !wrote.ok()) return wrote;
  }
  end_ = (end_ + bytes.size() + kPageBytes - 1) / kPageBytes * kPageBytes;
  return {};
}

Result<void> GraphImageWriter::finish(GraphImageHeader header) {
  header.sections = sections_;
  header.crc = crc_of(header);
  return file_.write_at(0, std::as_bytes(std::span(&header, 1)));
}

Error GraphImageReader::damage(const std::string& what) const {
  return Error{ErrorCode::damaged, file_->path() + ": " + what + "; the graph can be built again from the vectors"};
}

Result<GraphImageReader> GraphImageReader::open(const File& file) {
  GraphImageReader reader(file);
  GraphImageHeader& header = reader.header_;
  auto read = file.read_at(0, std::as_writable_bytes(std::span(&header, 1)));
  if (!read.ok()) return read.error();
  if (read.value() < sizeof header)
    return reader.damage("it ends in the header, at byte " + std::to_string(read.value()));
  if (header.magic != kGraphImageMagic) return reader.damage("it is not a graph's file: its first bytes are others");
  if (header.crc != crc_of(header)) return reader.damage("the checksum of the header, at byte 12, is wrong");
  if (header.version != kGraphImageVersion)
    return Error{ErrorCode::unsupported_version, file.path() + " is of format version " +
                                                     std::to_string(header.version) + ", this program reads " +
                                                     std::to_string(kGraphImageVersion)};
  const auto bytes = file.bytes();
  if (!bytes.ok()) return bytes.error();
  for (std::size_t i = 0; i < kGraphImageSections; ++i) {
    const GraphImageSection& section = header.sections[i];
    if (section.offset > bytes.value() || section.bytes > bytes.value() - section.offset)
      return reader.damage("its " + std::string(kSectionNames[i]) + " would end at byte " +
                           std::to_string(section.offset + section.bytes) + ", the file ends at " +
                           std::to_string(bytes.value()));
  }
  return reader;
}

Result<void> GraphImageReader::check_slots() const {
  const std::uint64_t layers = header_.sections[static_cast<std::size_t>(GraphSection::layers)].bytes;
  if (layers == header_.slots) return {};
  return damage("its layers are of " + std::to_string(layers) + " slots, its header says " +
                std::to_string(header_.slots));
}

Result<std::uint32_t> GraphImageReader::read_part(std::string_view name, std::uint64_t offset,
                                                  std::span<std::byte> out) const {
  std::uint32_t crc = 0;
  for (std::size_t at = 0; at < out.size(); at += kBytesAtATime) {
    const auto some = out.subspan(at, std::min(kBytesAtATime, out.size() - at));
    auto read = file_->read_at(offset + at, some);
    if (!read.ok()) return read.error();
    if (read.value() < some.size()) return damage("it ends in its " + std::string(name));
    crc = crc32c(some, crc);
  }
  return crc;
}

Result<void> GraphImageReader::read(GraphSection section, std::span<std::byte> out, std::size_t threads) const {
  const auto which = static_cast<std::size_t>(section);
  const GraphImageSection& place = header_.sections[which];
  const std::string name(kSectionNames[which]);
  if (place.bytes != out.size())
    return damage("its " + name + " have " + std::to_string(place.bytes) + " bytes, expected " +
                  std::to_string(out.size()));
  const std::size_t parts = std::clamp<std::size_t>(out.size() / kBytesAThread, 1, std::max<std::size_t>(threads, 1));
  std::vector<Result<std::uint32_t>> crcs(parts, Result<std::uint32_t>(0));
  const auto begin_of = [&](std::size_t part) { return out.size() / parts * part; };
  const auto bytes_of = [&](std::size_t part) {
    return (part + 1 < parts ? begin_of(part + 1) : out.size()) - begin_of(part);
  };
  in_threads(parts, parts, [&](std::size_t begin, std::size_t end) {
    for (std::size_t part = begin; part < end; ++part)
      crcs[part] = read_part(name, place.offset + begin_of(part), out.subspan(begin_of(part), bytes_of(part)));
  });
  std::uint32_t crc = 0;
  for (std::size_t part = 0; part < parts; ++part) {
    if (!crcs[part].ok()) return crcs[part].error();
    crc = crc32c_joined(crc, *crcs[part], bytes_of(part));
  }
  if (crc != place.crc)
    return damage("the checksum of its " + name + ", from byte " + std::to_string(place.offset) + " on, is wrong");
  return {};
}

}  // namespace semroute::core

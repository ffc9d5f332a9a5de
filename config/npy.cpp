#include "config/npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "config/input_file.h"
#include "core/base/limits.h"

namespace semroute::config {
namespace {

static_assert(std::endian::native == std::endian::little, "NPY values are copied as they lie in the file");

using core::Error;
using core::ErrorCode;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeaderBytes = 64 * 1024;  // numpy writes 118; version 1.0 cannot hold more

Error refused(std::string message) { return {ErrorCode::bad_request, std::move(message)}; }

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
};

// Reads the header's Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (96, 64), }
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  std::optional<Header> parse() {
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      const auto key = quoted();
      if (!key || !take(':')) return std::nullopt;
      bool* const seen = *key == "descr" ? &has_descr : *key == "fortran_order" ? &has_order : &has_shape;
      if (*seen || !(*key == "descr" ? descr() : *key == "fortran_order" ? order() : *key == "shape" && shape())) {
        return std::nullopt;
      }
      *seen = true;
      if (!take(',') && !starts_with('}')) return std::nullopt;
    }
    skip_blanks();
    if (!rest_.empty() || !has_descr || !has_order || !has_shape) return std::nullopt;
    return header_;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }

  bool starts_with(char c) {
    skip_blanks();
    return rest_.starts_with(c);
  }

  bool take(char c) {
    if (!starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_word(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string_view> quoted() {
    skip_blanks();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool descr() {
    const auto text = quoted();
    if (text) header_.descr = *text;
    return text.has_value();
  }

  bool order() {
    header_.fortran_order = take_word("True");
    return header_.fortran_order || take_word("False");
  }

  bool shape() {
    if (!take('(')) return false;
    while (!take(')')) {
      skip_blanks();
      std::size_t extent = 0;
      const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (parsed.ec != std::errc{} || header_.shape.size() == 32) return false;
      rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
      header_.shape.push_back(extent);
      if (!take(',') && !starts_with(')')) return false;
    }
    return true;
  }

  std::string_view rest_;
  Header header_;
};

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const std::size_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return '(' + text + ')';
}

// The bytes of the values that the header promises, or why it is not accepted.
core::Result<std::size_t> payload_bytes(const Header& header) {
  if (header.descr != "<f4" && header.descr != "<f2") {
    return refused("expected <f4 or <f2 values, found " + header.descr + "; write array.astype('<f4')");
  }
  if (header.fortran_order) {
    return refused("expected C order, found Fortran order; write numpy.ascontiguousarray(array)");
  }
  if (header.shape.size() != 2) {
    return refused("expected the shape (rows, dimension), found " + shape_text(header.shape));
  }
  const std::size_t rows = header.shape[0];
  const std::size_t dimension = header.shape[1];
  if (rows == 0) return refused("expected at least one row, found none");
  if (dimension == 0 || dimension > core::kMaxDimension) {
    return refused("expected rows of 1.." + std::to_string(core::kMaxDimension) + " numbers, found " +
                   std::to_string(dimension));
  }
  const std::size_t row_bytes = dimension * (header.descr == "<f4" ? 4 : 2);
  // Twice, as float16 values take twice the room once they are read.
  if (rows > std::numeric_limits<std::size_t>::max() / 2 / row_bytes) {
    return refused("the shape " + shape_text(header.shape) + " is larger than any file");
  }
  return rows * row_bytes;
}

core::Result<void> read_values(InputFile& file, bool is_half, std::vector<float>& values) {
  if (!is_half) return file.read(std::as_writable_bytes(std::span(values)));
  std::array<std::uint16_t, 4096> chunk{};
  for (std::size_t done = 0; done < values.size();) {
    const std::size_t count = std::min(chunk.size(), values.size() - done);
    const core::Result<void> read = file.read(std::as_writable_bytes(std::span(chunk).first(count)));
    if (!read.ok()) return read;
    for (std::size_t i = 0; i < count; ++i) values[done + i] = half_to_float(chunk[i]);
    done += count;
  }
  return {};
}

}  // namespace

float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24, exact in binary32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 0x1F ? 0xFFU : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide_exponent << 23) | (mantissa << 13));
}

core::Result<VectorRows> read_npy(const std::string& path) {
  core::Result<InputFile> file = InputFile::open(path);
  if (!file.ok()) return file.error();
  std::array<unsigned char, 12> preamble{};
  const std::size_t short_bytes = 10;  // magic, version, and version 1.0's two bytes of header length
  if (file->bytes() < short_bytes) return refused("is too short for an NPY file");
  core::Result<void> read = file->read(std::as_writable_bytes(std::span(preamble).first(short_bytes)));
  if (!read.ok()) return read.error();
  if (std::memcmp(preamble.data(), kMagic.data(), kMagic.size()) != 0) return refused("is not an NPY file");
  const unsigned major = preamble[6];
  const unsigned minor = preamble[7];
  if ((major != 1 && major != 2) || minor != 0) {
    return refused("expected NPY version 1.0 or 2.0, found " + std::to_string(major) + '.' + std::to_string(minor));
  }
  std::size_t begin = short_bytes;
  std::size_t header_bytes = preamble[8] | static_cast<std::size_t>(preamble[9]) << 8;
  if (major == 2) {
    if (file->bytes() < preamble.size()) return refused("is too short for an NPY file");
    read = file->read(std::as_writable_bytes(std::span(preamble).subspan(short_bytes)));
    if (!read.ok()) return read.error();
    header_bytes |= static_cast<std::size_t>(preamble[10]) << 16 | static_cast<std::size_t>(preamble[11]) << 24;
    begin = preamble.size();
  }
  if (header_bytes > kMaxHeaderBytes || header_bytes > file->bytes() - begin) {
    return refused("has a header of " + std::to_string(header_bytes) + " bytes, which does not fit");
  }
  std::string header_text(header_bytes, '\0');
  read = file->read(std::as_writable_bytes(std::span(header_text)));
  if (!read.ok()) return read.error();
  const std::optional<Header> header = HeaderParser(header_text).parse();
  if (!header) return refused("has a header that is not a dict of descr, fortran_order and shape");
  const core::Result<std::size_t> promised = payload_bytes(*header);
  if (!promised.ok()) return promised.error();
  const std::size_t present = file->bytes() - begin - header_bytes;
  if (*promised != present) {
    return refused("expected " + std::to_string(*promised) + " bytes of values for the shape " +
                   shape_text(header->shape) + ", found " + std::to_string(present));
  }
  VectorRows rows;
  rows.count = header->shape[0];
  rows.dimension = header->shape[1];
  rows.values.resize(rows.count * rows.dimension);
  read = read_values(*file, header->descr == "<f2", rows.values);
  if (!read.ok()) return read.error();
  return rows;
}

}  // namespace semroute::config

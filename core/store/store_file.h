// StoreFile: an open log segment or snapshot; FileWindow: its bytes, read forwards in chunks.
//
// A window asks for nothing beyond the `bytes` that it was told the file has, so that lengths read from the file are
// compared with that first. Errors: io_error when reading fails or the file has become shorter.
// Threads: a StoreFile's const functions by any thread; a window by one.
// Lifetime: the file outlives the window; what at() returns lives until the next call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/limits.h"

namespace semroute::core {

struct StoreFile {
  StoreFile(File opened, std::string its_name, std::uint64_t its_number)
      : file(std::move(opened)), name(std::move(its_name)), number(its_number) {}
  File file;
  std::string name;      // in the store's folder
  std::uint64_t number;  // a snapshot N holds what segments before N say
};

// Told now and then how many bytes more have been read.
using BytesRead = std::function<void(std::uint64_t bytes)>;

class FileWindow {
 public:
  FileWindow(const File& file, std::uint64_t bytes, BytesRead on_read = nullptr)
      : file_(file), bytes_(bytes), on_read_(std::move(on_read)) {}

  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  // Precondition: offset + count <= bytes().
  [[nodiscard]] Result<std::span<const std::byte>> at(std::uint64_t offset, std::size_t count) {
    SEMROUTE_CHECK(offset <= bytes_ && count <= bytes_ - offset);
    if (offset < begin_ || offset - begin_ > filled_ || filled_ - (offset - begin_) < count) {
      if (const auto filled = fill(offset, count); !filled) return filled.error();
    }
    return std::span<const std::byte>(buffer_).subspan(static_cast<std::size_t>(offset - begin_), count);
  }

 private:
  Result<void> fill(std::uint64_t offset, std::size_t count) {
    const std::uint64_t most = std::max<std::uint64_t>(count, kStoreChunkBytes);
    const auto wanted = static_cast<std::size_t>(std::min(bytes_ - offset, most));
    if (buffer_.size() < wanted) buffer_.resize(wanted);
    const auto got = file_.read_at(offset, std::span(buffer_).first(wanted));
    filled_ = 0;
    if (!got) return got.error();
    if (*got < wanted) return Error{ErrorCode::io_error, file_.path() + " became shorter while it was read"};
    begin_ = offset;
    filled_ = wanted;
    if (on_read_ && offset + wanted > told_) {
      on_read_(offset + wanted - std::max(told_, offset));
      told_ = offset + wanted;
    }
    return {};
  }

  const File& file_;
  std::uint64_t bytes_;
  BytesRead on_read_;
  std::vector<std::byte> buffer_;
  std::uint64_t begin_ = 0;  // of the buffer in the file
  std::size_t filled_ = 0;
  std::uint64_t told_ = 0;
};

}  // namespace semroute::core

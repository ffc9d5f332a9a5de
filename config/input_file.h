// InputFile: a regular file opened for reading, whose size is known before anything is allocated.
//
// Directories, devices and pipes are refused: a configuration must not hang on one.
// Threads: one thread. Lifetime: the descriptor is closed by the destructor.
// Errors: not_found when there is no such file, bad_request otherwise; messages do not repeat the path.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "core/base/result.h"

namespace semroute::config {

class InputFile {
 public:
  [[nodiscard]] static core::Result<InputFile> open(const std::string& path);

  InputFile(InputFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), bytes_(other.bytes_) {}
  InputFile& operator=(InputFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    bytes_ = other.bytes_;
    return *this;
  }
  ~InputFile();

  // The size when it was opened.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // Whether its mode lets those read or write it who are neither its owner nor of its group.
  [[nodiscard]] core::Result<bool> is_open_to_others() const;

  // Fills all of `out` from where the last read ended; an error when the file ends before.
  [[nodiscard]] core::Result<void> read(std::span<std::byte> out);

 private:
  InputFile(int descriptor, std::size_t bytes) noexcept : descriptor_(descriptor), bytes_(bytes) {}

  int descriptor_;
  std::size_t bytes_;
};

// The whole file; refused when it has more than `max_bytes`.
[[nodiscard]] core::Result<std::string> read_text_file(const std::string& path, std::size_t max_bytes);
// The same of a file that holds a secret: one line, without its end. Refused when others can read or write the file, or
// when there is nothing in it.
[[nodiscard]] core::Result<std::string> read_secret_file(const std::string& path, std::size_t max_bytes);

}  // namespace semroute::config

// File and Folder: files of a folder that are read and written by position, with every failure told by name.
//
// Calls that a signal interrupts are made again; short reads and writes are continued. A failed sync is never made
// again: the kernel may have dropped what it could not write, and would call the next one a success.
// Errors: not_found (no such file), cannot_create (no permission, a file system that is read-only), resource_exhausted
// (no room), unavailable (locked by another), io_error (everything else); the message names call, path and reason.
// Threads: a File's const functions by any thread; the others by one at a time.
// Lifetime: a File closes itself; the SystemCalls outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/base/system_calls.h"

namespace semroute::core {

enum class OpenMode : std::uint8_t {
  read,        // it must be there
  read_write,  // it must be there
  create,      // read and write; made, or emptied if it is there
  lock,        // read and write; made if it is not there, its bytes are left
};

class File {
 public:
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  ~File();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // For messages, after a rename.
  void set_path(std::string path) noexcept { path_ = std::move(path); }
  [[nodiscard]] Result<std::uint64_t> bytes() const;
  // Fills `out`, or fewer bytes where the file ends; returns how many.
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const;
  // All of `bytes` or an error, after which a part of them may have been written.
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> truncate(std::uint64_t bytes);
  // What was written is on the disk. By any thread.
  [[nodiscard]] Result<void> sync() const;
  // For this open file alone, until it is closed; `unavailable` when another has it.
  [[nodiscard]] Result<void> lock(bool exclusive);

 private:
  friend class Folder;
  File(SystemCalls& calls, std::string path, int descriptor)
      : calls_(&calls), path_(std::move(path)), descriptor_(descriptor) {}

  SystemCalls* calls_;
  std::string path_;
  int descriptor_;
};

class Folder {
 public:
  Folder(std::string path, SystemCalls& calls) : path_(std::move(path)), calls_(&calls) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ + '/' + std::string(name); }
  // Makes the folder, for its owner alone, unless it is there. sync_above() makes its place in the one above durable.
  [[nodiscard]] Result<void> create() const;
  [[nodiscard]] Result<void> sync_above() const;
  // The names in it, bytewise ordered.
  [[nodiscard]] Result<std::vector<std::string>> names() const;
  [[nodiscard]] Result<File> open(std::string_view name, OpenMode mode) const;
  [[nodiscard]] Result<void> rename(std::string_view from, std::string_view to) const;
  [[nodiscard]] Result<void> remove(std::string_view name) const;
  // Files that were made, renamed or removed are so on the disk.
  [[nodiscard]] Result<void> sync() const;

 private:
  std::string path_;
  SystemCalls* calls_;
};

}  // namespace semroute::core

// FaultyCalls: the real calls on a disk that a test makes bad and good again, and with points where the program ends.
//
// What is wrong now is a word in a file, read at every call: `full` (half of what is written fits, then ENOSPC),
// `unsynced` (syncs of files fail with EIO), `stuck` (they do not come back as long as it says so), `read_only` (what
// would change anything fails with EROFS). No file, no word: nothing. Threads: any.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "tests/core/store/crash_calls.h"

namespace semroute::test {

class FaultyCalls final : public core::test::CrashCalls {
 public:
  // `disk_file` has the word; empty: there is none.
  FaultyCalls(std::optional<core::test::CrashPoint> point, std::string disk_file)
      : CrashCalls(std::move(point)), disk_file_(std::move(disk_file)) {}

  int open(const char* path, int flags, mode_t mode) override;
  ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) override;
  int fdatasync(int descriptor) override;
  int rename(const char* from, const char* to) override;
  int unlink(const char* path) override;
  int mkdir(const char* path, mode_t mode) override;

 private:
  // Whether the disk is so now; errno is set then.
  [[nodiscard]] bool fails(const char* word, int problem) const;
  [[nodiscard]] bool is(const char* word) const;

  const std::string disk_file_;
  std::atomic<bool> half_fitted_{false};
};

}  // namespace semroute::test

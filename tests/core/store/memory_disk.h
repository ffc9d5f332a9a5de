// MemoryDisk: a file system in memory that can lose power, run full and fail at any call.
//
// What was written is seen at once, and survives a crash of the program (crash()); it survives a power cut
// (power_cut()) for certain only when it was synced, and in part otherwise: of a file's writes since its last sync any
// sectors of 512 bytes, of a folder's changes the first few or any. After a sync that failed, what it was to write is
// not on the disk and will not be by another sync, while reads still see it: what Linux does. Calls are counted from 1;
// plan() makes one of them fail. Threads: any, one call at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/base/system_calls.h"

namespace semroute::core::test {

struct Fault {
  std::uint64_t call = 0;  // the number of the call that fails
  int problem = 0;         // errno; 0: a read or write of half the bytes, another call is let through
  bool for_good = false;   // every call after it fails with EIO: the machine is gone
};

class MemoryDisk final : public SystemCalls {
 public:
  int open(const char* path, int flags, mode_t mode) override;
  int close(int descriptor) override;
  ssize_t pread(int descriptor, void* bytes, std::size_t count, off_t offset) override;
  ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) override;
  int fdatasync(int descriptor) override;
  int fsync(int descriptor) override;
  int ftruncate(int descriptor, off_t bytes) override;
  off_t file_bytes(int descriptor) override;
  int flock(int descriptor, int operation) override;
  int rename(const char* from, const char* to) override;
  int unlink(const char* path) override;
  int mkdir(const char* path, mode_t mode) override;
  int list(const char* path, std::vector<std::string>& names) override;
  ssize_t getrandom(void* bytes, std::size_t count) override;

  // The program ends: its files close, its locks go.
  void crash();
  void power_cut(std::mt19937& random);

  void plan(std::optional<Fault> fault);         // and counts from 1 again
  void pause(bool paused) { paused_ = paused; }  // nothing is counted, nothing fails
  [[nodiscard]] std::uint64_t calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  [[nodiscard]] bool struck() const { return struck_; }  // the planned call came
  void limit_bytes(std::optional<std::uint64_t> bytes) { limit_ = bytes; }
  void make_read_only(bool read_only) { read_only_ = read_only; }

  // The bytes of a file, to look at and to spoil; they count as synced.
  [[nodiscard]] std::string content(const std::string& path) const;
  void put(const std::string& path, std::string content);
  void spoil(const std::string& path, std::string content);  // also for who has it open
  void erase(const std::string& path);
  [[nodiscard]] std::vector<std::string> names(const std::string& folder);
  [[nodiscard]] std::uint64_t all_bytes() const;

 private:
  struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
    bool cut = false;  // a truncation to `offset`
  };
  struct Node {
    std::string content;
    std::string on_disk;
    std::vector<Write> unsynced;
  };
  using Entries = std::map<std::string, std::shared_ptr<Node>>;
  struct Open {
    std::shared_ptr<Node> node;  // none: a folder
    int lock = 0;                // LOCK_SH, LOCK_EX or none
  };

  // Whether the call is to fail: errno is set. `half` is where a short read or write is told.
  bool strikes(bool* half = nullptr);
  int refuse(int problem);
  void change_folder(std::function<void(Entries&)> change);

  mutable std::mutex mutex_;
  Entries entries_;
  Entries on_disk_;
  std::set<std::string> folders_{"/"};
  std::vector<std::function<void(Entries&)>> unsynced_;
  std::map<int, Open> open_;
  int next_descriptor_ = 1'000;
  std::uint64_t calls_ = 0;
  std::optional<Fault> fault_;
  bool struck_ = false;
  bool paused_ = false;
  bool read_only_ = false;
  std::optional<std::uint64_t> limit_;
  std::uint64_t salt_ = 0x5EED;
};

}  // namespace semroute::core::test

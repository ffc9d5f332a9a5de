// CrashCalls: the real calls, until a named point is reached, where the program kills itself as kill -9 does.
//
// A point is "WHERE WHEN N": at the N-th call (from 1) at that place, before it, after it, or with half of its bytes
// written. Places: append (a write to a log segment), sync (of one), make (a write to a file with .new), make_sync,
// rename, remove, cut, folder_sync. In the environment: SEMROUTE_CRASH_AT="rename after 2".
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/system_calls.h"

namespace semroute::core::test {

struct CrashPoint {
  std::string where;
  std::string when;  // before, half, after
  std::uint64_t count = 0;
};
[[nodiscard]] const std::vector<std::string>& crash_places();
[[nodiscard]] std::optional<CrashPoint> parse_crash_point(const std::string& text);

class CrashCalls : public SystemCalls {
 public:
  explicit CrashCalls(std::optional<CrashPoint> point) : point_(std::move(point)) {}

  int open(const char* path, int flags, mode_t mode) override;
  ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) override;
  int fdatasync(int descriptor) override;
  int fsync(int descriptor) override;
  int ftruncate(int descriptor, off_t bytes) override;
  int rename(const char* from, const char* to) override;
  int unlink(const char* path) override;

 private:
  // Whether this call is the point's; before it, the program may end here.
  bool at_point(std::string_view where);
  void after(bool point) const;
  [[nodiscard]] std::string place_of(int descriptor, std::string_view of_log, std::string_view of_new);

  std::optional<CrashPoint> point_;
  std::atomic<std::uint64_t> count_{0};
  std::mutex mutex_;
  std::map<int, std::string> paths_;
};

}  // namespace semroute::core::test

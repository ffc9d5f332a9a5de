#include "tests/core/store/crash_calls.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>

namespace semroute::core::test {
namespace {

[[noreturn]] void end_here() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

}  // namespace

const std::vector<std::string>& crash_places() {
  static const std::vector<std::string> places{"append", "sync",   "make", "make_sync",
                                               "rename", "remove", "cut",  "folder_sync"};
  return places;
}

std::optional<CrashPoint> parse_crash_point(const std::string& text) {
  CrashPoint point;
  std::istringstream words(text);
  words >> point.where >> point.when >> point.count;
  const bool known = std::ranges::find(crash_places(), point.where) != crash_places().end() && point.count > 0 &&
                     (point.when == "before" || point.when == "half" || point.when == "after");
  return known ? std::optional(point) : std::nullopt;
}

bool CrashCalls::at_point(std::string_view where) {
  if (!point_ || where != point_->where || ++count_ != point_->count) return false;
  if (point_->when == "before") end_here();
  return true;
}

void CrashCalls::after(bool point) const {
  if (point) end_here();
}

std::string CrashCalls::place_of(int descriptor, std::string_view of_log, std::string_view of_new) {
  const std::lock_guard lock(mutex_);
  const std::string& path = paths_[descriptor];
  const std::string name = path.substr(path.find_last_of('/') + 1);
  if (name.ends_with(".new")) return std::string(of_new);
  return name.starts_with("log_") ? std::string(of_log) : "";
}

int CrashCalls::open(const char* path, int flags, mode_t mode) {
  const int descriptor = SystemCalls::open(path, flags, mode);
  const std::lock_guard lock(mutex_);
  if (descriptor >= 0) paths_[descriptor] = path;
  return descriptor;
}

ssize_t CrashCalls::pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  const bool point = at_point(place_of(descriptor, "append", "make"));
  if (point && point_->when == "half") count /= 2;
  const ssize_t result = SystemCalls::pwrite(descriptor, bytes, count, offset);
  after(point);
  return result;
}

int CrashCalls::fdatasync(int descriptor) {
  const bool point = at_point(place_of(descriptor, "sync", "make_sync"));
  const int result = SystemCalls::fdatasync(descriptor);
  after(point);
  return result;
}

int CrashCalls::fsync(int descriptor) {
  const bool point = at_point("folder_sync");
  const int result = SystemCalls::fsync(descriptor);
  after(point);
  return result;
}

int CrashCalls::ftruncate(int descriptor, off_t bytes) {
  const bool point = at_point("cut");
  const int result = SystemCalls::ftruncate(descriptor, bytes);
  after(point);
  return result;
}

int CrashCalls::rename(const char* from, const char* to) {
  const bool point = at_point("rename");
  const int result = SystemCalls::rename(from, to);
  {
    const std::lock_guard lock(mutex_);
    for (auto& [descriptor, path] : paths_)
      if (path == from) path = to;
  }
  after(point);
  return result;
}

int CrashCalls::unlink(const char* path) {
  const bool point = at_point("remove");
  const int result = SystemCalls::unlink(path);
  after(point);
  return result;
}

}  // namespace semroute::core::test

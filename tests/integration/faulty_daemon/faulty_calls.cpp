#include "tests/integration/faulty_daemon/faulty_calls.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

namespace semroute::test {

using core::test::CrashCalls;

bool FaultyCalls::is(const char* word) const {
  if (disk_file_.empty()) return false;
  std::string now;
  std::ifstream(disk_file_) >> now;
  return now == word;
}

bool FaultyCalls::fails(const char* word, int problem) const {
  if (!is(word)) return false;
  errno = problem;
  return true;
}

int FaultyCalls::open(const char* path, int flags, mode_t mode) {
  const bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
  return changes && fails("read_only", EROFS) ? -1 : CrashCalls::open(path, flags, mode);
}

ssize_t FaultyCalls::pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  if (!fails("full", ENOSPC)) return CrashCalls::pwrite(descriptor, bytes, count, offset);
  if (half_fitted_.exchange(!half_fitted_)) {
    errno = ENOSPC;
    return -1;
  }
  return CrashCalls::pwrite(descriptor, bytes, (count + 1) / 2, offset);
}

int FaultyCalls::fdatasync(int descriptor) {
  while (is("stuck")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return fails("unsynced", EIO) ? -1 : CrashCalls::fdatasync(descriptor);
}

int FaultyCalls::rename(const char* from, const char* to) {
  return fails("read_only", EROFS) ? -1 : CrashCalls::rename(from, to);
}

int FaultyCalls::unlink(const char* path) { return fails("read_only", EROFS) ? -1 : CrashCalls::unlink(path); }

int FaultyCalls::mkdir(const char* path, mode_t mode) {
  return fails("read_only", EROFS) ? -1 : CrashCalls::mkdir(path, mode);
}

}  // namespace semroute::test

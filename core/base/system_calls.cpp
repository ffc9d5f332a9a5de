#include "core/base/system_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

namespace semroute::core {

int SystemCalls::open(const char* path, int flags, mode_t mode) {
  // Not blocking: a pipe that nobody writes to would be waited for.
  const int descriptor = ::open(path, flags | O_CLOEXEC | O_NONBLOCK, mode);
  struct stat about {};
  if (descriptor < 0 || (flags & O_DIRECTORY) != 0) return descriptor;
  if (::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode)) return descriptor;
  ::close(descriptor);
  errno = ENOTSUP;
  return -1;
}
int SystemCalls::close(int descriptor) { return ::close(descriptor); }
ssize_t SystemCalls::pread(int descriptor, void* bytes, std::size_t count, off_t offset) {
  return ::pread(descriptor, bytes, count, offset);
}
ssize_t SystemCalls::pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  return ::pwrite(descriptor, bytes, count, offset);
}
int SystemCalls::fdatasync(int descriptor) { return ::fdatasync(descriptor); }
int SystemCalls::fsync(int descriptor) { return ::fsync(descriptor); }
int SystemCalls::ftruncate(int descriptor, off_t bytes) { return ::ftruncate(descriptor, bytes); }
off_t SystemCalls::file_bytes(int descriptor) {
  struct stat about {};
  return ::fstat(descriptor, &about) == 0 ? about.st_size : -1;
}
int SystemCalls::flock(int descriptor, int operation) { return ::flock(descriptor, operation); }
int SystemCalls::rename(const char* from, const char* to) { return ::rename(from, to); }
int SystemCalls::unlink(const char* path) { return ::unlink(path); }
int SystemCalls::mkdir(const char* path, mode_t mode) { return ::mkdir(path, mode); }

int SystemCalls::list(const char* path, std::vector<std::string>& names) {
  DIR* const folder = ::opendir(path);
  if (folder == nullptr) return -1;
  errno = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int problem = errno;
  ::closedir(folder);
  errno = problem;
  return problem == 0 ? 0 : -1;
}

ssize_t SystemCalls::getrandom(void* bytes, std::size_t count) { return ::getrandom(bytes, count, 0); }

SystemCalls& real_system_calls() noexcept {
  static SystemCalls calls;
  return calls;
}

}  // namespace semroute::core

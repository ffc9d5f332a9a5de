// SystemCalls: the calls to the operating system that files rest on, so that a test can make any of them fail.
//
// Each is the call of its name: -1 and errno when it fails, short counts and EINTR as they come; core/base/file.h deals
// with those. The base class makes the real calls.
// Threads: any. Lifetime: outlives every file opened through it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace semroute::core {

class SystemCalls {
 public:
  SystemCalls() = default;
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;
  virtual ~SystemCalls() = default;

  // O_CLOEXEC is added. What is neither a regular file nor, with O_DIRECTORY, a folder fails with ENOTSUP.
  virtual int open(const char* path, int flags, mode_t mode);
  virtual int close(int descriptor);
  virtual ssize_t pread(int descriptor, void* bytes, std::size_t count, off_t offset);
  virtual ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset);
  virtual int fdatasync(int descriptor);
  virtual int fsync(int descriptor);
  virtual int ftruncate(int descriptor, off_t bytes);
  virtual off_t file_bytes(int descriptor);  // fstat's st_size
  virtual int flock(int descriptor, int operation);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
  virtual int mkdir(const char* path, mode_t mode);
  virtual int list(const char* path, std::vector<std::string>& names);  // a folder's entries but . and .., unordered
  virtual ssize_t getrandom(void* bytes, std::size_t count);
};

[[nodiscard]] SystemCalls& real_system_calls() noexcept;

}  // namespace semroute::core

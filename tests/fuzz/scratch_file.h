// ScratchFile: a file for parsers that read files, written anew for every input.
//
// Its bytes stay in memory, as a disk would be most of the work; its name, in the current folder, is a link to them.
// Threads: one. The name is removed when the program ends of itself.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "core/base/check.h"

namespace semroute::fuzz {

class ScratchFile {
 public:
  explicit ScratchFile(std::string_view ending)
      : path_("fuzz_input_" + std::to_string(::getpid()) + std::string(ending)),
        descriptor_(::memfd_create("fuzz_input", MFD_CLOEXEC)) {
    SEMROUTE_CHECK(descriptor_ >= 0);
    (void)::unlink(path_.c_str());  // of a program that crashed and had the same id
    SEMROUTE_CHECK(::symlink(("/proc/self/fd/" + std::to_string(descriptor_)).c_str(), path_.c_str()) == 0);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    ::close(descriptor_);
    ::unlink(path_.c_str());
  }

  const std::string& write(const unsigned char* data, std::size_t size) {
    SEMROUTE_CHECK(::ftruncate(descriptor_, 0) == 0);
    SEMROUTE_CHECK(::pwrite(descriptor_, data, size, 0) == static_cast<ssize_t>(size));
    return path_;
  }

 private:
  std::string path_;
  int descriptor_;
};

}  // namespace semroute::fuzz

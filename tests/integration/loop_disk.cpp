#include "tests/integration/loop_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/types.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace semroute::test {
namespace {

constexpr std::uintmax_t kDiskBytes = std::uintmax_t{24} << 20;
// ext4.h of the kernel; the first is in linux/ext4.h only since 6.8.
constexpr unsigned long kShutdown = _IOR('X', 125, __u32);
constexpr __u32 kWithoutFlushingTheJournal = 2;

}  // namespace

LoopDisk::LoopDisk() : path_(folder_.path() + "/disk") {
  if (::geteuid() != 0) {
    problem_ = "mounting needs root";
    return;
  }
  old_namespace_ = ::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  own_namespace_ = old_namespace_ >= 0 && ::unshare(CLONE_NEWNS) == 0;
  if (!own_namespace_ || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    problem_ = std::string("no mount namespace: ") + std::strerror(errno);
    return;
  }
  std::filesystem::create_directory(path_);
  const std::string image = folder_.path() + "/image";
  std::ofstream(image).flush();
  std::filesystem::resize_file(image, kDiskBytes);
  if (run("mkfs.ext4 -q -F " + image)) (void)mount();
}

LoopDisk::~LoopDisk() {
  if (mounted_) {
    EXPECT_TRUE(unmount()) << problem_;
  }
  if (own_namespace_) {
    EXPECT_EQ(::setns(old_namespace_, CLONE_NEWNS), 0) << std::strerror(errno);
  }
  if (old_namespace_ >= 0) ::close(old_namespace_);
}

bool LoopDisk::cut_power() const {
  const int root = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (root < 0) return false;
  __u32 how = kWithoutFlushingTheJournal;
  const int result = ::ioctl(root, kShutdown, &how);
  const int problem = errno;
  ::close(root);
  errno = problem;
  return result == 0;
}

bool LoopDisk::restart() { return unmount() && mount(); }

bool LoopDisk::make_read_only(bool read_only) {
  return run(std::string("mount -o remount,") + (read_only ? "ro " : "rw ") + path_);
}

bool LoopDisk::mount() {
  mounted_ = run("mount -o loop " + folder_.path() + "/image " + path_);
  return mounted_;
}

bool LoopDisk::unmount() {
  mounted_ = !run("umount " + path_);
  return !mounted_;
}

bool LoopDisk::run(const std::string& command) {
  const Finished finished = run_program({"/bin/sh", "-c", "PATH=$PATH:/usr/sbin:/sbin; " + command});
  if (finished.exit_code == 0) return true;
  problem_ = command + ": " + finished.output;
  while (problem_.ends_with('\n')) problem_.pop_back();
  return false;
}

}  // namespace semroute::test

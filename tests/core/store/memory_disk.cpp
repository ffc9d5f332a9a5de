#include "tests/core/store/memory_disk.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace semroute::core::test {
namespace {

constexpr std::size_t kSectorBytes = 512;

void write_into(std::string& content, std::uint64_t offset, std::string_view bytes) {
  const auto at = static_cast<std::size_t>(offset);
  if (content.size() < at + bytes.size()) content.resize(at + bytes.size(), '\0');
  content.replace(at, bytes.size(), bytes);
}

}  // namespace

int MemoryDisk::refuse(int problem) {
  errno = problem;
  return -1;
}

bool MemoryDisk::strikes(bool* half) {
  if (paused_) return false;
  ++calls_;
  if (fault_ && fault_->for_good && calls_ > fault_->call) {
    errno = EIO;
    return true;
  }
  if (!fault_ || fault_->call != calls_) return false;
  struck_ = true;
  if (fault_->problem == 0) {
    if (half != nullptr) *half = true;
    return false;
  }
  errno = fault_->problem;
  return true;
}

void MemoryDisk::change_folder(std::function<void(Entries&)> change) {
  change(entries_);
  unsynced_.push_back(std::move(change));
}

int MemoryDisk::open(const char* path, int flags, mode_t /*mode*/) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  Open opened;
  if (!folders_.contains(path)) {
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    if (writes && read_only_) return refuse(EROFS);
    auto found = entries_.find(path);
    if (found == entries_.end()) {
      if ((flags & O_CREAT) == 0) return refuse(ENOENT);
      change_folder([name = std::string(path), node = std::make_shared<Node>()](Entries& into) { into[name] = node; });
      found = entries_.find(path);
    } else if ((flags & O_TRUNC) != 0) {
      found->second->content.clear();
      found->second->unsynced.push_back({0, "", true});
    }
    opened.node = found->second;
  }
  open_[next_descriptor_] = opened;
  return next_descriptor_++;
}

int MemoryDisk::close(int descriptor) {
  const std::lock_guard lock(mutex_);
  open_.erase(descriptor);
  return 0;
}

ssize_t MemoryDisk::pread(int descriptor, void* bytes, std::size_t count, off_t offset) {
  const std::lock_guard lock(mutex_);
  bool half = false;
  if (strikes(&half)) return -1;
  const auto found = open_.find(descriptor);
  if (found == open_.end()) return refuse(EBADF);
  const std::string& content = found->second.node->content;
  const auto at = static_cast<std::size_t>(offset);
  if (at >= content.size()) return 0;
  count = std::min(count, content.size() - at);
  if (half && count > 1) count /= 2;
  std::memcpy(bytes, content.data() + at, count);
  return static_cast<ssize_t>(count);
}

ssize_t MemoryDisk::pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  const std::lock_guard lock(mutex_);
  bool half = false;
  if (strikes(&half)) return -1;
  const auto found = open_.find(descriptor);
  if (found == open_.end()) return refuse(EBADF);
  if (half && count > 1) count /= 2;
  Node& node = *found->second.node;
  const auto at = static_cast<std::uint64_t>(offset);
  if (limit_ && at + count > node.content.size()) {
    std::uint64_t used = 0;
    for (const auto& [name, one] : entries_) used += one->content.size();
    const std::uint64_t room = *limit_ > used ? *limit_ - used : 0;
    const std::uint64_t end = std::max<std::uint64_t>(node.content.size() + room, at);
    if (end <= at) return refuse(ENOSPC);
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, end - at));
  }
  const std::string_view written(static_cast<const char*>(bytes), count);
  write_into(node.content, at, written);
  node.unsynced.push_back({at, std::string(written), false});
  return static_cast<ssize_t>(count);
}

int MemoryDisk::fdatasync(int descriptor) {
  const std::lock_guard lock(mutex_);
  const bool fails = strikes();
  const auto found = open_.find(descriptor);
  if (found == open_.end()) return refuse(EBADF);
  Node& node = *found->second.node;
  if (fails) {
    if (errno != EINTR && !fault_->for_good) node.unsynced.clear();
    return -1;
  }
  // Not `on_disk = content`: what a failed sync lost stays lost.
  for (const Write& write : node.unsynced) {
    if (write.cut) {
      node.on_disk.resize(static_cast<std::size_t>(write.offset), '\0');
    } else {
      write_into(node.on_disk, write.offset, write.bytes);
    }
  }
  node.unsynced.clear();
  return 0;
}

int MemoryDisk::fsync(int descriptor) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  if (!open_.contains(descriptor)) return refuse(EBADF);
  for (const auto& change : unsynced_) change(on_disk_);
  unsynced_.clear();
  return 0;
}

int MemoryDisk::ftruncate(int descriptor, off_t bytes) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  const auto found = open_.find(descriptor);
  if (found == open_.end()) return refuse(EBADF);
  found->second.node->content.resize(static_cast<std::size_t>(bytes), '\0');
  found->second.node->unsynced.push_back({static_cast<std::uint64_t>(bytes), "", true});
  return 0;
}

off_t MemoryDisk::file_bytes(int descriptor) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  const auto found = open_.find(descriptor);
  if (found == open_.end()) return refuse(EBADF);
  return static_cast<off_t>(found->second.node->content.size());
}

int MemoryDisk::flock(int descriptor, int operation) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  const auto found = open_.find(descriptor);
  if (found == open_.end()) return refuse(EBADF);
  const int wanted = operation & (LOCK_EX | LOCK_SH);
  for (const auto& [other, one] : open_) {
    if (other == descriptor || one.node != found->second.node || one.lock == 0) continue;
    if (wanted == LOCK_EX || one.lock == LOCK_EX) return refuse(EWOULDBLOCK);
  }
  found->second.lock = wanted;
  return 0;
}

int MemoryDisk::rename(const char* from, const char* to) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  if (read_only_) return refuse(EROFS);
  if (!entries_.contains(from)) return refuse(ENOENT);
  change_folder([old_name = std::string(from), new_name = std::string(to)](Entries& in) {
    const auto found = in.find(old_name);
    if (found == in.end()) return;  // its making was lost in a power cut
    in[new_name] = found->second;
    in.erase(old_name);
  });
  return 0;
}

int MemoryDisk::unlink(const char* path) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  if (read_only_) return refuse(EROFS);
  if (!entries_.contains(path)) return refuse(ENOENT);
  change_folder([name = std::string(path)](Entries& in) { in.erase(name); });
  return 0;
}

int MemoryDisk::mkdir(const char* path, mode_t /*mode*/) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  if (folders_.contains(path)) return refuse(EEXIST);
  if (read_only_) return refuse(EROFS);
  folders_.insert(path);
  return 0;
}

int MemoryDisk::list(const char* path, std::vector<std::string>& names) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  if (!folders_.contains(path)) return refuse(ENOENT);
  const std::string prefix = std::string(path) + '/';
  for (const auto& [name, node] : entries_)
    if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  return 0;
}

// The same every time.
ssize_t MemoryDisk::getrandom(void* bytes, std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (strikes()) return -1;
  salt_ = salt_ * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
  std::memcpy(bytes, &salt_, std::min(count, sizeof salt_));
  return static_cast<ssize_t>(count);
}

void MemoryDisk::crash() {
  const std::lock_guard lock(mutex_);
  open_.clear();
}

void MemoryDisk::power_cut(std::mt19937& random) {
  const std::lock_guard lock(mutex_);
  open_.clear();
  // Half of the time the first ones, as a journal has it, else any of them.
  const bool in_order = random() % 2 == 0;
  const std::size_t changes = in_order ? random() % (unsynced_.size() + 1) : unsynced_.size();
  for (std::size_t i = 0; i < changes; ++i)
    if (in_order || random() % 2 == 0) unsynced_[i](on_disk_);
  unsynced_.clear();
  entries_ = on_disk_;
  for (const auto& [name, node] : entries_) {
    const bool none = random() % 4 == 0;
    for (const Write& write : node->unsynced) {
      if (none) break;
      if (write.cut) {
        if (random() % 2 == 0) node->on_disk.resize(static_cast<std::size_t>(write.offset), '\0');
        continue;
      }
      for (std::size_t at = 0; at < write.bytes.size();) {
        const auto place = static_cast<std::size_t>(write.offset) + at;
        const std::size_t count = std::min(kSectorBytes - place % kSectorBytes, write.bytes.size() - at);
        if (random() % 4 != 0) write_into(node->on_disk, place, std::string_view(write.bytes).substr(at, count));
        at += count;
      }
    }
    node->unsynced.clear();
    node->content = node->on_disk;
  }
}

void MemoryDisk::plan(std::optional<Fault> fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  struck_ = false;
  calls_ = 0;
}

std::string MemoryDisk::content(const std::string& path) const {
  const auto found = entries_.find(path);
  return found == entries_.end() ? "" : found->second->content;
}

void MemoryDisk::put(const std::string& path, std::string content) {
  const auto node = std::make_shared<Node>();
  node->content = node->on_disk = std::move(content);
  entries_[path] = on_disk_[path] = node;
}

void MemoryDisk::spoil(const std::string& path, std::string content) {
  Node& node = *entries_.at(path);
  node.content = node.on_disk = std::move(content);
}

void MemoryDisk::erase(const std::string& path) {
  entries_.erase(path);
  on_disk_.erase(path);
}

std::vector<std::string> MemoryDisk::names(const std::string& folder) {
  std::vector<std::string> names;
  const auto calls = calls_;
  (void)list(folder.c_str(), names);
  calls_ = calls;
  return names;
}

std::uint64_t MemoryDisk::all_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, node] : entries_) bytes += node->content.size();
  return bytes;
}

}  // namespace semroute::core::test

#include "plugins/targets/dynamic/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

namespace semroute::plugins {
namespace {

using core::Error;
using core::ErrorCode;

constexpr const char* kSymbol = "semroute_plugin_get";

// A file as the loader tells files apart, and when it was written.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator<(const Identity& other) const {
    return std::pair(device, inode) < std::pair(other.device, other.inode);
  }
};

struct Loaded {
  timespec written{};
  off_t bytes = 0;
  core::Result<const semroute_plugin*> table;
};

std::mutex g_mutex;

std::map<Identity, Loaded>& loaded_files() {
  static auto* const kFiles = new std::map<Identity, Loaded>;  // as long as the libraries: never destroyed
  return *kFiles;
}

// Why a file or folder is not safe from others; empty when it is.
std::string insecure(const struct stat& status, const char* what) {
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return std::string(what) + " belongs neither to root nor to the daemon's user";
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return std::string(what) + " can be written by others: chmod go-w takes that away";
  }
  return {};
}

struct Opened {
  int descriptor = -1;
  struct stat status {};
};

// Opens the file that `path` leads to, once it and its folder were found safe.
core::Result<Opened> open_checked(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) {
    return Error{ErrorCode::not_found, std::string("cannot be opened: ") + std::strerror(errno)};
  }
  const std::filesystem::path real(resolved);
  const int folder = ::open(real.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  struct stat folder_status {};
  Opened opened;
  int failure = 0;
  if (folder < 0 || ::fstat(folder, &folder_status) != 0) failure = errno;
  if (failure == 0) {
    opened.descriptor =
        ::openat(folder, real.filename().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (opened.descriptor < 0 || ::fstat(opened.descriptor, &opened.status) != 0) failure = errno;
  }
  if (folder >= 0) ::close(folder);
  std::string problem;
  if (failure != 0) {
    problem = std::string("cannot be opened: ") + std::strerror(failure);
  } else if (!S_ISREG(opened.status.st_mode)) {
    problem = "is no regular file";
  } else if (problem = insecure(opened.status, "the file"); problem.empty()) {
    problem = insecure(folder_status, "its folder");
  }
  if (problem.empty()) return opened;
  if (opened.descriptor >= 0) ::close(opened.descriptor);
  return Error{ErrorCode::forbidden, std::move(problem)};
}

core::Result<const semroute_plugin*> table_of(void* library) {
  using Get = const semroute_plugin* (*)();
  const auto get = reinterpret_cast<Get>(::dlsym(library, kSymbol));
  if (get == nullptr) return Error{ErrorCode::bad_request, std::string("does not export ") + kSymbol};
  const semroute_plugin* table = get();
  if (table == nullptr) return Error{ErrorCode::bad_request, std::string(kSymbol) + " gives no table"};
  if (table->abi_version != SEMROUTE_PLUGIN_ABI_VERSION) {
    return Error{ErrorCode::unsupported_version, "is of ABI version " + std::to_string(table->abi_version) +
                                                     ", this daemon of " + std::to_string(SEMROUTE_PLUGIN_ABI_VERSION)};
  }
  if (table->struct_bytes < sizeof(semroute_plugin)) {
    return Error{ErrorCode::bad_request, "its table has " + std::to_string(table->struct_bytes) + " bytes, at least " +
                                             std::to_string(sizeof(semroute_plugin)) + " are needed"};
  }
  if (table->name == nullptr || table->create == nullptr || table->destroy == nullptr || table->dispatch == nullptr) {
    return Error{ErrorCode::bad_request, "its table lacks a name, create, destroy or dispatch"};
  }
  return table;
}

}  // namespace

core::Result<const semroute_plugin*> load_plugin(const std::string& path) {
  const std::lock_guard lock(g_mutex);
  const core::Result<Opened> opened = open_checked(path);
  if (!opened.ok()) return opened.error();
  const struct stat& status = opened->status;
  auto& files = loaded_files();
  const Identity identity{status.st_dev, status.st_ino};
  if (const auto found = files.find(identity); found != files.end()) {
    ::close(opened->descriptor);
    const Loaded& file = found->second;
    if (file.written.tv_sec == status.st_mtim.tv_sec && file.written.tv_nsec == status.st_mtim.tv_nsec &&
        file.bytes == status.st_size) {
      return file.table;
    }
    return Error{ErrorCode::conflict,
                 "was written over while it is loaded: put a new file in its place by a rename, or restart"};
  }
  const std::string name = "/proc/self/fd/" + std::to_string(opened->descriptor);
  void* library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = ::dlerror();
    std::string message = reason != nullptr ? reason : "unknown reason";
    if (message.starts_with(name + ": ")) message.erase(0, name.size() + 2);
    ::close(opened->descriptor);
    return Error{ErrorCode::bad_request, "cannot be loaded: " + message};
  }
  // From here on the descriptor stays open.
  const auto added = files.emplace(identity, Loaded{status.st_mtim, status.st_size, table_of(library)});
  return added.first->second.table;
}

bool is_plugin_of(const std::string& path, const semroute_plugin* table) {
  const core::Result<const semroute_plugin*> now = load_plugin(path);
  return now.ok() && *now == table;
}

}  // namespace semroute::plugins

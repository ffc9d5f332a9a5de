#include "core/base/file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

namespace semroute::core {
namespace {

ErrorCode code_of(int problem) noexcept {
  switch (problem) {
    case ENOENT: return ErrorCode::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG: return ErrorCode::cannot_create;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ErrorCode::resource_exhausted;
    case EWOULDBLOCK: return ErrorCode::unavailable;
    default: return ErrorCode::io_error;
  }
}

// "cannot WHAT PATH: REASON", of errno.
Error failed(std::string_view what, const std::string& path) {
  const int problem = errno;
  return {code_of(problem),
          "cannot " + std::string(what) + ' ' + path + ": " + std::generic_category().message(problem)};
}

template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Offsets of the operating system are signed.
constexpr std::uint64_t kMaxOffset = std::numeric_limits<off_t>::max();

}  // namespace

File::File(File&& other) noexcept
    : calls_(other.calls_), path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

File::~File() {
  if (descriptor_ >= 0) calls_->close(descriptor_);
}

Result<std::uint64_t> File::bytes() const {
  const off_t bytes = uninterrupted([&] { return calls_->file_bytes(descriptor_); });
  if (bytes < 0) return failed("look at", path_);
  return static_cast<std::uint64_t>(bytes);
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  if (offset > kMaxOffset - out.size()) return done;
  while (done < out.size()) {
    const ssize_t got = uninterrupted([&] {
      return calls_->pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) return failed("read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> File::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  SEMROUTE_CHECK(offset <= kMaxOffset - bytes.size());
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = uninterrupted([&] {
      return calls_->pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    });
    if (put == 0) errno = EIO;  // no progress and no reason given
    if (put <= 0) return failed("write", path_);
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<void> File::truncate(std::uint64_t bytes) {
  if (uninterrupted([&] { return calls_->ftruncate(descriptor_, static_cast<off_t>(bytes)); }) < 0)
    return failed("cut", path_);
  return {};
}

Result<void> File::sync() const {
  if (uninterrupted([&] { return calls_->fdatasync(descriptor_); }) < 0) return failed("sync", path_);
  return {};
}

Result<void> File::lock(bool exclusive) {
  const int operation = (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  if (uninterrupted([&] { return calls_->flock(descriptor_, operation); }) < 0) return failed("lock", path_);
  return {};
}

Result<void> Folder::create() const {
  if (uninterrupted([&] { return calls_->mkdir(path_.c_str(), 0700); }) == 0 || errno == EEXIST) return {};
  Error error = failed("make the folder", path_);
  if (error.code == ErrorCode::not_found) error.code = ErrorCode::cannot_create;  // the folder above is missing
  return error;
}

Result<void> Folder::sync_above() const {
  const std::size_t last = path_.find_last_not_of('/');
  const std::size_t slash = last == std::string::npos ? 0 : path_.find_last_of('/', last);
  const std::string above = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
  return Folder(above, *calls_).sync();
}

Result<std::vector<std::string>> Folder::names() const {
  std::vector<std::string> names;
  const auto list = [&] {
    names.clear();
    return calls_->list(path_.c_str(), names);
  };
  if (uninterrupted(list) < 0) return failed("list", path_);
  std::ranges::sort(names);
  return names;
}

Result<File> Folder::open(std::string_view name, OpenMode mode) const {
  int flags = O_RDWR;
  if (mode == OpenMode::read) flags = O_RDONLY;
  if (mode == OpenMode::create) flags = O_RDWR | O_CREAT | O_TRUNC;
  if (mode == OpenMode::lock) flags = O_RDWR | O_CREAT;
  std::string path = path_of(name);
  const int descriptor = uninterrupted([&] { return calls_->open(path.c_str(), flags, 0600); });
  if (descriptor < 0 && errno == ENOTSUP)
    return Error{ErrorCode::io_error, "cannot open " + path + ": it is no regular file"};
  if (descriptor < 0) return failed((flags & O_CREAT) != 0 ? "make" : "open", path);
  return File(*calls_, std::move(path), descriptor);
}

Result<void> Folder::rename(std::string_view from, std::string_view to) const {
  const std::string old_path = path_of(from);
  const std::string new_path = path_of(to);
  if (uninterrupted([&] { return calls_->rename(old_path.c_str(), new_path.c_str()); }) < 0)
    return failed("rename " + old_path + " to", new_path);
  return {};
}

Result<void> Folder::remove(std::string_view name) const {
  const std::string path = path_of(name);
  if (uninterrupted([&] { return calls_->unlink(path.c_str()); }) < 0) return failed("remove", path);
  return {};
}

Result<void> Folder::sync() const {
  const int descriptor = uninterrupted([&] { return calls_->open(path_.c_str(), O_RDONLY | O_DIRECTORY, 0); });
  if (descriptor < 0) return failed("open", path_);
  Result<void> result;
  if (uninterrupted([&] { return calls_->fsync(descriptor); }) < 0) result = failed("sync", path_);
  calls_->close(descriptor);
  return result;
}

}  // namespace semroute::core

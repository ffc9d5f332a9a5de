#include "config/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "config/scalar.h"

namespace semroute::config {
namespace {

using core::Error;
using core::ErrorCode;

Error system_error(std::string_view what, int number) {
  const ErrorCode code = number == ENOENT || number == ENOTDIR ? ErrorCode::not_found : ErrorCode::bad_request;
  return {code, std::string(what) + ": " + std::generic_category().message(number)};
}

}  // namespace

core::Result<InputFile> InputFile::open(const std::string& path) {
  // The system would open what stands before it.
  if (path.find('\0') != std::string::npos)
    return Error{ErrorCode::bad_request, "expected a file name without NUL bytes"};
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return system_error("cannot be opened", errno);
  InputFile file(descriptor, 0);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return system_error("cannot be read", errno);
  if (S_ISDIR(status.st_mode)) return Error{ErrorCode::bad_request, "is a directory"};
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::bad_request, "is not a regular file"};
  file.bytes_ = static_cast<std::size_t>(status.st_size);
  return file;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

core::Result<void> InputFile::read(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::read(descriptor_, out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cannot be read", errno);
    if (got == 0) return Error{ErrorCode::bad_request, "became shorter while it was read"};
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

core::Result<bool> InputFile::is_open_to_others() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return system_error("cannot be read", errno);
  return (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
}

namespace {

core::Result<std::string> read_all(InputFile& file, std::size_t max_bytes) {
  if (file.bytes() > max_bytes) {
    return Error{ErrorCode::too_large,
                 "has " + std::to_string(file.bytes()) + " bytes, at most " + format_size(max_bytes) + " are accepted"};
  }
  std::string text(file.bytes(), '\0');
  const core::Result<void> read = file.read(std::as_writable_bytes(std::span(text)));
  if (!read.ok()) return read.error();
  return text;
}

}  // namespace

core::Result<std::string> read_text_file(const std::string& path, std::size_t max_bytes) {
  core::Result<InputFile> file = InputFile::open(path);
  if (!file.ok()) return file.error();
  return read_all(*file, max_bytes);
}

core::Result<std::string> read_secret_file(const std::string& path, std::size_t max_bytes) {
  core::Result<InputFile> file = InputFile::open(path);
  if (!file.ok()) return file.error();
  const core::Result<bool> is_open = file->is_open_to_others();
  if (!is_open.ok()) return is_open.error();
  if (*is_open) return Error{ErrorCode::forbidden, "can be read or written by others: chmod o-rw takes that away"};
  core::Result<std::string> text = read_all(*file, max_bytes);
  if (!text.ok()) return text;
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty()) return Error{ErrorCode::bad_request, "is empty"};
  return text;
}

}  // namespace semroute::config

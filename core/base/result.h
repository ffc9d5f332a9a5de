// Result<T>: the one way an operation of this project says that it failed.
//
// Holds either a T or an Error (code, message). An operating error (bad input, a full table, a peer
// that is gone) is a value of this type; a bug is SEMROUTE_CHECK (check.h); exceptions of libraries
// end in the file that calls the library. The message says what, where and what to do, for a person
// who did not write the code.
// Threads: a plain value; no sharing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/check.h"

namespace semroute::core {

// The numbers are part of the binary protocol (docs/protocol.md): never renumber.
enum class ErrorCode : std::uint16_t {
  bad_request = 1,
  bad_vector = 2,
  dimension_mismatch = 3,
  model_mismatch = 4,
  too_large = 5,
  unsupported_version = 6,
  unauthorized = 7,
  forbidden = 8,
  not_found = 9,
  conflict = 10,
  resource_exhausted = 11,
  overloaded = 12,
  timeout = 13,
  cancelled = 14,
  unavailable = 15,
  upstream_unavailable = 16,
  upstream_timeout = 17,
  upstream_error = 18,
  internal = 19,
  // Of files and folders: exit codes stand for these, no reply carries one.
  damaged = 1001,        // bytes on disk that are not what was written
  cannot_create = 1002,  // a folder or file that cannot be made or written here
  io_error = 1003,       // the device or the operating system failed
};

// The protocol's name of a code, e.g. "bad_vector".
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{...};` both read well.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  // Precondition: ok().
  [[nodiscard]] T& value() & { return checked(); }
  [[nodiscard]] const T& value() const& { return const_cast<Result*>(this)->checked(); }
  [[nodiscard]] T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }

  // Precondition: !ok().
  [[nodiscard]] const Error& error() const {
    SEMROUTE_CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  T& checked() {
    SEMROUTE_CHECK(ok());
    return std::get<0>(state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  [[nodiscard]] const Error& error() const {
    SEMROUTE_CHECK(!ok_);
    return error_;
  }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace semroute::core

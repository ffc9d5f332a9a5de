// AnyJson: what accepts every JSON text, as the handler that Boost.JSON's basic_parser calls: the parser checks the
// grammar. For handlers that look at a part of it to begin from.
//
// The library's two types are parameters, so that this header does not include it. Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace semroute::config {

template <class ErrorCode, class StringView>
struct AnyJson {
  static constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = kUnlimited;
  static constexpr std::size_t max_object_size = kUnlimited;
  static constexpr std::size_t max_string_size = kUnlimited;
  static constexpr std::size_t max_key_size = kUnlimited;

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_array_begin(ErrorCode&) { return true; }
  bool on_array_end(std::size_t, ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) { return true; }
  bool on_object_end(std::size_t, ErrorCode&) { return true; }
  bool on_string_part(StringView, std::size_t, ErrorCode&) { return true; }
  bool on_string(StringView, std::size_t, ErrorCode&) { return true; }
  bool on_key_part(StringView, std::size_t, ErrorCode&) { return true; }
  bool on_key(StringView, std::size_t, ErrorCode&) { return true; }
  bool on_number_part(StringView, ErrorCode&) { return true; }
  bool on_int64(std::int64_t, StringView, ErrorCode&) { return true; }
  bool on_uint64(std::uint64_t, StringView, ErrorCode&) { return true; }
  bool on_double(double, StringView, ErrorCode&) { return true; }
  bool on_bool(bool, ErrorCode&) { return true; }
  bool on_null(ErrorCode&) { return true; }
  bool on_comment_part(StringView, ErrorCode&) { return true; }
  bool on_comment(StringView, ErrorCode&) { return true; }
};

}  // namespace semroute::config

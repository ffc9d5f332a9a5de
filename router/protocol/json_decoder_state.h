// JsonDecoder::State: one decoding under way, shared by the two files that read a request: json_decoder.cpp (the
// object and its vectors) and json_fields.cpp (every other field, by name).
//
// A Result that failed means that the text is not JSON and the walk ends. An `offence` is a field that breaks a
// rule in well-formed JSON: the walk goes on, so that the reply can carry the request's id.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/value.h"
#include "core/base/limits.h"
#include "core/base/result.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/json_values.h"

namespace semroute::router {

// In the order of the table of fields in json_fields.cpp.
enum class Field : std::uint8_t {
  op,
  id,
  request_id,
  embedding,
  embeddings,
  payload,
  top_k,
  filter,
  score_threshold,
  timeout_ms,
  explain,
  model,
  headers,
  stream,
  key,
  request,
  name,
  vectors,
  offset,
  limit,
};
[[nodiscard]] std::optional<Field> find_field(std::string_view name) noexcept;
// True for what a binary frame carries outside of its extras.
[[nodiscard]] bool is_in_frame(Field field) noexcept;
// True for what is kept as the client wrote it.
[[nodiscard]] bool is_verbatim(Field field) noexcept;

struct JsonDecoder::State {
  State() : values(core::kMaxJsonDepth - 1) {}

  JsonValues values;
  std::string_view text;  // the whole object
  std::size_t at = 0;     // how much of it was read
  bool is_extras = false;

  std::string_view source;  // the value read last; empty when it was an offence
  config::Value tree;       // what it says, unless its field is verbatim
  std::string unescaped;

  std::uint32_t seen = 0;              // bit 1 << Field
  std::optional<std::string> unknown;  // the first field that no verb knows
  core::Error op_offence;              // comes before every other: an op of another version has other fields
  core::Error offence;                 // the first one

  core::Result<void> decode(std::string_view object, bool of_frame, Request& request);

  // The walk, in json_decoder.cpp.
  char ahead();       // moves over white space, and is the character after it; NUL at the end
  bool take(char c);  // moves over `c`, if it is ahead
  [[nodiscard]] std::string_view rest() const { return text.substr(at); }
  core::Result<void> read_object(Request& request);
  core::Result<std::string_view> read_key();
  core::Result<void> read_member(std::string_view key, Request& request);
  core::Result<void> pass(const JsonScan& scan, std::string_view name);
  core::Result<void> read_embeddings(Request& request);
  core::Result<void> read_vector(std::string_view name, Request& request);
  core::Result<void> read_array(std::string_view name, Request& request);
  core::Result<void> read_base64(std::string_view name, Request& request);

  // The fields, in json_fields.cpp: `source` and `tree` into the request.
  void read_field(Field field, Request& request);
  void read_op(Request& request);
  void read_id(std::string_view key, RequestId& id);
  void read_request_id(Request& request);
  void read_filter(Request& request);
  void read_filter_metadata(const config::Value::Map& wanted, Request& request);
  void read_headers(Request& request);
  core::Result<void> finish(const Request& request) const;

  // Notes the first offence.
  void offend(core::ErrorCode code, std::string message);
  void offend(std::string message) { offend(core::ErrorCode::bad_request, std::move(message)); }
};

}  // namespace semroute::router

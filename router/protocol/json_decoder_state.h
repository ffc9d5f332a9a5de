// JsonDecoder::State: one decoding under way, shared by the files that read a request: json_decoder.cpp (the
// object and its vectors), json_change.cpp (what changes routes) and json_fields.cpp (every other field, by name).
//
// A Result that failed means that the text is not JSON and the walk ends. An `offence` is a field that breaks a
// rule in well-formed JSON: the walk goes on, so that the reply can carry the request's id.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  route,
  if_version,
  add,
  remove,
  add_negatives,
  remove_negatives,
  set,
  changes,
};
[[nodiscard]] std::optional<Field> find_field(std::string_view name) noexcept;
// True for what a binary frame carries outside of its extras.
[[nodiscard]] bool is_in_frame(Field field) noexcept;
// True for what is kept as the client wrote it.
[[nodiscard]] bool is_verbatim(Field field) noexcept;
// True for what json_change.cpp reads piece by piece: it may hold many vectors.
[[nodiscard]] bool is_of_change(Field field) noexcept;

struct JsonDecoder::State {
  State() : values(core::kMaxJsonDepth - 1) {}

  JsonValues values;
  std::string_view text;  // the whole object
  std::size_t at = 0;     // how much of it was read
  bool is_extras = false;
  FrameRows frame_rows;
  std::size_t frame_rows_used = 0;

  std::string_view source;  // the value read last; empty when it was an offence
  config::Value tree;       // what it says, unless its field is verbatim
  std::string unescaped;

  std::uint32_t seen = 0;              // bit 1 << Field
  std::optional<std::string> unknown;  // the first field that no verb knows
  core::Error op_offence;              // comes before every other: an op of another version has other fields
  core::Error offence;                 // the first one

  core::Result<void> decode(std::string_view object, bool of_frame, const FrameRows& rows, Request& request);

  // The walk, in json_decoder.cpp.
  char ahead();       // moves over white space, and is the character after it; NUL at the end
  bool take(char c);  // moves over `c`, if it is ahead
  [[nodiscard]] std::string_view rest() const { return text.substr(at); }
  core::Result<void> read_object(Request& request);
  core::Result<std::string_view> read_key();
  core::Result<void> read_member(std::string_view key, Request& request);
  core::Result<void> pass(const JsonScan& scan, std::string_view name);
  core::Result<void> read_embeddings(Request& request);
  core::Result<void> read_embedding(std::string_view name, Request& request);
  // Appended to `numbers`; how many there were.
  core::Result<std::size_t> read_vector(std::string_view name, std::vector<float>& numbers);
  core::Result<void> read_array(std::string_view name, std::vector<float>& numbers);
  core::Result<void> read_base64(std::string_view name, std::vector<float>& numbers);
  [[nodiscard]] core::Error malformed(std::string_view what) const;

  // The fields, in json_fields.cpp: `source` and `tree` into the request.
  void read_field(Field field, Request& request);
  void read_op(Request& request);
  void read_id(std::string_view key, RequestId& id);
  void read_request_id(Request& request);
  void read_key_of_split(Request& request);
  void read_filter(Request& request);
  void read_filter_metadata(const config::Value::Map& wanted, Request& request);
  void read_headers(Request& request);
  core::Result<void> finish(const Request& request) const;

  // What changes routes, in json_change.cpp. `path` stands before every name in messages.
  template <class Read>
  core::Result<void> read_members(const std::string& name, std::span<const std::string_view> known, Read&& read);
  template <class Read>
  core::Result<void> read_elements(const std::string& name, Read&& read);
  core::Result<void> read_tree(const std::string& name);
  core::Result<void> read_change_field(Field field, RouteChange& change);
  core::Result<void> read_changes(std::vector<RouteChange>& changes);
  core::Result<void> read_change(const std::string& path, std::vector<RouteChange>& changes);
  core::Result<void> read_route(RouteChange& change);
  core::Result<void> read_set(RouteChange& change);
  core::Result<void> read_route_member(const std::string& name, std::string_view key, RouteChange& change);
  void read_destination(const std::string& name, std::string_view key, RouteFields& fields);
  core::Result<void> read_rows(const std::string& name, ChangeRows& rows);
  core::Result<void> read_row(const std::string& name, ChangeRows& rows);
  core::Result<void> read_frame_rows(const std::string& name, ChangeRows& rows);
  core::Result<void> read_positions(const std::string& name, std::vector<std::size_t>& rows);
  void expected(const std::string& name, const std::string& what);

  // Notes the first offence.
  void offend(core::ErrorCode code, std::string message);
  void offend(std::string message) { offend(core::ErrorCode::bad_request, std::move(message)); }
};

}  // namespace semroute::router

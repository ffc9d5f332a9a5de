// JsonDecoder::State: one decoding under way, shared by the two files that read a request: json_decoder.cpp (the
// object, ids, embeddings) and json_fields.cpp (every other field, by name).
//
// Threads: one. Errors: `offence` is set when a field breaks a rule but the line is well-formed JSON, so that the
// walk can go on to the request's id.
#pragma once

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

// Which verbs know a field.
enum FieldOf : unsigned { kAll = 1U, kDeciding = 2U, kGet = 4U, kCancel = 8U };

struct JsonDecoder::State {
  State() : values(core::kMaxJsonDepth - 1) {}

  JsonValues values;
  std::string key;
  std::string text;
  config::Value tree;
  std::vector<std::string> seen;  // keys of the object so far
  // What was read before `op` was known, to be checked against it.
  std::vector<std::pair<std::string, unsigned>> known;
  std::string unknown;  // the first field that no verb knows
  bool has_embedding = false;
  bool has_embeddings = false;
  bool is_extras = false;

  core::Result<void> object(std::string_view line, Request& request);
  // Reads the value at the front of `rest`; its length in `bytes`. An offence against the field's type is in `offence`.
  core::Result<void> member(std::string_view rest, Request& request, std::size_t& bytes, core::Error& offence);
  core::Result<void> finish(Request& request);

  core::Result<void> scan(const JsonScan& scan, std::size_t& bytes) const;
  void read_id(std::string_view source, RequestId& id, core::Error& offence);
  void read_embedding(std::string_view rest, Request& request, std::size_t& bytes, core::Error& offence);
  void read_embeddings(std::string_view source, Request& request, core::Error& offence);
  void append_embedding(std::string_view source, Request& request, core::Error& offence);
  void read_field(Request& request, std::string_view source, core::Error& offence);
  // False when the key is none of theirs.
  bool read_deciding_field(Request& request, std::string_view source, core::Error& offence);
  bool read_other_field(Request& request, std::string_view source, core::Error& offence);
  void read_op(Request& request, std::string_view source, core::Error& offence) const;
  void read_filter(Request& request, core::Error& offence);
  void read_headers(Request& request, core::Error& offence);
};

}  // namespace semroute::router

#include <algorithm>

#include "core/base/limits.h"
#include "router/protocol/float_text.h"
#include "router/protocol/json_decoder_state.h"

namespace semroute::router {

namespace {

using core::Error;
using core::ErrorCode;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

Error bad(std::string message) { return {ErrorCode::bad_request, std::move(message)}; }

}  // namespace

JsonDecoder::JsonDecoder() : state_(std::make_unique<State>()) {}
JsonDecoder::~JsonDecoder() = default;

core::Result<void> JsonDecoder::decode(std::string_view line, Request& request) {
  state_->is_extras = false;
  if (auto read = state_->object(line, request); !read.ok()) return read;
  return state_->finish(request);
}

core::Result<void> JsonDecoder::decode_extras(std::string_view text, Request& request) {
  if (text.empty()) {
    if (request.op == Op::cancel) return bad("request is missing: the id to cancel");
    if (request.op == Op::routes_get) return bad("name is missing");
    return {};
  }
  state_->is_extras = true;
  if (auto read = state_->object(text, request); !read.ok()) return read;
  return state_->finish(request);
}

// The outermost object, walked by hand so that every value's source text is known byte for byte. After an offence
// against a field's meaning the walk goes on, so that the reply can carry the request's id.
core::Result<void> JsonDecoder::State::object(std::string_view line, Request& request) {
  seen.clear();
  known.clear();
  unknown.clear();
  has_embedding = has_embeddings = false;
  Error offence;
  bool offended = false;
  const auto note = [&](Error& error) {
    if (!error.message.empty() && !offended) {
      offence = std::move(error);
      offended = true;
    }
    error.message.clear();
  };
  std::size_t at = 0;
  const auto skip_space = [&] {
    while (at < line.size() && is_space(line[at])) ++at;
  };
  const auto next_is = [&](char c) { return at < line.size() && line[at] == c; };
  skip_space();
  if (at == line.size()) return bad("the line is blank: expected a JSON object");
  if (!next_is('{')) return bad("expected a JSON object, one per line");
  ++at;
  skip_space();
  bool first = true;
  while (!next_is('}')) {
    if (!first) {
      if (!next_is(',')) return bad("malformed JSON at byte " + std::to_string(at) + ": expected ',' or '}'");
      ++at;
      skip_space();
    }
    first = false;
    if (!next_is('"')) return bad("malformed JSON at byte " + std::to_string(at) + ": expected a key in quotes");
    std::size_t bytes = 0;
    if (auto r = scan(values.read_string(line.substr(at), key), bytes); !r.ok()) return r;
    at += bytes;
    skip_space();
    if (!next_is(':')) return bad("malformed JSON at byte " + std::to_string(at) + ": expected ':'");
    ++at;
    skip_space();
    if (at == line.size()) return bad("malformed JSON: the line ends after key \"" + key + "\"");
    Error error;
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) error = bad("key \"" + key + "\" appears twice");
    note(error);
    seen.push_back(key);
    if (auto r = member(line.substr(at), request, bytes, error); !r.ok()) return r;
    note(error);
    at += bytes;
    skip_space();
  }
  ++at;
  skip_space();
  if (at != line.size()) return bad("malformed JSON at byte " + std::to_string(at) + ": text after the object");
  if (offended) return offence;
  return {};
}

core::Result<void> JsonDecoder::State::scan(const JsonScan& scan, std::size_t& bytes) const {
  bytes = scan.bytes;
  switch (scan.fault) {
    case JsonFault::none: return {};
    case JsonFault::too_deep: return bad("nesting over " + std::to_string(core::kMaxJsonDepth) + " levels");
    case JsonFault::duplicate_key: return bad("key \"" + scan.key + "\" appears twice");
    case JsonFault::out_of_range: return bad("a number is beyond the range of float64");
    case JsonFault::too_many:
      return bad("more than " + std::to_string(core::kMaxFilterValues) + " values in one field");
    case JsonFault::malformed: break;
  }
  return bad("malformed JSON, or text that is not valid UTF-8");
}

core::Result<void> JsonDecoder::State::member(std::string_view rest, Request& request, std::size_t& bytes,
                                              Error& offence) {
  if ((key == "embedding" || key == "embeddings") && !is_extras) {
    known.emplace_back(key, kDeciding);
    if (key == "embedding") {
      has_embedding = true;
      if (rest.front() == '[') {
        read_embedding(rest, request, bytes, offence);
        if (bytes > 0) return {};
        // Not an array of numbers alone: checked as JSON below, so that malformed text is told apart.
        Error kept = std::move(offence);
        if (auto r = scan(values.skip(rest), bytes); !r.ok()) {
          return kept.code == ErrorCode::bad_vector ? core::Result<void>(kept.message.empty() ? r.error() : kept) : r;
        }
        offence = std::move(kept);
        return {};
      }
      if (auto r = scan(values.skip(rest), bytes); !r.ok()) return r;
      append_embedding(rest.substr(0, bytes), request, offence);
      return {};
    }
    has_embeddings = true;
    request.batch = true;
    // Numbers beyond float64 are an offence of the vector, found below; the shape comes first.
    const auto shape = values.skip(rest);
    if (shape.fault == JsonFault::out_of_range) {
      offence = {ErrorCode::bad_vector, "embeddings: a number is beyond the range of float32"};
      return offence;
    }
    if (auto r = scan(shape, bytes); !r.ok()) return r;
    read_embeddings(rest.substr(0, bytes), request, offence);
    return {};
  }
  if (auto r = scan(values.skip(rest), bytes); !r.ok()) return r;
  const std::string_view source = rest.substr(0, bytes);
  if (key == "id" && !is_extras) {
    read_id(source, request.id, offence);
    return {};
  }
  if (key == "payload" && !is_extras) {
    known.emplace_back(key, kDeciding);
    request.payload.assign(source);
    return {};
  }
  if (key == "request") {
    known.emplace_back(key, kCancel);
    read_id(source, request.cancel_request, offence);
    return {};
  }
  std::size_t read_bytes = 0;
  if (auto r = scan(values.read(source, tree), read_bytes); !r.ok()) {
    offence = r.error();
    offence.message = key + ": " + offence.message;
    return {};
  }
  read_field(request, source, offence);
  return {};
}

void JsonDecoder::State::read_id(std::string_view source, RequestId& id, Error& offence) {
  if (source.front() == '"') {
    std::size_t bytes = 0;
    if (!scan(values.read_string(source, text), bytes).ok() || text.size() > core::kMaxIdBytes) {
      offence = bad(key + ": expected a string of at most " + std::to_string(core::kMaxIdBytes) + " bytes or a number");
      return;
    }
    id.text.assign(source);
    id.key = "s:" + text;
  } else if ((source.front() == '-' || (source.front() >= '0' && source.front() <= '9')) &&
             source.size() <= core::kMaxIdBytes) {
    id.text.assign(source);
    id.key = "n:" + id.text;
  } else if (source != "null") {
    offence = bad(key + ": expected a string of at most " + std::to_string(core::kMaxIdBytes) + " bytes or a number");
  }
}

void JsonDecoder::State::read_embedding(std::string_view rest, Request& request, std::size_t& bytes, Error& offence) {
  const std::size_t before = request.embeddings.size();
  const FloatScan numbers = scan_float_array(rest, request.embeddings);
  const std::string name = request.batch ? "embeddings[" + std::to_string(request.embedding_count) + "]" : "embedding";
  bytes = 0;
  if (numbers.fault == FloatFault::out_of_range) {
    offence = {ErrorCode::bad_vector, name + ": number " + std::to_string(numbers.number) + " (" +
                                          std::string(numbers.source) + ") is beyond the range of float32"};
    return;
  }
  if (numbers.fault != FloatFault::none) {
    offence = bad(name + ": element " + std::to_string(numbers.number) + " is not a number");
    return;
  }
  bytes = numbers.bytes;
  const std::size_t count = request.embeddings.size() - before;
  if (count == 0) offence = {ErrorCode::bad_vector, name + " has no numbers"};
  if (request.embedding_count == 0) {
    request.dimension = count;
  } else if (count != request.dimension && !request.ragged) {
    request.ragged = {request.embedding_count, count};
  }
  ++request.embedding_count;
}

// One embedding that is a whole JSON value: an array or base64.
void JsonDecoder::State::append_embedding(std::string_view source, Request& request, Error& offence) {
  std::size_t bytes = 0;
  if (source.front() == '[') return read_embedding(source, request, bytes, offence);
  const std::string name = request.batch ? "embeddings[" + std::to_string(request.embedding_count) + "]" : "embedding";
  if (source.front() != '"') {
    offence = bad(name + ": expected an array of numbers or base64 of little-endian float32");
    return;
  }
  (void)scan(values.read_string(source, text), bytes);
  const std::size_t before = request.embeddings.size();
  const FloatScan floats = decode_float_base64(text, request.embeddings);
  if (floats.fault == FloatFault::not_base64) {
    offence = {ErrorCode::bad_vector, name + ": not base64 at character " + std::to_string(floats.bytes)};
    return;
  }
  const std::size_t count = request.embeddings.size() - before;
  if (floats.fault != FloatFault::none || count == 0) {
    offence = {ErrorCode::bad_vector,
               name + (count == 0 && floats.fault == FloatFault::none ? " has no numbers"
                                                                      : ": the decoded bytes are no multiple of four")};
    return;
  }
  const std::size_t wrong = first_not_finite(request.embeddings.data() + before, count);
  if (wrong < count) {
    offence = {ErrorCode::bad_vector, name + ": number " + std::to_string(wrong) + " is not finite"};
    return;
  }
  if (request.embedding_count == 0) {
    request.dimension = count;
  } else if (count != request.dimension && !request.ragged) {
    request.ragged = {request.embedding_count, count};
  }
  ++request.embedding_count;
}

// `source` is known to be well-formed JSON.
void JsonDecoder::State::read_embeddings(std::string_view source, Request& request, Error& offence) {
  if (source.front() != '[') {
    offence = bad("embeddings: expected a list of embeddings");
    return;
  }
  std::size_t at = 1;
  while (offence.message.empty()) {
    while (is_space(source[at]) || source[at] == ',') ++at;
    if (source[at] == ']') break;
    const std::size_t bytes = values.skip(source.substr(at)).bytes;
    append_embedding(source.substr(at, bytes), request, offence);
    at += bytes;
  }
  if (offence.message.empty() && request.embedding_count == 0) offence = bad("embeddings: the list is empty");
}

}  // namespace semroute::router

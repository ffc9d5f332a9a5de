#include <algorithm>

#include "core/base/limits.h"
#include "router/protocol/float_text.h"
#include "router/protocol/json_decoder_state.h"

namespace semroute::router {

namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

Error bad(std::string message) { return {ErrorCode::bad_request, std::move(message)}; }

std::string meaning(const JsonScan& scan) {
  switch (scan.fault) {
    case JsonFault::too_deep: return "nesting over " + std::to_string(core::kMaxJsonDepth) + " levels";
    case JsonFault::duplicate_key: return "key \"" + shown(scan.key) + "\" appears twice";
    case JsonFault::out_of_range: return "a number is beyond the range of float64";
    case JsonFault::inexact: return "an integer is beyond 64 bits, and no float64 is exactly that";
    case JsonFault::too_many: return "more than " + std::to_string(core::kMaxFilterValues) + " values";
    case JsonFault::none:
    case JsonFault::malformed: break;
  }
  return "malformed JSON, or text that is not valid UTF-8";
}

// Counts one embedding of `count` numbers.
void add_vector(std::size_t count, Request& request) {
  if (request.embedding_count == 0) {
    request.dimension = count;
  } else if (count != request.dimension && !request.ragged) {
    request.ragged = {request.embedding_count, count};
  }
  ++request.embedding_count;
}

}  // namespace

JsonDecoder::JsonDecoder() : state_(std::make_unique<State>()) {}
JsonDecoder::~JsonDecoder() = default;

Error JsonDecoder::State::malformed(std::string_view what) const {
  return bad("malformed JSON at byte " + std::to_string(at) + ": " + std::string(what));
}

Result<void> JsonDecoder::decode(std::string_view line, Request& request) {
  return state_->decode(line, false, {}, request);
}

Result<void> JsonDecoder::decode_extras(std::string_view text, Request& request, const FrameRows& rows) {
  return state_->decode(text.empty() ? "{}" : text, true, rows, request);
}

Result<void> JsonDecoder::State::decode(std::string_view object, bool of_frame, const FrameRows& rows,
                                        Request& request) {
  text = object;
  at = 0;
  is_extras = of_frame;
  frame_rows = rows;
  frame_rows_used = 0;
  seen = 0;
  unknown.reset();
  op_offence.message.clear();
  offence.message.clear();
  if (auto read = read_object(request); !read.ok()) return read;
  return finish(request);
}

char JsonDecoder::State::ahead() {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (at < text.size() && is_space(text[at])) ++at;
  return at < text.size() ? text[at] : '\0';
}

bool JsonDecoder::State::take(char c) {
  if (ahead() != c) return false;
  ++at;
  return true;
}

// The outermost object, walked by hand so that every value's source text is known byte for byte.
Result<void> JsonDecoder::State::read_object(Request& request) {
  if (!take('{')) {
    return bad(at == text.size() ? "the line is blank: expected a JSON object"
               : is_extras       ? "expected a JSON object"
                                 : "expected a JSON object, one per line");
  }
  if (!take('}')) {
    do {
      const auto key = read_key();
      if (!key.ok()) return key.error();
      if (!take(':')) return malformed("expected ':'");
      if (auto read = read_member(*key, request); !read.ok()) return read;
    } while (take(','));
    if (!take('}')) return malformed("expected ',' or '}'");
  }
  (void)ahead();
  if (at != text.size()) return malformed("text after the object");
  return {};
}

// A view into `text`, or into `unescaped` when the key was written with escapes.
Result<std::string_view> JsonDecoder::State::read_key() {
  if (ahead() != '"') return malformed("expected a key in quotes");
  const std::string_view key = rest().substr(1);
  const auto is_plain = [](char c) { return c >= 0x20 && c != '"' && c != '\\'; };
  const auto end = static_cast<std::size_t>(std::find_if_not(key.begin(), key.end(), is_plain) - key.begin());
  if (end < key.size() && key[end] == '"') {
    at += end + 2;
    return key.substr(0, end);
  }
  const JsonScan scan = values.read_string(rest(), unescaped);
  if (scan.bytes == 0) return malformed("a key that never ends, or is not valid UTF-8");
  at += scan.bytes;
  return std::string_view(unescaped);
}

Result<void> JsonDecoder::State::read_member(std::string_view key, Request& request) {
  (void)ahead();  // `rest` begins with the value
  const auto field = find_field(key);
  if (!field || (is_extras && is_in_frame(*field))) {
    if (!unknown) unknown = shown(key);
    return pass(values.skip(rest()), shown(key));
  }
  const std::uint32_t bit = std::uint32_t{1} << static_cast<unsigned>(*field);
  if ((seen & bit) != 0) {
    offend("key \"" + std::string(key) + "\" appears twice");
    return pass(values.skip(rest()), key);
  }
  seen |= bit;
  if (*field == Field::embedding) return read_embedding(key, request);
  if (*field == Field::embeddings) return read_embeddings(request);
  if (*field == Field::changes) return read_changes(request.changes);
  if (is_of_change(*field)) return read_change_field(*field, request.change);
  const JsonScan scan = is_verbatim(*field) ? values.skip(rest()) : values.read(rest(), tree);
  if (auto read = pass(scan, key); !read.ok()) return read;
  if (!source.empty()) read_field(*field, request);
  return {};
}

// Moves over the value that was scanned; `name` is its name for messages.
Result<void> JsonDecoder::State::pass(const JsonScan& scan, std::string_view name) {
  if (scan.bytes == 0) return bad("the value at byte " + std::to_string(at) + ": " + meaning(scan));
  source = scan.fault == JsonFault::none ? text.substr(at, scan.bytes) : std::string_view{};
  if (source.empty()) offend(std::string(name) + ": " + meaning(scan));
  at += scan.bytes;
  return {};
}

Result<void> JsonDecoder::State::read_embeddings(Request& request) {
  request.batch = true;
  if (!take('[')) {
    offend("embeddings: expected a list of embeddings");
    return pass(values.skip(rest()), "embeddings");
  }
  if (take(']')) {
    offend("embeddings: the list is empty");
    return {};
  }
  do {
    const std::string name = "embeddings[" + std::to_string(request.embedding_count) + "]";
    if (auto read = read_embedding(name, request); !read.ok()) return read;
  } while (take(','));
  if (!take(']')) return malformed("expected ',' or ']' in embeddings");
  return {};
}

Result<void> JsonDecoder::State::read_embedding(std::string_view name, Request& request) {
  const auto count = read_vector(name, request.embeddings);
  if (!count.ok()) return count.error();
  add_vector(*count, request);
  return {};
}

Result<std::size_t> JsonDecoder::State::read_vector(std::string_view name, std::vector<float>& numbers) {
  const std::size_t before = numbers.size();
  const char first = ahead();
  if (first == '[' || first == '"') {
    if (auto read = first == '[' ? read_array(name, numbers) : read_base64(name, numbers); !read.ok())
      return read.error();
  } else {
    const JsonScan scan = values.skip(rest());
    if (scan.bytes > 0) offend(std::string(name) + ": expected an array of numbers or base64 of little-endian float32");
    if (auto read = pass(scan, name); !read.ok()) return read.error();
  }
  const std::size_t count = numbers.size() - before;
  if (count == 0) offend(ErrorCode::bad_vector, std::string(name) + " has no numbers");
  return count;
}

Result<void> JsonDecoder::State::read_array(std::string_view name, std::vector<float>& numbers) {
  const FloatScan array = scan_float_array(rest(), numbers);
  if (array.fault == FloatFault::not_an_array) {
    // Either no JSON at all, or JSON with something else in the array.
    const JsonScan scan = values.skip(rest());
    if (scan.bytes > 0) offend(std::string(name) + ": element " + std::to_string(array.number) + " is not a number");
    return pass(scan, name);
  }
  if (array.fault == FloatFault::out_of_range) {
    offend(ErrorCode::bad_vector, std::string(name) + ": number " + std::to_string(array.number) + " (" +
                                      shown(array.source) + ") is beyond the range of float32");
  }
  at += array.bytes;
  return {};
}

Result<void> JsonDecoder::State::read_base64(std::string_view name, std::vector<float>& numbers) {
  const std::size_t before = numbers.size();
  // Base64 has neither quotes nor escapes, though some writers escape its slashes.
  const std::string_view quoted = rest().substr(1);
  const std::size_t end = quoted.find('"');
  FloatScan floats = decode_float_base64(quoted.substr(0, end), numbers);
  std::size_t bytes = end + 2;
  if (end == std::string_view::npos || floats.fault == FloatFault::not_base64) {
    numbers.resize(before);
    const JsonScan scan = values.read_string(rest(), unescaped);
    if (scan.bytes == 0) return pass(scan, name);
    bytes = scan.bytes;
    floats = decode_float_base64(unescaped, numbers);
  }
  at += bytes;
  const std::size_t count = numbers.size() - before;
  const std::size_t wrong = first_not_finite(numbers.data() + before, count);
  if (floats.fault == FloatFault::not_base64) {
    offend(ErrorCode::bad_vector, std::string(name) + ": not base64 at character " + std::to_string(floats.bytes));
  } else if (floats.fault == FloatFault::not_float_size) {
    offend(ErrorCode::bad_vector, std::string(name) + ": the decoded bytes are no multiple of four");
  } else if (wrong < count) {
    offend(ErrorCode::bad_vector, std::string(name) + ": number " + std::to_string(wrong) + " is not finite");
  }
  return {};
}

void JsonDecoder::State::offend(ErrorCode code, std::string message) {
  if (offence.message.empty()) offence = {code, std::move(message)};
}

}  // namespace semroute::router

#include <algorithm>
#include <array>
#include <cctype>

#include "core/base/limits.h"
#include "router/protocol/float_text.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/json_values.h"

namespace semroute::router {

namespace {

using config::Value;
using core::Error;
using core::ErrorCode;

constexpr std::array<std::pair<std::string_view, Op>, 13> kOps{{{"match", Op::match},
                                                                {"route", Op::route},
                                                                {"ping", Op::ping},
                                                                {"stats", Op::stats},
                                                                {"reload", Op::reload},
                                                                {"cancel", Op::cancel},
                                                                {"routes.list", Op::routes_list},
                                                                {"routes.get", Op::routes_get},
                                                                {"routes.put", Op::routes_put},
                                                                {"routes.patch", Op::routes_patch},
                                                                {"routes.delete", Op::routes_delete},
                                                                {"routes.batch", Op::routes_batch},
                                                                {"hello", Op::hello}}};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

Error bad(std::string message) { return {ErrorCode::bad_request, std::move(message)}; }

// Which verbs know a field.
enum FieldOf : unsigned { kAll = 1U, kDeciding = 2U, kGet = 4U, kCancel = 8U, kHead = 16U };

unsigned fields_of(Op op) {
  switch (op) {
    case Op::match:
    case Op::route: return kAll | kDeciding;
    case Op::cancel: return kAll | kCancel;
    case Op::routes_get: return kAll | kGet;
    default: return kAll;
  }
}

bool is_token_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalnum(u) != 0 || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_request_id(std::string_view text) {
  if (text.empty() || text.size() > core::kMaxRequestIdBytes) return false;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("._:-").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct JsonDecoder::State {
  State() : values(core::kMaxJsonDepth - 1) {}

  JsonValues values;
  std::string key;
  std::string text;
  Value tree;
  std::vector<std::string> seen;  // keys of the object so far
  // What was read before `op` was known, to be checked against it.
  std::vector<std::pair<std::string, unsigned>> known;
  std::string unknown;  // the first field that no verb knows
  bool has_embedding = false;
  bool has_embeddings = false;
  bool is_extras = false;

  core::Result<void> object(std::string_view line, Request& request);
  // Reads the value at the front of `rest`; its length in `bytes`. An offence against the field's type is in `offence`.
  core::Result<void> member(std::string_view rest, Request& request, std::size_t& bytes, Error& offence);
  core::Result<void> finish(Request& request);

  core::Result<void> scan(const JsonScan& scan, std::size_t& bytes) const;
  void read_id(std::string_view source, RequestId& id, Error& offence);
  void read_embedding(std::string_view rest, Request& request, std::size_t& bytes, Error& offence);
  void read_embeddings(std::string_view source, Request& request, Error& offence);
  void append_embedding(std::string_view source, Request& request, Error& offence);
  void read_field(Request& request, std::string_view source, Error& offence);
  void read_filter(Request& request, Error& offence);
  void read_headers(Request& request, Error& offence);
};

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

void JsonDecoder::State::read_field(Request& request, std::string_view source, Error& offence) {
  const auto integer = [&](std::int64_t least, std::int64_t most, auto& out) {
    const auto* n = tree.integer();
    if (n == nullptr || *n < least || *n > most) {
      offence = bad(key + ": expected an integer " + std::to_string(least) + ".." + std::to_string(most) + ", found " +
                    std::string(source.substr(0, 40)));
    } else {
      out = static_cast<std::remove_reference_t<decltype(out)>>(*n);
    }
  };
  const auto boolean = [&](bool& out) {
    if (const auto* b = tree.boolean()) {
      out = *b;
    } else {
      offence = bad(key + ": expected true or false, found " + std::string(source.substr(0, 40)));
    }
  };
  const auto string = [&](auto& out) {
    if (const auto* s = tree.string()) {
      out = *s;
    } else {
      offence = bad(key + ": expected a string, found " + std::string(source.substr(0, 40)));
    }
  };
  const auto field = [&](unsigned of) { known.emplace_back(key, of); };
  if (key == "op" && !is_extras) {
    const auto* name = tree.string();
    const auto op =
        std::find_if(kOps.begin(), kOps.end(), [&](const auto& o) { return name != nullptr && o.first == *name; });
    if (op == kOps.end()) {
      offence = bad("op: expected the name of an operation, found " + std::string(source.substr(0, 80)));
    } else {
      request.op = op->second;
      if (op->second >= Op::routes_put) offence = bad("op " + *name + " is known, but not in this version");
    }
  } else if (key == "request_id") {
    string(request.request_id);
    if (offence.message.empty() && !is_request_id(request.request_id)) {
      request.request_id.clear();
      offence = bad("request_id: expected 1 to 64 characters of A-Z a-z 0-9 . _ : -");
    }
  } else if (key == "top_k") {
    field(kDeciding);
    integer(1, static_cast<std::int64_t>(core::kMaxTopK), request.top_k);
  } else if (key == "timeout_ms" && !is_extras) {
    field(kDeciding);
    std::uint32_t ms = 0;
    integer(1, core::kMaxTimeoutMs, ms);
    request.timeout_ms = ms;
  } else if (key == "score_threshold") {
    field(kDeciding);
    if (const auto* i = tree.integer()) {
      request.score_threshold = static_cast<double>(*i);
    } else if (const auto* d = tree.real()) {
      request.score_threshold = *d;
    } else {
      offence = bad("score_threshold: expected a number, found " + std::string(source.substr(0, 40)));
    }
  } else if (key == "explain") {
    field(kDeciding);
    boolean(request.explain);
  } else if (key == "model") {
    field(kDeciding);
    request.model.emplace();
    string(*request.model);
  } else if (key == "filter") {
    field(kDeciding);
    read_filter(request, offence);
  } else if (key == "headers") {
    field(kDeciding);
    read_headers(request, offence);
  } else if (key == "name") {
    field(kGet);
    string(request.route_name);
  } else if (key == "vectors") {
    field(kGet);
    boolean(request.vectors);
  } else if (key == "offset") {
    field(kGet);
    integer(0, std::int64_t{1} << 40, request.offset);
  } else if (key == "limit") {
    field(kGet);
    integer(1, static_cast<std::int64_t>(core::kMaxRoutesPage), request.limit);
  } else if (key == "stream" || key == "key") {
    offence = bad(key + " is known, but not in this version");
  } else if (unknown.empty()) {
    unknown = key;
  }
}

void JsonDecoder::State::read_filter(Request& request, Error& offence) {
  const auto* map = tree.map();
  if (map == nullptr) {
    offence = bad("filter: expected an object with routes and metadata");
    return;
  }
  const auto is_scalar = [](const Value& v) { return v.list() == nullptr && v.map() == nullptr; };
  for (const auto& part : *map) {
    if (part.key == "routes") {
      const auto* names = part.value.list();
      auto& routes = request.filter.routes.emplace();
      if (names == nullptr) {
        offence = bad("filter.routes: expected a list of names");
        return;
      }
      for (const auto& name : *names) {
        if (name.string() == nullptr) {
          offence = bad("filter.routes: expected a list of names");
          return;
        }
        routes.push_back(*name.string());
      }
    } else if (part.key == "metadata" && part.value.map() != nullptr) {
      for (const auto& wanted : *part.value.map()) {
        std::vector<Value> any;
        if (const auto* list = wanted.value.list()) {
          any = *list;
        } else {
          any.push_back(wanted.value);
        }
        for (const auto& v : any) {
          if (!is_scalar(v)) offence = bad("filter.metadata." + wanted.key + ": expected a value or a list of values");
        }
        request.filter.metadata.emplace_back(wanted.key, std::move(any));
      }
    } else {
      offence =
          bad(part.key == "metadata" ? "filter.metadata: expected an object"
                                     : "filter: unknown field \"" + part.key + "\"; there are routes and metadata");
      return;
    }
  }
}

void JsonDecoder::State::read_headers(Request& request, Error& offence) {
  const auto* map = tree.map();
  if (map == nullptr || map->size() > core::kMaxRequestHeaders) {
    offence = bad("headers: expected an object of at most " + std::to_string(core::kMaxRequestHeaders) + " strings");
    return;
  }
  std::size_t bytes = 0;
  for (const auto& header : *map) {
    const auto* value = header.value.string();
    RequestHeader out{header.key, value != nullptr ? *value : std::string()};
    bool valid = value != nullptr && !out.name.empty();
    for (char& c : out.name) {
      valid = valid && is_token_char(c);
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    for (const char c : out.value) valid = valid && (static_cast<unsigned char>(c) >= 0x20 || c == '\t') && c != 0x7F;
    if (!valid) {
      offence = bad("headers: \"" + header.key.substr(0, 80) +
                    "\" needs a valid name and a string without control characters");
      return;
    }
    for (const auto& other : request.headers) {
      if (other.name == out.name) offence = bad("headers: \"" + out.name + "\" appears twice");
    }
    bytes += out.name.size() + out.value.size();
    request.headers.push_back(std::move(out));
  }
  if (bytes > core::kMaxRequestHeaderBytes) {
    offence = bad("headers: more than " + std::to_string(core::kMaxRequestHeaderBytes) + " bytes");
  }
}

// What can only be judged once `op` is known.
core::Result<void> JsonDecoder::State::finish(Request& request) {
  if (!unknown.empty()) return bad("unknown field \"" + unknown + "\"");
  const unsigned allowed = fields_of(request.op);
  for (const auto& [name, of] : known) {
    if ((allowed & of) == 0) return bad("unknown field \"" + name + "\" for this op");
  }
  const bool deciding = request.op == Op::match || request.op == Op::route;
  if (deciding && !is_extras) {
    if (has_embedding && has_embeddings) return bad("embedding and embeddings exclude each other");
    if (!has_embedding && !has_embeddings) return bad("embedding is missing");
    if (has_embeddings && request.op == Op::route)
      return bad("embeddings is for match only; route takes one embedding");
  }
  if (request.op == Op::cancel && request.cancel_request.key.empty())
    return bad("request is missing: the id to cancel");
  if (request.op == Op::routes_get && request.route_name.empty()) return bad("name is missing");
  return {};
}

}  // namespace semroute::router

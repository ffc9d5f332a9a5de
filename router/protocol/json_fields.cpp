#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "config/header_rules.h"
#include "router/protocol/json_decoder_state.h"

namespace semroute::router {

namespace {

using config::Value;
using core::Error;
using core::ErrorCode;

// Which verbs know a field, and two things about it.
enum Trait : unsigned {
  kAll = 1U,
  kDeciding = 2U,
  kGet = 4U,
  kCancel = 8U,
  kInFrame = 16U,   // binary frames carry it outside of the extras
  kVerbatim = 32U,  // kept as the client wrote it
  kPut = 64U,
  kPatch = 128U,
  kDelete = 256U,
  kBatch = 512U,
  kList = 1024U,
};

struct FieldInfo {
  std::string_view name;
  unsigned traits = 0;
};

// In the order of Field.
constexpr std::array<FieldInfo, 28> kFields{{{"op", kAll | kInFrame},
                                             {"id", kAll | kInFrame | kVerbatim},
                                             {"request_id", kAll},
                                             {"embedding", kDeciding | kInFrame},
                                             {"embeddings", kDeciding | kInFrame},
                                             {"payload", kDeciding | kInFrame | kVerbatim},
                                             {"top_k", kDeciding},
                                             {"filter", kDeciding},
                                             {"score_threshold", kDeciding},
                                             {"timeout_ms", kDeciding | kInFrame},
                                             {"explain", kDeciding},
                                             {"model", kDeciding},
                                             {"headers", kDeciding},
                                             {"stream", kDeciding},
                                             {"key", kDeciding},
                                             {"request", kCancel | kVerbatim},
                                             {"name", kGet | kPatch | kDelete},
                                             {"vectors", kGet},
                                             {"offset", kGet | kList},
                                             {"limit", kGet | kList},
                                             {"route", kPut},
                                             {"if_version", kPut | kPatch | kDelete},
                                             {"add", kPatch},
                                             {"remove", kPatch},
                                             {"add_negatives", kPatch},
                                             {"remove_negatives", kPatch},
                                             {"set", kPatch},
                                             {"changes", kBatch}}};

const FieldInfo& info(Field field) { return kFields[static_cast<std::size_t>(field)]; }

constexpr std::size_t kMaxKeyBytes = 256;
constexpr std::int64_t kMaxOffset = std::int64_t{1} << 40;  // over any index

Error bad(std::string message) { return {ErrorCode::bad_request, std::move(message)}; }

unsigned fields_of(Op op) {
  switch (op) {
    case Op::match:
    case Op::route: return kAll | kDeciding;
    case Op::cancel: return kAll | kCancel;
    case Op::routes_get: return kAll | kGet;
    case Op::routes_list: return kAll | kList;
    case Op::routes_put: return kAll | kPut;
    case Op::routes_patch: return kAll | kPatch;
    case Op::routes_delete: return kAll | kDelete;
    case Op::routes_batch: return kAll | kBatch;
    default: return kAll;
  }
}

bool is_alphanumeric(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// What else a target's headers cannot carry is the target's to refuse.
bool has_no_control_characters(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) >= 0x20 || c == '\t') && c != 0x7F; });
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= core::kMaxRequestIdBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("._:-").find(c) != std::string_view::npos;
  });
}

bool is_scalar(const Value& value) { return value.list() == nullptr && value.map() == nullptr; }

// One field's value on its way into the request, or the offence that it is.
struct FieldValue {
  std::string_view key;
  JsonDecoder::State& state;

  void expected(const std::string& what) const {
    state.offend(std::string(key) + ": expected " + what + ", found " + shown(state.source));
  }
  template <class Integer>
  void read_integer(std::int64_t least, std::int64_t most, Integer& out) const {
    const auto* n = state.tree.integer();
    if (n == nullptr || *n < least || *n > most) {
      return expected("an integer " + std::to_string(least) + ".." + std::to_string(most));
    }
    out = static_cast<Integer>(*n);
  }
  void read_number(double& out) const {
    if (const auto number = state.tree.number()) {
      out = *number;
    } else {
      expected("a number");
    }
  }
  void read_boolean(bool& out) const {
    if (const auto* b = state.tree.boolean()) {
      out = *b;
    } else {
      expected("true or false");
    }
  }
  void read_string(std::string& out) const {
    if (const auto* s = state.tree.string()) {
      out = *s;
    } else {
      expected("a string");
    }
  }
};

}  // namespace

std::optional<Field> find_field(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (kFields[i].name == name) return static_cast<Field>(i);
  }
  return std::nullopt;
}

bool is_in_frame(Field field) noexcept { return (info(field).traits & kInFrame) != 0; }
bool is_verbatim(Field field) noexcept { return (info(field).traits & kVerbatim) != 0; }
bool is_of_change(Field field) noexcept {
  return field != Field::name && (info(field).traits & (kPut | kPatch | kDelete | kBatch)) != 0 &&
         (info(field).traits & kAll) == 0;
}

// `source` is well-formed JSON, and `tree` its value unless the field is verbatim.
void JsonDecoder::State::read_field(Field field, Request& request) {
  const FieldValue value{info(field).name, *this};
  switch (field) {
    case Field::op: return read_op(request);
    case Field::id: return read_id(value.key, request.id);
    case Field::request_id: return read_request_id(request);
    case Field::payload: request.payload.assign(source); return;
    case Field::top_k: return value.read_integer(1, static_cast<std::int64_t>(core::kMaxTopK), request.top_k);
    case Field::filter: return read_filter(request);
    case Field::score_threshold: return value.read_number(request.score_threshold.emplace());
    case Field::timeout_ms: return value.read_integer(1, core::kMaxTimeoutMs, request.timeout_ms.emplace());
    case Field::explain: return value.read_boolean(request.explain);
    case Field::model: return value.read_string(request.model.emplace());
    case Field::headers: return read_headers(request);
    case Field::stream: return value.read_boolean(request.stream);
    case Field::key: return read_key_of_split(request);
    case Field::request: return read_id(value.key, request.cancel_request);
    case Field::name: return value.read_string(request.route_name);
    case Field::vectors: return value.read_boolean(request.vectors);
    case Field::offset: return value.read_integer(0, kMaxOffset, request.offset);
    case Field::limit: return value.read_integer(1, static_cast<std::int64_t>(core::kMaxRoutesPage), request.limit);
    default: break;
  }
  SEMROUTE_CHECK(false);  // the walk reads vectors and changes
}

void JsonDecoder::State::read_op(Request& request) {
  const auto* name = tree.string();
  const OpEntry* entry = name == nullptr ? nullptr : find_op(*name);
  if (entry == nullptr) {
    op_offence = bad("op: expected the name of an operation, found " + shown(source));
    return;
  }
  request.op = entry->op;
  if (!entry->is_served) op_offence = bad("op " + *name + " is known, but not in this version");
}

void JsonDecoder::State::read_id(std::string_view key, RequestId& id) {
  const char first = source.front();
  const bool is_number = first == '-' || (first >= '0' && first <= '9');
  if (first == '"' && values.read_string(source, unescaped).bytes > 0 && unescaped.size() <= core::kMaxIdBytes) {
    id.text.assign(source);
    id.key = "s:" + unescaped;
  } else if (is_number && source.size() <= core::kMaxIdBytes) {
    id.text.assign(source);
    id.key = "n:" + id.text;
  } else if (source != "null") {
    offend(std::string(key) + ": expected a string of at most " + std::to_string(core::kMaxIdBytes) +
           " bytes or a number");
  }
}

void JsonDecoder::State::read_request_id(Request& request) {
  const auto* given = tree.string();
  if (given == nullptr || !is_request_id(*given))
    return offend("request_id: expected a string of 1 to " + std::to_string(core::kMaxRequestIdBytes) +
                  " characters of A-Z a-z 0-9 . _ : -");
  request.request_id = *given;
}

void JsonDecoder::State::read_key_of_split(Request& request) {
  const auto* given = tree.string();
  if (given == nullptr || given->empty() || given->size() > kMaxKeyBytes)
    return offend("key: expected a string of 1 to " + std::to_string(kMaxKeyBytes) + " bytes");
  request.key = *given;
}

void JsonDecoder::State::read_filter(Request& request) {
  const auto* map = tree.map();
  if (map == nullptr) return offend("filter: expected an object with routes and metadata");
  for (const auto& part : *map) {
    if (part.key == "routes") {
      const auto* names = part.value.list();
      const auto is_name = [](const Value& name) { return name.string() != nullptr; };
      if (names == nullptr || !std::all_of(names->begin(), names->end(), is_name))
        return offend("filter.routes: expected a list of names");
      auto& routes = request.filter.routes.emplace();
      for (const auto& name : *names) routes.push_back(*name.string());
    } else if (part.key == "metadata") {
      if (part.value.map() == nullptr) return offend("filter.metadata: expected an object");
      read_filter_metadata(*part.value.map(), request);
    } else {
      return offend("filter: unknown field \"" + shown(part.key) + "\"; there are routes and metadata");
    }
  }
}

void JsonDecoder::State::read_filter_metadata(const Value::Map& wanted, Request& request) {
  for (const auto& entry : wanted) {
    std::vector<Value> any;
    if (const auto* list = entry.value.list()) {
      any = *list;
    } else {
      any.push_back(entry.value);
    }
    if (!std::all_of(any.begin(), any.end(), is_scalar))
      return offend("filter.metadata." + shown(entry.key) + ": expected a value or a list of values");
    request.filter.metadata.emplace_back(entry.key, std::move(any));
  }
}

void JsonDecoder::State::read_headers(Request& request) {
  const auto* map = tree.map();
  if (map == nullptr || map->size() > core::kMaxRequestHeaders)
    return offend("headers: expected an object of at most " + std::to_string(core::kMaxRequestHeaders) + " strings");
  std::size_t bytes = 0;
  for (const auto& header : *map) {
    const auto* value = header.value.string();
    if (value == nullptr || !config::is_header_name(header.key) || !has_no_control_characters(*value))
      return offend("headers: \"" + shown(header.key) +
                    "\" needs a valid name, and a string without control characters as value");
    RequestHeader out{config::lower_case(header.key), *value};
    const auto is_same = [&](const RequestHeader& other) { return other.name == out.name; };
    if (std::any_of(request.headers.begin(), request.headers.end(), is_same))
      return offend("headers: \"" + shown(out.name) + "\" appears twice");
    bytes += out.name.size() + out.value.size();
    request.headers.push_back(std::move(out));
  }
  if (bytes > core::kMaxRequestHeaderBytes)
    offend("headers: more than " + std::to_string(core::kMaxRequestHeaderBytes) + " bytes");
}

// What can only be judged once `op` is known.
core::Result<void> JsonDecoder::State::finish(const Request& request) const {
  if (!op_offence.message.empty()) return op_offence;
  if (!offence.message.empty()) return offence;
  if (unknown) return bad("unknown field \"" + *unknown + "\"");
  const auto has = [&](Field field) { return (seen >> static_cast<unsigned>(field) & 1U) != 0; };
  const unsigned allowed = fields_of(request.op);
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (has(static_cast<Field>(i)) && (allowed & kFields[i].traits) == 0)
      return bad("unknown field \"" + std::string(kFields[i].name) + "\" for this op");
  }
  const bool deciding = request.op == Op::match || request.op == Op::route;
  if (deciding && !is_extras) {
    const bool one = has(Field::embedding);
    const bool many = has(Field::embeddings);
    if (one && many) return bad("embedding and embeddings exclude each other");
    if (!one && !many) return bad("embedding is missing");
    if (many && request.op == Op::route) return bad("embeddings is for match only; route takes one embedding");
  }
  if (request.op == Op::match && request.stream) return bad("stream is for route only; match has one reply");
  if (request.op == Op::cancel && request.cancel_request.key.empty())
    return bad("request is missing: the id to cancel");
  const bool is_named = (allowed & (kGet | kPatch | kDelete)) != 0;
  if (is_named && request.route_name.empty()) return bad("name is missing");
  if (request.op == Op::routes_put && !has(Field::route)) return bad("route is missing");
  if (request.op == Op::routes_batch && !has(Field::changes)) return bad("changes is missing");
  if (request.op == Op::routes_patch && !has(Field::add) && !has(Field::remove) && !has(Field::add_negatives) &&
      !has(Field::remove_negatives) && !has(Field::set))
    return bad("there is nothing to change: expected add, remove, add_negatives, remove_negatives or set");
  if (frame_rows_used != frame_rows.count)
    return bad("the fields take " + std::to_string(frame_rows_used) + " rows of the body, which has " +
               std::to_string(frame_rows.count));
  return {};
}

}  // namespace semroute::router

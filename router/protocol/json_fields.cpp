#include <algorithm>
#include <array>
#include <cctype>

#include "config/header_rules.h"
#include "router/protocol/json_decoder_state.h"

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

Error bad(std::string message) { return {ErrorCode::bad_request, std::move(message)}; }

unsigned fields_of(Op op) {
  switch (op) {
    case Op::match:
    case Op::route: return kAll | kDeciding;
    case Op::cancel: return kAll | kCancel;
    case Op::routes_get: return kAll | kGet;
    default: return kAll;
  }
}

bool is_token_char(char c) { return config::is_header_name({&c, 1}); }

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

// One field's value on its way into the request, or the offence that it is.
struct FieldValue {
  const std::string& key;
  const Value& tree;
  std::string_view source;
  Error& offence;

  void expected(const std::string& what) const {
    offence = bad(key + ": expected " + what + ", found " + std::string(source.substr(0, 40)));
  }
  template <class Integer>
  void read_integer(std::int64_t least, std::int64_t most, Integer& out) const {
    const auto* n = tree.integer();
    if (n == nullptr || *n < least || *n > most) {
      return expected("an integer " + std::to_string(least) + ".." + std::to_string(most));
    }
    out = static_cast<Integer>(*n);
  }
  void read_number(double& out) const {
    if (const auto* i = tree.integer()) {
      out = static_cast<double>(*i);
    } else if (const auto* d = tree.real()) {
      out = *d;
    } else {
      expected("a number");
    }
  }
  void read_boolean(bool& out) const {
    if (const auto* b = tree.boolean()) {
      out = *b;
    } else {
      expected("true or false");
    }
  }
  void read_string(std::string& out) const {
    if (const auto* s = tree.string()) {
      out = *s;
    } else {
      expected("a string");
    }
  }
};

}  // namespace

// `source` is known to be well-formed JSON, and `tree` its value.
void JsonDecoder::State::read_field(Request& request, std::string_view source, Error& offence) {
  if (read_deciding_field(request, source, offence) || read_other_field(request, source, offence)) return;
  if (unknown.empty()) unknown = key;
}

bool JsonDecoder::State::read_deciding_field(Request& request, std::string_view source, Error& offence) {
  const FieldValue value{key, tree, source, offence};
  if (key == "top_k") {
    value.read_integer(1, static_cast<std::int64_t>(core::kMaxTopK), request.top_k);
  } else if (key == "timeout_ms" && !is_extras) {
    value.read_integer(1, core::kMaxTimeoutMs, request.timeout_ms.emplace());
  } else if (key == "score_threshold") {
    value.read_number(request.score_threshold.emplace());
  } else if (key == "explain") {
    value.read_boolean(request.explain);
  } else if (key == "model") {
    value.read_string(request.model.emplace());
  } else if (key == "filter") {
    read_filter(request, offence);
  } else if (key == "headers") {
    read_headers(request, offence);
  } else if (key == "stream" || key == "key") {
    offence = bad(key + " is known, but not in this version");
  } else {
    return false;
  }
  known.emplace_back(key, kDeciding);
  return true;
}

bool JsonDecoder::State::read_other_field(Request& request, std::string_view source, Error& offence) {
  const FieldValue value{key, tree, source, offence};
  if (key == "op" && !is_extras) {
    read_op(request, source, offence);
    return true;
  }
  if (key == "request_id") {
    value.read_string(request.request_id);
    if (offence.message.empty() && !is_request_id(request.request_id)) {
      request.request_id.clear();
      offence = bad("request_id: expected 1 to 64 characters of A-Z a-z 0-9 . _ : -");
    }
    return true;
  }
  if (key == "name") {
    value.read_string(request.route_name);
  } else if (key == "vectors") {
    value.read_boolean(request.vectors);
  } else if (key == "offset") {
    value.read_integer(0, std::int64_t{1} << 40, request.offset);
  } else if (key == "limit") {
    value.read_integer(1, static_cast<std::int64_t>(core::kMaxRoutesPage), request.limit);
  } else {
    return false;
  }
  known.emplace_back(key, kGet);
  return true;
}

void JsonDecoder::State::read_op(Request& request, std::string_view source, Error& offence) const {
  const auto* name = tree.string();
  const auto op =
      std::find_if(kOps.begin(), kOps.end(), [&](const auto& o) { return name != nullptr && o.first == *name; });
  if (op == kOps.end()) {
    offence = bad("op: expected the name of an operation, found " + std::string(source.substr(0, 80)));
    return;
  }
  request.op = op->second;
  if (op->second >= Op::routes_put) offence = bad("op " + *name + " is known, but not in this version");
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

#include "router/protocol/json_values.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "config/any_json.h"
#include "config/scalar.h"

namespace semroute::router {
namespace {

namespace json = boost::json;
using config::Member;
using config::Value;
using json::error_code;
using json::string_view;

bool refuse(error_code& ec) {
  ec = json::error::exception;
  return false;
}

struct CheckHandler : config::AnyJson<error_code, string_view> {
  JsonFault fault = JsonFault::none;

  bool on_double(double number, string_view, error_code&) {
    if (!std::isfinite(number)) fault = JsonFault::out_of_range;
    return true;
  }
};

const std::string* duplicate_of(const Value::Map& members) {
  std::vector<const std::string*> keys;
  keys.reserve(members.size());
  for (const Member& member : members) keys.push_back(&member.key);
  std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto twin = std::adjacent_find(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a == *b; });
  return twin == keys.end() ? nullptr : *twin;
}

// Builds a tree. A container under construction is on the stack; finished values go into the top one.
struct TreeHandler : CheckHandler {
  Value root;
  std::string duplicate;
  std::vector<Value> open;
  std::string text;  // parts of a string or key so far
  std::size_t values = 0;
  std::size_t most_values = 0;

  void restart() {
    root = Value{};
    duplicate.clear();
    open.clear();
    text.clear();
    values = 0;
    fault = JsonFault::none;
  }

  bool add(Value value, error_code& ec) {
    if (++values > most_values) {
      fault = JsonFault::too_many;
      return refuse(ec);
    }
    place(std::move(value));
    return true;
  }
  void place(Value value) {
    if (open.empty()) {
      root = std::move(value);
    } else if (auto* list = std::get_if<Value::List>(&open.back().data)) {
      list->push_back(std::move(value));
    } else {
      std::get<Value::Map>(open.back().data).back().value = std::move(value);
    }
  }
  template <class T>
  bool add_scalar(T scalar, error_code& ec) {
    Value value;
    value.data = std::move(scalar);
    return add(std::move(value), ec);
  }
  bool begin(Value container, error_code& ec) {
    if (++values > most_values) {
      fault = JsonFault::too_many;
      return refuse(ec);
    }
    open.push_back(std::move(container));
    return true;
  }
  void end() {
    Value done = std::move(open.back());
    open.pop_back();
    place(std::move(done));
  }

  bool on_array_begin(error_code& ec) {
    Value value;
    value.data = Value::List{};
    return begin(std::move(value), ec);
  }
  bool on_array_end(std::size_t, error_code&) {
    end();
    return true;
  }
  bool on_object_begin(error_code& ec) {
    Value value;
    value.data = Value::Map{};
    return begin(std::move(value), ec);
  }
  bool on_object_end(std::size_t, error_code& ec) {
    if (const std::string* twin = duplicate_of(std::get<Value::Map>(open.back().data))) {
      duplicate = *twin;
      fault = JsonFault::duplicate_key;
      return refuse(ec);
    }
    end();
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(string_view part, std::size_t, error_code& ec) {
    text.append(part.data(), part.size());
    return add_scalar(std::exchange(text, {}), ec);
  }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    Member member;
    member.key = std::exchange(text, {});
    std::get<Value::Map>(open.back().data).push_back(std::move(member));
    return true;
  }
  bool on_int64(std::int64_t number, string_view, error_code& ec) { return add_scalar(number, ec); }
  bool on_uint64(std::uint64_t number, string_view, error_code& ec) { return add_scalar(number, ec); }
  bool on_double(double number, string_view source, error_code& ec) {
    if (!std::isfinite(number)) {
      fault = JsonFault::out_of_range;
      return refuse(ec);
    }
    Value value;
    if (std::ranges::all_of(source, [](char c) { return c == '-' || (c >= '0' && c <= '9'); })) {
      if (config::read_integer({source.data(), source.size()}, value)) return add(std::move(value), ec);
      fault = JsonFault::inexact;
      return refuse(ec);
    }
    // Boost.JSON 1.81 may be off by a unit in the last place; metadata compares exactly.
    double exact = 0.0;
    const auto [end_of_number, status] = std::from_chars(source.data(), source.data() + source.size(), exact);
    const bool whole = status == std::errc{} && end_of_number == source.data() + source.size();
    return add_scalar(whole ? exact : number, ec);
  }
  bool on_bool(bool value, error_code& ec) { return add_scalar(value, ec); }
  bool on_null(error_code& ec) { return add(Value{}, ec); }
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

template <class Handler>
JsonScan run(json::basic_parser<Handler>& parser, std::string_view text) {
  parser.reset();
  error_code ec;
  std::size_t bytes = parser.write_some(false, text.data(), text.size(), ec);
  JsonScan scan;
  if (ec) {
    scan.fault = parser.handler().fault != JsonFault::none ? parser.handler().fault
                 : ec == json::error::too_deep             ? JsonFault::too_deep
                 : ec == json::error::exponent_overflow    ? JsonFault::out_of_range
                                                           : JsonFault::malformed;
    return scan;
  }
  while (bytes > 0 && is_space(text[bytes - 1])) --bytes;
  scan.fault = parser.handler().fault;
  scan.bytes = bytes;
  return scan;
}

json::parse_options with_depth(std::size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  return options;
}

}  // namespace

struct JsonValues::Parsers {
  Parsers(std::size_t max_depth, std::size_t most_values) : check(with_depth(max_depth)), tree(with_depth(max_depth)) {
    tree.handler().most_values = most_values;
  }
  json::basic_parser<CheckHandler> check;
  json::basic_parser<TreeHandler> tree;
};

JsonValues::JsonValues(std::size_t max_depth, std::size_t most_values)
    : parsers_(std::make_unique<Parsers>(max_depth, most_values)) {}
JsonValues::~JsonValues() = default;

JsonScan JsonValues::skip(std::string_view text) {
  parsers_->check.handler().fault = JsonFault::none;
  return run(parsers_->check, text);
}

JsonScan JsonValues::read(std::string_view text, Value& out) {
  TreeHandler& handler = parsers_->tree.handler();
  handler.restart();
  JsonScan scan = run(parsers_->tree, text);
  if (scan.fault == JsonFault::none) out = std::move(handler.root);
  scan.key = std::move(handler.duplicate);
  handler.restart();
  if (scan.fault == JsonFault::none || scan.fault == JsonFault::malformed) return scan;
  const JsonScan whole = skip(text);
  if (whole.bytes == 0) return whole;
  scan.bytes = whole.bytes;
  return scan;
}

JsonScan JsonValues::read_string(std::string_view text, std::string& out) {
  Value value;
  JsonScan scan = read(text, value);
  if (scan.fault == JsonFault::none) out = std::move(std::get<std::string>(value.data));
  return scan;
}

}  // namespace semroute::router

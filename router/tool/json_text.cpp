#include "router/tool/json_text.h"

#include <bit>
#include <boost/json.hpp>
#include <cstdint>
#include <limits>

#include "core/base/base64.h"
#include "core/base/limits.h"

namespace semroute::router::tool {
namespace {

namespace json = boost::json;

config::Value to_value(const json::value& from) {
  config::Value to;
  switch (from.kind()) {
    case json::kind::null: break;
    case json::kind::bool_: to.data = from.get_bool(); break;
    case json::kind::int64: to.data = std::int64_t{from.get_int64()}; break;
    case json::kind::uint64: to.data = std::uint64_t{from.get_uint64()}; break;
    case json::kind::double_: to.data = from.get_double(); break;
    case json::kind::string: to.data = std::string(from.get_string()); break;
    case json::kind::array: {
      config::Value::List list;
      for (const json::value& item : from.get_array()) list.push_back(to_value(item));
      to.data = std::move(list);
      break;
    }
    case json::kind::object: {
      config::Value::Map map;
      for (const auto& member : from.get_object()) map.push_back({member.key(), {}, to_value(member.value())});
      to.data = std::move(map);
      break;
    }
  }
  return to;
}

}  // namespace

core::Result<config::Value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = core::kMaxJsonDepth;
  json::error_code problem;
  const json::value parsed = json::parse(text, problem, {}, options);
  if (problem) return core::Error{core::ErrorCode::bad_request, problem.message()};
  return to_value(parsed);
}

std::optional<std::string> text_of(const config::Value& object, std::string_view key) {
  const config::Value* member = object.find(key);
  if (member == nullptr || member->string() == nullptr) return std::nullopt;
  return *member->string();
}

std::optional<double> number_of(const config::Value& object, std::string_view key) {
  const config::Value* member = object.find(key);
  if (member == nullptr) return std::nullopt;
  return member->number();
}

std::optional<bool> boolean_of(const config::Value& object, std::string_view key) {
  const config::Value* member = object.find(key);
  if (member == nullptr || member->boolean() == nullptr) return std::nullopt;
  return *member->boolean();
}

std::string base64_of(std::span<const float> vector) {
  static_assert(std::endian::native == std::endian::little, "the floats are encoded as they lie in memory");
  std::string out;
  core::append_base64(std::as_bytes(vector), out);
  return out;
}

}  // namespace semroute::router::tool

#include "router/tool/json_text.h"

#include <bit>
#include <cstdint>
#include <limits>

#include "core/base/base64.h"
#include "core/base/limits.h"
#include "router/protocol/json_values.h"

namespace semroute::router::tool {
core::Result<config::Value> parse_json(std::string_view text) {
  JsonValues values(core::kMaxJsonDepth, std::numeric_limits<std::size_t>::max());
  config::Value parsed;
  const JsonScan scan = values.read(text, parsed);
  switch (scan.fault) {
    case JsonFault::none: break;
    case JsonFault::too_deep: return core::Error{core::ErrorCode::bad_request, "JSON that is nested too deeply"};
    case JsonFault::duplicate_key:
      return core::Error{core::ErrorCode::bad_request, "JSON with the key \"" + scan.key + "\" twice"};
    case JsonFault::out_of_range:
    case JsonFault::inexact:
      return core::Error{core::ErrorCode::bad_request, "JSON with a number that is out of range"};
    case JsonFault::malformed:
    case JsonFault::too_many: return core::Error{core::ErrorCode::bad_request, "no JSON"};
  }
  if (text.find_first_not_of(" \t\r\n", scan.bytes) != std::string_view::npos)
    return core::Error{core::ErrorCode::bad_request, "more than one JSON value"};
  return parsed;
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

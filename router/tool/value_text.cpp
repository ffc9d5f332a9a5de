#include "router/tool/value_text.h"

#include "router/protocol/json_codec.h"

namespace semroute::router::tool {

std::string json_text(const config::Value& value) {
  std::string text;
  append_json_value(value, text);
  return text;
}

std::string value_text(const config::Value* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (value->string() != nullptr) return *value->string();
  return json_text(*value);
}

}  // namespace semroute::router::tool

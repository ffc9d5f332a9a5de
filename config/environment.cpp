#include "config/environment.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace semroute::config {
namespace {

bool is_name(std::string_view name) noexcept {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

class Expansion {
 public:
  explicit Expansion(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void expand(Value& value, const std::string& path) {
    if (auto* text = std::get_if<std::string>(&value.data)) {
      if (text->find("${") != std::string::npos) *text = expanded(*text, value.place, path);
    } else if (auto* list = std::get_if<Value::List>(&value.data)) {
      for (std::size_t i = 0; i < list->size(); ++i) expand((*list)[i], path + '[' + std::to_string(i) + ']');
    } else if (auto* map = std::get_if<Value::Map>(&value.data)) {
      for (Member& member : *map) expand(member.value, path.empty() ? member.key : path + '.' + member.key);
    }
  }

 private:
  std::string expanded(std::string_view text, Place place, const std::string& path) {
    std::string result;
    while (!text.empty()) {
      const std::size_t dollar = std::min(text.find('$'), text.size());
      result += text.substr(0, dollar);
      text.remove_prefix(dollar);
      if (text.starts_with("$${")) {
        result += "${";
        text.remove_prefix(3);
      } else if (text.starts_with("${")) {
        const std::size_t end = text.find('}');
        if (end == std::string_view::npos) {
          diagnostics_.refuse(place, path, "expected ${NAME} or ${NAME:-default}, found \"${\" without \"}\"");
          return {};
        }
        result += looked_up(text.substr(2, end - 2), place, path);
        text.remove_prefix(end + 1);
      } else if (!text.empty()) {
        result += text.front();
        text.remove_prefix(1);
      }
    }
    return result;
  }

  std::string looked_up(std::string_view reference, Place place, const std::string& path) {
    const std::size_t separator = reference.find(":-");
    const std::string name(reference.substr(0, separator));
    if (!is_name(name)) {
      diagnostics_.refuse(place, path,
                          "expected ${NAME} or ${NAME:-default}, found \"${" + std::string(reference) +
                              "}\"; a literal ${ is written $${");
      return {};
    }
    const char* const found = std::getenv(name.c_str());
    if (separator == std::string_view::npos) {
      if (found != nullptr) return found;
      diagnostics_.refuse(place, path, "the environment has no " + name + ", and ${" + name + "} names no default");
      return {};
    }
    if (found != nullptr && *found != '\0') return found;
    return std::string(reference.substr(separator + 2));
  }

  Diagnostics& diagnostics_;
};

}  // namespace

void expand_environment(Value& root, Diagnostics& diagnostics) { Expansion(diagnostics).expand(root, ""); }

}  // namespace semroute::config

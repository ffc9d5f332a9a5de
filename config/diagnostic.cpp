#include "config/diagnostic.h"

#include "config/scalar.h"
#include "core/base/limits.h"

namespace semroute::config {

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.place.line > 0) {
    text += ':' + std::to_string(diagnostic.place.line) + ':' + std::to_string(diagnostic.place.column);
  }
  text += diagnostic.severity == Severity::warning ? ": warning: " : ": ";
  if (!diagnostic.key_path.empty()) text += diagnostic.key_path + ": ";
  return printable(text + diagnostic.message);
}

void Diagnostics::error(Place place, std::string key_path, std::string message) {
  if (refused_.contains({{place.line, place.column}, key_path})) return;
  ++errors_;
  add(Severity::error, place, std::move(key_path), std::move(message));
}

void Diagnostics::refuse(Place place, std::string key_path, std::string message) {
  error(place, key_path, std::move(message));
  refused_.emplace(std::pair{place.line, place.column}, std::move(key_path));
}

void Diagnostics::warning(Place place, std::string key_path, std::string message) {
  add(Severity::warning, place, std::move(key_path), std::move(message));
}

void Diagnostics::add(Severity severity, Place place, std::string key_path, std::string message) {
  if (all_.size() >= core::kMaxDiagnostics) {
    ++omitted_;
    return;
  }
  all_.push_back({severity, file_, place, std::move(key_path), std::move(message)});
}

}  // namespace semroute::config

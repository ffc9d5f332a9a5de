// Diagnostics: every problem of a configuration, each with its place, found in one run.
//
// A line reads: `routes.yaml:14:8: index.dimension: expected an integer 1..65536, found "abc"`.
// Threads: a plain value; not shared while it is being filled.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace semroute::config {

// Line and column count from 1; 0 means that the problem is the file's as a whole.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool operator==(const Place&) const = default;
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  Place place;
  std::string key_path;  // "targets[0].url"; empty when the file itself is meant
  std::string message;   // what was expected and what was found

  bool operator==(const Diagnostic&) const = default;
};

// "file:line:column: key_path: message", with ": warning" after the place for warnings. One line of
// text, whatever of the file it repeats: control characters are blanks.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

// Collects up to kMaxDiagnostics; later ones are counted.
class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  void error(Place place, std::string key_path, std::string message);
  // An error that leaves no value behind: later errors of this place and key path would only be its
  // consequences, and are dropped.
  void refuse(Place place, std::string key_path, std::string message);
  void warning(Place place, std::string key_path, std::string message);

  [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
  [[nodiscard]] const std::vector<Diagnostic>& all() const noexcept { return all_; }
  [[nodiscard]] std::size_t omitted() const noexcept { return omitted_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

 private:
  void add(Severity severity, Place place, std::string key_path, std::string message);

  std::string file_;
  std::vector<Diagnostic> all_;
  std::set<std::pair<std::pair<std::uint32_t, std::uint32_t>, std::string>> refused_;
  std::size_t errors_ = 0;
  std::size_t omitted_ = 0;
};

}  // namespace semroute::config

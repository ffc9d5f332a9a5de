// MapReader: reads the members of one mapping strictly, and reports everything that is wrong.
//
// Ask for each key once with its type, range and default; then call finish(), which reports the
// keys that nobody asked for. A missing or wrong value reports a diagnostic and yields the default,
// so that one run finds all problems; look at Diagnostics::has_errors() before using anything.
// A KeyCatalogue, when given, records every key asked for (tests hold docs/configuration.md to it).
// Threads: one thread. Lifetime: the Value, Diagnostics and catalogue outlive the reader.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/value.h"

namespace semroute::config {

// One documented key: its path with "[]" for list elements, e.g. "targets[].url".
struct KeyEntry {
  std::string path;
  std::string type;      // "integer", "number", "string", "boolean", "duration", "size", "word", "list of strings", ...
  std::string range;     // "1..65536"; the words of a "word", "a, b"; empty when there is none
  std::string fallback;  // the default as written in YAML; "required"; or empty for "left out"
  bool operator<(const KeyEntry& other) const { return path < other.path; }
};

// The `type` of keys of the contract that this version refuses by name.
inline constexpr std::string_view kLaterKey = "not in this version";

// What a message says was found: the scalar as it was written, or "a list", "a map", "nothing".
[[nodiscard]] std::string found_text(const Value& value);

class KeyCatalogue {
 public:
  void add(KeyEntry entry) { keys_.insert(std::move(entry)); }
  [[nodiscard]] const std::set<KeyEntry>& keys() const noexcept { return keys_; }

 private:
  std::set<KeyEntry> keys_;
};

class MapReader {
 public:
  // `path` is the mapping's key path ("targets[0]", "" for the root).
  MapReader(const Value& value, std::string path, Diagnostics& diagnostics, KeyCatalogue* catalogue = nullptr);

  [[nodiscard]] std::optional<std::string> string(std::string_view key);
  [[nodiscard]] std::string required_string(std::string_view key);
  [[nodiscard]] std::string one_of(std::string_view key, std::vector<std::string_view> words,
                                   std::string_view fallback);
  [[nodiscard]] bool boolean(std::string_view key, bool fallback);
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                                     std::int64_t most);
  [[nodiscard]] std::int64_t required_integer(std::string_view key, std::int64_t least, std::int64_t most);
  [[nodiscard]] double number(std::string_view key, double fallback, double least, double most);
  [[nodiscard]] std::optional<double> optional_number(std::string_view key,
                                                      std::string_view fallback = {});  // any finite number
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view key, std::chrono::milliseconds fallback,
                                                   std::chrono::milliseconds least, std::chrono::milliseconds most);
  [[nodiscard]] std::size_t size(std::string_view key, std::size_t fallback, std::size_t least,
                                 std::size_t most);  // bytes
  // Nothing when it is left out.
  [[nodiscard]] std::optional<std::chrono::milliseconds> optional_duration(std::string_view key,
                                                                           std::chrono::milliseconds least,
                                                                           std::chrono::milliseconds most);
  [[nodiscard]] std::optional<std::size_t> optional_size(std::string_view key, std::size_t least, std::size_t most);
  [[nodiscard]] std::vector<std::string> strings(std::string_view key);  // a list of strings
  [[nodiscard]] std::vector<Member> string_map(std::string_view key);    // a map of strings

  // A member that is itself a map: read it with a MapReader of its own. An empty map when absent,
  // so that its keys are asked for (and their defaults taken) all the same; what it lacks is told at this map's place.
  [[nodiscard]] const Value& section(std::string_view key);
  // The elements of a member that is a list; empty when absent.
  [[nodiscard]] const Value::List& elements(std::string_view key, std::string_view type, std::string_view range = {});

  // The member as it is (nullptr when absent); counts as asked for. `type` and `range` document it.
  [[nodiscard]] const Value* raw(std::string_view key, std::string_view type, std::string_view range = {},
                                 std::string_view fallback = {});

  // Keys of the contract that this version does not implement: refused by name when present.
  void not_in_this_version(std::initializer_list<std::string_view> keys);

  // Reports an error at the member (or at the mapping when absent). Call after asking for the key.
  void error(std::string_view key, std::string message);

  [[nodiscard]] std::string path_of(std::string_view key) const;
  [[nodiscard]] Place place_of(std::string_view key) const;

  // Reports every member that was not asked for. Call once, last.
  void finish();

 private:
  [[nodiscard]] const Value* ask(std::string_view key, std::string_view type, std::string_view range,
                                 std::string_view fallback);
  void mistaken(std::string_view key, std::string_view expected, const Value& found);
  void missing(std::string_view key, std::string_view expected);
  [[nodiscard]] std::optional<std::int64_t> checked_integer(std::string_view key, const Value& value,
                                                            std::int64_t least, std::int64_t most);
  [[nodiscard]] std::optional<std::chrono::milliseconds> checked_duration(std::string_view key, const Value& value,
                                                                          std::string_view range,
                                                                          std::chrono::milliseconds least,
                                                                          std::chrono::milliseconds most);
  [[nodiscard]] std::optional<std::size_t> checked_size(std::string_view key, const Value& value,
                                                        std::string_view range, std::size_t least, std::size_t most);

  const Value& value_;
  std::string path_;
  Diagnostics& diagnostics_;
  KeyCatalogue* catalogue_;
  std::set<std::string, std::less<>> asked_;
  std::deque<Value> absent_;  // sections that are left out: empty maps at this mapping's place
};

}  // namespace semroute::config

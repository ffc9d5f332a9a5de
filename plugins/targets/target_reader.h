// TargetReader: reads the keys of one target; what all kinds, or many, read alike has its home here.
//
// `name` and `kind` are the loader's, and count as asked for. finish() reports the keys that nobody asked for.
// Threads: one. Lifetime: the target's node, the Diagnostics and the catalogue outlive the reader.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/map_reader.h"

namespace semroute::plugins {

// The most that a timeout of a target can be.
inline constexpr std::chrono::milliseconds kLongestTimeout = std::chrono::hours(24);
inline constexpr std::chrono::milliseconds kShortestTimeout{1};

class TargetReader : public config::MapReader {
 public:
  TargetReader(const config::TargetConfig& target, const std::string& path, config::Diagnostics& diagnostics,
               config::KeyCatalogue* catalogue);

  // A reader of a member that is itself a map, or of a map among its elements.
  [[nodiscard]] config::MapReader part(std::string_view key);
  [[nodiscard]] config::MapReader part(const config::Value& value, std::string path);

  // Whether the key is written.
  [[nodiscard]] bool has(std::string_view key) const { return target_.node.find(key) != nullptr; }
  // Whether nothing of this target is wrong so far; the Diagnostics may hold problems of others.
  [[nodiscard]] bool is_good() const noexcept { return problem_count() == problems_before_; }
  // The file that it is in; empty: none.
  [[nodiscard]] const std::string& file() const noexcept { return target_.file; }

  [[nodiscard]] std::chrono::milliseconds time(std::string_view key, std::chrono::milliseconds fallback);
  // A part of `timeout` that is written and longer than it could never pass.
  void check_within_timeout(std::string_view key, std::chrono::milliseconds value, std::chrono::milliseconds timeout);

  // Keys of `limits`.
  [[nodiscard]] static std::size_t connections(config::MapReader& limits, std::size_t fallback);
  [[nodiscard]] static std::size_t pending(config::MapReader& limits, std::size_t fallback);
  [[nodiscard]] static std::size_t max_reply(config::MapReader& limits, std::size_t fallback);

 private:
  [[nodiscard]] std::size_t problem_count() const noexcept {
    return diagnostics_.all().size() + diagnostics_.omitted();
  }

  const config::TargetConfig& target_;
  config::Diagnostics& diagnostics_;
  config::KeyCatalogue* catalogue_;
  const std::size_t problems_before_;
};

}  // namespace semroute::plugins

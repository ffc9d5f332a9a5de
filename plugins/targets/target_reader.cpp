#include "plugins/targets/target_reader.h"

#include <utility>

#include "config/scalar.h"

namespace semroute::plugins {
namespace {

constexpr std::int64_t kMostCount = 1'000'000;
constexpr std::size_t kLeastReply = std::size_t{1} << 10;
constexpr std::size_t kMostReply = std::size_t{1} << 30;

std::size_t count_of(config::MapReader& limits, std::string_view key, std::size_t fallback, std::int64_t least) {
  return static_cast<std::size_t>(limits.integer(key, static_cast<std::int64_t>(fallback), least, kMostCount));
}

}  // namespace

TargetReader::TargetReader(const config::TargetConfig& target, const std::string& path,
                           config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue)
    : MapReader(target.node, path, diagnostics, catalogue),
      target_(target),
      diagnostics_(diagnostics),
      catalogue_(catalogue),
      problems_before_(problem_count()) {
  (void)raw("name", "string");
  (void)raw("kind", "string");
}

config::MapReader TargetReader::part(std::string_view key) { return part(section(key), path_of(key)); }

config::MapReader TargetReader::part(const config::Value& value, std::string path) {
  return {value, std::move(path), diagnostics_, catalogue_};
}

std::chrono::milliseconds TargetReader::time(std::string_view key, std::chrono::milliseconds fallback) {
  return duration(key, fallback, kShortestTimeout, kLongestTimeout);
}

void TargetReader::check_within_timeout(std::string_view key, std::chrono::milliseconds value,
                                        std::chrono::milliseconds timeout) {
  if (!has(key) || value <= timeout) return;
  error(key, "expected at most timeout, " + config::format_duration(timeout) + ", found " +
                 config::format_duration(value) + ": raise timeout, or lower this");
}

std::size_t TargetReader::connections(config::MapReader& limits, std::size_t fallback) {
  return count_of(limits, "connections", fallback, 1);
}

std::size_t TargetReader::pending(config::MapReader& limits, std::size_t fallback) {
  return count_of(limits, "pending", fallback, 0);
}

std::size_t TargetReader::max_reply(config::MapReader& limits, std::size_t fallback) {
  return limits.size("max_reply", fallback, kLeastReply, kMostReply);
}

}  // namespace semroute::plugins

// Logging: the one place that knows spdlog. Lines go to stderr, as text or as JSON lines.
//
// Threads: log_* from any thread. Cost: not for the request path; requests are counted and, when
// asked for, written to the decision log instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/log.h"

namespace semroute::router {

using LogLevel = plugins::LogLevel;
enum class LogFormat : std::uint8_t { text, json };

[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view name) noexcept;
[[nodiscard]] std::optional<LogFormat> parse_log_format(std::string_view name) noexcept;

// Lines of the plugins floor go the same way from then on.
void start_logging(LogLevel level, LogFormat format);
// Whether lines of this level are written, for those that cost something to make.
[[nodiscard]] bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view message);

}  // namespace semroute::router

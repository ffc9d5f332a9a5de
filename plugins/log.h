// log: what targets have to say to the operator. The daemon says where it goes; until then it goes nowhere.
//
// Not for the request path: for what happens to a target (a process that ended, a plugin's own words).
// Threads: log() from any; set_log_sink() once, before any other thread calls log(), and the sink takes calls from any.
#pragma once

#include <cstdint>
#include <string_view>

namespace semroute::plugins {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

using LogSink = void (*)(LogLevel level, std::string_view message);

void set_log_sink(LogSink sink) noexcept;
void log(LogLevel level, std::string_view message);

}  // namespace semroute::plugins

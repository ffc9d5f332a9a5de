#include "plugins/log.h"

#include <atomic>

namespace semroute::plugins {
namespace {

std::atomic<LogSink> g_sink{nullptr};

}  // namespace

void set_log_sink(LogSink sink) noexcept { g_sink = sink; }

void log(LogLevel level, std::string_view message) {
  if (const LogSink sink = g_sink.load()) sink(level, message);
}

}  // namespace semroute::plugins

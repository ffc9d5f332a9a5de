// The tables semroute_host that plugins are given, and the way from a call's number to its instance.
//
// A plugin may call at any time, from any thread, also after its instance is gone: tables are never freed (a few dozen
// bytes for each instance that was ever made), and a number that names nothing is ignored.
// Threads: any. Complexity: constant.
#pragma once

#include <cstdint>
#include <memory>

#include "plugins/abi/semroute_plugin.h"

namespace semroute::plugins {

class PluginInstance;

[[nodiscard]] const semroute_host* make_plugin_host(std::uint64_t number, std::weak_ptr<PluginInstance> instance);
void forget_plugin_host(std::uint64_t number);
// The number of the instance that a call is of.
inline constexpr unsigned kPluginCallBits = 40;

}  // namespace semroute::plugins

// PluginLibrary: a plugin's shared object, checked and loaded.
//
// The file and its folder belong to root or to the daemon's user and no other user can write them. What is checked is
// what is loaded: the file is opened once, and loaded through its descriptor. It must export semroute_plugin_get, whose
// table must be of this version and complete.
// A file is loaded once in a process and never unloaded, since its threads may still run; its descriptor stays open for
// as long, because the loader takes a name that it has seen for the same file. A file that was written over in place is
// refused: its code cannot be told from the old one's.
// Threads: any; loading blocks. Errors: not_found, forbidden, bad_request, with what is wrong, without the path.
#pragma once

#include <string>

#include "core/base/result.h"
#include "plugins/abi/semroute_plugin.h"

namespace semroute::plugins {

// The table of the plugin at `path`, which is valid for ever.
[[nodiscard]] core::Result<const semroute_plugin*> load_plugin(const std::string& path);

// Whether load_plugin would give `table` again.
[[nodiscard]] bool is_plugin_of(const std::string& path, const semroute_plugin* table);

}  // namespace semroute::plugins

// expand_environment: `${NAME}` and `${NAME:-default}` in every string value of a tree.
//
// The default is taken when NAME is unset or empty; a NAME that is unset and has no default is an
// error that names it. `$${` stands for a literal `${`; any other `$` is itself. Keys are left as
// they are, and a value that was expanded stays a string. Defaults do not nest.
// Value::text keeps what was written, so that messages do not show what the environment holds.
// Complexity: linear in the tree. Threads: reads the environment; nothing may change it meanwhile.
#pragma once

#include "config/diagnostic.h"
#include "config/value.h"

namespace semroute::config {

void expand_environment(Value& root, Diagnostics& diagnostics);

}  // namespace semroute::config

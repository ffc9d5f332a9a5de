// read_yaml: the text of one YAML document to a Value tree in which every node knows its place.
//
// Stricter than YAML: refused are aliases, anchors, tags, merge keys, duplicate keys, keys that are
// not scalars, a second document, nesting over kMaxConfigDepth, more than kMaxConfigNodes values,
// NUL and invalid UTF-8, and quotes that never end. Plain scalars are typed by scalar.h.
// Columns count bytes from 1. A syntax error ends the reading; everything else is collected.
// Complexity: linear in the text; hostile nesting is refused before it costs anything.
// Threads: any; no shared state. Errors: all in `diagnostics`; nothing is returned when the text is
// no YAML at all, and a tree with the refused parts left null otherwise.
#pragma once

#include <optional>
#include <string_view>

#include "config/diagnostic.h"
#include "config/value.h"

namespace semroute::config {

[[nodiscard]] std::optional<Value> read_yaml(std::string_view text, Diagnostics& diagnostics);

}  // namespace semroute::config

// Parts of replies that JSON lines and the extras of binary frames write alike.
//
// Threads: pure functions that append to `out`.
#pragma once

#include <string>
#include <vector>

#include "config/value.h"
#include "router/protocol/reply.h"

namespace semroute::router {

// {} when there is none.
void append_metadata(const config::Value* metadata, std::string& out);
void append_explain(const ExplainView& explain, std::string& out);
// A list.
void append_attempts(const std::vector<ExplainAttemptView>& attempts, std::string& out);

}  // namespace semroute::router

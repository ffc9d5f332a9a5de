#include "router/verbs/verb.h"

namespace semroute::router {

void handle_ping(Exchange& exchange) {
  const auto& state = *exchange.state;
  const auto& index = state.config.index;
  std::string members = R"("version":")" SEMROUTE_VERSION R"(","dimension":)" + std::to_string(index.dimension) +
                        R"(,"metric":")" + std::string(core::to_string(index.metric)) + R"(","model":)";
  if (index.model) {
    append_json_string(*index.model, members);
  } else {
    members += "null";
  }
  members += R"(,"revision":)" + std::to_string(state.revision) + R"(,"max_request":)" +
             std::to_string(state.config.limits.max_request);
  exchange.session.reply_members(exchange.request.op, exchange.request.id,
                                 exchange.context.request_id(exchange.request), members);
}

}  // namespace semroute::router

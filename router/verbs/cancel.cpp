#include "router/verbs/verb.h"

namespace semroute::router {

void handle_cancel(Exchange& exchange) {
  const auto& wanted = exchange.request.cancel_request;
  if (!exchange.session.cancel(wanted.key)) {
    return reply_error(exchange, {core::ErrorCode::not_found,
                                  "no dispatch with id " + wanted.text + " is in flight on this connection"});
  }
  exchange.session.reply_members(exchange.request.op, exchange.request.id,
                                 exchange.context.request_id(exchange.request), "");
}

}  // namespace semroute::router

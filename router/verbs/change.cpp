#include <utility>

#include <boost/asio/post.hpp>

#include "router/verbs/verb.h"

namespace semroute::router {

namespace {

std::vector<RouteChange> take_changes(Request& request) {
  if (request.op == Op::routes_batch) return std::move(request.changes);
  RouteChange change = std::move(request.change);
  if (request.op != Op::routes_put) change.name = std::move(request.route_name);
  change.kind = request.op == Op::routes_put     ? RouteChange::Kind::put
                : request.op == Op::routes_patch ? RouteChange::Kind::patch
                                                 : RouteChange::Kind::erase;
  std::vector<RouteChange> changes;
  changes.push_back(std::move(change));
  return changes;
}

void reply_change(Session& session, Op op, const RequestId& id, const std::string& request_id,
                  const ChangeAnswer& answer) {
  if (answer.revision.ok()) {
    const std::string revision = std::to_string(*answer.revision);
    const std::string version = op == Op::routes_delete ? "" : "\"version\":" + revision + ',';
    return session.reply_members(op, id, request_id, version + "\"revision\":" + revision);
  }
  const core::Error& error = answer.revision.error();
  const bool may_be_retried = error.code == core::ErrorCode::overloaded || error.code == core::ErrorCode::unavailable;
  session.reply(op, id,
                ErrorReply{.request_id = request_id,
                           .code = error.code,
                           .message = error.message,
                           .retryable = may_be_retried && !answer.outcome_unknown && !answer.is_lasting,
                           .outcome_unknown = answer.outcome_unknown});
}

}  // namespace

void handle_change(Exchange& exchange) {
  if (!exchange.session.is_loopback()) {
    return reply_error(exchange, {core::ErrorCode::forbidden,
                                  "routes can be changed from this machine only, over a loopback address"});
  }
  const auto session = exchange.session.shared_from_this();
  const Op op = exchange.request.op;
  const RequestId id = exchange.request.id;
  const std::string request_id(exchange.context.request_id(exchange.request));
  const auto token = session->begin_async(id, nullptr);
  auto& io = exchange.context.io;
  exchange.context.control.change_routes(take_changes(exchange.request),
                                         [&io, session, op, id, request_id, token](const ChangeAnswer& answer) {
                                           boost::asio::post(io, [session, op, id, request_id, token, answer] {
                                             if (session->open()) reply_change(*session, op, id, request_id, answer);
                                             session->finish_async(token);
                                           });
                                         });
}

}  // namespace semroute::router

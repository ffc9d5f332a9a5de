#include <memory>
#include <optional>

#include "router/verbs/deciding.h"
#include "router/verbs/decision_views.h"
#include "router/verbs/pending_dispatch.h"
#include "router/verbs/verb.h"

namespace semroute::router {

namespace {

void reply_undispatched(Exchange& exchange, const StageTimes& times) {
  auto& context = exchange.context;
  auto& reply = context.reply;
  reply.request_id = context.request_id(exchange.request);
  reply.revision = exchange.state->revision;
  reply.batch = false;
  reply.route_op = true;
  reply.dispatched = false;
  reply.reply.reset();
  reply.decisions.resize(1);
  auto& view = reply.decisions.front();
  fill_view(*exchange.state, context.decision, {}, view);
  if (exchange.request.explain) {
    view.explain = make_explain(*exchange.state, context.decision, context.scratch.candidates);
    set_times(*view.explain, times);
  }
  log_decision(context, *exchange.state, reply.request_id, context.decision, times, std::nullopt,
               exchange.request.embeddings);
  exchange.session.reply(exchange.request.op, exchange.request.id, reply);
}

}  // namespace

void handle_route(Exchange& exchange) {
  if (const auto prepared = prepare_embeddings(exchange); !prepared.ok()) {
    return reply_error(exchange, prepared.error());
  }
  const StageTimes times = decide_embedding(exchange, 0);
  const ChosenTarget chosen = choose_target(exchange);
  if (chosen.targets == nullptr) return reply_undispatched(exchange, times);
  const DispatchTarget* mirror = chosen.targets->mirror(exchange.context.random);
  std::make_shared<PendingDispatch>(exchange, times, chosen)->start(exchange, mirror);
}

}  // namespace semroute::router

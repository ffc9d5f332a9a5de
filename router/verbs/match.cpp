#include "router/verbs/deciding.h"
#include "router/verbs/decision_views.h"
#include "router/verbs/verb.h"

namespace semroute::router {

void handle_match(Exchange& exchange) {
  if (const auto prepared = prepare_embeddings(exchange); !prepared.ok()) {
    return reply_error(exchange, prepared.error());
  }
  auto& context = exchange.context;
  const ServiceState& state = *exchange.state;
  const Request& request = exchange.request;
  auto& reply = context.reply;
  reply.request_id = context.request_id(request);
  reply.revision = state.revision;
  reply.batch = request.batch;
  reply.route_op = false;
  reply.decisions.resize(request.embedding_count);
  for (std::size_t i = 0; i < request.embedding_count; ++i) {
    const StageTimes times = decide_embedding(exchange, i);
    auto& view = reply.decisions[i];
    fill_view(state, context.decision, choose_target(exchange).name(), view);
    if (request.explain) {
      view.explain = make_explain(state, context.decision, context.scratch.candidates);
      set_times(*view.explain, times);
    }
    log_decision(context, state, reply.request_id, context.decision, times, std::nullopt,
                 {request.embeddings.data() + i * request.dimension, request.dimension});
  }
  exchange.session.reply(request.op, request.id, reply);
}

}  // namespace semroute::router

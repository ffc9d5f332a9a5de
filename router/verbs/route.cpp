#include <algorithm>
#include <memory>
#include <utility>

#include "router/dispatch/dispatch_chain.h"
#include "router/verbs/deciding.h"
#include "router/verbs/decision_views.h"
#include "router/verbs/verb.h"

namespace semroute::router {

namespace {

// Whether the same request may fare better another time.
bool can_be_retried(core::ErrorCode code) {
  return code != core::ErrorCode::cancelled && code != core::ErrorCode::bad_request;
}

// A decided request until its target has answered. Owns all that the reply needs.
class PendingDispatch : public std::enable_shared_from_this<PendingDispatch> {
 public:
  PendingDispatch(Exchange& exchange, StageTimes times, const ChosenTarget& chosen)
      : context_(exchange.context),
        session_(exchange.session.shared_from_this()),
        state_(exchange.state),
        id_(exchange.request.id),
        request_id_(exchange.context.request_id(exchange.request)),
        decision_(exchange.context.decision),
        explain_(exchange.request.explain),
        times_(times),
        chain_(std::make_shared<DispatchChain>(context_.io, context_.channels, chosen.targets, chosen.position)) {
    if (explain_) candidates_ = exchange.context.scratch.candidates;
    if (context_.decision_log != nullptr) embedding_ = exchange.request.embeddings;
  }

  void start(Exchange& exchange, const DispatchTarget* mirror) {
    const auto self = shared_from_this();
    token_ = session_->begin_async(id_, [weak = weak_from_this()] {
      if (const auto pending = weak.lock()) pending->chain_->cancel();
    });
    began_ = Clock::now();
    const auto request = make_request(exchange);
    chain_->start(request, nullptr, [self](const DispatchResult& result) { self->finish(result); });
    if (mirror != nullptr) context_.mirrors.send(*mirror, request);
  }

 private:
  std::shared_ptr<const plugins::DispatchRequest> make_request(Exchange& exchange) {
    Request& request = exchange.request;
    const auto made = std::make_shared<plugins::DispatchRequest>();
    plugins::DispatchRequest& out = *made;
    out.payload = std::move(request.payload);
    out.content_type = std::move(request.payload_content_type);
    out.request_id = request_id_;
    out.route = state_->routing->table.routes()[*decision_.route].name;
    out.decision = to_string(decision_.kind);
    out.has_score = decision_.score.has_value();
    out.score = decision_.score.value_or(0.0F);
    out.revision = state_->revision;
    for (auto& header : request.headers) {
      if (header.name == "traceparent") {
        out.traceparent = std::move(header.value);
        continue;
      }
      const auto& allowed = state_->config.request_headers;
      if (std::find(allowed.begin(), allowed.end(), header.name) == allowed.end()) continue;
      out.headers.emplace_back(std::move(header.name), std::move(header.value));
    }
    if (request.timeout_ms) out.deadline = exchange.started + std::chrono::milliseconds(*request.timeout_ms);
    return made;
  }

  void finish(const DispatchResult& result) {
    times_.dispatch_ns =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began_).count());
    context_.counters.observe(Stage::dispatch, times_.dispatch_ns);
    const std::string_view told =
        result.reply.ok() ? std::string_view("ok") : core::to_string(result.reply.error().code);
    const std::string_view target = chain_->target().name();
    log_decision(context_, *state_, request_id_, decision_, times_, DispatchNote{target, told}, embedding_);
    if (session_->open()) send(result);
    session_->finish_async(token_);
  }

  DecisionView make_view() const {
    DecisionView view;
    fill_view(*state_, decision_, chain_->target().name(), view);
    if (!explain_) return view;
    view.explain = make_explain(*state_, decision_, candidates_);
    set_times(*view.explain, times_);
    view.explain->attempts = attempt_views(chain_->attempts());
    return view;
  }

  void send(const DispatchResult& result) {
    DecisionView view = make_view();
    if (result.reply.ok()) {
      const auto& r = *result.reply;
      DecisionReply reply;
      reply.request_id = request_id_;
      reply.revision = state_->revision;
      reply.decisions.push_back(std::move(view));
      reply.route_op = true;
      reply.dispatched = true;
      reply.reply = TargetReplyView{r.status, r.content_type, r.body};
      return session_->reply(Op::route, id_, reply);
    }
    const auto& error = result.reply.error();
    session_->reply(Op::route, id_,
                    ErrorReply{.request_id = request_id_,
                               .code = error.code,
                               .message = error.message,
                               .retryable = !result.sent && can_be_retried(error.code),
                               .sent = result.sent,
                               .decision = &view,
                               .revision = state_->revision});
  }

  VerbContext& context_;
  std::shared_ptr<Session> session_;
  std::shared_ptr<const ServiceState> state_;
  RequestId id_;
  std::string request_id_;
  Decision decision_;
  bool explain_;
  StageTimes times_;
  std::vector<RouteScore> candidates_;  // for explain
  std::vector<float> embedding_;
  std::shared_ptr<DispatchChain> chain_;
  std::uint64_t token_ = 0;
  Clock::time_point began_;
};

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

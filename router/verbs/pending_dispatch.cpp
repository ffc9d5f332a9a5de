#include "router/verbs/pending_dispatch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <boost/asio/post.hpp>

#include "router/verbs/decision_views.h"

namespace semroute::router {

namespace {

// Whether the same request may fare better another time.
bool can_be_retried(core::ErrorCode code) {
  return code != core::ErrorCode::cancelled && code != core::ErrorCode::bad_request &&
         code != core::ErrorCode::forbidden && code != core::ErrorCode::too_large;
}

}  // namespace

PendingDispatch::PendingDispatch(Exchange& exchange, StageTimes times, const ChosenTarget& chosen)
    : context_(exchange.context),
      session_(exchange.session.shared_from_this()),
      state_(exchange.state),
      id_(exchange.request.id),
      request_id_(exchange.context.request_id(exchange.request)),
      decision_(exchange.context.decision),
      explain_(exchange.request.explain),
      stream_(exchange.request.stream),
      times_(times),
      chain_(std::make_shared<DispatchChain>(context_.io, context_.channels, chosen.targets, chosen.position)),
      chunks_(session_->is_binary() ? ReplyChunks::As::bytes : ReplyChunks::As::text) {
  if (explain_) candidates_ = exchange.context.scratch.candidates;
  if (context_.decision_log != nullptr) embedding_ = exchange.request.embeddings;
}

void PendingDispatch::start(Exchange& exchange, const DispatchTarget* mirror) {
  const auto self = shared_from_this();
  token_ = session_->begin_async(id_, [weak = weak_from_this()] {
    if (const auto pending = weak.lock()) pending->cancel();
  });
  began_ = Clock::now();
  const auto request = make_request(exchange);
  chain_->start(request, stream_ ? self : nullptr, [self](const DispatchResult& result) { self->finish(result); });
  if (mirror != nullptr) context_.mirrors.send(*mirror, *request);
}

std::shared_ptr<const plugins::DispatchRequest> PendingDispatch::make_request(Exchange& exchange) const {
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

void PendingDispatch::cancel() {
  if (!end_) return chain_->cancel();
  // The target has said all; only the client has not taken it.
  end_->error = core::Error{core::ErrorCode::cancelled, "the request was cancelled"};
  chunks_.drop();
  end_when_sent();
}

// Until a reply is there: a streamed one's head.
void PendingDispatch::note_time() {
  times_.dispatch_ns =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began_).count());
  context_.counters.observe(Stage::dispatch, times_.dispatch_ns);
}

void PendingDispatch::log(const core::Error* error) {
  const std::string_view told = error == nullptr ? std::string_view("ok") : core::to_string(error->code);
  const std::string_view target = chain_->target().name();
  log_decision(context_, *state_, request_id_, decision_, times_, DispatchNote{target, told}, embedding_);
}

void PendingDispatch::finish(const DispatchResult& result) {
  if (!has_head_) note_time();
  log(result.reply.ok() ? nullptr : &result.reply.error());
  if (stream_ && (has_head_ || result.reply.ok())) return finish_stream(result);
  if (session_->open()) send(result);
  over();
}

void PendingDispatch::finish_stream(const DispatchResult& result) {
  if (!has_head_) {
    send_head(result.reply->status, result.reply->content_type);
    chunks_.add(result.reply->body);
  }
  StreamEnd& end = end_.emplace();
  end.explain = explain_;
  if (explain_) end.attempts = attempt_views(chain_->attempts());
  if (!result.reply.ok()) end.error = result.reply.error();
  // Whoever cancels does not want what is still to come.
  if (end.error && end.error->code == core::ErrorCode::cancelled) chunks_.drop();
  chunks_.end();
  end_when_sent();
}

void PendingDispatch::on_head(int status, std::string_view content_type) {
  note_time();
  send_head(status, content_type);
  // The call is handing something over just now.
  if (refused_) boost::asio::post(context_.io, [chain = chain_] { chain->cancel(); });
  session_->push();
}

bool PendingDispatch::on_bytes(std::string_view bytes) {
  chunks_.add(bytes);
  const bool takes_more = !waits_ && send_chunks(std::numeric_limits<std::size_t>::max());
  session_->push();
  return takes_more;
}

void PendingDispatch::on_room() {
  waits_ = false;
  if (is_over_ || !send_chunks(1)) return;
  if (end_) return end_when_sent();
  chain_->resume();
}

bool PendingDispatch::send_chunks(std::size_t chunks) {
  // A client that is gone, or was told an error: what comes until the call is over goes nowhere.
  if (refused_ || !session_->open()) chunks_.drop();
  for (; chunks > 0 && session_->has_room(); --chunks) {
    const auto chunk = chunks_.next(session_->chunk_bytes());
    if (!chunk) return true;
    session_->reply_chunk(Op::route, id_, *chunk);
  }
  if (chunks_.empty()) return true;
  waits_ = true;
  session_->wait_for_room(shared_from_this());
  return false;
}

void PendingDispatch::end_when_sent() {
  if (waits_ && !chunks_.empty()) return;
  if (!send_chunks(std::numeric_limits<std::size_t>::max())) return;
  if (session_->open() && !refused_) session_->reply_end(Op::route, id_, *end_);
  over();
}

void PendingDispatch::over() {
  is_over_ = true;
  session_->finish_async(token_);
}

DecisionView PendingDispatch::make_view() const {
  DecisionView view;
  fill_view(*state_, decision_, chain_->target().name(), view);
  if (!explain_) return view;
  view.explain = make_explain(*state_, decision_, candidates_);
  set_times(*view.explain, times_);
  view.explain->attempts = attempt_views(chain_->attempts());
  return view;
}

DecisionReply PendingDispatch::make_reply(const TargetReplyView& reply) const {
  DecisionReply made;
  made.request_id = request_id_;
  made.revision = state_->revision;
  made.decisions.push_back(make_view());
  made.route_op = true;
  made.dispatched = true;
  made.reply = reply;
  return made;
}

void PendingDispatch::send(const DispatchResult& result) {
  if (result.reply.ok()) {
    const plugins::DispatchReply& reply = *result.reply;
    return session_->reply(Op::route, id_, make_reply({reply.status, reply.content_type, reply.body}));
  }
  const core::Error& error = result.reply.error();
  const DecisionView view = make_view();
  session_->reply(Op::route, id_,
                  ErrorReply{.request_id = request_id_,
                             .code = error.code,
                             .message = error.message,
                             .retryable = !result.sent && can_be_retried(error.code),
                             .sent = result.sent,
                             .decision = &view,
                             .revision = state_->revision});
}

void PendingDispatch::send_head(int status, std::string_view content_type) {
  has_head_ = true;
  if (!session_->open()) return;
  DecisionReply reply = make_reply({status, content_type, {}});
  reply.more = true;
  refused_ = !session_->reply_head(Op::route, id_, reply);
}

}  // namespace semroute::router

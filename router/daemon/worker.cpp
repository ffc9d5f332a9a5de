#include "router/daemon/worker.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "core/base/limits.h"

namespace semroute::router {

namespace asio = boost::asio;

Worker::Worker(std::size_t number, std::shared_ptr<const ServiceState> state, WorkerCounters& counters,
               Control& control, DecisionLog* log)
    : work_(asio::make_work_guard(io_)),
      ticker_(io_),
      state_(std::move(state)),
      channels_(io_),
      mirrors_(io_, channels_),
      read_buffer_(4 * core::kReadChunkBytes),
      context_{.worker = number,
               .io = io_,
               .control = control,
               .counters = counters,
               .channels = channels_,
               .mirrors = mirrors_,
               .random = Random(0x9E3779B97F4A7C15ULL * (number + 1)),
               .decision_log = log} {}

Worker::~Worker() { join(); }

void Worker::start() {
  thread_ = std::thread([this] { io_.run(); });
}

void Worker::adopt(asio::ip::tcp::socket socket, ConnectionCounts::Lease lease) {
  add_session(std::move(socket), std::move(lease), [this](Session& session) {
    session.start();
    if (draining_) session.begin_drain();
  });
}

void Worker::turn_away(asio::ip::tcp::socket socket, ConnectionCounts::Lease lease, core::Error why) {
  add_session(std::move(socket), std::move(lease),
              [why = std::move(why)](Session& session) { session.turn_away(why); });
}

void Worker::add_session(asio::ip::tcp::socket socket, ConnectionCounts::Lease lease,
                         std::function<void(Session&)> begin) {
  // A shared_ptr because the handler must be copyable.
  auto shared = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
  asio::post(io_, [this, shared, lease = std::move(lease), begin = std::move(begin)] {
    const auto session = std::make_shared<Session>(std::move(*shared), lease, *this);
    sessions_.insert(session);
    begin(*session);
    schedule_tick();
  });
}

void Worker::publish(std::shared_ptr<const ServiceState> state, std::function<void()> adopted) {
  asio::post(io_, [this, state = std::move(state), adopted = std::move(adopted)]() mutable {
    state_ = std::move(state);
    channels_.keep_only(state_->targets);
    adopted();
  });
}

void Worker::begin_drain() {
  asio::post(io_, [this] {
    draining_ = true;
    const auto sessions = sessions_;  // a session that ends takes itself out of the set
    for (const auto& session : sessions) session->begin_drain();
  });
}

void Worker::ask_drained(std::function<void(bool)> answer) {
  asio::post(io_, [this, answer = std::move(answer)] {
    bool drained = true;
    for (const auto& session : sessions_) drained = drained && session->drained();
    answer(drained);
  });
}

void Worker::finish_drain(std::function<void()> closed) {
  asio::post(io_, [this, closed = std::move(closed)]() mutable {
    on_all_closed_ = std::move(closed);
    const auto sessions = sessions_;
    for (const auto& session : sessions) session->finish_drain();
    mirrors_.cancel();
    report_if_closed();
  });
}

void Worker::report_if_closed() {
  if (sessions_.empty() && on_all_closed_) std::exchange(on_all_closed_, nullptr)();
}

void Worker::stop() { io_.stop(); }

void Worker::join() {
  if (thread_.joinable()) thread_.join();
  // Targets that are stopped after this find that no request can come any more.
  channels_.keep_only({});
}

void Worker::handle(Session& session, Request& request, Clock::time_point started) {
  const Verb* verb = find_verb(request.op);
  SEMROUTE_CHECK(verb != nullptr);  // the codecs refuse what this version does not have
  Exchange exchange{context_, session, request, state_, started, Clock::now()};
  context_.counters.observe(Stage::decode, static_cast<std::uint64_t>((exchange.decoded - started).count()));
  if (state_->is_loading()) {
    return reply_error(exchange, {core::ErrorCode::unavailable, "the daemon is still loading its routes"}, true);
  }
  verb->handle(exchange);
}

void Worker::on_closed(Session& session) {
  // Deferred: the session is still inside its own member function.
  asio::post(io_, [this, ended = session.shared_from_this()] {
    sessions_.erase(ended);
    report_if_closed();
  });
}

// The ticker runs only while there are sessions, so that an idle daemon sleeps.
void Worker::schedule_tick() {
  if (ticking_ || sessions_.empty()) return;
  ticking_ = true;
  ticker_.expires_after(core::kSessionTick);
  ticker_.async_wait([this](const boost::system::error_code& ec) {
    ticking_ = false;
    if (ec) return;
    const auto now = Clock::now();
    // Sessions are only erased by posted work, never during this loop.
    for (const auto& session : sessions_) session->tick(now);
    schedule_tick();
  });
}

}  // namespace semroute::router

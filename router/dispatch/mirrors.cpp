#include "router/dispatch/mirrors.h"

#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "core/base/limits.h"

namespace semroute::router {
// So that a kind that streams need not gather a reply that nobody reads.
class Mirrors::NoReader final : public plugins::ReplySink {
 public:
  NoReader(boost::asio::io_context& io, std::weak_ptr<Flights> flights, std::uint64_t number,
           plugins::Clock::time_point until)
      : io_(io), flights_(std::move(flights)), number_(number), until_(until) {}

  void on_head(int /*status*/, std::string_view /*content_type*/) override {}

  [[nodiscard]] bool on_bytes(std::string_view /*bytes*/) override {
    if (plugins::Clock::now() < until_ || is_ended_) return true;
    is_ended_ = true;
    // From the loop: the call is handing something over just now.
    boost::asio::post(io_, [flights = flights_, number = number_] {
      const auto all = flights.lock();
      if (all == nullptr) return;
      const auto found = all->calls.find(number);
      if (found == all->calls.end() || found->second.call == nullptr) return;
      const auto call = found->second.call;
      call->cancel();
    });
    return true;
  }

 private:
  boost::asio::io_context& io_;
  std::weak_ptr<Flights> flights_;
  std::uint64_t number_;
  plugins::Clock::time_point until_;
  bool is_ended_ = false;
};

void Mirrors::send(const DispatchTarget& to, const plugins::DispatchRequest& request) {
  TargetCounters& counters = *to.counters;
  const std::size_t bytes = request.payload.size();
  std::size_t& of_target = flights_->of_target[to.target.get()];
  if (of_target >= core::kMaxMirrorsInFlight || flights_->bytes + bytes > core::kMaxMirrorBytes)
    return counters.count_error(core::ErrorCode::overloaded);
  ++of_target;
  counters.in_flight.fetch_add(1, std::memory_order_relaxed);
  const auto copy = std::make_shared<plugins::DispatchRequest>(request);
  copy->is_mirror = true;
  const std::uint64_t number = next_++;
  const auto channel = channels_.channel(to.target);
  flights_->calls.emplace(number, Flight{to.target, channel, nullptr, bytes});
  flights_->bytes += bytes;
  auto call =
      channel->dispatch(copy, std::make_shared<NoReader>(io_, flights_, number, plugins::Clock::now() + max_time_),
                        [&io = io_, &counters, flights = flights_, number](const plugins::DispatchOutcome& outcome) {
                          counters.in_flight.fetch_sub(1, std::memory_order_relaxed);
                          if (outcome.reply.ok()) {
                            counters.count_ok();
                          } else {
                            counters.count_error(outcome.reply.error().code);
                          }
                          const auto found = flights->calls.find(number);
                          flights->bytes -= found->second.bytes;
                          const auto count = flights->of_target.find(found->second.target.get());
                          if (--count->second == 0) flights->of_target.erase(count);
                          // The channel may be inside its own member function: it is let go from the loop.
                          boost::asio::post(io, [flight = std::move(found->second)] {});
                          flights->calls.erase(found);
                        });
  if (const auto found = flights_->calls.find(number); found != flights_->calls.end())
    found->second.call = std::move(call);
}

// Calls take themselves out as they complete.
void Mirrors::cancel() {
  std::vector<std::shared_ptr<plugins::Call>> calls;
  for (const auto& [number, flight] : flights_->calls)
    if (flight.call != nullptr) calls.push_back(flight.call);
  for (const auto& call : calls) call->cancel();
}

}  // namespace semroute::router

// HttpCall: one request to an http target, in as many tries as it may have.
//
//   waiting (for a connection) -> trying -> done
//                  ^                 |
//                  +- backing off <--+   when what happened is in retry_on, the budget has one left, and time is
//
// Nothing that may have reached a target is sent twice unless the target is idempotent. A retry goes to an endpoint not
// tried yet where there is one; the first of these goes at once, others wait, each about twice as long as the one
// before, at random between half of that and all of it (Brooker, Exponential backoff and jitter). Invariants: the
// completion runs exactly once, last. Threads: the worker's only. Lifetime: kept by the pool until then.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/target.h"
#include "plugins/targets/http/exchange.h"
#include "plugins/targets/http/pool.h"

namespace semroute::plugins {

class HttpCall final : public Call,
                       public std::enable_shared_from_this<HttpCall>,
                       private HttpExchange::Owner,
                       private HttpTimed {
 public:
  // `headers`: of append_request_headers(). The upstream has counted the request (take_request).
  HttpCall(std::shared_ptr<HttpPool> pool, std::shared_ptr<const DispatchRequest> request, std::string headers,
           std::shared_ptr<ReplySink> sink, Completion done);

  void begin();
  void cancel() override;
  void resume() override { exchange_.resume(); }
  [[nodiscard]] bool is_done() const noexcept { return state_ == State::done; }

  // For the pool. on_turn(): false when it waits on.
  [[nodiscard]] bool on_turn();
  using Waiting = std::list<HttpCall*>::iterator;
  void waits_at(Waiting at) noexcept { waits_at_ = at; }
  [[nodiscard]] Waiting waits_at() const noexcept { return waits_at_; }
  // The list of the calls that a pool keeps alive.
  void link(std::shared_ptr<HttpCall> self, HttpCall*& first) noexcept;
  void unlink(HttpCall*& first) noexcept;

 private:
  enum class State : std::uint8_t { waiting, trying, backing_off, done };

  void next_try();
  void run(HttpPool::Place place);
  [[nodiscard]] bool is_wanted(int status) override;
  void on_try_end(HttpTryEnd end) override;
  void on_due() override;

  void count(const HttpTryEnd& end, Clock::time_point now);
  void note(const HttpTryEnd& end, bool is_retried, Clock::time_point now);
  [[nodiscard]] bool is_retryable(const HttpTryEnd& end) const noexcept;
  [[nodiscard]] bool is_retryable(int status) const noexcept;
  // Takes one of the budget when it says yes, and says how long to wait.
  [[nodiscard]] bool may_retry(Clock::time_point now);
  [[nodiscard]] Clock::duration back_off(Clock::time_point now);
  void give_up(core::Error error);
  void finish(core::Result<DispatchReply> reply);

  std::shared_ptr<HttpPool> pool_;  // null when done
  const std::shared_ptr<HttpUpstream> upstream_;
  const std::shared_ptr<const DispatchRequest> request_;
  const std::string headers_;
  std::shared_ptr<ReplySink> sink_;  // null when done: it may hold the call
  Completion done_;
  const Clock::time_point began_;
  const Clock::time_point deadline_;
  HttpExchange exchange_;
  std::vector<Attempt> attempts_;
  std::optional<HttpTryEnd> last_;  // of the try before, while there is another one
  std::uint64_t tried_ = 0;         // endpoints, a bit each
  Clock::time_point try_began_;
  Clock::time_point headed_;  // when the head of a streamed reply came
  Clock::duration wait_{};
  std::size_t tries_ = 0;
  std::size_t endpoint_ = 0;
  State state_ = State::waiting;
  bool is_probe_ = false;
  bool is_granted_ = false;  // another try, by is_wanted()
  bool sent_ = false;
  Waiting waits_at_;
  HttpCall* next_ = nullptr;
  HttpCall* previous_ = nullptr;
  std::shared_ptr<HttpCall> self_;
};

}  // namespace semroute::plugins

// HttpPool: one worker's connections to an http target, its running calls, and those that wait for a connection.
//
// The connection used last is used next, so that the others grow old and close. How many there may be, and how many
// calls may wait, is the upstream's ConnectionLimit to say, over all workers; who waits is served first come, first
// served.
// Complexity: a request costs O(endpoints). Threads: the worker's only. Lifetime: shared by the channel and its calls.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "plugins/target.h"
#include "plugins/targets/connection_pool.h"
#include "plugins/targets/http/balancer.h"
#include "plugins/targets/http/connection.h"
#include "plugins/targets/http/deadlines.h"
#include "plugins/targets/http/upstream.h"

namespace semroute::plugins {

class HttpCall;

class HttpPool final : public ConnectionPool, private HttpTimed {
 public:
  // Where a try goes.
  struct Place {
    std::size_t endpoint = 0;
    bool is_probe = false;
    bool is_reused = false;  // the connection carried another request before
    std::shared_ptr<HttpConnection> connection;
  };
  enum class Search : std::uint8_t { found, wait, none };  // none: no endpoint may be used

  HttpPool(boost::asio::io_context& io, std::shared_ptr<HttpUpstream> upstream);

  [[nodiscard]] HttpUpstream& upstream() const noexcept { return *upstream_; }
  [[nodiscard]] const std::shared_ptr<HttpUpstream>& shared_upstream() const noexcept { return upstream_; }
  [[nodiscard]] HttpDeadlines& deadlines() noexcept { return deadlines_; }
  [[nodiscard]] std::uint64_t random() noexcept;

  // A call begins and ends its stay; it is kept alive meanwhile.
  void enter(const std::shared_ptr<HttpCall>& call);
  void leave(HttpCall& call);

  // A place for the next try of a call that tried those of `tried` (a bit each). `wait`: stand in the queue.
  [[nodiscard]] Search find_place(std::uint64_t tried, Place& place);
  // Unless it is `refused`, HttpCall::on_turn() is called when a connection may be free.
  [[nodiscard]] ConnectionLimit::Wait wait(HttpCall& call);
  void stop_waiting(HttpCall& call);
  // What a try leaves behind: a connection to be used again, or one to be closed.
  void put_back(std::size_t endpoint, std::shared_ptr<HttpConnection> connection, bool is_reusable);
  // A fresh connection to the endpoint in the place of `old`, whose permit it takes.
  [[nodiscard]] std::shared_ptr<HttpConnection> replace(std::size_t endpoint, HttpConnection& old);

  // Cancels every call and closes every connection.
  void close();

 private:
  struct Idle {
    std::shared_ptr<HttpConnection> connection;
    Clock::time_point since;
  };

  [[nodiscard]] std::optional<std::size_t> pick(std::uint64_t tried, bool only_idle, bool& is_probe);
  [[nodiscard]] std::shared_ptr<HttpConnection> take_idle(std::size_t endpoint);
  bool close_idle_but(std::size_t endpoint);
  [[nodiscard]] std::shared_ptr<HttpConnection> make(std::size_t endpoint, ConnectionPermit permit);
  void close(HttpConnection& connection);
  [[nodiscard]] bool has_waiting() const noexcept override { return !waiting_.empty(); }
  [[nodiscard]] bool serve_next() override;
  bool close_an_idle_one() override { return close_idle_but(idle_.size()); }
  void on_due() override;  // idle connections that have grown old

  const std::shared_ptr<HttpUpstream> upstream_;
  HttpDeadlines deadlines_;
  HttpBalancer balancer_;
  std::uint64_t random_;
  std::vector<HttpBalancer::Endpoint> choice_;  // scratch of pick()
  std::vector<std::vector<Idle>> idle_;         // of each endpoint, oldest first
  HttpCall* calls_ = nullptr;                   // all, running and waiting: a list through them
  std::list<HttpCall*> waiting_;
  bool sweeping_ = false;
};

}  // namespace semroute::plugins

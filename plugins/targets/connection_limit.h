// ConnectionLimit: how many connections a target may have open, and how many of its requests may wait for one, over all
// workers. ConnectionPermit: the right to have one of them open.
//
// Connections themselves are a worker's (connection_pool.h). A worker that needs one when all permits are taken asks
// the others, which then close what they hold idle, or do not take up again what comes free, until it has its share;
// the permit itself is handed over. Waiting for what another worker holds idle is a handover, and is allowed beyond
// `max_pending`: such a connection is in nobody's use.
// Threads: any. Taking and giving back take no lock unless connections are short. Lifetime: shared by the target, its
// pools and their permits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace semroute::plugins {

class ConnectionLimit;
class ConnectionPool;

// Given back when it is destroyed, or before. One at a time; the count is the process's.
class ConnectionPermit {
 public:
  // None: for connections that do not count.
  ConnectionPermit() = default;
  explicit ConnectionPermit(std::shared_ptr<ConnectionLimit> of) noexcept : of_(std::move(of)) {}
  ConnectionPermit(ConnectionPermit&& other) noexcept = default;
  ConnectionPermit& operator=(ConnectionPermit&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  // Without memory for handing it on, the process ends.
  ~ConnectionPermit() { give_back(); }  // NOLINT(bugprone-exception-escape)

  void give_back();
  [[nodiscard]] explicit operator bool() const noexcept { return of_ != nullptr; }

 private:
  std::shared_ptr<ConnectionLimit> of_;
};

class ConnectionLimit : public std::enable_shared_from_this<ConnectionLimit> {
 public:
  enum class Wait : std::uint8_t {
    queued,    // one of max_pending
    handover,  // beyond them, for what another worker holds idle
    refused
  };

  ConnectionLimit(std::size_t max_connections, std::size_t max_pending)
      : max_connections_(max_connections), max_pending_(max_pending) {}

  // None when all are taken.
  [[nodiscard]] ConnectionPermit take();
  // Whether one more request may wait; give_pending() ends it.
  [[nodiscard]] Wait take_pending();
  // For one whose handover did not come: whether it may stay, as one of max_pending.
  [[nodiscard]] bool may_stay_pending() const noexcept { return pending() <= max_pending_; }
  void give_pending() noexcept { pending_.fetch_sub(1, std::memory_order_relaxed); }

  void join(const std::shared_ptr<ConnectionPool>& pool);
  void leave(const ConnectionPool* pool);
  // The next permit that is given back goes to the pool, by ConnectionPool::on_given(); first come, first served.
  // One that was given back just before is to be taken with take().
  void want(const ConnectionPool* pool);
  // By how many pools; the asking one counts when it `wants`.
  [[nodiscard]] bool is_wanted_by_others(bool wants) const noexcept { return wanted_.load() > (wants ? 1 : 0); }
  [[nodiscard]] bool is_over_share(std::size_t open) const noexcept {
    return open * pool_count_.load(std::memory_order_relaxed) > max_connections_;
  }

  [[nodiscard]] std::size_t pending() const noexcept { return pending_.load(std::memory_order_relaxed); }
  // Every connection is in use, and no more requests may wait.
  [[nodiscard]] bool is_used_up() const;

 private:
  friend class ConnectionPermit;
  struct Member {
    const ConnectionPool* key;
    std::weak_ptr<ConnectionPool> pool;
    boost::asio::io_context* io;  // its worker's, which runs for as long as the pool is a member
  };

  void give_back();
  [[nodiscard]] std::size_t idle() const;  // of all pools, at some time during the call

  const std::size_t max_connections_;
  const std::size_t max_pending_;
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> pending_{0};

  mutable std::mutex sharing_;  // over the pools
  std::vector<Member> members_;
  std::deque<const ConnectionPool*> wanting_;
  std::atomic<int> wanted_{0};
  std::atomic<std::size_t> pool_count_{0};
};

}  // namespace semroute::plugins

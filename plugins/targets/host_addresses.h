// HostAddresses: the addresses of one endpoint's host, looked up off the event loop.
//
// A literal is known from the start. A name is looked up on a thread of LookUpThreads, at most one look-up of it at a
// time; how long anybody waits for it is the waiting one's deadline. refresh() looks it up before what is known has
// grown old (address_refresher.h); without, what was found is used for kHttpResolveAgain, after that while it is looked
// up again, and kept if that fails.
// Threads: any. Lifetime: shared; a look-up that hangs holds on to its own state alone.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "core/base/result.h"
#include "plugins/target.h"
#include "plugins/targets/look_up_threads.h"

namespace semroute::plugins {

class HostAddresses : public std::enable_shared_from_this<HostAddresses> {
 public:
  using List = std::vector<boost::asio::ip::tcp::endpoint>;
  // Blocks until it knows, or knows that it will not.
  using LookUp = std::function<core::Result<List>(const std::string& host, std::uint16_t port)>;
  // Called by the thread that looked up, or while wait() runs; must not block, nor call back.
  using Waiter = std::function<void()>;

  HostAddresses(std::string host, std::uint16_t port, LookUp look_up, LookUpThreads& threads = LookUpThreads::shared());

  // What is known now; null: nothing yet. Starts a look-up when one is due.
  [[nodiscard]] std::shared_ptr<const List> known(Clock::time_point now);
  // `waiter` is called once a look-up that runs, or is started by this, has ended; known() or problem() then tells.
  // `key` names the one who waits: a later call takes the place of an earlier one, forget() ends it.
  void wait(const void* key, Waiter waiter);
  void forget(const void* key);
  // Starts a look-up, unless it is a literal or one runs.
  void refresh();
  [[nodiscard]] bool is_literal() const noexcept { return is_literal_; }
  // Of the last look-up that failed, when nothing is known.
  [[nodiscard]] std::string problem() const;

 private:
  void start_look_up();  // with the lock held
  void finish(core::Result<List> found);

  const std::string host_;
  const std::uint16_t port_;
  const LookUp look_up_;
  LookUpThreads& threads_;
  bool is_literal_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<const List> list_;
  Clock::time_point until_ = Clock::time_point::max();
  bool running_ = false;
  std::string problem_;
  std::unordered_map<const void*, Waiter> waiters_;
};

// The system's resolver.
[[nodiscard]] core::Result<HostAddresses::List> look_up_by_system(const std::string& host, std::uint16_t port);

}  // namespace semroute::plugins

// HttpAddresses: the addresses of one endpoint's host, looked up off the event loop.
//
// A literal is known from the start. A name is looked up by a thread of its own, so that one that hangs holds up nobody
// else; how long anybody waits for it is the waiting one's deadline. What was found is used for kHttpResolveAgain;
// after that it is used while it is looked up again, and kept if that fails. At most one look-up runs at a time.
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

namespace semroute::plugins {

class HttpAddresses : public std::enable_shared_from_this<HttpAddresses> {
 public:
  using List = std::vector<boost::asio::ip::tcp::endpoint>;
  // Blocks until it knows, or knows that it will not.
  using LookUp = std::function<core::Result<List>(const std::string& host, std::uint16_t port)>;
  // Called by the thread that looked up, or while wait() runs; must not block, nor call back.
  using Waiter = std::function<void()>;

  HttpAddresses(std::string host, std::uint16_t port, LookUp look_up);

  // What is known now; null: nothing yet. Starts a look-up when one is due.
  [[nodiscard]] std::shared_ptr<const List> known(Clock::time_point now);
  // `waiter` is called once a look-up that runs, or is started by this, has ended; known() or problem() then tells.
  // `key` names the one who waits: a later call takes the place of an earlier one, forget() ends it.
  void wait(const void* key, Waiter waiter);
  void forget(const void* key);
  // Of the last look-up that failed, when nothing is known.
  [[nodiscard]] std::string problem() const;

 private:
  void start_look_up();  // with the lock held
  void finish(core::Result<List> found);

  const std::string host_;
  const std::uint16_t port_;
  const LookUp look_up_;
  mutable std::mutex mutex_;
  std::shared_ptr<const List> list_;
  Clock::time_point until_ = Clock::time_point::max();
  bool running_ = false;
  std::string problem_;
  std::unordered_map<const void*, Waiter> waiters_;
};

// The system's resolver.
[[nodiscard]] core::Result<HttpAddresses::List> look_up_by_system(const std::string& host, std::uint16_t port);

}  // namespace semroute::plugins

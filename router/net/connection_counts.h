// ConnectionCounts: how many client connections are open, in all and per address.
//
// A connection holds a lease; letting go of it gives the place back.
// Threads: any; one mutex, taken when a connection opens or closes.
// Lifetime: the counts outlive every lease.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace semroute::router {

class ConnectionCounts {
 public:
  using Lease = std::shared_ptr<void>;

  [[nodiscard]] Lease take(std::string address) {
    const std::lock_guard lock(mutex_);
    ++total_;
    ++by_address_[address];
    return {nullptr, [this, address = std::move(address)](void*) { give_back(address); }};
  }
  [[nodiscard]] std::size_t total() const {
    const std::lock_guard lock(mutex_);
    return total_;
  }
  [[nodiscard]] std::size_t of(const std::string& address) const {
    const std::lock_guard lock(mutex_);
    const auto it = by_address_.find(address);
    return it == by_address_.end() ? 0 : it->second;
  }

 private:
  void give_back(const std::string& address) {
    const std::lock_guard lock(mutex_);
    --total_;
    const auto it = by_address_.find(address);
    if (--it->second == 0) by_address_.erase(it);
  }

  mutable std::mutex mutex_;
  std::size_t total_ = 0;
  std::map<std::string, std::size_t> by_address_;
};

}  // namespace semroute::router

// ChannelPool: one worker's open channels to the targets of the state in use.
//
// A channel is opened at the first dispatch to its target and dropped when a reload removed the target and
// its last call is over (calls hold the channel). That of a target that was removed before serves its calls alone.
// Threads: the worker's. Lifetime: destroyed after the worker's loop has ended.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "plugins/target.h"

namespace semroute::router {

class ChannelPool {
 public:
  explicit ChannelPool(boost::asio::io_context& io) : io_(io) {}

  [[nodiscard]] std::shared_ptr<plugins::Channel> channel(const std::shared_ptr<plugins::Target>& target);

  // Lets go of the channels whose target is not among `targets`.
  void keep_only(const std::vector<std::shared_ptr<plugins::Target>>& targets);

 private:
  struct Entry {
    std::shared_ptr<plugins::Target> target;  // outlives its channel
    std::shared_ptr<plugins::Channel> channel;
  };
  boost::asio::io_context& io_;
  std::optional<std::vector<std::shared_ptr<plugins::Target>>> kept_;  // none yet: all are
  std::unordered_map<const plugins::Target*, Entry> entries_;
};

}  // namespace semroute::router

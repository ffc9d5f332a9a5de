#include "router/dispatch/channel_pool.h"

#include <algorithm>

namespace semroute::router {

std::shared_ptr<plugins::Channel> ChannelPool::channel(const std::shared_ptr<plugins::Target>& target) {
  auto& entry = entries_[target.get()];
  if (entry.channel == nullptr) {
    entry.target = target;
    entry.channel = target->open(io_);
  }
  return entry.channel;
}

void ChannelPool::keep_only(const std::vector<std::shared_ptr<plugins::Target>>& targets) {
  std::erase_if(entries_, [&](const auto& item) {
    return std::none_of(targets.begin(), targets.end(), [&](const auto& t) { return t.get() == item.first; });
  });
}

}  // namespace semroute::router

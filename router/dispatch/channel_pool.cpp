#include "router/dispatch/channel_pool.h"

#include <algorithm>

namespace semroute::router {

std::shared_ptr<plugins::Channel> ChannelPool::channel(const std::shared_ptr<plugins::Target>& target) {
  if (const auto found = entries_.find(target.get()); found != entries_.end()) return found->second.channel;
  std::shared_ptr<plugins::Channel> opened = target->open(io_);
  // A request that began before a reload may come, as to a fallback, to a target that the reload removed.
  if (!kept_ || std::ranges::find(*kept_, target) != kept_->end())
    entries_.emplace(target.get(), Entry{target, opened});
  return opened;
}

void ChannelPool::keep_only(const std::vector<std::shared_ptr<plugins::Target>>& targets) {
  kept_ = targets;
  std::erase_if(entries_, [&](const auto& item) {
    return std::none_of(targets.begin(), targets.end(), [&](const auto& t) { return t.get() == item.first; });
  });
}

}  // namespace semroute::router

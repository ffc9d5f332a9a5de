#include "plugins/targets/connection_limit.h"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "plugins/targets/connection_pool.h"

namespace semroute::plugins {

namespace asio = boost::asio;

void ConnectionPermit::give_back() {
  if (const auto of = std::exchange(of_, nullptr)) of->give_back();
}

ConnectionPermit ConnectionLimit::take() {
  // Never over the most, not even for a moment, or the last look of one who begins to want could fail by that.
  std::size_t open = connections_.load();
  while (open < max_connections_)
    if (connections_.compare_exchange_weak(open, open + 1)) return ConnectionPermit(shared_from_this());
  return {};
}

void ConnectionLimit::give_back() {
  if (wanted_.load(std::memory_order_seq_cst) > 0) {
    const std::lock_guard lock(sharing_);
    if (!wanting_.empty()) {
      const auto member = std::ranges::find(members_, wanting_.front(), &Member::key);
      wanting_.pop_front();
      wanted_.fetch_sub(1);
      // The permit itself goes over, so that nobody who asks later is faster.
      asio::post(*member->io, [weak = member->pool, permit = ConnectionPermit(shared_from_this())]() mutable {
        if (const auto pool = weak.lock()) pool->on_given(std::move(permit));
      });
      return;
    }
  }
  connections_.fetch_sub(1, std::memory_order_seq_cst);
  // Who began to want one after the look above found none free, and nobody else would tell: it comes back once more.
  if (wanted_.load(std::memory_order_seq_cst) > 0) take().give_back();
}

ConnectionLimit::Wait ConnectionLimit::take_pending() {
  const std::size_t waiting = pending_.fetch_add(1, std::memory_order_relaxed);
  if (waiting < max_pending_) return Wait::queued;
  if (waiting < max_pending_ + idle()) return Wait::handover;
  pending_.fetch_sub(1, std::memory_order_relaxed);
  return Wait::refused;
}

std::size_t ConnectionLimit::idle() const {
  const std::lock_guard lock(sharing_);
  std::size_t sum = 0;
  // A pool leaves before it ends.
  for (const Member& member : members_) sum += member.key->idle_count();
  return sum;
}

bool ConnectionLimit::is_used_up() const {
  return connections_.load(std::memory_order_relaxed) >= max_connections_ + idle() && pending() >= max_pending_;
}

void ConnectionLimit::join(const std::shared_ptr<ConnectionPool>& pool) {
  const std::lock_guard lock(sharing_);
  members_.push_back({pool.get(), pool, &pool->io()});
  pool_count_ = members_.size();
}

void ConnectionLimit::leave(const ConnectionPool* pool) {
  const std::lock_guard lock(sharing_);
  std::erase_if(members_, [&](const Member& member) { return member.key == pool; });
  pool_count_ = members_.size();
  wanted_.fetch_sub(static_cast<int>(std::erase(wanting_, pool)));
}

void ConnectionLimit::want(const ConnectionPool* pool) {
  const std::lock_guard lock(sharing_);
  if (std::ranges::find(wanting_, pool) != wanting_.end()) return;
  wanting_.push_back(pool);
  wanted_.fetch_add(1, std::memory_order_seq_cst);
  for (const Member& member : members_) {
    if (member.key == pool) continue;
    asio::post(*member.io, [weak = member.pool] {
      if (const auto asked = weak.lock()) asked->give_up_idle();
    });
  }
}

}  // namespace semroute::plugins

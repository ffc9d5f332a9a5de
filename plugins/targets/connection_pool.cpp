#include "plugins/targets/connection_pool.h"

namespace semroute::plugins {

ConnectionPermit ConnectionPool::take_permit() {
  ConnectionPermit permit = given_ ? std::move(given_) : limit_->take();
  if (permit) ++open_;
  return permit;
}

bool ConnectionPool::is_owed() const noexcept {
  return limit_->is_wanted_by_others(wants_) && (!has_waiting() || limit_->is_over_share(open_));
}

void ConnectionPool::want_connection() {
  if (std::exchange(wants_, true)) return;
  limit_->want(this);
  // One that was given back before that would otherwise be told to nobody: giving it back once more tells.
  ConnectionPermit permit = limit_->take();
}

void ConnectionPool::serve_waiting() {
  if (std::exchange(serving_, true)) return;
  while (has_waiting() && !closed_) {
    if (!serve_next()) break;
  }
  serving_ = false;
  given_.give_back();
  if (has_waiting() && !closed_) want_connection();
}

void ConnectionPool::on_given(ConnectionPermit permit) {
  wants_ = false;
  if (closed_) return;
  given_ = std::move(permit);
  serve_waiting();
}

void ConnectionPool::give_up_idle() {
  if (!closed_ && limit_->is_wanted_by_others(wants_)) close_an_idle_one();
}

void ConnectionPool::close_line() {
  closed_ = true;
  limit_->leave(this);
}

}  // namespace semroute::plugins

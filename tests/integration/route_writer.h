// RouteWriter: changes its own routes over one connection, several requests in flight, and notes what was acknowledged;
// after the daemon has ended and started again, holds the table that is served to that.
//
// Changes of one connection are applied in their order, so the table must be as after the last acknowledged change, or
// as after one of those sent since, and nothing else.
// Threads: one at a time. Errors: failures of the test.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "tests/integration/route_model.h"

namespace semroute::test {

class RouteWriter {
 public:
  RouteWriter(std::string prefix, unsigned seed) : prefix_(std::move(prefix)), random_(seed) {}

  // Sends until the connection ends, `most` requests are sent and answered, or one is answered `unavailable` because
  // the disk is gone. False when the connection ended. `disk_gone` becomes true just before it is; null: it stays. What
  // is acknowledged from then on counts as not answered: ext4 may call a sync a success that was under way when it was
  // shut down. Its journal is aborted then, and a transaction that is gone passes for one that is committed.
  bool run(std::uint16_t port, std::size_t most, const std::atomic<bool>* disk_gone);
  // What the daemon serves after a start; the next run goes on from there.
  void check(const ServedTable& table);
  // What it serves before that, when every request was answered: all that was acknowledged, and nothing else.
  void check_before_restart(const ServedTable& table) const;

  struct Counts {
    std::uint64_t acknowledged = 0;
    std::uint64_t batches = 0;          // of those
    std::uint64_t unanswered_kept = 0;  // found after a start without having been acknowledged
    std::uint64_t unanswered_gone = 0;
    std::uint64_t lost = 0;
    std::uint64_t half_applied = 0;
  };
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  void take_reply(const std::string& line, const std::atomic<bool>* disk_gone);
  [[nodiscard]] const RouteModel& newest() const { return pending_.empty() ? model_ : pending_.back().after; }
  void tell_difference(const RouteModel& served);
  void check_versions(const ServedTable& table);

  const std::string prefix_;
  std::mt19937 random_;
  RouteModel model_;                  // after the last acknowledged change
  std::deque<ModelRequest> pending_;  // sent since, without an answer that says that it is or is not there
  std::uint64_t last_number_ = 0;
  std::uint64_t late_number_ = 0;  // the last that was acknowledged after the disk was gone
  std::size_t unanswered_ = 0;
  bool stopped_ = false;
  std::map<std::uint64_t, std::uint64_t> versions_;  // that changes were given; both rise
  std::uint64_t seen_revision_ = 0;
  Counts counts_;
};

}  // namespace semroute::test

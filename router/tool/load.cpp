#include "router/tool/load.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "router/tool/load_connection.h"

namespace semroute::router::tool {
namespace {

namespace asio = boost::asio;

// The connections of one thread.
class LoadThread {
 public:
  LoadThread(const LoadPlan& plan, LoadClock& clock) : plan_(plan), clock_(clock) {}

  core::Result<void> connect(std::size_t connections, std::size_t first) {
    for (std::size_t i = 0; i < connections; ++i) {
      auto connection = std::make_unique<LoadConnection>(io_, plan_, clock_, tally_, first + i);
      if (const auto connected = connection->connect(); !connected) return connected.error();
      connections_.push_back(std::move(connection));
    }
    return {};
  }

  // Until every connection is done, or nothing came back for kBenchStall.
  void run() {
    for (auto& connection : connections_) connection->start();
    std::uint64_t answered = 0;
    auto since = Clock::now();
    while (io_.run_for(std::chrono::seconds{1}), !io_.stopped()) {
      if (tally_.answered != answered) {
        answered = tally_.answered;
        since = Clock::now();
      } else if (Clock::now() - since > kBenchStall) {
        stalled_ = true;
        return;
      }
    }
  }

  [[nodiscard]] const LoadTally& tally() const noexcept { return tally_; }
  [[nodiscard]] bool stalled() const noexcept { return stalled_; }

 private:
  const LoadPlan& plan_;
  LoadClock& clock_;
  LoadTally tally_;
  asio::io_context io_{1};
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  bool stalled_ = false;
};

core::Result<LoadReport> report_of(const LoadPlan& plan, const std::vector<std::unique_ptr<LoadThread>>& threads,
                                   Clock::time_point begin) {
  LoadReport report;
  Clock::time_point end = begin;
  bool stalled = false;
  std::string why;
  for (const auto& thread : threads) {
    const LoadTally& tally = thread->tally();
    report.answered += tally.answered;
    report.lost += tally.lost;
    for (const auto& [code, count] : tally.errors) report.errors[code] += count;
    report.latency_ns.merge(tally.latency_ns);
    end = std::max(end, tally.last_reply);
    stalled = stalled || thread->stalled();
    if (why.empty()) why = tally.why_lost;
  }
  if (stalled) {
    return core::Error{core::ErrorCode::timeout, plan.server + " answered nothing for " +
                                                     std::to_string(kBenchStall.count()) + " s, after " +
                                                     std::to_string(report.answered) + " replies"};
  }
  if (report.answered == 0) {
    return core::Error{core::ErrorCode::unavailable,
                       plan.server + " ended every connection without a reply (" + why + ")"};
  }
  report.seconds = std::chrono::duration<double>(end - begin).count();
  return report;
}

}  // namespace

core::Result<LoadReport> run_load(const LoadPlan& plan) {
  const std::size_t count = std::min(plan.threads, plan.connections);
  LoadClock clock;
  std::vector<std::unique_ptr<LoadThread>> threads;
  std::size_t first = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto thread = std::make_unique<LoadThread>(plan, clock);
    const std::size_t share = plan.connections / count + (i < plan.connections % count ? 1 : 0);
    if (const auto connected = thread->connect(share, first); !connected) return connected.error();
    first += share;
    threads.push_back(std::move(thread));
  }
  const auto begin = Clock::now();
  if (plan.duration.count() > 0) clock.until = begin + plan.duration;
  clock.left.store(plan.requests > 0 ? plan.requests : std::numeric_limits<std::uint64_t>::max());
  std::vector<std::thread> running;
  for (auto& thread : threads) running.emplace_back([&thread] { thread->run(); });
  for (std::thread& thread : running) thread.join();
  return report_of(plan, threads, begin);
}

}  // namespace semroute::router::tool

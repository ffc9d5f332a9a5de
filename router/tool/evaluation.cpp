#include "router/tool/evaluation.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "core/index/vector_rules.h"
#include "router/decide/decide.h"

namespace semroute::router::tool {
namespace {

constexpr std::size_t kRowsAtOnce = 64;
constexpr std::chrono::milliseconds kProgressStep{200};

EvaluatedRequest evaluated(const RouteTable& table, const Labelled& labelled, std::size_t row,
                           const Decision& decision) {
  EvaluatedRequest request;
  request.label = labelled.labels[row];
  request.out_of_scope = labelled.out_of_scope[row];
  request.decision = decision.kind;
  if (decision.route) request.served = table.routes()[*decision.route].name;
  if (decision.best) {
    request.best = table.routes()[decision.best->route].name;
    request.best_score = decision.best->score;
  }
  return request;
}

// Takes rows until none are left.
class Worker {
 public:
  Worker(const RoutingState& state, const std::vector<float>& prepared, const Labelled& labelled,
         std::vector<EvaluatedRequest>& out)
      : state_(state), prepared_(prepared), labelled_(labelled), out_(out) {}

  void run(std::atomic<std::size_t>& next, std::atomic<std::size_t>& done) {
    const std::size_t dimension = labelled_.dimension;
    while (true) {
      const std::size_t begin = next.fetch_add(kRowsAtOnce);
      if (begin >= labelled_.count()) return;
      const std::size_t end = std::min(begin + kRowsAtOnce, labelled_.count());
      for (std::size_t row = begin; row < end; ++row) {
        DecideRequest request;
        request.embedding = {prepared_.data() + row * dimension, dimension};
        decide(state_, request, scratch_, decision_);
        out_[row] = evaluated(state_.table, labelled_, row, decision_);
      }
      done.fetch_add(end - begin);
    }
  }

 private:
  const RoutingState& state_;
  const std::vector<float>& prepared_;
  const Labelled& labelled_;
  std::vector<EvaluatedRequest>& out_;
  DecideScratch scratch_;
  Decision decision_;
};

}  // namespace

core::Result<std::vector<EvaluatedRequest>> evaluate_in_process(const RoutingState& state, const Labelled& labelled,
                                                                const Progress& progress) {
  const core::Metric metric = state.index->params().metric;
  std::vector<float> prepared(labelled.values.size());
  for (std::size_t row = 0; row < labelled.count(); ++row) {
    const auto raw = labelled.row(row);
    const std::span<float> out(prepared.data() + row * labelled.dimension, labelled.dimension);
    if (const auto checked = core::prepare_vector(metric, state.index->params().dimension, raw, out); !checked) {
      return core::Error{checked.error().code, "row " + std::to_string(row) + " " + checked.error().message};
    }
  }
  std::vector<EvaluatedRequest> requests(labelled.count());
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::vector<std::thread> threads;
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < processors; ++i) {
    threads.emplace_back([&] { Worker(state, prepared, labelled, requests).run(next, done); });
  }
  const auto step = std::min(kProgressStep, std::chrono::milliseconds(1 + labelled.count() / 100));
  for (std::size_t so_far = 0; so_far < labelled.count(); so_far = done.load()) {
    std::this_thread::sleep_for(step);
    if (so_far > 0) progress(so_far);
  }
  for (std::thread& thread : threads) thread.join();
  progress(labelled.count());
  return requests;
}

}  // namespace semroute::router::tool

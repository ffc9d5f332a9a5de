#include "core/index/search_costs.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <random>
#include <vector>

#include "core/index/flat_scan.h"
#include "core/index/graph_search.h"

namespace semroute::core {
namespace {

constexpr std::size_t kTop = 10;
constexpr std::size_t kQueries = 8;
constexpr std::size_t kScannedRows = 200'000;  // about so many in all, or the table once
// Guesses of a machine of 2020 and a row of some hundred bytes, until something is measured.
constexpr double kScannedRowNs = 10.0;
constexpr double kGatheredRowNs = 25.0;
// Looking an id up; keeping a candidate of a walk in order, beside its distances.
constexpr double kLookUpNs = 5.0;
constexpr double kCandidateNs = 60.0;
// About so many links of each node that a walk expands lead to one that it has not met (of 2 m).
constexpr double kNewLinks = 0.9;

constexpr std::size_t kFewCandidates = 32;
constexpr std::size_t kManyCandidates = 256;

// The shortest of some rounds: a thread that had to wait for its turn shows longer ones only.
template <class Work>
double shortest_ns(std::size_t rounds, Work&& work) {
  using Clock = std::chrono::steady_clock;
  double shortest = std::numeric_limits<double>::infinity();
  for (std::size_t round = 0; round < rounds; ++round) {
    const Clock::time_point began = Clock::now();
    work();
    shortest = std::min(shortest, std::chrono::duration<double, std::nano>(Clock::now() - began).count());
  }
  return shortest;
}

// Vectors of the table, as queries.
std::vector<float> some_vectors(const VectorTable& table, std::size_t dimension, const Readers::Reading& reading,
                                std::mt19937& random) {
  std::vector<float> vectors(kQueries * dimension);
  for (std::size_t i = 0; i < kQueries; ++i) {
    std::uint32_t slot = static_cast<std::uint32_t>(random()) % table.end();
    while (!table.is_alive(slot, reading.epoch())) slot = (slot + 1) % table.end();
    table.rows().read(slot, vectors.data() + i * dimension);
  }
  return vectors;
}

}  // namespace

SearchCosts::SearchCosts(const IndexParams& params) : params_(params) {
  scanned_row_ns_.store(kScannedRowNs);
  looked_up_row_ns_.store(kGatheredRowNs + kLookUpNs);
  expect_walks(kGatheredRowNs);
}

// Without a graph yet: a walk gathers rows from anywhere.
void SearchCosts::expect_walks(double gathered_row_ns) noexcept {
  const double candidate_ns = kNewLinks * static_cast<double>(params_.hnsw.m) * gathered_row_ns + kCandidateNs;
  walked_candidate_ns_.store(candidate_ns);
  walk_start_ns_.store(16.0 * candidate_ns);
}

void SearchCosts::measure(const VectorTable& table, const HnswGraph* graph, const Readers::Reading& reading) {
  if (table.count() == 0) return;
  measure_rows(table, reading);
  if (graph != nullptr) measure_walks(table, *graph, reading);
}

void SearchCosts::measure_rows(const VectorTable& table, const Readers::Reading& reading) {
  std::mt19937 random(1);
  const std::vector<float> queries = some_vectors(table, params_.dimension, reading, random);
  std::array<Hit, kTop> hits;
  const std::size_t wanted = std::min(kTop, table.count());
  const std::size_t rounds = std::clamp<std::size_t>(kScannedRows / table.count(), 1, kQueries);
  std::size_t next = 0;
  const double scan_ns = shortest_ns(rounds, [&] {
    scan_all(table, params_.metric, queries.data() + next * params_.dimension, std::span(hits).first(wanted), nullptr,
             reading);
    next = (next + 1) % kQueries;
  });
  scanned_row_ns_.store(scan_ns / static_cast<double>(table.count()));

  // Rows from anywhere, as a walk and a filter read them.
  constexpr std::size_t kRows = 1024;
  constexpr std::size_t kAtATime = 32;
  std::array<std::uint32_t, kAtATime> slots;
  std::array<float, kAtATime> values;
  const VectorTable::Rows& rows = table.rows();
  std::byte* code = nullptr;
  if (rows.codec != nullptr) {
    code = reading.scratch().query_code.make_room(rows.codec->query_bytes());
    (void)rows.codec->prepare(queries.data(), code);
  }
  const double gather_ns = shortest_ns(3, [&] {
    for (std::size_t done = 0; done < kRows; done += kAtATime) {
      for (std::uint32_t& slot : slots) slot = static_cast<std::uint32_t>(random()) % table.end();
      if (rows.codec != nullptr)
        rows.codec->gather(code, rows.codes->as<std::byte>(), slots.data(), kAtATime, values.data());
      else
        rows.full->gather(queries.data(), slots.data(), kAtATime, values.data());
    }
  });
  const double gathered_row_ns = gather_ns / kRows;
  looked_up_row_ns_.store(gathered_row_ns + kLookUpNs);
  expect_walks(gathered_row_ns);
}

void SearchCosts::measure_walks(const VectorTable& table, const HnswGraph& graph, const Readers::Reading& reading) {
  std::mt19937 random(2);
  const std::vector<float> queries = some_vectors(table, params_.dimension, reading, random);
  std::array<Hit, kTop> hits;
  const std::size_t wanted = std::min(kTop, table.count());
  const auto walk_ns = [&](std::size_t ef) {
    return shortest_ns(3,
                       [&] {
                         for (std::size_t i = 0; i < kQueries; ++i)
                           search_graph(table, graph, params_, queries.data() + i * params_.dimension, ef,
                                        std::span(hits).first(wanted), nullptr, reading);
                       }) /
           static_cast<double>(kQueries);
  };
  const double few_ns = walk_ns(kFewCandidates);
  const double many_ns = walk_ns(kManyCandidates);
  const double candidate_ns = std::max(1.0, (many_ns - few_ns) / static_cast<double>(kManyCandidates - kFewCandidates));
  walked_candidate_ns_.store(candidate_ns);
  walk_start_ns_.store(std::max(0.0, few_ns - candidate_ns * static_cast<double>(kFewCandidates)));
}

double SearchCosts::scan_ns(std::size_t rows) const noexcept {
  return scanned_row_ns_.load(std::memory_order_relaxed) * static_cast<double>(rows);
}

double SearchCosts::look_up_ns(std::size_t rows) const noexcept {
  return looked_up_row_ns_.load(std::memory_order_relaxed) * static_cast<double>(rows);
}

double SearchCosts::walk_ns(std::size_t ef) const noexcept {
  return walk_start_ns_.load(std::memory_order_relaxed) +
         walked_candidate_ns_.load(std::memory_order_relaxed) * static_cast<double>(ef);
}

}  // namespace semroute::core

// bench_flat: exact float32 search of one thread, one query a call, k = 10, cosine over unit vectors,
// beside FAISS IndexFlatIP and hnswlib's brute force in the same run. bench/README.md says how to read it.
//
// Peers take turns within each round and the median over the rounds counts, because other work on the machine moves
// single runs by much more than the differences of interest.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/core/flat_peers.h"
#include "bench/support/timing.h"
#include "bench/support/vectors.h"
#include "core/kernels/kernels.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kTop = 10;
constexpr std::size_t kQueries = 64;
constexpr double kTurnUs = 4'000.0;  // one peer's share of a round, long against the clock and a tick

struct Size {
  std::size_t count;
  std::size_t dimension;
  double target;  // at most this share of FAISS's time
};
constexpr Size kSizes[] = {{50, 128, 0.65}, {100, 128, 0.65}, {500, 256, 0.65}, {1000, 384, 0.8}, {2000, 384, 0.8}};

struct Measured {
  std::string name;
  std::vector<double> round_us;  // per query
  double recall = 0.0;
};

double inner_product(const float* a, const float* b, std::size_t dimension) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dimension; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// The share of the answers that are among the true k nearest in float64. A tie at the k-th place counts
// as a hit: float32 cannot tell scores apart that differ by less than 1e-6.
double recall(ExactIndex& index, const std::vector<float>& vectors, const std::vector<float>& queries,
              std::size_t dimension) {
  constexpr double kTie = 1e-6;
  std::size_t right = 0;
  std::vector<double> scores(vectors.size() / dimension);
  std::vector<std::uint64_t> rows(kTop);
  for (std::size_t q = 0; q < kQueries; ++q) {
    const float* query = &queries[q * dimension];
    for (std::size_t row = 0; row < scores.size(); ++row)
      scores[row] = inner_product(query, &vectors[row * dimension], dimension);
    index.search(query, kTop, rows.data());
    std::sort(rows.begin(), rows.end());
    if (std::adjacent_find(rows.begin(), rows.end()) != rows.end()) continue;  // a repeated answer is none
    std::vector<double> best = scores;
    std::nth_element(best.begin(), best.begin() + kTop - 1, best.end(), std::greater<>());
    for (const std::uint64_t row : rows) right += scores[row] >= best[kTop - 1] - kTie ? 1U : 0U;
  }
  return static_cast<double>(right) / static_cast<double>(kQueries * kTop);
}

double turn_us_per_query(ExactIndex& index, const std::vector<float>& queries, std::size_t dimension,
                         std::size_t passes) {
  std::uint64_t rows[kTop];
  const Stopwatch watch;
  for (std::size_t pass = 0; pass < passes; ++pass)
    for (std::size_t q = 0; q < kQueries; ++q) {
      index.search(&queries[q * dimension], kTop, rows);
      keep(rows);
    }
  return watch.elapsed_us() / static_cast<double>(passes * kQueries);
}

std::vector<Measured> measure(const Size& size, std::size_t rounds) {
  const std::vector<float> vectors = unit_vectors(size.count, size.dimension, 7);
  const std::vector<float> queries = unit_vectors(kQueries, size.dimension, 8);
  const std::vector<std::unique_ptr<ExactIndex>> indexes = exact_indexes(vectors, size.dimension);
  std::vector<Measured> measured;
  std::vector<std::size_t> passes;
  for (const auto& index : indexes) {
    measured.push_back(
        {.name = index->name(), .round_us = {}, .recall = recall(*index, vectors, queries, size.dimension)});
    const double us = turn_us_per_query(*index, queries, size.dimension, 2);
    passes.push_back(1 + static_cast<std::size_t>(kTurnUs / (us * static_cast<double>(kQueries))));
  }
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t turn = 0; turn < indexes.size(); ++turn) {
      const std::size_t who = (round + turn) % indexes.size();
      measured[who].round_us.push_back(turn_us_per_query(*indexes[who], queries, size.dimension, passes[who]));
    }
  return measured;
}

// Of the rounds' ratios, so that a slow moment which both felt cancels.
double median_ratio(const Measured& a, const Measured& b) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < a.round_us.size(); ++round)
    ratios.push_back(a.round_us[round] / b.round_us[round]);
  return median(ratios);
}

const Measured* find(const std::vector<Measured>& all, const std::string& name) {
  for (const Measured& measured : all)
    if (measured.name == name) return &measured;
  return nullptr;
}

std::string cell(const Measured* measured) {
  if (measured == nullptr) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", median(measured->round_us));
  return text;
}

int run(std::size_t rounds, const char* csv_path) {
  std::FILE* csv = csv_path == nullptr ? nullptr : std::fopen(csv_path, "w");
  if (csv_path != nullptr && csv == nullptr) {
    std::fprintf(stderr, "bench_flat: cannot write %s\n", csv_path);
    return 73;
  }
  if (csv != nullptr) std::fprintf(csv, "count,dimension,isa,index,us_per_query,recall_at_10\n");
  const std::string isa(core::to_string(core::active_kernels().isa));
  std::printf(
      "exact f32 search, us per query: one thread, one query a call, k = %zu, cosine, %s, median of %zu rounds\n", kTop,
      isa.c_str(), rounds);
  std::printf("%10s  %8s  %8s  %8s  %9s  %10s  %6s  %s\n", "n x d", "ours", "faiss", "hnswlib", "recall@10",
              "ours/faiss", "target", "");
  bool good = true;
  for (const Size& size : kSizes) {
    const std::vector<Measured> measured = measure(size, rounds);
    const Measured& ours = measured.front();
    const Measured* faiss = find(measured, "faiss");
    const double ratio = faiss == nullptr ? 0.0 : median_ratio(ours, *faiss);
    const bool met = ratio <= size.target && ours.recall == 1.0;
    good = good && met;
    const std::string shape = std::to_string(size.count) + "x" + std::to_string(size.dimension);
    std::printf("%10s  %8s  %8s  %8s  %9.4f  %10.2f  %6.2f  %s\n", shape.c_str(), cell(&ours).c_str(),
                cell(faiss).c_str(), cell(find(measured, "hnswlib")).c_str(), ours.recall, ratio, size.target,
                faiss == nullptr ? "no FAISS here"
                : met            ? "met"
                                 : "MISSED");
    for (const Measured& peer : measured)
      if (csv != nullptr)
        std::fprintf(csv, "%zu,%zu,%s,%s,%.3f,%.4f\n", size.count, size.dimension, &peer == &ours ? isa.c_str() : "",
                     peer.name.c_str(), median(peer.round_us), peer.recall);
  }
  if (csv != nullptr && std::fclose(csv) != 0) {
    std::fprintf(stderr, "bench_flat: cannot write %s\n", csv_path);
    return 74;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  std::size_t rounds = 31;
  const char* csv_path = nullptr;
  for (int i = 1; i < argc; i += 2) {
    const bool has_value = i + 1 < argc;
    if (has_value && std::strcmp(argv[i], "--csv") == 0) {
      csv_path = argv[i + 1];
    } else if (has_value && std::strcmp(argv[i], "--rounds") == 0 && std::atoi(argv[i + 1]) > 0) {
      rounds = static_cast<std::size_t>(std::atoi(argv[i + 1]));
    } else {
      std::fprintf(stderr, "usage: bench_flat [--rounds N] [--csv FILE]\n");
      return 64;
    }
  }
  return semroute::bench::run(rounds, csv_path);
}

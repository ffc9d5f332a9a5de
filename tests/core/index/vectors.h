// Seeded vectors and plain searches that indexes are held against.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "core/index/index.h"
#include "core/index/top_k.h"
#include "core/index/vector_rules.h"

namespace semroute::core::testing {

// n x dimension numbers around a few centres, prepared for the metric, so that near neighbours exist.
inline std::vector<float> clustered_vectors(Metric metric, std::size_t count, std::size_t dimension, std::uint64_t seed,
                                            std::size_t centres = 16) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> middle(centres * dimension);
  for (float& number : middle) number = normal(random);
  std::vector<float> rows(count * dimension);
  for (std::size_t row = 0; row < count; ++row) {
    const std::size_t centre = random() % centres;
    for (std::size_t i = 0; i < dimension; ++i)
      rows[row * dimension + i] = middle[centre * dimension + i] + 0.5F * normal(random);
    const std::span<float> vector(rows.data() + row * dimension, dimension);
    EXPECT_TRUE(prepare_vector(metric, dimension, vector, vector).ok());
  }
  return rows;
}

inline std::vector<ReferenceId> ascending_ids(std::size_t count, ReferenceId first = 0) {
  std::vector<ReferenceId> ids(count);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

inline std::unique_ptr<Index> make_index(const IndexParams& params) {
  auto made = Index::create(params);
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  return std::move(made).value();
}

inline std::vector<Hit> search(const Index& index, std::span<const float> query, std::size_t k,
                               const SearchOptions& options = {}) {
  std::vector<Hit> hits(std::min(k, index.count()));
  hits.resize(index.search(query, k, hits, options));
  return hits;
}

// Every id of the range that passes, scored by Index::score and sorted: what an exact search has to find.
inline std::vector<Hit> exact_hits(const Index& index, std::span<const float> query, IdRange ids, std::size_t k,
                                   const IdSet* filter = nullptr) {
  std::vector<float> scores(ids.count);
  index.score(query, ids, scores);
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < ids.count; ++i)
    if (filter == nullptr || filter->contains(ids.first + i)) hits.push_back({ids.first + i, scores[i]});
  const std::size_t kept = std::min(k, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(kept), hits.end(), better);
  hits.resize(kept);
  return hits;
}

inline double score_in_float64(Metric metric, std::span<const float> a, std::span<const float> b) {
  double dot = 0.0;
  double l2 = 0.0;
  double l1 = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    dot += x * y;
    l2 += (x - y) * (x - y);
    l1 += std::fabs(x - y);
  }
  switch (metric) {
    case Metric::cosine:
    case Metric::dot: return dot;
    case Metric::euclidean: return 1.0 / (1.0 + std::sqrt(l2));
    case Metric::manhattan: return 1.0 / (1.0 + l1);
  }
  return dot;
}

// Share of the k nearest (by exact_hits) that a search finds, over all queries.
inline double recall(const Index& index, std::span<const float> queries, IdRange ids, std::size_t k,
                     const SearchOptions& options = {}) {
  const std::size_t dimension = index.params().dimension;
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < queries.size() / dimension; ++q) {
    const auto query = queries.subspan(q * dimension, dimension);
    const std::vector<Hit> exact = exact_hits(index, query, ids, k, options.filter);
    const std::vector<Hit> hits = search(index, query, k, options);
    wanted += exact.size();
    for (const Hit& hit : hits)
      found += std::any_of(exact.begin(), exact.end(), [&](const Hit& e) { return e.id == hit.id; }) ? 1 : 0;
  }
  return wanted == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(wanted);
}

inline constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

}  // namespace semroute::core::testing

// Truth: what the nearest rows of a query really are, and the share of them that an index found.
//
// The truth of a query is the inner product of its k-th nearest row: an answer is right when its own inner product in
// float64 reaches that, so rows that tie count alike, and the truth does not depend on how rows are named.
// Complexity: exact_truth O(rows * queries * dimension) on `threads` threads, about 30 G multiply-adds a second each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace semroute::bench {

struct Truth {
  std::size_t k = 0;               // at most the number of rows
  std::vector<double> kth_scores;  // a query
};

// `rows` and `queries` are vectors of `dimension` floats one after another.
[[nodiscard]] Truth exact_truth(std::span<const float> rows, std::span<const float> queries, std::size_t dimension,
                                std::size_t k, std::size_t threads);

// The same, kept in `folder` under `key` (which names the rows, the queries and their dimension) for the next time;
// an empty folder keeps nothing.
[[nodiscard]] Truth kept_truth(const std::string& folder, const std::string& key, std::span<const float> rows,
                               std::span<const float> queries, std::size_t dimension, std::size_t k,
                               std::size_t threads);

// What an index answered: up to k row numbers a query.
using Answers = std::vector<std::vector<std::uint64_t>>;

// recall@k. Row numbers are places in `rows`; one that is no place, repeats, or is refused by `allowed`,
// is wrong.
[[nodiscard]] double recall(const Truth& truth, const Answers& answers, std::span<const float> rows,
                            std::span<const float> queries, std::size_t dimension,
                            const std::function<bool(std::uint64_t)>& allowed = nullptr);

}  // namespace semroute::bench

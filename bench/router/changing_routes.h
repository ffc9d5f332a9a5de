// ChangingRoutes: routes that stay, routes that are put again and again with other references, and queries whose
// exact scores with all of them are known.
//
// A route has a centre, and its references lie around it: centres and what is added to them are clustered vectors
// (support/clustered.h), so routes are near each other as those are. A third of the queries lies around the centre of
// one that stays, a third around one that changes, the others anywhere. A route's score is the mean of its best
// kTopReferences inner products; all vectors have unit length.
// Complexity: making it O(queries * references * dimension) on `threads` threads. Threads: const, any. Routes are
// numbered: those that stay from 0 on, then those that change.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace semroute::bench {

inline constexpr std::size_t kTopReferences = 3;

struct ChangingShape {
  std::size_t count = 0;  // references at any time
  std::size_t dimension = 0;
  std::size_t references_a_route = 20;
  std::size_t references_a_put = 20;  // of a route that changes
  std::size_t changing = 100;         // routes
  std::size_t contents = 8;           // of each of them, by turns
  std::size_t queries = 1'000;
};

class ChangingRoutes {
 public:
  ChangingRoutes(const ChangingShape& shape, std::size_t threads);

  [[nodiscard]] const ChangingShape& shape() const { return shape_; }
  // Routes that stay.
  [[nodiscard]] std::size_t staying() const { return staying_; }
  [[nodiscard]] std::string name(std::size_t route) const;
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

  // Rows one after another: of all routes that stay, of one content of the i-th that changes, of one query.
  [[nodiscard]] const std::vector<float>& staying_rows() const { return rows_; }
  [[nodiscard]] std::span<const float> content_rows(std::size_t i, std::size_t content) const;
  [[nodiscard]] std::span<const float> query(std::size_t query) const;

  // The best score that a route which stays has with the query.
  [[nodiscard]] float best_staying(std::size_t query) const { return best_staying_[query]; }
  [[nodiscard]] float staying_score(std::size_t query, std::size_t route) const;
  [[nodiscard]] float content_score(std::size_t query, std::size_t i, std::size_t content) const {
    return content_scores_[(query * shape_.changing + i) * shape_.contents + content];
  }

 private:
  void score_queries(std::size_t begin, std::size_t end);

  ChangingShape shape_;
  std::size_t staying_;
  std::vector<float> rows_;
  std::vector<float> contents_;
  std::vector<float> queries_;
  std::vector<float> best_staying_;
  std::vector<float> content_scores_;
};

}  // namespace semroute::bench

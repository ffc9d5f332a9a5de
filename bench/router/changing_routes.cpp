#include "bench/router/changing_routes.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bench/support/clustered.h"
#include "bench/support/native_dot.h"
#include "bench/support/parallel.h"

namespace semroute::bench {
namespace {

constexpr float kSpread = 0.7F;  // of a vector around its route's centre
constexpr std::string_view kStays = "stays-";
constexpr std::string_view kChanges = "changes-";

// The unit vector of centre + kSpread * offset.
void put_near(const float* centre, const float* offset, std::span<float> out) {
  double squares = 0.0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = centre[i] + kSpread * offset[i];
    squares += static_cast<double>(out[i]) * static_cast<double>(out[i]);
  }
  const double scale = 1.0 / std::sqrt(squares);
  for (float& number : out) number = static_cast<float>(static_cast<double>(number) * scale);
}

// The mean of the best of a route's scores. They are put in another order.
float mean_of_top(std::span<float> scores) {
  const std::size_t top = std::min(kTopReferences, scores.size());
  std::ranges::partial_sort(scores, scores.begin() + static_cast<std::ptrdiff_t>(top), std::greater{});
  double sum = 0.0;
  for (const float score : scores.first(top)) sum += static_cast<double>(score);
  return static_cast<float>(sum / static_cast<double>(top));
}

std::size_t staying_routes(const ChangingShape& shape) {
  return (shape.count - shape.changing * shape.references_a_put) / shape.references_a_route;
}

}  // namespace

ChangingRoutes::ChangingRoutes(const ChangingShape& shape, std::size_t threads)
    : shape_(shape),
      staying_(staying_routes(shape)),
      rows_(staying_ * shape.references_a_route * shape.dimension),
      contents_(shape.changing * shape.contents * shape.references_a_put * shape.dimension),
      queries_(shape.queries * shape.dimension),
      best_staying_(shape.queries),
      content_scores_(shape.queries * shape.changing * shape.contents) {
  const std::size_t dimension = shape.dimension;
  const std::size_t routes = staying_ + shape.changing;
  const std::size_t rows = (rows_.size() + contents_.size()) / dimension;
  const VectorSet drawn =
      clustered_vectors({.count = routes + rows, .dimension = dimension, .queries = shape.queries}, threads);
  std::size_t offset = routes;
  for (std::size_t row = 0; row < rows_.size() / dimension; ++row)
    put_near(drawn.row(row / shape.references_a_route), drawn.row(offset++),
             std::span(rows_).subspan(row * dimension, dimension));
  const std::size_t rows_a_route = shape.contents * shape.references_a_put;
  for (std::size_t row = 0; row < contents_.size() / dimension; ++row)
    put_near(drawn.row(staying_ + row / rows_a_route), drawn.row(offset++),
             std::span(contents_).subspan(row * dimension, dimension));
  for (std::size_t i = 0; i < shape.queries; ++i) {
    const float* const where = &drawn.queries[i * dimension];
    const std::span<float> query = std::span(queries_).subspan(i * dimension, dimension);
    switch (i % 3) {
      case 0: put_near(drawn.row(i % staying_), where, query); break;
      case 1: put_near(drawn.row(staying_ + i % shape.changing), where, query); break;
      default: std::copy_n(where, dimension, query.begin());
    }
  }
  in_parallel(shape.queries, threads,
              [&](std::size_t begin, std::size_t end, std::size_t /*thread*/) { score_queries(begin, end); });
}

void ChangingRoutes::score_queries(std::size_t begin, std::size_t end) {
  const std::size_t dimension = shape_.dimension;
  std::vector<float> scores(std::max(rows_.size(), contents_.size()) / dimension);
  for (std::size_t i = begin; i < end; ++i) {
    const float* const vector = &queries_[i * dimension];
    dot_rows(vector, rows_.data(), rows_.size() / dimension, dimension, scores.data());
    best_staying_[i] = -1.0F;
    for (std::size_t route = 0; route < staying_; ++route)
      best_staying_[i] = std::max(best_staying_[i], mean_of_top(std::span(scores).subspan(
                                                        route * shape_.references_a_route, shape_.references_a_route)));
    dot_rows(vector, contents_.data(), contents_.size() / dimension, dimension, scores.data());
    const std::size_t all = shape_.changing * shape_.contents;
    for (std::size_t content = 0; content < all; ++content)
      content_scores_[i * all + content] =
          mean_of_top(std::span(scores).subspan(content * shape_.references_a_put, shape_.references_a_put));
  }
}

std::string ChangingRoutes::name(std::size_t route) const {
  return route < staying_ ? std::string(kStays) + std::to_string(route)
                          : std::string(kChanges) + std::to_string(route - staying_);
}

std::optional<std::size_t> ChangingRoutes::find(std::string_view name) const {
  const bool stays = name.starts_with(kStays);
  if (!stays && !name.starts_with(kChanges)) return std::nullopt;
  const std::string_view digits = name.substr(stays ? kStays.size() : kChanges.size());
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (number >= (stays ? staying_ : shape_.changing)) return std::nullopt;
  return stays ? number : staying_ + number;
}

std::span<const float> ChangingRoutes::content_rows(std::size_t i, std::size_t content) const {
  const std::size_t floats = shape_.references_a_put * shape_.dimension;
  return std::span(contents_).subspan((i * shape_.contents + content) * floats, floats);
}

std::span<const float> ChangingRoutes::query(std::size_t query) const {
  return std::span(queries_).subspan(query * shape_.dimension, shape_.dimension);
}

float ChangingRoutes::staying_score(std::size_t query, std::size_t route) const {
  std::vector<float> scores(shape_.references_a_route);
  dot_rows(&queries_[query * shape_.dimension], &rows_[route * scores.size() * shape_.dimension], scores.size(),
           shape_.dimension, scores.data());
  return mean_of_top(scores);
}

}  // namespace semroute::bench

#include "bench/support/clustered.h"

#include <sysexits.h>

#include <cmath>
#include <random>
#include <utility>

#include "bench/support/native_dot.h"
#include "bench/support/parallel.h"
#include "bench/support/program.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kCentres = 10'000;
constexpr double kSpread = 0.7;  // of a point around its centre, against that of the centres

class Source {
 public:
  Source(std::size_t dimension, unsigned seed) : random_(seed), scales_(dimension), centres_(kCentres * dimension) {
    for (std::size_t i = 0; i < dimension; ++i) scales_[i] = 1.0 / std::sqrt(static_cast<double>(i + 1));
    for (std::size_t i = 0; i < centres_.size(); ++i) centres_[i] = scales_[i % dimension] * normal_(random_);
  }

  void draw_points(float* out, std::size_t count) {
    const std::size_t dimension = scales_.size();
    for (std::size_t point = 0; point < count; ++point) {
      const double* const centre = &centres_[pick_(random_) * dimension];
      for (std::size_t i = 0; i < dimension; ++i)
        *out++ = static_cast<float>(centre[i] + kSpread * scales_[i] * normal_(random_));
    }
  }

  // Orthonormal rows: Gaussian ones, made orthogonal one after another (modified Gram-Schmidt).
  std::vector<float> draw_rotation() {
    const std::size_t dimension = scales_.size();
    std::vector<double> rows(dimension * dimension);
    for (double& number : rows) number = normal_(random_);
    for (std::size_t i = 0; i < dimension; ++i) {
      double* const row = &rows[i * dimension];
      for (std::size_t j = 0; j <= i; ++j) {
        const double* const other = &rows[j * dimension];
        double product = 0.0;
        for (std::size_t at = 0; at < dimension; ++at) product += row[at] * other[at];
        const double length = std::sqrt(product);
        for (std::size_t at = 0; at < dimension; ++at)
          row[at] = j == i ? row[at] / length : row[at] - product * other[at];
      }
    }
    return {rows.begin(), rows.end()};
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::uniform_int_distribution<std::size_t> pick_{0, kCentres - 1};
  std::vector<double> scales_;
  std::vector<double> centres_;
};

void rotate_to_unit_length(const std::vector<float>& rotation, float* rows, std::size_t count, std::size_t dimension,
                           std::size_t threads) {
  in_parallel(count, threads, [&](std::size_t begin, std::size_t end, std::size_t /*thread*/) {
    std::vector<float> rotated(dimension);
    for (std::size_t i = begin; i < end; ++i) {
      float* const row = rows + i * dimension;
      dot_rows(row, rotation.data(), dimension, dimension, rotated.data());
      double squares = 0.0;
      for (const float number : rotated) squares += static_cast<double>(number) * static_cast<double>(number);
      const double scale = 1.0 / std::sqrt(squares);
      for (std::size_t at = 0; at < dimension; ++at)
        row[at] = static_cast<float>(static_cast<double>(rotated[at]) * scale);
    }
  });
}

}  // namespace

std::string ClusteredSet::key() const {
  return "clustered_" + std::to_string(count) + "x" + std::to_string(dimension) + "_q" + std::to_string(queries) +
         "_s" + std::to_string(seed);
}

VectorSet clustered_vectors(const ClusteredSet& set, std::size_t threads) {
  std::optional<core::FloatBlock> block = core::FloatBlock::allocate(set.count, set.dimension);
  if (!block) stop(EX_UNAVAILABLE, "no memory for " + set.key());
  VectorSet vectors{set.count, set.dimension, std::move(*block), std::vector<float>(set.queries * set.dimension)};
  Source source(set.dimension, set.seed);
  const std::vector<float> rotation = source.draw_rotation();
  source.draw_points(vectors.queries.data(), set.queries);
  source.draw_points(vectors.block.data(), set.count);
  rotate_to_unit_length(rotation, vectors.queries.data(), set.queries, set.dimension, 1);
  rotate_to_unit_length(rotation, vectors.block.data(), set.count, set.dimension, threads);
  return vectors;
}

}  // namespace semroute::bench

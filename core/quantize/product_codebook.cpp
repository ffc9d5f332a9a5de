#include "core/quantize/product_codebook.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/quantize/random.h"

namespace semroute::core {
namespace {

constexpr std::size_t kCentroids = ProductCodebook::kCentroids;
constexpr std::size_t kRounds = 8;
constexpr std::size_t kLanes = 16;  // centroids compared side by side

using Row = float[kCentroids];

// The first of the smallest numbers.
std::size_t first_least(const Row& numbers) noexcept {
  float least[kLanes];
  std::int32_t place[kLanes];
  for (std::size_t k = 0; k < kLanes; ++k) {
    least[k] = numbers[k];
    place[k] = 0;
  }
  for (std::size_t i = kLanes; i < kCentroids; i += kLanes)
    for (std::size_t k = 0; k < kLanes; ++k) {
      const bool less = numbers[i + k] < least[k];
      least[k] = less ? numbers[i + k] : least[k];
      place[k] = less ? static_cast<std::int32_t>(i) : place[k];
    }
  std::size_t best = 0;
  auto best_place = static_cast<std::size_t>(place[0]);
  for (std::size_t k = 1; k < kLanes; ++k) {
    const std::size_t at = static_cast<std::size_t>(place[k]) + k;
    if (least[k] < least[best] || (least[k] == least[best] && at < best_place)) {
      best = k;
      best_place = at;
    }
  }
  return best_place;
}

// The centroid that is nearest to v, by half of |v - c|^2 - |v|^2 = |c|^2 / 2 - <v, c>. `centroids`: those of a
// subspace's first dimension, the others at the distance `stride`; number(t) is v_t.
template <class Number>
std::size_t nearest(const float* centroids, std::size_t stride, const float* half_squares, std::size_t width,
                    const Number& number) noexcept {
  Row distances;
  for (std::size_t first = 0; first < kCentroids; first += kLanes) {
    float sums[kLanes];  // in registers, over all dimensions
    for (std::size_t k = 0; k < kLanes; ++k) sums[k] = half_squares[first + k];
    for (std::size_t t = 0; t < width; ++t) {
      const float value = number(t);
      const float* of_t = centroids + t * stride + first;
      for (std::size_t k = 0; k < kLanes; ++k) sums[k] -= value * of_t[k];
    }
    for (std::size_t k = 0; k < kLanes; ++k) distances[first + k] = sums[k];
  }
  return first_least(distances);
}

// The centroids of one subspace while they are learnt.
struct Centroids {
  std::size_t width;
  std::size_t stride;  // between the rows of two of its dimensions
  float* numbers;
  float* half_squares;

  [[nodiscard]] float* row(std::size_t t) const noexcept { return numbers + t * stride; }

  void square() const noexcept {
    for (std::size_t c = 0; c < kCentroids; ++c) half_squares[c] = 0.0F;
    for (std::size_t t = 0; t < width; ++t)
      for (std::size_t c = 0; c < kCentroids; ++c) half_squares[c] += 0.5F * row(t)[c] * row(t)[c];
  }
};

// Points of one subspace, a row for each of its dimensions.
struct Points {
  std::size_t count;
  std::vector<float> numbers;  // [width][count]

  [[nodiscard]] const float* row(std::size_t t) const noexcept { return &numbers[t * count]; }
};

// Where the running sum of `weights` passes `share` of their total.
std::size_t drawn(const std::vector<float>& weights, double total, double share) noexcept {
  double left = share * total;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0.0F) continue;
    last = i;
    left -= static_cast<double>(weights[i]);
    if (left < 0.0) break;
  }
  return last;
}

// k-means++: each next centroid is a point drawn by its squared distance from those before. When none is left at a
// distance, centroids repeat.
void choose(const Points& points, const Centroids& centroids, Random& random) {
  std::vector<float> distances(points.count, 0.0F);
  std::vector<float> from_newest(points.count);
  for (std::size_t c = 0; c < kCentroids; ++c) {
    double total = 0.0;
    for (const float distance : distances) total += static_cast<double>(distance);
    const double share = random.unit();
    std::size_t point = c == 0 ? static_cast<std::size_t>(share * static_cast<double>(points.count)) : 0;
    if (total > 0.0) point = drawn(distances, total, share);
    std::fill(from_newest.begin(), from_newest.end(), 0.0F);
    for (std::size_t t = 0; t < centroids.width; ++t) {
      const float* numbers = points.row(t);
      const float centre = numbers[point];
      centroids.row(t)[c] = centre;
      for (std::size_t i = 0; i < points.count; ++i) from_newest[i] += (numbers[i] - centre) * (numbers[i] - centre);
    }
    for (std::size_t i = 0; i < points.count; ++i)
      distances[i] = c == 0 ? from_newest[i] : std::min(distances[i], from_newest[i]);
  }
}

// Lloyd's round: each centroid becomes the mean of the points nearest to it; one without points stays.
void improve(const Points& points, const Centroids& centroids) {
  std::vector<double> sums(centroids.width * kCentroids, 0.0);
  std::vector<double> counts(kCentroids, 0.0);
  for (std::size_t i = 0; i < points.count; ++i) {
    const std::size_t own = nearest(centroids.numbers, centroids.stride, centroids.half_squares, centroids.width,
                                    [&](std::size_t t) { return points.row(t)[i]; });
    counts[own] += 1.0;
    for (std::size_t t = 0; t < centroids.width; ++t)
      sums[t * kCentroids + own] += static_cast<double>(points.row(t)[i]);
  }
  for (std::size_t t = 0; t < centroids.width; ++t)
    for (std::size_t c = 0; c < kCentroids; ++c)
      if (counts[c] > 0.0) centroids.row(t)[c] = static_cast<float>(sums[t * kCentroids + c] / counts[c]);
  centroids.square();
}

}  // namespace

ProductCodebook::ProductCodebook(std::size_t dimension, std::size_t subspaces)
    : dimension_(dimension),
      subspaces_(subspaces),
      centroids_(dimension * kCentroids),
      half_squares_(subspaces * kCentroids) {
  SEMROUTE_CHECK(subspaces >= 1 && subspaces <= dimension);
}

std::size_t ProductCodebook::bytes() const noexcept {
  return sizeof *this + (centroids_.size() + half_squares_.size()) * sizeof(float);
}

void ProductCodebook::train(std::span<const float> vectors, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t subspace = 0; subspace < subspaces_; ++subspace) train_subspace(subspace, vectors, random.next());
}

void ProductCodebook::train_subspace(std::size_t subspace, std::span<const float> vectors, std::uint64_t seed) {
  Points points{.count = vectors.size() / dimension_, .numbers = {}};
  if (points.count == 0) return;
  const std::size_t of_subspace = width(subspace);
  points.numbers.resize(of_subspace * points.count);
  for (std::size_t t = 0; t < of_subspace; ++t)
    for (std::size_t i = 0; i < points.count; ++i)
      points.numbers[t * points.count + i] = vectors[i * dimension_ + subspace + t * subspaces_];
  const Centroids centroids{.width = of_subspace,
                            .stride = subspaces_ * kCentroids,
                            .numbers = &centroids_[subspace * kCentroids],
                            .half_squares = &half_squares_[subspace * kCentroids]};
  Random random(seed);
  choose(points, centroids, random);
  centroids.square();
  for (std::size_t round = 0; round < kRounds; ++round) improve(points, centroids);
}

void ProductCodebook::encode(const float* vector, std::uint8_t* codes) const noexcept {
  const std::size_t stride = subspaces_ * kCentroids;
  for (std::size_t j = 0; j < subspaces_; ++j)
    codes[j] = static_cast<std::uint8_t>(nearest(&centroids_[j * kCentroids], stride, &half_squares_[j * kCentroids],
                                                 width(j), [&](std::size_t t) { return vector[j + t * subspaces_]; }));
}

void ProductCodebook::decode(const std::uint8_t* codes, float* vector) const noexcept {
  for (std::size_t i = 0; i < dimension_; ++i) vector[i] = number(codes, i);
}

void ProductCodebook::product_table(const float* query, float scale, float* table) const noexcept {
  std::fill(table, table + subspaces_ * kCentroids, 0.0F);
  for (std::size_t i = 0; i < dimension_; ++i) {
    const float* of_i = &centroids_[i * kCentroids];
    float* entries = table + i % subspaces_ * kCentroids;
    const float part = query[i] * scale;
    for (std::size_t c = 0; c < kCentroids; ++c) entries[c] += part * of_i[c];
  }
}

void ProductCodebook::l1_table(const float* query, float scale, float* table) const noexcept {
  std::fill(table, table + subspaces_ * kCentroids, 0.0F);
  for (std::size_t i = 0; i < dimension_; ++i) {
    const float* of_i = &centroids_[i * kCentroids];
    float* entries = table + i % subspaces_ * kCentroids;
    const float part = query[i];
    for (std::size_t c = 0; c < kCentroids; ++c) entries[c] += scale * std::fabs(part - of_i[c]);
  }
}

}  // namespace semroute::core

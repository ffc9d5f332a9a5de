// ProductCodebook: vectors as one byte for each of some subspaces, by the nearest of 256 centroids there.
//
// Subspace j has the dimensions j, j + m, j + 2 m, ... of m subspaces: each gets its part of dimensions of every
// importance, which embeddings sort or not; any dimension will do, subspaces differ by one number at most. Training:
// k-means++ (Arthur & Vassilvitskii, SODA 2007), then Lloyd's rounds, a fixed number; deterministic by the seed. With
// fewer than 256 different vectors centroids repeat, and the first of equal ones is taken.
// Source: Jegou, Douze & Schmid, "Product quantization for nearest neighbor search", TPAMI 2011.
//
// Shapes: vectors of dimension() float32, of ordinary size (squares and their sums must be finite); m codes; tables of
// m * 256 floats, entry 256 j + c of centroid c.
// Complexity: training O(count * dimension * 256 * rounds); encoding and tables O(dimension * 256), decoding
// O(dimension). Memory: 1 KiB a dimension and 1 KiB a subspace. Nothing allocates but train(). Threads: const members
// from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace semroute::core {

class ProductCodebook {
 public:
  static constexpr std::size_t kCentroids = 256;

  // All centroids are 0. Precondition: 1 <= subspaces <= dimension.
  ProductCodebook(std::size_t dimension, std::size_t subspaces);

  // `vectors`: whole vectors, one after the other; none leaves the centroids as they are.
  void train(std::span<const float> vectors, std::uint64_t seed);

  [[nodiscard]] std::size_t dimension() const noexcept { return dimension_; }
  [[nodiscard]] std::size_t subspaces() const noexcept { return subspaces_; }
  [[nodiscard]] std::size_t bytes() const noexcept;

  void encode(const float* vector, std::uint8_t* codes) const noexcept;
  void decode(const std::uint8_t* codes, float* vector) const noexcept;
  // Number i of the vector that the codes stand for.
  [[nodiscard]] float number(const std::uint8_t* codes, std::size_t i) const noexcept {
    return centroids_[i * kCentroids + codes[i % subspaces_]];
  }

  // scale * the inner product of the query's part and the centroid
  void product_table(const float* query, float scale, float* table) const noexcept;
  // scale * the L1 distance of the query's part and the centroid
  void l1_table(const float* query, float scale, float* table) const noexcept;

 private:
  [[nodiscard]] std::size_t width(std::size_t subspace) const noexcept {
    return (dimension_ - subspace + subspaces_ - 1) / subspaces_;
  }
  void train_subspace(std::size_t subspace, std::span<const float> vectors, std::uint64_t seed);

  std::size_t dimension_;
  std::size_t subspaces_;
  std::vector<float> centroids_;     // [dimension][centroid]
  std::vector<float> half_squares_;  // [subspace][centroid]: half the squared length
};

}  // namespace semroute::core

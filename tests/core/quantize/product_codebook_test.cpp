#include "core/quantize/product_codebook.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace semroute::core {
namespace {

std::vector<float> numbers(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> number;
  std::vector<float> all(count);
  for (float& value : all) value = number(random);
  return all;
}

// Mean squared distance of a vector from what its codes stand for.
double loss(const ProductCodebook& codebook, const std::vector<float>& vectors) {
  const std::size_t dimension = codebook.dimension();
  std::vector<std::uint8_t> codes(codebook.subspaces());
  std::vector<float> decoded(dimension);
  double sum = 0.0;
  for (std::size_t at = 0; at < vectors.size(); at += dimension) {
    codebook.encode(&vectors[at], codes.data());
    codebook.decode(codes.data(), decoded.data());
    for (std::size_t i = 0; i < dimension; ++i)
      sum += std::pow(static_cast<double>(vectors[at + i]) - static_cast<double>(decoded[i]), 2);
  }
  return sum * static_cast<double>(dimension) / static_cast<double>(vectors.size());
}

// All codes that differ from `codes` in one subspace, by their distance from the vector.
void expect_nearest(const ProductCodebook& codebook, const float* vector) {
  const std::size_t subspaces = codebook.subspaces();
  std::vector<std::uint8_t> codes(subspaces);
  codebook.encode(vector, codes.data());
  for (std::size_t j = 0; j < subspaces; ++j) {
    const auto distance = [&] {
      double sum = 0.0;
      for (std::size_t i = j; i < codebook.dimension(); i += subspaces)
        sum += std::pow(static_cast<double>(vector[i]) - static_cast<double>(codebook.number(codes.data(), i)), 2);
      return sum;
    };
    const std::uint8_t chosen = codes[j];
    const double least = distance();
    for (std::size_t c = 0; c < ProductCodebook::kCentroids; ++c) {
      codes[j] = static_cast<std::uint8_t>(c);
      ASSERT_GE(distance(), least - 1e-5) << "subspace " << j << ", centroid " << c;
    }
    codes[j] = chosen;
  }
}

TEST(ProductCodebook, EncodesToTheNearestCentroids) {
  for (const auto& [dimension, subspaces] : {std::pair<std::size_t, std::size_t>{1, 1}, {5, 2}, {16, 4}, {100, 48}}) {
    ProductCodebook codebook(dimension, subspaces);
    codebook.train(numbers(dimension * 1'000, 1), 42);
    const std::vector<float> others = numbers(dimension * 5, 2);
    for (std::size_t i = 0; i < 5; ++i) expect_nearest(codebook, &others[i * dimension]);
  }
}

TEST(ProductCodebook, TablesHoldThePartsOfEveryCentroid) {
  constexpr std::size_t kDimension = 13;
  constexpr std::size_t kSubspaces = 3;
  ProductCodebook codebook(kDimension, kSubspaces);
  codebook.train(numbers(kDimension * 500, 1), 42);
  const std::vector<float> query = numbers(kDimension, 2);
  std::vector<float> products(kSubspaces * 256);
  std::vector<float> distances(kSubspaces * 256);
  codebook.product_table(query.data(), 3.0F, products.data());
  codebook.l1_table(query.data(), 3.0F, distances.data());
  for (std::size_t c = 0; c < 256; ++c) {
    const std::vector<std::uint8_t> codes(kSubspaces, static_cast<std::uint8_t>(c));
    double product[kSubspaces] = {};
    double distance[kSubspaces] = {};
    for (std::size_t i = 0; i < kDimension; ++i) {
      const auto centre = static_cast<double>(codebook.number(codes.data(), i));
      product[i % kSubspaces] += 3.0 * static_cast<double>(query[i]) * centre;
      distance[i % kSubspaces] += 3.0 * std::fabs(static_cast<double>(query[i]) - centre);
    }
    for (std::size_t j = 0; j < kSubspaces; ++j) {
      ASSERT_NEAR(products[256 * j + c], product[j], 1e-4);
      ASSERT_NEAR(distances[256 * j + c], distance[j], 1e-4);
    }
  }
}

TEST(ProductCodebook, TheSeedDecides) {
  const std::vector<float> vectors = numbers(std::size_t{16} * 2'000, 1);
  std::vector<std::vector<float>> decoded;
  for (const std::uint64_t seed : {1U, 1U, 2U}) {
    ProductCodebook codebook(16, 4);
    codebook.train(vectors, seed);
    std::vector<std::uint8_t> codes(4);
    codebook.encode(vectors.data(), codes.data());
    decoded.emplace_back(16);
    codebook.decode(codes.data(), decoded.back().data());
  }
  EXPECT_EQ(decoded[0], decoded[1]);
  EXPECT_NE(decoded[0], decoded[2]);
}

TEST(ProductCodebook, UpTo256DifferentVectorsAreKeptExactly) {
  for (const std::size_t different : {1U, 3U, 100U, 256U}) {
    std::vector<float> vectors = numbers(8 * different, 1);
    const std::vector<float> once = vectors;
    for (int copy = 0; copy < 4; ++copy) vectors.insert(vectors.end(), once.begin(), once.end());
    ProductCodebook codebook(8, 2);
    codebook.train(vectors, 42);
    EXPECT_LT(loss(codebook, vectors), 1e-10) << different;
  }
}

// 256 clusters far apart: every one of them must have got a centroid.
TEST(ProductCodebook, FindsClusters) {
  std::vector<float> vectors;
  const std::vector<float> noise = numbers(std::size_t{256} * 20 * 2, 1);
  for (std::size_t i = 0; i < noise.size(); i += 2) {
    const std::size_t cluster = i / 2 % 256;
    const std::size_t line = cluster / 16;
    vectors.push_back(100.0F * static_cast<float>(cluster % 16) + noise[i]);
    vectors.push_back(100.0F * static_cast<float>(line) + noise[i + 1]);
  }
  ProductCodebook codebook(2, 1);
  codebook.train(vectors, 42);
  EXPECT_LT(loss(codebook, vectors), 2.5);  // 2 by the noise alone; a cluster without a centroid costs 40
}

// Of a normally distributed number 8 bits lose 4.2e-5 of its square at best (Panter & Dite: sqrt(3) pi / 2 / 256^2).
TEST(ProductCodebook, ComesNearTheBestQuantizerOfANumber) {
  ProductCodebook codebook(1, 1);
  codebook.train(numbers(8'192, 1), 42);
  EXPECT_LT(loss(codebook, numbers(8'192, 2)), 7e-5);
}

TEST(ProductCodebook, WithoutTrainingEverythingIsZero) {
  ProductCodebook codebook(5, 2);
  codebook.train({}, 42);
  const std::vector<float> vector = numbers(5, 1);
  std::vector<std::uint8_t> codes(2, 7);
  codebook.encode(vector.data(), codes.data());
  EXPECT_EQ(codes, std::vector<std::uint8_t>(2, 0));
  std::vector<float> decoded(5, 1.0F);
  codebook.decode(codes.data(), decoded.data());
  EXPECT_EQ(decoded, std::vector<float>(5, 0.0F));
}

}  // namespace
}  // namespace semroute::core

// Vectors that codecs are tested with, and what their estimates are held against.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "core/kernels/metric.h"

namespace semroute::core::testing {

using Vector = std::vector<float>;

inline double dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

inline double length(const Vector& vector) { return std::sqrt(dot(vector, vector)); }

inline double distance(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

inline double exact_key(Metric metric, const Vector& query, const Vector& row) {
  if (metric == Metric::cosine || metric == Metric::dot) return dot(query, row);
  if (metric == Metric::euclidean) return -distance(query, row) * distance(query, row);
  double sum = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i)
    sum += std::fabs(static_cast<double>(query[i]) - static_cast<double>(row[i]));
  return -sum;
}

inline Vector scaled(Vector vector, double norm) {
  const double scale = norm / length(vector);
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) * scale);
  return vector;
}

// Vectors in a few loose clusters off the origin, as embeddings lie; of unit length under cosine.
inline std::vector<Vector> ordinary(Metric metric, std::size_t dimension, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> number;
  std::mt19937 of_clusters(99);
  std::vector<Vector> centres(8, Vector(dimension));
  for (Vector& centre : centres)
    for (float& value : centre) value = 0.5F + number(of_clusters);
  std::vector<Vector> vectors(count, Vector(dimension));
  for (std::size_t i = 0; i < count; ++i) {
    const Vector& centre = centres[i % centres.size()];
    for (std::size_t j = 0; j < dimension; ++j) vectors[i][j] = centre[j] + number(random);
    if (metric == Metric::cosine) vectors[i] = scaled(vectors[i], 1.0);
  }
  return vectors;
}

// Vectors that break what is careless: zeros, constants, a single number, norms at both ends.
inline std::vector<Vector> extraordinary(Metric metric, std::size_t dimension) {
  std::vector<Vector> vectors;
  vectors.emplace_back(dimension, 1.0F);
  vectors.emplace_back(dimension, -1.0F);
  for (const std::size_t place : {std::size_t{0}, dimension / 2, dimension - 1}) {
    vectors.emplace_back(dimension, 0.0F);
    vectors.back()[place] = 1.0F;
  }
  if (metric == Metric::cosine) {
    for (Vector& vector : vectors) vector = scaled(vector, 1.0);
    return vectors;
  }
  for (const Vector& vector : ordinary(metric, dimension, 3, 77))
    for (const double norm : {1e18, 1e9, 1e-9, 1e-18, 1e-30, 1e-42}) vectors.push_back(scaled(vector, norm));
  vectors.emplace_back(dimension, 0.0F);
  vectors.emplace_back(dimension, static_cast<float>(1e18 / std::sqrt(static_cast<double>(dimension))));
  return vectors;
}

inline Vector flat(const std::vector<Vector>& vectors) {
  Vector all;
  for (const Vector& vector : vectors) all.insert(all.end(), vector.begin(), vector.end());
  return all;
}

}  // namespace semroute::core::testing

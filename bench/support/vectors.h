// Random vectors for the programs of bench/: seeded, so that every run measures the same ones.
#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace semroute::bench {

// count * dimension floats; each vector has unit length (directions are uniform).
[[nodiscard]] inline std::vector<float> unit_vectors(std::size_t count, std::size_t dimension, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> number;
  std::vector<float> vectors(count * dimension);
  std::vector<double> vector(dimension);
  for (std::size_t i = 0; i < count; ++i) {
    double squares = 0.0;
    for (double& value : vector) {
      value = number(random);
      squares += value * value;
    }
    const double scale = 1.0 / std::sqrt(squares);
    for (std::size_t j = 0; j < dimension; ++j) vectors[i * dimension + j] = static_cast<float>(vector[j] * scale);
  }
  return vectors;
}

}  // namespace semroute::bench

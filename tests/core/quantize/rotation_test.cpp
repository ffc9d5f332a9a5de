#include "core/quantize/rotation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace semroute::core {
namespace {

constexpr std::size_t kDimensions[] = {1,  2,   3,   4,   5,   7,   8,   15,  16,   31,   63,  64,
                                       65, 100, 127, 255, 256, 257, 384, 768, 1000, 1023, 1536};

std::vector<float> random_vector(std::size_t dimension, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> number;
  std::vector<float> vector(dimension);
  for (float& value : vector) value = number(random);
  return vector;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

TEST(Rotation, KeepsInnerProducts) {
  for (const std::size_t dimension : kDimensions) {
    const Rotation rotation(dimension, 42);
    std::vector<float> a = random_vector(dimension, 1);
    std::vector<float> b = random_vector(dimension, 2);
    const double lengths = std::sqrt(dot(a, a) * dot(b, b));
    const double before = dot(a, b);
    const double before_a = dot(a, a);
    rotation.apply(a.data());
    rotation.apply(b.data());
    EXPECT_NEAR(dot(a, b), before, 1e-6 * lengths) << dimension;
    EXPECT_NEAR(dot(a, a), before_a, 1e-6 * before_a) << dimension;
  }
}

TEST(Rotation, UndoGivesTheVectorBack) {
  for (const std::size_t dimension : kDimensions) {
    const Rotation rotation(dimension, 42);
    const std::vector<float> vector = random_vector(dimension, 3);
    std::vector<float> turned = vector;
    rotation.apply(turned.data());
    if (dimension > 4) {
      EXPECT_NE(turned, vector) << dimension;
    }
    rotation.undo(turned.data());
    for (std::size_t i = 0; i < dimension; ++i) ASSERT_NEAR(turned[i], vector[i], 4e-6) << dimension;
  }
}

TEST(Rotation, TheSeedDecides) {
  for (const std::size_t dimension : {std::size_t{16}, std::size_t{100}, std::size_t{384}}) {
    std::vector<float> first = random_vector(dimension, 4);
    std::vector<float> again = first;
    std::vector<float> other = first;
    Rotation(dimension, 42).apply(first.data());
    Rotation(dimension, 42).apply(again.data());
    Rotation(dimension, 43).apply(other.data());
    EXPECT_EQ(first, again) << dimension;
    EXPECT_NE(first, other) << dimension;
  }
}

// The hardest input for a transform made of signs and sums: all of the length in one number. Of a uniformly random
// direction the fourth moment of sqrt(d) * coordinate is 3 d / (d + 2).
TEST(Rotation, SpreadsASingleNumberLikeARandomDirection) {
  for (const std::size_t dimension : {std::size_t{64}, std::size_t{100}, std::size_t{255}, std::size_t{384},
                                      std::size_t{1000}, std::size_t{1023}, std::size_t{1536}}) {
    const Rotation rotation(dimension, 42);
    double fourth = 0.0;
    double absolute = 0.0;
    for (std::size_t i = 0; i < dimension; ++i) {
      std::vector<float> vector(dimension, 0.0F);
      vector[i] = 1.0F;
      rotation.apply(vector.data());
      for (const float value : vector) {
        const double scaled = static_cast<double>(value) * std::sqrt(static_cast<double>(dimension));
        fourth += scaled * scaled * scaled * scaled;
        absolute += std::fabs(scaled);
      }
    }
    const double numbers = static_cast<double>(dimension * dimension);
    EXPECT_NEAR(fourth / numbers, 3.0, 0.35) << dimension;
    EXPECT_NEAR(absolute / numbers, std::sqrt(2.0 / 3.14159265), 0.01) << dimension;
  }
}

// Stored codes rest on the bits of a rotation.
TEST(Rotation, IsTheSameOnEveryMachine) {
  std::vector<float> vector = {1.0F, 2.0F, 3.0F, 4.0F, 5.0F};
  Rotation(5, 1).apply(vector.data());
  const std::vector<float> expected = {-3.81345272F, 1.34597099F, -1.80150747F, 2.72766542F, 5.28775358F};
  EXPECT_EQ(vector, expected);
}

}  // namespace
}  // namespace semroute::core

#include "core/index/vector_rules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace semroute::core {
namespace {

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

// Checks that both functions refuse alike and leave the output alone.
void expect_refused(Metric metric, std::size_t dimension, const std::vector<float>& vector, ErrorCode code,
                    const std::string& message) {
  const Result<void> checked = check_vector(metric, dimension, vector);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, code);
  EXPECT_EQ(checked.error().message, message);
  std::vector<float> out(vector.size(), 42.0F);
  const Result<void> prepared = prepare_vector(metric, dimension, vector, out);
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.error().code, code);
  EXPECT_EQ(prepared.error().message, message);
  EXPECT_EQ(out, std::vector<float>(vector.size(), 42.0F));
}

TEST(VectorRules, AWrongDimensionNamesBothCounts) {  // fault 39
  for (const Metric metric : kMetrics) {
    expect_refused(metric, 384, std::vector<float>(383, 1.0F), ErrorCode::dimension_mismatch,
                   "has 383 numbers, the index 384");
    expect_refused(metric, 384, std::vector<float>(385, 1.0F), ErrorCode::dimension_mismatch,
                   "has 385 numbers, the index 384");
  }
}

TEST(VectorRules, NonFiniteNumbersAreRefusedWithTheFirstPlace) {  // fault 40
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Metric metric : kMetrics)
    for (const float bad : {infinity, -infinity, nan})
      for (const std::size_t place : {0U, 17U, 18U, 19U, 32U}) {
        std::vector<float> vector(33, 0.5F);
        vector[place] = bad;
        vector.back() = nan;
        expect_refused(metric, 33, vector, ErrorCode::bad_vector, "number " + std::to_string(place) + " is not finite");
      }
}

TEST(VectorRules, AnEmptyVectorIsABadVector) {  // fault 40
  for (const Metric metric : kMetrics)
    expect_refused(metric, 384, {}, ErrorCode::bad_vector, "has no numbers, the index 384");
}

TEST(VectorRules, TheZeroVectorHasNoDirectionForCosineOnly) {  // fault 41
  const std::vector<float> zero(8, 0.0F);
  expect_refused(Metric::cosine, 8, zero, ErrorCode::bad_vector,
                 "has the norm 0, which has no direction for cosine (at least 1e-12 is accepted)");
  for (const Metric metric : {Metric::dot, Metric::euclidean, Metric::manhattan})
    EXPECT_TRUE(check_vector(metric, 8, zero).ok());
}

TEST(VectorRules, NormsOutsideTheRangeAreRefused) {  // fault 42
  for (const Metric metric : kMetrics) {
    // Each number is below the bound; only their norm, 2e18, is over it.
    expect_refused(metric, 4, std::vector<float>(4, 1e18F), ErrorCode::bad_vector,
                   "has the norm 2e+18, at most 1e+18 is accepted");
    // The squares overflow a float32, not the float64 that the norm is computed in.
    expect_refused(metric, 2, {3e38F, 0.0F}, ErrorCode::bad_vector, "has the norm 3e+38, at most 1e+18 is accepted");
    EXPECT_TRUE(check_vector(metric, 4, std::vector<float>(4, 4.9e17F)).ok());
  }
  expect_refused(Metric::cosine, 4, std::vector<float>(4, 4e-13F), ErrorCode::bad_vector,
                 "has the norm 8e-13, which has no direction for cosine (at least 1e-12 is accepted)");
  EXPECT_TRUE(check_vector(Metric::cosine, 4, std::vector<float>(4, 6e-13F)).ok());
  EXPECT_TRUE(check_vector(Metric::dot, 4, std::vector<float>(4, 1e-30F)).ok());
}

TEST(VectorRules, CosinePreparesUnitVectors) {
  for (const std::size_t dimension : {1U, 2U, 3U, 5U, 384U}) {
    for (const float size : {1e-6F, 1.0F, 1e6F}) {
      std::vector<float> vector(dimension);
      for (std::size_t i = 0; i < dimension; ++i) vector[i] = size * (static_cast<float>(i) - 3.5F);
      std::vector<float> out(dimension);
      ASSERT_TRUE(prepare_vector(Metric::cosine, dimension, vector, out).ok());
      double norm = 0.0;
      double source = 0.0;
      for (std::size_t i = 0; i < dimension; ++i) {
        norm += static_cast<double>(out[i]) * static_cast<double>(out[i]);
        source += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
      }
      EXPECT_NEAR(norm, 1.0, 1e-6);
      for (std::size_t i = 0; i < dimension; ++i)
        EXPECT_NEAR(out[i], static_cast<double>(vector[i]) / std::sqrt(source), 1e-7);
    }
  }
}

TEST(VectorRules, OtherMetricsKeepEveryBit) {
  const std::vector<float> vector = {0.1F, -3.4e17F, 1e-40F, -0.0F, 7.0F};
  for (const Metric metric : {Metric::dot, Metric::euclidean, Metric::manhattan}) {
    std::vector<float> out(vector.size());
    ASSERT_TRUE(prepare_vector(metric, vector.size(), vector, out).ok());
    for (std::size_t i = 0; i < vector.size(); ++i) {
      EXPECT_EQ(out[i], vector[i]);
      EXPECT_EQ(std::signbit(out[i]), std::signbit(vector[i]));
    }
  }
}

TEST(VectorRules, WhatWasPreparedStaysBitForBit) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const std::size_t dimension : {1U, 2U, 3U, 4U, 7U, 16U, 100U, 384U}) {
    for (int round = 0; round < 2'000; ++round) {
      std::vector<float> vector(dimension);
      for (float& number : vector) number = normal(random) * (round % 3 == 0 ? 1e-6F : 1e6F);
      std::vector<float> once(dimension);
      ASSERT_TRUE(prepare_vector(Metric::cosine, dimension, vector, once).ok());
      std::vector<float> twice(dimension);
      ASSERT_TRUE(prepare_vector(Metric::cosine, dimension, once, twice).ok());
      ASSERT_EQ(once, twice) << dimension;
    }
  }
}

TEST(VectorRules, PreparesInPlace) {
  std::vector<float> vector = {3.0F, 4.0F};
  ASSERT_TRUE(prepare_vector(Metric::cosine, 2, vector, vector).ok());
  EXPECT_FLOAT_EQ(vector[0], 0.6F);
  EXPECT_FLOAT_EQ(vector[1], 0.8F);
}

}  // namespace
}  // namespace semroute::core

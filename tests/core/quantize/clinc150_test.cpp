// Every codec on real sentence embeddings (CLINC150, 384 dimensions): the recall of a first look by codes with the best
// 100 looked at again, how far estimates are off, and for how many rows by more than they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>

#include "core/kernels/half.h"
#include "core/quantize/make_codec.h"
#include "core/quantize/nibble_codec.h"
#include "tests/core/quantize/codec_check.h"
#include "tests/support/places.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core {
namespace {

using testing::Encoded;
using testing::Lines;
using testing::Vector;

constexpr std::size_t kDimension = 384;
constexpr std::size_t kQueries = 300;
constexpr std::size_t kNearest = 10;
constexpr std::size_t kLookedAtAgain = 100;

std::string data_folder() { return test::test_data_folder() + "/clinc150"; }

// The unit vectors of an NPY file of half floats.
std::vector<Vector> read_vectors(const std::string& split) {
  std::ifstream file(data_folder() + "/" + split + ".d384.f16.npy", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t header =
      10 + static_cast<std::uint8_t>(bytes.at(8)) + 256U * static_cast<std::uint8_t>(bytes.at(9));
  std::vector<Vector> vectors((bytes.size() - header) / (2 * kDimension), Vector(kDimension));
  for (std::size_t i = 0; i < vectors.size() * kDimension; ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, &bytes[header + 2 * i], sizeof half);
    vectors[i / kDimension][i % kDimension] = float_of_half(half);
  }
  for (Vector& vector : vectors) vector = testing::scaled(vector, 1.0);
  return vectors;
}

// The places of the `count` largest keys.
std::vector<std::size_t> best(const Vector& keys, std::size_t count) {
  std::vector<std::size_t> places(keys.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(count), places.end(),
                    [&](std::size_t a, std::size_t b) { return keys[a] > keys[b] || (keys[a] == keys[b] && a < b); });
  places.resize(count);
  return places;
}

struct Measured {
  double recall = 0.0;        // of the ten nearest, among the 100 of the best estimates
  double recall_alone = 0.0;  // among the ten of the best estimates
  double deviation = 0.0;
  double outside = 0.0;       // share of all rows
  double outside_near = 0.0;  // share of the ten nearest
};

class Clinc150Codecs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (test::runs_slowly())
      GTEST_SKIP() << "a sanitizer build or an emulator: estimates for 300 queries of 15,000 rows take too long";
    if (!std::filesystem::exists(data_folder()))
      GTEST_SKIP() << "no data in " << data_folder() << "; set SEMROUTE_TEST_DATA to the folder that holds clinc150";
    rows_ = read_vectors("train");
    const std::vector<Vector> all = read_vectors("test");
    ASSERT_EQ(rows_.size(), 15'000U);
    for (std::size_t i = 0; i < kQueries; ++i) queries_.push_back(all[i * all.size() / kQueries]);
    flat_ = testing::flat(rows_);
  }

  Measured measure(const char* name, const Codec& codec, Metric metric) const;

  std::vector<Vector> rows_;
  std::vector<Vector> queries_;
  Vector flat_;
};

Measured Clinc150Codecs::measure(const char* name, const Codec& codec, Metric metric) const {
  const Kernels& kernels = active_kernels();
  const F32Kernel exact_kernel = metric == Metric::manhattan   ? kernels.f32_l1
                                 : metric == Metric::euclidean ? kernels.f32_l2_squared
                                                               : kernels.f32_dot;
  const Encoded encoded(codec, rows_);
  Lines code(codec.query_bytes());
  Vector exact(rows_.size());
  Vector keys(rows_.size());
  Measured measured;
  for (const Vector& query : queries_) {
    exact_kernel.rows(query.data(), flat_.data(), kDimension, rows_.size(), kDimension, exact.data());
    if (metric == Metric::manhattan || metric == Metric::euclidean)
      for (float& key : exact) key = -key;
    const ErrorTerms terms = codec.prepare(query.data(), code.data());
    codec.scan(code.data(), encoded.bytes.data(), rows_.size(), keys.data());
    const auto outside = [&](std::size_t i) {
      return std::fabs(keys[i] - exact[i]) > terms.per_row_error * encoded.errors[i] + terms.constant ? 1.0 : 0.0;
    };
    const std::vector<std::size_t> nearest = best(exact, kNearest);
    const std::vector<std::size_t> found = best(keys, kLookedAtAgain);
    const float tenth = exact[nearest.back()] - 1e-6F;
    std::size_t in_all = 0;
    std::size_t in_ten = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
      if (exact[found[i]] >= tenth) {
        ++in_all;
        if (i < kNearest) ++in_ten;
      }
    measured.recall += static_cast<double>(std::min(in_all, kNearest));
    measured.recall_alone += static_cast<double>(in_ten);
    for (const std::size_t i : nearest) measured.outside_near += outside(i);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      measured.deviation += std::pow(static_cast<double>(keys[i]) - static_cast<double>(exact[i]), 2);
      measured.outside += outside(i);
    }
  }
  const auto pairs = static_cast<double>(queries_.size() * rows_.size());
  const auto near = static_cast<double>(queries_.size() * kNearest);
  measured.recall /= near;
  measured.recall_alone /= near;
  measured.outside_near /= near;
  measured.deviation = std::sqrt(measured.deviation / pairs);
  measured.outside /= pairs;
  std::printf("%-18s %4zu bytes  recall@10 %.4f, by codes alone %.4f  deviation %.6f  outside %.6f, near %.4f\n", name,
              codec.row_bytes(), measured.recall, measured.recall_alone, measured.deviation, measured.outside,
              measured.outside_near);
  return measured;
}

TEST_F(Clinc150Codecs, HalfFloatsFindEverything) {
  for (const Metric metric : {Metric::cosine, Metric::euclidean, Metric::manhattan}) {
    const std::unique_ptr<Codec> codec = make_codec(Quantization::f16, metric, kDimension, flat_, 42, active_kernels());
    const Measured measured = measure("f16", *codec, metric);
    EXPECT_EQ(measured.recall, 1.0);
    EXPECT_GT(measured.recall_alone, 0.998);
    EXPECT_EQ(measured.outside, 0.0);
  }
}

TEST_F(Clinc150Codecs, NibblesFindEverything) {
  for (const Metric metric : {Metric::cosine, Metric::euclidean}) {
    const std::unique_ptr<Codec> codec = make_nibble_codec(metric, kDimension, flat_, 42, active_kernels());
    const Measured measured = measure("nibble", *codec, metric);
    EXPECT_EQ(measured.recall, 1.0);
    EXPECT_GT(measured.recall_alone, 0.95);
    EXPECT_LT(measured.outside, 0.0008);
    EXPECT_LT(measured.outside_near, 0.002);
    EXPECT_LT(measured.deviation, metric == Metric::cosine ? 0.0052 : 0.0104);
  }
}

TEST_F(Clinc150Codecs, BitsFindNearlyEverythingInTenTimesAsMany) {
  for (const Metric metric : {Metric::cosine, Metric::euclidean}) {
    const std::unique_ptr<Codec> codec =
        make_codec(Quantization::binary, metric, kDimension, flat_, 42, active_kernels());
    const Measured measured = measure("binary", *codec, metric);
    EXPECT_GT(measured.recall, 0.99);
    EXPECT_LT(measured.outside, 0.0008);
    EXPECT_LT(measured.outside_near, 0.002);
    EXPECT_LT(measured.deviation, metric == Metric::cosine ? 0.037 : 0.074);
  }
}

TEST_F(Clinc150Codecs, ProductCodesFindNearlyEverythingInTenTimesAsMany) {
  for (const Metric metric : {Metric::cosine, Metric::euclidean, Metric::manhattan}) {
    const std::unique_ptr<Codec> codec = make_codec(Quantization::pq, metric, kDimension, flat_, 42, active_kernels());
    const Measured measured = measure(metric == Metric::manhattan ? "pq, manhattan" : "pq", *codec, metric);
    EXPECT_GT(measured.recall, 0.99);
    EXPECT_LT(measured.outside, 0.0010);
    EXPECT_LT(measured.outside_near, 0.02);
    EXPECT_LT(measured.deviation, metric == Metric::cosine ? 0.032 : metric == Metric::euclidean ? 0.064 : 0.57);
  }
}

}  // namespace
}  // namespace semroute::core

#include "core/quantize/int8_codec.h"

#include <gtest/gtest.h>

#include "core/quantize/make_codec.h"
#include "tests/core/quantize/codec_check.h"

namespace semroute::core {
namespace {

using testing::Lines;
using testing::Vector;

constexpr Metric kMetrics[] = {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan};

std::unique_ptr<Codec> make_int8(Metric metric, std::size_t dimension, std::span<const float> rows,
                                 const Kernels& kernels) {
  return make_codec(Quantization::int8, metric, dimension, rows, 42, kernels);
}

TEST(Int8Codec, KeepsItsPromisesWithEverySetOfKernels) {
  for (const Kernels* kernels : compiled_kernels()) {
    if (!can_run(kernels->isa)) continue;
    SCOPED_TRACE(to_string(kernels->isa));
    testing::Outside outside;
    testing::check_codec(make_int8, kMetrics, *kernels, outside);
    EXPECT_EQ(outside.outside, 0U);
    EXPECT_GT(outside.rows, 0U);
  }
}

// Unit vectors that lean to one side, as embeddings do: their mean is longer than what they differ by.
std::vector<Vector> leaning(std::size_t dimension, std::size_t count, unsigned seed) {
  std::vector<Vector> rows = testing::ordinary(Metric::cosine, dimension, count, seed);
  for (Vector& row : rows) {
    row[0] += 3.0F;
    row = testing::scaled(row, 1.0);
  }
  return rows;
}

// The root of the mean square of what keys are off by, of each row as a query for all of them.
struct Off {
  double as_rows = 0.0;
  double as_queries = 0.0;
};

Off off_of(const Codec& codec, Metric metric, const std::vector<Vector>& rows) {
  const testing::Encoded encoded(codec, rows);
  std::vector<float> keys(rows.size());
  Off off;
  const auto squares = [&](const Lines& code, const Vector& query) {
    codec.scan(code.data(), encoded.bytes.data(), rows.size(), keys.data());
    double sum = 0.0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_TRUE(std::isfinite(keys[i]));
      const double one = static_cast<double>(keys[i]) - testing::exact_key(metric, query, rows[i]);
      sum += one * one;
    }
    return sum / static_cast<double>(rows.size() * rows.size());
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Lines code(codec.query_bytes() + 64, std::byte{0x55});
    EXPECT_TRUE(codec.prepare_row(encoded.bytes.data() + i * codec.row_bytes(), code.data()));
    EXPECT_EQ(code.data()[codec.query_bytes()], std::byte{0x55}) << "wrote beyond the code";
    off.as_rows += squares(code, rows[i]);
    codec.prepare(rows[i].data(), code.data());
    off.as_queries += squares(code, rows[i]);
  }
  return {std::sqrt(off.as_rows), std::sqrt(off.as_queries)};
}

// A row as a query has been rounded as a row, so its keys are off by little more than those of the vector itself.
TEST(Int8Codec, ARowIsAboutAsGoodAQueryAsItsVector) {
  for (const Kernels* kernels : compiled_kernels()) {
    if (!can_run(kernels->isa)) continue;
    SCOPED_TRACE(to_string(kernels->isa));
    for (const Metric metric : kMetrics)
      for (const std::size_t dimension : testing::codec_dimensions()) {
        if (dimension < 7) continue;  // too few numbers for errors to even out
        SCOPED_TRACE(::testing::Message() << to_string(metric) << ", dimension " << dimension);
        for (const auto& rows : {testing::ordinary(metric, dimension, 60, 1), leaning(dimension, 60, 2)}) {
          const auto codec = make_int8(metric, dimension, testing::flat(rows), *kernels);
          const Off off = off_of(*codec, metric, rows);
          EXPECT_LT(off.as_rows, 2.5 * off.as_queries);
        }
      }
  }
}

TEST(Int8Codec, ARowOfAnyKindGivesFiniteKeys) {
  for (const Metric metric : kMetrics)
    for (const std::size_t dimension : testing::codec_dimensions()) {
      SCOPED_TRACE(::testing::Message() << to_string(metric) << ", dimension " << dimension);
      const std::vector<Vector> rows = testing::extraordinary(metric, dimension);
      for (const auto& learnt : {testing::ordinary(metric, dimension, 100, 1), rows})
        (void)off_of(*make_int8(metric, dimension, testing::flat(learnt), active_kernels()), metric, rows);
    }
}

// What a row stands for is too far from its vector, or no sooner made a query of.
TEST(Int8Codec, OthersTakeNoRowForAQuery) {
  const Vector rows = testing::flat(testing::ordinary(Metric::cosine, 384, 300, 1));
  for (const Quantization kind : {Quantization::f16, Quantization::pq, Quantization::binary}) {
    const auto codec = make_codec(kind, Metric::cosine, 384, rows, 42, active_kernels());
    Lines row(codec->row_bytes());
    codec->encode(rows.data(), row.data());
    Lines code(codec->query_bytes(), std::byte{0x55});
    EXPECT_FALSE(codec->prepare_row(row.data(), code.data()));
    EXPECT_TRUE(code == Lines(codec->query_bytes(), std::byte{0x55}));
  }
}

}  // namespace
}  // namespace semroute::core

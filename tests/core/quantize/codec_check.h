// Holds a codec against its promises (core/quantize/codec.h) over awkward dimensions and vectors.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/quantize/codec.h"
#include "tests/core/quantize/sample_vectors.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core::testing {

// Without the large ones, which take minutes there, where everything runs slowly.
inline std::span<const std::size_t> codec_dimensions() {
  static constexpr std::size_t kAll[] = {1, 2, 3, 7, 8, 63, 64, 65, 100, 384, 768, 1000, 1536};
  return std::span(kAll).first(test::runs_slowly() ? 10 : std::size(kAll));
}

using MakeCodec = std::function<std::unique_ptr<Codec>(Metric, std::size_t, std::span<const float>, const Kernels&)>;

// Bytes that start on a cache line.
class Lines {
 public:
  explicit Lines(std::size_t bytes, std::byte fill = std::byte{0}) : lines_((bytes + 63) / 64) {
    std::memset(lines_.data(), static_cast<int>(fill), lines_.size() * 64);
  }
  [[nodiscard]] std::byte* data() noexcept { return lines_.data()->bytes; }
  [[nodiscard]] const std::byte* data() const noexcept { return lines_.data()->bytes; }
  friend bool operator==(const Lines& a, const Lines& b) {
    return std::memcmp(a.lines_.data(), b.lines_.data(), a.lines_.size() * 64) == 0;
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines_;
};

// The codes of some rows, one after the other.
struct Encoded {
  Encoded(const Codec& codec, const std::vector<Vector>& rows) : bytes(rows.size() * codec.row_bytes()) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      errors.push_back(codec.encode(rows[i].data(), bytes.data() + i * codec.row_bytes()));
  }
  Lines bytes;
  std::vector<float> errors;
};

struct Outside {
  std::size_t rows = 0;
  std::size_t outside = 0;
  [[nodiscard]] double share() const { return static_cast<double>(outside) / static_cast<double>(rows); }
};

// Estimates of all rows for each query: finite, the same by scan and by gather, and counted against their errors.
inline void check_estimates(const Codec& codec, Metric metric, const std::vector<Vector>& rows,
                            const std::vector<Vector>& queries, Outside& outside) {
  const Encoded encoded(codec, rows);
  for (const float error : encoded.errors) ASSERT_GE(error, 0.0F);
  std::vector<std::uint32_t> slots;
  for (std::size_t i = 0; i < rows.size(); ++i) slots.push_back(static_cast<std::uint32_t>((i * 7 + 3) % rows.size()));
  slots.push_back(0);
  for (const Vector& query : queries) {
    Lines code(codec.query_bytes());
    const ErrorTerms terms = codec.prepare(query.data(), code.data());
    ASSERT_GE(terms.per_row_error, 0.0F);
    ASSERT_GE(terms.constant, 0.0F);
    std::vector<float> keys(rows.size() + 1, 42.0F);
    codec.scan(code.data(), encoded.bytes.data(), rows.size(), keys.data());
    ASSERT_EQ(keys.back(), 42.0F) << "wrote beyond the rows";
    std::vector<float> gathered(slots.size());
    codec.gather(code.data(), encoded.bytes.data(), slots.data(), slots.size(), gathered.data());
    for (std::size_t i = 0; i < slots.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(gathered[i]), std::bit_cast<std::uint32_t>(keys[slots[i]]))
          << "slot " << slots[i];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_TRUE(std::isfinite(keys[i])) << "row " << i;
      const double exact = exact_key(metric, query, rows[i]);
      const double error = static_cast<double>(terms.per_row_error) * static_cast<double>(encoded.errors[i]) +
                           static_cast<double>(terms.constant);
      const bool holds = std::fabs(exact - static_cast<double>(keys[i])) <= error;
      ++outside.rows;
      if (holds) continue;
      ++outside.outside;
      ASSERT_FALSE(codec.proven()) << "row " << i << ": key " << exact << ", estimate " << keys[i] << ", error "
                                   << error;
    }
  }
}

// How far estimates of all rows are off, and for what share of them by more than the stated error or half of it.
struct Spread {
  double mean = 0.0;
  double deviation = 0.0;
  double outside = 0.0;
  double outside_half = 0.0;
};

inline Spread spread_of(const Codec& codec, Metric metric, const std::vector<Vector>& rows,
                        const std::vector<Vector>& queries) {
  const Encoded encoded(codec, rows);
  Lines code(codec.query_bytes());
  std::vector<float> keys(rows.size());
  Spread spread;
  double squares = 0.0;
  for (const Vector& query : queries) {
    const ErrorTerms terms = codec.prepare(query.data(), code.data());
    codec.scan(code.data(), encoded.bytes.data(), rows.size(), keys.data());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double off = static_cast<double>(keys[i]) - exact_key(metric, query, rows[i]);
      const double stated = static_cast<double>(terms.per_row_error) * static_cast<double>(encoded.errors[i]) +
                            static_cast<double>(terms.constant);
      spread.mean += off;
      squares += off * off;
      spread.outside += std::fabs(off) > stated ? 1.0 : 0.0;
      spread.outside_half += std::fabs(off) > stated / 2.0 ? 1.0 : 0.0;
    }
  }
  const auto pairs = static_cast<double>(rows.size() * queries.size());
  spread.mean /= pairs;
  spread.deviation = std::sqrt(squares / pairs);
  spread.outside /= pairs;
  spread.outside_half /= pairs;
  return spread;
}

inline void check_codes(const Codec& codec, const std::vector<Vector>& rows) {
  const std::size_t bytes = codec.row_bytes();
  ASSERT_EQ(bytes % 64, 0U);
  ASSERT_EQ(codec.query_bytes() % 64, 0U);
  for (const Vector& row : rows) {
    Lines first(bytes, std::byte{0x55});
    Lines again(bytes + 64, std::byte{0xAA});
    const float error = codec.encode(row.data(), first.data());
    const Vector same(row.begin(), row.end());
    ASSERT_EQ(codec.encode(same.data(), again.data()), error);
    ASSERT_EQ(std::memcmp(first.data(), again.data(), bytes), 0) << "equal vectors, unequal codes";
    ASSERT_EQ(again.data()[bytes], std::byte{0xAA}) << "wrote beyond the row";
    Vector decoded(row.size() + 1, 42.0F);
    codec.decode(first.data(), decoded.data());
    ASSERT_EQ(decoded.back(), 42.0F) << "wrote beyond the vector";
    for (const float value : decoded) ASSERT_TRUE(std::isfinite(value));
  }
}

// Every promise but how close errors are. `outside`: how many ordinary rows are farther off than their error; of
// vectors unlike the training rows a few more may be.
inline void check_codec(const MakeCodec& make, std::span<const Metric> metrics, const Kernels& kernels,
                        Outside& outside) {
  for (const Metric metric : metrics)
    for (const std::size_t dimension : codec_dimensions()) {
      SCOPED_TRACE(::testing::Message() << to_string(metric) << ", dimension " << dimension);
      const std::unique_ptr<Codec> codec = make(metric, dimension, flat(ordinary(metric, dimension, 150, 1)), kernels);
      ASSERT_EQ(codec->dimension(), dimension);
      std::vector<Vector> rows = ordinary(metric, dimension, 200, 2);
      rows.push_back(rows.front());
      const std::vector<Vector> queries = ordinary(metric, dimension, 12, 3);
      check_estimates(*codec, metric, rows, queries, outside);
      const std::vector<Vector> strange = extraordinary(metric, dimension);
      Outside of_strange;
      check_estimates(*codec, metric, strange, queries, of_strange);
      check_estimates(*codec, metric, rows, strange, of_strange);
      check_estimates(*codec, metric, strange, strange, of_strange);
      EXPECT_LT(of_strange.share(), 0.005) << of_strange.outside << " of " << of_strange.rows;
      check_codes(*codec, rows);
      check_codes(*codec, strange);
      if (::testing::Test::HasFatalFailure()) return;
    }
}

// The largest distance of a decoded ordinary row from the row, as a share of the row's distance from the mean.
inline double worst_decoded(const MakeCodec& make, Metric metric, std::size_t dimension, const Kernels& kernels) {
  const std::vector<Vector> rows = ordinary(metric, dimension, 400, 1);
  const std::unique_ptr<Codec> codec = make(metric, dimension, flat(rows), kernels);
  Vector mean(dimension);
  for (const Vector& row : rows)
    for (std::size_t j = 0; j < dimension; ++j) mean[j] += row[j] / static_cast<float>(rows.size());
  double worst = 0.0;
  for (const Vector& row : rows) {
    Lines code(codec->row_bytes());
    codec->encode(row.data(), code.data());
    Vector decoded(dimension);
    codec->decode(code.data(), decoded.data());
    worst = std::max(worst, distance(decoded, row) / distance(row, mean));
  }
  return worst;
}

}  // namespace semroute::core::testing

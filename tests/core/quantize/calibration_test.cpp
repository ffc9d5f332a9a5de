#include "core/quantize/calibration.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/core/quantize/sample_vectors.h"

namespace semroute::core {
namespace {

using testing::Vector;

// Keeps vectors of one number as they are, states an error of 1, and is off by `far` for one row in a thousand and by
// `near` for the others.
class OffCodec final : public Codec {
 public:
  OffCodec(float near, float far) : near_(near), far_(far) {}
  [[nodiscard]] std::size_t dimension() const noexcept override { return 1; }
  [[nodiscard]] std::size_t row_bytes() const noexcept override { return 64; }
  [[nodiscard]] std::size_t query_bytes() const noexcept override { return 64; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return 0; }
  [[nodiscard]] bool proven() const noexcept override { return false; }
  float encode(const float* vector, std::byte* row) const override {
    std::memcpy(row, vector, sizeof(float));
    return 1.0F;
  }
  void decode(const std::byte* row, float* vector) const override { std::memcpy(vector, row, sizeof(float)); }
  ErrorTerms prepare(const float* query, std::byte* code) const override {
    std::memcpy(code, query, sizeof(float));
    return {.per_row_error = 0.5F, .constant = 0.25F};
  }
  void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const override {
    float query = 0.0F;
    std::memcpy(&query, code, sizeof query);
    for (std::size_t i = 0; i < count; ++i) {
      float row = 0.0F;
      std::memcpy(&row, rows + 64 * i, sizeof row);
      const bool rare = static_cast<int>(row) % rare_ == 0;
      keys[i] = query * row + 0.25F + (rare ? far_ : near_);
    }
  }
  void gather(const std::byte*, const std::byte*, const std::uint32_t*, std::size_t, float*) const override {}

  int rare_ = 1'000;

 private:
  float near_;
  float far_;
};

Vector counted(std::size_t count) {
  Vector rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = static_cast<float>(i);
  return rows;
}

TEST(Calibration, FindsTheErrorThatAllButAFewInTenThousandKeep) {
  const Vector rows = counted(1'024);
  OffCodec codec(1.0F, 8.0F);
  // Rows 0 and 1000 of 1,024 are far off: more than 3 in 10,000.
  EXPECT_NEAR(calibrate(codec, Metric::dot, TrainingRows(rows, 1, 10'000), 0.0, 9.0), 1.05 * 8.0 / 0.5, 1e-3);
  codec.rare_ = 1'000'000;  // row 0 alone
  EXPECT_NEAR(calibrate(codec, Metric::dot, TrainingRows(rows, 1, 10'000), 0.0, 9.0), 1.05 * 8.0 / 0.5, 1e-3);
  const Vector none_far(rows.begin() + 1, rows.end());
  EXPECT_NEAR(calibrate(codec, Metric::dot, TrainingRows(none_far, 1, 10'000), 0.0, 9.0), 1.05 * 1.0 / 0.5, 1e-3);
}

TEST(Calibration, HasALeastAndAnUntriedAnswer) {
  const OffCodec codec(0.0F, 0.0F);
  const Vector rows = counted(1'024);
  EXPECT_EQ(calibrate(codec, Metric::dot, TrainingRows(rows, 1, 10'000), 3.0, 9.0), 3.0);
  EXPECT_EQ(calibrate(codec, Metric::dot, TrainingRows(std::span(rows).first(50), 1, 10'000), 3.0, 9.0), 9.0);
  EXPECT_EQ(calibrate(codec, Metric::dot, TrainingRows({}, 1, 10'000), 3.0, 9.0), 9.0);
}

}  // namespace
}  // namespace semroute::core

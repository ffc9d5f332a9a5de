// Int8Codec: a byte for each number, with a proven bound on what that loses.
//
// A number x_i is coded as round((x_i - centre_i) / step), limited to -127..127 and kept as that plus 128. Centre and
// step are trained and the same for all rows, so that a row is its bytes alone (under euclidean with a norm behind
// them).
//   inner product   q.x = q.centre + q.(x - centre); q is coded by a step of its own. Off by at most
//                   |q| |x - coded x| + |q - coded q| |coded x - centre|   (Cauchy-Schwarz, 2-norms)
//   euclidean       twice the same for the centred vectors; their norms are exact
//   manhattan       q is coded as the rows are; off by at most the 1-norms of both roundings
// The error of a row is that of its own rounding, whatever made it, so numbers beyond the trained range cost speed,
// never exactness. Allowances for float32 arithmetic, that of the kernels for full vectors included, are part of the
// bounds. A row as a query (prepare_row) is its own codes again; under an inner product, where a query's are about
// zero, the centre is added first. Threads, lifetime: codec.h.
#pragma once

#include <cstdint>
#include <vector>

#include "core/quantize/codec.h"

namespace semroute::core {

class Int8Codec final : public Codec {
 public:
  // `rows` (n x dimension, n >= 1) are what centre and step are taken from.
  Int8Codec(Metric metric, std::size_t dimension, std::span<const float> rows, const Kernels& kernels);

  [[nodiscard]] std::size_t dimension() const noexcept override { return dimension_; }
  [[nodiscard]] std::size_t row_bytes() const noexcept override { return row_bytes_; }
  [[nodiscard]] std::size_t query_bytes() const noexcept override;
  [[nodiscard]] std::size_t bytes() const noexcept override { return centre_.capacity() * (3 * sizeof(float) + 2); }
  [[nodiscard]] bool proven() const noexcept override { return true; }

  float encode(const float* vector, std::byte* row) const override;
  void decode(const std::byte* row, float* vector) const override;
  ErrorTerms prepare(const float* query, std::byte* code) const override;
  bool prepare_row(const std::byte* row, std::byte* code) const override;
  void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const override;
  void gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
              float* keys) const override;

 private:
  struct QueryHead;
  struct Rounding;
  Rounding round_row(const float* vector, float step, std::uint8_t* codes) const;
  [[nodiscard]] double squares_of(const float* values, std::size_t count) const;
  [[nodiscard]] double loss_of(const float* query, const float* centre, float step, const std::int8_t* codes) const;
  float choose_step(std::span<const float> rows) const;
  void code_centre();
  [[nodiscard]] std::int32_t sum_of_codes(const std::byte* code) const;
  void turn_into_keys(const QueryHead& query, const std::int32_t* sums, std::size_t count, float* keys) const;

  Metric metric_;
  std::size_t dimension_;
  std::size_t code_bytes_;  // dimension, padded to a cache line
  std::size_t row_bytes_;
  std::vector<float> centre_;  // padded with zeros
  std::vector<float> zeros_;
  double centre_norm_ = 0.0;
  double largest_norm_ = 1.0;  // of the centred training rows
  double query_share_ = 0.01;  // rounding of a query as a share of its norm: what row errors allow for
  float step_ = 1.0F;
  // For rows as queries: the centre in codes of a step of its own, the step that any row's numbers are coded by, and
  // where zero is for them, in steps of the rows.
  std::vector<std::int8_t> centre_codes_;  // padded with zeros
  float centre_step_ = 1.0F;
  std::int32_t centre_bias_ = 0;
  float row_query_step_ = 1.0F;
  std::vector<float> row_zero_;
  std::vector<std::uint8_t> ones_;  // padded with zeros
  const Kernels& kernels_;
};

}  // namespace semroute::core

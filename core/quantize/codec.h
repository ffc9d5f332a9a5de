// Codec: a short code for each vector, and estimates of how near codes are to a query.
//
// A codec estimates keys (kernels/metric.h): the inner product, or minus the (squared) distance; higher is nearer.
// Error: encode() gives each row an error, prepare() gives the query its ErrorTerms, and
//   |key - estimate| <= terms.per_row_error * error + terms.constant
// always where proven(), else for all but a few rows in ten thousand (each codec says why).
//
// Shapes: vectors of dimension() float32, prepared (index/vector_rules.h); a row is row_bytes() long, a query's code
// query_bytes(); both are multiples of 64 and start 64-byte aligned.
// Complexity: encode and prepare O(dimension) or as each codec says; keys O(count * row_bytes). Nothing allocates.
// Threads: a codec is const once made; every member may run in many threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/kernels/kernels.h"
#include "core/kernels/metric.h"

namespace semroute::core {

struct ErrorTerms {
  float per_row_error = 0.0F;
  float constant = 0.0F;
};

class Codec {
 public:
  Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;
  virtual ~Codec() = default;

  [[nodiscard]] virtual std::size_t dimension() const noexcept = 0;
  [[nodiscard]] virtual std::size_t row_bytes() const noexcept = 0;
  [[nodiscard]] virtual std::size_t query_bytes() const noexcept = 0;
  [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;  // codebooks and the like
  [[nodiscard]] virtual bool proven() const noexcept = 0;

  // Writes the code of `vector` to `row`, all row_bytes() of it, and returns the row's error.
  virtual float encode(const float* vector, std::byte* row) const = 0;
  // The vector that the code stands for.
  virtual void decode(const std::byte* row, float* vector) const = 0;

  // Writes the query's code to `code`.
  virtual ErrorTerms prepare(const float* query, std::byte* code) const = 0;
  // As prepare() for the vector that a row stands for: much sooner, a little less exact, and without a bound, which is
  // enough to tell which of two rows is nearer to a third. False, and nothing was written: only prepare() does it.
  virtual bool prepare_row(const std::byte* /*row*/, std::byte* /*code*/) const { return false; }
  // keys[i] = the estimate for row i of a block of rows.
  virtual void scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const = 0;
  // keys[i] = the estimate for the row at base + slots[i] * row_bytes().
  virtual void gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
                      float* keys) const = 0;
};

}  // namespace semroute::core

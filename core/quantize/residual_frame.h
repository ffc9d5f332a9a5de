// ResidualFrame: how codecs of directions see vectors: from the centre of the training rows, and turned at random.
//
// With the centre c, a row x = c + r and a query q, the key of the metric is
//   dot, cosine   <q, x>      =  <q, c>     +  <r, c>  +  <q - c, r>
//   euclidean     -|q - x|^2  =  -|q - c|^2 -  |r|^2   +  2 <q - c, r>
//                                offset        addend     the part that a code estimates
// A code stands for the direction of r by a vector y, and <q - c, r> is estimated as |q - c| |r| <v, y> / <o, y>, where
// v and o are the directions of q - c and r. It is unbiased over random rotations, and its deviation is
//   |q - c| |r| sqrt((1 - a^2) / a^2) / sqrt(d - 1) * (length of v across o),   a = <o, y> / |y|
// (Gao & Long, arXiv:2405.12497, Theorem 3.2, there with signs for y; arXiv:2409.09913 for longer codes). Errors stated
// are a multiple of it, `deviations`, so they hold for a share of rows and not for all.
//
// Shapes: vectors of dimension() float32, under cosine, dot or euclidean. Range: whatever vector_rules.h accepts.
// Complexity: O(d log d) when turned, else O(d); nothing allocates after construction. Threads: const once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/kernels/metric.h"
#include "core/quantize/codec.h"
#include "core/quantize/rotation.h"

namespace semroute::core {

// What a row carries beside its code: an estimate is offset + addend + slope * (scale * <v, y>).
struct RowFactors {
  float addend = 0.0F;
  float slope = 0.0F;    // |r| / <o, y>
  float stretch = 0.0F;  // that makes y the vector nearest to r: |r| <o, y> / |y|^2
};

class ResidualFrame {
 public:
  // Turned when there is a seed. Precondition: dimension >= 1; training_rows are whole rows, none included.
  ResidualFrame(Metric metric, std::size_t dimension, std::span<const float> training_rows,
                std::optional<std::uint64_t> seed);

  [[nodiscard]] std::size_t dimension() const noexcept { return centre_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept;

  struct Row {
    double length = 0.0;  // |r|
    float addend = 0.0F;
  };
  // Writes o, dimension() numbers; zeros for a row at the centre.
  Row see_row(const float* vector, float* direction) const noexcept;

  struct Query {
    double length = 0.0;  // |q - c|
    double norm = 0.0;    // |q|
    float offset = 0.0F;
    float scale = 0.0F;  // |q - c|, twice that for euclidean
  };
  // Writes v, dimension() numbers; zeros for a query at the centre.
  Query see_query(const float* query, float* direction) const noexcept;

  // What a code y made of a row's direction o: <o, y> and <y, y>.
  struct Fit {
    double product = 0.0;
    double square = 0.0;
  };
  [[nodiscard]] static RowFactors factors(const Row& row, const Fit& fit) noexcept;

  // The two halves of an error: terms().per_row_error * row_error() + terms().constant. A code of the query loses the
  // length `query_loss` of v; what it usually loses is counted with the rows, more than that with the query.
  [[nodiscard]] float row_error(const Row& row, const Fit& fit, double usual_query_loss) const noexcept;
  [[nodiscard]] ErrorTerms terms(const Query& query, double query_loss, double usual_query_loss,
                                 double deviations) const noexcept;

  // vector = c + the numbers of `direction`, turned back, times `stretch`. They may be the same memory.
  void restore(const float* direction, float stretch, float* vector) const noexcept;

 private:
  // Writes the direction of vector - c, returns its length.
  double see(const float* vector, float* direction) const noexcept;
  // The least row_error of a row with |r| = 1.
  [[nodiscard]] double least_error(double usual_query_loss) const noexcept;

  Metric metric_;
  std::vector<float> centre_;
  double centre_length_ = 0.0;
  double radius_ = 1.0;    // a typical |r|
  double rounding_ = 0.0;  // of float32 sums, for a term of 1
  std::optional<Rotation> rotation_;
};

}  // namespace semroute::core

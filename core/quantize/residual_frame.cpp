#include "core/quantize/residual_frame.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/check.h"
#include "core/quantize/rounding.h"
#include "core/quantize/training_rows.h"

namespace semroute::core {
namespace {

constexpr std::size_t kMostTrainingRows = 65'536;

// A row's error under euclidean has a part that grows with |r|^2; with a query's factor of at least this many typical
// lengths it can be said linearly (row_error).
constexpr double kLeastFactor = 1.0 / 32.0;

// kKernelErrorBound is measured up to here; beyond, errors are taken to grow with the number of terms.
constexpr double kMeasuredDimension = 4'096.0;

// Products below this share of |o| |y| say nothing about o.
constexpr double kLeastCosine = 1e-6;

// Sums in float64 of several chains, in one order on every machine.
constexpr std::size_t kChains = 8;

template <class Term>
double sum(std::size_t count, const Term& term) noexcept {
  double chains[kChains] = {};
  std::size_t i = 0;
  for (; i + kChains <= count; i += kChains)
    for (std::size_t k = 0; k < kChains; ++k) chains[k] += term(i + k);
  for (; i < count; ++i) chains[0] += term(i);
  double all = 0.0;
  for (const double chain : chains) all += chain;
  return all;
}

double product(const float* a, const float* b, std::size_t count) noexcept {
  return sum(count, [=](std::size_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}

bool useful(double length, const ResidualFrame::Fit& fit) noexcept {
  return length > 0.0 && fit.product > kLeastCosine * std::sqrt(fit.square);
}

}  // namespace

ResidualFrame::ResidualFrame(Metric metric, std::size_t dimension, std::span<const float> training_rows,
                             std::optional<std::uint64_t> seed)
    : metric_(metric),
      centre_(dimension),
      rounding_(kKernelErrorBound * std::max(1.0, static_cast<double>(dimension) / kMeasuredDimension)) {
  SEMROUTE_CHECK(dimension >= 1);
  const TrainingRows rows(training_rows, dimension, kMostTrainingRows);
  if (rows.count() > 0) {
    const auto count = static_cast<double>(rows.count());
    std::vector<double> sums(dimension);
    for (std::size_t i = 0; i < rows.count(); ++i)
      for (std::size_t j = 0; j < dimension; ++j) sums[j] += static_cast<double>(rows.row(i)[j]);
    for (std::size_t j = 0; j < dimension; ++j) centre_[j] = static_cast<float>(sums[j] / count);
    std::vector<float> direction(dimension);
    double squares = 0.0;
    for (std::size_t i = 0; i < rows.count(); ++i) {
      const double length = see(rows.row(i), direction.data());
      squares += length * length;
    }
    if (squares > 0.0) radius_ = std::sqrt(squares / count);
  }
  centre_length_ = std::sqrt(product(centre_.data(), centre_.data(), dimension));
  if (seed) rotation_.emplace(dimension, *seed);
}

std::size_t ResidualFrame::bytes() const noexcept {
  return sizeof *this + centre_.size() * sizeof(float) + (rotation_ ? rotation_->bytes() : 0);
}

double ResidualFrame::see(const float* vector, float* direction) const noexcept {
  const std::size_t count = dimension();
  for (std::size_t i = 0; i < count; ++i) direction[i] = vector[i] - centre_[i];
  const double length = std::sqrt(product(direction, direction, count));
  if (length == 0.0) {
    std::memset(direction, 0, count * sizeof(float));
    return 0.0;
  }
  const double inverse = 1.0 / length;
  for (std::size_t i = 0; i < count; ++i)
    direction[i] = static_cast<float>(static_cast<double>(direction[i]) * inverse);
  return length;
}

ResidualFrame::Row ResidualFrame::see_row(const float* vector, float* direction) const noexcept {
  Row row{.length = see(vector, direction)};
  row.addend =
      static_cast<float>(metric_ == Metric::euclidean ? -row.length * row.length
                                                      : row.length * product(direction, centre_.data(), dimension()));
  if (rotation_) rotation_->apply(direction);
  return row;
}

ResidualFrame::Query ResidualFrame::see_query(const float* query, float* direction) const noexcept {
  Query seen{.length = see(query, direction), .norm = std::sqrt(product(query, query, dimension()))};
  const bool euclidean = metric_ == Metric::euclidean;
  seen.offset =
      static_cast<float>(euclidean ? -seen.length * seen.length : product(query, centre_.data(), dimension()));
  seen.scale = static_cast<float>(euclidean ? 2.0 * seen.length : seen.length);
  if (rotation_) rotation_->apply(direction);
  return seen;
}

RowFactors ResidualFrame::factors(const Row& row, const Fit& fit) noexcept {
  if (!useful(row.length, fit)) return {.addend = row.addend};
  return {.addend = row.addend,
          .slope = static_cast<float>(row.length / fit.product),
          .stretch = static_cast<float>(row.length * fit.product / fit.square)};
}

double ResidualFrame::least_error(double usual_query_loss) const noexcept {
  return usual_query_loss / std::sqrt(std::max(1.0, static_cast<double>(dimension()) - 1.0));
}

// The deviation of the code, widened by the query's usual loss, which has no part in common with it. A code that says
// nothing leaves an error of up to |r|.
float ResidualFrame::row_error(const Row& row, const Fit& fit, double usual_query_loss) const noexcept {
  double error = row.length;
  if (useful(row.length, fit)) {
    const double across = std::max(0.0, 1.0 - fit.product * fit.product / fit.square);
    const double cosine = fit.product / std::sqrt(fit.square);
    const double free = std::max(1.0, static_cast<double>(dimension()) - 1.0);
    error *= std::sqrt((across + usual_query_loss * usual_query_loss) / free) / cosine;
  }
  if (metric_ == Metric::euclidean) error += 4.0 * rounding_ * row.length * row.length / (kLeastFactor * radius_);
  return round_up(error + kUnderflow);
}

// Beside the code's deviation there is the rounding of float32, of the estimate's parts and of the key itself. What of
// it grows with |r| is at least covered by the least error of a row.
ErrorTerms ResidualFrame::terms(const Query& query, double query_loss, double usual_query_loss,
                                double deviations) const noexcept {
  const auto scale = static_cast<double>(query.scale);
  const double factor = deviations * scale * std::max(1.0, query_loss / usual_query_loss);
  const double least = least_error(usual_query_loss);
  if (metric_ == Metric::euclidean)
    return {.per_row_error = round_up(factor + 2.0 * rounding_ * scale / least + kLeastFactor * radius_),
            .constant = round_up(4.0 * rounding_ * query.length * query.length + kUnderflow)};
  return {.per_row_error = round_up(factor + 2.0 * rounding_ * (query.norm + centre_length_ + scale) / least),
          .constant = round_up(2.0 * rounding_ * query.norm * centre_length_ + kUnderflow)};
}

void ResidualFrame::restore(const float* direction, float stretch, float* vector) const noexcept {
  const std::size_t count = dimension();
  if (vector != direction) std::memcpy(vector, direction, count * sizeof(float));
  if (rotation_) rotation_->undo(vector);
  for (std::size_t i = 0; i < count; ++i) vector[i] = centre_[i] + stretch * vector[i];
}

}  // namespace semroute::core

#include "core/quantize/int8_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

#include "core/base/cache_line.h"
#include "core/base/check.h"

namespace semroute::core {
namespace {

constexpr std::size_t kChunk = 256;  // numbers rounded at a time, on the stack
constexpr std::size_t kBlockRows = 64;
constexpr std::size_t kMostStepRows = 256;  // rows that the step is chosen by
constexpr int kOffset = 128;
constexpr float kLargest = 127.0F;
// Float32 arithmetic loses at most this share of the magnitudes: kKernelErrorBound of a full vector's kernel, and as
// much again for turning sums of codes into keys.
constexpr double kArithmetic = 3 * kKernelErrorBound;
constexpr double kRounding = 1 + kKernelErrorBound;  // what norms by a kernel may be short of

// Rounded up: a bound may only grow.
float bound(double value) noexcept {
  return std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity());
}

// Sums are made in several lanes, because one alone waits for each addition.
constexpr std::size_t kLanes = 8;

// The sum of term(i) for i < count.
template <class Term>
double sum_of(std::size_t count, Term&& term) noexcept {
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += term(i + lane);
  for (; i < count; ++i) sums[0] += term(i);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

constexpr double square(double x) noexcept { return x * x; }

double norm_of(const float* values, std::size_t count) noexcept {
  return std::sqrt(sum_of(count, [&](std::size_t i) { return square(static_cast<double>(values[i])); }));
}

// The largest |term(i)|, in lanes as well.
template <class Term>
float largest_of(std::size_t count, Term&& term) noexcept {
  float largest[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      largest[lane] = std::max(largest[lane], std::fabs(term(i + lane)));
  for (; i < count; ++i) largest[0] = std::max(largest[0], std::fabs(term(i)));
  return *std::max_element(std::begin(largest), std::end(largest));
}

// In blocks, which compile to few instructions.
void to_floats(const std::uint8_t* from, std::size_t count, float* to) noexcept {
  constexpr std::size_t kBlock = 16;
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock)
    for (std::size_t at = 0; at < kBlock; ++at) to[i + at] = static_cast<float>(from[i + at]);
  for (; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

bool centres_query(Metric metric) noexcept { return metric == Metric::euclidean || metric == Metric::manhattan; }

// The smallest step that reaches all numbers; a subnormal one has no reciprocal.
float step_for(float largest) noexcept { return std::max(largest / kLargest, std::numeric_limits<float>::min() * 4); }

}  // namespace

// In front of a query's codes.
struct Int8Codec::QueryHead {
  float scale;        // of a sum of products or differences, in keys
  float base;         // added to it
  std::int32_t bias;  // what the rows' offset adds to a sum of products
};

// What coding a vector lost and left.
struct Int8Codec::Rounding {
  double lost = 0.0;     // the norm of vector - coded, 1-norm under manhattan
  double coded = 0.0;    // the norm of coded - centre
  double centred = 0.0;  // the norm of vector - centre
};

Int8Codec::Int8Codec(Metric metric, std::size_t dimension, std::span<const float> rows, const Kernels& kernels)
    : metric_(metric),
      dimension_(dimension),
      code_bytes_(whole_lines(dimension)),
      row_bytes_(code_bytes_ + (metric == Metric::euclidean ? kLineBytes : 0)),
      centre_(code_bytes_, 0.0F),
      zeros_(code_bytes_, 0.0F),
      kernels_(kernels) {
  const std::size_t count = rows.size() / dimension;
  SEMROUTE_CHECK(count >= 1 && rows.size() % dimension == 0);
  std::vector<double> sums(dimension, 0.0);
  for (std::size_t row = 0; row < count; ++row)
    for (std::size_t i = 0; i < dimension; ++i) sums[i] += static_cast<double>(rows[row * dimension + i]);
  for (std::size_t i = 0; i < dimension; ++i) centre_[i] = static_cast<float>(sums[i] / static_cast<double>(count));
  centre_norm_ = norm_of(centre_.data(), dimension);
  step_ = choose_step(rows);
  code_centre();

  double share = 0.0;
  double largest = 0.0;
  for (std::size_t row = 0; row < std::min(count, kMostStepRows); ++row) {
    const float* vector = rows.data() + row * dimension;
    largest = std::max(largest, round_row(vector, step_, nullptr).centred);
    const double norm = norm_of(vector, dimension);
    if (norm == 0.0) continue;
    const double step = step_for(largest_of(dimension, [vector](std::size_t i) { return vector[i]; }));
    share = std::max(share, step / std::sqrt(12.0) * std::sqrt(static_cast<double>(dimension)) / norm);
  }
  if (share > 0.0) query_share_ = share;
  if (largest > 0.0) largest_norm_ = largest;
}

// The step that loses least over a sample: reaching the few largest numbers makes all others coarser.
float Int8Codec::choose_step(std::span<const float> rows) const {
  const std::size_t count = rows.size() / dimension_;
  const std::size_t apart = std::max<std::size_t>(1, count / kMostStepRows);
  float largest = 0.0F;
  for (std::size_t row = 0; row < count; ++row)
    for (std::size_t i = 0; i < dimension_; ++i)
      largest = std::max(largest, std::fabs(rows[row * dimension_ + i] - centre_[i]));
  float best_step = step_for(largest);
  double best_loss = std::numeric_limits<double>::infinity();
  for (const float share : {1.0F, 0.9F, 0.8F, 0.7F, 0.6F, 0.5F, 0.4F, 0.3F}) {
    const float step = step_for(largest * share);
    double loss = 0.0;
    for (std::size_t row = 0; row < count; row += apart)
      loss += round_row(rows.data() + row * dimension_, step, nullptr).lost;
    if (loss >= best_loss) continue;
    best_loss = loss;
    best_step = step;
  }
  return best_step;
}

void Int8Codec::code_centre() {
  const float largest = largest_of(dimension_, [this](std::size_t i) { return centre_[i]; });
  centre_codes_.resize(code_bytes_, 0);
  centre_step_ = step_for(largest);
  kernels_.to_s8(centre_.data(), zeros_.data(), 1.0F / centre_step_, dimension_, centre_codes_.data());
  ones_.resize(code_bytes_, 0);
  std::fill_n(ones_.begin(), dimension_, std::uint8_t{1});
  centre_bias_ = sum_of_codes(reinterpret_cast<const std::byte*>(centre_codes_.data())) * kOffset;
  row_query_step_ = step_for(largest + kLargest * step_);
  row_zero_.resize(dimension_);
  for (std::size_t i = 0; i < dimension_; ++i) row_zero_[i] = static_cast<float>(kOffset) - centre_[i] / step_;
}

std::int32_t Int8Codec::sum_of_codes(const std::byte* code) const {
  std::int32_t sum = 0;
  kernels_.u8_dot.rows(reinterpret_cast<const std::int8_t*>(code), ones_.data(), code_bytes_, 1, code_bytes_, &sum);
  return sum;
}

Int8Codec::Rounding Int8Codec::round_row(const float* vector, float step, std::uint8_t* codes) const {
  Rounding sums;
  const float inverse_step = 1.0F / step;
  for (std::size_t first = 0; first < dimension_; first += kChunk) {
    const std::size_t count = std::min(kChunk, dimension_ - first);
    std::int8_t rounded[kChunk];
    kernels_.to_s8(vector + first, centre_.data() + first, inverse_step, count, rounded);
    // In float32 where the terms are made, which the allowance for arithmetic covers, in float64 where they are added.
    float from_centre[kChunk];
    float off[kChunk];
    float code[kChunk];
    for (std::size_t i = 0; i < count; ++i) {
      from_centre[i] = vector[first + i] - centre_[first + i];
      code[i] = step * static_cast<float>(rounded[i]);
      off[i] = from_centre[i] - code[i];
    }
    if (metric_ == Metric::manhattan) {
      sums.lost += static_cast<double>(kernels_.l1(off, zeros_.data(), count));
      sums.centred += static_cast<double>(kernels_.l1(from_centre, zeros_.data(), count));
    } else {
      sums.lost += squares_of(off, count);
      sums.coded += squares_of(code, count);
      sums.centred += squares_of(from_centre, count);
    }
    if (codes == nullptr) continue;
    for (std::size_t i = 0; i < count; ++i) codes[first + i] = static_cast<std::uint8_t>(rounded[i] + kOffset);
  }
  if (metric_ == Metric::manhattan) return {sums.lost * kRounding, 0.0, sums.centred * kRounding};
  return {std::sqrt(sums.lost) * kRounding, std::sqrt(sums.coded) * kRounding, std::sqrt(sums.centred) * kRounding};
}

// The sum of squares: by the kernel, unless they are so small that float32 loses them.
double Int8Codec::squares_of(const float* values, std::size_t count) const {
  constexpr float kSafe = 1e-24F;
  const float squares = kernels_.dot(values, values, count);
  if (squares > kSafe && squares <= std::numeric_limits<float>::max()) return static_cast<double>(squares);
  return sum_of(count, [&](std::size_t i) { return square(static_cast<double>(values[i])); });
}

// The norm of what coding a query loses, or a little more.
double Int8Codec::loss_of(const float* query, const float* centre, float step, const std::int8_t* codes) const {
  double squares = 0.0;
  float off[kChunk];
  for (std::size_t first = 0; first < dimension_; first += kChunk) {
    const std::size_t count = std::min(kChunk, dimension_ - first);
    for (std::size_t i = 0; i < count; ++i)
      off[i] = query[first + i] - centre[first + i] - step * static_cast<float>(codes[first + i]);
    squares += squares_of(off, count);
  }
  return std::sqrt(squares) * kRounding;
}

std::size_t Int8Codec::query_bytes() const noexcept { return kLineBytes + code_bytes_; }

float Int8Codec::encode(const float* vector, std::byte* row) const {
  auto* codes = reinterpret_cast<std::uint8_t*>(row);
  std::memset(codes + dimension_, 0, row_bytes_ - dimension_);
  const Rounding rounding = round_row(vector, step_, codes);
  switch (metric_) {
    case Metric::cosine:
    case Metric::dot:
      return bound(rounding.lost + (query_share_ + kArithmetic) * rounding.coded +
                   kArithmetic * (centre_norm_ + rounding.lost));
    case Metric::euclidean: {
      const double square = rounding.centred * rounding.centred;
      const auto kept = static_cast<float>(square);
      std::memcpy(row + code_bytes_, &kept, sizeof kept);
      return bound(2 * (rounding.lost + (query_share_ + kArithmetic) * rounding.coded) +
                   2 * kArithmetic * square / largest_norm_);
    }
    case Metric::manhattan: return bound(rounding.lost + kArithmetic * rounding.centred);
  }
  return std::numeric_limits<float>::infinity();
}

void Int8Codec::decode(const std::byte* row, float* vector) const {
  const auto* codes = reinterpret_cast<const std::uint8_t*>(row);
  for (std::size_t i = 0; i < dimension_; ++i)
    vector[i] = centre_[i] + step_ * static_cast<float>(static_cast<int>(codes[i]) - kOffset);
}

ErrorTerms Int8Codec::prepare(const float* query, std::byte* code) const {
  auto* codes = reinterpret_cast<std::int8_t*>(code + kLineBytes);
  std::memset(code + kLineBytes, 0, code_bytes_);
  QueryHead head{};
  ErrorTerms terms;
  if (metric_ == Metric::manhattan) {
    auto* unsigned_codes = reinterpret_cast<std::uint8_t*>(codes);
    const Rounding rounding = round_row(query, step_, unsigned_codes);
    head.scale = step_;
    terms = {1.0F, bound(rounding.lost + kArithmetic * rounding.centred)};
  } else {
    const float* centre = centres_query(metric_) ? centre_.data() : zeros_.data();
    const auto centred = [&](std::size_t i) { return query[i] - centre[i]; };
    const float largest = largest_of(dimension_, centred);
    // Euclidean keys have the norm in them; else it is part of bounds alone, and may be a little more.
    const double norm =
        metric_ == Metric::euclidean
            ? std::sqrt(sum_of(dimension_, [&](std::size_t i) { return square(static_cast<double>(centred(i))); }))
            : std::sqrt(squares_of(query, dimension_)) * kRounding;
    const double base = sum_of(
        dimension_, [&](std::size_t i) { return static_cast<double>(centred(i)) * static_cast<double>(centre_[i]); });
    const float step = step_for(largest);
    kernels_.to_s8(query, centre, 1.0F / step, dimension_, codes);
    const double lost = loss_of(query, centre, step, codes);
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < dimension_; ++i) sum += codes[i];
    head.bias = sum * kOffset;
    head.scale = step_ * step;
    head.base = static_cast<float>(base);
    terms.per_row_error = bound(std::max(norm, lost / query_share_));
    terms.constant = bound(kArithmetic * std::fabs(base));
    if (metric_ == Metric::euclidean) {
      head.scale *= 2;
      head.base = static_cast<float>(-norm * norm);
      terms.per_row_error = std::max(terms.per_row_error, bound(largest_norm_));
      terms.constant = bound(2 * kArithmetic * norm * norm);
    }
  }
  std::memcpy(code, &head, sizeof head);
  return terms;
}

// A row's codes are those of row - centre. So they are the query's, but under an inner product, where the centre is
// added first: the numbers then are at most |centre| + 127 steps.
bool Int8Codec::prepare_row(const std::byte* row, std::byte* code) const {
  const auto* from = reinterpret_cast<const std::uint8_t*>(row);
  auto* codes = reinterpret_cast<std::int8_t*>(code + kLineBytes);
  QueryHead head{};
  switch (metric_) {
    case Metric::manhattan:
      std::memcpy(codes, from, code_bytes_);
      head.scale = step_;
      break;
    case Metric::euclidean: {
      std::memset(codes + dimension_, 0, code_bytes_ - dimension_);
      for (std::size_t i = 0; i < dimension_; ++i) codes[i] = static_cast<std::int8_t>(from[i] ^ kOffset);
      float square;
      std::memcpy(&square, row + code_bytes_, sizeof square);
      head = {2 * step_ * step_, -square, sum_of_codes(code + kLineBytes) * kOffset};
      break;
    }
    case Metric::cosine:
    case Metric::dot: {
      std::memset(codes + dimension_, 0, code_bytes_ - dimension_);
      for (std::size_t first = 0; first < dimension_; first += kChunk) {
        const std::size_t count = std::min(kChunk, dimension_ - first);
        float numbers[kChunk];
        to_floats(from + first, count, numbers);
        kernels_.to_s8(numbers, row_zero_.data() + first, step_ / row_query_step_, count, codes + first);
      }
      std::int32_t centre_sum = 0;
      kernels_.u8_dot.rows(centre_codes_.data(), from, code_bytes_, 1, code_bytes_, &centre_sum);
      const double base = centre_norm_ * centre_norm_ +
                          static_cast<double>(step_ * centre_step_) * static_cast<double>(centre_sum - centre_bias_);
      head = {step_ * row_query_step_, static_cast<float>(base), sum_of_codes(code + kLineBytes) * kOffset};
      break;
    }
  }
  std::memcpy(code, &head, sizeof head);
  return true;
}

void Int8Codec::turn_into_keys(const QueryHead& query, const std::int32_t* sums, std::size_t count, float* keys) const {
  if (metric_ == Metric::manhattan) {
    for (std::size_t i = 0; i < count; ++i) keys[i] = -query.scale * static_cast<float>(sums[i]);
  } else {
    for (std::size_t i = 0; i < count; ++i)
      keys[i] = query.base + query.scale * static_cast<float>(sums[i] - query.bias);
  }
}

void Int8Codec::scan(const std::byte* code, const std::byte* rows, std::size_t count, float* keys) const {
  QueryHead head;
  std::memcpy(&head, code, sizeof head);
  const std::byte* query = code + kLineBytes;
  std::int32_t sums[kBlockRows];
  for (std::size_t first = 0; first < count; first += kBlockRows) {
    const std::size_t block = std::min(kBlockRows, count - first);
    const auto* at = reinterpret_cast<const std::uint8_t*>(rows + first * row_bytes_);
    if (metric_ == Metric::manhattan)
      kernels_.u8_l1.rows(reinterpret_cast<const std::uint8_t*>(query), at, row_bytes_, block, code_bytes_, sums);
    else
      kernels_.u8_dot.rows(reinterpret_cast<const std::int8_t*>(query), at, row_bytes_, block, code_bytes_, sums);
    turn_into_keys(head, sums, block, keys + first);
    if (metric_ != Metric::euclidean) continue;
    for (std::size_t i = 0; i < block; ++i) {
      float square;
      std::memcpy(&square, at + i * row_bytes_ + code_bytes_, sizeof square);
      keys[first + i] -= square;
    }
  }
}

void Int8Codec::gather(const std::byte* code, const std::byte* base, const std::uint32_t* slots, std::size_t count,
                       float* keys) const {
  QueryHead head;
  std::memcpy(&head, code, sizeof head);
  const std::byte* query = code + kLineBytes;
  const auto* rows = reinterpret_cast<const std::uint8_t*>(base);
  std::int32_t sums[kBlockRows];
  for (std::size_t first = 0; first < count; first += kBlockRows) {
    const std::size_t block = std::min(kBlockRows, count - first);
    const std::uint32_t* some = slots + first;
    if (metric_ == Metric::manhattan)
      kernels_.u8_l1.gather(reinterpret_cast<const std::uint8_t*>(query), rows, row_bytes_, some, block, code_bytes_,
                            sums);
    else
      kernels_.u8_dot.gather(reinterpret_cast<const std::int8_t*>(query), rows, row_bytes_, some, block, code_bytes_,
                             sums);
    turn_into_keys(head, sums, block, keys + first);
    if (metric_ != Metric::euclidean) continue;
    for (std::size_t i = 0; i < block; ++i) {
      float square;
      std::memcpy(&square, rows + some[i] * row_bytes_ + code_bytes_, sizeof square);
      keys[first + i] -= square;
    }
  }
}

}  // namespace semroute::core

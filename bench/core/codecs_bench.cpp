// bench_codecs: what each codec costs: learning, a row's code, a query's code, and an estimate. bench/README.md says
// how to read it.
#include <sysexits.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/support/program.h"
#include "bench/support/timing.h"
#include "bench/support/vectors.h"
#include "core/base/float_block.h"
#include "core/quantize/make_codec.h"
#include "core/quantize/nibble_codec.h"
#include "core/quantize/rotation.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kRows = 16'384;
constexpr std::size_t kFewRows = 1'000;
constexpr std::size_t kGathered = 32;
constexpr std::size_t kRounds = 9;
constexpr double kTurnUs = 3'000.0;
constexpr std::uint64_t kSeed = 42;

template <class Work>
double us_per_call(const Work& work) {
  return median_us(kRounds, kTurnUs, work);
}

// Lines of 64 bytes, all zeros.
core::FloatBlock block_of(std::size_t bytes) {
  std::optional<core::FloatBlock> block = core::FloatBlock::allocate(1, bytes / sizeof(float));
  if (!block) std::abort();
  return std::move(*block);
}

void measure(const char* name, const core::Codec& codec, double train_us, const std::vector<float>& rows,
             const std::vector<float>& query) {
  const std::size_t dimension = codec.dimension();
  const std::size_t count = rows.size() / dimension;
  core::FloatBlock code_block = block_of(count * codec.row_bytes());
  core::FloatBlock query_block = block_of(codec.query_bytes());
  auto* const codes = reinterpret_cast<std::byte*>(code_block.data());
  auto* const code = reinterpret_cast<std::byte*>(query_block.data());
  const Stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) codec.encode(&rows[i * dimension], codes + i * codec.row_bytes());
  const double encode_us = watch.elapsed_us() / static_cast<double>(count);
  const double prepare_us = us_per_call([&] {
    codec.prepare(query.data(), code);
    keep(code[0]);
  });
  std::vector<float> keys(count);
  const auto scan_ns = [&](std::size_t some) {
    return us_per_call([&] {
             codec.scan(code, codes, some, keys.data());
             keep(keys[0]);
           }) *
           1e3 / static_cast<double>(some);
  };
  std::vector<std::uint32_t> slots(count);
  for (std::size_t i = 0; i < count; ++i) slots[i] = static_cast<std::uint32_t>(i * 2'654'435'761U % count);
  const double gather_us = us_per_call([&] {
    for (std::size_t i = 0; i < count; i += kGathered) codec.gather(code, codes, &slots[i], kGathered, &keys[i]);
    keep(keys[0]);
  });
  std::printf("%-8s %6zu %8zu %9.0f %8.2f %8.2f %10.2f %10.2f %10.2f\n", name, codec.row_bytes(), codec.query_bytes(),
              train_us / 1e3, encode_us, prepare_us, scan_ns(kFewRows), scan_ns(count),
              gather_us * 1e3 / static_cast<double>(count));
}

void run(std::size_t dimension) {
  const std::vector<float> rows = unit_vectors(kRows, dimension, 7);
  std::vector<float> query = unit_vectors(1, dimension, 8);
  const core::Rotation rotation(dimension, kSeed);
  std::printf("dimension %zu; a rotation takes %.2f us\n", dimension, us_per_call([&] {
                rotation.apply(query.data());
                keep(query[0]);
              }));
  std::printf("%-8s %6s %8s %9s %8s %8s %10s %10s %10s\n", "codec", "row B", "query B", "train ms", "encode us",
              "prep us", "1000 ns", "all ns", "gather ns");
  const core::Kernels& kernels = core::active_kernels();
  constexpr core::Metric kMetric = core::Metric::cosine;
  for (const core::Quantization kind : {core::Quantization::f16, core::Quantization::pq, core::Quantization::binary}) {
    const Stopwatch watch;
    const std::unique_ptr<core::Codec> codec = core::make_codec(kind, kMetric, dimension, rows, kSeed, kernels);
    measure(std::string(core::to_string(kind)).c_str(), *codec, watch.elapsed_us(), rows, query);
  }
  const Stopwatch watch;
  const std::unique_ptr<core::Codec> nibbles = core::make_nibble_codec(kMetric, dimension, rows, kSeed, kernels);
  measure("nibble", *nibbles, watch.elapsed_us(), rows, query);
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "What each codec costs: learning, a row's code, a query's code, and an estimate.");
  const std::size_t dimension = options.number("dimension", 384, "numbers a vector, 4096 at most");
  options.finish();
  if (dimension > 4'096) stop(EX_USAGE, "--dimension is 4096 at most");
  run(dimension);
}

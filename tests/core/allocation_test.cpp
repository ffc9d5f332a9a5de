// Counts what goes through operator new while an index answers or a codec works: nothing may.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "core/index/flat_index.h"
#include "core/quantize/make_codec.h"
#include "core/quantize/nibble_codec.h"
#include "tests/core/quantize/codec_check.h"

namespace {
thread_local std::size_t allocations = 0;

void* counted(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* counted(std::size_t bytes, std::align_val_t alignment) {
  ++allocations;
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return counted(bytes, alignment); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return counted(bytes, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace semroute::core {
namespace {

TEST(Allocation, TheCounterCounts) {
  const std::size_t before = allocations;
  const std::vector<int> some(10);
  EXPECT_EQ(allocations, before + 1);
}

TEST(Allocation, SearchAndScoreAllocateNothing) {
  std::mt19937 random(5);
  std::normal_distribution<float> number;
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan}) {
    constexpr std::size_t kDimension = 100;
    constexpr std::size_t kCount = 1'000;
    FlatIndex index(metric, kDimension, kCount);
    std::vector<float> vector(kDimension);
    for (std::size_t id = 0; id < kCount; ++id) {
      for (float& value : vector) value = number(random);
      ASSERT_TRUE(index.insert(id, vector).ok());
    }
    std::vector<Hit> hits(kCount);
    std::vector<float> scores(kCount);
    const std::size_t before = allocations;
    std::size_t found = 0;
    for (const std::size_t k : {0U, 1U, 10U, 65U, 500U, 5000U}) found += index.search(vector, k, hits);
    index.score(vector, IdRange{.first = 0, .count = kCount}, scores);
    index.score(vector, IdRange{.first = 17, .count = 3}, std::span(scores).first(3));
    const std::size_t after = allocations;
    EXPECT_EQ(after, before) << to_string(metric);
    EXPECT_EQ(found, 0U + 1 + 10 + 65 + 500 + 1000);
  }
}

void expect_no_allocation(const Codec& codec, const std::vector<testing::Vector>& rows) {
  testing::Lines codes(rows.size() * codec.row_bytes());
  testing::Lines query(codec.query_bytes());
  std::vector<float> keys(rows.size());
  std::vector<float> decoded(codec.dimension());
  const std::vector<std::uint32_t> slots(rows.size(), 1);
  const std::size_t before = allocations;
  for (std::size_t i = 0; i < rows.size(); ++i) codec.encode(rows[i].data(), codes.data() + i * codec.row_bytes());
  codec.decode(codes.data(), decoded.data());
  codec.prepare(rows[0].data(), query.data());
  codec.scan(query.data(), codes.data(), rows.size(), keys.data());
  codec.gather(query.data(), codes.data(), slots.data(), slots.size(), keys.data());
  EXPECT_EQ(allocations, before);
}

TEST(Allocation, CodecsAllocateNothingOnceMade) {
  constexpr std::size_t kDimension = 100;
  for (const Metric metric : {Metric::cosine, Metric::euclidean, Metric::manhattan}) {
    SCOPED_TRACE(to_string(metric));
    const std::vector<testing::Vector> rows = testing::ordinary(metric, kDimension, 200, 1);
    const std::vector<float> all = testing::flat(rows);
    for (const Quantization kind : {Quantization::f16, Quantization::pq, Quantization::binary}) {
      if (kind == Quantization::binary && metric == Metric::manhattan) continue;
      SCOPED_TRACE(to_string(kind));
      expect_no_allocation(*make_codec(kind, metric, kDimension, all, 42, active_kernels()), rows);
    }
    if (metric == Metric::manhattan) continue;
    expect_no_allocation(*make_nibble_codec(metric, kDimension, all, 42, active_kernels()), rows);
  }
}

}  // namespace
}  // namespace semroute::core

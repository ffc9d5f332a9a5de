// Counts what goes through operator new while an index answers: nothing may.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "core/index/index.h"

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

TEST(Allocation, SearchAndScoreAllocateNothingOnceAThreadHasSearched) {
  std::mt19937 random(5);
  std::normal_distribution<float> number;
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::euclidean, Metric::manhattan}) {
    constexpr std::size_t kDimension = 100;
    constexpr std::size_t kCount = 1'000;
    IndexParams params;
    params.metric = metric;
    params.dimension = kDimension;
    params.algorithm = Algorithm::flat;
    params.capacity = kCount;
    const auto made = Index::create(params);
    ASSERT_TRUE(made.ok());
    Index& index = *made.value();
    std::vector<float> vector(kDimension);
    for (std::size_t id = 0; id < kCount; ++id) {
      for (float& value : vector) value = number(random);
      ASSERT_TRUE(index.insert(id, vector).ok());
    }
    std::vector<Hit> hits(kCount);
    std::vector<float> scores(kCount);
    std::size_t found = index.search(vector, kCount, hits);  // this thread's scratch grows
    ASSERT_EQ(found, kCount);
    const std::size_t before = allocations;
    found = 0;
    for (const std::size_t k : {0U, 1U, 10U, 65U, 500U, 5000U}) found += index.search(vector, k, hits);
    index.score(vector, IdRange{.first = 0, .count = kCount}, scores);
    index.score(vector, IdRange{.first = 17, .count = 3}, std::span(scores).first(3));
    const std::size_t after = allocations;
    EXPECT_EQ(after, before) << to_string(metric);
    EXPECT_EQ(found, 0U + 1 + 10 + 65 + 500 + 1000);
  }
}

}  // namespace
}  // namespace semroute::core

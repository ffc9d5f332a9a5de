// Counts what goes through operator new while an index answers or a codec works: nothing may.
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <vector>

#include "core/index/index.h"
#include "core/quantize/make_codec.h"
#include "core/quantize/nibble_codec.h"
#include "tests/core/quantize/codec_check.h"
#include "tests/support/allocation_count.h"

namespace semroute::core {
namespace {

using semroute::test::allocation_count;
using semroute::test::kAllocationsAreCounted;

TEST(Allocation, TheCounterCounts) {
  const std::size_t before = allocation_count();
  const std::vector<int> some(10);
  EXPECT_EQ(allocation_count(), before + (kAllocationsAreCounted ? 1 : 0));
}

TEST(Allocation, SearchAndScoreAllocateNothingOnceAThreadHasSearched) {
  if (!kAllocationsAreCounted) GTEST_SKIP() << "a sanitizer build counts no allocations";
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
    const std::size_t before = allocation_count();
    found = 0;
    for (const std::size_t k : {0U, 1U, 10U, 65U, 500U, 5000U}) found += index.search(vector, k, hits);
    index.score(vector, IdRange{.first = 0, .count = kCount}, scores);
    index.score(vector, IdRange{.first = 17, .count = 3}, std::span(scores).first(3));
    const std::size_t after = allocation_count();
    EXPECT_EQ(after, before) << to_string(metric);
    EXPECT_EQ(found, 0U + 1 + 10 + 65 + 500 + 1000);
  }
}

TEST(Allocation, WalksAndFilteredSearchesAllocateNothingOnceAThreadHasSearched) {
  if (!kAllocationsAreCounted) GTEST_SKIP() << "a sanitizer build counts no allocations";
  constexpr std::size_t kDimension = 70;
  constexpr std::size_t kCount = 3'000;
  std::mt19937 random(6);
  std::normal_distribution<float> number;
  std::vector<float> rows(kCount * kDimension);
  for (float& value : rows) value = number(random);
  std::vector<ReferenceId> ids(kCount);
  std::iota(ids.begin(), ids.end(), ReferenceId{0});
  IdSet many(IdRange{0, kCount});
  IdSet few(IdRange{0, kCount});
  for (ReferenceId id = 0; id < kCount; ++id) {
    if (id % 2 == 0) many.add(id);
    if (id % 200 == 0) few.add(id);
  }
  for (const Quantization quantization : {Quantization::none, Quantization::int8, Quantization::binary}) {
    IndexParams params;
    params.metric = Metric::euclidean;
    params.dimension = kDimension;
    params.algorithm = Algorithm::hnsw;
    params.quantization = quantization;
    params.capacity = kCount;
    params.hnsw.ef_construction = 40;
    const auto made = Index::create(params);
    ASSERT_TRUE(made.ok());
    const Index& index = *made.value();
    ASSERT_TRUE(made.value()->insert(ids, rows).ok());
    std::vector<Hit> hits(100);
    const auto search_all_ways = [&] {
      std::size_t found = 0;
      for (const IdSet* filter :
           {static_cast<const IdSet*>(nullptr), static_cast<const IdSet*>(&many), static_cast<const IdSet*>(&few)})
        for (const std::size_t ef : {100U, 300U})
          for (std::size_t row = 0; row < 50; ++row)
            found += index.search(std::span(rows).subspan(row * kDimension, kDimension), 10, hits, {ef, filter});
      return found;
    };
    const std::size_t found = search_all_ways();
    EXPECT_EQ(found, 3U * 2 * 50 * 10);
    const std::size_t before = allocation_count();
    const std::size_t again = search_all_ways();
    EXPECT_EQ(allocation_count(), before) << to_string(quantization);
    EXPECT_EQ(again, found);
  }
}

void expect_no_allocation(const Codec& codec, const std::vector<testing::Vector>& rows) {
  testing::Lines codes(rows.size() * codec.row_bytes());
  testing::Lines query(codec.query_bytes());
  std::vector<float> keys(rows.size());
  std::vector<float> decoded(codec.dimension());
  const std::vector<std::uint32_t> slots(rows.size(), 1);
  const std::size_t before = allocation_count();
  for (std::size_t i = 0; i < rows.size(); ++i) codec.encode(rows[i].data(), codes.data() + i * codec.row_bytes());
  codec.decode(codes.data(), decoded.data());
  codec.prepare(rows[0].data(), query.data());
  codec.scan(query.data(), codes.data(), rows.size(), keys.data());
  codec.gather(query.data(), codes.data(), slots.data(), slots.size(), keys.data());
  EXPECT_EQ(allocation_count(), before);
}

TEST(Allocation, CodecsAllocateNothingOnceMade) {
  if (!kAllocationsAreCounted) GTEST_SKIP() << "a sanitizer build counts no allocations";
  constexpr std::size_t kDimension = 100;
  for (const Metric metric : {Metric::cosine, Metric::euclidean, Metric::manhattan}) {
    SCOPED_TRACE(to_string(metric));
    const std::vector<testing::Vector> rows = testing::ordinary(metric, kDimension, 200, 1);
    const std::vector<float> all = testing::flat(rows);
    for (const Quantization kind : {Quantization::f16, Quantization::int8, Quantization::pq, Quantization::binary}) {
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

// An index made of vectors that come one by one, and of a graph's file that several threads read.
#include "core/index/index_restorer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/index/graph_image.h"
#include "tests/core/index/vectors.h"
#include "tests/core/store/memory_disk.h"

namespace semroute::core {
namespace {

using testing::ascending_ids;
using testing::make_index;

// A section that several threads share is judged as a whole.
TEST(IndexRestorer, ALongSectionIsReadByThreads) {
  std::vector<std::byte> section(13'000'001);
  std::uint32_t number = 1;
  for (std::byte& byte : section) byte = static_cast<std::byte>((number = number * 1'664'525U + 1'013'904'223U) >> 24U);
  test::MemoryDisk disk;
  const Folder folder("", disk);
  {
    auto file = folder.open("graph", OpenMode::create);
    ASSERT_TRUE(file.ok());
    GraphImageWriter image(file.value());
    ASSERT_TRUE(image.add(GraphSection::base_links, section).ok());
    ASSERT_TRUE(image.finish({}).ok());
  }
  const std::string good = disk.content("/graph");
  const auto read = [&](std::size_t threads, std::vector<std::byte>& out) {
    auto file = folder.open("graph", OpenMode::read);
    EXPECT_TRUE(file.ok());
    auto image = GraphImageReader::open(file.value());
    EXPECT_TRUE(image.ok());
    return image->read(GraphSection::base_links, out, threads);
  };
  for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
    std::vector<std::byte> out(section.size());
    ASSERT_TRUE(read(threads, out).ok()) << threads;
    EXPECT_TRUE(out == section) << threads;
    for (const std::size_t back : {13'000'001U, 13'000'000U, 8'666'667U, 6'500'001U, 6'500'000U, 4'333'334U, 1U}) {
      std::string bad = good;
      bad[bad.size() - back] = static_cast<char>(bad[bad.size() - back] ^ 1);
      disk.put("/graph", bad);
      const auto refused = read(threads, out);
      ASSERT_FALSE(refused.ok()) << threads << " " << back;
      EXPECT_EQ(refused.error().code, ErrorCode::damaged);
    }
    disk.put("/graph", good);
  }
}

// Vectors that came and went again have not come.
TEST(IndexRestorer, WhatIsForgottenIsNotInTheIndex) {
  const std::size_t dimension = 24;
  const std::size_t count = 3'000;
  IndexParams params;
  params.dimension = dimension;
  params.algorithm = Algorithm::hnsw;
  params.capacity = 20'000;
  const auto rows = testing::clustered_vectors(Metric::cosine, count, dimension, 1, 60);
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  test::MemoryDisk disk;
  const Folder folder("", disk);
  auto file = folder.open("graph", OpenMode::create);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(index->save_graph(file.value()).ok());
  auto restorer = IndexRestorer::open(params, file.value(), 2);
  ASSERT_TRUE(restorer.ok()) << restorer.error().message;
  std::uint32_t near = 0;
  const auto row = [&](std::size_t i) { return std::span<const float>(rows).subspan(i * dimension, dimension); };
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t slot = restorer->place(row(i), near);
    ASSERT_NE(slot, kNoSlot);
    if (i % 5 == 0)
      restorer->forget(slot);
    else
      restorer->name(slot, 10'000 + i);
  }
  std::vector<float> other(dimension, 0.5F);
  EXPECT_EQ(restorer->place(other, near), kNoSlot);
  const auto made = restorer->finish(0, 2);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ((*made)->count(), count - count / 5);
  for (std::size_t i = 0; i < count; i += 7) {
    const auto hits = testing::search(**made, row(i), 1);
    ASSERT_EQ(hits.size(), 1U);
    if (i % 5 == 0)
      EXPECT_FALSE((*made)->read(10'000 + i, other));
    else
      EXPECT_EQ(hits[0].id, 10'000 + i);
  }
  // Its place is used again.
  ASSERT_TRUE((*made)->insert(1, row(0)).ok());
  EXPECT_EQ(testing::search(**made, row(0), 1).at(0).id, 1U);
}

// Inserting refuses what half floats do not hold, with or without a graph that has it.
TEST(IndexRestorer, PlacesNothingThatHalfFloatsDoNotHold) {
  IndexParams params;
  params.dimension = 4;
  params.metric = Metric::euclidean;
  params.algorithm = Algorithm::hnsw;
  params.quantization = Quantization::int8;
  params.capacity = 1'000;
  std::vector<float> rows;
  for (std::size_t i = 0; i < 100; ++i)
    for (std::size_t at = 0; at < 4; ++at)
      rows.push_back(i % 10 == 0 ? 70'000.0F + static_cast<float>(i) : static_cast<float>(i * at));
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(100), rows).ok());
  test::MemoryDisk disk;
  const Folder folder("", disk);
  auto file = folder.open("graph", OpenMode::create);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(index->save_graph(file.value()).ok());
  params.rerank = Rerank::f16;
  auto restorer = IndexRestorer::open(params, file.value(), 1);
  ASSERT_TRUE(restorer.ok()) << restorer.error().message;
  std::uint32_t near = 0;
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_EQ(restorer->place(std::span<const float>(rows).subspan(4 * i, 4), near) == kNoSlot, i % 10 == 0) << i;
}

}  // namespace
}  // namespace semroute::core

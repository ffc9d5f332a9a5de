// A graph in a file and an index made of it: the same answers, whatever became of the vectors meanwhile, and never
// anything from a file that is not what was written (fault 55).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/index/graph_image.h"
#include "tests/core/index/vectors.h"
#include "tests/core/store/memory_disk.h"
#include "tests/support/places.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core {
namespace {

using testing::ascending_ids;
using testing::kMetrics;
using testing::make_index;

IndexParams params_of(Metric metric, std::size_t dimension, Quantization quantization = Quantization::none,
                      Rerank rerank = Rerank::f32) {
  IndexParams params;
  params.metric = metric;
  params.dimension = dimension;
  params.algorithm = Algorithm::hnsw;
  params.quantization = quantization;
  params.rerank = rerank;
  params.capacity = 20'000;
  return params;
}

// A file on a disk in memory, and what an index makes of it.
class GraphFile {
 public:
  void save(const Index& index) {
    auto file = folder_.open("graph", OpenMode::create);
    ASSERT_TRUE(file.ok());
    const auto saved = index.save_graph(file.value());
    ASSERT_TRUE(saved.ok()) << saved.error().message;
  }
  [[nodiscard]] Result<std::unique_ptr<Index>> restore(const IndexParams& params, std::span<const ReferenceId> ids,
                                                       std::span<const float> rows, std::size_t threads = 1) {
    auto file = folder_.open("graph", OpenMode::read);
    EXPECT_TRUE(file.ok());
    return Index::restore(
        params, file.value(), ids,
        [&](std::size_t i, std::span<float> vector) {
          const auto row = rows.subspan(i * params.dimension, params.dimension);
          std::copy(row.begin(), row.end(), vector.begin());
        },
        threads);
  }
  [[nodiscard]] std::string bytes() const { return disk_.content("/graph"); }
  void put(std::string bytes) { disk_.put("/graph", std::move(bytes)); }
  // Changes a number and makes the checksums right again.
  void forge(GraphSection section, std::size_t place, std::uint32_t number) {
    std::string file = bytes();
    GraphImageHeader header;
    std::memcpy(&header, file.data(), sizeof header);
    GraphImageSection& at = header.sections[static_cast<std::size_t>(section)];
    std::memcpy(file.data() + at.offset + place * sizeof number, &number, sizeof number);
    at.crc = crc32c(std::as_bytes(std::span(file).subspan(at.offset, at.bytes)));
    sign(header, file);
  }
  void sign(GraphImageHeader header, std::string file) {
    header.crc = 0;
    header.crc = crc32c(std::as_bytes(std::span(&header, 1)));
    std::memcpy(file.data(), &header, sizeof header);
    put(std::move(file));
  }
  [[nodiscard]] GraphImageHeader header() const {
    GraphImageHeader header;
    std::memcpy(&header, bytes().data(), sizeof header);
    return header;
  }

 private:
  test::MemoryDisk disk_;
  Folder folder_{"", disk_};
};

std::vector<std::vector<Hit>> answers(const Index& index, std::span<const float> queries) {
  std::vector<std::vector<Hit>> all;
  for (std::size_t at = 0; at < queries.size(); at += index.params().dimension)
    all.push_back(testing::search(index, queries.subspan(at, index.params().dimension), 10));
  return all;
}

bool same(const std::vector<std::vector<Hit>>& a, const std::vector<std::vector<Hit>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](const Hit& p, const Hit& q) { return p.id == q.id && p.score == q.score; });
  });
}

class GraphImageOf : public ::testing::TestWithParam<Metric> {};

// Without codes, which are learned anew, an index walks the same way to the same answers.
TEST_P(GraphImageOf, AnswersAsTheIndexThatWasSaved) {
  const std::size_t dimension = 24;
  const std::size_t count = 2'500;
  const IndexParams params = params_of(GetParam(), dimension);
  auto rows = testing::clustered_vectors(GetParam(), count, dimension, 1, 40);
  const auto queries = testing::clustered_vectors(GetParam(), 60, dimension, 2, 40);
  // Some are equal, some were removed, some replaced.
  for (std::size_t i = 0; i < 30; ++i)
    std::copy_n(rows.begin(), dimension, rows.begin() + static_cast<std::ptrdiff_t>((100 + i) * dimension));
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  ASSERT_EQ(index->remove(ascending_ids(500, 2'000)), 500U);
  for (ReferenceId id = 0; id < 40; ++id) {
    const auto vector = std::span<float>(rows).subspan((id + 200) * dimension, dimension);
    std::reverse(vector.begin(), vector.end());
    ASSERT_TRUE(index->insert(id + 200, vector).ok());
  }
  GraphFile file;
  file.save(*index);
  const auto restored =
      file.restore(params, ascending_ids(2'000), std::span<const float>(rows).first(2'000 * dimension), 2);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ(restored.value()->count(), 2'000U);
  EXPECT_TRUE(restored.value()->walks());
  const auto expected = answers(*index, queries);
  EXPECT_TRUE(same(answers(*restored.value(), queries), expected));
  // And again from there, with everything in another order and under other ids.
  file.save(*restored.value());
  std::vector<float> backwards;
  for (std::size_t i = 2'000; i-- > 0;)
    backwards.insert(backwards.end(), rows.begin() + static_cast<std::ptrdiff_t>(i * dimension),
                     rows.begin() + static_cast<std::ptrdiff_t>((i + 1) * dimension));
  const auto again = file.restore(params, ascending_ids(2'000, 7'000), backwards, 2);
  ASSERT_TRUE(again.ok()) << again.error().message;
  const auto found = answers(*again.value(), queries);
  for (std::size_t q = 0; q < found.size(); ++q)
    for (std::size_t i = 0; i < found[q].size(); ++i) EXPECT_EQ(found[q][i].score, expected[q][i].score);
}

INSTANTIATE_TEST_SUITE_P(EveryMetric, GraphImageOf, ::testing::ValuesIn(kMetrics),
                         [](const auto& param_info) { return std::string(to_string(param_info.param)); });

TEST(GraphImage, KeepsItsRecallWithCodesOfEveryKind) {
  const std::size_t dimension = 64;
  const std::size_t count = 2'100;
  const auto rows = testing::clustered_vectors(Metric::cosine, count, dimension, 1, 100);
  const auto queries = testing::clustered_vectors(Metric::cosine, 60, dimension, 2, 100);
  for (const Quantization quantization :
       {Quantization::none, Quantization::f16, Quantization::int8, Quantization::pq, Quantization::binary})
    for (const Rerank rerank : {Rerank::f32, Rerank::f16, Rerank::none}) {
      if (quantization == Quantization::none && rerank != Rerank::f32) continue;
      if (semroute::test::runs_slowly() && quantization != Quantization::int8) continue;
      SCOPED_TRACE(std::string(to_string(quantization)) + ":" + std::string(to_string(rerank)));
      IndexParams params = params_of(Metric::cosine, dimension, quantization, rerank);
      params.hnsw = {.m = 8, .ef_construction = 60, .ef_search = 64};
      const auto index = make_index(params);
      ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
      GraphFile file;
      file.save(*index);
      const auto restored = file.restore(params, ascending_ids(count), rows, 2);
      ASSERT_TRUE(restored.ok()) << restored.error().message;
      EXPECT_EQ(restored.value()->approximate(), index->approximate());
      EXPECT_GE(testing::recall(*restored.value(), queries, {0, count}, 10),
                testing::recall(*index, queries, {0, count}, 10) - 0.01);
    }
}

TEST(GraphImage, TakesInWhatIsNewAndTakesOutWhatIsGone) {
  const std::size_t dimension = 24;
  const std::size_t count = 3'000;
  const std::size_t changed = 600;
  const IndexParams params = params_of(Metric::cosine, dimension);
  auto rows = testing::clustered_vectors(Metric::cosine, count + changed, dimension, 1, 60);
  const auto queries = testing::clustered_vectors(Metric::cosine, 60, dimension, 2, 60);
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), std::span<const float>(rows).first(count * dimension)).ok());
  GraphFile file;
  file.save(*index);
  const auto now = std::span<const float>(rows).last(count * dimension);
  const auto restored = file.restore(params, ascending_ids(count), now, 2);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  const Index& made = *restored.value();
  ASSERT_EQ(made.count(), count);
  std::vector<float> vector(dimension);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(made.read(i, vector));
    ASSERT_TRUE(std::equal(vector.begin(), vector.end(), now.begin() + static_cast<std::ptrdiff_t>(i * dimension)));
  }
  const auto fresh = make_index(params);
  ASSERT_TRUE(fresh->insert(ascending_ids(count), now).ok());
  EXPECT_GE(testing::recall(made, queries, {0, count}, 10), testing::recall(*fresh, queries, {0, count}, 10) - 0.01);
  // What is gone is no node any more, so that its places are used again.
  file.save(made);
  const std::string bytes = file.bytes();
  const GraphImageSection layers = file.header().sections[static_cast<std::size_t>(GraphSection::layers)];
  const auto nodes = std::span(bytes).subspan(layers.offset, layers.bytes);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count_if(nodes, [](char byte) { return byte != 0; })), count);
  // It goes on as any other.
  EXPECT_EQ(restored.value()->remove(ascending_ids(count)), count);
  ASSERT_TRUE(restored.value()->insert(ascending_ids(count), now).ok());
  EXPECT_GE(testing::recall(made, queries, {0, count}, 10), testing::recall(*fresh, queries, {0, count}, 10) - 0.01);
}

TEST(GraphImage, ThousandsOfEqualVectorsFindTheirPlaces) {
  const std::size_t dimension = 8;
  const std::size_t count = 4'000;
  const IndexParams params = params_of(Metric::euclidean, dimension);
  auto rows = testing::clustered_vectors(Metric::euclidean, count, dimension, 1);
  for (std::size_t i = 0; i < count; i += 2)
    std::copy_n(rows.begin(), dimension, rows.begin() + static_cast<std::ptrdiff_t>(i * dimension));
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  GraphFile file;
  file.save(*index);
  // The equal ones last, so that none lies where the image has one, and half of them gone.
  std::vector<float> sorted;
  for (const std::size_t first : {1U, 0U})
    for (std::size_t i = first; i < count; i += first == 0 ? 4U : 2U)
      sorted.insert(sorted.end(), rows.begin() + static_cast<std::ptrdiff_t>(i * dimension),
                    rows.begin() + static_cast<std::ptrdiff_t>((i + 1) * dimension));
  const std::size_t left = count * 3 / 4;
  const auto restored = file.restore(params, ascending_ids(left), sorted, 2);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ(restored.value()->count(), left);
  const auto hits = testing::search(*restored.value(), std::span<const float>(rows).first(dimension), left);
  EXPECT_EQ(hits.size(), left);
  for (std::size_t i = 0; i < count / 4; ++i) EXPECT_EQ(hits[i].id, count / 2 + i);
}

TEST(GraphImage, IsRefusedForOtherVectorsOrParameters) {
  const std::size_t dimension = 16;
  const std::size_t count = 400;
  const IndexParams params = params_of(Metric::cosine, dimension);
  const auto rows = testing::clustered_vectors(Metric::cosine, count, dimension, 1);
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  GraphFile file;
  file.save(*index);
  const auto code_of = [&](const IndexParams& other, std::span<const float> vectors) {
    const auto restored = file.restore(other, ascending_ids(vectors.size() / dimension), vectors);
    return restored.ok() ? ErrorCode::internal : restored.error().code;
  };
  EXPECT_EQ(code_of(params, testing::clustered_vectors(Metric::cosine, count, dimension, 2)), ErrorCode::conflict);
  EXPECT_EQ(code_of(params, std::span<const float>(rows).first(100 * dimension)), ErrorCode::conflict);
  IndexParams other = params;
  other.metric = Metric::dot;
  EXPECT_EQ(code_of(other, rows), ErrorCode::conflict);
  other = params;
  other.hnsw.m = 8;
  EXPECT_EQ(code_of(other, rows), ErrorCode::conflict);
  other = params;
  other.hnsw.ef_construction = 50;
  EXPECT_EQ(code_of(other, rows), ErrorCode::conflict);
  other = params;
  other.algorithm = Algorithm::flat;
  EXPECT_EQ(code_of(other, rows), ErrorCode::conflict);
  other = params;
  other.capacity = 300;
  EXPECT_EQ(code_of(other, rows), ErrorCode::resource_exhausted);
  other = params;
  other.hnsw.ef_search = 20;  // of searches, not of the graph
  EXPECT_TRUE(file.restore(other, ascending_ids(count), rows).ok());
  other.algorithm = Algorithm::flat;
  const auto flat = make_index(other);
  ASSERT_TRUE(flat->insert(ascending_ids(count), rows).ok());
  test::MemoryDisk disk;
  auto empty = Folder("", disk).open("graph", OpenMode::create);
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(flat->save_graph(empty.value()).error().code, ErrorCode::not_found);
}

// Every byte of a small file changed, every length of it: an error, or no difference (the gaps before a section).
TEST(GraphImage, DamageIsSeen) {
  const std::size_t dimension = 4;
  const std::size_t count = 24;
  IndexParams params = params_of(Metric::dot, dimension);
  params.capacity = 100;
  params.hnsw.m = 4;
  const auto rows = testing::clustered_vectors(Metric::dot, count, dimension, 1);
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  GraphFile file;
  file.save(*index);
  const auto expected = answers(*index, rows);
  const std::string whole = file.bytes();
  const auto header = file.header();
  std::size_t told = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    const bool is_in_gap = at >= sizeof header && std::ranges::none_of(header.sections, [at](const auto& section) {
                             return at >= section.offset && at < section.offset + section.bytes;
                           });
    if (is_in_gap && at % 64 != 0) continue;
    std::string spoiled = whole;
    spoiled[at] = static_cast<char>(spoiled[at] ^ (1 << (at % 8)));
    file.put(spoiled);
    const auto restored = file.restore(params, ascending_ids(count), rows);
    ASSERT_EQ(restored.ok(), is_in_gap) << "byte " << at;
    if (restored.ok()) {
      ASSERT_TRUE(same(answers(*restored.value(), rows), expected));
      continue;
    }
    ++told;
    ASSERT_TRUE(restored.error().code == ErrorCode::damaged) << restored.error().message;
    ASSERT_NE(restored.error().message.find("graph"), std::string::npos);
  }
  EXPECT_GT(told, sizeof header);
  std::size_t end = 0;
  for (const auto& section : header.sections) end = std::max<std::size_t>(end, section.offset + section.bytes);
  for (std::size_t bytes = 0; bytes < end; bytes += bytes < 256 ? 1 : 61) {
    file.put(whole.substr(0, bytes));
    const auto restored = file.restore(params, ascending_ids(count), rows);
    ASSERT_FALSE(restored.ok()) << bytes << " bytes";
    ASSERT_EQ(restored.error().code, ErrorCode::damaged) << restored.error().message;
  }
}

// Checksums are right: what a walk relies on is looked at all the same.
TEST(GraphImage, NonsenseWithRightChecksumsIsSeen) {
  const std::size_t dimension = 4;
  const std::size_t count = 300;
  IndexParams params = params_of(Metric::cosine, dimension);
  params.capacity = 1'000;
  auto rows = testing::clustered_vectors(Metric::cosine, count, dimension, 1);
  std::copy_n(rows.begin(), dimension, rows.begin() + 5 * dimension);
  std::copy_n(rows.begin(), dimension, rows.begin() + 6 * dimension);
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
  GraphFile file;
  file.save(*index);
  const std::string whole = file.bytes();
  const auto expect_damage = [&](const std::string& word) {
    const auto restored = file.restore(params, ascending_ids(count), rows);
    ASSERT_FALSE(restored.ok()) << word;
    EXPECT_EQ(restored.error().code, ErrorCode::damaged);
    EXPECT_NE(restored.error().message.find(word), std::string::npos) << restored.error().message;
    file.put(whole);
  };
  file.forge(GraphSection::base_links, 0, count + 1);
  expect_damage("leads to no node");
  file.forge(GraphSection::base_links, 0, 5 + 1);  // a twin
  expect_damage("leads to no node");
  file.forge(GraphSection::twins, 0, 3 + 1);  // no twin
  expect_damage("none of its own");
  file.forge(GraphSection::twins, 0, 0);
  expect_damage("hangs on no node");
  file.forge(GraphSection::twins, 6, 5 + 1);  // a ring, or twice the same
  file.forge(GraphSection::twins, 5, 6 + 1);
  expect_damage("none of its own");
  file.forge(GraphSection::layers, 2, 0x20202020);
  expect_damage("layers that it has not");
  GraphImageHeader header = file.header();
  header.entry = 0;
  file.sign(header, whole);
  expect_damage("no entry");
  header.entry = std::uint64_t{9} << 32U | 2U;
  file.sign(header, whole);
  expect_damage("its entry");
  header = file.header();
  header.slots = 2 * count;
  file.sign(header, whole);
  expect_damage("its header says");
  header = file.header();
  header.slots = std::uint64_t{1} << 60U;
  file.sign(header, whole);
  EXPECT_FALSE(file.restore(params, ascending_ids(count), rows).ok());
  header = file.header();
  file.put(whole);
  header = file.header();
  header.version = 2;
  file.sign(header, whole);
  const auto newer = file.restore(params, ascending_ids(count), rows);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code, ErrorCode::unsupported_version);
  EXPECT_NE(newer.error().message.find("version 2"), std::string::npos);
}

// The golden file is of this index, written when version 1 was made.
TEST(GraphImage, ReadsTheFileOfVersionOne) {
  const std::size_t dimension = 4;
  const std::size_t count = 100;
  IndexParams params = params_of(Metric::dot, dimension);
  params.hnsw.m = 4;
  const auto rows = testing::clustered_vectors(Metric::dot, count, dimension, 1);
  const std::string golden = semroute::test::source_path("tests/core/index/golden/graph_version_1");
  if (const char* file_to_write = std::getenv("SEMROUTE_WRITE_GOLDEN"); file_to_write != nullptr) {
    const auto index = make_index(params);
    ASSERT_TRUE(index->insert(ascending_ids(count), rows).ok());
    GraphFile file;
    file.save(*index);
    std::ofstream(golden, std::ios::binary) << file.bytes();
  }
  std::ifstream in(golden, std::ios::binary);
  GraphFile file;
  file.put(std::string(std::istreambuf_iterator<char>(in), {}));
  const auto header = file.header();
  EXPECT_EQ(header.slots, count);
  EXPECT_EQ(header.sections[0].offset % 4096, 0U);
  const auto restored = file.restore(params, ascending_ids(count), rows);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ(testing::recall(*restored.value(), rows, {0, count}, 10), 1.0);
}

TEST(GraphImage, IsSavedWhileOthersSearchAndChange) {
  const std::size_t dimension = 8;
  const std::size_t count = 1'500;
  const IndexParams params = params_of(Metric::cosine, dimension);
  const auto rows = testing::clustered_vectors(Metric::cosine, 2 * count, dimension, 1);
  const auto index = make_index(params);
  ASSERT_TRUE(index->insert(ascending_ids(count), std::span<const float>(rows).first(count * dimension)).ok());
  std::atomic<bool> done{false};
  std::jthread writer([&] {
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(
          index->insert(count + i, std::span<const float>(rows).subspan((count + i) * dimension, dimension)).ok());
      EXPECT_TRUE(index->remove(i));
    }
    done.store(true);
  });
  std::jthread reader([&] {
    while (!done.load())
      EXPECT_EQ(testing::search(*index, std::span<const float>(rows).first(dimension), 10).size(), 10U);
  });
  GraphFile file;
  std::size_t saved = 0;
  while (!done.load() || saved == 0) {
    file.save(*index);
    ++saved;
  }
  writer.join();
  file.save(*index);
  const auto restored =
      file.restore(params, ascending_ids(count, count), std::span<const float>(rows).last(count * dimension));
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ(restored.value()->count(), count);
}

}  // namespace
}  // namespace semroute::core

// Indexes of any kind, size and content, through random changes, against a plain list of vectors in float64: whatever
// the parameters, a search gives min(k, count) different ids that are there, best first, each with its own score; and
// where it promises the nearest, they are the nearest.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/core/index/vectors.h"
#include "tests/support/runs_slowly.h"

namespace semroute::core {
namespace {

using testing::make_index;

class RandomIndex {
 public:
  explicit RandomIndex(std::uint64_t seed) : random_(seed) {
    do {
      params_.metric = testing::kMetrics[below(4)];
      // Mostly short, at times as long as allowed.
      params_.dimension = below(12) == 0 ? 1 + below(4'096) : 1 + below(200);
      params_.algorithm = below(2) == 0 ? Algorithm::flat : below(3) == 0 ? Algorithm::automatic : Algorithm::hnsw;
      params_.quantization = static_cast<Quantization>(below(5));
      params_.rerank = static_cast<Rerank>(below(3));
      params_.hnsw = {.m = 2 + below(20), .ef_construction = 1 + below(100), .ef_search = 1 + below(100)};
      params_.capacity = 10'000;  // an emulator has little address space
      params_.graph_from = 1 + below(200);
    } while (!check_params(params_).ok());
    // Vectors around few centres, of sizes that may differ widely.
    const bool is_sized = params_.metric != Metric::cosine && params_.rerank == Rerank::f32 && below(2) == 0;
    if (is_sized) size_ = std::ldexp(1.0F, static_cast<int>(below(60)) - 30);
    centres_ = testing::clustered_vectors(params_.metric, 5, params_.dimension, random_(), 5);
    index_ = make_index(params_);
  }

  [[nodiscard]] std::string name() const {
    return std::string(to_string(params_.metric)) + ", " + std::to_string(params_.dimension) + " numbers, " +
           std::string(to_string(params_.algorithm)) + ", " + std::string(to_string(params_.quantization)) +
           ", rerank " + std::string(to_string(params_.rerank)) + ", m " + std::to_string(params_.hnsw.m) + ", size " +
           std::to_string(size_) + ", " + std::to_string(vectors_.size()) + " vectors";
  }

  // One at a time or in a batch, new ids or old; equal vectors among them, and zeros where they are allowed.
  void insert_some(std::size_t most) {
    const std::size_t count = 1 + below(most);
    std::vector<ReferenceId> ids;
    std::vector<float> rows;
    for (std::size_t i = 0; i < count; ++i) {
      ids.push_back(below(4) == 0 ? random_() : below(500));
      const std::vector<float> vector = any_vector();
      rows.insert(rows.end(), vector.begin(), vector.end());
      vectors_[ids.back()] = vector;
    }
    ASSERT_TRUE((count == 1 ? index_->insert(ids[0], rows) : index_->insert(ids, rows, 1 + below(2))).ok());
  }

  void remove_some() {
    for (std::size_t i = below(vectors_.size() / 2 + 1); i > 0; --i) {
      auto at = vectors_.lower_bound(below(500));
      if (at == vectors_.end()) at = vectors_.begin();
      ASSERT_TRUE(index_->remove(at->first));
      ASSERT_FALSE(index_->remove(at->first));
      vectors_.erase(at);
    }
  }

  void check() {
    index_->wait_for_graph();
    ASSERT_EQ(index_->count(), vectors_.size());
    const std::vector<float> query = any_vector();
    std::vector<double> scores;
    double largest = 1e-6;
    for (const auto& [id, vector] : vectors_) {
      scores.push_back(testing::score_in_float64(params_.metric, query, vector));
      largest = std::max(largest, std::fabs(scores.back()));
    }
    std::sort(scores.begin(), scores.end(), std::greater<>());
    for (const std::size_t k : {std::size_t{1}, std::size_t{10}, vectors_.size(), vectors_.size() + 5}) {
      const auto hits = testing::search(*index_, query, k, {below(2) * below(300), nullptr});
      ASSERT_EQ(hits.size(), std::min(k, vectors_.size())) << "k " << k;
      std::set<ReferenceId> seen;
      for (std::size_t i = 0; i < hits.size(); ++i) {
        ASSERT_TRUE(vectors_.contains(hits[i].id)) << "an id that is not there";
        ASSERT_TRUE(seen.insert(hits[i].id).second) << "an id twice";
        if (i > 0) {
          ASSERT_TRUE(better(hits[i - 1], hits[i])) << "place " << i;
        }
        if (params_.rerank != Rerank::f32) continue;
        const double own = testing::score_in_float64(params_.metric, query, vectors_[hits[i].id]);
        ASSERT_NEAR(hits[i].score, own, 1e-4 * largest + tolerance()) << "place " << i << ", k " << k;
        if (is_exact()) {
          ASSERT_NEAR(hits[i].score, scores[i], 1e-4 * largest + tolerance()) << "place " << i << ", k " << k;
        }
      }
    }
  }

  std::size_t below(std::size_t end) { return random_() % end; }

 private:
  // Scans whose codes prove their error, or that have none.
  [[nodiscard]] bool is_exact() const {
    return !index_->walks() && params_.quantization != Quantization::pq && params_.quantization != Quantization::binary;
  }
  // The inner product of huge vectors that all but cancels is off by its terms, not by itself.
  [[nodiscard]] double tolerance() const {
    return params_.metric == Metric::dot
               ? 1e-5 * static_cast<double>(size_) * static_cast<double>(size_) * static_cast<double>(params_.dimension)
               : 1e-5;
  }

  std::vector<float> any_vector() {
    const std::size_t dimension = params_.dimension;
    if (params_.metric != Metric::cosine && below(30) == 0) return std::vector<float>(dimension, 0.0F);
    if (!vectors_.empty() && below(6) == 0) return vectors_.begin()->second;
    std::vector<float> vector(centres_.begin(), centres_.begin() + static_cast<std::ptrdiff_t>(dimension));
    const std::size_t centre = below(5);
    std::normal_distribution<float> noise(0.0F, 0.3F);
    for (std::size_t i = 0; i < dimension; ++i)
      vector[i] =
          size_ * (centres_[centre * dimension + i] + noise(random_) / std::sqrt(static_cast<float>(dimension)));
    EXPECT_TRUE(prepare_vector(params_.metric, dimension, vector, vector).ok());
    return vector;
  }

  std::mt19937_64 random_;
  IndexParams params_;
  float size_ = 1.0F;
  std::vector<float> centres_;
  std::unique_ptr<Index> index_;
  std::map<ReferenceId, std::vector<float>> vectors_;
};

void change_and_check(std::uint64_t seed) {
  RandomIndex index(seed);
  ASSERT_NO_FATAL_FAILURE(index.check()) << "seed " << seed << ": " << index.name();
  for (std::size_t step = 0; step < 8; ++step) {
    ASSERT_NO_FATAL_FAILURE(index.insert_some(step == 3 ? 400 : step == 5 ? 1 : 40)) << "seed " << seed;
    if (index.below(2) == 0) {
      ASSERT_NO_FATAL_FAILURE(index.remove_some()) << "seed " << seed;
    }
    ASSERT_NO_FATAL_FAILURE(index.check()) << "seed " << seed << ": " << index.name();
  }
}

TEST(RandomIndex, HoldsWhatItPromises) {
  for (std::uint64_t seed = 0; seed < (test::runs_slowly() ? 20 : 1'000); ++seed)
    ASSERT_NO_FATAL_FAILURE(change_and_check(seed));
}

// Seeds with which an id was found twice while a repair mended the twins of nodes that left before they were linked.
TEST(RandomIndex, TwinsThatBecomeNodesAgainAreFoundOnce) {
  for (const std::uint64_t seed : {1'950U, 3'475U, 7'797U}) ASSERT_NO_FATAL_FAILURE(change_and_check(seed));
}

}  // namespace
}  // namespace semroute::core

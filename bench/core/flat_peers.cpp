#include "bench/core/flat_peers.h"

#include <numeric>
#include <span>

#include "core/base/check.h"
#include "core/index/index.h"

#ifdef SEMROUTE_BENCH_FAISS
#include <faiss/IndexFlat.h>
#include <omp.h>
#endif

namespace semroute::bench {
namespace {

class OurIndex final : public ExactIndex {
 public:
  OurIndex(const std::vector<float>& vectors, std::size_t dimension)
      : dimension_(dimension), hits_(vectors.size() / dimension) {
    core::IndexParams params;
    params.dimension = dimension;
    params.algorithm = core::Algorithm::flat;
    auto created = core::Index::create(params);
    SEMROUTE_CHECK(created.ok());
    index_ = std::move(created).value();
    std::vector<core::ReferenceId> ids(hits_.size());
    std::iota(ids.begin(), ids.end(), core::ReferenceId{0});
    SEMROUTE_CHECK(index_->insert(ids, vectors).ok());
  }
  [[nodiscard]] std::string name() const override { return "ours"; }
  void search(const float* query, std::size_t k, std::uint64_t* rows) override {
    const std::size_t found = index_->search({query, dimension_}, k, hits_);
    for (std::size_t i = 0; i < found; ++i) rows[i] = hits_[i].id;
  }

 private:
  std::size_t dimension_;
  std::unique_ptr<core::Index> index_;
  std::vector<core::Hit> hits_;
};

#ifdef SEMROUTE_BENCH_FAISS
class FaissIndex final : public ExactIndex {
 public:
  FaissIndex(const std::vector<float>& vectors, std::size_t dimension)
      : index_(static_cast<faiss::Index::idx_t>(dimension)),
        scores_(vectors.size() / dimension),
        labels_(scores_.size()) {
    omp_set_num_threads(1);
    index_.add(static_cast<faiss::Index::idx_t>(scores_.size()), vectors.data());
  }
  [[nodiscard]] std::string name() const override { return "faiss"; }
  void search(const float* query, std::size_t k, std::uint64_t* rows) override {
    index_.search(1, query, static_cast<faiss::Index::idx_t>(k), scores_.data(), labels_.data());
    for (std::size_t i = 0; i < k; ++i) rows[i] = static_cast<std::uint64_t>(labels_[i]);
  }

 private:
  faiss::IndexFlatIP index_;
  std::vector<float> scores_;
  std::vector<faiss::Index::idx_t> labels_;
};
#endif

}  // namespace

std::vector<std::unique_ptr<ExactIndex>> exact_indexes(const std::vector<float>& vectors, std::size_t dimension) {
  std::vector<std::unique_ptr<ExactIndex>> indexes;
  indexes.push_back(std::make_unique<OurIndex>(vectors, dimension));
#ifdef SEMROUTE_BENCH_FAISS
  indexes.push_back(std::make_unique<FaissIndex>(vectors, dimension));
#endif
#ifdef SEMROUTE_BENCH_HNSWLIB
  indexes.push_back(hnswlib_index(vectors, dimension));
#endif
  return indexes;
}

}  // namespace semroute::bench

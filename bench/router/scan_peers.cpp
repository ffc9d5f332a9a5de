// hnswlib picks its instructions at compile time: compiled for the machine at hand (CMakeLists.txt), so that the peer
// is measured at its best.
#include "bench/router/scan_peers.h"

#include "bench/support/timing.h"

#ifdef SEMROUTE_BENCH_FAISS
#include <faiss/IndexFlat.h>
#include <omp.h>
#endif
#ifdef SEMROUTE_BENCH_HNSWLIB
#include <hnswlib/hnswlib.h>
#endif

namespace semroute::bench {
namespace {

#ifdef SEMROUTE_BENCH_FAISS
class FaissScan final : public ScanPeer {
 public:
  FaissScan(const std::vector<float>& vectors, std::size_t dimension)
      : index_(static_cast<faiss::Index::idx_t>(dimension)) {
    omp_set_num_threads(1);
    index_.add(static_cast<faiss::Index::idx_t>(vectors.size() / dimension), vectors.data());
  }
  [[nodiscard]] std::string name() const override { return "faiss"; }
  void search(const float* query, std::size_t k) override {
    scores_.resize(k);
    labels_.resize(k);
    index_.search(1, query, static_cast<faiss::Index::idx_t>(k), scores_.data(), labels_.data());
    keep(scores_[0]);
  }

 private:
  faiss::IndexFlatIP index_;
  std::vector<float> scores_;
  std::vector<faiss::Index::idx_t> labels_;
};
#endif

#ifdef SEMROUTE_BENCH_HNSWLIB
class HnswlibScan final : public ScanPeer {
 public:
  HnswlibScan(const std::vector<float>& vectors, std::size_t dimension)
      : space_(dimension), index_(&space_, vectors.size() / dimension) {
    for (std::size_t row = 0; row < vectors.size() / dimension; ++row)
      index_.addPoint(vectors.data() + row * dimension, row);
  }
  [[nodiscard]] std::string name() const override { return "hnswlib"; }
  void search(const float* query, std::size_t k) override { keep(index_.searchKnn(query, k).top().first); }

 private:
  hnswlib::InnerProductSpace space_;
  hnswlib::BruteforceSearch<float> index_;
};
#endif

}  // namespace

std::vector<std::unique_ptr<ScanPeer>> scan_peers([[maybe_unused]] const std::vector<float>& vectors,
                                                  [[maybe_unused]] std::size_t dimension) {
  std::vector<std::unique_ptr<ScanPeer>> peers;
#ifdef SEMROUTE_BENCH_FAISS
  peers.push_back(std::make_unique<FaissScan>(vectors, dimension));
#endif
#ifdef SEMROUTE_BENCH_HNSWLIB
  peers.push_back(std::make_unique<HnswlibScan>(vectors, dimension));
#endif
  return peers;
}

}  // namespace semroute::bench

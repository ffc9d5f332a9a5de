#include "bench/core/contender.h"

#ifdef SEMROUTE_BENCH_FAISS
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <exception>
#include <vector>
#endif

namespace semroute::bench {

#ifdef SEMROUTE_BENCH_FAISS
namespace {

// What both kinds share: FAISS's own interface.
class FaissPeer : public Contender {
 public:
  void build(std::span<const float> rows, std::size_t threads) override {
    ::omp_set_num_threads(static_cast<int>(threads));
    index().add(static_cast<faiss::Index::idx_t>(rows.size()) / index().d, rows.data());
    ::omp_set_num_threads(1);
  }
  std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint64_t* ids) override {
    scores_.resize(k);
    labels_.resize(k);
    keep_while_walking(ef);
    index().search(1, query, static_cast<faiss::Index::idx_t>(k), scores_.data(), labels_.data());
    std::size_t found = 0;
    for (; found < k && labels_[found] >= 0; ++found) ids[found] = static_cast<std::uint64_t>(labels_[found]);
    return found;
  }

 protected:
  [[nodiscard]] virtual faiss::Index& index() = 0;
  virtual void keep_while_walking(std::size_t /*ef*/) {}

 private:
  std::vector<float> scores_;
  std::vector<faiss::Index::idx_t> labels_;
};

class FaissFlat final : public FaissPeer {
 public:
  explicit FaissFlat(std::size_t dimension) : index_(static_cast<faiss::Index::idx_t>(dimension)) {}
  [[nodiscard]] std::string name() const override { return "faiss_flat"; }

 private:
  [[nodiscard]] faiss::Index& index() override { return index_; }
  faiss::IndexFlatIP index_;
};

class FaissGraph final : public FaissPeer {
 public:
  explicit FaissGraph(const GraphShape& shape)
      : index_(std::make_unique<faiss::IndexHNSWFlat>(static_cast<int>(shape.dimension), static_cast<int>(shape.m),
                                                      faiss::METRIC_INNER_PRODUCT)) {
    index_->hnsw.efConstruction = static_cast<int>(shape.ef_construction);
  }
  [[nodiscard]] std::string name() const override { return "faiss_hnsw"; }

  bool save(const std::string& path) override {
    try {
      faiss::write_index(index_.get(), path.c_str());
    } catch (const std::exception&) {
      return false;
    }
    return true;
  }
  bool load(const std::string& path) override {
    try {
      std::unique_ptr<faiss::Index> read(faiss::read_index(path.c_str()));
      auto* const graph = dynamic_cast<faiss::IndexHNSWFlat*>(read.get());
      if (graph == nullptr) return false;
      static_cast<void>(read.release());
      index_.reset(graph);
    } catch (const std::exception&) {
      return false;
    }
    ::omp_set_num_threads(1);
    return true;
  }

 private:
  [[nodiscard]] faiss::Index& index() override { return *index_; }
  void keep_while_walking(std::size_t ef) override {
    if (ef != 0) index_->hnsw.efSearch = static_cast<int>(ef);
  }
  std::unique_ptr<faiss::IndexHNSWFlat> index_;
};

}  // namespace

std::unique_ptr<Contender> faiss_flat(std::size_t dimension) { return std::make_unique<FaissFlat>(dimension); }
std::unique_ptr<Contender> faiss_graph(const GraphShape& shape) { return std::make_unique<FaissGraph>(shape); }

#else

std::unique_ptr<Contender> faiss_flat(std::size_t /*dimension*/) { return nullptr; }
std::unique_ptr<Contender> faiss_graph(const GraphShape& /*shape*/) { return nullptr; }

#endif

}  // namespace semroute::bench

// hnswlib picks its instructions at compile time: compiled with SEMROUTE_BENCH_NATIVE (CMakeLists.txt), so that the
// peer is measured at its best.
#include "bench/core/contender.h"

#ifdef SEMROUTE_BENCH_HNSWLIB
#include <hnswlib/hnswlib.h>

#include <exception>

#include "bench/support/parallel.h"
#endif

namespace semroute::bench {

#ifdef SEMROUTE_BENCH_HNSWLIB
namespace {

std::size_t take_all(std::priority_queue<std::pair<float, hnswlib::labeltype>> nearest, std::uint64_t* ids) {
  const std::size_t found = nearest.size();
  for (std::size_t i = found; i > 0; --i, nearest.pop()) ids[i - 1] = nearest.top().second;
  return found;
}

class HnswlibFlat final : public Contender {
 public:
  HnswlibFlat(std::size_t dimension, std::size_t capacity) : space_(dimension), index_(&space_, capacity) {}
  [[nodiscard]] std::string name() const override { return "hnswlib_flat"; }
  void build(std::span<const float> rows, std::size_t /*threads*/) override {
    const std::size_t dimension = index_.data_size_ / sizeof(float);
    for (std::size_t row = 0; row < rows.size() / dimension; ++row) index_.addPoint(&rows[row * dimension], row);
  }
  std::size_t search(const float* query, std::size_t k, std::size_t /*ef*/, std::uint64_t* ids) override {
    return take_all(index_.searchKnn(query, k), ids);
  }

 private:
  hnswlib::InnerProductSpace space_;
  hnswlib::BruteforceSearch<float> index_;
};

class HnswlibGraph final : public Contender {
 public:
  explicit HnswlibGraph(const GraphShape& shape)
      : shape_(shape),
        space_(shape.dimension),
        index_(std::make_unique<Graph>(&space_, shape.capacity, shape.m, shape.ef_construction)) {}
  [[nodiscard]] std::string name() const override { return "hnswlib_hnsw"; }

  void build(std::span<const float> rows, std::size_t threads) override {
    const std::size_t dimension = shape_.dimension;
    index_->addPoint(rows.data(), 0);  // alone, because the others find their way from it
    in_parallel(rows.size() / dimension - 1, threads, [&](std::size_t begin, std::size_t end, std::size_t /*thread*/) {
      for (std::size_t row = begin + 1; row <= end; ++row) index_->addPoint(&rows[row * dimension], row);
    });
  }
  std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint64_t* ids) override {
    if (ef != 0) index_->setEf(ef);
    return take_all(index_->searchKnn(query, k), ids);
  }
  bool save(const std::string& path) override {
    try {
      index_->saveIndex(path);
    } catch (const std::exception&) {
      return false;
    }
    return true;
  }
  bool load(const std::string& path) override {
    try {
      index_ = nullptr;
      index_ = std::make_unique<Graph>(&space_, path, false, shape_.capacity);
    } catch (const std::exception&) {
      index_ = std::make_unique<Graph>(&space_, shape_.capacity, shape_.m, shape_.ef_construction);
      return false;
    }
    return true;
  }

 private:
  using Graph = hnswlib::HierarchicalNSW<float>;
  GraphShape shape_;
  hnswlib::InnerProductSpace space_;
  std::unique_ptr<Graph> index_;
};

}  // namespace

std::unique_ptr<Contender> hnswlib_flat(std::size_t dimension, std::size_t capacity) {
  return std::make_unique<HnswlibFlat>(dimension, capacity);
}
std::unique_ptr<Contender> hnswlib_graph(const GraphShape& shape) { return std::make_unique<HnswlibGraph>(shape); }

#else

std::unique_ptr<Contender> hnswlib_flat(std::size_t /*dimension*/, std::size_t /*capacity*/) { return nullptr; }
std::unique_ptr<Contender> hnswlib_graph(const GraphShape& /*shape*/) { return nullptr; }

#endif

}  // namespace semroute::bench

// hnswlib picks its instructions at compile time: this file alone is compiled for the machine at hand
// (CMakeLists.txt), so that the peer is measured at its best.
#include <hnswlib/hnswlib.h>

#include "bench/core/flat_peers.h"

namespace semroute::bench {
namespace {

class HnswlibIndex final : public ExactIndex {
 public:
  HnswlibIndex(const std::vector<float>& vectors, std::size_t dimension)
      : space_(dimension), index_(&space_, vectors.size() / dimension) {
    for (std::size_t row = 0; row < vectors.size() / dimension; ++row)
      index_.addPoint(vectors.data() + row * dimension, row);
  }
  [[nodiscard]] std::string name() const override { return "hnswlib"; }
  void search(const float* query, std::size_t k, std::uint64_t* rows) override {
    auto nearest = index_.searchKnn(query, k);
    for (std::size_t i = nearest.size(); i > 0; --i, nearest.pop()) rows[i - 1] = nearest.top().second;
  }

 private:
  hnswlib::InnerProductSpace space_;
  hnswlib::BruteforceSearch<float> index_;
};

}  // namespace

std::unique_ptr<ExactIndex> hnswlib_index(const std::vector<float>& vectors, std::size_t dimension) {
  return std::make_unique<HnswlibIndex>(vectors, dimension);
}

}  // namespace semroute::bench

#include <sysexits.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "bench/core/contender.h"
#include "bench/support/program.h"

namespace semroute::bench {
namespace {

std::unique_ptr<core::Index> empty_index(const core::IndexParams& params) {
  core::Result<std::unique_ptr<core::Index>> index = core::Index::create(params);
  if (!index.ok()) stop(EX_UNAVAILABLE, index.error().message);
  return std::move(*index);
}

class OurIndex final : public Contender {
 public:
  explicit OurIndex(const core::IndexParams& params) : params_(params) {}

  [[nodiscard]] std::string name() const override {
    return "ours_" + std::string(to_string(params_.quantization)) + "_" + std::string(to_string(params_.rerank));
  }
  void build(std::span<const float> rows, std::size_t threads) override {
    index_ = built_index(params_, rows, threads);
    hits_.resize(index_->count());
  }
  std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint64_t* ids) override {
    const std::size_t found =
        index_->search({query, params_.dimension}, k, hits_, {.ef_search = ef, .filter = nullptr});
    for (std::size_t i = 0; i < found; ++i) ids[i] = hits_[i].id;
    return found;
  }
  [[nodiscard]] std::optional<core::IndexBytes> bytes() const override { return index_->bytes(); }

 private:
  core::IndexParams params_;
  std::unique_ptr<core::Index> index_;
  std::vector<core::Hit> hits_;
};

}  // namespace

std::unique_ptr<core::Index> built_index(const core::IndexParams& params, std::span<const float> rows,
                                         std::size_t threads, core::ReferenceId first) {
  std::unique_ptr<core::Index> index = empty_index(params);
  std::vector<core::ReferenceId> ids(rows.size() / params.dimension);
  std::iota(ids.begin(), ids.end(), first);
  const core::Result<void> inserted = index->insert(ids, rows, threads);
  if (!inserted.ok()) stop(EX_UNAVAILABLE, inserted.error().message);
  index->wait_for_graph();
  return index;
}

std::unique_ptr<Contender> our_index(const core::IndexParams& params) { return std::make_unique<OurIndex>(params); }

}  // namespace semroute::bench

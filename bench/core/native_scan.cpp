// What any C++ programmer gets from a good compiler: the float32 rows four at a time, the ten best kept in a sorted
// list. Compiled with SEMROUTE_BENCH_NATIVE (CMakeLists.txt).
#include <sysexits.h>

#include <algorithm>
#include <cstring>

#include "bench/core/contender.h"
#include "bench/support/native_dot.h"
#include "bench/support/program.h"
#include "core/base/float_block.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kBlockRows = 256;  // whose scores stay in L1

class NativeScan final : public Contender {
 public:
  explicit NativeScan(std::size_t dimension) : dimension_(dimension) {}

  [[nodiscard]] std::string name() const override { return "native_scan"; }

  void build(std::span<const float> rows, std::size_t /*threads*/) override {
    count_ = rows.size() / dimension_;
    std::optional<core::FloatBlock> block = core::FloatBlock::allocate(count_, dimension_);
    if (!block) stop(EX_UNAVAILABLE, "no memory for the rows of the native scan");
    std::memcpy(block->data(), rows.data(), rows.size_bytes());
    block_ = std::move(*block);
  }

  std::size_t search(const float* query, std::size_t k, std::size_t /*ef*/, std::uint64_t* ids) override {
    float scores[kBlockRows];
    best_.resize(k);
    std::size_t found = 0;
    for (std::size_t first = 0; first < count_; first += kBlockRows) {
      const std::size_t size = std::min(kBlockRows, count_ - first);
      dot_rows(query, block_.data() + first * dimension_, size, dimension_, scores);
      for (std::size_t i = 0; i < size; ++i) {
        if (found == k && scores[i] <= best_[k - 1]) continue;
        std::size_t place = found < k ? found++ : k - 1;
        for (; place > 0 && best_[place - 1] < scores[i]; --place) {
          best_[place] = best_[place - 1];
          ids[place] = ids[place - 1];
        }
        best_[place] = scores[i];
        ids[place] = first + i;
      }
    }
    return found;
  }

 private:
  std::size_t dimension_;
  std::size_t count_ = 0;
  core::FloatBlock block_;
  std::vector<float> best_;
};

}  // namespace

std::unique_ptr<Contender> native_scan(std::size_t dimension) { return std::make_unique<NativeScan>(dimension); }

}  // namespace semroute::bench

#include "core/index/id_set.h"

#include "core/base/check.h"

namespace semroute::core {

void IdSet::add(IdRange ids) {
  SEMROUTE_CHECK(ids.count == 0 ||
                 (ids.first - span_.first < span_.count && ids.count <= span_.count - (ids.first - span_.first)));
  for (ReferenceId at = ids.first - span_.first; at < ids.first - span_.first + ids.count; ++at) {
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    count_ += (words_[at / 64] & bit) == 0 ? 1 : 0;
    words_[at / 64] |= bit;
  }
}

}  // namespace semroute::core

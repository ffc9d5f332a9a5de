#include "router/routes/row_inserter.h"

#include <algorithm>
#include <numeric>

#include "core/base/check.h"
#include "core/index/vector_rules.h"

namespace semroute::router {
namespace {

constexpr std::size_t kInsertedFloats = std::size_t{32} << 20;  // in one batch

}  // namespace

core::Result<core::IdRange> RowInserter::add(std::span<const float> raw,
                                             const std::function<std::string(std::size_t)>& name) {
  const std::size_t dimension = index_.params().dimension;
  SEMROUTE_CHECK(raw.size() % dimension == 0);
  const core::IdRange ids{next_, raw.size() / dimension};
  const auto give_up = [&] {
    const std::size_t waiting = std::min<std::size_t>(next_ - ids.first, waiting_.size() / dimension);
    waiting_.resize((waiting_.size() / dimension - waiting) * dimension);
    next_ -= waiting;
    (void)index_.remove(IdRanges({ids.first, static_cast<std::size_t>(next_ - ids.first)}).ids());
  };
  for (std::size_t row = 0; row < ids.count; ++row) {
    const std::size_t begin = waiting_.size();
    waiting_.resize(begin + dimension);
    if (auto done = core::prepare_vector(index_.params().metric, dimension, raw.subspan(row * dimension, dimension),
                                         std::span(waiting_).subspan(begin));
        !done.ok()) {
      waiting_.resize(begin);
      give_up();
      return core::Error{done.error().code, name(row) + done.error().message};
    }
    ++next_;
    if (waiting_.size() < kInsertedFloats) continue;
    if (auto done = flush(); !done.ok()) return done.error();
  }
  return ids;
}

core::Result<core::IdRange> RowInserter::add_prepared(std::span<const float> rows) {
  const std::size_t dimension = index_.params().dimension;
  const core::IdRange ids{next_, rows.size() / dimension};
  waiting_.insert(waiting_.end(), rows.begin(), rows.end());
  next_ += ids.count;
  if (waiting_.size() >= kInsertedFloats)
    if (auto done = flush(); !done.ok()) return done.error();
  return ids;
}

core::Result<void> RowInserter::flush() {
  if (waiting_.empty()) return {};
  std::vector<core::ReferenceId> ids(waiting_.size() / index_.params().dimension);
  std::iota(ids.begin(), ids.end(), next_ - ids.size());
  auto done = index_.insert(ids, waiting_, threads_);
  if (done.ok()) inserted_.append({ids.front(), ids.size()});
  waiting_.clear();
  return done;
}

void RowInserter::take_back() {
  waiting_.clear();
  (void)index_.remove(inserted_.ids());
  inserted_ = {};
}

}  // namespace semroute::router

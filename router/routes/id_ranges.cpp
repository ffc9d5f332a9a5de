#include "router/routes/id_ranges.h"

#include "core/base/check.h"

namespace semroute::router {

void IdRanges::append(core::IdRange range) {
  if (range.count == 0) return;
  count_ += range.count;
  if (!parts_.empty() && parts_.back().first + parts_.back().count == range.first) {
    parts_.back().count += range.count;
  } else {
    parts_.push_back(range);
  }
}

void IdRanges::append(const IdRanges& other) {
  for (const core::IdRange& part : other.parts_) append(part);
}

core::ReferenceId IdRanges::id(std::size_t row) const noexcept {
  for (const core::IdRange& part : parts_) {
    if (row < part.count) return part.first + row;
    row -= part.count;
  }
  SEMROUTE_CHECK(false);
  return 0;
}

IdRanges IdRanges::without(std::span<const std::size_t> rows, IdRanges& removed) const {
  IdRanges kept;
  std::size_t begin = 0;  // the row that the part begins with
  std::size_t next = 0;   // in `rows`
  for (const core::IdRange& part : parts_) {
    core::ReferenceId from = part.first;
    for (; next < rows.size() && rows[next] < begin + part.count; ++next) {
      const core::ReferenceId gone = part.first + (rows[next] - begin);
      kept.append({from, gone - from});
      removed.append({gone, 1});
      from = gone + 1;
    }
    kept.append({from, part.first + part.count - from});
    begin += part.count;
  }
  SEMROUTE_CHECK(next == rows.size());
  return kept;
}

std::vector<core::ReferenceId> IdRanges::ids() const {
  std::vector<core::ReferenceId> all;
  all.reserve(count_);
  for (const core::IdRange& part : parts_)
    for (std::size_t i = 0; i < part.count; ++i) all.push_back(part.first + i);
  return all;
}

}  // namespace semroute::router

#include "core/store/key_table.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/base/check.h"

namespace semroute::core {

void KeyTable::forget(const Chain& chain) noexcept {
  record_count_ -= chain.places.size();
  for (const RecordPlace& place : chain.places) live_bytes_ -= place.bytes;
}

void KeyTable::apply(RecordKind kind, std::string_view key, const RecordPlace& place) {
  // Snapshots bring the keys in order.
  const bool behind_all = !chains_.empty() && key > chains_.rbegin()->first;
  const auto found = behind_all ? chains_.end() : chains_.find(key);
  if (kind == RecordKind::append) {
    SEMROUTE_CHECK(found != chains_.end());
    std::shared_ptr<Chain>& chain = found->second;
    if (chain->made_after != views_) {
      chain = std::make_shared<Chain>(*chain);
      chain->made_after = views_;
    }
    chain->places.push_back(place);
  } else {
    if (found != chains_.end()) forget(*found->second);
    if (kind == RecordKind::erase) {
      if (found != chains_.end()) chains_.erase(found);
      return;
    }
    auto chain = std::make_shared<Chain>(Chain{std::string(key), {place}, views_});
    if (found != chains_.end()) {
      found->second = std::move(chain);
    } else {
      chains_.emplace_hint(chains_.end(), std::string(key), std::move(chain));
    }
  }
  ++record_count_;
  live_bytes_ += place.bytes;
}

KeyView KeyTable::view() {
  ++views_;
  KeyView view;
  view.chains.reserve(chains_.size());
  for (const auto& [key, chain] : chains_) view.chains.push_back(chain);
  view.files = files_;
  return view;
}

KeyView KeyTable::view(std::string_view key) {
  ++views_;
  KeyView view;
  if (const auto found = chains_.find(key); found != chains_.end()) view.chains.push_back(found->second);
  view.files = files_;
  return view;
}

std::size_t KeyTable::record_count(std::string_view key) const {
  const auto found = chains_.find(key);
  return found == chains_.end() ? 0 : found->second->places.size();
}

void KeyTable::move_to(const KeyView& view, const std::vector<std::vector<RecordPlace>>& copies, std::size_t begin,
                       std::size_t end) {
  SEMROUTE_CHECK(copies.size() == view.chains.size() && begin <= end && end <= copies.size());
  if (begin == end) return;
  auto at = chains_.lower_bound(view.chains[begin]->key);
  for (std::size_t i = begin; i < end; ++i) {
    const Chain& old = *view.chains[i];
    while (at != chains_.end() && at->first < old.key) ++at;
    if (at == chains_.end()) return;
    const Chain& now = *at->second;
    const RecordPlace& first = old.places.front();
    if (now.key != old.key || now.places.front().file != first.file || now.places.front().offset != first.offset) {
      continue;
    }
    auto moved = std::make_shared<Chain>(Chain{now.key, copies[i], views_});
    moved->places.insert(moved->places.end(), now.places.begin() + static_cast<std::ptrdiff_t>(old.places.size()),
                         now.places.end());
    at->second = std::move(moved);
  }
}

void KeyTable::release_files(const StoreFile* but) {
  std::unordered_set<const StoreFile*> used{but};
  for (const auto& [key, chain] : chains_)
    for (const RecordPlace& place : chain->places) used.insert(place.file);
  std::erase_if(files_, [&](const auto& file) { return !used.contains(file.get()); });
}

}  // namespace semroute::core

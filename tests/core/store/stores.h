// Small stores for tests, and the plain model that they are held to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/store/store.h"
#include "tests/core/store/memory_disk.h"

namespace semroute::core::test {

inline constexpr const char* kFolder = "/data";

// What a store holds: every key with its chain.
using Model = std::map<std::string, std::vector<std::string>>;

// A change that owns its bytes.
struct Change {
  RecordKind kind = RecordKind::set;
  std::string key;
  std::string record;
};
using Changes = std::vector<Change>;

inline Change set(std::string key, std::string record) { return {RecordKind::set, std::move(key), std::move(record)}; }
inline Change append(std::string key, std::string record) {
  return {RecordKind::append, std::move(key), std::move(record)};
}
inline Change erase(std::string key) { return {RecordKind::erase, std::move(key), ""}; }

inline void apply_to_model(const Changes& changes, Model& model) {
  for (const Change& change : changes) {
    if (change.kind == RecordKind::erase) {
      model.erase(change.key);
    } else if (change.kind == RecordKind::set) {
      model[change.key] = {change.record};
    } else {
      model[change.key].push_back(change.record);
    }
  }
}

inline StoreParams small_params() {
  StoreParams params;
  params.folder = kFolder;
  params.identity = StoreIdentity{4, "cosine"};
  params.automatic_snapshots = false;
  return params;
}

using StorePtr = std::unique_ptr<Store>;

inline Result<StorePtr> open(MemoryDisk& disk, const StoreParams& params = small_params()) {
  return Store::open(params, disk);
}

// A store that must open; an empty pointer after a failure of the test.
inline StorePtr opened(MemoryDisk& disk, const StoreParams& params = small_params()) {
  auto store = open(disk, params);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    return nullptr;
  }
  return std::move(*store);
}

// Commits one group: each element is a batch, numbered from the next sequence number on.
inline CommitOutcome commit_group(Store& store, const std::vector<Changes>& group) {
  std::vector<std::vector<StoreChange>> changes;
  for (const Changes& batch : group) {
    std::vector<StoreChange>& views = changes.emplace_back();
    for (const Change& change : batch)
      views.push_back({change.kind, change.key, std::as_bytes(std::span(change.record))});
  }
  std::vector<StoreBatch> batches;
  std::uint64_t sequence = store.last_sequence();
  for (const auto& views : changes) batches.push_back({++sequence, views});
  return store.commit(batches);
}

inline CommitOutcome commit(Store& store, const Changes& batch) { return commit_group(store, {batch}); }

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Everything in the store; a failure of the test when it cannot be read.
inline Model contents(const Store& store) {
  Model model;
  std::string before;
  const auto read = store.read_all([&](std::string_view key, std::span<const std::span<const std::byte>> chain) {
    EXPECT_TRUE(model.empty() || before < key) << "keys out of order";
    before = key;
    for (const auto& record : chain) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.data()) % 8, 0U);
      model[std::string(key)].push_back(text_of(record));
    }
    return Result<void>{};
  });
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
  return model;
}

inline std::string path_of(const std::string& name) { return std::string(kFolder) + '/' + name; }

inline std::vector<std::string> names_starting_with(MemoryDisk& disk, const std::string& prefix) {
  std::vector<std::string> names = disk.names(kFolder);
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
  return names;
}

}  // namespace semroute::core::test

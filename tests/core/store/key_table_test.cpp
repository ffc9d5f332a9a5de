#include "core/store/key_table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>

#include "tests/core/store/real_folder.h"

namespace semroute::core::test {
namespace {

std::shared_ptr<StoreFile> some_file(const RealFolder& folder, const std::string& name) {
  auto file = Folder(folder.path(), real_system_calls()).open(name, OpenMode::create);
  EXPECT_TRUE(file.ok());
  return std::make_shared<StoreFile>(std::move(*file), name, 1);
}

using Places = std::map<std::string, std::vector<std::uint64_t>>;  // the sequence numbers of each chain

Places places_of(const KeyView& view) {
  Places places;
  for (const auto& chain : view.chains)
    for (const RecordPlace& place : chain->places) places[chain->key].push_back(place.sequence);
  return places;
}

TEST(KeyTable, ViewsStayAsTheyWereWhileTheTableChangesAndMoves) {
  const RealFolder folder;
  const auto log = some_file(folder, "log");
  const auto snapshot = some_file(folder, "snapshot");
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    KeyTable table;
    table.add_file(log);
    Places model;
    std::vector<std::pair<KeyView, Places>> views;
    for (std::uint64_t sequence = 1; sequence < 200; ++sequence) {
      const std::string key = "key" + std::to_string(random() % 8);
      const RecordPlace place{log.get(), sequence * 100, sequence, 32};
      const auto what = random() % 8;
      if (what < 2 || !model.contains(key)) {
        table.apply(RecordKind::set, key, place);
        model[key] = {sequence};
      } else if (what < 6) {
        table.apply(RecordKind::append, key, place);
        model[key].push_back(sequence);
      } else if (what < 7) {
        table.apply(RecordKind::erase, key, place);
        model.erase(key);
      } else {
        views.emplace_back(table.view(), model);
      }
      if (random() % 16 == 0 && !views.empty()) {
        // As after a snapshot of that view: what is still there of it moves.
        const KeyView& view = views[random() % views.size()].first;
        std::vector<std::vector<RecordPlace>> copies;
        for (const auto& chain : view.chains) {
          copies.push_back(chain->places);
          for (RecordPlace& copy : copies.back()) copy.file = snapshot.get();
        }
        const std::size_t half = copies.size() / 2;
        table.move_to(view, copies, 0, half);
        table.move_to(view, copies, half, copies.size());
      }
    }
    EXPECT_EQ(places_of(table.view()), model) << seed;
    for (const auto& [view, then] : views) EXPECT_EQ(places_of(view), then) << seed;
    std::size_t records = 0;
    for (const auto& [key, chain] : model) records += chain.size();
    EXPECT_EQ(table.key_count(), model.size());
    EXPECT_EQ(table.record_count(), records);
    EXPECT_EQ(table.live_bytes(), records * 32);
  }
}

TEST(KeyTable, FilesThatNothingNamesAreLetGo) {
  const RealFolder folder;
  auto log = some_file(folder, "log");
  auto newer = some_file(folder, "newer");
  const std::weak_ptr<StoreFile> log_there = log;
  const std::weak_ptr<StoreFile> newer_there = newer;
  KeyTable table;
  table.add_file(log);
  table.add_file(newer);
  table.apply(RecordKind::set, "a", {log.get(), 96, 1, 32});
  const StoreFile* const current = newer.get();
  log.reset();
  newer.reset();
  table.release_files(current);
  EXPECT_FALSE(log_there.expired() || newer_there.expired());
  {
    const KeyView view = table.view();
    table.apply(RecordKind::set, "a", {current, 96, 2, 32});
    table.release_files(current);
    EXPECT_FALSE(log_there.expired()) << "the view still reads it";
  }
  EXPECT_TRUE(log_there.expired());
  EXPECT_FALSE(newer_there.expired());
}

// A million appended one by one: not a copy of the chain each.
TEST(KeyTable, AChainGrowsInPlace) {
  const RealFolder folder;
  const auto log = some_file(folder, "log");
  KeyTable table;
  table.apply(RecordKind::set, "a", {log.get(), 96, 1, 32});
  for (std::uint64_t sequence = 2; sequence < 1'000'000; ++sequence)
    table.apply(RecordKind::append, "a", {log.get(), 96, sequence, 32});
  EXPECT_EQ(table.record_count(), 999'999U);
}

}  // namespace
}  // namespace semroute::core::test

// Stores that are checked and read by several threads: the same is found as by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "core/store/file_names.h"
#include "tests/core/store/stores.h"

namespace semroute::core::test {
namespace {

constexpr std::size_t kThreads = 3;

// 30 MB: small records, chains, records that are longer than what is read at once.
void fill(Store& store) {
  Changes changes;
  for (std::size_t i = 0; i < 600; ++i) {
    const std::string key = "key-" + std::to_string(i);
    changes.push_back(set(key, std::string(i % 7 == 0 ? 3 : 40'000 + 13 * i, static_cast<char>('a' + i % 26))));
    if (i % 5 == 0) changes.push_back(append(key, std::string(1'000 + i, 'z')));
    if (i % 200 == 50) changes.push_back(append(key, std::string(2'300'000, 'L')));
  }
  ASSERT_TRUE(commit(store, changes).ok());
}

StoreParams params_with(std::size_t threads) {
  StoreParams params = small_params();
  params.threads = threads;
  params.read_only = true;
  return params;
}

class StoreThreads : public ::testing::Test {
 protected:
  void SetUp() override {
    const StorePtr store = opened(disk_);
    ASSERT_NE(store, nullptr);
    fill(*store);
    ASSERT_TRUE(store->write_snapshot().ok());
    snapshot_ = path_of(names_starting_with(disk_, "snapshot_").at(0));
  }

  MemoryDisk disk_;
  std::string snapshot_;
};

TEST_F(StoreThreads, ReadTheSameAsOne) {
  const StorePtr one = opened(disk_, params_with(1));
  ASSERT_NE(one, nullptr);
  const Model all = contents(*one);
  EXPECT_EQ(all.size(), 600U);
  const StorePtr many = opened(disk_, params_with(kThreads));
  ASSERT_NE(many, nullptr);
  EXPECT_EQ(many->recovery().record_count, one->recovery().record_count);
  EXPECT_EQ(contents(*many), all);
  std::mutex mutex;
  Model model;
  std::vector<std::string> in_order;
  const auto read = many->read_all_beside(
      [&](std::string_view key, std::span<const std::span<const std::byte>> chain) {
        const std::lock_guard lock(mutex);
        EXPECT_FALSE(model.contains(std::string(key))) << key;
        for (const auto& record : chain) {
          EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.data()) % 8, 0U);
          model[std::string(key)].push_back(text_of(record));
        }
        return Result<Store::ChainRest>([&in_order, name = std::string(key)] {
          in_order.push_back(name);  // one at a time
          return Result<void>{};
        });
      },
      kThreads);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(model, all);
  EXPECT_EQ(in_order.size(), all.size());
  EXPECT_TRUE(std::ranges::is_sorted(in_order));
}

TEST_F(StoreThreads, VisitAtTheSameTime) {
  const StorePtr store = opened(disk_, params_with(kThreads));
  ASSERT_NE(store, nullptr);
  std::mutex mutex;
  std::condition_variable arrived;
  std::set<std::thread::id> seen;
  bool all_came = true;
  const auto read = store->read_all_beside(
      [&](std::string_view, const auto&) -> Result<Store::ChainRest> {
        std::unique_lock lock(mutex);
        if (!seen.insert(std::this_thread::get_id()).second) return Store::ChainRest{};
        arrived.notify_all();
        all_came = arrived.wait_for(lock, std::chrono::minutes(1), [&] { return seen.size() == kThreads; }) && all_came;
        return Store::ChainRest{};
      },
      kThreads);
  EXPECT_TRUE(read.ok());
  EXPECT_TRUE(all_came) << "visited by " << seen.size() << " threads";
}

TEST_F(StoreThreads, EndWithTheFirstErrorOfAVisit) {
  const StorePtr store = opened(disk_, params_with(kThreads));
  ASSERT_NE(store, nullptr);
  const auto read = store->read_all_beside(
      [&](std::string_view key, const auto&) {
        return Result<Store::ChainRest>(Error{ErrorCode::internal, std::string(key)});
      },
      kThreads);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().message, "key-0");
}

// What is left of a chain is done for those before the first failure, and for none behind it.
TEST_F(StoreThreads, EndInOrder) {
  const StorePtr store = opened(disk_, params_with(kThreads));
  ASSERT_NE(store, nullptr);
  for (const bool fails_at_once : {false, true}) {
    std::vector<std::string> done;
    const auto read = store->read_all_beside(
        [&](std::string_view key, const auto&) -> Result<Store::ChainRest> {
          const std::string name(key);
          const Error error{ErrorCode::internal, name};
          if (fails_at_once && name >= "key-3") return error;
          return Store::ChainRest([&done, name, error]() -> Result<void> {
            if (name >= "key-3") return error;
            done.push_back(name);
            return {};
          });
        },
        kThreads);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().message, "key-3");
    EXPECT_EQ(done.size(), 223U);  // key-0, key-1, key-10, ... key-199, key-2, key-20, ... key-299
    EXPECT_TRUE(std::ranges::is_sorted(done));
  }
}

// Of a snapshot that is damaged in two places the first is named, whichever thread met it.
TEST_F(StoreThreads, NameTheFirstDamage) {
  const std::string good = disk_.content(snapshot_);
  const std::size_t size = good.size();
  const std::vector<std::size_t> places{97,       100,      102,      104,          112,          120,
                                        size / 7, size / 3, size / 2, size / 2 + 1, size - 9'000, size - 200};
  for (const std::size_t at : places) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    bad[size - 2'000] = static_cast<char>(bad[size - 2'000] ^ 0x10);
    disk_.put(snapshot_, bad);
    std::vector<std::string> messages;
    for (const std::size_t threads : {std::size_t{1}, kThreads}) {
      const StorePtr store = opened(disk_, params_with(threads));
      ASSERT_NE(store, nullptr) << at;
      ASSERT_EQ(store->recovery().damaged_snapshots.size(), 1U) << at;
      messages.push_back(store->recovery().damaged_snapshots.front());
    }
    EXPECT_EQ(messages[0], messages[1]) << at;
  }
}

TEST_F(StoreThreads, FindEveryShortRead) {
  const std::string good = disk_.content(snapshot_);
  for (const std::size_t cut : {good.size() - 8, good.size() / 2, std::size_t{200}}) {
    disk_.put(snapshot_, good.substr(0, cut));
    const StorePtr store = opened(disk_, params_with(kThreads));
    ASSERT_NE(store, nullptr) << cut;
    EXPECT_EQ(store->recovery().damaged_snapshots.size(), 1U) << cut;
  }
  disk_.put(snapshot_, good);
  for (std::uint64_t call = 1; call < 60; call += 7) {
    disk_.plan(Fault{call, EIO, false});
    const auto store = open(disk_, params_with(kThreads));
    disk_.plan(std::nullopt);
    EXPECT_TRUE(!store.ok() || (*store)->recovery().key_count == 600U) << call;
  }
}

}  // namespace
}  // namespace semroute::core::test

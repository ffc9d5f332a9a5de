#include "core/store/store_check.h"

#include <gtest/gtest.h>

#include "core/store/file_names.h"
#include "tests/core/store/stores.h"

namespace semroute::core::test {
namespace {

// Four groups in segments 1 to 4, and what was there after each.
struct Written {
  MemoryDisk disk;
  std::vector<Model> models = std::vector<Model>(1);
};

void write(Written& written, const std::vector<int>& snapshots_after, std::uint64_t segment_bytes = 1) {
  StoreParams params = small_params();
  params.segment_bytes = segment_bytes;
  const StorePtr store = opened(written.disk, params);
  ASSERT_NE(store, nullptr);
  for (int i = 0; i < 4; ++i) {
    const Changes batch{set("key" + std::to_string(i), std::string(50, 'v')), set("last", std::to_string(i))};
    ASSERT_TRUE(commit(*store, batch).ok());
    written.models.push_back(written.models.back());
    apply_to_model(batch, written.models.back());
    if (std::ranges::find(snapshots_after, i) != snapshots_after.end()) {
      ASSERT_TRUE(store->write_snapshot().ok());
    }
  }
}

void flip(MemoryDisk& disk, const std::string& name, std::size_t at) {
  std::string bytes = disk.content(path_of(name));
  ASSERT_LT(at, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 4);
  disk.put(path_of(name), bytes);
}

std::map<std::string, std::string> all_files(MemoryDisk& disk) {
  std::map<std::string, std::string> files;
  for (const std::string& name : disk.names(kFolder)) files[name] = disk.content(path_of(name));
  return files;
}

TEST(StoreCheck, AStoreThatIsWholeIsOkAndUntouched) {
  for (const std::vector<int>& snapshots : {std::vector<int>{}, {1}, {0, 2}, {0, 1, 2, 3}}) {
    Written written;
    write(written, snapshots);
    const auto files = all_files(written.disk);
    const auto check = check_store(kFolder, written.disk);
    ASSERT_TRUE(check.ok()) << check.error().message;
    EXPECT_TRUE(check->ok()) << check->damage.value_or("") << check->older_start.value_or("");
    EXPECT_EQ(check->recovery.key_count, 5U);
    EXPECT_EQ(check->identity, (StoreIdentity{4, "cosine"}));
    EXPECT_EQ(all_files(written.disk), files);
    const auto repair = repair_store(kFolder, written.disk);
    ASSERT_TRUE(repair.ok()) << repair.error().message;
    EXPECT_TRUE(repair->kept.empty() && repair->lost.empty());
    EXPECT_EQ(contents(*opened(written.disk)), written.models.back());
  }
}

TEST(StoreCheck, NoStoreAndAStoreInUseAreErrors) {
  MemoryDisk disk;
  EXPECT_EQ(check_store(kFolder, disk).error().code, ErrorCode::not_found);
  EXPECT_EQ(repair_store(kFolder, disk).error().code, ErrorCode::not_found);
  const StorePtr store = opened(disk);
  EXPECT_EQ(check_store(kFolder, disk).error().code, ErrorCode::unavailable);
  EXPECT_EQ(repair_store(kFolder, disk).error().code, ErrorCode::unavailable);
}

TEST(StoreCheck, DamageOfTheOlderStartIsToldBeforeItIsNeeded) {
  for (const std::string& name : {snapshot_name(2), log_name(2), log_name(3)}) {
    Written written;
    write(written, {0, 2});
    flip(written.disk, name, 110);
    const auto check = check_store(kFolder, written.disk);
    ASSERT_TRUE(check.ok()) << check.error().message;
    EXPECT_FALSE(check->damage) << name;
    ASSERT_TRUE(check->older_start) << name;
    EXPECT_NE(check->older_start->find(path_of(name) + " is damaged at byte"), std::string::npos);
    EXPECT_FALSE(check->ok());
    EXPECT_EQ(contents(*opened(written.disk)), written.models.back()) << "a start works";
  }
}

// Each byte of each segment, one after the other: the repaired store has what was before the damage.
TEST(StoreRepair, Fault53ADamagedLogIsCutAndKept) {
  for (const std::uint64_t segment_bytes : {std::uint64_t{1}, kStoreSegmentBytes}) {
    Written written;
    write(written, {}, segment_bytes);
    const auto files = all_files(written.disk);
    for (const std::string& name : names_starting_with(written.disk, "log")) {
      for (std::size_t at = 0; at < files.at(name).size(); ++at) {
        const std::string about = name + " byte " + std::to_string(at) + ": ";
        MemoryDisk disk;
        (void)disk.mkdir(kFolder, 0);
        for (const auto& [file, bytes] : files) disk.put(path_of(file), bytes);
        flip(disk, name, at);
        const std::string spoiled = disk.content(path_of(name));
        const auto check = check_store(kFolder, disk);
        ASSERT_TRUE(check.ok()) << about << check.error().message;
        const auto repair = repair_store(kFolder, disk);
        if (name == log_name(1) && at < sizeof(FileHeader)) {
          EXPECT_EQ(repair.error().code, ErrorCode::damaged) << about;  // nothing is before it
          continue;
        }
        ASSERT_TRUE(repair.ok()) << about << repair.error().message;
        ASSERT_EQ(repair->lost.empty(), !check->damage) << about;
        const StorePtr store = opened(disk);
        ASSERT_NE(store, nullptr) << about;
        ASSERT_EQ(contents(*store), written.models[static_cast<std::size_t>(store->last_sequence())]) << about;
        ASSERT_TRUE(commit(*store, {set("after", "1")}).ok()) << about;
        if (!check->damage) continue;
        EXPECT_NE(repair->lost[0].find("after sequence number " + std::to_string(store->last_sequence() - 1)),
                  std::string::npos)
            << repair->lost[0];
        // Every byte that was there still is.
        std::set<std::string> contents_now;
        for (const auto& [file, bytes] : all_files(disk)) contents_now.insert(bytes);
        EXPECT_TRUE(contents_now.contains(spoiled)) << about;
      }
    }
  }
}

TEST(StoreRepair, AMissingSegmentIsCutToo) {
  Written written;
  write(written, {1});  // segment 3 goes on from snapshot 3, and segment 4 from that
  const auto files = all_files(written.disk);
  for (std::uint64_t number = 1; number <= 4; ++number) {
    MemoryDisk disk;
    (void)disk.mkdir(kFolder, 0);
    for (const auto& [file, bytes] : files) disk.put(path_of(file), bytes);
    disk.erase(path_of(log_name(number)));
    const auto repair = repair_store(kFolder, disk);
    ASSERT_TRUE(repair.ok()) << number << repair.error().message;
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    const std::size_t sequence = number == 3 ? 2 : number == 4 ? 3 : 4;
    EXPECT_EQ(store->last_sequence(), sequence) << number;
    EXPECT_EQ(contents(*store), written.models[sequence]) << number;
    ASSERT_TRUE(commit(*store, {set("after", "1")}).ok());
    ASSERT_TRUE(store->write_snapshot().ok());
  }
}

TEST(StoreRepair, NothingIsInventedWhereNothingCanBeRead) {
  Written written;
  write(written, {0, 1, 2});
  for (const std::string& name : names_starting_with(written.disk, "snapshot")) flip(written.disk, name, 100);
  const auto files = all_files(written.disk);
  const auto check = check_store(kFolder, written.disk);
  ASSERT_TRUE(check.ok());
  EXPECT_TRUE(check->damage);
  const auto repair = repair_store(kFolder, written.disk);
  ASSERT_FALSE(repair.ok());
  EXPECT_EQ(repair.error().code, ErrorCode::damaged);
  EXPECT_EQ(all_files(written.disk), files);
}

}  // namespace
}  // namespace semroute::core::test

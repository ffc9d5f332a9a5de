// Every cut and every flipped bit of small files: what is there afterwards is what was committed, or refused by name.
#include <gtest/gtest.h>

#include "core/store/file_names.h"
#include "tests/core/store/stores.h"

namespace semroute::core::test {
namespace {

const std::vector<Changes> kGroups{{set("alpha", "first value"), set("beta", "2")},
                                   {append("alpha", "more of it")},
                                   {erase("beta"), set("gamma", std::string(70, 'g'))},
                                   {set("alpha", "replaced"), append("gamma", "")}};

// What is there after the first N groups.
std::vector<Model> prefixes() {
  std::vector<Model> models(1);
  for (const Changes& group : kGroups) {
    models.push_back(models.back());
    apply_to_model(group, models.back());
  }
  return models;
}

struct Written {
  MemoryDisk disk;
  std::vector<std::size_t> ends{sizeof(FileHeader)};  // of the log after each group
};

enum class Ending { crash, close };

void write(Written& written, Ending ending) {
  StorePtr store = opened(written.disk);
  ASSERT_NE(store, nullptr);
  for (const Changes& group : kGroups) {
    ASSERT_TRUE(commit(*store, group).ok());
    written.ends.push_back(written.disk.content(path_of(log_name(1))).size());
  }
  // A crash is what the disk has before the end is marked.
  const std::string log = written.disk.content(path_of(log_name(1)));
  store.reset();
  written.disk.crash();
  if (ending == Ending::crash) written.disk.put(path_of(log_name(1)), log);
}

// Opens the log that has these bytes.
Result<StorePtr> open_log(MemoryDisk& disk, const std::string& log) {
  disk.crash();
  for (const std::string& name : disk.names(kFolder)) disk.erase(path_of(name));
  disk.put(path_of(log_name(1)), log);
  return open(disk);
}

// The store goes on: commits, and has it all after another start.
void expect_goes_on(MemoryDisk& disk, StorePtr store, Model model, const std::string& about) {
  const Changes more{set("delta", "new")};
  ASSERT_TRUE(commit(*store, more).ok()) << about;
  apply_to_model(more, model);
  store.reset();
  const auto again = open(disk);
  ASSERT_TRUE(again.ok()) << about << again.error().message;
  EXPECT_EQ(contents(**again), model) << about;
  EXPECT_FALSE((*again)->recovery().torn_tail) << about;
}

TEST(StoreDamage, Fault52EveryCutOfALogIsATornTailOrRefused) {
  const std::vector<Model> models = prefixes();
  Written written;
  write(written, Ending::crash);
  const std::string log = written.disk.content(path_of(log_name(1)));
  ASSERT_EQ(log.size(), written.ends.back());
  MemoryDisk disk;
  (void)opened(disk);
  for (std::size_t cut = 0; cut <= log.size(); ++cut) {
    const std::string about = "cut at " + std::to_string(cut) + ": ";
    auto store = open_log(disk, log.substr(0, cut));
    if (cut < sizeof(FileHeader)) {
      ASSERT_FALSE(store.ok()) << about;
      EXPECT_EQ(store.error().code, ErrorCode::damaged) << about;
      EXPECT_NE(store.error().message.find(path_of(log_name(1)) + " is damaged at byte"), std::string::npos);
      continue;
    }
    ASSERT_TRUE(store.ok()) << about << store.error().message;
    std::size_t whole = 0;
    while (whole + 1 < written.ends.size() && written.ends[whole + 1] <= cut) ++whole;
    EXPECT_EQ(contents(**store), models[whole]) << about;
    const auto& tail = (*store)->recovery().torn_tail;
    ASSERT_EQ(tail.has_value(), cut != written.ends[whole]) << about;
    if (tail) {
      EXPECT_EQ(tail->file, log_name(1)) << about;
      EXPECT_EQ(tail->offset, written.ends[whole]) << about;
      EXPECT_EQ(disk.content(path_of(tail->kept_as)), log.substr(written.ends[whole], cut - written.ends[whole]));
      EXPECT_NE((*store)->recovery().lines().at(1).find(tail->kept_as), std::string::npos);
    }
    expect_goes_on(disk, std::move(*store), models[whole], about);
  }
}

// The bits of `bytes` one after the other, each flipped alone.
template <class Try>
void flip_every_bit(const std::string& bytes, std::size_t begin, std::size_t end, Try attempt) {
  for (std::size_t at = begin; at < end; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      attempt(flipped, at, "byte " + std::to_string(at) + ", bit " + std::to_string(bit) + ": ");
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(StoreDamage, Fault53EveryFlippedBitOfALogIsDamageUnlessItMayBeATornTail) {
  const std::vector<Model> models = prefixes();
  Written written;
  write(written, Ending::crash);
  const std::string log = written.disk.content(path_of(log_name(1)));
  MemoryDisk disk;
  (void)opened(disk);
  // Nothing names the last group as synced.
  const std::size_t last = written.ends[written.ends.size() - 2];
  flip_every_bit(log, 0, log.size(), [&](const std::string& flipped, std::size_t at, const std::string& about) {
    const auto store = open_log(disk, flipped);
    if (at < last) {
      ASSERT_FALSE(store.ok()) << about;
      EXPECT_EQ(store.error().code, ErrorCode::damaged) << about << store.error().message;
      EXPECT_NE(store.error().message.find(path_of(log_name(1)) + " is damaged at byte"), std::string::npos);
      EXPECT_EQ(disk.content(path_of(log_name(1))), flipped) << about;  // nothing was touched
      return;
    }
    ASSERT_TRUE(store.ok()) << about << store.error().message;
    EXPECT_TRUE((*store)->recovery().torn_tail) << about;
    EXPECT_EQ(contents(**store), models[models.size() - 2]) << about;
  });
}

TEST(StoreDamage, Fault53AfterACloseEveryFlippedBitOfWhatWasCommittedIsDamage) {
  const std::vector<Model> models = prefixes();
  Written written;
  write(written, Ending::close);
  const std::string log = written.disk.content(path_of(log_name(1)));
  ASSERT_EQ(log.size(), written.ends.back() + sizeof(GroupHeader));  // the marker
  MemoryDisk disk;
  (void)opened(disk);
  flip_every_bit(log, 0, log.size(), [&](const std::string& flipped, std::size_t at, const std::string& about) {
    const auto store = open_log(disk, flipped);
    if (at < written.ends.back()) {
      ASSERT_FALSE(store.ok()) << about;
      EXPECT_EQ(store.error().code, ErrorCode::damaged) << about << store.error().message;
    } else {
      ASSERT_TRUE(store.ok()) << about << store.error().message;
      EXPECT_EQ(contents(**store), models.back()) << about;
    }
  });
}

// A bit that flips in a group whose bytes are right by a checksum made anew is caught by what follows on it.
TEST(StoreDamage, GroupsThatAreMissingOrTwiceThereAreDamage) {
  Written written;
  write(written, Ending::close);
  const std::string log = written.disk.content(path_of(log_name(1)));
  const auto& ends = written.ends;
  MemoryDisk disk;
  (void)opened(disk);
  for (std::size_t group = 0; group + 1 < ends.size(); ++group) {
    const std::string missing = log.substr(0, ends[group]) + log.substr(ends[group + 1]);
    const auto without = open_log(disk, missing);
    ASSERT_FALSE(without.ok()) << group;
    EXPECT_EQ(without.error().code, ErrorCode::damaged) << group;
    const std::string twice = log.substr(0, ends[group + 1]) + log.substr(ends[group]);
    const auto doubled = open_log(disk, twice);
    ASSERT_EQ(doubled.ok(), group + 2 == ends.size()) << group;  // behind the last there is nothing but the marker
  }
}

TEST(StoreDamage, Fault54EveryFlippedBitAndCutOfTheNewestSnapshotIsMadeUpForByTheOneBefore) {
  for (const bool with_older : {false, true}) {
    MemoryDisk disk;
    Model model;
    {
      const StorePtr store = opened(disk);
      ASSERT_NE(store, nullptr);
      for (std::size_t i = 0; i < kGroups.size(); ++i) {
        ASSERT_TRUE(commit(*store, kGroups[i]).ok());
        apply_to_model(kGroups[i], model);
        if (with_older && i == 1) {
          ASSERT_TRUE(store->write_snapshot().ok());
        }
        if (i == 2) {
          ASSERT_TRUE(store->write_snapshot().ok());
        }
      }
    }
    std::map<std::string, std::string> files;
    for (const std::string& name : disk.names(kFolder)) files[name] = disk.content(path_of(name));
    const std::string newest = names_starting_with(disk, "snapshot").back();
    const auto attempt = [&](const std::string& bytes, std::size_t /*at*/, const std::string& about) {
      disk.crash();
      for (const std::string& name : disk.names(kFolder)) disk.erase(path_of(name));
      for (const auto& [name, content] : files) disk.put(path_of(name), name == newest ? bytes : content);
      auto store = open(disk);
      ASSERT_TRUE(store.ok()) << about << store.error().message;
      ASSERT_EQ(contents(**store), model) << about;
      ASSERT_EQ((*store)->recovery().damaged_snapshots.size(), 1U) << about;
      ASSERT_NE((*store)->recovery().damaged_snapshots[0].find(path_of(newest) + " is damaged at byte"),
                std::string::npos);
      ASSERT_EQ(disk.content(path_of("kept_" + newest + "_1")), bytes) << about;
      ASSERT_EQ(disk.content(path_of(newest)), "") << about;
    };
    flip_every_bit(files[newest], 0, files[newest].size(), attempt);
    for (std::size_t cut = 0; cut < files[newest].size(); ++cut)
      attempt(files[newest].substr(0, cut), cut, "cut at " + std::to_string(cut) + ": ");
    attempt(files[newest] + std::string(8, '\0'), 0, "longer: ");
  }
}

TEST(StoreDamage, Fault54WithoutAnOlderStartTheDamagedSnapshotIsNamed) {
  MemoryDisk disk;
  {
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(commit(*store, kGroups[0]).ok());
      ASSERT_TRUE(store->write_snapshot().ok());
    }
  }
  for (const std::string& name : {snapshot_name(2), snapshot_name(3)})
    disk.put(path_of(name), disk.content(path_of(name)) + "x");
  disk.erase(path_of(log_name(1)));
  const auto store = open(disk);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::damaged);
  EXPECT_NE(store.error().message.find(path_of(snapshot_name(3))), std::string::npos) << store.error().message;
}

TEST(StoreDamage, Fault53ASegmentThatIsMissingOrEndsEarlyIsDamage) {
  MemoryDisk disk;
  StoreParams params = small_params();
  params.segment_bytes = 1;  // a segment a group
  {
    const StorePtr store = opened(disk, params);
    ASSERT_NE(store, nullptr);
    for (const Changes& group : kGroups) ASSERT_TRUE(commit(*store, group).ok());
  }
  ASSERT_EQ(names_starting_with(disk, "log").size(), kGroups.size());
  for (std::size_t i = 1; i < kGroups.size(); ++i) {
    const std::string path = path_of(log_name(i));
    const std::string whole = disk.content(path);
    // No torn tail is possible in a segment that another was begun after.
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
      disk.put(path, whole.substr(0, bytes));
      const auto store = open(disk, params);
      ASSERT_FALSE(store.ok()) << i << " " << bytes;
      ASSERT_EQ(store.error().code, ErrorCode::damaged) << store.error().message;
    }
    disk.erase(path);
    const auto store = open(disk, params);
    ASSERT_FALSE(store.ok()) << i;
    EXPECT_EQ(store.error().code, ErrorCode::damaged);
    EXPECT_NE(store.error().message.find(path + " is missing"), std::string::npos) << store.error().message;
    disk.put(path, whole);
  }
  EXPECT_TRUE(open(disk, params).ok());
}

}  // namespace
}  // namespace semroute::core::test

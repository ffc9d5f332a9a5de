// The format: the same changes give the same bytes as the golden files have, which read as what was written, and as
// FORMAT.md shows them. A change of the format bumps kStoreVersion, and the golden files are written anew with
// SEMROUTE_WRITE_GOLDEN=1.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/core/store/stores.h"
#include "tests/support/places.h"

namespace semroute::core::test {
namespace {

const std::vector<std::string> kNames{"log_00000001", "log_00000002", "snapshot_00000002"};

std::string golden_path(const std::string& name) {
  return semroute::test::source_path("tests/core/store/golden/" + name);
}

std::string file_content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// FORMAT.md walks through these.
Model write(MemoryDisk& disk) {
  Model model;
  const StorePtr store = opened(disk);
  if (store == nullptr) return model;
  const std::vector<Changes> first{{set("billing", "\x01\x02\x03\x04\x05")}, {append("billing", "more"), set("x", "")}};
  EXPECT_TRUE(commit_group(*store, first).ok());
  EXPECT_TRUE(commit(*store, {erase("x")}).ok());
  EXPECT_TRUE(store->write_snapshot().ok());
  EXPECT_TRUE(commit(*store, {set("support", "hello")}).ok());
  for (const Changes& batch : first) apply_to_model(batch, model);
  apply_to_model({erase("x"), set("support", "hello")}, model);
  return model;
}

TEST(StoreGolden, TheSameChangesGiveTheSameBytes) {
  MemoryDisk disk;
  (void)write(disk);
  for (const std::string& name : kNames) {
    const std::string written = disk.content(path_of(name));
    if (std::getenv("SEMROUTE_WRITE_GOLDEN") != nullptr) std::ofstream(golden_path(name), std::ios::binary) << written;
    EXPECT_EQ(written, file_content(golden_path(name))) << name;
  }
}

TEST(StoreGolden, TheGoldenFilesReadAsWhatWasWritten) {
  MemoryDisk other;
  const Model model = write(other);
  MemoryDisk disk;
  (void)opened(disk);
  for (const std::string& name : kNames) disk.put(path_of(name), file_content(golden_path(name)));
  {
    const StorePtr store = opened(disk);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(contents(*store), model);
    EXPECT_EQ(store->last_sequence(), 4U);
    EXPECT_EQ(store->recovery().snapshot, "snapshot_00000002");
  }
  disk.erase(path_of("snapshot_00000002"));
  const StorePtr store = opened(disk);  // the log alone
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(contents(*store), model);
}

// Lines "0060  53 52 47 50 ... | what it is" of the page, each the bytes of log_00000001 or snapshot_00000002 from
// there.
TEST(StoreGolden, ThePageShowsTheGoldenFiles) {
  std::istringstream page(file_content(semroute::test::source_path("core/store/FORMAT.md")));
  std::string name;
  std::string bytes;
  std::map<std::string, std::size_t> shown;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("### `")) {
      name = line.substr(5, line.find('`', 5) - 5);
      bytes = file_content(golden_path(name));
    }
    if (line.size() < 6 || line.find_first_not_of("0123456789abcdef") != 4 || line.substr(4, 2) != "  ") continue;
    std::size_t at = std::stoul(line.substr(0, 4), nullptr, 16);
    EXPECT_EQ(at, shown[name]) << name << ": " << line;
    std::istringstream hex(line.substr(6, line.find('|') - 6));
    for (std::string one; hex >> one; ++at) {
      ASSERT_LT(at, bytes.size()) << name;
      EXPECT_EQ(std::stoul(one, nullptr, 16), static_cast<unsigned char>(bytes[at])) << name << ": " << line;
    }
    shown[name] = at;
  }
  ASSERT_EQ(shown.size(), 2U);
  for (const auto& [file, end] : shown) EXPECT_EQ(end, file_content(golden_path(file)).size()) << file;
}

}  // namespace
}  // namespace semroute::core::test

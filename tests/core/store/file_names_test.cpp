#include "core/store/file_names.h"

#include <gtest/gtest.h>

namespace semroute::core {
namespace {

TEST(StoreFileNames, NumbersComeBack) {
  for (const std::uint64_t number : {1ULL, 99'999'999ULL, 100'000'000ULL, 1'234'567'890'123ULL}) {
    EXPECT_EQ(log_number(log_name(number)), number);
    EXPECT_EQ(snapshot_number(snapshot_name(number)), number);
    EXPECT_FALSE(log_number(snapshot_name(number)));
  }
  EXPECT_EQ(log_name(7), "log_00000007");
}

TEST(StoreFileNames, OtherNamesAreNotTheStores) {
  for (const char* name : {"log_", "log_0000000", "log_00000000", "log_000000001", "log_0000000a", "log_00000001.new",
                           "log_-0000001", "log_ 0000001", "xlog_00000001", "log_99999999999999999999", ""})
    EXPECT_FALSE(log_number(name)) << name;
}

TEST(StoreFileNames, FilesAreSortedByWhatTheyAre) {
  const StoreFiles files = sort_files({"kept_log_00000001_1", "lock", "log_00000003", "log_100000000", "log_99999999",
                                       "notes.new", "snapshot_00000003", "snapshot_00000004.new"});
  EXPECT_EQ(files.logs, (std::vector<std::uint64_t>{3, 99'999'999, 100'000'000}));
  EXPECT_EQ(files.snapshots, (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(files.leftovers, (std::vector<std::string>{"snapshot_00000004.new"}));
  EXPECT_EQ(files.kept, (std::vector<std::string>{"kept_log_00000001_1"}));
  EXPECT_EQ(kept_name("log_00000001", files.kept), "kept_log_00000001_2");
  EXPECT_EQ(kept_name("log_00000002", files.kept), "kept_log_00000002_1");
}

}  // namespace
}  // namespace semroute::core

#include "core/base/file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace semroute::core {
namespace {

class Files : public testing::Test {
 protected:
  Files() {
    std::string name = (std::filesystem::temp_directory_path() / "semroute-file-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Files() override { std::filesystem::remove_all(path_); }

  std::string path_;
};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string read(const File& file, std::uint64_t offset, std::size_t count) {
  std::string text(count, '\0');
  const auto got = file.read_at(offset, std::as_writable_bytes(std::span(text)));
  EXPECT_TRUE(got.ok());
  text.resize(*got);
  return text;
}

TEST_F(Files, AFileIsWrittenReadAndCutByPosition) {
  const Folder folder(path_ + "/new", real_system_calls());
  ASSERT_TRUE(folder.create().ok());
  ASSERT_TRUE(folder.create().ok());  // it may be there
  ASSERT_TRUE(folder.sync_above().ok());
  auto file = folder.open("a", OpenMode::create);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write_at(0, bytes_of("hello world")).ok());
  ASSERT_TRUE(file->write_at(6, bytes_of("there")).ok());
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(*file->bytes(), 11U);
  EXPECT_EQ(read(*file, 6, 100), "there");
  EXPECT_EQ(read(*file, 11, 1), "");
  EXPECT_EQ(read(*file, std::uint64_t{1} << 63, 1), "");
  ASSERT_TRUE(file->truncate(5).ok());
  ASSERT_TRUE(folder.rename("a", "b").ok());
  ASSERT_TRUE(folder.sync().ok());
  const auto again = folder.open("b", OpenMode::read);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(read(*again, 0, 100), "hello");
  EXPECT_EQ(*folder.names(), (std::vector<std::string>{"b"}));
  ASSERT_TRUE(folder.open("b", OpenMode::lock).ok());  // leaves its bytes
  EXPECT_EQ(read(*again, 0, 100), "hello");
  ASSERT_TRUE(folder.remove("b").ok());
  EXPECT_TRUE(folder.names()->empty());
}

TEST_F(Files, WhatFailsIsNamed) {
  const Folder folder(path_, real_system_calls());
  const auto absent = folder.open("absent", OpenMode::read_write);
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  EXPECT_EQ(absent.error().message, "cannot open " + path_ + "/absent: No such file or directory");
  EXPECT_EQ(folder.rename("absent", "x").error().code, ErrorCode::not_found);
  EXPECT_EQ(folder.remove("absent").error().code, ErrorCode::not_found);
  const Folder deep(path_ + "/no/such", real_system_calls());
  EXPECT_EQ(deep.create().error().code, ErrorCode::cannot_create);
  EXPECT_EQ(deep.names().error().code, ErrorCode::not_found);
  EXPECT_FALSE(deep.sync().ok());
  const auto made = folder.open("file", OpenMode::create);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(Folder(path_ + "/file", real_system_calls()).open("x", OpenMode::create).error().code,
            ErrorCode::cannot_create);
  auto reader = folder.open("file", OpenMode::read);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->write_at(0, bytes_of("x")).error().code, ErrorCode::io_error);
}

TEST_F(Files, ALockKeepsAnotherOut) {
  const Folder folder(path_, real_system_calls());
  auto first = folder.open("lock", OpenMode::lock);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(first->lock(true).ok());
  {
    auto second = folder.open("lock", OpenMode::lock);
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(second->lock(true).error().code, ErrorCode::unavailable);
    EXPECT_EQ(second->lock(false).error().code, ErrorCode::unavailable);
  }
  EXPECT_TRUE(std::filesystem::exists(path_ + "/lock"));
}

// Interrupts and shortens every call once.
class AwkwardCalls final : public SystemCalls {
 public:
  ssize_t pread(int descriptor, void* bytes, std::size_t count, off_t offset) override {
    if (interrupted()) return -1;
    return SystemCalls::pread(descriptor, bytes, (count + 1) / 2, offset);
  }
  ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) override {
    if (interrupted()) return -1;
    return SystemCalls::pwrite(descriptor, bytes, (count + 1) / 2, offset);
  }
  int fdatasync(int descriptor) override {
    ++syncs;
    return failing_sync ? fail(EIO) : interrupted() ? -1 : SystemCalls::fdatasync(descriptor);
  }
  int syncs = 0;
  bool failing_sync = false;

 private:
  static int fail(int problem) {
    errno = problem;
    return -1;
  }
  bool interrupted() {
    turn_ = !turn_;
    if (turn_) errno = EINTR;
    return turn_;
  }
  bool turn_ = false;
};

TEST_F(Files, InterruptedAndShortCallsGoOnAndAFailedSyncIsNotRepeated) {
  AwkwardCalls calls;
  const Folder folder(path_, calls);
  auto file = folder.open("a", OpenMode::create);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write_at(0, bytes_of("a longer text")).ok());
  EXPECT_EQ(read(*file, 2, 100), "longer text");
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(calls.syncs, 2);
  calls.failing_sync = true;
  EXPECT_EQ(file->sync().error().code, ErrorCode::io_error);
  EXPECT_EQ(calls.syncs, 3);
}

}  // namespace
}  // namespace semroute::core

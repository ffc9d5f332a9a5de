// A journal in memory that a test can hold up, make fail and read again.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "router/changes/change_journal.h"

namespace semroute::router::test {

class TestJournal final : public ChangeJournal {
 public:
  std::optional<JournalFailure> commit(std::span<const JournalBatch> batches) override {
    std::unique_lock lock(mutex_);
    ++commits_begun_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    if (failure_) return failure_;
    groups_.push_back(batches.size());
    for (const JournalBatch& batch : batches) {
      EXPECT_GT(batch.sequence, last_);
      last_ = batch.sequence;
      for (const JournalChange& change : batch.changes) keep(change);
    }
    return std::nullopt;
  }

  core::Result<void> read_all(const Visit& visit) override {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, records] : chains_) {
      const std::vector<std::string_view> views(records.begin(), records.end());
      if (auto done = visit(key, views); !done.ok()) return done;
    }
    return {};
  }
  core::Result<void> read_all_beside(const Work& work, std::size_t /*threads*/) override {
    return read_all([&](std::string_view key, std::span<const std::string_view> records) -> core::Result<void> {
      auto rest = work(key, records);
      if (!rest.ok()) return rest.error();
      return *rest ? (*rest)() : core::Result<void>{};
    });
  }
  core::Result<void> read(std::string_view key, const Visit& visit) override {
    const std::lock_guard lock(mutex_);
    const auto found = chains_.find(std::string(key));
    if (found == chains_.end()) return {};
    const std::vector<std::string_view> views(found->second.begin(), found->second.end());
    return visit(key, views);
  }
  std::size_t record_count(std::string_view key) const override {
    const std::lock_guard lock(mutex_);
    const auto found = chains_.find(std::string(key));
    return found == chains_.end() ? 0 : found->second.size();
  }
  std::uint64_t last_sequence() const override {
    const std::lock_guard lock(mutex_);
    return last_;
  }

  // The next commits wait until release().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void wait_for_commits(std::size_t begun) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return commits_begun_ >= begun; });
  }
  void fail(std::optional<JournalFailure> failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  // How many batches each commit kept.
  [[nodiscard]] std::vector<std::size_t> groups() const {
    const std::lock_guard lock(mutex_);
    return groups_;
  }
  [[nodiscard]] std::map<std::string, std::vector<std::string>> chains() const {
    const std::lock_guard lock(mutex_);
    return chains_;
  }

 private:
  void keep(const JournalChange& change) {
    switch (change.kind) {
      case JournalChange::Kind::set: chains_[change.key] = {change.record}; break;
      case JournalChange::Kind::append:
        EXPECT_TRUE(chains_.contains(change.key));
        chains_[change.key].push_back(change.record);
        break;
      case JournalChange::Kind::erase: EXPECT_EQ(chains_.erase(change.key), 1U); break;
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::size_t commits_begun_ = 0;
  std::optional<JournalFailure> failure_;
  std::uint64_t last_ = 0;
  std::vector<std::size_t> groups_;
  std::map<std::string, std::vector<std::string>> chains_;
};

}  // namespace semroute::router::test

// FileProblems: what is wrong with one vector or labels file, bounded, each named by file and row.
// Threads: one thread. Lifetime: the list outlives it.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "config/vector_file.h"
#include "core/base/limits.h"
#include "core/base/result.h"

namespace semroute::config {

class FileProblems {
 public:
  FileProblems(const std::string& path, std::vector<core::Error>& list) : path_(path), list_(list) {}

  // "refs.npy: MESSAGE"
  void add(core::ErrorCode code, const std::string& message) { keep({code, path_ + ": " + message}); }
  // "refs.npy: row 17: MESSAGE", from 0.
  void add_row(std::size_t row, const core::Error& error) {
    keep({error.code, path_ + ": row " + std::to_string(row) + ": " + error.message});
  }
  // "refs.jsonl:18: MESSAGE", from 1.
  void add_line(std::size_t line, const core::Error& error) {
    keep({error.code, path_ + ':' + std::to_string(line) + ": " + error.message});
  }

  [[nodiscard]] bool any() const noexcept { return count_ > 0; }

  // Call once, last: says how many were left out.
  void finish() {
    if (count_ <= core::kMaxFileProblems) return;
    list_.push_back({list_.back().code, path_ + ": and " + std::to_string(count_ - core::kMaxFileProblems) + " more"});
  }

 private:
  void keep(core::Error error) {
    if (++count_ <= core::kMaxFileProblems) list_.push_back(std::move(error));
  }

  const std::string& path_;
  std::vector<core::Error>& list_;
  std::size_t count_ = 0;
};

}  // namespace semroute::config

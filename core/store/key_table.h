// KeyTable: where the records of every key lie; the values stay in the files.
//
// A key has a chain: the record that set it and those appended since. A view of all keys as of now costs a pointer a
// key, and what is read through it stays as it is while the table goes on: a chain that a view may have is never
// changed, but copied when it grows.
// Complexity: a change O(log keys), and once after a view the records of the chain; a view O(keys). About 250 bytes a
// key.
// Threads: one at a time; a view belongs to who took it. Lifetime: a view keeps the files of its places open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/format.h"
#include "core/store/store_file.h"

namespace semroute::core {

struct RecordPlace {
  const StoreFile* file = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t sequence = 0;
  std::uint32_t bytes = 0;  // with header, key and padding
};

struct Chain {
  std::string key;
  std::vector<RecordPlace> places;  // never empty; the first is a `set`
  std::uint64_t made_after = 0;     // so many views: later ones alone may have it
};

struct KeyView {
  std::vector<std::shared_ptr<const Chain>> chains;  // ordered by key, bytewise
  std::vector<std::shared_ptr<const StoreFile>> files;
};

class KeyTable {
 public:
  // Keeps the file open for the places that name it.
  void add_file(std::shared_ptr<const StoreFile> file) { files_.push_back(std::move(file)); }
  // Files that nothing in the table names any more, but `but`, are let go.
  void release_files(const StoreFile* but);

  [[nodiscard]] bool has(std::string_view key) const { return chains_.find(key) != chains_.end(); }
  // Precondition: `append` only to a key that is there.
  void apply(RecordKind kind, std::string_view key, const RecordPlace& place);
  // The chains of `view` were copied: the places of view.chains[i] are now at copies[i]. Does those from `begin` to
  // `end`. Chains that were replaced since stay as they are, of those that grew the first part moves.
  void move_to(const KeyView& view, const std::vector<std::vector<RecordPlace>>& copies, std::size_t begin,
               std::size_t end);

  [[nodiscard]] KeyView view();
  // Of one chain, if it is there.
  [[nodiscard]] KeyView view(std::string_view key);
  [[nodiscard]] std::size_t record_count(std::string_view key) const;  // 0: no such key
  [[nodiscard]] std::size_t key_count() const noexcept { return chains_.size(); }
  [[nodiscard]] std::size_t record_count() const noexcept { return record_count_; }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept {  // about
    return chains_.size() * 250 + record_count_ * sizeof(RecordPlace);
  }
  [[nodiscard]] std::uint64_t live_bytes() const noexcept { return live_bytes_; }  // of all records

 private:
  void forget(const Chain& chain) noexcept;

  std::map<std::string, std::shared_ptr<Chain>, std::less<>> chains_;
  std::uint64_t views_ = 0;
  std::vector<std::shared_ptr<const StoreFile>> files_;
  std::size_t record_count_ = 0;
  std::uint64_t live_bytes_ = 0;
};

}  // namespace semroute::core

#include "core/store/read_chains.h"

#include <mutex>
#include <optional>
#include <vector>

#include "core/base/in_threads.h"
#include "core/base/limits.h"
#include "core/store/format.h"
#include "core/store/record_reader.h"

namespace semroute::core {
namespace {

// Handed to a thread at once: long enough for reading ahead, short enough that all end at about the same time.
constexpr std::uint64_t kBytesAtOnce = 4 * kStoreChunkBytes;

class ChainReader {
 public:
  Result<void> read(const Chain& chain, const ChainVisitor& visit) {
    values_.clear();
    if (chain.places.size() == 1) {
      const auto record = reader_.view(chain.places.front(), chain.key);
      if (!record) return record.error();
      values_.push_back(value_of(*record));
      return visit(chain.key, values_);
    }
    std::size_t bytes = 0;
    for (const RecordPlace& place : chain.places) bytes += place.bytes;
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    std::size_t at = 0;
    for (const RecordPlace& place : chain.places) {
      const auto record = std::span(buffer_).subspan(at, place.bytes);
      if (auto read = reader_.read(place, chain.key, record); !read) return read;
      values_.push_back(value_of(record));
      at += place.bytes;
    }
    return visit(chain.key, values_);
  }

 private:
  RecordReader reader_;
  std::vector<std::byte> buffer_;
  std::vector<std::span<const std::byte>> values_;
};

// Hands out the chains, some at a time, until one could not be read.
class Shares {
 public:
  explicit Shares(const KeyView& view) : view_(view) {}

  std::span<const std::shared_ptr<const Chain>> next() {
    const std::lock_guard lock(mutex_);
    const std::size_t begin = next_;
    std::uint64_t bytes = 0;
    while (next_ < view_.chains.size() && bytes < kBytesAtOnce && !failed_)
      for (const RecordPlace& place : view_.chains[next_++]->places) bytes += place.bytes;
    return std::span(view_.chains).subspan(begin, next_ - begin);
  }
  void fail(const std::shared_ptr<const Chain>& chain, Error error) {
    const std::lock_guard lock(mutex_);
    if (failed_ && &chain > failed_) return;
    failed_ = &chain;
    error_ = std::move(error);
  }
  [[nodiscard]] Result<void> outcome() const { return failed_ == nullptr ? Result<void>{} : error_; }

 private:
  const KeyView& view_;
  std::mutex mutex_;
  std::size_t next_ = 0;
  const std::shared_ptr<const Chain>* failed_ = nullptr;  // in view_.chains
  Error error_;
};

}  // namespace

Result<void> read_chains(const KeyView& view, const ChainVisitor& visit, std::size_t threads) {
  Shares shares(view);
  in_threads(threads, threads, [&](std::size_t, std::size_t) {
    ChainReader reader;
    for (auto some = shares.next(); !some.empty(); some = shares.next()) {
      for (const auto& chain : some) {
        if (auto done = reader.read(*chain, visit); !done) return shares.fail(chain, done.error());
      }
    }
  });
  return shares.outcome();
}

}  // namespace semroute::core

#include "core/store/read_chains.h"

#include <condition_variable>
#include <mutex>
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

// Chains that follow on one another, for one thread.
struct Share {
  std::size_t number = 0;
  std::span<const std::shared_ptr<const Chain>> chains;  // none: there are no more
};

// Hands out the chains, some at a time, until one could not be read; and has the threads come back in the same order.
class Shares {
 public:
  explicit Shares(const KeyView& view) : view_(view) {}

  Share next() {
    const std::lock_guard lock(mutex_);
    const std::size_t begin = next_;
    std::uint64_t bytes = 0;
    while (next_ < view_.chains.size() && bytes < kBytesAtOnce && !failed_)
      for (const RecordPlace& place : view_.chains[next_++]->places) bytes += place.bytes;
    return {next_ > begin ? given_++ : given_, std::span(view_.chains).subspan(begin, next_ - begin)};
  }
  void fail(const std::shared_ptr<const Chain>& chain, Error error) {
    const std::lock_guard lock(mutex_);
    if (failed_ && &chain > failed_) return;
    failed_ = &chain;
    error_ = std::move(error);
  }
  // False: something before has failed.
  [[nodiscard]] bool wait_for_turn(const Share& share) {
    std::unique_lock lock(mutex_);
    turned_.wait(lock, [&] { return turn_ == share.number; });
    return failed_ == nullptr || failed_ >= share.chains.data();
  }
  void end_turn() {
    const std::lock_guard lock(mutex_);
    ++turn_;
    turned_.notify_all();
  }
  [[nodiscard]] Result<void> outcome() const { return failed_ == nullptr ? Result<void>{} : error_; }

 private:
  const KeyView& view_;
  std::mutex mutex_;
  std::condition_variable turned_;
  std::size_t next_ = 0;
  std::size_t given_ = 0;
  std::size_t turn_ = 0;
  const std::shared_ptr<const Chain>* failed_ = nullptr;  // in view_.chains
  Error error_;
};

// Works on the chains until one fails; then, when it is their turn, finishes those before.
void work_on(const Share& share, const ChainWork& work, ChainReader& reader, Shares& shares) {
  std::vector<ChainRest> rests;
  rests.reserve(share.chains.size());
  for (const auto& chain : share.chains) {
    auto done = reader.read(*chain, [&](std::string_view key, std::span<const std::span<const std::byte>> values) {
      auto rest = work(key, values);
      if (!rest) return Result<void>(rest.error());
      rests.push_back(std::move(rest).value());
      return Result<void>{};
    });
    if (done) continue;
    shares.fail(chain, done.error());
    break;
  }
  bool goes_on = shares.wait_for_turn(share);
  for (std::size_t i = 0; i < rests.size() && goes_on; ++i) {
    if (!rests[i]) continue;
    auto done = rests[i]();
    goes_on = done.ok();
    if (!goes_on) shares.fail(share.chains[i], done.error());
  }
  shares.end_turn();
}

}  // namespace

Result<void> read_chains(const KeyView& view, const ChainWork& work, std::size_t threads) {
  Shares shares(view);
  in_threads(threads, threads, [&](std::size_t, std::size_t) {
    ChainReader reader;
    for (Share share = shares.next(); !share.chains.empty(); share = shares.next())
      work_on(share, work, reader, shares);
  });
  return shares.outcome();
}

Result<void> read_chains(const KeyView& view, const ChainVisitor& visit) {
  ChainReader reader;
  for (const auto& chain : view.chains)
    if (auto done = reader.read(*chain, visit); !done) return done;
  return {};
}

}  // namespace semroute::core

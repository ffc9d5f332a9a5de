#include "core/store/snapshot_reader.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/in_threads.h"

namespace semroute::core {
namespace {

// Starting a thread costs as much as checking a megabyte.
constexpr std::uint64_t kBytesAThread = std::uint64_t{8} << 20;

// What a record of a snapshot must be after those before it.
class ChainOrder {
 public:
  Problem next(const RecordHeader& header, std::string_view key, std::uint64_t base_sequence) {
    if (header.kind == RecordKind::erase) return "an erasing record in a snapshot";
    if (header.sequence > base_sequence) return "a record is newer than the snapshot";
    if (header.kind == RecordKind::set) {
      if (key_count_ > 0 && key <= key_) return "the keys are out of order";
      key_ = key;
      ++key_count_;
    } else if (key_count_ == 0 || key != key_ || header.sequence < sequence_) {
      return "a record does not belong to the chain before it";
    }
    sequence_ = header.sequence;
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t key_count() const noexcept { return key_count_; }

 private:
  std::string key_;
  std::uint64_t sequence_ = 0;
  std::uint64_t key_count_ = 0;
};

// Some records as they lie in the file, one after the other, headers checked.
struct Piece {
  std::vector<std::byte> buffer;
  std::size_t bytes = 0;
  std::uint64_t offset = 0;  // in the file
};

// The records of a snapshot from the first to the last, a piece at a time: their headers, keys and order are judged as
// they are met, their checksums by whoever takes the piece.
class SnapshotWalk {
 public:
  SnapshotWalk(const StoreFile& file, std::uint64_t bytes, const FileHeader& header, const RecordVisitor& visit,
               const BytesRead& on_read)
      : file_(file), bytes_(bytes), header_(header), visit_(visit), on_read_(on_read) {}

  // Of the pieces that follow on one another, each thread takes the next and checks it.
  void check_pieces() {
    Piece piece;
    while (next(piece)) {
      for (std::size_t at = 0; at < piece.bytes;) {
        const std::span<const std::byte> rest = std::span(piece.buffer).first(piece.bytes).subspan(at);
        const auto bytes = static_cast<std::size_t>(record_bytes(header_from<RecordHeader>(rest)));
        if (const Problem problem = check_record(rest.first(bytes))) {
          const std::lock_guard lock(mutex_);
          note(piece.offset + at, Finding::checksum, *problem);
          return;
        }
        at += bytes;
      }
    }
  }

  // Once all pieces are checked.
  [[nodiscard]] Result<void> outcome() const {
    if (failure_) return *failure_;
    if (problem_) return damaged_at(file_, at_, *problem_);
    if (crc_ != header_.records_crc || count_ != header_.record_count || order_.key_count() != header_.key_count)
      return damaged_at(file_, 0, "the records are not those that its header counts");
    return {};
  }

 private:
  // Of one record, what is found first when it is read alone comes first.
  enum class Finding : std::uint8_t { header, checksum, order };

  // False: there is none, or something is wrong.
  bool next(Piece& piece) {
    const std::lock_guard lock(mutex_);
    if (end_ == bytes_ || problem_ || failure_) return false;
    std::uint64_t wanted = std::min<std::uint64_t>(bytes_ - end_, kStoreChunkBytes);
    for (;;) {
      piece.offset = end_;
      if (!fill(piece, static_cast<std::size_t>(wanted))) return false;
      const std::uint64_t missing = walk(piece);
      // Records before one that makes no sense are checked: what is wrong may be one of them.
      if (piece.bytes > 0) return true;
      if (missing == 0) return false;
      wanted = missing;  // of a record that is longer than a piece
    }
  }

  bool fill(Piece& piece, std::size_t wanted) {
    if (piece.buffer.size() < wanted || piece.buffer.size() > 2 * std::max(wanted, kStoreChunkBytes))
      piece.buffer = std::vector<std::byte>(wanted);
    const auto got = file_.file.read_at(piece.offset, std::span(piece.buffer).first(wanted));
    if (!got) {
      failure_ = got.error();
    } else if (*got < wanted) {
      failure_ = Error{ErrorCode::io_error, file_.file.path() + " became shorter while it was read"};
    }
    piece.bytes = wanted;
    return !failure_;
  }

  // Leaves the piece's whole records in it. When there are none, the bytes of the first one; 0 if it makes no sense.
  std::uint64_t walk(Piece& piece) {
    const std::span<const std::byte> all = std::span(piece.buffer).first(piece.bytes);
    const std::uint64_t before = end_;
    std::uint64_t missing = 0;
    piece.bytes = 0;
    while (piece.bytes < all.size()) {
      const auto rest = all.subspan(piece.bytes);
      if (rest.size() < sizeof(RecordHeader)) {
        missing = sizeof(RecordHeader);
        if (bytes_ - end_ < missing) missing = note(end_, Finding::header, "the file ends within a record");
        break;
      }
      const auto header = header_from<RecordHeader>(rest);
      if (const Problem problem = check_record_header(header, bytes_ - end_)) {
        missing = note(end_, Finding::header, *problem);
        break;
      }
      missing = record_bytes(header);
      if (missing > rest.size()) break;
      const auto record = rest.first(static_cast<std::size_t>(missing));
      crc_ = crc32c(record.first(sizeof header), crc_);
      const std::string_view key = key_of(record);
      Problem problem = order_.next(header, key, header_.base_sequence);
      const RecordPlace place{&file_, end_, header.sequence, static_cast<std::uint32_t>(missing)};
      if (!problem) problem = visit_(header.kind, key, place);
      if (problem) note(end_, Finding::order, *problem);
      piece.bytes += record.size();
      end_ += missing;
      ++count_;
      if (problem) break;
    }
    if (on_read_ && end_ > before) on_read_(end_ - before);
    return missing;
  }

  // What is wrong first in the file counts. Always 0.
  std::uint64_t note(std::uint64_t at, Finding finding, std::string_view problem) {
    if (!problem_ || at < at_ || (at == at_ && finding < finding_)) {
      at_ = at;
      finding_ = finding;
      problem_ = problem;
    }
    return 0;
  }

  const StoreFile& file_;
  const std::uint64_t bytes_;
  const FileHeader& header_;
  const RecordVisitor& visit_;
  const BytesRead& on_read_;

  std::mutex mutex_;  // of what follows
  std::uint64_t end_ = sizeof(FileHeader);
  ChainOrder order_;
  std::uint32_t crc_ = 0;
  std::uint64_t count_ = 0;
  std::optional<Error> failure_;
  Problem problem_;
  std::uint64_t at_ = 0;  // of problem_
  Finding finding_ = Finding::header;
};

}  // namespace

Result<FileHeader> read_snapshot(const StoreFile& file, std::uint64_t bytes,
                                 const std::optional<StoreIdentity>& identity, const RecordVisitor& visit,
                                 const BytesRead& on_read, std::size_t threads) {
  const auto header = read_file_header(file, bytes, kSnapshotMagic, identity);
  if (!header) return header.error();
  if (header->body_bytes != bytes - sizeof(FileHeader))
    return damaged_at(file, bytes, "the file has another length than its header says");
  SnapshotWalk walk(file, bytes, *header, visit, on_read);
  const auto most = static_cast<std::size_t>(bytes / kBytesAThread + 1);
  const std::size_t parts = std::min(threads, most);
  in_threads(parts, parts, [&](std::size_t, std::size_t) { walk.check_pieces(); });
  if (const auto outcome = walk.outcome(); !outcome) return outcome.error();
  return header;
}

}  // namespace semroute::core

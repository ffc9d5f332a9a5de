#include "core/store/snapshot_reader.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/in_threads.h"

namespace semroute::core {
namespace {

// Starting a thread costs as much as checking a megabyte.
constexpr std::uint64_t kBytesAThread = std::uint64_t{8} << 20;
// A buffer that was made longer for one record is given up before the next piece.
constexpr std::size_t kMostKeptBytes = 2 * kStoreChunkBytes;

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

// A part of the file, and those records that begin in it, whole.
struct Piece {
  std::uint64_t number = 0;
  std::uint64_t offset = 0;  // in the file
  std::size_t bytes = 0;     // of the part; the last record may end behind it
  std::vector<std::byte> buffer;
  std::size_t filled = 0;  // of the buffer
  std::size_t begin = 0;   // of the first record in the buffer
  std::size_t end = 0;     // of the last one
};

// The records of a snapshot from the first to the last, a piece at a time. Threads read pieces side by side, and judge
// headers, keys and order one after another, in the order of the file; the checksums again side by side.
class SnapshotWalk {
 public:
  SnapshotWalk(const StoreFile& file, std::uint64_t bytes, const FileHeader& header, const RecordVisitor& visit,
               const BytesRead& on_read)
      : file_(file), bytes_(bytes), header_(header), visit_(visit), on_read_(on_read) {}

  // Of the pieces that follow on one another, each thread takes the next and checks it.
  void check_pieces() {
    Piece piece;
    while (next(piece)) {
      for (std::size_t at = piece.begin; at < piece.end;) {
        const std::span<const std::byte> rest = std::span(piece.buffer).first(piece.end).subspan(at);
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
    if (!claim(piece)) return false;
    const auto read = fill(piece, piece.bytes);
    std::unique_lock lock(mutex_);
    turned_.wait(lock, [&] { return turn_ == piece.number; });
    if (!read && !failure_ && !problem_) failure_ = read.error();
    // Records before one that makes no sense are checked: what is wrong may be one of them.
    const bool is_good = !failure_ && !problem_;
    if (is_good) walk(piece);
    // Nobody need read what a long record has taken along.
    claimed_ = std::max(claimed_, end_);
    ++turn_;
    turned_.notify_all();
    return is_good && !failure_;
  }

  // Who has claimed a piece takes its turn.
  bool claim(Piece& piece) {
    const std::lock_guard lock(mutex_);
    if (claimed_ == bytes_ || problem_ || failure_) return false;
    piece.number = claims_++;
    piece.offset = claimed_;
    piece.bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes_ - claimed_, kStoreChunkBytes));
    piece.filled = piece.begin = piece.end = 0;
    claimed_ += piece.bytes;
    if (piece.buffer.size() > kMostKeptBytes) piece.buffer = {};
    return true;
  }

  // The first `bytes` of the buffer are the file's. Precondition: the file had as many when it was opened.
  Result<void> fill(Piece& piece, std::size_t bytes) const {
    if (bytes <= piece.filled) return {};
    if (piece.buffer.size() < bytes) piece.buffer.resize(bytes);
    const auto some = std::span(piece.buffer).first(bytes).subspan(piece.filled);
    const auto got = file_.file.read_at(piece.offset + piece.filled, some);
    if (!got) return got.error();
    if (*got < some.size()) return Error{ErrorCode::io_error, file_.file.path() + " became shorter while it was read"};
    piece.filled = bytes;
    return {};
  }

  // Judges the records that begin in the piece; those that are good are then whole in it.
  void walk(Piece& piece) {
    const std::uint64_t before = end_;
    piece.begin = piece.end = static_cast<std::size_t>(end_ - piece.offset);
    while (piece.end < piece.bytes && !problem_) {
      if (bytes_ - end_ < sizeof(RecordHeader)) {
        note(end_, Finding::header, "the file ends within a record");
        break;
      }
      if (!fill_up(piece, piece.end + sizeof(RecordHeader))) return;
      const auto header = header_from<RecordHeader>(std::span(piece.buffer).subspan(piece.end));
      if (const Problem problem = check_record_header(header, bytes_ - end_)) {
        note(end_, Finding::header, *problem);
        break;
      }
      const auto bytes = static_cast<std::size_t>(record_bytes(header));
      if (!fill_up(piece, piece.end + bytes)) return;
      take(header, std::span(piece.buffer).subspan(piece.end, bytes));
      piece.end += bytes;
    }
    if (on_read_ && end_ > before) on_read_(end_ - before);
  }

  bool fill_up(Piece& piece, std::size_t bytes) {
    const auto filled = fill(piece, bytes);
    if (!filled) failure_ = filled.error();
    return filled.ok();
  }

  void take(const RecordHeader& header, std::span<const std::byte> record) {
    crc_ = crc32c(record.first(sizeof header), crc_);
    const std::string_view key = key_of(record);
    Problem problem = order_.next(header, key, header_.base_sequence);
    const RecordPlace place{&file_, end_, header.sequence, static_cast<std::uint32_t>(record.size())};
    if (!problem) problem = visit_(header.kind, key, place);
    if (problem) note(end_, Finding::order, *problem);
    end_ += record.size();
    ++count_;
  }

  // What is wrong first in the file counts.
  void note(std::uint64_t at, Finding finding, std::string_view problem) {
    if (!problem_ || at < at_ || (at == at_ && finding < finding_)) {
      at_ = at;
      finding_ = finding;
      problem_ = problem;
    }
  }

  const StoreFile& file_;
  const std::uint64_t bytes_;
  const FileHeader& header_;
  const RecordVisitor& visit_;
  const BytesRead& on_read_;

  std::mutex mutex_;  // of what follows
  std::condition_variable turned_;
  std::uint64_t claimed_ = sizeof(FileHeader);  // the pieces before that are somebody's
  std::uint64_t claims_ = 0;
  std::uint64_t turn_ = 0;                  // the number of the piece whose records are judged next
  std::uint64_t end_ = sizeof(FileHeader);  // of the records judged
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

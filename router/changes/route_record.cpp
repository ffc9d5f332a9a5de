#include "router/changes/route_record.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "core/base/limits.h"
#include "router/protocol/little_endian.h"

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::uint8_t kRecordVersion = 3;
constexpr std::uint8_t kFirstRecordVersion = 1;    // a route had one target at most
constexpr std::uint8_t kLargeIntegersVersion = 3;  // the first that has integers over INT64_MAX in metadata
constexpr std::uint8_t kPut = 1;
constexpr std::uint8_t kPatch = 2;

// Which fields are named, and which of those have a value.
constexpr unsigned kDescription = 1;
constexpr unsigned kTarget = 2;
constexpr unsigned kTargetIsSet = 4;  // version 1
constexpr unsigned kThreshold = 8;
constexpr unsigned kThresholdIsSet = 16;
constexpr unsigned kMetadata = 32;
constexpr unsigned kFallbacks = 64;
constexpr unsigned kMirror = 128;
constexpr unsigned kFieldBitsOfVersion1 = 63;
constexpr unsigned kFieldBits = 255 & ~kTargetIsSet;

enum ScalarType : std::uint8_t { kBoolean = 1, kInteger = 2, kReal = 3, kText = 4, kLargeInteger = 5 };

void put_text(std::string_view text, std::string& out) {
  put(static_cast<std::uint32_t>(text.size()), out);
  out.append(text);
}

void put_metadata(const config::Value& metadata, std::string& out) {
  static const config::Value::Map kNone;
  const config::Value::Map& members = metadata.map() != nullptr ? *metadata.map() : kNone;
  put(static_cast<std::uint32_t>(members.size()), out);
  for (const config::Member& member : members) {
    put_text(member.key, out);
    const config::Value& value = member.value;
    if (const auto* boolean = value.boolean()) {
      put(std::uint8_t{kBoolean}, out);
      put(static_cast<std::uint8_t>(*boolean ? 1 : 0), out);
    } else if (const auto* integer = value.integer()) {
      put(std::uint8_t{kInteger}, out);
      put(*integer, out);
    } else if (const auto* large = value.large_integer()) {
      put(std::uint8_t{kLargeInteger}, out);
      put(*large, out);
    } else if (const auto* real = value.real()) {
      put(std::uint8_t{kReal}, out);
      put(*real, out);
    } else {
      SEMROUTE_CHECK(value.string() != nullptr);  // the codec takes scalars only
      put(std::uint8_t{kText}, out);
      put_text(*value.string(), out);
    }
  }
}

void put_fields(const RouteFields& fields, std::string& out) {
  unsigned bits = 0;
  if (fields.description) bits |= kDescription;
  if (fields.targets) bits |= kTarget;
  if (fields.score_threshold) bits |= kThreshold | (*fields.score_threshold ? kThresholdIsSet : 0U);
  if (fields.metadata) bits |= kMetadata;
  if (fields.fallbacks) bits |= kFallbacks;
  if (fields.mirror) bits |= kMirror;
  put(static_cast<std::uint8_t>(bits), out);
  if (fields.description) put_text(*fields.description, out);
  if (fields.targets) {
    put(static_cast<std::uint32_t>(fields.targets->size()), out);
    for (const config::TargetShare& share : *fields.targets) {
      put_text(share.target, out);
      put(share.weight, out);
    }
  }
  if (fields.score_threshold && *fields.score_threshold) put(**fields.score_threshold, out);
  if (fields.metadata) put_metadata(*fields.metadata, out);
  if (fields.fallbacks) {
    put(static_cast<std::uint32_t>(fields.fallbacks->size()), out);
    for (const std::string& name : *fields.fallbacks) put_text(name, out);
  }
  if (fields.mirror) {
    put(static_cast<std::uint8_t>(*fields.mirror ? 1 : 0), out);
    if (*fields.mirror) {
      put_text((*fields.mirror)->target, out);
      put((*fields.mirror)->percent, out);
    }
  }
}

void put_rows(const ChangeRows& rows, std::string& out) {
  put(static_cast<std::uint32_t>(rows.dimension), out);
  put(static_cast<std::uint64_t>(rows.count), out);
  out.append(reinterpret_cast<const char*>(rows.values.data()), rows.values.size() * sizeof(float));
  put(static_cast<std::uint8_t>(rows.texts.empty() ? 0 : 1), out);
  for (const std::string& text : rows.texts) put_text(text, out);
}

void put_positions(const std::vector<std::size_t>& rows, std::string& out) {
  put(static_cast<std::uint64_t>(rows.size()), out);
  for (const std::size_t row : rows) put(static_cast<std::uint64_t>(row), out);
}

// Reads one record; ok() turns false at the first thing that makes no sense.
class RecordReader {
 public:
  RecordReader(std::string_view record, std::size_t dimension)
      : bytes_(record.size()), in_(record), dimension_(dimension) {}

  template <class T>
  T get() {
    return in_.get<T>();
  }

  [[nodiscard]] bool ok() const { return in_.ok() && sane_; }
  [[nodiscard]] bool at_end() const { return ok() && in_.rest().empty(); }
  [[nodiscard]] std::optional<std::size_t> other_dimension() const { return other_dimension_; }
  [[nodiscard]] std::size_t at() const { return bytes_ - in_.rest().size(); }

  std::string text() { return std::string(in_.bytes(in_.get<std::uint32_t>())); }

  void fields(unsigned format, RouteFields& fields) {
    const unsigned bits = in_.get<std::uint8_t>();
    expect((bits & ~(format == kFirstRecordVersion ? kFieldBitsOfVersion1 : kFieldBits)) == 0);
    expect((bits & kTargetIsSet) == 0 || (bits & kTarget) != 0);
    expect((bits & kThresholdIsSet) == 0 || (bits & kThreshold) != 0);
    if ((bits & kDescription) != 0) fields.description = text();
    if ((bits & kTarget) != 0) {
      config::TargetSplit& targets = fields.targets.emplace();
      if (format != kFirstRecordVersion) {
        split(targets);
      } else if ((bits & kTargetIsSet) != 0) {
        targets.push_back({text(), 1});
      }
    }
    if ((bits & kThreshold) != 0) {
      auto& threshold = fields.score_threshold.emplace();
      if ((bits & kThresholdIsSet) != 0) threshold = get<double>();
      expect(!threshold || *threshold - *threshold == 0.0);
    }
    if ((bits & kMetadata) != 0) fields.metadata = metadata(format);
    if ((bits & kFallbacks) != 0) {
      std::vector<std::string>& names = fields.fallbacks.emplace();
      const auto count = in_.get<std::uint32_t>();
      for (std::uint32_t i = 0; i < count && ok(); ++i) names.push_back(text());
      expect(count <= core::kMaxFallbackTargets);
    }
    if ((bits & kMirror) != 0) {
      auto& mirror = fields.mirror.emplace();
      const auto is_set = in_.get<std::uint8_t>();
      expect(is_set <= 1);
      if (is_set == 1) {
        config::Mirror& made = mirror.emplace();
        made.target = text();
        made.percent = get<double>();
        expect(made.percent >= 0.0 && made.percent <= 100.0);
      }
    }
  }

  void rows(ChangeRows& rows) {
    const std::uint64_t dimension = in_.get<std::uint32_t>();
    const std::uint64_t count = in_.get<std::uint64_t>();
    if (ok() && count > 0 && dimension != dimension_) {
      other_dimension_ = static_cast<std::size_t>(dimension);
      sane_ = false;
    }
    expect(count <= in_.rest().size() / (dimension_ * sizeof(float)));
    if (!ok()) return;
    const std::string_view floats = in_.bytes(count * dimension_ * sizeof(float));
    rows.count = static_cast<std::size_t>(count);
    rows.dimension = count > 0 ? dimension_ : 0;
    rows.values.resize(rows.count * dimension_);
    if (!floats.empty()) std::memcpy(rows.values.data(), floats.data(), floats.size());
    const auto has_texts = in_.get<std::uint8_t>();
    expect(has_texts <= 1);
    for (std::size_t row = 0; has_texts == 1 && row < rows.count && ok(); ++row) rows.texts.push_back(text());
  }

  void positions(std::vector<std::size_t>& rows) {
    const std::uint64_t count = in_.get<std::uint64_t>();
    expect(count <= in_.rest().size() / sizeof(std::uint64_t));
    for (std::uint64_t i = 0; i < count && ok(); ++i)
      rows.push_back(static_cast<std::size_t>(in_.get<std::uint64_t>()));
  }

  void expect(bool is_sane) { sane_ = sane_ && is_sane; }

 private:
  void split(config::TargetSplit& targets) {
    const auto count = in_.get<std::uint32_t>();
    expect(count <= core::kMaxTargetsOfSplit);
    for (std::uint32_t i = 0; i < count && ok(); ++i) {
      config::TargetShare& share = targets.emplace_back();
      share.target = text();
      share.weight = get<std::uint32_t>();
      expect(share.weight > 0 && share.weight <= core::kMaxTargetWeight);
    }
  }

  config::Value metadata(unsigned format) {
    config::Value::Map members;
    const std::uint32_t count = in_.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && ok(); ++i) {
      config::Member member;
      member.key = text();
      switch (in_.get<std::uint8_t>()) {
        case kBoolean: member.value.data = in_.get<std::uint8_t>() != 0; break;
        case kInteger: member.value.data = in_.get<std::int64_t>(); break;
        case kReal: {
          const auto real = in_.get<double>();
          expect(real - real == 0.0);
          member.value.data = real;
          break;
        }
        case kText: member.value.data = text(); break;
        case kLargeInteger: {
          const auto large = in_.get<std::uint64_t>();
          expect(format >= kLargeIntegersVersion && large > std::uint64_t{std::numeric_limits<std::int64_t>::max()});
          member.value.data = large;
          break;
        }
        default: expect(false);
      }
      members.push_back(std::move(member));
    }
    config::Value map;
    map.data = std::move(members);
    return map;
  }

  std::size_t bytes_;
  FieldReader in_;
  std::size_t dimension_;
  bool sane_ = true;
  std::optional<std::size_t> other_dimension_;
};

void set_fields(RouteFields&& fields, config::RouteConfig& route) {
  if (fields.description) route.description = std::move(*fields.description);
  fields.apply_to(route.destination);
  if (fields.score_threshold) route.score_threshold = *fields.score_threshold;
  if (fields.metadata) route.metadata = std::move(*fields.metadata);
}

// False when a position is not there. `remove` may be in any order.
bool change_rows(std::vector<std::size_t> remove, ChangeRows&& add, std::size_t dimension,
                 config::ReferenceRows& rows) {
  const std::size_t count = rows.values.size() / dimension;
  std::ranges::sort(remove);
  if (!remove.empty() && (remove.back() >= count || std::ranges::adjacent_find(remove) != remove.end())) return false;
  if (count == 0) {
    rows.values = std::move(add.values);
    rows.texts = std::move(add.texts);
    return true;
  }
  const bool has_texts = !rows.texts.empty() || !add.texts.empty();
  if (has_texts) rows.texts.resize(count);
  std::size_t kept = 0;
  auto next = remove.begin();
  for (std::size_t row = 0; row < count && !remove.empty(); ++row) {
    if (next != remove.end() && *next == row) {
      ++next;
      continue;
    }
    if (kept != row) {
      std::copy_n(rows.values.begin() + static_cast<std::ptrdiff_t>(row * dimension), dimension,
                  rows.values.begin() + static_cast<std::ptrdiff_t>(kept * dimension));
      if (has_texts) rows.texts[kept] = std::move(rows.texts[row]);
    }
    ++kept;
  }
  if (remove.empty()) kept = count;
  rows.values.resize(kept * dimension);
  rows.values.insert(rows.values.end(), add.values.begin(), add.values.end());
  if (has_texts) {
    rows.texts.resize(kept);
    add.texts.resize(add.count);
    std::ranges::move(add.texts, std::back_inserter(rows.texts));
  }
  return true;
}

Error damaged(std::size_t number, std::size_t at) {
  return {ErrorCode::damaged, "record " + std::to_string(number) + " makes no sense at byte " + std::to_string(at)};
}

Result<void> replay_one(std::string_view record, std::size_t number, std::size_t dimension, StoredRoute& route) {
  RecordReader in(record, dimension);
  const auto format = in.get<std::uint8_t>();
  if (in.ok() && (format < kFirstRecordVersion || format > kRecordVersion))
    return Error{ErrorCode::unsupported_version, "record " + std::to_string(number) + " is of format version " +
                                                     std::to_string(format) + ", this program knows " +
                                                     std::to_string(kRecordVersion)};
  const auto kind = in.get<std::uint8_t>();
  const auto version = in.get<std::uint64_t>();
  in.expect(kind == (number == 0 ? kPut : kPatch) && version >= route.version && version > 0);
  RouteFields fields;
  ChangeRows references;
  ChangeRows negatives;
  std::vector<std::size_t> remove;
  std::vector<std::size_t> remove_negatives;
  if (in.ok()) in.fields(format, fields);
  if (in.ok()) in.rows(references);
  if (in.ok()) in.rows(negatives);
  if (kind == kPatch) {
    if (in.ok()) in.positions(remove);
    if (in.ok()) in.positions(remove_negatives);
  }
  if (const auto other = in.other_dimension())
    return Error{ErrorCode::dimension_mismatch, "its vectors have " + std::to_string(*other) +
                                                    " numbers, index.dimension is " + std::to_string(dimension)};
  if (!in.at_end()) return damaged(number, in.at());
  route.version = version;
  set_fields(std::move(fields), route.content);
  if (!change_rows(std::move(remove), std::move(references), dimension, route.content.references) ||
      !change_rows(std::move(remove_negatives), std::move(negatives), dimension, route.content.negatives))
    return damaged(number, record.size());
  return {};
}

}  // namespace

JournalChange journal_change(const RouteChange& change, std::uint64_t version) {
  JournalChange made{JournalChange::Kind::erase, change.name, {}};
  if (change.kind == RouteChange::Kind::erase) return made;
  const bool is_put = change.kind == RouteChange::Kind::put;
  made.kind = is_put ? JournalChange::Kind::set : JournalChange::Kind::append;
  std::string& out = made.record;
  put(kRecordVersion, out);
  put(is_put ? kPut : kPatch, out);
  put(version, out);
  put_fields(change.fields, out);
  put_rows(change.references, out);
  put_rows(change.negatives, out);
  if (!is_put) {
    put_positions(change.remove, out);
    put_positions(change.remove_negatives, out);
  }
  return made;
}

Result<StoredRoute> replay(std::string_view key, std::span<const std::string_view> records, std::size_t dimension) {
  StoredRoute route;
  route.content.name = key;
  if (records.empty()) return Error{ErrorCode::bad_request, "there is no record"};
  for (std::size_t number = 0; number < records.size(); ++number)
    if (auto done = replay_one(records[number], number, dimension, route); !done.ok()) return done.error();
  if (route.content.references.values.empty()) return damaged(records.size() - 1, records.back().size());
  return route;
}

Result<JournalChange> joined(const JournalChange& patch, std::span<const std::string_view> records,
                             std::size_t dimension) {
  std::vector<std::string_view> all(records.begin(), records.end());
  all.push_back(patch.record);
  auto route = replay(patch.key, all, dimension);
  if (!route.ok()) return route.error();
  config::RouteConfig& content = route->content;
  const auto rows_of = [dimension](config::ReferenceRows& rows) {
    ChangeRows made;
    made.count = rows.values.size() / dimension;
    made.dimension = made.count == 0 ? 0 : dimension;
    made.values = std::move(rows.values);
    made.texts = std::move(rows.texts);
    return made;
  };
  RouteChange put;
  put.kind = RouteChange::Kind::put;
  put.name = patch.key;
  put.fields = {.description = std::move(content.description),
                .targets = std::move(content.destination.targets),
                .fallbacks = std::move(content.destination.fallbacks),
                .mirror = std::move(content.destination.mirror),
                .score_threshold = content.score_threshold,
                .metadata = std::move(content.metadata)};
  put.references = rows_of(content.references);
  put.negatives = rows_of(content.negatives);
  return journal_change(put, route->version);
}

StoredRoutes stored_routes(ChangeJournal& journal, std::size_t dimension, std::size_t threads) {
  const auto read = [&journal, dimension, threads](const StoredRoutes::Work& work) {
    return journal.read_all_beside(
        [&](std::string_view key, std::span<const std::string_view> records) -> Result<StoredRoutes::Rest> {
          auto route = replay(key, records, dimension);
          if (route.ok()) return work(std::move(route).value());
          return Error{route.error().code, "route \"" + std::string(key) + "\": " + route.error().message};
        },
        threads);
  };
  return {.read = read, .most_rows = static_cast<std::size_t>(journal.live_bytes()) / (dimension * sizeof(float))};
}

}  // namespace semroute::router

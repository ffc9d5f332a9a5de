// JsonDecoder::State: the fields that change routes. They are read piece by piece, since a route may have many vectors.
#include <algorithm>
#include <array>
#include <cstring>

#include "config/destination_reader.h"
#include "core/base/limits.h"
#include "router/protocol/float_text.h"
#include "router/protocol/json_decoder_state.h"

namespace semroute::router {
namespace {

using config::Value;
using core::ErrorCode;
using core::Result;
using std::string_view;

constexpr std::array<string_view, 9> kRouteMembers{"name",        "references",       "negatives",
                                                   "description", "target",           "score_threshold",
                                                   "metadata",    "fallback_targets", "mirror"};
constexpr std::array<string_view, 6> kSetMembers{"description", "target",           "score_threshold",
                                                 "metadata",    "fallback_targets", "mirror"};
constexpr std::array<string_view, 2> kRowMembers{"embedding", "text"};
constexpr std::array<string_view, 2> kFrameRowMembers{"rows", "texts"};
constexpr std::array<string_view, 3> kChangeKinds{"put", "patch", "delete"};
constexpr std::array<string_view, 2> kPutFields{"route", "if_version"};
constexpr std::array<string_view, 7> kPatchFields{"name",          "if_version",       "add", "remove",
                                                  "add_negatives", "remove_negatives", "set"};
constexpr std::array<string_view, 2> kDeleteFields{"name", "if_version"};

constexpr std::int64_t kMaxPosition = std::int64_t{1} << 40;  // over any index

std::string over(const std::string& name, std::size_t bytes, std::size_t most) {
  return name + ": " + std::to_string(bytes) + " bytes, at most " + std::to_string(most);
}

bool is_metadata_value(const Value& value) { return value.is_scalar(); }

}  // namespace

void JsonDecoder::State::expected(const std::string& name, const std::string& what) {
  offend(name + ": expected " + what + ", found " + shown(source));
}

// Calls read(key) at the value of each member of the object ahead whose key is one of `known`.
template <class Read>
Result<void> JsonDecoder::State::read_members(const std::string& name, std::span<const string_view> known,
                                              Read&& read) {
  if (!take('{')) {
    offend(name + ": expected an object");
    return pass(values.skip(rest()), name);
  }
  if (take('}')) return {};
  std::uint32_t had = 0;
  do {
    const auto key = read_key();
    if (!key.ok()) return key.error();
    const auto found = std::ranges::find(known, *key);
    const auto bit = std::uint32_t{1} << static_cast<unsigned>(found - known.begin());
    if (found == known.end()) {
      offend(name + ": unknown field \"" + shown(*key) + "\"");
    } else if ((had & bit) != 0) {
      offend(name + ": key \"" + std::string(*found) + "\" appears twice");
    }
    if (!take(':')) return malformed("expected ':'");
    (void)ahead();  // `rest` begins with the value
    const bool is_read = found != known.end() && (had & bit) == 0;
    if (auto done = is_read ? read(*found) : pass(values.skip(rest()), name); !done.ok()) return done;
    had |= bit;
  } while (take(','));
  if (!take('}')) return malformed("expected ',' or '}'");
  return {};
}

// Calls read(name of the element) at each element of the list ahead.
template <class Read>
Result<void> JsonDecoder::State::read_elements(const std::string& name, Read&& read) {
  if (!take('[')) {
    offend(name + ": expected a list");
    return pass(values.skip(rest()), name);
  }
  if (take(']')) return {};
  std::size_t at_element = 0;
  do {
    (void)ahead();
    if (auto done = read(name + "[" + std::to_string(at_element++) + "]"); !done.ok()) return done;
  } while (take(','));
  if (!take(']')) return malformed("expected ',' or ']'");
  return {};
}

// `source` is empty when the value is an offence.
Result<void> JsonDecoder::State::read_tree(const std::string& name) {
  (void)ahead();
  return pass(values.read(rest(), tree), name);
}

Result<void> JsonDecoder::State::read_change_field(Field field, RouteChange& change) {
  const std::string& path = change.path;
  switch (field) {
    case Field::route: return read_route(change);
    case Field::set: return read_set(change);
    case Field::add: return read_rows(path + "add", change.references);
    case Field::add_negatives: return read_rows(path + "add_negatives", change.negatives);
    case Field::remove: return read_positions(path + "remove", change.remove);
    case Field::remove_negatives: return read_positions(path + "remove_negatives", change.remove_negatives);
    default: break;
  }
  SEMROUTE_CHECK(field == Field::if_version || field == Field::name);
  const std::string name = path + (field == Field::name ? "name" : "if_version");
  if (auto read = read_tree(name); !read.ok()) return read;
  if (source.empty()) return {};
  if (field == Field::name) {
    if (tree.string() != nullptr) {
      change.name = *tree.string();
    } else {
      expected(name, "a string");
    }
  } else if (tree.integer() != nullptr && *tree.integer() >= 0) {
    change.if_version = static_cast<std::uint64_t>(*tree.integer());
  } else {
    expected(name, "an integer, at least 0");
  }
  return {};
}

Result<void> JsonDecoder::State::read_changes(std::vector<RouteChange>& changes) {
  auto read = read_elements("changes", [&](const std::string& name) { return read_change(name, changes); });
  if (read.ok() && changes.empty()) offend("changes: the list is empty");
  return read;
}

// {"put":{...}}, {"patch":{...}} or {"delete":{...}}, with the fields of the op of that name.
Result<void> JsonDecoder::State::read_change(const std::string& path, std::vector<RouteChange>& changes) {
  const std::size_t before = changes.size();
  if (before >= core::kMaxChangesInBatch) {
    offend(ErrorCode::too_large, "changes: more than " + std::to_string(core::kMaxChangesInBatch));
    return pass(values.skip(rest()), path);
  }
  auto read = read_members(path, kChangeKinds, [&](string_view kind) -> Result<void> {
    RouteChange& change = changes.emplace_back();
    change.path = path + '.' + std::string(kind) + '.';
    const std::string name = change.path.substr(0, change.path.size() - 1);
    change.kind = kind == "put"     ? RouteChange::Kind::put
                  : kind == "patch" ? RouteChange::Kind::patch
                                    : RouteChange::Kind::erase;
    const std::span<const string_view> known = kind == "put"     ? std::span<const string_view>(kPutFields)
                                               : kind == "patch" ? std::span<const string_view>(kPatchFields)
                                                                 : std::span<const string_view>(kDeleteFields);
    bool has_effect = kind != "patch";
    bool has_route = kind != "put";
    auto fields = read_members(name, known, [&](string_view key) {
      has_effect = has_effect || (key != "name" && key != "if_version");
      has_route = has_route || key == "route";
      return read_change_field(*find_field(key), change);
    });
    if (!fields.ok()) return fields;
    if (!has_route) offend(change.path + "route is missing");
    if (kind != "put" && change.name.empty()) offend(change.path + "name is missing");
    if (!has_effect) offend(name + ": there is nothing to change");
    return fields;
  });
  if (read.ok() && changes.size() != before + 1) offend(path + ": expected one of put, patch and delete");
  return read;
}

Result<void> JsonDecoder::State::read_route(RouteChange& change) {
  const std::string name = change.path + "route";
  auto read = read_members(name, kRouteMembers, [&](string_view key) { return read_route_member(name, key, change); });
  if (read.ok() && change.name.empty()) offend(name + ".name is missing");
  return read;
}

Result<void> JsonDecoder::State::read_set(RouteChange& change) {
  const std::string name = change.path + "set";
  return read_members(name, kSetMembers, [&](string_view key) { return read_route_member(name, key, change); });
}

Result<void> JsonDecoder::State::read_route_member(const std::string& name, string_view key, RouteChange& change) {
  const std::string own = name + '.' + std::string(key);
  if (key == "references") return read_rows(own, change.references);
  if (key == "negatives") return read_rows(own, change.negatives);
  if (auto read = read_tree(own); !read.ok()) return read;
  if (source.empty()) return {};
  if (key == "target" || key == "fallback_targets" || key == "mirror") {
    read_destination(name, key, change.fields);
  } else if (key == "score_threshold") {
    auto& threshold = change.fields.score_threshold.emplace();
    threshold = tree.number();
    if (!threshold && !tree.is_null()) expected(own, "a number or null");
  } else if (key == "metadata") {
    if (tree.map() == nullptr && !tree.is_null()) {
      expected(own, "an object");
      return {};
    }
    if (tree.map() != nullptr)
      for (const config::Member& member : *tree.map())
        if (!is_metadata_value(member.value))
          offend(own + '.' + shown(member.key) + ": expected a string, a number or a boolean");
    std::string written;  // as replies and files will have it
    append_json_value(tree, written);
    if (written.size() > core::kMaxMetadataBytes)
      offend(ErrorCode::too_large, over(own, written.size(), core::kMaxMetadataBytes));
    change.fields.metadata = std::move(tree);
  } else if (tree.string() == nullptr) {
    expected(own, "a string");
  } else if (key == "name") {
    change.name = *tree.string();
  } else {
    if (const std::size_t bytes = tree.string()->size(); bytes > core::kMaxDescriptionBytes)
      offend(ErrorCode::too_large, over(own, bytes, core::kMaxDescriptionBytes));
    change.fields.description = *tree.string();
  }
  return {};
}

// `tree` as the member `key` of an object, the way the configuration has it; null is none.
void JsonDecoder::State::read_destination(const std::string& name, string_view key, RouteFields& fields) {
  Value::Map members;
  if (!tree.is_null()) members.push_back({std::string(key), {}, std::move(tree)});
  const Value object{std::move(members), {}, {}};
  config::Diagnostics problems("");
  config::MapReader reader(object, name, problems);
  config::DestinationReader destination(problems, nullptr, nullptr);
  if (key == "target") {
    fields.targets = destination.targets(reader);
  } else if (key == "fallback_targets") {
    fields.fallbacks = destination.fallbacks(reader);
  } else {
    fields.mirror = destination.mirror(reader);
  }
  if (!problems.has_errors()) return;
  const config::Diagnostic& first = problems.all().front();
  offend(first.key_path + ": " + first.message);
}

Result<void> JsonDecoder::State::read_rows(const std::string& name, ChangeRows& rows) {
  if (is_extras && ahead() == '{') return read_frame_rows(name, rows);
  return read_elements(name, [&](const std::string& row) { return read_row(row, rows); });
}

Result<void> JsonDecoder::State::read_row(const std::string& name, ChangeRows& rows) {
  if (ahead() != '{') {
    const auto count = read_vector(name, rows.values);
    if (!count.ok()) return count.error();
    rows.add(*count, "");
    return {};
  }
  std::size_t count = 0;
  std::string text_of_row;
  bool has_embedding = false;
  auto read = read_members(name, kRowMembers, [&](string_view key) -> Result<void> {
    const std::string own = name + '.' + std::string(key);
    if (key == "embedding") {
      has_embedding = true;
      const auto numbers = read_vector(own, rows.values);
      if (!numbers.ok()) return numbers.error();
      count = *numbers;
      return {};
    }
    if (auto done = read_tree(own); !done.ok()) return done;
    if (source.empty()) return {};
    if (tree.string() == nullptr) {
      expected(own, "a string");
    } else {
      text_of_row = *tree.string();
    }
    return {};
  });
  if (!has_embedding) offend(name + ".embedding is missing");
  rows.add(count, std::move(text_of_row));
  return read;
}

// {"rows":[first,count],"texts":[...]}: rows of the frame's body.
Result<void> JsonDecoder::State::read_frame_rows(const std::string& name, ChangeRows& rows) {
  std::vector<std::size_t> span;
  std::vector<std::string> texts;
  bool has_texts = false;
  auto read = read_members(name, kFrameRowMembers, [&](string_view key) -> Result<void> {
    if (key == "rows") return read_positions(name + ".rows", span);
    has_texts = true;
    return read_elements(name + ".texts", [&](const std::string& own) -> Result<void> {
      if (auto done = read_tree(own); !done.ok()) return done;
      if (source.empty()) return {};
      if (tree.string() == nullptr) {
        expected(own, "a string");
      } else {
        texts.push_back(*tree.string());
      }
      return {};
    });
  });
  if (!read.ok()) return read;
  const std::size_t left = frame_rows.count - frame_rows_used;
  if (span.size() != 2 || span[0] > frame_rows.count || span[1] > frame_rows.count - span[0] || span[1] > left) {
    offend(name + ".rows: expected [first, count] within the " + std::to_string(frame_rows.count) +
           " rows of the body, each of them once");
    return read;
  }
  if (has_texts && texts.size() != span[1]) offend(name + ".texts: expected one for each row");
  frame_rows_used += span[1];
  const std::size_t before = rows.values.size();
  rows.values.resize(before + span[1] * frame_rows.dimension);
  if (span[1] > 0)
    std::memcpy(rows.values.data() + before, frame_rows.floats.data() + span[0] * frame_rows.dimension * sizeof(float),
                span[1] * frame_rows.dimension * sizeof(float));
  const std::size_t numbers = rows.values.size() - before;
  if (const std::size_t wrong = first_not_finite(rows.values.data() + before, numbers); wrong < numbers)
    offend(ErrorCode::bad_vector, name + "[" + std::to_string(wrong / frame_rows.dimension) + "]: number " +
                                      std::to_string(wrong % frame_rows.dimension) + " is not finite");
  for (std::size_t row = 0; row < span[1]; ++row)
    rows.add(frame_rows.dimension, row < texts.size() ? std::move(texts[row]) : "");
  return read;
}

Result<void> JsonDecoder::State::read_positions(const std::string& name, std::vector<std::size_t>& rows) {
  return read_elements(name, [&](const std::string& own) -> Result<void> {
    if (auto done = read_tree(own); !done.ok()) return done;
    if (source.empty()) return {};
    if (tree.integer() == nullptr || *tree.integer() < 0 || *tree.integer() > kMaxPosition) {
      expected(own, "the number of a row");
    } else {
      rows.push_back(static_cast<std::size_t>(*tree.integer()));
    }
    return {};
  });
}

}  // namespace semroute::router

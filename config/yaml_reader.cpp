#include "config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/scalar.h"
#include "core/base/limits.h"
#include "core/base/utf8.h"

namespace semroute::config {
namespace {

// Thrown through yaml-cpp to end a reading that must not go on; the diagnostic is already made.
struct Abandoned {};

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

// Whether the quoted scalar that begins at `text[begin]` ends. yaml-cpp accepts one that does not.
bool quote_ends(std::string_view text, std::size_t begin) noexcept {
  const char quote = text[begin];
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '\'' && i + 1 < text.size() && text[i + 1] == '\'') {
        ++i;
      } else {
        return true;
      }
    }
  }
  return false;
}

// Builds the tree from yaml-cpp's events. Its own node API would accept duplicate keys, resolve
// aliases and type nothing.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, Diagnostics& diagnostics) : text_(text), diagnostics_(diagnostics) {}

  [[nodiscard]] bool has_root() const noexcept { return has_root_; }
  [[nodiscard]] Value take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    diagnostics_.error(place_of(mark), "", "expected one document, found a second one");
    throw Abandoned{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (refuse_as_key(mark, "null")) return;
    Value value;
    value.place = place_of(mark);
    // A value that was left out is reported by yaml-cpp where the next token stands.
    if (!frames_.empty() && frames_.back().value.map() != nullptr &&
        value.place.line != frames_.back().key_place.line) {
      value.place = frames_.back().key_place;
    }
    check_properties(value.place, anchor, "?");
    add(std::move(value));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    if (refuse_as_key(mark, "an alias")) return;
    Value value;
    value.place = place_of(mark);
    diagnostics_.refuse(value.place, path(), "aliases are not supported: write the value out");
    add(std::move(value));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& scalar) override {
    const std::size_t at = static_cast<std::size_t>(std::max(mark.pos, 0));
    const char first = at < text_.size() ? text_[at] : '\0';
    const bool is_quoted = first == '"' || first == '\'';
    if (is_quoted && !quote_ends(text_, at)) {
      diagnostics_.error(place_of(mark), wants_key() ? "" : path(), "this quote never ends");
      throw Abandoned{};
    }
    // yaml-cpp gives quoted and block scalars the tag "!", which may also have been written.
    const bool is_plain = tag != "!" || first == '!';
    const bool is_tagged = (tag != "?" && tag != "!") || first == '!';
    if (wants_key()) {
      take_key(place_of(mark), scalar, is_plain, anchor, is_tagged);
      return;
    }
    Value value;
    value.place = place_of(mark);
    check_properties(value.place, anchor, is_tagged ? "!tag" : "?");
    value.text = scalar;
    if (is_plain && !is_tagged) {
      core::Result<Value> typed = parse_plain_scalar(scalar);
      if (typed.ok()) {
        value.data = std::move(typed->data);
      } else {
        diagnostics_.refuse(value.place, path(), typed.error().message);
      }
    } else {
      value.data = scalar;
    }
    add(std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::List{}, "a list");
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Map{}, "a map");
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;      // the list or map that is being filled
    std::string key;  // of a map: the member whose value comes next
    Place key_place;
    bool has_key = false;
    bool drop = false;                            // the next value belongs to a key that was refused
    std::unordered_map<std::string, Place> seen;  // of a map: every key and where it first stood
  };

  [[nodiscard]] bool wants_key() const {
    return !frames_.empty() && frames_.back().value.map() != nullptr && !frames_.back().has_key;
  }

  // The key path of the value that comes next.
  [[nodiscard]] std::string path() const {
    std::string result;
    for (const Frame& frame : frames_) {
      if (const Value::List* list = frame.value.list()) {
        result += '[' + std::to_string(list->size()) + ']';
      } else if (frame.has_key) {
        if (!result.empty()) result += '.';
        result += frame.key;
      }
    }
    return result;
  }

  void set_key(std::string key, Place place, bool drop) {
    Frame& frame = frames_.back();
    frame.key = std::move(key);
    frame.key_place = place;
    frame.has_key = true;
    frame.drop = drop;
  }

  bool refuse_as_key(const YAML::Mark& mark, std::string_view what) {
    if (!wants_key()) return false;
    count_node(place_of(mark));
    const std::string where = path();
    diagnostics_.error(place_of(mark), where, "expected a key that is a plain word, found " + std::string(what));
    set_key("?", place_of(mark), true);
    return true;
  }

  void take_key(Place place, const std::string& key, bool is_plain, YAML::anchor_t anchor, bool is_tagged) {
    count_node(place);
    set_key(key, place, false);
    check_properties(place, anchor, is_tagged ? "!tag" : "?");
    Frame& frame = frames_.back();
    if (is_plain && key == "<<") {
      diagnostics_.error(place, path(), "merge keys are not supported: write the members out");
      frame.drop = true;
      return;
    }
    const auto [first, is_new] = frame.seen.emplace(key, place);
    if (is_new) return;
    diagnostics_.error(
        place, path(),
        "given twice, first at " + std::to_string(first->second.line) + ':' + std::to_string(first->second.column));
    frame.drop = true;
  }

  void check_properties(Place place, YAML::anchor_t anchor, std::string_view tag) {
    if (anchor != 0) diagnostics_.error(place, path(), "anchors are not supported: write the value out where needed");
    if (tag != "?" && tag != "!")
      diagnostics_.error(place, path(), "tags are not supported: quote a value to make it a string");
  }

  void count_node(Place place) {
    if (++nodes_ <= core::kMaxConfigNodes) return;
    diagnostics_.error(place, "", "expected at most " + std::to_string(core::kMaxConfigNodes) + " values");
    throw Abandoned{};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, decltype(Value::data) container,
            std::string_view what) {
    if (frames_.size() >= core::kMaxConfigDepth) {
      diagnostics_.error(place_of(mark), "",
                         "expected a nesting of at most " + std::to_string(core::kMaxConfigDepth) + " levels");
      throw Abandoned{};
    }
    if (refuse_as_key(mark, what)) throw Abandoned{};
    Frame frame;
    frame.value.place = place_of(mark);
    check_properties(frame.value.place, anchor, tag == "!" ? "!tag" : std::string_view(tag));
    frame.value.data = std::move(container);
    frames_.push_back(std::move(frame));
  }

  void close() {
    Value value = std::move(frames_.back().value);
    frames_.pop_back();
    add(std::move(value));
  }

  void add(Value value) {
    count_node(value.place);
    if (frames_.empty()) {
      root_ = std::move(value);
      has_root_ = true;
      return;
    }
    Frame& frame = frames_.back();
    if (auto* list = std::get_if<Value::List>(&frame.value.data)) {
      list->push_back(std::move(value));
      return;
    }
    frame.has_key = false;
    if (frame.drop) return;
    std::get<Value::Map>(frame.value.data).push_back({std::move(frame.key), frame.key_place, std::move(value)});
  }

  std::string_view text_;
  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  Value root_;
  bool has_root_ = false;
  std::size_t nodes_ = 0;
  std::size_t documents_ = 0;
};

Place place_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::ranges::count(before, '\n');
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(offset - line_begin + 1)};
}

// yaml-cpp holds all tokens of a line of flow style before its first event: nesting and counts that
// the events would refuse anyway are refused here, coarsely, before they cost time and memory.
bool is_affordable(std::string_view text, Diagnostics& diagnostics) {
  // Far over kMaxConfigDepth, as text may hold stray brackets: an exported route's metadata and description do.
  constexpr std::size_t kMostOpen = 100'000;
  std::size_t open = 0;
  std::size_t structure = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[' || c == '{') {
      ++open;
      ++structure;
    } else if ((c == ']' || c == '}') && open > 0) {
      --open;
    } else if (c == ',') {
      ++structure;
    }
    if (open > kMostOpen) {
      diagnostics.error(place_at(text, i), "",
                        "expected a nesting of at most " + std::to_string(core::kMaxConfigDepth) + " levels");
      return false;
    }
    if (structure > core::kMaxConfigNodes) {
      diagnostics.error(place_at(text, i), "", "expected at most " + std::to_string(core::kMaxConfigNodes) + " values");
      return false;
    }
  }
  return true;
}

bool has_only_text(std::string_view text, Diagnostics& diagnostics) {
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    diagnostics.error(place_at(text, nul), "", "expected text, found a NUL byte");
    return false;
  }
  if (core::is_utf8(text)) return true;
  // Lines before the bad byte are valid by themselves: find it by halves of the text's lines.
  std::size_t line_begin = 0;
  while (line_begin < text.size()) {
    const std::size_t line_end = std::min(text.find('\n', line_begin), text.size() - 1);
    if (!core::is_utf8(text.substr(line_begin, line_end - line_begin + 1))) break;
    line_begin = line_end + 1;
  }
  diagnostics.error(place_at(text, line_begin), "", "expected UTF-8, found other bytes in this line");
  return false;
}

// What yaml-cpp says, for somebody who does not know its grammar.
std::string explain(const std::string& message) {
  struct Words {
    std::string_view theirs;
    std::string_view ours;
  };
  static const std::array<Words, 8> kWords{{
      {YAML::ErrorMsg::MAP_VALUE, "a ':' cannot stand here: check the indentation, or quote the value"},
      {YAML::ErrorMsg::MAP_KEY, "a key cannot stand here: check the indentation"},
      {YAML::ErrorMsg::END_OF_MAP, "this does not continue the map: check the indentation and the quotes"},
      {YAML::ErrorMsg::END_OF_SEQ, "this does not continue the list: check the indentation and the quotes"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "expected ',' or ']'"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "expected ',' or '}'"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN, "a value cannot begin with this character: quote it"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, "this quote never ends"},
  }};
  const auto found = std::ranges::find(kWords, message, &Words::theirs);
  return found == kWords.end() ? message : std::string(found->ours);
}

}  // namespace

std::optional<Value> read_yaml(std::string_view text, Diagnostics& diagnostics) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!has_only_text(text, diagnostics) || !is_affordable(text, diagnostics)) return std::nullopt;
  TreeBuilder builder(text, diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Abandoned&) {
    return std::nullopt;
  } catch (const YAML::Exception& exception) {
    diagnostics.error(place_of(exception.mark), "", "this is not YAML: " + explain(exception.msg));
    return std::nullopt;
  }
  if (!builder.has_root()) {
    diagnostics.error({}, "", "expected a configuration, found nothing");
    return std::nullopt;
  }
  return builder.take_root();
}

}  // namespace semroute::config

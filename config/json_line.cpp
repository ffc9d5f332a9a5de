#include "config/json_line.h"

#include <boost/json/basic_parser_impl.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <span>

#include "core/base/base64.h"
#include "core/base/limits.h"

namespace semroute::config {
namespace {

namespace json = boost::json;
using core::Error;
using core::ErrorCode;

static_assert(std::endian::native == std::endian::little, "base64 embeddings are copied as they lie");

// The names below are those that basic_parser calls.
class LineHandler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  explicit LineHandler(JsonLineReader::Kind kind) : kind_(kind) {}

  void reset() {
    line_ = {};
    problem_.reset();
    key_.clear();
    scalar_.clear();
    depth_ = 0;
  }
  [[nodiscard]] JsonLine& line() noexcept { return line_; }
  [[nodiscard]] const std::optional<Error>& problem() const noexcept { return problem_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  bool on_object_begin(json::error_code& ec) { return depth_++ == 0 || refuse_value("an object", ec); }
  bool on_object_end(std::size_t, json::error_code&) {
    --depth_;
    return true;
  }
  bool on_array_begin(json::error_code& ec) {
    if (depth_ != 1 || key_ != "embedding") return refuse_value("an array", ec);
    ++depth_;
    line_.embedding.emplace();
    return true;
  }
  bool on_array_end(std::size_t, json::error_code&) {
    --depth_;
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    scalar_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
    scalar_.append(part.data(), part.size());
    key_ = std::move(scalar_);
    scalar_.clear();
    const bool takes_embedding = kind_ == JsonLineReader::Kind::vectors;
    if (key_ != "label" && key_ != "text" && !(takes_embedding && key_ == "embedding")) {
      return refuse(
          ErrorCode::bad_request,
          "unknown key \"" + key_ + "\", expected " + (takes_embedding ? "embedding, " : "") + "label or text", ec);
    }
    const bool is_second = key_ == "label"  ? line_.label.has_value()
                           : key_ == "text" ? line_.text.has_value()
                                            : line_.embedding.has_value();
    return !is_second || refuse(ErrorCode::bad_request, "\"" + key_ + "\" is given twice", ec);
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    scalar_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
    scalar_.append(part.data(), part.size());
    std::string text = std::move(scalar_);
    scalar_.clear();
    if (depth_ != 1) return refuse_value("a string", ec);
    if (key_ == "embedding") return take_base64(text, ec);
    (key_ == "label" ? line_.label : line_.text) = std::move(text);
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code& ec) {
    return take_number(static_cast<double>(number), ec);
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code& ec) {
    return take_number(static_cast<double>(number), ec);
  }
  bool on_double(double number, json::string_view, json::error_code& ec) { return take_number(number, ec); }
  bool on_bool(bool, json::error_code& ec) { return refuse_value("a boolean", ec); }
  bool on_null(json::error_code& ec) { return refuse_value("null", ec); }

 private:
  bool refuse(ErrorCode code, std::string message, json::error_code& ec) {
    problem_ = Error{code, std::move(message)};
    ec = make_error_code(json::error::syntax);  // any error ends the parsing
    return false;
  }

  bool refuse_value(std::string_view found, json::error_code& ec) {
    const std::string_view expected = depth_ == 0           ? "a JSON object"
                                      : key_ != "embedding" ? "a string"
                                      : depth_ == 1         ? "an array of numbers or base64"
                                                            : "numbers alone";
    const std::string where = depth_ == 0 ? "" : "\"" + key_ + "\": ";
    return refuse(ErrorCode::bad_request, where + "expected " + std::string(expected) + ", found " + std::string(found),
                  ec);
  }

  bool take_number(double number, json::error_code& ec) {
    if (depth_ != 2) return refuse_value("a number", ec);
    const auto narrow = static_cast<float>(number);
    const std::size_t place = line_.embedding->size();
    if (!std::isfinite(narrow)) {
      return refuse(ErrorCode::bad_vector, "number " + std::to_string(place) + " does not fit a float32", ec);
    }
    if (place == core::kMaxDimension) {
      return refuse(ErrorCode::bad_vector, "has more than " + std::to_string(core::kMaxDimension) + " numbers", ec);
    }
    line_.embedding->push_back(narrow);
    return true;
  }

  bool take_base64(const std::string& text, json::error_code& ec) {
    const std::size_t bytes = core::base64_bytes(text);
    auto& embedding = line_.embedding.emplace(bytes / sizeof(float));
    if (bytes % sizeof(float) != 0 || core::decode_base64(text, std::as_writable_bytes(std::span(embedding)))) {
      return refuse(ErrorCode::bad_vector, "\"embedding\": expected base64 of float32 values", ec);
    }
    return true;
  }

  JsonLineReader::Kind kind_;
  JsonLine line_;
  std::optional<Error> problem_;
  std::string key_;
  std::string scalar_;  // of a key or string that arrives in parts
  std::size_t depth_ = 0;
};

json::parse_options strict_options() {
  json::parse_options options;
  options.max_depth = 4;  // an object with an array; one more for the message of what is deeper
  return options;
}

}  // namespace

struct JsonLineReader::Parser {
  json::basic_parser<LineHandler> parser;
  explicit Parser(Kind kind) : parser(strict_options(), kind) {}
};

JsonLineReader::JsonLineReader(Kind kind) : parser_(std::make_unique<Parser>(kind)) {}
JsonLineReader::~JsonLineReader() = default;

core::Result<JsonLine> JsonLineReader::read(std::string_view line) {
  auto& parser = parser_->parser;
  parser.reset();
  parser.handler().reset();
  json::error_code ec;
  const std::size_t used = parser.write_some(false, line.data(), line.size(), ec);
  if (parser.handler().problem()) return *parser.handler().problem();
  if (ec) {
    return Error{ErrorCode::bad_request, "is not JSON at column " + std::to_string(used + 1) + ": " + ec.message()};
  }
  if (used != line.size()) {
    return Error{ErrorCode::bad_request, "expected one JSON object, found more at column " + std::to_string(used + 1)};
  }
  return std::move(parser.handler().line());
}

}  // namespace semroute::config

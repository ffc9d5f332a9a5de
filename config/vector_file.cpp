#include "config/vector_file.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "config/file_problems.h"
#include "config/input_file.h"
#include "config/json_line.h"
#include "config/npy.h"
#include "core/base/limits.h"
#include "core/base/utf8.h"
#include "core/index/vector_rules.h"

namespace semroute::config {
namespace {

using core::Error;
using core::ErrorCode;

// The lines of a text, without their LF or CRLF; a last line end begins no new line.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    ++number_;
    return true;
  }
  [[nodiscard]] std::size_t number() const noexcept { return number_; }  // of the last line given out, from 1

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

std::optional<Error> label_problem(std::string_view label) {
  const auto refused = [](std::string message) { return Error{ErrorCode::bad_request, std::move(message)}; };
  if (label.empty()) return refused("expected a label, found nothing");
  if (!core::is_utf8(label)) return refused("expected a label in UTF-8");
  if (label.front() == ' ' || label.back() == ' ') return refused("expected a label without blanks around it");
  if (std::ranges::any_of(label, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    return refused("expected a label without control characters");
  }
  return std::nullopt;
}

// Collects the lines of a JSONL vector file; every line either has a label or none has.
class JsonlRows {
 public:
  JsonlRows(std::size_t dimension, core::Metric metric) : metric_(metric) { rows_.dimension = dimension; }

  core::Result<void> add(JsonLine line) {
    if (!line.embedding) return Error{ErrorCode::bad_request, "expected the key embedding, found none"};
    if (line.label) {
      if (const auto problem = label_problem(*line.label)) return *problem;
    }
    const bool is_first = seen_++ == 0;
    if (is_first) has_labels_ = line.label.has_value();
    if (line.label.has_value() != has_labels_) {
      return Error{ErrorCode::bad_request, has_labels_ ? "expected a label as in the first line, found none"
                                                       : "expected no label as in the first line, found one"};
    }
    if (rows_.dimension == 0) rows_.dimension = line.embedding->size();
    const core::Result<void> checked = core::check_vector(metric_, rows_.dimension, *line.embedding);
    if (!checked.ok()) return checked;
    rows_.values.insert(rows_.values.end(), line.embedding->begin(), line.embedding->end());
    if (line.label) rows_.labels.push_back(std::move(*line.label));
    has_texts_ = has_texts_ || line.text.has_value();
    rows_.texts.push_back(std::move(line.text).value_or(""));
    ++rows_.count;
    return {};
  }

  VectorRows take() {
    if (!has_texts_) rows_.texts.clear();
    return std::move(rows_);
  }

 private:
  core::Metric metric_;
  VectorRows rows_;
  std::size_t seen_ = 0;
  bool has_labels_ = false;
  bool has_texts_ = false;
};

std::optional<VectorRows> read_jsonl(const std::string& path, std::size_t dimension, core::Metric metric,
                                     FileProblems& problems) {
  core::Result<std::string> text = read_text_file(path, core::kMaxJsonlBytes);
  if (!text.ok()) {
    problems.add(text.error().code, text.error().message);
    return std::nullopt;
  }
  JsonLineReader reader(JsonLineReader::Kind::vectors);
  JsonlRows rows(dimension, metric);
  Lines lines(*text);
  for (std::string_view line; lines.next(line);) {
    core::Result<JsonLine> parsed = reader.read(line);
    const core::Result<void> added = parsed.ok() ? rows.add(std::move(*parsed)) : core::Result<void>(parsed.error());
    if (!added.ok()) problems.add_line(lines.number(), added.error());
  }
  if (lines.number() == 0) problems.add(ErrorCode::bad_request, "expected at least one row, found none");
  if (problems.any()) return std::nullopt;
  return rows.take();
}

std::optional<VectorRows> read_checked_npy(const std::string& path, std::size_t dimension, core::Metric metric,
                                           FileProblems& problems) {
  core::Result<VectorRows> rows = read_npy(path);
  if (!rows.ok()) {
    problems.add(rows.error().code, rows.error().message);
    return std::nullopt;
  }
  if (dimension != 0 && rows->dimension != dimension) {
    problems.add(ErrorCode::dimension_mismatch, "its rows have " + std::to_string(rows->dimension) +
                                                    " numbers, the index " + std::to_string(dimension));
    return std::nullopt;
  }
  const std::span<const float> values(rows->values);
  for (std::size_t row = 0; row < rows->count; ++row) {
    const core::Result<void> checked =
        core::check_vector(metric, rows->dimension, values.subspan(row * rows->dimension, rows->dimension));
    if (!checked.ok()) problems.add_row(row, checked.error());
  }
  if (problems.any()) return std::nullopt;
  return std::move(*rows);
}

core::Result<JsonLine> read_label_line(JsonLineReader& reader, std::string_view line) {
  JsonLine parsed;
  if (line.starts_with('{')) {
    core::Result<JsonLine> object = reader.read(line);
    if (!object.ok()) return object;
    parsed = std::move(*object);
  } else {
    parsed.label = std::string(line);
  }
  if (const auto problem = label_problem(parsed.label.value_or(""))) return *problem;
  return parsed;
}

}  // namespace

std::optional<VectorRows> read_vectors(const std::string& path, std::size_t dimension, core::Metric metric,
                                       std::vector<Error>& list) {
  FileProblems problems(path, list);
  std::optional<VectorRows> rows;
  if (path.ends_with(".npy")) {
    rows = read_checked_npy(path, dimension, metric, problems);
  } else if (path.ends_with(".jsonl")) {
    rows = read_jsonl(path, dimension, metric, problems);
  } else {
    problems.add(ErrorCode::bad_request, "expected a file named .npy or .jsonl");
  }
  problems.finish();
  return rows;
}

core::Result<VectorRows> read_vectors(const std::string& path, std::size_t dimension, core::Metric metric) {
  std::vector<Error> problems;
  std::optional<VectorRows> rows = read_vectors(path, dimension, metric, problems);
  if (!rows) return problems.front();
  return std::move(*rows);
}

std::optional<LabelRows> read_labels(const std::string& path, std::vector<Error>& list) {
  FileProblems problems(path, list);
  core::Result<std::string> text = read_text_file(path, core::kMaxJsonlBytes);
  if (!text.ok()) {
    problems.add(text.error().code, text.error().message);
    return std::nullopt;
  }
  LabelRows rows;
  JsonLineReader reader(JsonLineReader::Kind::labels);
  Lines lines(*text);
  for (std::string_view line; lines.next(line);) {
    core::Result<JsonLine> parsed = read_label_line(reader, line);
    if (!parsed.ok()) {
      problems.add_line(lines.number(), parsed.error());
      continue;
    }
    rows.labels.push_back(std::move(*parsed->label));
    rows.texts.push_back(std::move(parsed->text).value_or(""));
  }
  if (lines.number() == 0) problems.add(ErrorCode::bad_request, "expected at least one label, found none");
  problems.finish();
  if (problems.any()) return std::nullopt;
  return rows;
}

core::Result<LabelRows> read_labels(const std::string& path) {
  std::vector<Error> problems;
  std::optional<LabelRows> rows = read_labels(path, problems);
  if (!rows) return problems.front();
  return std::move(*rows);
}

}  // namespace semroute::config

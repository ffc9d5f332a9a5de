#include "config/reference_reader.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_set>

#include "config/map_reader.h"
#include "config/sections.h"
#include "core/index/vector_rules.h"

namespace semroute::config {
namespace {

bool is_number(const Value& value) noexcept { return value.number().has_value(); }

// One vector rather than a list of vectors or files.
bool is_vector(const Value& value) noexcept {
  return value.list() != nullptr && !value.list()->empty() && is_number(value.list()->front());
}

std::string element_path(const std::string& path, std::size_t i) { return path + '[' + std::to_string(i) + ']'; }

}  // namespace

LabelIndex::LabelIndex(const std::vector<std::string>& labels) {
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto [entry, is_new] = rows_.try_emplace(labels[row]);
    if (is_new) order_.push_back(labels[row]);
    entry->second.push_back(row);
  }
}

const std::vector<std::size_t>& LabelIndex::rows(const std::string& label) const {
  static const std::vector<std::size_t> kNone;
  const auto found = rows_.find(label);
  return found == rows_.end() ? kNone : found->second;
}

bool RowSet::has_labels() const noexcept {
  return labels_ != nullptr || std::ranges::any_of(parts_, [](const auto& part) { return !part->rows.labels.empty(); });
}

std::vector<std::string> RowSet::labels() const {
  if (labels_ != nullptr) return labels_->index.order();
  std::vector<std::string> all;
  std::unordered_set<std::string_view> seen;
  for (const auto& part : parts_) {
    for (const std::string& label : part->index.order()) {
      if (seen.insert(label).second) all.push_back(label);
    }
  }
  return all;
}

std::size_t RowSet::count() const noexcept { return parts_.empty() ? 0 : begins_.back() + parts_.back()->rows.count; }

std::string RowSet::description() const {
  if (labels_ != nullptr) return labels_->name;
  std::string names;
  for (const auto& part : parts_) {
    if (!part->name.empty()) names += (names.empty() ? "" : ", ") + part->name;
  }
  return names;
}

void RowSet::append(ReferenceRows& out, const Part& part, std::size_t row, const std::string& text) const {
  const std::size_t dimension = part.rows.dimension;
  const auto begin = part.rows.values.begin() + static_cast<std::ptrdiff_t>(row * dimension);
  out.values.insert(out.values.end(), begin, begin + static_cast<std::ptrdiff_t>(dimension));
  out.texts.push_back(text);
}

void RowSet::append(ReferenceRows& out, std::size_t row) const {
  const auto after = std::ranges::upper_bound(begins_, row);
  const auto number = static_cast<std::size_t>(after - begins_.begin()) - 1;
  const std::size_t own_row = row - begins_[number];
  const Part& part = *parts_[number];
  const std::string& text = labels_->rows.texts[row];
  const bool part_has_text = text.empty() && !part.rows.texts.empty();
  append(out, part, own_row, part_has_text ? part.rows.texts[own_row] : text);
}

ReferenceRows RowSet::select(const std::string& label) const {
  static const std::string kNoText;
  ReferenceRows out;
  if (labels_ != nullptr) {
    for (const std::size_t row : labels_->index.rows(label)) append(out, row);
  } else {
    for (const auto& part : parts_) {
      const auto text_of = [&part](std::size_t row) -> const std::string& {
        return part->rows.texts.empty() ? kNoText : part->rows.texts[row];
      };
      if (!part->rows.labels.empty()) {
        for (const std::size_t row : part->index.rows(label)) append(out, *part, row, text_of(row));
      } else {
        for (std::size_t row = 0; row < part->rows.count; ++row) append(out, *part, row, text_of(row));
      }
    }
  }
  if (std::ranges::all_of(out.texts, &std::string::empty)) out.texts.clear();
  return out;
}

std::optional<RowSet> ReferenceReader::open(const Value& vectors, const std::string& path, const Value* labels,
                                            const std::string& labels_path) {
  RowSet set;
  VectorRows inline_rows;  // vectors in a row become one part
  bool is_good = true;
  if (vectors.string() != nullptr) {
    is_good = add_file(set, vectors, path);
  } else if (is_vector(vectors)) {
    is_good = add_inline(inline_rows, vectors, path);
  } else if (vectors.list() != nullptr && !vectors.list()->empty()) {
    for (std::size_t i = 0; i < vectors.list()->size(); ++i) {
      is_good = add_element(set, inline_rows, (*vectors.list())[i], element_path(path, i)) && is_good;
    }
  } else {
    const bool is_empty_list = vectors.list() != nullptr;
    diagnostics_.error(vectors.place, path,
                       "expected a .npy or .jsonl file, a vector, or a list of these, found " +
                           (is_empty_list ? "an empty list" : found_text(vectors)));
    is_good = false;
  }
  if (inline_rows.count > 0) {
    add_part(set, std::make_shared<const RowSet::Part>(RowSet::Part{std::move(inline_rows), {}, {}}));
  }
  if (labels != nullptr) is_good = add_labels(set, *labels, labels_path) && is_good;
  if (!is_good) return std::nullopt;
  if (labels != nullptr && set.labels_->rows.labels.size() != set.count()) {
    const std::string message = set.labels_->name + " has " + std::to_string(set.labels_->rows.labels.size()) +
                                " labels, the vectors have " + std::to_string(set.count()) + " rows";
    if (misfits_.insert(message).second) diagnostics_.error(labels->place, labels_path, message);
    return std::nullopt;
  }
  return set;
}

bool ReferenceReader::add_element(RowSet& set, VectorRows& inline_rows, const Value& element, const std::string& path) {
  if (element.string() != nullptr) {
    if (inline_rows.count > 0) {
      add_part(set, std::make_shared<const RowSet::Part>(RowSet::Part{std::move(inline_rows), {}, {}}));
      inline_rows = {};
    }
    return add_file(set, element, path);
  }
  if (element.list() != nullptr && !element.list()->empty() && !is_vector(element)) {
    bool is_good = true;
    for (std::size_t i = 0; i < element.list()->size(); ++i) {
      is_good = add_inline(inline_rows, (*element.list())[i], element_path(path, i)) && is_good;
    }
    return is_good;
  }
  return add_inline(inline_rows, element, path);
}

bool ReferenceReader::add_inline(VectorRows& rows, const Value& vector, const std::string& path) {
  if (vector.list() == nullptr) {
    diagnostics_.error(vector.place, path, "expected a vector (a list of numbers), found " + found_text(vector));
    return false;
  }
  std::vector<float> values;
  for (std::size_t i = 0; i < vector.list()->size(); ++i) {
    const Value& element = (*vector.list())[i];
    if (!is_number(element)) {
      diagnostics_.error(element.place, element_path(path, i), "expected a number, found " + found_text(element));
      return false;
    }
    values.push_back(static_cast<float>(*element.number()));
    if (!std::isfinite(values.back())) {
      diagnostics_.error(element.place, element_path(path, i),
                         "expected a number that fits a float32, found " + found_text(element));
      return false;
    }
  }
  // Without a known dimension the first vector of the list gives it.
  if (rows.dimension == 0) rows.dimension = dimension_ != 0 ? dimension_ : values.size();
  const core::Result<void> checked = core::check_vector(metric_, rows.dimension, values);
  if (!checked.ok()) {
    diagnostics_.error(vector.place, path, checked.error().message);
    return false;
  }
  rows.values.insert(rows.values.end(), values.begin(), values.end());
  ++rows.count;
  return true;
}

void ReferenceReader::add_part(RowSet& set, std::shared_ptr<const RowSet::Part> part) {
  set.begins_.push_back(set.count());
  set.parts_.push_back(std::move(part));
}

bool ReferenceReader::add_file(RowSet& set, const Value& name, const std::string& path) {
  const std::string file = beside(file_, *name.string());
  auto known = parts_.find(file);
  if (known == parts_.end()) {
    std::vector<core::Error> problems;
    std::shared_ptr<RowSet::Part> part;
    if (auto rows = read_vectors(file, dimension_, metric_, problems)) {
      part = std::make_shared<RowSet::Part>(RowSet::Part{std::move(*rows), {}, file});
      part->index = LabelIndex(part->rows.labels);
    }
    for (const core::Error& problem : problems) diagnostics_.error(name.place, path, problem.message);
    known = parts_.emplace(file, std::move(part)).first;
  }
  if (known->second == nullptr) return false;
  add_part(set, known->second);
  return true;
}

bool ReferenceReader::add_labels(RowSet& set, const Value& labels, const std::string& path) {
  if (labels.string() == nullptr) {
    diagnostics_.error(labels.place, path, "expected the name of a labels file, found " + found_text(labels));
    return false;
  }
  for (const auto& part : set.parts_) {
    if (part->rows.labels.empty()) continue;
    diagnostics_.error(labels.place, path, "expected no labels file, as " + part->name + " has labels itself");
    return false;
  }
  const std::string file = beside(file_, *labels.string());
  auto known = labels_.find(file);
  if (known == labels_.end()) {
    std::vector<core::Error> problems;
    std::shared_ptr<RowSet::Labels> read;
    if (auto rows = read_labels(file, problems)) {
      read = std::make_shared<RowSet::Labels>(RowSet::Labels{std::move(*rows), {}, file});
      read->index = LabelIndex(read->rows.labels);
    }
    for (const core::Error& problem : problems) diagnostics_.error(labels.place, path, problem.message);
    known = labels_.emplace(file, std::move(read)).first;
  }
  if (known->second == nullptr) return false;
  set.labels_ = known->second;
  return true;
}

}  // namespace semroute::config

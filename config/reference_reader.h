// ReferenceReader: the vectors and labels that a configuration names, each file read once.
//
// `vectors` is an NPY or JSONL file, one inline vector, or a list of inline vectors and files; a
// labels file has a line for each of its rows, in order. A JSONL file may bring labels itself.
// Complexity: each file is read once per reader; selecting a label is linear in its rows.
// Threads: one thread. Lifetime: a RowSet shares what it was made from. Errors: diagnostics at the
// place that names the vectors; a file's problems are reported where it is first named.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/vector_file.h"

namespace semroute::config {

// Labels in order of first appearance, and the rows of each.
class LabelIndex {
 public:
  LabelIndex() = default;
  explicit LabelIndex(const std::vector<std::string>& labels);

  [[nodiscard]] const std::vector<std::string>& order() const noexcept { return order_; }
  // Empty when there is no such label.
  [[nodiscard]] const std::vector<std::size_t>& rows(const std::string& label) const;

 private:
  std::vector<std::string> order_;
  std::unordered_map<std::string, std::vector<std::size_t>> rows_;
};

// The rows of one `vectors` (and `labels`), to choose from.
class RowSet {
 public:
  [[nodiscard]] bool has_labels() const noexcept;
  [[nodiscard]] std::vector<std::string> labels() const;

  // The rows with this label; those of parts without labels belong to every label.
  [[nodiscard]] ReferenceRows select(const std::string& label) const;
  [[nodiscard]] std::string description() const;  // the files, for messages

 private:
  friend class ReferenceReader;

  struct Part {
    VectorRows rows;
    LabelIndex index;  // of the file's own labels
    std::string name;  // the file, or empty
  };
  struct Labels {
    LabelRows rows;
    LabelIndex index;
    std::string name;
  };

  void append(ReferenceRows& out, std::size_t row) const;  // by its number over all parts
  void append(ReferenceRows& out, const Part& part, std::size_t row, const std::string& text) const;
  [[nodiscard]] std::size_t count() const noexcept;

  std::vector<std::shared_ptr<const Part>> parts_;
  std::vector<std::size_t> begins_;  // the first row of each part
  std::shared_ptr<const Labels> labels_;
};

class ReferenceReader {
 public:
  // `file` is the configuration's; relative paths are joined to its folder. `dimension` 0 accepts any.
  ReferenceReader(std::string file, std::size_t dimension, core::Metric metric, Diagnostics& diagnostics)
      : file_(std::move(file)), dimension_(dimension), metric_(metric), diagnostics_(diagnostics) {}

  // `path` is the key path of `vectors`, `labels_path` that of `labels` (which may be null).
  // Nothing when there is a problem, here or earlier with one of the files.
  [[nodiscard]] std::optional<RowSet> open(const Value& vectors, const std::string& path, const Value* labels,
                                           const std::string& labels_path);

 private:
  bool add_element(RowSet& set, VectorRows& inline_rows, const Value& element, const std::string& path);
  bool add_file(RowSet& set, const Value& name, const std::string& path);
  bool add_inline(VectorRows& rows, const Value& vector, const std::string& path);
  static void add_part(RowSet& set, std::shared_ptr<const RowSet::Part> part);
  bool add_labels(RowSet& set, const Value& labels, const std::string& path);

  std::string file_;
  std::size_t dimension_;
  core::Metric metric_;
  Diagnostics& diagnostics_;
  // By path; null for a file that had problems.
  std::map<std::string, std::shared_ptr<const RowSet::Part>> parts_;
  std::map<std::string, std::shared_ptr<const RowSet::Labels>> labels_;
  std::set<std::string> misfits_;  // labels that do not fit their vectors, told once
};

}  // namespace semroute::config

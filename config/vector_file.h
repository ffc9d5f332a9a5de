// Vectors and labels from files: NPY (v1, v2; <f4 or <f2; C order; [n, dimension]) and JSONL.
//
// Sizes are checked against the file's own size before anything is allocated. A row that breaks a
// rule of core/index/vector_rules.h is refused with its row number (NPY, from 0) or line (JSONL,
// from 1). JSONL and labels files are UTF-8 with LF or CRLF, at most kMaxJsonlBytes.
// Complexity: linear in the file. Threads: any; blocks on reads. Errors: Error{bad_vector,
// dimension_mismatch, not_found, too_large, bad_request} whose message names file and row; nothing
// is returned by halves.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/kernels/metric.h"

namespace semroute::config {

struct VectorRows {
  std::size_t dimension = 0;
  std::size_t count = 0;
  std::vector<float> values;        // count * dimension, raw
  std::vector<std::string> labels;  // one a row, or empty when the file has none
  std::vector<std::string> texts;   // one a row, or empty when the file has none
};

// By the file's name: ".npy" or ".jsonl". `dimension` 0 takes the file's own (which must then be
// the same in every row); `metric` decides which rows are acceptable. The error is the first problem.
[[nodiscard]] core::Result<VectorRows> read_vectors(const std::string& path, std::size_t dimension,
                                                    core::Metric metric);

// The same, with every problem: nothing is returned exactly when `problems` grew.
[[nodiscard]] std::optional<VectorRows> read_vectors(const std::string& path, std::size_t dimension,
                                                     core::Metric metric, std::vector<core::Error>& problems);

struct LabelRows {
  std::vector<std::string> labels;
  std::vector<std::string> texts;  // empty strings where a line has none
};

// A line a row: the bare label, or a JSON object with `label` and optionally `text`.
[[nodiscard]] core::Result<LabelRows> read_labels(const std::string& path);
[[nodiscard]] std::optional<LabelRows> read_labels(const std::string& path, std::vector<core::Error>& problems);

}  // namespace semroute::config

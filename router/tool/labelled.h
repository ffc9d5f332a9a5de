// Labelled: vectors with the route that should answer each, for `semroute eval`.
//
// Threads: a plain value. Errors: those of config/vector_file.h, and bad_request where labels and rows do not fit.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/kernels/metric.h"

namespace semroute::router::tool {

struct Labelled {
  std::size_t dimension = 0;
  std::vector<float> values;        // labels.size() * dimension, raw
  std::vector<std::string> labels;  // one a row
  std::vector<bool> out_of_scope;   // one a row: its label is one of the words for it

  [[nodiscard]] std::size_t count() const noexcept { return labels.size(); }
  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {values.data() + i * dimension, dimension}; }
};

// Pairs of files, one after the other. A vector file without a labels file brings its own labels (JSONL).
// `dimension` 0 takes that of the first file.
[[nodiscard]] core::Result<Labelled> read_labelled(const std::vector<std::string>& vector_files,
                                                   const std::vector<std::string>& label_files, std::size_t dimension,
                                                   core::Metric metric,
                                                   const std::vector<std::string>& out_of_scope_labels);

}  // namespace semroute::router::tool

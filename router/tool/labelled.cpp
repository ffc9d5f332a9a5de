#include "router/tool/labelled.h"

#include <algorithm>

#include "config/vector_file.h"

namespace semroute::router::tool {

core::Result<Labelled> read_labelled(const std::vector<std::string>& vector_files,
                                     const std::vector<std::string>& label_files, std::size_t dimension,
                                     core::Metric metric, const std::vector<std::string>& out_of_scope_labels) {
  if (!label_files.empty() && label_files.size() != vector_files.size()) {
    return core::Error{core::ErrorCode::bad_request, "--vectors is given " + std::to_string(vector_files.size()) +
                                                         " times and --labels " + std::to_string(label_files.size()) +
                                                         " times; they go in pairs"};
  }
  Labelled all;
  all.dimension = dimension;
  for (std::size_t i = 0; i < vector_files.size(); ++i) {
    auto rows = config::read_vectors(vector_files[i], all.dimension, metric);
    if (!rows) return rows.error();
    std::vector<std::string> labels = std::move(rows->labels);
    if (!label_files.empty()) {
      auto read = config::read_labels(label_files[i]);
      if (!read) return read.error();
      labels = std::move(read->labels);
    }
    if (labels.size() != rows->count) {
      const std::string from = label_files.empty() ? vector_files[i] : label_files[i];
      return core::Error{core::ErrorCode::bad_request,
                         from + " has " + std::to_string(labels.size()) + " labels for the " +
                             std::to_string(rows->count) + " rows of " + vector_files[i] +
                             (label_files.empty() ? "; name a file of them with --labels" : "")};
    }
    all.dimension = rows->dimension;
    all.values.insert(all.values.end(), rows->values.begin(), rows->values.end());
    all.labels.insert(all.labels.end(), std::make_move_iterator(labels.begin()), std::make_move_iterator(labels.end()));
  }
  for (const std::string& label : all.labels) {
    all.out_of_scope.push_back(std::ranges::find(out_of_scope_labels, label) != out_of_scope_labels.end());
  }
  return all;
}

}  // namespace semroute::router::tool

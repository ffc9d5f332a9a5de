// The model that the vectors in data_dir come from, in a file of its own: `index_model` holds its name and nothing
// else.
//
// Vectors of two models have the same length and mean nothing to one another. A folder without the file is from before
// there was one, or from a configuration that names no model: it is stamped with the first model that is named.
// Complexity: O(1), a sync when it is stamped. Threads: one, which has the folder's lock.
// Errors: model_mismatch; those of File and Folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/result.h"

namespace semroute::router {

inline constexpr std::string_view kModelFileName = "index_model";

// `read_only`: a folder without the file stays so.
[[nodiscard]] core::Result<void> check_model(const core::Folder& folder, const std::optional<std::string>& model,
                                             bool read_only);

}  // namespace semroute::router

// data_dir as a start sees it: the exit codes of its errors, and a look into it that changes nothing.
//
// Complexity: of the look, linear in the bytes that are kept. Threads: any.
#pragma once

#include <string>

#include "config/config.h"
#include "core/base/result.h"

namespace semroute::router {

// What a start ends with that cannot use data_dir (sysexits).
[[nodiscard]] int exit_of_store(core::ErrorCode code) noexcept;

// What a start would find in config.data_dir, in a line; its errors are those that a start would end with.
// Precondition: data_dir is set.
[[nodiscard]] core::Result<std::string> look_into_data_dir(const config::Config& config);

}  // namespace semroute::router

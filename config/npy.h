// read_npy: the rows of an NPY file (numpy/lib/format.py, versions 1.0 and 2.0), as they are.
//
// Accepted: `<f4` and `<f2`, C order, two dimensions, at least one row, and exactly the bytes that
// the header promises. float16 is widened exactly, subnormals included. Values are not judged here.
// Complexity: linear in the file; allocates after all sizes are checked. Threads: any.
// Errors: bad_request or not_found, without the path.
#pragma once

#include <cstdint>
#include <string>

#include "config/vector_file.h"
#include "core/base/result.h"

namespace semroute::config {

[[nodiscard]] core::Result<VectorRows> read_npy(const std::string& path);

// IEEE 754 binary16 to binary32, exact; NaN stays NaN.
[[nodiscard]] float half_to_float(std::uint16_t half) noexcept;

}  // namespace semroute::config

// Embeddings as text: a JSON array of numbers, or base64 of little-endian float32, into floats.
//
// scan_float_array reads the array at the front of `text` and appends its numbers to `out`, each
// rounded once to the nearest float32. decode_float_base64 reads a whole base64 text (RFC 4648 section 4,
// strict: padded, no white space, unused bits zero).
// Complexity: one pass, no allocation but to grow `out`. Threads: pure functions.
// Errors: FloatScan::fault and the place; `out` may then hold part of the numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace semroute::router {

enum class FloatFault : std::uint8_t {
  none,
  not_an_array,    // not a JSON array of numbers alone; `number` is the element at fault
  out_of_range,    // element `number`, the first such, does not fit in a float32; the array was read to its end
  not_base64,      // at character `bytes`
  not_float_size,  // the decoded bytes are no multiple of four
};

struct FloatScan {
  FloatFault fault = FloatFault::none;
  std::size_t bytes = 0;    // of `text` that were read
  std::size_t number = 0;   // from 0
  std::string_view source;  // the number at fault, as written
};

[[nodiscard]] FloatScan scan_float_array(std::string_view text, std::vector<float>& out);
[[nodiscard]] FloatScan decode_float_base64(std::string_view text, std::vector<float>& out);

// The first of `count` floats that is NaN or infinite, or `count`.
[[nodiscard]] std::size_t first_not_finite(const float* values, std::size_t count);

}  // namespace semroute::router

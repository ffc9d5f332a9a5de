// Requests of `bench` and `eval` in either form of the protocol, and what their replies say.
//
// Threads: pure functions. The layout is docs/protocol.md's; the codec is router/protocol/client_codec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "router/protocol/request.h"
#include "router/tool/load.h"

namespace semroute::router::tool {

// One request for the rows of `values`: `embedding` for one, `embeddings` for several. Binary: a frame with id 0.
// JSON: a line without `id` and "\n", whose embeddings are arrays of numbers, as most clients write them.
// Precondition: values.size() is a multiple of dimension; op is match, or route and there is one row.
[[nodiscard]] std::string encode_request(Wire wire, Op op, std::span<const float> values, std::size_t dimension);

void set_frame_id(std::span<char> frame, std::uint32_t id);

// The code of an error frame, "dimension_mismatch".
[[nodiscard]] std::string error_code_of(std::string_view frame);

}  // namespace semroute::router::tool

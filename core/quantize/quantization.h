// Quantization: what is kept of every vector for the first look at it, by the words of the configuration.
//
// none: the vectors themselves. Each other word names a codec (make_codec.h).
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace semroute::core {

enum class Quantization : std::uint8_t { none, f16, int8, pq, binary };

[[nodiscard]] std::string_view to_string(Quantization quantization) noexcept;
[[nodiscard]] std::optional<Quantization> parse_quantization(std::string_view word) noexcept;

}  // namespace semroute::core

// Bounds of http targets that are not keys of the configuration, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>

namespace semroute::plugins {

inline constexpr std::size_t kHttpMaxEndpoints = 64;    // the balancer looks at each of them for every request
inline constexpr std::size_t kHttpMaxRetries = 10;      // more would only add load to what is down
inline constexpr std::size_t kHttpMaxNetworks = 1'000;  // looked through for every connection
inline constexpr std::size_t kHttpMaxSecretBytes = std::size_t{8}
                                                   << 10;             // a header's value; servers take no longer one
inline constexpr std::size_t kHttpReadBytes = std::size_t{16} << 10;  // of one read; of a large body kHttpBigRead
inline constexpr std::size_t kHttpBigRead = std::size_t{64} << 10;
inline constexpr std::size_t kHttpMaxChunkLine = std::size_t{4} << 10;  // a size with its extensions
// Shorter than the 60 s after which common servers close, so that the race is rare.
inline constexpr std::chrono::seconds kHttpIdleTimeout{15};
inline constexpr std::chrono::seconds kHttpResolveAgain{30};       // names are looked up anew after this long
inline constexpr std::chrono::milliseconds kHttpFirstBackoff{25};  // doubled with every further try
inline constexpr std::chrono::milliseconds kHttpLongestBackoff{1'000};
inline constexpr std::chrono::seconds kHttpRetryWindow{10};       // what a retry budget looks back at
inline constexpr std::chrono::seconds kHttpLongestEjection{300};  // unless ejection.base_time is longer

}  // namespace semroute::plugins

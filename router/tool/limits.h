// Bounds of the tool that are not options, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace semroute::router::tool {

inline constexpr std::chrono::milliseconds kConnectTimeout{5'000};
// The longest duration that an option takes: as in a configuration, far from where sums of times overflow.
inline constexpr std::chrono::milliseconds kMaxDuration = std::chrono::hours{24};
// How long a reply may take: the daemon's own longest default wait for a target, and a little.
inline constexpr std::chrono::milliseconds kReplyTimeout{65'000};
// Over the request's own timeout_ms, so that the daemon's answer about it arrives.
inline constexpr std::chrono::milliseconds kReplyGrace{5'000};
// The largest reply taken from a daemon: a routes.get page of 1,000 vectors of 65,536 numbers as base64.
inline constexpr std::size_t kMaxReplyBytes = std::size_t{512} << 20;
// Rows of one change of an import, in bytes: half of the daemon's default max_change. Larger routes take several.
inline constexpr std::size_t kImportPartBytes = std::size_t{32} << 20;
// Requests kept in flight by eval: under the daemon's default max_in_flight of 128.
inline constexpr std::size_t kEvalPipeline = 64;
// eval through the daemon: embeddings in a request; the daemon's default max_batch is 1,024.
inline constexpr std::size_t kEvalBatch = 32;

inline constexpr std::uint64_t kMaxBenchConnections = 10'000;
inline constexpr std::uint64_t kMaxBenchPipeline = 100'000;
inline constexpr std::uint64_t kMaxBenchBatch = 65'536;
inline constexpr std::uint64_t kMaxBenchThreads = 256;
inline constexpr std::size_t kMaxBenchBytes = std::size_t{1} << 30;  // encoded requests kept ready
inline constexpr std::size_t kRandomVectors = 1'024;                 // enough that no cache holds the answers
// A closed loop in which nothing comes back for this long has stopped.
inline constexpr std::chrono::seconds kBenchStall{30};

inline constexpr std::size_t kEchoMaxConnections = 1'024;
inline constexpr std::size_t kEchoMaxHeaderBytes = 16 * 1024;
inline constexpr std::uint64_t kEchoMaxBodyBytes = std::uint64_t{16} << 20;
inline constexpr std::chrono::seconds kEchoIdleTimeout{60};

// Characters of a text or a reply in a table's column.
inline constexpr std::size_t kColumnCharacters = 60;
// After this long, work that a person waits for says how far it is.
inline constexpr std::chrono::seconds kProgressAfter{2};

}  // namespace semroute::router::tool

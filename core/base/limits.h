// Every bound that is not a key of the configuration, in one place, with its reason.
// Bounds that users set are in config/config.h (`limits:`); their ranges are in docs/configuration.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace semroute::core {

// Vectors. The largest embedding models today give 12,288 numbers; a row stays under 256 KiB.
inline constexpr std::size_t kMaxDimension = 65'536;
// Norms over this could overflow a float32 sum of squares; see vector_rules.h.
inline constexpr double kMaxNorm = 1e18;
// Under cosine a norm below this has no trustworthy direction.
inline constexpr double kMinCosineNorm = 1e-12;

// Indexes.
inline constexpr std::size_t kMaxCapacity = 1'000'000'000;  // references; slots are 32-bit
inline constexpr std::size_t kMinHnswM = 2;
inline constexpr std::size_t kMaxHnswM = 128;
inline constexpr std::size_t kMaxEf = 100'000;

// Names (routes and targets), in bytes of UTF-8.
inline constexpr std::size_t kMaxNameBytes = 128;

// Configuration files.
inline constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxConfigDepth = 32;
inline constexpr std::size_t kMaxConfigNodes = 200'000;
inline constexpr std::size_t kMaxDiagnostics = 100;  // more would bury the first ones

// Vector and label files that the configuration names.
inline constexpr std::size_t kMaxJsonlBytes = std::size_t{1} << 30;  // costs several times that in memory: use NPY
inline constexpr std::size_t kMaxFileProblems = 10;                  // of one file; then their number is told

// Routes, however they are made. Every reply that decides for one has its metadata, so its JSON text counts.
inline constexpr std::size_t kMaxMetadataBytes = 64 * 1024;
inline constexpr std::size_t kMaxDescriptionBytes = 4 * 1024;
inline constexpr std::uint32_t kMaxTargetWeight = 1'000'000;  // sums stay far below 2^53
inline constexpr std::size_t kMaxTargetsOfSplit = 64;         // each costs a logarithm a request
inline constexpr std::size_t kMaxFallbackTargets = 16;        // a request waits for one after another

// Copies of requests that go to mirrors, of each worker.
inline constexpr std::size_t kMaxMirrorsInFlight = 64;                 // to one target: a slow one must not pile up
inline constexpr std::size_t kMaxMirrorBytes = std::size_t{64} << 20;  // of payloads, which they keep in memory
inline constexpr std::chrono::seconds kMaxMirrorTime{60};              // an endless reply must not keep its place

// Requests.
inline constexpr std::size_t kMaxTopK = 1'000;
inline constexpr std::size_t kMaxIdBytes = 128;
inline constexpr std::size_t kMaxRequestIdBytes = 64;
inline constexpr std::size_t kMaxJsonDepth = 32;
inline constexpr std::size_t kMaxRequestHeaders = 64;
inline constexpr std::size_t kMaxRequestHeaderBytes = 8 * 1024;  // names and values together
inline constexpr std::size_t kMaxRoutesPage = 1'000;             // references in one routes.get
inline constexpr std::uint32_t kMaxTimeoutMs = 24 * 60 * 60 * 1000;
inline constexpr std::size_t kMaxFilterValues = 10'000;       // names and metadata values in one filter
inline constexpr std::size_t kExplainNearest = 5;             // references shown a route under `mean` and `centroid`
inline constexpr std::size_t kMaxExplainCandidates = 1'000;   // routes shown; as many as top_k can ask for
inline constexpr std::size_t kMaxExplainReferences = 10'000;  // in one decision; a line that is still readable

// Changes of routes at run time.
inline constexpr std::size_t kMaxChangesInBatch = 10'000;  // in one routes.batch; a request that is still readable
// Waiting for the change thread; at a bound the next one is refused as `overloaded`. More connections than the first
// send one each only where nobody could be served in time anyway.
inline constexpr std::size_t kMaxWaitingChanges = 4'096;
inline constexpr std::size_t kMaxWaitingChangeBytes = std::size_t{256} << 20;
// A route is kept as its making and so many patches at most, before these are put together as one record: what patches
// took away gives its disk back, and a start does not go through it.
inline constexpr std::size_t kMaxRecordsOfRoute = 64;
// A route's rows lie in so many ranges of ids at most before they are put together again under new ids.
inline constexpr std::size_t kMaxRangesOfRoute = 64;
// A filter's bits over the span of all ids: 8 MiB. Ids are not used again, so the span grows with every change.
inline constexpr std::size_t kMaxFilteredSpan = std::size_t{1} << 26;
inline constexpr std::chrono::milliseconds kRemovalPoll{
    50};  // how often removed rows are looked at, while there are some

// Connections.
inline constexpr std::size_t kReadChunkBytes = 64 * 1024;
inline constexpr int kListenBacklog = 4'096;
inline constexpr std::chrono::milliseconds kAcceptBackoff{100};  // after EMFILE
inline constexpr std::chrono::milliseconds kSessionTick{50};     // how often deadlines are looked at
inline constexpr std::chrono::milliseconds kLingerTimeout{1'000};
inline constexpr std::size_t kMaxRefusedConnections = 256;    // over a limit, being told so; more are just closed
inline constexpr std::chrono::milliseconds kDrainGrace{200};  // open connections hear `unavailable` for this long

// HTTP towards targets.
inline constexpr std::size_t kHttpMaxReplyHeaderBytes = 64 * 1024;
inline constexpr std::size_t kHttpMaxChunkLine = 4 * 1024;  // a chunk's size with its extensions
inline constexpr std::size_t kHttpReadBytes = 16 * 1024;    // of one read; of a large body kHttpLargeReadBytes
inline constexpr std::size_t kHttpLargeReadBytes = 64 * 1024;
inline constexpr std::size_t kHttpMaxEndpoints = 64;    // each is looked at for every request; a bit each in a word
inline constexpr std::size_t kHttpMaxRetries = 10;      // more would only add load to what is down
inline constexpr std::size_t kHttpMaxNetworks = 1'000;  // looked through for every connection
inline constexpr std::size_t kHttpMaxSecretBytes = 8 * 1024;  // a header's value; servers take no longer one
inline constexpr std::chrono::seconds kHttpIdleTimeout{15};   // servers commonly close after 60 s: the race is rare
inline constexpr std::chrono::seconds kHttpResolveAgain{30};  // names are looked up anew after this long
inline constexpr std::chrono::milliseconds kHttpFirstBackoff{25};  // doubled with every further try
inline constexpr std::chrono::milliseconds kHttpLongestBackoff{1'000};
inline constexpr std::chrono::seconds kHttpRetryWindow{10};       // what a retry budget looks back at
inline constexpr std::chrono::seconds kHttpLongestEjection{300};  // unless ejection.base_time is longer

// Admin HTTP.
inline constexpr std::size_t kAdminMaxConnections = 64;
inline constexpr std::size_t kAdminMaxHeaderBytes = 8 * 1024;
inline constexpr std::size_t kAdminMaxHeaders = 100;
inline constexpr std::chrono::seconds kAdminTimeout{10};

// The store of routes made at run time (core/store/).
inline constexpr std::size_t kMaxStoreKeyBytes = 1'024;                              // a route's name has 128
inline constexpr std::size_t kMaxStoreRecordBytes = std::size_t{1} << 30;            // one change; max_change is less
inline constexpr std::size_t kMaxStoreGroupBytes = (std::size_t{1} << 30) + 65'536;  // what is written at once
inline constexpr std::uint64_t kStoreSegmentBytes = std::uint64_t{256} << 20;  // then the log goes on in a new file
// A snapshot is written when the log since the last one is as large as what is alive, so that each byte is copied about
// once, and the files are about four times what is alive at most: two snapshots and as much log after each.
inline constexpr std::uint64_t kSnapshotLogPercent = 100;
inline constexpr std::uint64_t kSnapshotMinLogBytes = std::uint64_t{64} << 20;  // less log is read in no time
inline constexpr std::uint64_t kSnapshotSyncBytes = std::uint64_t{8} << 20;     // at once; more would hold up commits
inline constexpr std::size_t kStoreChunkBytes = std::size_t{1} << 20;           // read and copied at a time
inline constexpr std::size_t kMaxKeptTails = 16;                                // torn tails of the log kept aside

// Seeing it.
inline constexpr std::size_t kMaxRouteLabels =
    1'000;  // routes with a metric label of their own; the rest share "_other"
inline constexpr std::size_t kDecisionLogBufferBytes = std::size_t{8} << 20;
inline constexpr std::chrono::milliseconds kDecisionLogFlush{2'000};  // what is buffered may hold up the exit so long
inline constexpr std::chrono::milliseconds kDecisionLogPoll{100};     // how often a full pipe's writer looks up

}  // namespace semroute::core

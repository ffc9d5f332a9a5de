// Route: what a table says of one route; its vectors are in the indexes, under its ids. ParkedRoute: one that is kept
// but not served.
//
// Threads: const once it is in a table, and shared by successive tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "router/routes/id_ranges.h"
#include "router/routes/row_hash.h"

namespace semroute::router {

enum class RouteSource : std::uint8_t { file, run_time };

struct Route {
  std::string name;
  std::string description;
  config::Destination destination;
  std::optional<double> score_threshold;     // the route's own
  config::Value metadata;                    // a map, or null
  IdRanges references;                       // ids in RoutingState::index
  IdRanges negatives;                        // ids in RoutingState::negatives
  std::optional<core::ReferenceId> vector;   // id in RoutingState::route_vectors
  std::vector<std::string> reference_texts;  // one a row, or empty
  std::vector<std::string> negative_texts;
  RouteSource source = RouteSource::file;
  std::uint64_t version = 0;  // file routes: 0
  config::Place place;        // where the file defines it

  // Of file routes: what a reload compares the file's rows with.
  std::vector<RowHash> reference_hashes;
  std::vector<RowHash> negative_hashes;
  // Of run-time routes, while the table has route vectors: the references as they were given, to make the vector of.
  std::shared_ptr<const std::vector<float>> raw_references;
};

struct ParkedRoute {
  std::shared_ptr<const Route> route;  // without ids
  std::string reason;
  std::size_t reference_count = 0;
  std::size_t negative_count = 0;
  // Prepared rows; empty when the index cannot take them at all.
  std::vector<float> references;
  std::vector<float> negatives;
};

}  // namespace semroute::router

// RouteModel: what a table of run-time routes should be, requests that change it, and what a daemon's table is.
//
// Every change has a number; each route that it makes or changes says it in its description, so that a table tells
// which change each of its routes is from. Vectors are compared bit for bit: the metric is one that keeps them as they
// came.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace semroute::test {

struct ModelRow {
  std::vector<float> values;
  std::string text;
  bool operator==(const ModelRow&) const = default;
};

struct ModelRoute {
  std::uint64_t change = 0;
  std::string metadata;  // JSON
  std::string target;    // empty: none
  std::optional<double> score_threshold;
  std::vector<ModelRow> references;
  std::vector<ModelRow> negatives;
  bool operator==(const ModelRoute&) const = default;
};

using RouteModel = std::map<std::string, ModelRoute>;

// One request: a put, patch or delete, or a batch of them.
struct ModelRequest {
  std::uint64_t number = 0;  // its id, and that of the change
  std::string line;
  std::string refused_with;  // an error code; empty: it is a valid one
  RouteModel after;          // the same as before when it is refused
};

// A random request to a table that is as `model` now; its routes' names begin with `prefix`.
[[nodiscard]] ModelRequest random_request(const RouteModel& model, const std::string& prefix, std::uint64_t number,
                                          std::mt19937& random);

struct ServedTable {
  std::uint64_t revision = 0;
  RouteModel routes;  // of run time
  std::map<std::string, std::uint64_t> versions;
  std::size_t file_routes = 0;
};

// The whole table: routes.list, and routes.get of each route of run time. Throws when the daemon answers otherwise.
[[nodiscard]] ServedTable read_table(std::uint16_t port);

}  // namespace semroute::test

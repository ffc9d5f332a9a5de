// Config: a checked configuration, typed, with every reference loaded from its file.
//
// Made by load_config (load.h); nothing in it needs checking again. Meaning, range and default of
// every key: docs/configuration.md. Durations are milliseconds, sizes bytes; paths are as opened
// (relative ones already joined to the file's folder).
// Threads: built once, then shared as const.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/destination.h"
#include "config/diagnostic.h"
#include "config/value.h"
#include "core/index/index_params.h"
#include "core/store/durability.h"

namespace semroute::config {

// A listening address. `host` is an IPv4 or IPv6 literal (without brackets) or "localhost".
struct Address {
  std::string host;
  std::uint16_t port = 0;  // 0: the system picks a free one

  [[nodiscard]] bool is_loopback() const noexcept;
  bool operator==(const Address&) const = default;
};
[[nodiscard]] std::string to_string(const Address& address);  // "127.0.0.1:7311", "[::1]:7311"

// What the index is made with, checked (check_params), and the model that made its vectors.
struct IndexConfig : core::IndexParams {
  std::optional<std::string> model;
};

enum class Aggregation : std::uint8_t { max, mean_top, sum_top, mean, centroid };
[[nodiscard]] std::string_view to_string(Aggregation aggregation) noexcept;

struct DecisionConfig {
  Aggregation aggregation = Aggregation::mean_top;
  std::size_t top_m = 3;
  double score_threshold = 0.5;
  double margin = 0.0;
  std::optional<std::string> default_route;
};

struct DrainConfig {
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds timeout{25'000};
};

struct DecisionLogConfig {
  std::string file;
  double sample = 1.0;     // share of decisions written, 0..1
  bool embedding = false;  // write the request's embedding too
  bool operator==(const DecisionLogConfig&) const = default;
};

using core::Durability;

struct StoreConfig {
  Durability durability = Durability::always;
  std::chrono::milliseconds interval{50};
};

struct LimitsConfig {
  std::size_t max_connections = 10'000;
  std::size_t max_connections_per_address = 0;  // 0: no cap
  std::size_t max_request = std::size_t{16} << 20;
  std::size_t max_change = std::size_t{64} << 20;  // a request that changes routes
  std::size_t max_batch = 1'024;
  std::size_t max_in_flight = 128;
  std::size_t max_output_buffer = std::size_t{16} << 20;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds write_timeout{10'000};
};

// What every target has; the kind's own keys stay in `node` (the whole mapping), with places.
struct TargetConfig {
  std::string name;
  std::string kind;
  Value node;
  std::string file{};  // the configuration's: relative paths start beside it
};

// Rows of one route: count = values.size() / dimension, raw (not prepared) float32.
struct ReferenceRows {
  std::vector<float> values;
  std::vector<std::string> texts;  // one a row, empty where none is known; or empty altogether
};

struct RouteConfig {
  std::string name;
  std::string description;
  Destination destination;
  std::optional<double> score_threshold;
  Value metadata;  // a map, or null
  ReferenceRows references;
  ReferenceRows negatives;
  Place place;
};

struct Config {
  std::string file;
  Address listen{"127.0.0.1", 7311};
  std::optional<Address> admin = Address{"127.0.0.1", 7312};
  std::size_t workers = 1;              // `auto` already resolved
  std::optional<std::string> data_dir;  // routes made at run time are kept there; none: they are not kept
  StoreConfig store;
  bool allow_open = false;
  IndexConfig index;
  DecisionConfig decision;
  std::vector<std::string> request_headers;  // lower case; may be handed to targets
  DrainConfig drain;
  std::optional<DecisionLogConfig> decision_log;
  LimitsConfig limits;
  std::vector<TargetConfig> targets;
  std::vector<RouteConfig> routes;  // of `routes` and `route_sets`, in file order
};

}  // namespace semroute::config

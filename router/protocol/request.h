// Request: what a client asked, whatever codec it came by.
//
// Made by json_codec.h and frame_codec.h, which check everything that can be checked without the
// routing state (types, bounds, finite numbers, known fields). Dimension, norm, `model` and the
// limits of the configuration are checked where the request is served.
// Threads: a plain value of one session; reused between requests to keep its buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/value.h"
#include "router/changes/route_change.h"
#include "router/protocol/op.h"

namespace semroute::router {

// A request id as the client wrote it. JSON: the source text of the string or number, "null" when
// absent. Binary: the decimal number.
struct RequestId {
  std::string text = "null";
  // What two ids are compared by: "s:" + decoded string, "n:" + number text; empty for null, which
  // may be in flight many times.
  std::string key;
};

struct Filter {
  std::optional<std::vector<std::string>> routes;                            // any of these names
  std::vector<std::pair<std::string, std::vector<config::Value>>> metadata;  // all keys; any of the values
};

struct RequestHeader {
  std::string name;  // lower case
  std::string value;
};

struct Request {
  Op op = Op::route;
  RequestId id;
  std::string request_id;         // empty: the daemon makes one
  std::vector<float> embeddings;  // embedding_count * dimension, in order
  std::size_t embedding_count = 0;
  std::size_t dimension = 0;  // numbers in the first embedding
  // The first embedding whose length differs from the first one's, with its length.
  std::optional<std::pair<std::size_t, std::size_t>> ragged;
  bool batch = false;  // `embeddings` rather than `embedding`
  std::size_t top_k = 1;
  Filter filter;
  std::optional<double> score_threshold;
  std::optional<std::uint32_t> timeout_ms;
  bool explain = false;
  std::optional<std::string> model;
  std::optional<std::string> key;  // of sticky splits
  bool stream = false;             // route: the reply in parts
  std::string payload = "null";    // as it came
  std::string payload_content_type = "application/json";
  std::vector<RequestHeader> headers;
  RequestId cancel_request;          // cancel: the id to cancel
  std::string route_name;            // routes.get, patch, delete
  bool vectors = false;              // routes.get
  std::size_t offset = 0;            // routes.get, routes.list
  std::size_t limit = 0;             // the same; 0: none was given
  RouteChange change;                // routes.put, patch, delete; its kind and a name outside of `route` are not set
  std::vector<RouteChange> changes;  // routes.batch

  // As new, with the buffers kept.
  void clear();
};

// A client's text for a message: its first bytes, cut between characters.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace semroute::router

// RouteChange: one change of a route as a client asked for it: put, patch or erase.
//
// Checked for what can be checked without a table (types, known fields, numbers beyond float32); names, vectors,
// positions, targets and versions are checked where it is applied (routes/table_writer.h).
// Threads: a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/destination.h"
#include "config/value.h"

namespace semroute::router {

// Vectors as they came, and their texts.
struct ChangeRows {
  std::vector<float> values;  // count * dimension, unless `ragged`
  std::size_t count = 0;
  std::size_t dimension = 0;  // numbers in the first one
  // The first one whose length differs from the first one's, with its length.
  std::optional<std::pair<std::size_t, std::size_t>> ragged;
  std::vector<std::string> texts;  // one a row, or empty altogether

  void add(std::size_t numbers, std::string text);

  bool operator==(const ChangeRows&) const = default;
};

// What is not named stays as it is (patch) or has its default (put); an empty inner optional, and an empty list, take
// the field away.
struct RouteFields {
  std::optional<std::string> description;
  std::optional<config::TargetSplit> targets;
  std::optional<std::vector<std::string>> fallbacks;
  std::optional<std::optional<config::Mirror>> mirror;
  std::optional<std::optional<double>> score_threshold;
  std::optional<config::Value> metadata;  // a map of scalars, or null

  // What is named takes the place of what is there.
  void apply_to(config::Destination& destination) const;
};

struct RouteChange {
  enum class Kind : std::uint8_t { put, patch, erase };

  Kind kind = Kind::put;
  std::string path;  // where in the request it stands, for messages: "", or "changes[3].put."
  std::string name;
  std::optional<std::uint64_t> if_version;  // 0: there must be no such route
  RouteFields fields;
  ChangeRows references;  // put: all; patch: those that are added after the others
  ChangeRows negatives;
  std::vector<std::size_t> remove;  // patch: rows, in any order
  std::vector<std::size_t> remove_negatives;

  // What it takes in memory, about.
  [[nodiscard]] std::size_t bytes() const noexcept;
};

}  // namespace semroute::router

// Changes for tests, as a codec would make them.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "router/changes/route_change.h"

namespace semroute::router::test {

inline ChangeRows rows_of(const std::vector<float>& values, std::size_t dimension,
                          std::vector<std::string> texts = {}) {
  ChangeRows rows;
  rows.values = values;
  for (std::size_t row = 0; row * dimension < values.size(); ++row)
    rows.add(dimension, row < texts.size() ? texts[row] : "");
  return rows;
}

inline RouteChange put(const std::string& name, const std::vector<float>& references, std::size_t dimension = 1,
                       const std::vector<float>& negatives = {}) {
  RouteChange change;
  change.kind = RouteChange::Kind::put;
  change.name = name;
  change.references = rows_of(references, dimension);
  change.negatives = rows_of(negatives, dimension);
  return change;
}

inline RouteChange patch(const std::string& name, const std::vector<float>& add, std::vector<std::size_t> remove,
                         std::size_t dimension = 1) {
  RouteChange change;
  change.kind = RouteChange::Kind::patch;
  change.name = name;
  change.references = rows_of(add, dimension);
  change.remove = std::move(remove);
  return change;
}

inline RouteChange erase(const std::string& name) {
  RouteChange change;
  change.kind = RouteChange::Kind::erase;
  change.name = name;
  return change;
}

}  // namespace semroute::router::test

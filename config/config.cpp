#include "config/config.h"

namespace semroute::config {

std::string_view to_string(Aggregation aggregation) noexcept {
  switch (aggregation) {
    case Aggregation::max: return "max";
    case Aggregation::mean_top: return "mean_top";
    case Aggregation::sum_top: return "sum_top";
    case Aggregation::mean: return "mean";
    case Aggregation::centroid: return "centroid";
  }
  return "max";
}

}  // namespace semroute::config

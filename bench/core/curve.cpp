#include "bench/core/curve.h"

#include <cmath>
#include <limits>

namespace semroute::bench {

double qps_at(const std::vector<CurvePoint>& curve, double recall) {
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (curve[i].recall < recall) continue;
    if (i == 0) return curve[0].qps;
    const CurvePoint& below = curve[i - 1];
    const double way = (recall - below.recall) / (curve[i].recall - below.recall);
    return std::exp(std::log(below.qps) + way * (std::log(curve[i].qps) - std::log(below.qps)));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace semroute::bench

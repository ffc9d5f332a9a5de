// Curve: speed against recall of one graph index, as points by rising ef.
#pragma once

#include <cstddef>
#include <vector>

namespace semroute::bench {

struct CurvePoint {
  double recall = 0.0;
  double qps = 0.0;
};

// Queries a second at `recall`, on the line between the two neighbouring points, with log(qps) along it. NaN when the
// curve does not get there; when it begins above, the first point, which is less than what a smaller ef would give.
[[nodiscard]] double qps_at(const std::vector<CurvePoint>& curve, double recall);

}  // namespace semroute::bench

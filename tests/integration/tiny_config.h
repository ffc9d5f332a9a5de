// A configuration of four dimensions that the integration tests share: scores can be worked out by hand.
#pragma once

#include <string>

namespace semroute::test {

// Routes: billing along x with metadata (negative along z), support along y; threshold 0.5, `max`. `more` is put at
// the end, `targets` behind the target `canned`; `support` is given the target named.
inline std::string tiny_config(const std::string& more = {}, const std::string& targets = {},
                               const std::string& support_target = {}) {
  return R"(workers: 2
index: {dimension: 4, metric: cosine, model: tiny}
decision: {aggregation: max, score_threshold: 0.5}
targets:
  - {name: canned, kind: static, reply: {answer: 42}}
)" + targets +
         R"(routes:
  - name: billing
    target: canned
    references: {vectors: [[1, 0, 0, 0], [0.8, 0.6, 0, 0]]}
    negatives: {vectors: [[0.6, 0, 0.8, 0]]}
    metadata: {tier: gold}
  - name: support
    references: {vectors: [[0, 1, 0, 0]]}
    score_threshold: 0.7
)" + (support_target.empty() ? "" : "    target: " + support_target + "\n") +
         more;
}

}  // namespace semroute::test

// TargetFixture: a target of any kind, started and with a channel on an io_context that the test runs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/plugins/http/fixture.h"
#include "tests/plugins/target_nodes.h"

namespace semroute::plugins::test {

class TargetFixture : public HttpFixture {
 protected:
  void open(const config::TargetConfig& config) {
    for (const auto& problem : problems_of(config)) ADD_FAILURE() << to_string(problem);
    channel_.reset();
    target_ = make_target(config);
    target_->start(io_);
    channel_ = target_->open(io_);
  }
  void open(const std::string& kind, std::vector<config::Member> keys) {
    open(target_of("service", kind, std::move(keys)));
  }
};

// The outcomes of the tries, in order.
inline std::vector<std::string> tries_of(const DispatchOutcome& outcome) {
  std::vector<std::string> outcomes;
  for (const Attempt& attempt : outcome.attempts) outcomes.push_back(attempt.outcome);
  return outcomes;
}

}  // namespace semroute::plugins::test

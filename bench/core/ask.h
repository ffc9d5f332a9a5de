// Asking a contender: its answers to all queries, and the time of a pass over them, one query a call.
#pragma once

#include <cstddef>
#include <span>

#include "bench/core/contender.h"
#include "bench/support/timing.h"
#include "bench/support/truth.h"

namespace semroute::bench {

inline constexpr std::size_t kTop = 10;  // k of every search here

// `queries` are vectors of `dimension` floats one after another; `ef` as in Contender::search.
struct Questions {
  std::span<const float> queries;
  std::size_t dimension = 0;
  std::size_t ef = 0;

  [[nodiscard]] std::size_t count() const { return queries.size() / dimension; }
};

[[nodiscard]] Answers answers_of(Contender& contender, const Questions& questions);

// Of one query, over `passes` passes.
[[nodiscard]] Elapsed time_per_query(Contender& contender, const Questions& questions, std::size_t passes = 1);

// So many passes that a turn is long against the clock and a tick of the scheduler.
[[nodiscard]] std::size_t passes_in_a_turn(Contender& contender, const Questions& questions);

}  // namespace semroute::bench

#include "bench/core/ask.h"

namespace semroute::bench {
namespace {

constexpr double kTurnUs = 4'000.0;

}  // namespace

Answers answers_of(Contender& contender, const Questions& questions) {
  Answers answers(questions.count(), std::vector<std::uint64_t>(kTop));
  for (std::size_t q = 0; q < answers.size(); ++q)
    answers[q].resize(
        contender.search(&questions.queries[q * questions.dimension], kTop, questions.ef, answers[q].data()));
  return answers;
}

Elapsed time_per_query(Contender& contender, const Questions& questions, std::size_t passes) {
  std::uint64_t ids[kTop];
  const Stopwatch watch;
  for (std::size_t pass = 0; pass < passes; ++pass)
    for (std::size_t q = 0; q < questions.count(); ++q) {
      contender.search(&questions.queries[q * questions.dimension], kTop, questions.ef, ids);
      keep(ids);
    }
  return watch.elapsed() / static_cast<double>(passes * questions.count());
}

std::size_t passes_in_a_turn(Contender& contender, const Questions& questions) {
  static_cast<void>(time_per_query(contender, questions));  // warms what the first search makes
  const double pass_us = time_per_query(contender, questions).cpu_us * static_cast<double>(questions.count());
  return 1 + static_cast<std::size_t>(kTurnUs / pass_us);
}

}  // namespace semroute::bench

#include "bench/router/reply_check.h"

#include <algorithm>
#include <cmath>

#include "bench/support/program.h"

namespace semroute::bench {
namespace {

constexpr float kSameScore = 1e-5F;  // float32 sums in another order differ by less
constexpr std::size_t kMostTold = 5;

}  // namespace

ReplyCheck::ReplyCheck(const ChangingRoutes& routes, double threshold, std::uint64_t revision)
    : routes_(routes), threshold_(threshold), revision_(revision), contents_(routes.shape().changing) {}

ReplyCheck::Found ReplyCheck::check(std::vector<PutDone> puts, const std::vector<SearchReply>& replies) {
  Found found;
  std::ranges::sort(puts, {}, &PutDone::revision);
  for (std::size_t i = 0; i < puts.size(); ++i)
    if (puts[i].revision != revision_ + 1 + i)
      count_wrong("a put is answered with revision " + std::to_string(puts[i].revision) + ", not " +
                      std::to_string(revision_ + 1 + i),
                  found);
  const std::uint64_t last = puts.empty() ? revision_ : puts.back().revision;
  next_ = 0;
  for (const SearchReply& reply : replies) {
    const auto said = router::decode_reply(reply.frame);
    if (!said.ok() || said->error) {
      count_wrong("an error: " + (said.ok() ? said->error->message : said.error().message), found);
      continue;
    }
    if (said->revision < std::max(revision_, reply.known_revision) || said->revision > last) {
      count_wrong("revision " + std::to_string(said->revision) + " after " +
                      std::to_string(std::max(revision_, reply.known_revision)) + ", of " + std::to_string(last),
                  found);
      continue;
    }
    go_to(said->revision, puts);
    bool is_missed = false;
    const std::string problem = problem_of(reply, *said, is_missed);
    if (!problem.empty()) count_wrong(problem, found);
    found.missed += is_missed ? 1U : 0U;
  }
  go_to(last, puts);
  return found;
}

void ReplyCheck::go_to(std::uint64_t revision, const std::vector<PutDone>& puts) {
  for (; next_ < puts.size() && puts[next_].revision <= revision; ++next_)
    contents_[puts[next_].route] = puts[next_].content;
  revision_ = revision;
}

std::string ReplyCheck::problem_of(const SearchReply& reply, const router::ClientReply& said, bool& is_missed) const {
  if (said.results.size() != 1 || said.results.front().matches.size() != 1) return "a reply without its one match";
  const router::ClientResult& result = said.results.front();
  const router::ClientMatch& match = result.matches.front();
  const std::string which =
      "query " + std::to_string(reply.query) + ", revision " + std::to_string(said.revision) + ": " + match.route;
  const std::optional<float> score = score_of(reply.query, match.route);
  if (!score) return which + " is not there";
  if (std::abs(*score - match.score) > kSameScore)
    return which + " scores " + std::to_string(match.score) + ", not " + std::to_string(*score);
  const bool passes = static_cast<double>(match.score) >= threshold_;
  const bool is_matched = result.decision == router::DecisionKind::matched;
  if (match.passed != passes || is_matched != passes || result.route != (passes ? match.route : ""))
    return which + " is not decided by its score of " + std::to_string(match.score);
  is_missed = best_score_of(reply.query) - match.score > kSameScore;
  return {};
}

std::optional<float> ReplyCheck::score_of(std::size_t query, std::string_view route) const {
  const std::optional<std::size_t> found = routes_.find(route);
  if (!found) return std::nullopt;
  if (*found < routes_.staying()) return routes_.staying_score(query, *found);
  const std::size_t i = *found - routes_.staying();
  if (!contents_[i]) return std::nullopt;
  return routes_.content_score(query, i, *contents_[i]);
}

float ReplyCheck::best_score_of(std::size_t query) const {
  float best = routes_.best_staying(query);
  for (std::size_t i = 0; i < contents_.size(); ++i)
    if (contents_[i]) best = std::max(best, routes_.content_score(query, i, *contents_[i]));
  return best;
}

void ReplyCheck::count_wrong(const std::string& problem, Found& found) {
  ++found.wrong;
  if (told_++ < kMostTold) progress("wrong: " + problem);
}

}  // namespace semroute::bench

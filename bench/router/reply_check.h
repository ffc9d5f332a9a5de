// ReplyCheck: whether each reply to a search is that of the table which it names.
//
// The table is a function of its revision: a put makes one, and is answered with it. So once a turn is over it is known
// what every revision held, and a reply must name a route that was there, with the score that its references of that
// revision give, decided by the threshold. Revisions never go back on the connection, and none is older than a put that
// was answered before the request was sent.
// A reply whose route scores less than the best one is `missed`, not wrong: a graph finds what it finds.
// Threads: one. Errors: the first wrong replies are told on stderr.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/router/changing_routes.h"
#include "router/protocol/client_codec.h"

namespace semroute::bench {

struct PutDone {
  std::uint64_t revision = 0;
  std::size_t route = 0;  // of those that change
  std::size_t content = 0;
};

struct SearchReply {
  std::size_t query = 0;
  std::uint64_t known_revision = 0;  // of the last put that was answered before the request was sent
  std::string frame;
};

class ReplyCheck {
 public:
  // `revision`: of the table that has no route which changes yet.
  ReplyCheck(const ChangingRoutes& routes, double threshold, std::uint64_t revision);

  struct Found {
    std::uint64_t wrong = 0;
    std::uint64_t missed = 0;
  };
  // Of one turn: all puts that were answered in it, in any order, and the replies as they came.
  [[nodiscard]] Found check(std::vector<PutDone> puts, const std::vector<SearchReply>& replies);

 private:
  // Has `contents_` be of the revision. Precondition: it is not older than they are.
  void go_to(std::uint64_t revision, const std::vector<PutDone>& puts);
  // Why the reply is wrong; empty: it is not.
  [[nodiscard]] std::string problem_of(const SearchReply& reply, const router::ClientReply& said,
                                       bool& is_missed) const;
  [[nodiscard]] std::optional<float> score_of(std::size_t query, std::string_view route) const;
  [[nodiscard]] float best_score_of(std::size_t query) const;
  void count_wrong(const std::string& problem, Found& found);

  const ChangingRoutes& routes_;
  double threshold_;
  std::uint64_t revision_;                            // that `contents_` are of
  std::vector<std::optional<std::size_t>> contents_;  // by route that changes; nothing: it is not there yet
  std::size_t next_ = 0;                              // of the turn's puts, by revision
  std::size_t told_ = 0;
};

}  // namespace semroute::bench

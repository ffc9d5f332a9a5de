// Tables made by random sequences of changes decide as tables built whole: every one of them, and the older ones that
// are still held, too.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "router/routes/table_writer.h"
#include "tests/router/changes/changes.h"
#include "tests/router/decide/random_tables.h"

namespace semroute::router {
namespace {

using config::Aggregation;
using core::Metric;

struct Answer {
  DecisionKind kind;
  Reason reason;
  std::string served;
  std::vector<std::tuple<std::string, float, bool, bool>> matches;
  std::vector<std::tuple<std::string, std::size_t, float, bool>> references;
  bool operator==(const Answer&) const = default;
};

struct Question {
  std::vector<float> embedding;
  std::optional<Filter> filter;
  std::size_t top_k = 1;
  bool explain = false;
};

Answer answer(const RoutingState& state, const Question& question) {
  DecideScratch scratch;
  Decision decision;
  decide(state,
         {.embedding = question.embedding,
          .top_k = question.top_k,
          .filter = question.filter ? &*question.filter : nullptr,
          .score_threshold = std::nullopt,
          .explain = question.explain},
         scratch, decision);
  Answer made{decision.kind, decision.reason, test::served(state, decision), {}, {}};
  const RouteList routes = state.table.routes();
  for (const RouteScore& match : decision.matches)
    made.matches.emplace_back(routes[match.route].name, match.score, match.passed, match.vetoed);
  for (const ReferenceScore& one : decision.references)
    made.references.emplace_back(routes[one.route].name, one.row, one.score, one.negative);
  return made;
}

// What the table should be: a configuration, some of whose routes were made at run time.
class Model {
 public:
  Model(std::uint64_t seed, config::Config config) : random_(seed), config_(std::move(config)) {
    config_.index.capacity = 100'000;
    for (config::RouteConfig& route : config_.routes) route.references.texts.clear();
  }

  const config::Config& file() const { return config_; }
  config::Config whole() const {
    config::Config config = config_;
    for (const auto& [name, route] : made_) config.routes.push_back(route);
    return config;
  }

  // A few changes in one batch, done to the model too.
  std::vector<RouteChange> change() {
    std::vector<RouteChange> changes;
    for (std::size_t more = 1 + random_.below(3); more > 0; --more) {
      const std::string name = "made" + std::to_string(random_.below(6));
      const auto found = made_.find(name);
      if (found == made_.end() || random_.chance(20)) {
        changes.push_back(put(name));
      } else if (random_.chance(15)) {
        changes.push_back(test::erase(name));
        made_.erase(found);
      } else {
        changes.push_back(patch(found->second));
      }
    }
    return changes;
  }

  // Another file: a route more or less, rows added, removed and moved.
  void change_file() {
    for (config::RouteConfig& route : config_.routes) {
      if (route.references.values.empty() || !random_.chance(30)) continue;
      std::vector<float>& values = route.references.values;
      const std::size_t dimension = config_.index.dimension;
      const std::vector<float> more = random_.vectors(1, dimension);
      if (random_.chance(50)) {
        values.insert(
            values.begin() + static_cast<std::ptrdiff_t>(dimension * random_.below(values.size() / dimension)),
            more.begin(), more.end());
      } else if (values.size() > 2 * dimension) {
        values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(dimension));
      }
      if (random_.chance(20))
        std::rotate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(dimension), values.end());
      if (random_.chance(20)) route.negatives.values = random_.vectors(1, dimension);
    }
    if (random_.chance(30) && !config_.routes.empty() && config_.decision.default_route != config_.routes.back().name)
      config_.routes.pop_back();
    if (random_.chance(30)) {
      config::RouteConfig& route = config_.routes.emplace_back();
      route.name = "file" + std::to_string(++made_in_file_);
      route.references.values = random_.vectors(1 + random_.below(4), config_.index.dimension);
    }
  }

  Question question() {
    Question question{random_.query_near(whole()), std::nullopt, 1 + random_.below(4), random_.chance(30)};
    if (random_.chance(30)) question.filter = random_.large_filter(whole());
    return question;
  }

 private:
  RouteChange put(const std::string& name) {
    const std::size_t dimension = config_.index.dimension;
    config::RouteConfig route;
    route.name = name;
    route.references.values = random_.vectors(1 + random_.below(30), dimension);
    if (random_.chance(30)) route.negatives.values = random_.vectors(1, dimension);
    RouteChange change = test::put(name, route.references.values, dimension, route.negatives.values);
    if (random_.chance(50)) {
      config::Value::Map members;
      members.push_back({"tier", {}, test::value(static_cast<std::int64_t>(random_.below(3)))});
      route.metadata = test::value(std::move(members));
      change.fields.metadata = route.metadata;
    }
    made_[name] = std::move(route);
    return change;
  }

  RouteChange patch(config::RouteConfig& route) {
    const std::size_t dimension = config_.index.dimension;
    const std::size_t count = route.references.values.size() / dimension;
    std::vector<std::size_t> remove;
    for (std::size_t row = 1; row < count; ++row)
      if (random_.chance(30)) remove.insert(random_.chance(50) ? remove.begin() : remove.end(), row);
    const std::vector<float> add = random_.vectors(random_.below(4), dimension);
    std::vector<float> rows;
    for (std::size_t row = 0; row < count; ++row) {
      if (std::ranges::find(remove, row) != remove.end()) continue;
      const auto begin = route.references.values.begin() + static_cast<std::ptrdiff_t>(row * dimension);
      rows.insert(rows.end(), begin, begin + static_cast<std::ptrdiff_t>(dimension));
    }
    rows.insert(rows.end(), add.begin(), add.end());
    route.references.values = rows;
    RouteChange change = test::patch(route.name, add, remove, dimension);
    if (random_.chance(30)) {
      const std::vector<float> negative = random_.vectors(1, dimension);
      route.negatives.values.insert(route.negatives.values.end(), negative.begin(), negative.end());
      change.negatives = test::rows_of(negative, dimension);
    }
    if (random_.chance(30)) {
      route.score_threshold = random_.threshold(config_.index.metric);
      change.fields.score_threshold = route.score_threshold;
    }
    return change;
  }

  test::RandomTables random_;
  config::Config config_;
  std::map<std::string, config::RouteConfig> made_;
  std::size_t made_in_file_ = 0;
};

struct Held {
  std::shared_ptr<const RoutingState> state;
  std::vector<std::pair<Question, Answer>> answers;
};

class ChangedTables : public testing::TestWithParam<std::tuple<Aggregation, Metric>> {};

void run(std::uint64_t seed, const config::Config& config, std::size_t steps) {
  Model model(seed, config);
  TableWriter writer;
  auto loaded = writer.load(model.file());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  loaded = std::shared_ptr<const RoutingState>();
  test::RandomTables random(seed + 1);
  std::vector<Held> held;
  std::uint64_t revision = 1;
  for (std::size_t step = 0; step < steps; ++step) {
    if (random.chance(15)) {
      model.change_file();
      const auto reloaded = writer.load(model.file());
      ASSERT_TRUE(reloaded.ok()) << reloaded.error().message;
    } else {
      for (std::size_t group = 1 + random.below(2); group > 0; --group) {
        const auto done = writer.apply(model.change(), ++revision);
        ASSERT_TRUE(done.ok()) << done.error().message;
      }
      (void)writer.finish();
    }
    const auto fresh = build_routing_state(model.whole());
    ASSERT_TRUE(fresh.ok()) << fresh.error().message;
    const auto& state = writer.newest();
    ASSERT_EQ(state->table.routes().size(), (*fresh)->table.routes().size());
    EXPECT_EQ(state->table.reference_count(), (*fresh)->table.reference_count());
    EXPECT_EQ(state->table.negative_count(), (*fresh)->table.negative_count());
    Held now{state, {}};
    for (int i = 0; i < 6; ++i) {
      const Question question = model.question();
      const Answer expected = answer(**fresh, question);
      EXPECT_EQ(answer(*state, question), expected) << "seed " << seed << " step " << step;
      now.answers.emplace_back(question, expected);
    }
    if (random.chance(40)) held.push_back(std::move(now));
    if (held.size() > 3) held.erase(held.begin() + static_cast<std::ptrdiff_t>(random.below(held.size())));
    (void)writer.collect();
    for (const Held& old : held)
      for (const auto& [question, expected] : old.answers)
        EXPECT_EQ(answer(*old.state, question), expected) << "an older table, seed " << seed << " step " << step;
    if (testing::Test::HasFailure()) return;
  }
  held.clear();
  EXPECT_FALSE(writer.collect());
  const RoutingState& last = *writer.newest();
  EXPECT_EQ(last.index->count(), last.table.reference_count()) << "nothing is left of what is gone";
  EXPECT_EQ(last.negatives->count(), last.table.negative_count());
  if (last.route_vectors != nullptr) {
    EXPECT_EQ(last.route_vectors->count(), last.table.referenced().size());
  }
}

TEST_P(ChangedTables, DecideAsTablesThatAreBuiltWhole) {
  const auto [aggregation, metric] = GetParam();
  for (std::uint64_t seed = 1; seed <= 8; ++seed) run(seed, test::RandomTables(seed).table(aggregation, metric), 25);
}

TEST_P(ChangedTables, DoSoThroughTheIndex) {
  const auto [aggregation, metric] = GetParam();
  for (std::uint64_t seed = 21; seed <= 23; ++seed)
    run(seed, test::RandomTables(seed).large_table(aggregation, metric, seed % 2 == 0), 12);
}

INSTANTIATE_TEST_SUITE_P(All, ChangedTables,
                         testing::Combine(testing::Values(Aggregation::max, Aggregation::mean_top, Aggregation::sum_top,
                                                          Aggregation::mean, Aggregation::centroid),
                                          testing::Values(Metric::cosine, Metric::dot, Metric::euclidean,
                                                          Metric::manhattan)));

}  // namespace
}  // namespace semroute::router

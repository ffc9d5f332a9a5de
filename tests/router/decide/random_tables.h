// Random tables, filters and thresholds for tests of deciding, small and large; the same seed gives the same ones.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "router/decide/decide.h"
#include "tests/router/decide/naive_decision.h"
#include "tests/router/decide/tables.h"

namespace semroute::router::test {

class RandomTables {
 public:
  explicit RandomTables(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  double uniform(double least, double most) {
    return least + (most - least) * std::ldexp(double(random_() >> 11), -53);
  }

  std::vector<float> vectors(std::size_t count, std::size_t dimension) {
    std::vector<float> values(count * dimension);
    for (float& value : values) value = static_cast<float>(uniform(-1.0, 1.0));
    return values;
  }

  // Rows near `centre`, some of them copies of earlier ones.
  void add_near(std::vector<float>& rows, const std::vector<float>& centre, std::size_t count, double spread) {
    const std::size_t first = rows.size();
    for (std::size_t row = 0; row < count; ++row) {
      const std::size_t own = (rows.size() - first) / centre.size();
      if (copies_ && own > 0 && chance(20)) {
        const std::size_t begin = first + below(own) * centre.size();
        for (std::size_t i = 0; i < centre.size(); ++i) rows.push_back(rows[begin + i]);
        continue;
      }
      for (const float value : centre) rows.push_back(static_cast<float>(double{value} + uniform(-spread, spread)));
    }
  }

  // Hundreds of references in routes of very different sizes, near centres or anywhere; with `copies` many scores tie,
  // within a route and between routes.
  config::Config large_table(config::Aggregation aggregation, core::Metric metric, bool copies) {
    copies_ = copies;
    config::DecisionConfig rules;
    rules.aggregation = aggregation;
    rules.top_m = chance(20) ? 1 + below(40) : 1 + below(6);
    rules.score_threshold = threshold(metric);
    if (chance(25)) rules.score_threshold = chance(50) ? 3.0 * rules.score_threshold : rules.score_threshold + 0.6;
    if (chance(50)) rules.margin = uniform(0.0, 0.1);
    const std::size_t dimension = 2 + below(20);
    const bool is_of_means = aggregation == config::Aggregation::mean || aggregation == config::Aggregation::centroid;
    const std::size_t count = is_of_means ? 600 + below(300) : chance(50) ? 3 + below(12) : 40 + below(160);
    const double spread = chance(30) ? 1.0 : uniform(0.05, 0.4);
    const std::size_t rows = chance(15) ? 20'000 : 3'000;
    const bool vetoes_most = chance(30);
    std::vector<RouteSpec> routes;
    std::size_t references = 0;
    while (routes.size() < count || references < 700) {
      RouteSpec route;
      route.name = "route" + std::to_string(routes.size());
      const std::vector<float> centre = vectors(1, dimension);
      const std::size_t most = std::max<std::size_t>(2, rows / count);
      const std::size_t own = chance(5) ? 0 : 1 + below(chance(20) ? 2 : most);
      add_near(route.references, centre, own, spread);
      references += own;
      if (copies && !routes.empty() && !routes.back().references.empty() && own > 0 && chance(40)) {
        const std::vector<float>& other = routes.back().references;
        std::copy_n(other.begin(), dimension, route.references.begin());
      }
      if (vetoes_most && chance(85))
        route.negatives = route.references;  // always as near
      else if (chance(30))
        add_near(route.negatives, centre, 1 + below(3), spread);
      if (chance(20)) route.score_threshold = threshold(metric) - (chance(20) ? 0.7 : 0.0);
      if (chance(70)) route.metadata.push_back({"tier", tier()});
      routes.push_back(std::move(route));
    }
    if (chance(50)) rules.default_route = routes[below(routes.size())].name;
    return config_of(routes, rules, metric, dimension);
  }

  // Near a reference or a negative more often than not, at times one of them.
  std::vector<float> query_near(const config::Config& config) {
    std::vector<float> query = vectors(1, config.index.dimension);
    const config::RouteConfig& route = config.routes[below(config.routes.size())];
    const std::vector<float>& rows = chance(30) ? route.negatives.values : route.references.values;
    if (rows.empty() || chance(15)) return query;
    const double share = chance(30) ? 0.0 : uniform(0.0, 0.3);
    for (std::size_t i = 0; i < query.size(); ++i)
      query[i] = static_cast<float>(double{rows[i]} + share * double{query[i]});
    return query;
  }

  Filter large_filter(const config::Config& config) {
    Filter made;
    if (chance(40)) {
      made.routes.emplace();
      for (const config::RouteConfig& route : config.routes)
        if (chance(70)) made.routes->push_back(route.name);
    } else {
      made.metadata.push_back({"tier", {tier(), tier()}});
    }
    return made;
  }

  config::Config table(config::Aggregation aggregation, core::Metric metric) {
    config::DecisionConfig rules;
    rules.aggregation = aggregation;
    rules.top_m = 1 + below(6);
    rules.score_threshold = threshold(metric);
    if (chance(50)) rules.margin = uniform(0.0, 0.2);
    // On a line, references of random signs often cancel each other and have no cosine centroid.
    const std::size_t dimension =
        (aggregation == config::Aggregation::centroid && metric == core::Metric::cosine ? 2 : 1) + below(9);
    std::vector<RouteSpec> routes;
    const std::size_t count = chance(30) ? below(3) : below(9);
    for (std::size_t i = 0; i < count; ++i) {
      RouteSpec route;
      route.name = std::string(1, static_cast<char>('z' - static_cast<int>(i)));
      if (!chance(15)) route.references = vectors(1 + below(8), dimension);
      if (chance(40)) route.negatives = vectors(1 + below(2), dimension);
      if (chance(30)) route.score_threshold = threshold(metric);
      if (chance(70)) route.metadata.push_back({"tier", tier()});
      routes.push_back(std::move(route));
    }
    if (count > 0 && chance(50)) rules.default_route = routes[below(count)].name;
    return config_of(routes, rules, metric, dimension);
  }

  Filter filter() {
    Filter made;
    if (chance(60)) {
      made.routes.emplace();
      for (char name = 'r'; name <= 'z'; ++name)
        if (chance(60)) made.routes->push_back(std::string(1, name));
    }
    if (chance(60)) made.metadata.push_back({"tier", {tier(), tier()}});
    return made;
  }

  double threshold(core::Metric metric) {
    return metric == core::Metric::cosine || metric == core::Metric::dot ? uniform(-0.3, 0.8) : uniform(0.2, 0.6);
  }

 private:
  config::Value tier() { return value(static_cast<std::int64_t>(below(3))); }

  std::mt19937_64 random_;
  bool copies_ = false;
};

inline void expect_agrees(const RoutingState& state, const Decision& made, const NaiveDecision& naive,
                          const std::string& what) {
  EXPECT_EQ(made.kind, naive.kind) << what;
  EXPECT_EQ(made.reason, naive.reason) << what;
  EXPECT_EQ(served(state, made), naive.route) << what;
  ASSERT_EQ(made.matches.size(), naive.ranked.size()) << what;
  for (std::size_t i = 0; i < naive.ranked.size(); ++i) {
    EXPECT_EQ(state.table.routes()[made.matches[i].route].name, naive.ranked[i].name) << what << " rank " << i;
    EXPECT_NEAR(double{made.matches[i].score}, naive.ranked[i].score, 2e-6) << what << " rank " << i;
    EXPECT_EQ(made.matches[i].passed, naive.ranked[i].passed) << what << " rank " << i;
    EXPECT_EQ(made.matches[i].vetoed, naive.ranked[i].vetoed) << what << " rank " << i;
    EXPECT_EQ(made.matches[i].threshold, naive.ranked[i].threshold) << what << " rank " << i;
  }
}

}  // namespace semroute::router::test

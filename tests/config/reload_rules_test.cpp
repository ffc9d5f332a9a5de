#include "config/reload_rules.h"

#include <gtest/gtest.h>

#include <functional>

namespace semroute::config {
namespace {

Config running() {
  Config config;
  config.file = "routes.yaml";
  config.index.dimension = 64;
  config.decision_log = DecisionLogConfig{"d.jsonl", 1.0, false};
  return config;
}

std::vector<std::string> refused(const std::function<void(Config&)>& change) {
  Config next = running();
  change(next);
  std::vector<std::string> lines;
  for (const Diagnostic& problem : changes_needing_restart(running(), next)) lines.push_back(to_string(problem));
  return lines;
}

TEST(ReloadRules, AppliesWhatAReloadCanApply) {
  EXPECT_TRUE(refused([](Config& next) {
                next.file = "routes.yaml";
                next.limits.max_batch = 1;
                next.limits.idle_timeout = std::chrono::milliseconds{1};
                next.decision.margin = 0.5;
                next.decision.default_route = "x";
                next.request_headers = {"x-tenant"};
                next.targets.push_back({"a", "static", {}});
                next.routes.emplace_back();
              }).empty());
}

TEST(ReloadRules, RefusesEveryOtherChangeByName) {
  const std::vector<std::pair<std::function<void(Config&)>, std::string>> cases{
      {[](Config& c) { c.listen.port = 1; },
       "listen: needs a restart: 127.0.0.1:7311 is running, the file says 127.0.0.1:1"},
      {[](Config& c) { c.admin.reset(); }, "admin: needs a restart: 127.0.0.1:7312 is running, the file says off"},
      {[](Config& c) { c.workers = 4; }, "workers: needs a restart: 1 is running, the file says 4"},
      {[](Config& c) { c.allow_open = true; },
       "access.allow_open: needs a restart: false is running, the file says true"},
      {[](Config& c) { c.data_dir = "d"; }, "data_dir: needs a restart: none is running, the file says d"},
      {[](Config& c) { c.store.durability = Durability::off; },
       "store.durability: needs a restart: always is running, the file says off"},
      {[](Config& c) { c.store.interval = std::chrono::milliseconds{1}; },
       "store.interval: needs a restart: 50ms is running, the file says 1ms"},
      {[](Config& c) { c.index.dimension = 3; }, "index.dimension: needs a restart: 64 is running, the file says 3"},
      {[](Config& c) { c.index.metric = core::Metric::dot; },
       "index.metric: needs a restart: cosine is running, the file says dot"},
      {[](Config& c) { c.index.model = "m"; }, "index.model: needs a restart: none is running, the file says m"},
      {[](Config& c) { c.index.algorithm = core::Algorithm::flat; },
       "index.algorithm: needs a restart: auto is running, the file says flat"},
      {[](Config& c) { c.index.quantization = core::Quantization::int8; },
       "index.quantization: needs a restart: none is running, the file says int8"},
      {[](Config& c) { c.index.rerank = core::Rerank::f16; },
       "index.rerank: needs a restart: f32 is running, the file says f16"},
      {[](Config& c) { c.index.hnsw.m = 8; }, "index.hnsw.m: needs a restart: 16 is running, the file says 8"},
      {[](Config& c) { c.index.hnsw.ef_construction = 8; },
       "index.hnsw.ef_construction: needs a restart: 200 is running, the file says 8"},
      {[](Config& c) { c.index.hnsw.ef_search = 8; },
       "index.hnsw.ef_search: needs a restart: 64 is running, the file says 8"},
      {[](Config& c) { c.index.capacity = 9; },
       "index.capacity: needs a restart: 10000000 is running, the file says 9"},
      {[](Config& c) { c.drain.delay = std::chrono::milliseconds{1'000}; },
       "drain.delay: needs a restart: 0s is running, the file says 1s"},
      {[](Config& c) { c.drain.timeout = std::chrono::milliseconds{0}; },
       "drain.timeout: needs a restart: 25s is running, the file says 0s"},
      {[](Config& c) { c.decision_log.reset(); },
       "decision_log.file: needs a restart: d.jsonl is running, the file says none"},
      {[](Config& c) { c.decision_log->sample = 0.5; },
       "decision_log.sample: needs a restart: 1 is running, the file says 0.5"},
      {[](Config& c) { c.decision_log->embedding = true; },
       "decision_log.embedding: needs a restart: false is running, the file says true"},
  };
  for (const auto& [change, message] : cases) {
    EXPECT_EQ(refused(change), (std::vector<std::string>{"routes.yaml: " + message}));
  }
}

TEST(ReloadRules, NamesAllChangesAtOnce) {
  EXPECT_EQ(refused([](Config& next) {
              next.listen.port = 1;
              next.index.dimension = 3;
              next.limits.max_batch = 7;
            }).size(),
            2U);
}

}  // namespace
}  // namespace semroute::config

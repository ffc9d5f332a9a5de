// Every key of the root but targets, routes and route_sets: values, defaults, ranges. Faults 34, 35, 37, 91.
#include "config/sections.h"

#include <gtest/gtest.h>

#include "tests/config/scratch.h"

namespace semroute::config {
namespace {

using std::chrono::milliseconds;

class Sections : public testing::Test {
 protected:
  Config load(const std::string& yaml) {
    LoadOutcome outcome = scratch_.load("index: {dimension: 2}\n" + yaml);
    EXPECT_TRUE(outcome.config) << (outcome.problems.empty() ? "" : to_string(outcome.problems[0]));
    return outcome.config.value_or(Config{});
  }
  // The message and key path of the one problem.
  std::string problem(const std::string& yaml) {
    const LoadOutcome outcome = scratch_.load("index: {dimension: 2}\n" + yaml);
    EXPECT_EQ(outcome.problems.size(), 1U) << yaml;
    EXPECT_FALSE(outcome.config);
    if (outcome.problems.empty()) return "";
    return outcome.problems[0].key_path + ": " + outcome.problems[0].message;
  }

  test::Scratch scratch_;
};

TEST_F(Sections, HaveTheDocumentedDefaults) {
  const Config config = load("");
  EXPECT_EQ(config.file, scratch_.path("routes.yaml"));
  EXPECT_EQ(config.listen, (Address{"127.0.0.1", 7311}));
  EXPECT_EQ(config.admin, (Address{"127.0.0.1", 7312}));
  EXPECT_GE(config.workers, 1U);
  EXPECT_FALSE(config.allow_open);
  EXPECT_EQ(config.index.metric, core::Metric::cosine);
  EXPECT_EQ(config.index.model, std::nullopt);
  EXPECT_EQ(config.index.algorithm, core::Algorithm::automatic);
  EXPECT_EQ(config.index.quantization, core::Quantization::none);
  EXPECT_EQ(config.index.rerank, core::Rerank::f32);
  EXPECT_EQ(config.index.capacity, 10'000'000U);
  EXPECT_EQ(config.index.hnsw.m, 16U);
  EXPECT_EQ(config.index.hnsw.ef_construction, 200U);
  EXPECT_EQ(config.index.hnsw.ef_search, 64U);
  EXPECT_EQ(config.decision.aggregation, Aggregation::mean_top);
  EXPECT_EQ(config.decision.top_m, 3U);
  EXPECT_EQ(config.decision.score_threshold, 0.5);
  EXPECT_EQ(config.decision.margin, 0.0);
  EXPECT_EQ(config.decision.default_route, std::nullopt);
  EXPECT_TRUE(config.request_headers.empty());
  EXPECT_EQ(config.drain.timeout, milliseconds{25'000});
  EXPECT_EQ(config.decision_log, std::nullopt);
  EXPECT_EQ(config.limits.max_request, std::size_t{16} << 20);
  EXPECT_EQ(config.limits.idle_timeout, milliseconds{60'000});
  EXPECT_TRUE(config.targets.empty());
  EXPECT_TRUE(config.routes.empty());
}

TEST_F(Sections, ReadEveryKey) {
  const Config config = load(R"(
listen: "[::1]:0"
admin: off
http: off
workers: 3
decision: {aggregation: sum_top, top_m: 7, score_threshold: -1, margin: 0.25}
dispatch: {request_headers: [X-Tenant, accept-language]}
drain: {delay: 1s, timeout: 2m}
decision_log: {file: logs/d.jsonl, sample: 0.5, embedding: true}
access: {allow_open: true}
limits:
  max_connections: 1
  max_connections_per_address: 2
  max_request: 2KiB
  max_batch: 4
  max_in_flight: 5
  max_output_buffer: 4096
  idle_timeout: 7s
  request_timeout: 8s
  write_timeout: 9s
)");
  EXPECT_EQ(config.listen, (Address{"::1", 0}));
  EXPECT_EQ(config.admin, std::nullopt);
  EXPECT_EQ(config.workers, 3U);
  EXPECT_TRUE(config.allow_open);
  EXPECT_EQ(config.decision.aggregation, Aggregation::sum_top);
  EXPECT_EQ(config.decision.top_m, 7U);
  EXPECT_EQ(config.decision.score_threshold, -1.0);
  EXPECT_EQ(config.decision.margin, 0.25);
  EXPECT_EQ(config.request_headers, (std::vector<std::string>{"x-tenant", "accept-language"}));
  EXPECT_EQ(config.drain.delay, milliseconds{1'000});
  EXPECT_EQ(config.drain.timeout, milliseconds{120'000});
  EXPECT_EQ(config.decision_log, (DecisionLogConfig{scratch_.path("logs/d.jsonl"), 0.5, true}));
  EXPECT_EQ(config.limits.max_connections, 1U);
  EXPECT_EQ(config.limits.max_connections_per_address, 2U);
  EXPECT_EQ(config.limits.max_request, 2'048U);
  EXPECT_EQ(config.limits.max_batch, 4U);
  EXPECT_EQ(config.limits.max_in_flight, 5U);
  EXPECT_EQ(config.limits.max_output_buffer, 4'096U);
  EXPECT_EQ(config.limits.idle_timeout, milliseconds{7'000});
  EXPECT_EQ(config.limits.request_timeout, milliseconds{8'000});
  EXPECT_EQ(config.limits.write_timeout, milliseconds{9'000});
}

TEST_F(Sections, ReadTheIndex) {
  const LoadOutcome outcome = scratch_.load(
      "index: {dimension: 65536, metric: manhattan, model: m, algorithm: flat, quantization: none, rerank: f32, "
      "capacity: 5}\ndecision: {score_threshold: 0}\n");
  ASSERT_TRUE(outcome.config);
  const IndexConfig& index = outcome.config->index;
  EXPECT_EQ(index.dimension, 65'536U);
  EXPECT_EQ(index.metric, core::Metric::manhattan);
  EXPECT_EQ(index.model, "m");
  EXPECT_EQ(index.algorithm, core::Algorithm::flat);
  EXPECT_EQ(index.capacity, 5U);
  EXPECT_EQ(outcome.config->decision.score_threshold, 0.0);
}

TEST_F(Sections, ReadEveryKindOfIndex) {
  const LoadOutcome outcome = scratch_.load(
      "index: {dimension: 2, algorithm: hnsw, quantization: binary, rerank: none, "
      "hnsw: {m: 4, ef_construction: 50, ef_search: 7}}\n");
  ASSERT_TRUE(outcome.config);
  const IndexConfig& index = outcome.config->index;
  EXPECT_EQ(index.algorithm, core::Algorithm::hnsw);
  EXPECT_EQ(index.quantization, core::Quantization::binary);
  EXPECT_EQ(index.rerank, core::Rerank::none);
  EXPECT_EQ(index.hnsw.m, 4U);
  EXPECT_EQ(index.hnsw.ef_construction, 50U);
  EXPECT_EQ(index.hnsw.ef_search, 7U);
  for (const char* word : {"f16", "int8", "pq"}) {
    const LoadOutcome made =
        scratch_.load("index: {dimension: 2, quantization: " + std::string(word) + ", rerank: f16}");
    ASSERT_TRUE(made.config) << word;
    EXPECT_EQ(core::to_string(made.config->index.quantization), word);
    EXPECT_EQ(made.config->index.rerank, core::Rerank::f16);
  }
}

TEST_F(Sections, WantAThresholdForOtherMetricsThanCosine) {
  for (const char* metric : {"dot", "euclidean", "manhattan"}) {
    const auto problems = scratch_.problems("index: {dimension: 2, metric: " + std::string(metric) + "}\n");
    EXPECT_EQ(problems,
              (std::vector<std::string>{"routes.yaml:1:1: decision.score_threshold: is required for the metric " +
                                        std::string(metric) + ": expected a finite number, found nothing"}));
  }
}

TEST_F(Sections, RefuseNumbersOutsideTheirRange) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"workers: 1025", "workers: expected auto or an integer 1..1024, found 1025"},
      {"workers: many", "workers: expected auto or an integer 1..1024, found \"many\""},
      {"decision: {top_m: 0}", "decision.top_m: expected an integer 1..1000, found 0"},
      {"decision: {top_m: 1001}", "decision.top_m: expected an integer 1..1000, found 1001"},
      {"decision: {margin: -1}", "decision.margin: expected a number at least 0, found -1"},
      {"decision: {score_threshold: .nan}", "decision.score_threshold: expected a finite number, found .nan"},
      {"decision: {score_threshold: -.inf}", "decision.score_threshold: expected a finite number, found -.inf"},
      {"limits: {max_batch: 0}", "limits.max_batch: expected an integer 1..65536, found 0"},
      {"limits: {max_request: 2GiB}", "limits.max_request: expected a size 1KiB..1GiB, found \"2GiB\""},
      {"limits: {idle_timeout: 25h}", "limits.idle_timeout: expected a duration 10ms..24h, found \"25h\""},
      {"drain: {timeout: -1s}", "drain.timeout: expected a duration 0s..1h such as 250ms, 2s, 1m, found \"-1s\""},
      {"decision_log: {file: d, sample: 1.5}", "decision_log.sample: expected a number 0..1, found 1.5"},
      {"decision_log: {}", "decision_log.file: is required: expected a string, found nothing"},
      {"decision_log:", "decision_log: expected a map, found nothing"},
      {"admin: false", "admin: expected host:port such as 127.0.0.1:7312, or off, found false"},
      {"listen: 7311", "listen: expected host:port such as 127.0.0.1:7311, found 7311"},
      {"listen: off", "listen: expected host:port such as 127.0.0.1:7311, found \"off\""},
  };
  for (const auto& [yaml, message] : cases) EXPECT_EQ(problem(yaml), message);
  for (const char* dimension : {"0", "65537", "1.5", "\"64\"", "-1"}) {
    EXPECT_EQ(scratch_.problems("index: {dimension: " + std::string(dimension) + "}").at(0),
              "routes.yaml:1:20: index.dimension: expected an integer 1..65536, found " + std::string(dimension));
  }
}

TEST_F(Sections, SayHowAWholeNumberIsWritten) {
  EXPECT_EQ(problem("decision: {top_m: 1.0}"),
            "decision.top_m: expected an integer 1..1000, written without a point, found 1.0");
}

TEST_F(Sections, RefuseByNameWhatIsOfALaterVersion) {
  for (const char* yaml : {"tls: {cert_file: a.pem}", "access: {tokens_file: t}", "limits: {handshake_timeout: 1s}"}) {
    EXPECT_TRUE(problem(yaml).ends_with(": is known, not in this version")) << yaml;
  }
  EXPECT_EQ(problem("http: 127.0.0.1:80"), "http: is known, not in this version: expected off, found \"127.0.0.1:80\"");
}

TEST_F(Sections, SayWhereRoutesAreKeptAndHow) {
  const auto left_out = scratch_.load("index: {dimension: 2}\n");
  ASSERT_TRUE(left_out.config.has_value());
  EXPECT_FALSE(left_out.config->data_dir.has_value());
  EXPECT_EQ(left_out.config->store.durability, Durability::always);
  EXPECT_EQ(left_out.config->store.interval, std::chrono::milliseconds{50});
  EXPECT_EQ(left_out.config->limits.max_change, std::size_t{64} << 20);
  const auto given = scratch_.load(
      "index: {dimension: 2}\ndata_dir: ./data\nstore: {durability: interval, interval: 2s}\n"
      "limits: {max_change: 1MiB}\n");
  ASSERT_TRUE(given.config.has_value());
  EXPECT_EQ(given.config->data_dir, scratch_.path("./data"));
  EXPECT_EQ(given.config->store.durability, Durability::interval);
  EXPECT_EQ(given.config->store.interval, std::chrono::milliseconds{2000});
  EXPECT_EQ(given.config->limits.max_change, std::size_t{1} << 20);
  EXPECT_TRUE(problem("data_dir: ''").ends_with("data_dir: expected the name of a folder, without NUL bytes"));
  EXPECT_TRUE(problem("store: {durability: off}").ends_with("store: has no effect without data_dir"));
  EXPECT_TRUE(problem("data_dir: d\nstore: {durability: never}")
                  .ends_with("store.durability: expected one of always | interval | off, found \"never\""));
  EXPECT_TRUE(problem("data_dir: d\nstore: {interval: 0ms}").starts_with("store.interval: expected a duration"));
}

TEST_F(Sections, RefuseWhatAnIndexCannotBe) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"algorithm: ivf", "1:34: index.algorithm: expected one of auto | flat | hnsw, found \"ivf\""},
      {"quantization: int4",
       "1:37: index.quantization: expected one of none | f16 | int8 | pq | binary, found \"int4\""},
      {"rerank: f64", "1:31: index.rerank: expected one of f32 | f16 | none, found \"f64\""},
      {"capacity: 0", "1:33: index.capacity: expected an integer 1..1000000000, found 0"},
      {"hnsw: 16", "1:29: index.hnsw: expected a map, found 16"},
      {"hnsw: {m: 1}", "1:33: index.hnsw.m: expected an integer 2..128, found 1"},
      {"hnsw: {m: 50000}", "1:33: index.hnsw.m: expected an integer 2..128, found 50000"},
      {"hnsw: {ef_construction: 0}", "1:47: index.hnsw.ef_construction: expected an integer 1..100000, found 0"},
      {"hnsw: {ef_search: 100001}", "1:41: index.hnsw.ef_search: expected an integer 1..100000, found 100001"},
      {"hnsw: {ef: 7}", "1:30: index.hnsw.ef: unknown key"},
      {"rerank: f16",
       "1:31: index.rerank: quantization none keeps the vectors as float32, so rerank must be f32, got f16"},
      {"rerank: none, quantization: none",
       "1:31: index.rerank: quantization none keeps the vectors as float32, so rerank must be f32, got none"},
  };
  for (const auto& [yaml, message] : cases) {
    EXPECT_EQ(scratch_.problems("index: {dimension: 2, " + yaml + "}\n"),
              (std::vector<std::string>{"routes.yaml:" + message}));
  }
  EXPECT_EQ(scratch_.problems("index: {dimension: 2, metric: manhattan, quantization: binary}\n"
                              "decision: {score_threshold: 0}\n"),
            (std::vector<std::string>{"routes.yaml:1:56: index.quantization: quantization binary cannot estimate "
                                      "manhattan distances; use int8, f16 or none"}));
}

TEST_F(Sections, RefuseAListenerBeyondLoopbackUnlessAllowed) {
  EXPECT_EQ(problem("listen: 0.0.0.0:7311"),
            "listen: 0.0.0.0:7311 can be reached from other machines, without authentication: listen on 127.0.0.1, or "
            "write access: {allow_open: true}");
  EXPECT_TRUE(problem("admin: '[::]:7312'").starts_with("admin: [::]:7312 can be reached"));
  EXPECT_EQ(load("listen: 0.0.0.0:7311\nadmin: '[::]:7312'\naccess: {allow_open: true}").listen.host, "0.0.0.0");
}

TEST_F(Sections, RefuseOneAddressForBothListeners) {
  EXPECT_EQ(problem("admin: 127.0.0.1:7311"),
            "admin: expected another address than that of listen, found 127.0.0.1:7311");
  EXPECT_EQ(problem("admin: localhost:7311"),
            "admin: expected another address than that of listen, found localhost:7311");
  EXPECT_EQ(load("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0").admin->port, 0);
}

TEST_F(Sections, RefuseHeadersThatAreNotForClientsToSet) {
  for (const char* header : {"Host", "content-length", "Connection", "TE", "x-semroute-route", "X-Request-Id",
                             "transfer-encoding", "content-type"}) {
    EXPECT_NE(problem("dispatch: {request_headers: [" + std::string(header) + "]}").find("is not for clients to set"),
              std::string::npos)
        << header;
  }
  EXPECT_EQ(problem("dispatch: {request_headers: ['a b']}"),
            "dispatch.request_headers: expected header names, found \"a b\"");
  EXPECT_EQ(problem("dispatch: {request_headers: [a, A]}"), "dispatch.request_headers: a is given twice");
  EXPECT_EQ(problem("dispatch: {request_headers: x}"), "dispatch.request_headers: expected a list, found \"x\"");
}

// What a daemon begins with: the files that routes name are not looked at.
TEST_F(Sections, CanBeReadWithoutTargetsAndRoutes) {
  const std::string file = scratch_.write(
      "alone.yaml",
      "index: {dimension: 3}\nlisten: 127.0.0.1:9\ndecision: {default_route: a}\ntargets: [{kind: nonsense}]\n"
      "routes: [{name: a, references: {vectors: none.npy}}]\n");
  const auto config = load_sections(file);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->index.dimension, 3U);
  EXPECT_EQ(config->listen.port, 9);
  EXPECT_TRUE(config->routes.empty());
  EXPECT_FALSE(load_sections(scratch_.write("wrong.yaml", "index: {dimension: 0}\n")));
  EXPECT_FALSE(load_sections(scratch_.write("list.yaml", "- 1\n")));
  EXPECT_FALSE(load_sections(scratch_.path("none.yaml")));
}

TEST_F(Sections, RefuseFilesThatAreNoConfiguration) {
  const auto message = [&](const std::string& path) {
    const LoadOutcome outcome = load_config(path, test::accept_target);
    EXPECT_FALSE(outcome.config);
    EXPECT_EQ(outcome.problems.size(), 1U);
    return outcome.problems.empty() ? "" : scratch_.without_folder(to_string(outcome.problems[0]));
  };
  EXPECT_EQ(message(scratch_.path("none.yaml")), "none.yaml: cannot be opened: No such file or directory");
  // The system would open the file whose name ends at the NUL.
  EXPECT_EQ(problem(R"(decision_log: {file: "a\0b"})"), "decision_log.file: expected a file name without NUL bytes");
  std::filesystem::create_directory(scratch_.path("folder"));
  EXPECT_EQ(message(scratch_.path("folder")), "folder: is a directory");
  EXPECT_EQ(message("/dev/null"), "/dev/null: is not a regular file");
  EXPECT_EQ(message(scratch_.write("empty.yaml", "")), "empty.yaml: expected a configuration, found nothing");
  EXPECT_EQ(message(scratch_.write("large.yaml", std::string((1U << 20) + 1, '#'))),
            "large.yaml: has 1048577 bytes, at most 1MiB are accepted");
  EXPECT_EQ(message(scratch_.write("list.yaml", "- 1\n")), "list.yaml:1:1: expected a map, found a list");
  if (::geteuid() != 0) {
    const std::string locked = scratch_.write("locked.yaml", "index: {dimension: 2}");
    std::filesystem::permissions(locked, std::filesystem::perms::none);
    EXPECT_EQ(message(locked), "locked.yaml: cannot be opened: Permission denied");
  }
}

}  // namespace
}  // namespace semroute::config

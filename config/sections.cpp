#include "config/sections.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <thread>

#include "config/address.h"
#include "config/header_rules.h"
#include "config/scalar.h"
#include "core/base/limits.h"

namespace semroute::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::int64_t kMaxWorkers = 1'024;
constexpr std::int64_t kMaxConnections = 1'000'000;
constexpr std::int64_t kMaxBatch = 65'536;
constexpr std::int64_t kMaxInFlight = 65'536;
constexpr std::size_t kLeastBytes = std::size_t{1} << 10;
constexpr std::size_t kMostBytes = std::size_t{1} << 30;
constexpr milliseconds kLeastTimeout{10};
constexpr milliseconds kMostTimeout = hours{24};
constexpr milliseconds kMostDrain = hours{1};
constexpr milliseconds kMostSyncInterval{10'000};

bool is_same_listener(const Address& a, const Address& b) {
  const auto host = [](const Address& address) { return address.host == "localhost" ? "127.0.0.1" : address.host; };
  return a.port == b.port && host(a) == host(b);
}

class SectionReader {
 public:
  SectionReader(MapReader& root, Config& config, Diagnostics& diagnostics, KeyCatalogue* catalogue)
      : root_(root), config_(config), diagnostics_(diagnostics), catalogue_(catalogue) {}

  void read() {
    read_addresses();
    read_workers();
    read_store();
    read_index();
    read_decision();
    read_dispatch();
    read_drain();
    read_decision_log();
    read_access();
    read_limits();
    root_.not_in_this_version({"tls"});
    check_exposure("listen", config_.listen);
    if (config_.admin) check_exposure("admin", *config_.admin);
  }

 private:
  [[nodiscard]] MapReader section(std::string_view key) {
    return {root_.section(key), std::string(key), diagnostics_, catalogue_};
  }

  void read_address(std::string_view key, const Value& value, std::string_view also, Address& address) {
    if (value.string() == nullptr) {
      root_.error(
          key, "expected host:port such as " + to_string(address) + std::string(also) + ", found " + found_text(value));
      return;
    }
    core::Result<Address> parsed = parse_address(*value.string());
    if (parsed.ok()) {
      address = std::move(*parsed);
    } else {
      root_.error(key, parsed.error().message);
    }
  }

  void read_addresses() {
    if (const Value* value = root_.raw("listen", "address", {}, to_string(config_.listen))) {
      read_address("listen", *value, "", config_.listen);
    }
    if (const Value* value = root_.raw("admin", "address or off", {}, to_string(*config_.admin))) {
      if (value->string() != nullptr && *value->string() == "off") {
        config_.admin.reset();
      } else {
        read_address("admin", *value, ", or off", *config_.admin);
      }
    }
    if (config_.admin && config_.admin->port != 0 && is_same_listener(*config_.admin, config_.listen)) {
      root_.error("admin", "expected another address than that of listen, found " + to_string(*config_.admin));
    }
    const Value* http = root_.raw("http", "word", "off", "off");
    if (http != nullptr && (http->string() == nullptr || *http->string() != "off")) {
      root_.error("http", "is known, not in this version: expected off, found " + found_text(*http));
    }
  }

  void read_workers() {
    config_.workers =
        std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, static_cast<std::size_t>(kMaxWorkers));
    const Value* value = root_.raw("workers", "auto or integer", "1.." + std::to_string(kMaxWorkers), "auto");
    if (value == nullptr || (value->string() != nullptr && *value->string() == "auto")) return;
    if (value->integer() != nullptr && *value->integer() >= 1 && *value->integer() <= kMaxWorkers) {
      config_.workers = static_cast<std::size_t>(*value->integer());
      return;
    }
    root_.error("workers",
                "expected auto or an integer 1.." + std::to_string(kMaxWorkers) + ", found " + found_text(*value));
  }

  void read_store() {
    const std::optional<std::string> folder = root_.string("data_dir");
    if (folder && (folder->empty() || folder->find('\0') != std::string::npos)) {
      root_.error("data_dir", "expected the name of a folder, without NUL bytes");
    } else if (folder) {
      config_.data_dir = beside(config_.file, *folder);
    }
    constexpr std::array kWords{Durability::always, Durability::interval, Durability::off};
    MapReader reader = section("store");
    std::vector<std::string_view> words;
    for (const Durability word : kWords) words.push_back(to_string(word));
    const std::string word = reader.one_of("durability", words, to_string(config_.store.durability));
    config_.store.durability =
        *std::ranges::find(kWords, std::string_view(word), [](Durability durability) { return to_string(durability); });
    config_.store.interval = reader.duration("interval", config_.store.interval, milliseconds{1}, kMostSyncInterval);
    reader.finish();
    const Value::Map* given = root_.section("store").map();
    if (!folder && given != nullptr && !given->empty()) root_.error("store", "has no effect without data_dir");
  }

  void read_index() {
    MapReader reader = section("index");
    constexpr auto kMaxDimension = static_cast<std::int64_t>(core::kMaxDimension);
    (void)reader.required_integer("dimension", 1, kMaxDimension);
    const Value* dimension = root_.section("index").find("dimension");
    if (dimension != nullptr && dimension->integer() != nullptr && *dimension->integer() >= 1 &&
        *dimension->integer() <= kMaxDimension) {
      config_.index.dimension = static_cast<std::size_t>(*dimension->integer());
    }
    const std::string metric = reader.one_of("metric", {"cosine", "dot", "euclidean", "manhattan"}, "cosine");
    config_.index.metric = core::parse_metric(metric).value_or(core::Metric::cosine);
    config_.index.model = reader.string("model");
    if (config_.index.model && config_.index.model->empty()) {
      reader.error("model", "expected a string that is not empty, found \"\"");
    }
    IndexConfig& index = config_.index;
    index.algorithm = *core::parse_algorithm(reader.one_of("algorithm", {"auto", "flat", "hnsw"}, "auto"));
    index.quantization =
        *core::parse_quantization(reader.one_of("quantization", {"none", "f16", "int8", "pq", "binary"}, "none"));
    index.rerank = *core::parse_rerank(reader.one_of("rerank", {"f32", "f16", "none"}, "f32"));
    read_count(reader, "capacity", index.capacity, 1, core::kMaxCapacity);
    MapReader hnsw(reader.section("hnsw"), "index.hnsw", diagnostics_, catalogue_);
    read_count(hnsw, "m", index.hnsw.m, core::kMinHnswM, core::kMaxHnswM);
    read_count(hnsw, "ef_construction", index.hnsw.ef_construction, 1, core::kMaxEf);
    read_count(hnsw, "ef_search", index.hnsw.ef_search, 1, core::kMaxEf);
    hnsw.finish();
    check_index(reader);
    reader.finish();
  }

  static void read_count(MapReader& reader, std::string_view key, std::size_t& value, std::size_t least,
                         std::size_t most) {
    value = static_cast<std::size_t>(reader.integer(key, static_cast<std::int64_t>(value),
                                                    static_cast<std::int64_t>(least), static_cast<std::int64_t>(most)));
  }

  // What cannot work together; a single value out of range is reported where it is read.
  void check_index(MapReader& reader) {
    core::IndexParams params = config_.index;
    params.dimension = std::max<std::size_t>(params.dimension, 1);
    const core::Result<void> checked = core::check_params(params);
    // What does not suit `none`, the default, is the other of the two keys.
    if (!checked.ok())
      reader.error(params.quantization == core::Quantization::none ? "rerank" : "quantization",
                   checked.error().message);
  }

  void read_decision() {
    constexpr std::array kAggregations{Aggregation::max, Aggregation::mean_top, Aggregation::sum_top, Aggregation::mean,
                                       Aggregation::centroid};
    DecisionConfig& decision = config_.decision;
    MapReader reader = section("decision");
    std::vector<std::string_view> words;
    for (const Aggregation aggregation : kAggregations) words.push_back(to_string(aggregation));
    const std::string word = reader.one_of("aggregation", words, to_string(decision.aggregation));
    decision.aggregation = *std::ranges::find(kAggregations, std::string_view(word),
                                              [](Aggregation aggregation) { return to_string(aggregation); });
    decision.top_m =
        static_cast<std::size_t>(reader.integer("top_m", static_cast<std::int64_t>(decision.top_m), 1, 1'000));
    const bool is_cosine = config_.index.metric == core::Metric::cosine;
    const std::optional<double> threshold = reader.optional_number("score_threshold", "0.5");
    const Value* given = root_.section("decision").find("score_threshold");
    if (threshold) decision.score_threshold = *threshold;
    if (!is_cosine && given == nullptr) {
      reader.error("score_threshold", "is required for the metric " +
                                          std::string(core::to_string(config_.index.metric)) +
                                          ": expected a finite number, found nothing");
    }
    decision.margin = reader.number("margin", decision.margin, 0.0, std::numeric_limits<double>::max());
    decision.default_route = reader.string("default_route");
    reader.finish();
  }

  void read_dispatch() {
    MapReader reader = section("dispatch");
    const std::vector<std::string> names = reader.strings("request_headers");
    for (const std::string& name : names) {
      const std::string header = lower_case(name);
      if (!is_header_name(name)) {
        reader.error("request_headers", "expected header names, found \"" + name + '"');
      } else if (is_closed_to_clients(header)) {
        reader.error("request_headers",
                     header + " is not for clients to set: it belongs to the connection or the daemon");
      } else if (std::ranges::find(config_.request_headers, header) != config_.request_headers.end()) {
        reader.error("request_headers", header + " is given twice");
      } else {
        config_.request_headers.push_back(header);
      }
    }
    reader.finish();
  }

  void read_drain() {
    MapReader reader = section("drain");
    config_.drain.delay = reader.duration("delay", config_.drain.delay, milliseconds{0}, kMostDrain);
    config_.drain.timeout = reader.duration("timeout", config_.drain.timeout, milliseconds{0}, kMostDrain);
    reader.finish();
  }

  void read_decision_log() {
    const Value* node = root_.raw("decision_log", "map");
    if (node == nullptr) return;  // left out: off
    MapReader reader(*node, "decision_log", diagnostics_, catalogue_);
    DecisionLogConfig log;
    const std::string file = reader.required_string("file");
    if (file.find('\0') != std::string::npos) reader.error("file", "expected a file name without NUL bytes");
    log.file = beside(config_.file, file);
    log.sample = reader.number("sample", log.sample, 0.0, 1.0);
    log.embedding = reader.boolean("embedding", log.embedding);
    reader.finish();
    config_.decision_log = std::move(log);
  }

  void read_access() {
    MapReader reader = section("access");
    config_.allow_open = reader.boolean("allow_open", false);
    reader.not_in_this_version({"tokens_file"});
    reader.finish();
  }

  void read_limits() {
    MapReader reader = section("limits");
    LimitsConfig& limits = config_.limits;
    const auto count = [&reader](std::string_view key, std::size_t& value, std::int64_t least, std::int64_t most) {
      read_count(reader, key, value, static_cast<std::size_t>(least), static_cast<std::size_t>(most));
    };
    const auto bytes = [&reader](std::string_view key, std::size_t& value) {
      value = reader.size(key, value, kLeastBytes, kMostBytes);
    };
    const auto time = [&reader](std::string_view key, milliseconds& value) {
      value = reader.duration(key, value, kLeastTimeout, kMostTimeout);
    };
    count("max_connections", limits.max_connections, 1, kMaxConnections);
    count("max_connections_per_address", limits.max_connections_per_address, 0, kMaxConnections);
    bytes("max_request", limits.max_request);
    bytes("max_change", limits.max_change);
    count("max_batch", limits.max_batch, 1, kMaxBatch);
    count("max_in_flight", limits.max_in_flight, 1, kMaxInFlight);
    bytes("max_output_buffer", limits.max_output_buffer);
    time("idle_timeout", limits.idle_timeout);
    time("request_timeout", limits.request_timeout);
    time("write_timeout", limits.write_timeout);
    reader.not_in_this_version({"handshake_timeout"});
    reader.finish();
  }

  void check_exposure(std::string_view key, const Address& address) {
    if (address.is_loopback() || config_.allow_open) return;
    root_.error(key, to_string(address) +
                         " can be reached from other machines, without authentication: listen on 127.0.0.1, or write "
                         "access: {allow_open: true}");
  }

  MapReader& root_;
  Config& config_;
  Diagnostics& diagnostics_;
  KeyCatalogue* catalogue_;
};

}  // namespace

void read_sections(MapReader& root, Config& config, Diagnostics& diagnostics, KeyCatalogue* catalogue) {
  SectionReader(root, config, diagnostics, catalogue).read();
}

std::string beside(const std::string& file, const std::string& path) {
  return (std::filesystem::path(file).parent_path() / path).string();
}

}  // namespace semroute::config

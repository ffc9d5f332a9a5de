#include "config/reload_rules.h"

#include <string>

#include "config/scalar.h"
#include "core/kernels/metric.h"

namespace semroute::config {
namespace {

std::string text_of(const std::string& value) { return value; }
std::string text_of(std::size_t value) { return std::to_string(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(double value) { return format_number(value); }
std::string text_of(std::chrono::milliseconds value) { return format_duration(value); }
std::string text_of(const Address& value) { return to_string(value); }
std::string text_of(Durability value) { return std::string(to_string(value)); }
std::string text_of(core::Metric value) { return std::string(core::to_string(value)); }
std::string text_of(core::Quantization value) { return std::string(core::to_string(value)); }
std::string text_of(core::Rerank value) { return std::string(core::to_string(value)); }
std::string text_of(core::Algorithm value) { return std::string(core::to_string(value)); }

std::string text_of(const std::optional<Address>& value) { return value ? to_string(*value) : "off"; }

template <class T>
std::string text_of(const std::optional<T>& value) {
  return value ? text_of(*value) : "none";
}

class Comparison {
 public:
  explicit Comparison(std::string file) : file_(std::move(file)) {}

  template <class T>
  void key(std::string_view path, const T& running, const T& next) {
    if (running == next) return;
    found_.push_back({Severity::error,
                      file_,
                      {},
                      std::string(path),
                      "needs a restart: " + text_of(running) + " is running, the file says " + text_of(next)});
  }

  std::vector<Diagnostic> take() { return std::move(found_); }

 private:
  std::string file_;
  std::vector<Diagnostic> found_;
};

}  // namespace

std::vector<Diagnostic> changes_needing_restart(const Config& running, const Config& next) {
  Comparison compare(next.file);
  compare.key("listen", running.listen, next.listen);
  compare.key("admin", running.admin, next.admin);
  compare.key("workers", running.workers, next.workers);
  compare.key("data_dir", running.data_dir, next.data_dir);
  compare.key("store.durability", running.store.durability, next.store.durability);
  compare.key("store.interval", running.store.interval, next.store.interval);
  compare.key("access.allow_open", running.allow_open, next.allow_open);
  compare.key("index.dimension", running.index.dimension, next.index.dimension);
  compare.key("index.metric", running.index.metric, next.index.metric);
  compare.key("index.model", running.index.model, next.index.model);
  compare.key("index.algorithm", running.index.algorithm, next.index.algorithm);
  compare.key("index.quantization", running.index.quantization, next.index.quantization);
  compare.key("index.rerank", running.index.rerank, next.index.rerank);
  compare.key("index.capacity", running.index.capacity, next.index.capacity);
  compare.key("index.hnsw.m", running.index.hnsw.m, next.index.hnsw.m);
  compare.key("index.hnsw.ef_construction", running.index.hnsw.ef_construction, next.index.hnsw.ef_construction);
  compare.key("index.hnsw.ef_search", running.index.hnsw.ef_search, next.index.hnsw.ef_search);
  compare.key("drain.delay", running.drain.delay, next.drain.delay);
  compare.key("drain.timeout", running.drain.timeout, next.drain.timeout);
  const auto log_file = [](const Config& config) {
    return config.decision_log ? std::optional(config.decision_log->file) : std::nullopt;
  };
  compare.key("decision_log.file", log_file(running), log_file(next));
  if (running.decision_log && next.decision_log) {
    compare.key("decision_log.sample", running.decision_log->sample, next.decision_log->sample);
    compare.key("decision_log.embedding", running.decision_log->embedding, next.decision_log->embedding);
  }
  return compare.take();
}

}  // namespace semroute::config

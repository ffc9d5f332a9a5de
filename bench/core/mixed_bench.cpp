// bench_mixed: searches while every vector is replaced by another: writers insert a new id and remove an old one, a
// reader searches all the while and checks what it gets. bench/README.md says how to read it.
#include <sysexits.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "bench/core/ask.h"
#include "bench/core/our_params.h"
#include "bench/support/clustered.h"
#include "bench/support/memory.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "core/base/check.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kQuietSearches = 2'000;
constexpr std::size_t kMostWriters = 16;
constexpr double kMostRecallLost = 0.01;  // against an index made afresh

// Ids 0 .. half-1 are there at first; id i is replaced by half + i. An id is also its row in `vectors`.
struct Replacing {
  const VectorSet& vectors;
  core::Index& index;
  std::size_t half;
  std::size_t writers;
  std::atomic<std::size_t> removed[kMostWriters] = {};  // how many of its ids writer w has removed for sure
  std::atomic<std::size_t> at_work{0};

  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {vectors.row(i), vectors.dimension}; }
  // Whether a search that began when `done` ids of each writer were gone must not find the id.
  [[nodiscard]] bool gone(std::uint64_t id, const std::vector<std::size_t>& done) const {
    return id < half && writers > 0 && id / writers < done[id % writers];
  }
};

void write(Replacing& replacing, std::size_t writer) {
  for (std::size_t id = writer; id < replacing.half; id += replacing.writers) {
    const std::size_t with = replacing.half + id;
    SEMROUTE_CHECK(replacing.index.insert(with, replacing.row(with)).ok());
    SEMROUTE_CHECK(replacing.index.remove(id));
    replacing.removed[writer].fetch_add(1, std::memory_order_release);
  }
  replacing.at_work.fetch_sub(1);
}

// Room for the times of searches that is there before memory is measured: times of more searches are not kept.
constexpr std::size_t kMostTimes = 2'000'000;

struct Reading {
  Reading() : wall_us(kMostTimes), cpu_us(kMostTimes) {}  // filled: its pages are resident from the start

  std::vector<double> wall_us;  // a search
  std::vector<double> cpu_us;
  std::size_t searches = 0;
  std::size_t short_answers = 0;
  std::size_t stale_ids = 0;  // removed before the search began
};

// Until no writer is at work, and kQuietSearches when there is none; one at least.
void read(const Replacing& replacing, Reading& reading) {
  std::vector<core::Hit> hits(kTop);
  std::vector<std::size_t> done(replacing.writers);
  const std::size_t queries = replacing.vectors.queries.size() / replacing.vectors.dimension;
  for (std::size_t i = 0; i == 0 || (replacing.writers == 0 ? i < kQuietSearches : replacing.at_work.load() > 0); ++i) {
    for (std::size_t writer = 0; writer < replacing.writers; ++writer)
      done[writer] = replacing.removed[writer].load(std::memory_order_acquire);
    const std::span<const float> query{&replacing.vectors.queries[i % queries * replacing.vectors.dimension],
                                       replacing.vectors.dimension};
    const Stopwatch watch;
    const std::size_t found = replacing.index.search(query, kTop, hits);
    const Elapsed took = watch.elapsed();
    if (i < kMostTimes) {
      reading.wall_us[i] = took.wall_us;
      reading.cpu_us[i] = took.cpu_us;
    }
    ++reading.searches;
    reading.short_answers += found < kTop ? 1U : 0U;
    for (std::size_t hit = 0; hit < found; ++hit) reading.stale_ids += replacing.gone(hits[hit].id, done) ? 1U : 0U;
  }
  reading.wall_us.resize(std::min(reading.searches, kMostTimes));
  reading.cpu_us.resize(reading.wall_us.size());
}

// Of the index against the rows [first, first + half) that it holds.
double recall_of(const core::Index& index, const VectorSet& vectors, std::size_t first, std::size_t half,
                 std::size_t threads) {
  const std::span<const float> there = vectors.rows().subspan(first * vectors.dimension, half * vectors.dimension);
  const Truth truth = exact_truth(there, vectors.queries, vectors.dimension, kTop, threads);
  Answers answers;
  std::vector<core::Hit> hits(kTop);
  for (std::size_t at = 0; at < vectors.queries.size(); at += vectors.dimension) {
    const std::size_t found = index.search({&vectors.queries[at], vectors.dimension}, kTop, hits);
    answers.emplace_back();
    for (std::size_t i = 0; i < found; ++i) answers.back().push_back(hits[i].id);
  }
  return recall(truth, answers, vectors.rows(), vectors.queries, vectors.dimension,
                [&](std::uint64_t id) { return id >= first && id < first + half; });
}

// False when a search answered with too few ids, or with removed ones, or when recall suffered.
bool measure(const core::IndexParams& params, const VectorSet& vectors, std::size_t writers, std::size_t threads,
             Table& table) {
  const std::size_t half = vectors.count / 2;
  Reading reading;
  progress(std::to_string(writers) + " writers: building");
  const std::size_t base_bytes = resident_bytes();
  const auto index = built_index(params, vectors.rows().first(half * vectors.dimension), threads);
  const double recall_before = recall_of(*index, vectors, 0, half, threads);
  const std::size_t own_before = index->bytes().total();
  const std::size_t resident_before = resident_bytes() - base_bytes;

  progress(std::to_string(writers) + " writers: replacing");
  Replacing replacing{vectors, *index, half, writers};
  replacing.at_work = writers;
  const Stopwatch watch;
  {
    std::vector<std::jthread> threads_at_work;
    for (std::size_t writer = 0; writer < writers; ++writer)
      threads_at_work.emplace_back([&replacing, writer] { write(replacing, writer); });
    read(replacing, reading);
  }
  const double seconds = watch.elapsed().wall_us / 1e6;
  index->wait_for_graph();
  const std::size_t own_after = index->bytes().total();
  const std::size_t resident_after = resident_bytes() - base_bytes;
  const std::size_t first = writers == 0 ? 0 : half;
  const double recall_after = recall_of(*index, vectors, first, half, threads);
  progress(std::to_string(writers) + " writers: building what is there now afresh");
  const double recall_fresh = recall_of(
      *built_index(params, vectors.rows().subspan(first * vectors.dimension, half * vectors.dimension), threads, first),
      vectors, first, half, threads);
  const double writes = writers == 0 ? 0.0 : static_cast<double>(half) / seconds;
  const auto growth = [](std::size_t after, std::size_t before) {
    return fixed((static_cast<double>(after) / static_cast<double>(before) - 1.0) * 100.0, 1);
  };
  table.add({std::to_string(writers), fixed(seconds, 1), fixed(writes, 0), fixed(writes, 0),
             fixed(static_cast<double>(reading.searches) / seconds, 0), fixed(quantile(reading.wall_us, 0.5), 1),
             fixed(quantile(reading.wall_us, 0.99), 1), fixed(quantile(reading.wall_us, 1.0), 0),
             fixed(median(reading.cpu_us), 1), fixed(recall_before, 4), fixed(recall_after, 4), fixed(recall_fresh, 4),
             growth(own_after, own_before), growth(resident_after, resident_before),
             std::to_string(reading.short_answers), std::to_string(reading.stale_ids)});
  return reading.short_answers == 0 && reading.stale_ids == 0 && recall_after >= recall_fresh - kMostRecallLost;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv, "Inserts, removals and searches at once. Exit code 1: a wrong answer, or recall lost.");
  ClusteredSet set;
  const std::size_t half = options.number("count", 50'000, "vectors, all of which are replaced");
  set.count = 2 * half;
  set.dimension = options.number("dimension", 384, "numbers a vector");
  set.queries = options.number("queries", 500, "queries");
  const std::vector<std::size_t> writers = options.numbers("writers", "1,2", "that replace, after none did");
  const std::string word = options.text("index", "none:f32", "QUANTIZATION:RERANK of the index");
  const std::size_t threads = options.number("threads", 2, "that build");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();
  if (std::ranges::any_of(writers, [](std::size_t some) { return some > kMostWriters; }))
    stop(EX_USAGE, "--writers are at most " + std::to_string(kMostWriters));
  const VectorSet vectors = clustered_vectors(set, threads);
  const semroute::core::IndexParams params =
      our_params(word, params_of(set.dimension, semroute::core::Algorithm::hnsw));
  Table table("Replacing all of " + std::to_string(half) + "x" + std::to_string(set.dimension) +
                  " while one reader searches, k = 10, wall time but for p50_cpu_us",
              {"writers", "wall_s", "inserts/s", "removes/s", "searches/s", "p50_us", "p99_us", "max_us", "p50_cpu_us",
               "recall_before", "recall_after", "recall_fresh", "bytes_growth_percent", "resident_growth_percent",
               "short_answers", "stale_ids"});
  bool good = measure(params, vectors, 0, threads, table);
  for (const std::size_t some : writers) good = measure(params, vectors, some, threads, table) && good;
  table.publish(out, "mixed");
  return good ? 0 : 1;
}

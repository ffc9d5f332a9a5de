#include "bench/support/truth.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "bench/support/native_dot.h"
#include "bench/support/parallel.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kBlockBytes = 256U << 10;  // of rows that all queries pass over while they are in L2
constexpr std::size_t kSpare = 8;                // candidates beyond k, for float32 to be wrong about their order
constexpr double kTie = 1e-6;                    // float32 cannot tell scores apart that are nearer

double inner_product(const float* a, const float* b, std::size_t dimension) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dimension; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

struct Candidate {
  float score;
  std::size_t row;
};

// Of one query on one thread, best first.
class Nearest {
 public:
  explicit Nearest(std::size_t most) : most_(most) {}
  void offer(float score, std::size_t row) {
    if (found_.size() == most_) {
      if (score <= found_.back().score) return;
      found_.pop_back();
    }
    const auto place = std::upper_bound(found_.begin(), found_.end(), score,
                                        [](float one, const Candidate& other) { return one > other.score; });
    found_.insert(place, {score, row});
  }
  [[nodiscard]] const std::vector<Candidate>& found() const { return found_; }

 private:
  std::size_t most_;
  std::vector<Candidate> found_;
};

std::string truth_path(const std::string& folder, const std::string& key, std::size_t k) {
  return folder + "/" + key + "_k" + std::to_string(k) + ".truth";
}

bool read_truth(const std::string& path, Truth& truth) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return false;
  bool good = true;
  for (double& score : truth.kth_scores) good = good && std::fscanf(file, "%lf", &score) == 1;
  std::fclose(file);
  return good;
}

void write_truth(const std::string& path, const Truth& truth) {
  const std::string unfinished = path + ".new";
  std::FILE* file = std::fopen(unfinished.c_str(), "w");
  if (file == nullptr) return;  // it is computed again the next time
  for (const double score : truth.kth_scores) std::fprintf(file, "%.17g\n", score);
  if (std::fclose(file) == 0) std::rename(unfinished.c_str(), path.c_str());
}

}  // namespace

Truth exact_truth(std::span<const float> rows, std::span<const float> queries, std::size_t dimension, std::size_t k,
                  std::size_t threads) {
  const std::size_t count = rows.size() / dimension;
  const std::size_t query_count = queries.size() / dimension;
  const std::size_t block = std::max<std::size_t>(4, kBlockBytes / sizeof(float) / dimension);
  std::vector<std::vector<Nearest>> nearest(threads, std::vector<Nearest>(query_count, Nearest(k + kSpare)));
  in_parallel(count, threads, [&](std::size_t begin, std::size_t end, std::size_t thread) {
    std::vector<float> scores(block);
    for (std::size_t first = begin; first < end; first += block) {
      const std::size_t size = std::min(block, end - first);
      for (std::size_t q = 0; q < query_count; ++q) {
        dot_rows(&queries[q * dimension], &rows[first * dimension], size, dimension, scores.data());
        for (std::size_t i = 0; i < size; ++i) nearest[thread][q].offer(scores[i], first + i);
      }
    }
  });

  Truth truth{std::min(k, count), {}};
  for (std::size_t q = 0; q < query_count; ++q) {
    std::vector<double> scores;
    for (const auto& of_thread : nearest)
      for (const Candidate& candidate : of_thread[q].found())
        scores.push_back(inner_product(&queries[q * dimension], &rows[candidate.row * dimension], dimension));
    std::sort(scores.begin(), scores.end(), std::greater<>());
    truth.kth_scores.push_back(scores[truth.k - 1]);
  }
  return truth;
}

Truth kept_truth(const std::string& folder, const std::string& key, std::span<const float> rows,
                 std::span<const float> queries, std::size_t dimension, std::size_t k, std::size_t threads) {
  if (folder.empty()) return exact_truth(rows, queries, dimension, k, threads);
  const std::string path = truth_path(folder, key, k);
  Truth truth{std::min(k, rows.size() / dimension), std::vector<double>(queries.size() / dimension)};
  if (read_truth(path, truth)) return truth;
  truth = exact_truth(rows, queries, dimension, k, threads);
  write_truth(path, truth);
  return truth;
}

double recall(const Truth& truth, const Answers& answers, std::span<const float> rows, std::span<const float> queries,
              std::size_t dimension, const std::function<bool(std::uint64_t)>& allowed) {
  std::size_t right = 0;
  for (std::size_t q = 0; q < answers.size(); ++q) {
    std::vector<std::uint64_t> found = answers[q];
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    for (const std::uint64_t row : found) {
      if (row >= rows.size() / dimension || (allowed && !allowed(row))) continue;
      const double score = inner_product(&queries[q * dimension], &rows[row * dimension], dimension);
      right += score >= truth.kth_scores[q] - kTie ? 1U : 0U;
    }
  }
  return static_cast<double>(right) / static_cast<double>(answers.size() * truth.k);
}

}  // namespace semroute::bench

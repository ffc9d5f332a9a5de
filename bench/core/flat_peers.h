// The exact indexes that bench_flat measures beside each other, behind one small interface: ours, and
// the peers that this build found. Each searches with one thread, one query a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace semroute::bench {

class ExactIndex {
 public:
  ExactIndex() = default;
  ExactIndex(const ExactIndex&) = delete;
  ExactIndex& operator=(const ExactIndex&) = delete;
  virtual ~ExactIndex() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  // Writes the k nearest row numbers by inner product; k is at most the number of rows.
  virtual void search(const float* query, std::size_t k, std::uint64_t* rows) = 0;
};

// Over `vectors`, count rows of `dimension` floats, which outlive the indexes. Ours is the first, FAISS
// (when there) the second.
[[nodiscard]] std::vector<std::unique_ptr<ExactIndex>> exact_indexes(const std::vector<float>& vectors,
                                                                     std::size_t dimension);

// In builds that found hnswlib.
[[nodiscard]] std::unique_ptr<ExactIndex> hnswlib_index(const std::vector<float>& vectors, std::size_t dimension);

}  // namespace semroute::bench

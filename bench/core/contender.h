// Contender: an index that is measured beside others, behind one small interface; ours, a scan of our own, and the
// peers that this build found.
//
// Shapes: rows of `dimension` floats of unit length, row i under id i; nearness is the inner product.
// Threads: one at a time; a search uses one thread. A factory gives null when this build has not got the peer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/index/index.h"

namespace semroute::bench {

class Contender {
 public:
  Contender() = default;
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;
  virtual ~Contender() = default;

  [[nodiscard]] virtual std::string name() const = 0;

  // Once. The rows outlive the contender.
  virtual void build(std::span<const float> rows, std::size_t threads) = 0;

  // Writes the ids of the nearest rows, best first, and returns how many, at most k. `ef` candidates are kept while
  // walking a graph, 0: the contender's own default.
  virtual std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint64_t* ids) = 0;

  // A built index kept in a file for the next run; false when it cannot, or the file is not there.
  virtual bool save(const std::string& /*path*/) { return false; }
  virtual bool load(const std::string& /*path*/) { return false; }

  // What it says of its own memory.
  [[nodiscard]] virtual std::optional<core::IndexBytes> bytes() const { return std::nullopt; }
};

struct GraphShape {
  std::size_t dimension = 0;
  std::size_t capacity = 0;  // rows
  std::size_t m = 16;
  std::size_t ef_construction = 200;
};

// An index of ours over `rows`, row i under id first + i, its graph finished. Exits with 69 when the index refuses.
[[nodiscard]] std::unique_ptr<core::Index> built_index(const core::IndexParams& params, std::span<const float> rows,
                                                       std::size_t threads, core::ReferenceId first = 0);

[[nodiscard]] std::unique_ptr<Contender> our_index(const core::IndexParams& params);
// Every row in float32, as plain code compiled for the machine at hand.
[[nodiscard]] std::unique_ptr<Contender> native_scan(std::size_t dimension);
[[nodiscard]] std::unique_ptr<Contender> faiss_flat(std::size_t dimension);
[[nodiscard]] std::unique_ptr<Contender> faiss_graph(const GraphShape& shape);
[[nodiscard]] std::unique_ptr<Contender> hnswlib_flat(std::size_t dimension, std::size_t capacity);
[[nodiscard]] std::unique_ptr<Contender> hnswlib_graph(const GraphShape& shape);

}  // namespace semroute::bench

// Index: vectors in, nearest ids out.
//
// Shapes: vectors of dimension() float32; ids are 64-bit and chosen by the caller. Vectors and queries are *prepared*
// (vector_rules.h): unit length under cosine, checked by the caller. Scores are those of metric.h, higher is nearer.
//
// While it scans, a search is exact: recall 1.0, ties by smaller id. When it walks a graph (algorithm hnsw, or auto
// where that is faster), it may miss some; every score it gives is still that of the full vector, unless
// approximate().
// Complexity: search O(count * dimension) scanning, about O(log count) distances walking; insert and remove
// O(dimension) scanning, about ef_construction * log count distances with a graph; score O(ids * dimension).
//
// Threads: every member may be called from any thread at any time. Searches never wait for writers; writers wait for
// one another only briefly. What a call has inserted or removed is seen by every search that begins after it returned;
// a search sees what was there when it began: of changes that overlap it, nothing, and of a batch all or nothing.
// Errors, and nothing was changed: resource_exhausted at capacity() or without memory; bad_vector for numbers beyond
// what rerank f16 holds. A broken precondition aborts.
// Lifetime: spans given in are not kept.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "core/base/file.h"
#include "core/base/result.h"
#include "core/index/id_set.h"
#include "core/index/index_bytes.h"
#include "core/index/index_params.h"
#include "core/index/reference_id.h"
#include "core/kernels/kernels.h"

namespace semroute::core {

struct SearchOptions {
  std::size_t ef_search = 0;      // candidates kept while walking, at least k; 0: that of the parameters
  const IdSet* filter = nullptr;  // only these ids; null: all
};

// Writes the (prepared) vector of a position; any thread.
using RowSource = std::function<void(std::size_t position, std::span<float> vector)>;

class Index {
 public:
  // Errors: those of check_params; resource_exhausted when the address space for capacity is not to be had.
  [[nodiscard]] static Result<std::unique_ptr<Index>> create(const IndexParams& params,
                                                             const Kernels& kernels = active_kernels());
  // An index of the vectors that `row` gives for the positions of `ids`, which differ, with the graph that save_graph()
  // wrote: nodes are found by what their vectors are, vectors that are new are inserted, nodes without one taken out.
  // Errors, besides: those of GraphImageReader; conflict when the graph is one of other parameters, or when less than
  // half of it is of use. Then the graph has to be built again.
  [[nodiscard]] static Result<std::unique_ptr<Index>> restore(const IndexParams& params, const File& file,
                                                              std::span<const ReferenceId> ids, const RowSource& row,
                                                              std::size_t threads = 1,
                                                              const Kernels& kernels = active_kernels());
  // Precondition: nobody else uses either of them.
  void swap(Index& other) noexcept { impl_.swap(other.impl_); }
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  [[nodiscard]] const IndexParams& params() const noexcept;
  [[nodiscard]] std::size_t count() const noexcept;
  [[nodiscard]] IndexBytes bytes() const noexcept;
  [[nodiscard]] bool walks() const noexcept;        // whether searches walk the graph now
  [[nodiscard]] bool approximate() const noexcept;  // whether scores come from codes (rerank none)

  // Adds `vector` under `id`; an id that is there already gets the new vector.
  [[nodiscard]] Result<void> insert(ReferenceId id, std::span<const float> vector);
  // Row i of `rows` (ids.size() x dimension) under ids[i]: all of them or, on an error, none. An id given twice gets
  // its last row. `threads` build the graph.
  [[nodiscard]] Result<void> insert(std::span<const ReferenceId> ids, std::span<const float> rows,
                                    std::size_t threads = 1);

  // How many of the ids were there; the others are ignored.
  std::size_t remove(std::span<const ReferenceId> ids);
  bool remove(ReferenceId id) { return remove(std::span<const ReferenceId>(&id, 1)) == 1; }

  // Writes the nearest ids, best first, ties by smaller id, and returns how many: min(k, ids that pass).
  // Precondition: hits.size() >= min(k, count()). Allocates nothing once the calling thread has searched before.
  std::size_t search(std::span<const float> query, std::size_t k, std::span<Hit> hits,
                     const SearchOptions& options = {}) const;

  // Query i of `queries` (n x dimension) into hits[i * k ...], counts[i] of them: one pass over the rows while it
  // scans. Precondition: hits.size() >= n * k, counts.size() == n.
  void search_many(std::span<const float> queries, std::size_t k, std::span<Hit> hits, std::span<std::size_t> counts,
                   const SearchOptions& options = {}) const;

  // scores[i] = the score of id ids.first + i. Allocates nothing.
  // Precondition: every id is there; scores.size() == ids.count.
  void score(std::span<const float> query, IdRange ids, std::span<float> scores) const;

  // Whether there are codes whose error is proven, beside full vectors: what bound() needs.
  [[nodiscard]] bool has_bounds() const noexcept;
  // most[i] = what id ids.first + i scores at most, near its score, from a look at its code: several times as fast as
  // score(). Allocates nothing once the calling thread has searched before.
  // Precondition: as for score(), and has_bounds().
  void bound(std::span<const float> query, IdRange ids, std::span<float> most) const;

  // The stored (prepared) vector, as exactly as it is kept. False when the id is not there.
  // Precondition: vector.size() == dimension.
  bool read(ReferenceId id, std::span<float> vector) const;

  // Writes the graph to an empty file, which is not synced: about 170 bytes a vector. Changes wait meanwhile, searches
  // do not. Errors: not_found when there is no finished graph; those of File.
  [[nodiscard]] Result<void> save_graph(File& file) const;

  // Returns when no graph is being built in the background (algorithm auto from where on that is faster).
  void wait_for_graph() const;

 private:
  friend class IndexRestorer;
  struct Impl;
  explicit Index(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace semroute::core

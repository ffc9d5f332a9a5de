// IndexRestorer: an index of vectors that come one after the other, from wherever they are kept, with the graph that
// Index::save_graph() wrote.
//
// A node of the graph is found by what its vector is (graph_image.h). What the graph has not is the caller's to insert
// afterwards; nodes that no vector came for are taken out.
// Complexity: open linear in the graph's file; add O(dimension); finish linear in the count, and a code for each.
// Threads: place, name, forget and add by any at the same time; the others by one, with as many as they are told. What
// searches cost is measured by a thread of the index's own, after finish(). Errors: those of GraphImageReader and
// Index::create; conflict when the graph is one of other parameters, or when less than half of it is of use. Then the
// graph has to be built again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/base/file.h"
#include "core/base/result.h"
#include "core/index/id_map.h"
#include "core/index/index.h"

namespace semroute::core {

class IndexRestorer {
 public:
  [[nodiscard]] static Result<IndexRestorer> open(const IndexParams& params, const File& file, std::size_t threads = 1,
                                                  const Kernels& kernels = active_kernels());
  IndexRestorer(IndexRestorer&&) noexcept;
  ~IndexRestorer();

  // The slot that the (prepared) vector has now; kNoSlot: the graph has not this one. `near` is where it may be, and
  // then where the next one may be: a number for each thread, at first any, that saves a look-up where vectors come in
  // the order of their slots.
  [[nodiscard]] std::uint32_t place(std::span<const float> vector, std::uint32_t& near);
  // Of a slot that place() gave, once. Precondition: the ids differ.
  void name(std::uint32_t slot, ReferenceId id);
  // As if the vector had not come. Instead of name().
  void forget(std::uint32_t slot);
  // Both. False: the graph has not this vector.
  [[nodiscard]] bool add(ReferenceId id, std::span<const float> vector, std::uint32_t& near);

  // Places of the graph, in use or not: no more vectors can be found in it.
  [[nodiscard]] std::size_t slots() const noexcept;

  // The index of what was added. `others`: vectors that are to be inserted into it. Once.
  [[nodiscard]] Result<std::unique_ptr<Index>> finish(std::size_t others, std::size_t threads);

 private:
  struct State;
  explicit IndexRestorer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace semroute::core

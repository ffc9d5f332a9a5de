// read_chains: the chains of a view with their values, every record checked again as it is read.
//
// Complexity: linear in the bytes; memory a few mebibytes or the largest chain a thread.
// Threads: the caller's and as many more as asked for; the files may be read by others. Each thread has some chains
// that follow on one another: `work` is called by several at once, what it returns by one at a time, in the view's
// order. Errors: damaged, with the place; io_error; those of `work` and `visit`. The first error ends the reading; of
// several that of the chain that comes first is returned.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "core/base/result.h"
#include "core/store/key_table.h"

namespace semroute::core {

// The values of a key's chain, each at a multiple of 8. They live until it returns.
using ChainVisitor = std::function<Result<void>(std::string_view key, std::span<const std::span<const std::byte>>)>;

// What is left to do with a chain once those before it are done; it may be empty.
using ChainRest = std::function<Result<void>()>;
// The same, and what can be done with a chain whatever becomes of the others.
using ChainWork = std::function<Result<ChainRest>(std::string_view key, std::span<const std::span<const std::byte>>)>;

[[nodiscard]] Result<void> read_chains(const KeyView& view, const ChainVisitor& visit);
[[nodiscard]] Result<void> read_chains(const KeyView& view, const ChainWork& work, std::size_t threads);

}  // namespace semroute::core

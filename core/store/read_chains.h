// read_chains: the chains of a view with their values, every record checked again as it is read.
//
// Complexity: linear in the bytes; memory a few mebibytes or the largest chain a thread.
// Threads: the caller's and as many more as asked for; the files may be read by others. With one, chains come in the
// view's order, else each thread has some that follow on one another, and `visit` is called by several at once.
// Errors: damaged, with the place; io_error; those of `visit`. The first error ends the reading; of several that of the
// chain that comes first is returned.
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

[[nodiscard]] Result<void> read_chains(const KeyView& view, const ChainVisitor& visit, std::size_t threads);

}  // namespace semroute::core

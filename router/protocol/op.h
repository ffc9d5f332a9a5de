// Op: what a client can ask for, by its number and its word.
//
// The number is the op byte of binary frames, the word is `op` of JSON lines (docs/protocol.md). verbs.cpp has a
// handler for each op that is served; the others are known, and refused by name. Complexity: look-ups go through the
// list. Threads: constants.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace semroute::router {

// Never renumber, never use a number again.
enum class Op : std::uint8_t {
  match = 1,
  route = 2,
  ping = 3,
  stats = 4,
  reload = 5,
  cancel = 6,
  routes_list = 7,
  routes_get = 8,
  routes_put = 9,
  routes_patch = 10,
  routes_delete = 11,
  routes_batch = 12,
  hello = 13,
};

struct OpEntry {
  Op op;
  std::string_view word;
  bool is_served = true;  // false: not in this version
};

[[nodiscard]] std::span<const OpEntry> ops() noexcept;
// Whether it changes routes.
[[nodiscard]] constexpr bool is_change(Op op) noexcept {
  return op == Op::routes_put || op == Op::routes_patch || op == Op::routes_delete || op == Op::routes_batch;
}
// Null when there is none.
[[nodiscard]] const OpEntry* find_op(std::string_view word) noexcept;
[[nodiscard]] const OpEntry* find_op(std::uint8_t number) noexcept;

}  // namespace semroute::router

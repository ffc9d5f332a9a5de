// Scalars as people write them: YAML's typed plain scalars, durations, sizes, and names.
//
// parse_* read a text, format_* write it back the way the documentation does. Ambiguous spellings
// are refused instead of guessed: 010 (eight or ten?), 0x1F, .inf.
// Complexity: linear in the text. Threads: pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/value.h"
#include "core/base/result.h"

namespace semroute::config {

// A plain (unquoted) scalar by YAML's core schema: null | ~ | empty, true | false, decimal integers (read_integer),
// finite reals; everything else is a string. Errors say what to write instead.
[[nodiscard]] core::Result<Value> parse_plain_scalar(std::string_view text);

// Digits with an optional '-', as JSON writes them, into an integer of 64 bits, signed or unsigned; beyond these into
// the real that is exactly that number. False: there is none, and it cannot be kept without loss.
[[nodiscard]] bool read_integer(std::string_view digits, Value& out);

// "250ms", "2s", "1m", "1h": an integer and a unit. Nothing when it is neither or too large.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

// "64KiB", "1MiB", "1GiB", or plain bytes.
[[nodiscard]] std::optional<std::size_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::size_t bytes);

// The shortest text that reads back as the same number: "0.5", "25".
[[nodiscard]] std::string format_number(double number);

// With blanks for control characters (C0, DEL, C1), so that a text stays on its line and steers no terminal.
[[nodiscard]] std::string printable(std::string text);

// Why `name` cannot name a route or a target, or nothing: 1..kMaxNameBytes bytes of UTF-8 without
// control characters (C0, DEL, C1) and without '/'.
[[nodiscard]] std::optional<std::string> name_problem(std::string_view name);

// The candidate nearest to `word` by edit distance when it is near enough to be meant, else empty.
template <class Candidates>
[[nodiscard]] std::string_view nearest_word(std::string_view word, const Candidates& candidates);

[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

template <class Candidates>
std::string_view nearest_word(std::string_view word, const Candidates& candidates) {
  std::string_view best;
  std::size_t best_distance = word.size() <= 4 ? 2 : 3;  // first distance that is too far
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace semroute::config

// JsonValues: reads one JSON value at the front of a text, with Boost.JSON's SAX parser.
//
// Strict JSON: valid UTF-8, no lone surrogates, no numbers beyond float64, at most `max_depth` levels.
// skip() only checks, read() makes a tree (and refuses duplicate keys and trees of over
// `most_values` values), read_string() decodes one string. A value that breaks a rule in well-formed JSON is
// measured all the same, so that what follows it can be read.
// Complexity: one pass over the value. Keeps parser memory between calls; belongs to one thread.
// Errors: a Fault, which the caller turns into a message with the name of the field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/json_check.h"
#include "config/value.h"
#include "core/base/limits.h"

namespace semroute::router {

enum class JsonFault : std::uint8_t {
  none,
  malformed,
  too_deep,
  duplicate_key,  // read() only; its name is in JsonScan::key
  out_of_range,   // a number beyond float64
  inexact,        // read() only: an integer that neither 64 bits nor a float64 hold exactly
  too_many,       // read() only
};

struct JsonScan {
  JsonFault fault = JsonFault::none;
  // Length of the value's text, without white space after it; 0 when its end is not known: no JSON, or too deep.
  std::size_t bytes = 0;
  std::string key;
};

class JsonValues {
 public:
  explicit JsonValues(std::size_t max_depth, std::size_t most_values = core::kMaxFilterValues);
  ~JsonValues();
  [[nodiscard]] JsonScan skip(std::string_view text);
  [[nodiscard]] JsonScan read(std::string_view text, config::Value& out);
  // Precondition: `text` starts with a quote.
  [[nodiscard]] JsonScan read_string(std::string_view text, std::string& out);

 private:
  struct Parsers;
  std::unique_ptr<Parsers> parsers_;
};

// Numbers are judged by their form alone.
using config::is_json;

}  // namespace semroute::router

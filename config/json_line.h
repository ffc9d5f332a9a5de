// JsonLine: one line of a JSONL vector file or labels file, read strictly.
//
// Members: `embedding` (an array of numbers, or base64 of float32 little-endian; vector files only),
// `label`, `text`. Any other key, a key given twice, and a number that does not fit a float32 are
// refused by name. Boost.JSON's own tree keeps the last of two equal keys and reads 1e400 as
// infinity, hence a handler.
// Complexity: linear. Threads: one thread; reuse it for every line of a file. Errors: bad_request,
// bad_vector for numbers; without file and line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace semroute::config {

struct JsonLine {
  std::optional<std::vector<float>> embedding;
  std::optional<std::string> label;
  std::optional<std::string> text;
};

class JsonLineReader {
 public:
  enum class Kind { vectors, labels };

  explicit JsonLineReader(Kind kind);
  ~JsonLineReader();

  [[nodiscard]] core::Result<JsonLine> read(std::string_view line);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace semroute::config

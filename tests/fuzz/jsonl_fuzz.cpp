// JSONL vector files and labels files: what is taken is whole, finite, and has a label for every row or for none.
#include <cmath>
#include <vector>

#include "config/json_line.h"
#include "config/scalar.h"
#include "config/vector_file.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/utf8.h"
#include "tests/fuzz/scratch_file.h"

namespace semroute::config {
namespace {

void try_vectors(const std::string& path) {
  std::vector<core::Error> problems;
  const auto rows = read_vectors(path, 0, core::Metric::dot, problems);
  SEMROUTE_CHECK(rows.has_value() == problems.empty());
  SEMROUTE_CHECK(problems.size() <= core::kMaxFileProblems + 1);
  if (!rows) return;
  SEMROUTE_CHECK(rows->count > 0 && rows->values.size() == rows->count * rows->dimension);
  SEMROUTE_CHECK(rows->labels.empty() || rows->labels.size() == rows->count);
  SEMROUTE_CHECK(rows->texts.empty() || rows->texts.size() == rows->count);
  for (const float value : rows->values) SEMROUTE_CHECK(std::isfinite(value));
  for (const std::string& label : rows->labels) SEMROUTE_CHECK(!label.empty() && core::is_utf8(label));
}

void try_labels(const std::string& path) {
  std::vector<core::Error> problems;
  const auto rows = read_labels(path, problems);
  SEMROUTE_CHECK(rows.has_value() == problems.empty());
  if (!rows) return;
  SEMROUTE_CHECK(rows->labels.size() == rows->texts.size());
  for (const std::string& label : rows->labels) SEMROUTE_CHECK(!label.empty() && core::is_utf8(label));
  for (const std::string& text : rows->texts) SEMROUTE_CHECK(core::is_utf8(text));
}

}  // namespace
}  // namespace semroute::config

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static semroute::fuzz::ScratchFile file(".jsonl");
  const std::string& path = file.write(data, size);
  semroute::config::try_vectors(path);
  semroute::config::try_labels(path);
  return 0;
}

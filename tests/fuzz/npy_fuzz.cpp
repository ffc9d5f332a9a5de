// NPY files: what is taken has the shape it says, and costs no more memory than the file has bytes.
#include "config/npy.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "tests/fuzz/scratch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static semroute::fuzz::ScratchFile file(".npy");
  const auto rows = semroute::config::read_npy(file.write(data, size));
  if (!rows.ok()) {
    SEMROUTE_CHECK(!rows.error().message.empty());
    return 0;
  }
  SEMROUTE_CHECK(rows->count > 0 && rows->dimension > 0 && rows->dimension <= semroute::core::kMaxDimension);
  SEMROUTE_CHECK(rows->values.size() == rows->count * rows->dimension);
  SEMROUTE_CHECK(rows->values.size() * 2 < size);
  return 0;
}

// Numbers as text: each rounds as strtof does, to the bit; and base64 gives a whole number of floats or none.
#include <bit>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "router/protocol/float_text.h"

namespace semroute::router {
namespace {

void try_array(const std::string& array) {
  std::vector<float> values;
  const FloatScan scan = scan_float_array(array, values);
  if (scan.fault == FloatFault::not_an_array) return;
  SEMROUTE_CHECK(scan.bytes >= 2 && scan.bytes <= array.size() && array[scan.bytes - 1] == ']');
  const char* at = array.c_str() + 1;
  bool overflowed = false;
  for (const float value : values) {
    char* end = nullptr;
    const float expected = std::strtof(at, &end);
    SEMROUTE_CHECK(std::bit_cast<std::uint32_t>(value) == std::bit_cast<std::uint32_t>(expected));
    overflowed = overflowed || std::isinf(value);
    at = array.c_str() + array.find_first_of(",]", static_cast<std::size_t>(end - array.c_str())) + 1;
  }
  SEMROUTE_CHECK(overflowed == (scan.fault == FloatFault::out_of_range));
}

void try_base64(const std::string& text) {
  std::vector<float> values;
  const FloatScan scan = decode_float_base64(text, values);
  if (scan.fault == FloatFault::none) SEMROUTE_CHECK(values.size() == text.size() / 4 * 3 / 4);
}

}  // namespace
}  // namespace semroute::router

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  semroute::router::try_array('[' + text + ']');
  semroute::router::try_base64(text);
  return 0;
}

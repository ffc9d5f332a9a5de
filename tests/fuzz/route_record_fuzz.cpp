// Chains of route records: whatever they hold, they make a route that a table can be asked to take, or are refused.
// The input is records one after another, each behind its length in two bytes.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "router/changes/route_record.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace semroute::router;
  constexpr std::size_t kDimension = 2;
  std::vector<std::string> records;  // each in memory of its own size
  for (std::size_t at = 0; at + 2 <= size;) {
    const std::size_t length = std::min<std::size_t>(data[at] + 256U * data[at + 1], size - at - 2);
    records.emplace_back(reinterpret_cast<const char*>(data) + at + 2, length);
    at += 2 + length;
  }
  const std::vector<std::string_view> views(records.begin(), records.end());
  const auto route = replay("name", views, kDimension);
  if (!route.ok()) {
    SEMROUTE_CHECK(!route.error().message.empty());
    return 0;
  }
  const auto& references = route->content.references;
  SEMROUTE_CHECK(!references.values.empty() && references.values.size() % kDimension == 0);
  SEMROUTE_CHECK(references.values.size() * sizeof(float) <= size);
  SEMROUTE_CHECK(references.texts.empty() || references.texts.size() * kDimension == references.values.size());
  const auto& negatives = route->content.negatives;
  SEMROUTE_CHECK(negatives.texts.empty() || negatives.texts.size() * kDimension == negatives.values.size());
  return 0;
}

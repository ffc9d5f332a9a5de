// The head of an HTTP request to `admin`: one that is whole has its end in the text, and nothing of it was refused
// while it arrived.
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "router/admin/request_head.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace semroute::router;
  using Kind = HeadVerdict::Kind;
  const std::string text = std::string(reinterpret_cast<const char*>(data), size) + "\r\n\r\n";
  const HeadVerdict verdict = judge_head(text);
  SEMROUTE_CHECK(verdict.kind != Kind::more);  // it has an end
  if (verdict.kind == Kind::refused) {
    SEMROUTE_CHECK(verdict.status == 400 || verdict.status == 413 || verdict.status == 431);
    SEMROUTE_CHECK(!verdict.reason.empty());
    return 0;
  }
  SEMROUTE_CHECK(verdict.bytes <= text.size() && text.find("\r\n\r\n") + 4 == verdict.bytes);
  for (std::size_t end = 0; end < verdict.bytes; ++end) {
    SEMROUTE_CHECK(judge_head(std::string_view(text).substr(0, end)).kind == Kind::more);
  }
  return 0;
}

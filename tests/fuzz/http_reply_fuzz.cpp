// A target's HTTP reply: the same comes of it in whatever pieces it arrives, and it stays within its bounds.
#include <algorithm>
#include <string>
#include <string_view>

#include "config/header_rules.h"
#include "core/base/check.h"
#include "plugins/targets/http/reply.h"

namespace semroute::plugins {
namespace {

using Event = HttpReplyReader::Event;
constexpr std::size_t kMostBody = 1'000;

struct Outcome {
  Event event = Event::more;
  bool reusable = false;
  int status = 0;
  std::string content_type;
  std::string body;
};

// In pieces of at most `piece` bytes, then the peer closes.
Outcome outcome_of(std::string_view bytes, std::size_t piece) {
  HttpReplyReader reader;
  reader.start(kMostBody);
  Outcome out;
  while (!bytes.empty() && out.event == Event::more) {
    const auto room = reader.prepare();
    const std::size_t count = std::min({piece, bytes.size(), room.size()});
    SEMROUTE_CHECK(count > 0);
    std::copy_n(bytes.data(), count, room.data());
    bytes.remove_prefix(count);
    reader.commit(count);
    out.event = reader.next_whole(out.body);
  }
  if (out.event == Event::more) {
    reader.commit_end();
    out.event = reader.next_whole(out.body);
  }
  SEMROUTE_CHECK(out.event == Event::complete || out.event == Event::failed);
  SEMROUTE_CHECK(out.body.size() <= kMostBody);
  if (out.event == Event::failed) {
    SEMROUTE_CHECK(!reader.problem().empty());
    // How much of the body was told before is a matter of the pieces.
    out.body.clear();
    return out;
  }
  out.reusable = reader.reusable() && bytes.empty();
  out.status = reader.status();
  out.content_type = reader.content_type();
  SEMROUTE_CHECK(out.status >= 200 && out.status <= 599);
  SEMROUTE_CHECK(out.content_type.empty() || config::is_header_value(out.content_type));
  return out;
}

}  // namespace
}  // namespace semroute::plugins

// The first byte says how large the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace semroute::plugins;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = outcome_of(bytes, bytes.size() + 1);
  const Outcome pieces = outcome_of(bytes, 1 + data[0]);
  SEMROUTE_CHECK(whole.event == pieces.event);
  SEMROUTE_CHECK(whole.reusable == pieces.reusable);
  SEMROUTE_CHECK(whole.status == pieces.status);
  SEMROUTE_CHECK(whole.content_type == pieces.content_type);
  SEMROUTE_CHECK(whole.body == pieces.body);
  return 0;
}

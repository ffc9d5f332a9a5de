// A target's HTTP reply: the same comes of it in whatever pieces it arrives, and it stays within its bounds.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "config/header_rules.h"
#include "core/base/check.h"
#include "plugins/targets/http_reply.h"

namespace semroute::plugins {
namespace {

using State = HttpReplyReader::State;
constexpr std::size_t kMostBody = 1'000;

struct Outcome {
  State state = State::more;
  bool reusable = false;
  DispatchReply reply;
};

// In pieces of at most `piece` bytes, then the peer closes.
Outcome outcome_of(std::string_view bytes, std::size_t piece) {
  HttpReplyReader reader(kMostBody);
  Outcome out;
  while (!bytes.empty() && out.state == State::more) {
    const auto room = reader.prepare();
    const std::size_t count = std::min({piece, bytes.size(), room.size()});
    SEMROUTE_CHECK(count > 0);
    std::copy_n(bytes.data(), count, room.data());
    bytes.remove_prefix(count);
    out.state = reader.commit(count);
  }
  if (out.state == State::more) out.state = reader.finish();
  SEMROUTE_CHECK(out.state != State::more);
  if (out.state == State::failed) {
    SEMROUTE_CHECK(!reader.problem().empty());
    return out;
  }
  out.reusable = reader.reusable() && bytes.empty();
  out.reply = reader.take();
  SEMROUTE_CHECK(out.reply.status >= 200 && out.reply.status <= 599);
  SEMROUTE_CHECK(out.reply.body.size() <= kMostBody);
  SEMROUTE_CHECK(out.reply.content_type.empty() || config::is_header_value(out.reply.content_type));
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
  SEMROUTE_CHECK(whole.state == pieces.state);
  SEMROUTE_CHECK(whole.reusable == pieces.reusable);
  SEMROUTE_CHECK(whole.reply.status == pieces.reply.status);
  SEMROUTE_CHECK(whole.reply.content_type == pieces.reply.content_type);
  SEMROUTE_CHECK(whole.reply.body == pieces.reply.body);
  return 0;
}

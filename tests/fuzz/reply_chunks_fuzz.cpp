// ReplyChunks and the lines made of them: whatever a target sends and however it comes, the parts make up the whole.
#include <algorithm>
#include <boost/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "core/base/base64.h"
#include "core/base/check.h"
#include "core/base/utf8.h"
#include "router/protocol/client_codec.h"
#include "router/protocol/frame_codec.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/reply_chunks.h"

namespace semroute::router {
namespace {

// The bytes that a line or frame of a chunk carries.
std::string carried(const ReplyChunk& chunk, ReplyChunks::As as) {
  std::string out;
  if (as == ReplyChunks::As::bytes) {
    encode_frame(Op::route, {"7", "n:7"}, chunk, out);
    const auto reply = decode_reply(out);
    SEMROUTE_CHECK(reply.ok() && reply->is_chunk && reply->more);
    return reply->body;
  }
  encode_json({"7", "n:7"}, chunk, out);
  SEMROUTE_CHECK(out.find('\n') == out.size() - 1);
  const auto line = boost::json::parse(out).as_object();
  if (chunk.is_text) return std::string(line.at("chunk").as_string());
  const auto& base64 = line.at("chunk_base64").as_string();
  const std::string_view text(base64.data(), base64.size());
  std::string bytes(core::base64_bytes(text), '\0');
  SEMROUTE_CHECK(!core::decode_base64(text, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

void try_chunks(ReplyChunks::As as, std::size_t piece, std::size_t most, std::string_view whole) {
  ReplyChunks chunks(as);
  std::string got;
  const auto take = [&] {
    while (const auto chunk = chunks.next(most)) {
      SEMROUTE_CHECK(!chunk->bytes.empty() && chunk->bytes.size() <= most);
      SEMROUTE_CHECK(!chunk->is_text || core::is_utf8(chunk->bytes));
      SEMROUTE_CHECK(chunk->is_text || as == ReplyChunks::As::bytes || !core::is_utf8(whole));
      got += carried(*chunk, as);
    }
    SEMROUTE_CHECK(chunks.empty());
  };
  for (std::size_t at = 0; at < whole.size(); at += piece) {
    chunks.add(whole.substr(at, piece));
    take();
    // What waits is less than a character.
    SEMROUTE_CHECK(std::min(at + piece, whole.size()) - got.size() < 4);
  }
  chunks.end();
  take();
  SEMROUTE_CHECK(got == whole);
}

}  // namespace
}  // namespace semroute::router

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using semroute::router::ReplyChunks;
  if (size < 2) return 0;
  const std::string_view whole(reinterpret_cast<const char*>(data) + 2, size - 2);
  for (const auto as : {ReplyChunks::As::text, ReplyChunks::As::bytes})
    semroute::router::try_chunks(as, 1 + data[0] % 32U, 4 + data[1], whole);
  return 0;
}

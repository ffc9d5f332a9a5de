#include "router/protocol/reply_chunks.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/utf8.h"

namespace semroute::router {
namespace {

constexpr std::size_t kLongestCharacter = 4;

}  // namespace

void ReplyChunks::add(std::string_view bytes) {
  bytes_.erase(0, taken_);
  taken_ = 0;
  bytes_.append(bytes);
}

void ReplyChunks::drop() {
  bytes_.clear();
  taken_ = 0;
}

ReplyChunks::Cut ReplyChunks::cut(std::size_t most) const {
  const std::string_view bytes = std::string_view(bytes_).substr(taken_, most);
  if (as_ == As::bytes) return {bytes.size(), false};
  std::size_t whole = 0;
  while (whole < bytes.size()) {
    const std::size_t length = core::utf8_length(bytes.substr(whole));
    if (length == 0) break;
    whole += length;
  }
  if (whole == bytes.size()) return {whole, true};
  if (!core::is_cut_utf8(bytes.substr(whole))) return {bytes.size(), false};
  if (whole > 0) return {whole, true};
  return {ended_ ? bytes.size() : 0, false};
}

std::optional<ReplyChunk> ReplyChunks::next(std::size_t most) {
  SEMROUTE_CHECK(most >= kLongestCharacter);
  const Cut cut = this->cut(most);
  if (cut.bytes == 0) return std::nullopt;
  const std::string_view bytes = std::string_view(bytes_).substr(taken_, cut.bytes);
  taken_ += cut.bytes;
  return ReplyChunk{bytes, cut.is_text};
}

bool ReplyChunks::empty() const { return cut(kLongestCharacter).bytes == 0; }

}  // namespace semroute::router

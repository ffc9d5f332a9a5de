#include "router/protocol/request.h"

namespace semroute::router {

void Request::clear() {
  op = Op::route;
  id.text = "null";
  id.key.clear();
  request_id.clear();
  embeddings.clear();
  embedding_count = 0;
  dimension = 0;
  ragged.reset();
  batch = false;
  top_k = 1;
  filter.routes.reset();
  filter.metadata.clear();
  score_threshold.reset();
  timeout_ms.reset();
  explain = false;
  model.reset();
  key.reset();
  stream = false;
  payload = "null";
  payload_content_type = "application/json";
  headers.clear();
  cancel_request.text = "null";
  cancel_request.key.clear();
  route_name.clear();
  vectors = false;
  offset = 0;
  limit = 0;
  change = {};
  changes.clear();
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownBytes = 64;
  if (text.size() <= kShownBytes) return std::string(text);
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace semroute::router

// One JSON line: whatever it holds, the decoder is left as new, agrees with another parser on what is JSON,
// and can be answered.
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>

#include "core/base/check.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/json_values.h"

namespace semroute::router {
namespace {

void check_vectors(const Request& request) {
  SEMROUTE_CHECK(request.op != Op::route || request.embedding_count == 1);
  if (!request.ragged) SEMROUTE_CHECK(request.embeddings.size() == request.embedding_count * request.dimension);
  for (const float value : request.embeddings) SEMROUTE_CHECK(std::isfinite(value));
}

void check_rows(const ChangeRows& rows) {
  if (!rows.ragged) SEMROUTE_CHECK(rows.values.size() == rows.count * rows.dimension);
  SEMROUTE_CHECK(rows.texts.empty() || rows.texts.size() == rows.count);
  for (const float value : rows.values) SEMROUTE_CHECK(std::isfinite(value));
}

void check_changes(const Request& request) {
  check_rows(request.change.references);
  check_rows(request.change.negatives);
  for (const RouteChange& change : request.changes) {
    SEMROUTE_CHECK(!change.name.empty() && !change.path.empty());
    check_rows(change.references);
    check_rows(change.negatives);
  }
}

// The line that answers is one line of JSON, whatever of the request it repeats.
void check_reply(const Request& request, const std::string& message) {
  std::string line;
  encode_json(request.id, ErrorReply{.request_id = request.request_id, .message = message}, line);
  SEMROUTE_CHECK(line.find('\n') == line.size() - 1);
  SEMROUTE_CHECK(is_json(line));
}

bool is_json_elsewhere(std::string_view line) {
  boost::json::error_code problem;
  (void)boost::json::parse({line.data(), line.size()}, problem);
  return !problem;
}

bool is_called_malformed(const std::string& message) {
  return message.starts_with("malformed") ||
         (message.starts_with("the value at byte") && message.find("malformed") != std::string::npos);
}

void try_line(std::string_view line) {
  static JsonDecoder decoder;  // kept, as a worker keeps it
  Request request;
  const auto read = decoder.decode(line, request);
  check_reply(request, read.ok() ? "" : read.error().message);
  if (!read.ok()) {
    SEMROUTE_CHECK(!read.error().message.empty());
    SEMROUTE_CHECK(!is_called_malformed(read.error().message) || !is_json_elsewhere(line));
    return;
  }
  SEMROUTE_CHECK(is_json_elsewhere(line));
  SEMROUTE_CHECK(is_json(request.payload));
  if (request.op == Op::match || request.op == Op::route) check_vectors(request);
  check_changes(request);
}

void try_extras(Op op, std::string_view text) {
  static JsonDecoder decoder;
  Request request;
  request.op = op;
  static const std::vector<float> kFloats{1, 2, 3, 4};
  const FrameRows rows{{reinterpret_cast<const char*>(kFloats.data()), kFloats.size() * sizeof(float)}, 2, 2};
  const auto read = decoder.decode_extras(text, request, is_change(op) ? rows : FrameRows{});
  if (read.ok()) check_changes(request);
  SEMROUTE_CHECK(request.op == op && request.embeddings.empty() && request.id.key.empty());
  check_reply(request, read.ok() ? "" : read.error().message);
}

}  // namespace
}  // namespace semroute::router

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace semroute::router;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_line(text);
  if (size > 0) try_extras(static_cast<Op>(1 + data[size - 1] % 12), text);
  return 0;
}

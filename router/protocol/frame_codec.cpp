#include "router/protocol/frame_codec.h"

#include <algorithm>
#include <cmath>

#include "config/header_rules.h"
#include "core/base/limits.h"
#include "router/protocol/float_text.h"
#include "router/protocol/json_reply_text.h"
#include "router/protocol/little_endian.h"

namespace semroute::router {

namespace {

using core::ErrorCode;

constexpr std::size_t kBodyBytesAt = 8;  // in the header

FrameError kept(ErrorCode code, std::string message) { return {{code, std::move(message)}, false}; }
FrameError closes(ErrorCode code, std::string message) { return {{code, std::move(message)}, true}; }

// Starts a reply frame; finish_frame sets its length.
std::size_t begin_frame(std::uint8_t op, std::uint8_t flags, const RequestId& id, std::string& out) {
  const std::size_t at = out.size();
  put(kFrameMagic, out);
  put(kFrameVersion, out);
  put(static_cast<std::uint8_t>(op | kFrameReplyBit), out);
  put(flags, out);
  std::uint32_t number = 0;
  for (const char c : id.text) {
    if (c < '0' || c > '9') break;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  put(number, out);
  put(std::uint32_t{0}, out);
  put(std::uint32_t{0}, out);
  return at;
}

void finish_frame(std::size_t at, std::string& out) {
  put_at(static_cast<std::uint32_t>(out.size() - at - kFrameHeaderBytes), at + kBodyBytesAt, out);
}

void put_text(std::string_view text, std::string& out) {
  put(static_cast<std::uint16_t>(text.size()), out);
  out.append(text);
}

// A length-prefixed block whose length is known once it is written.
std::size_t begin_block(std::string& out) {
  put(std::uint32_t{0}, out);
  return out.size();
}
void finish_block(std::size_t at, std::string& out) {
  put_at(static_cast<std::uint32_t>(out.size() - at), at - sizeof(std::uint32_t), out);
}

void put_result(const DecisionView& view, std::string& out) {
  put(static_cast<std::uint8_t>(view.decision), out);
  put(static_cast<std::uint8_t>(view.reason), out);
  put(static_cast<std::uint8_t>(view.score ? 1 : 0), out);
  put(std::uint8_t{0}, out);
  put(view.score.value_or(0.0F), out);
  put_text(view.route, out);
  put_text(view.target, out);
  put(static_cast<std::uint16_t>(view.matches.size()), out);
  for (const auto& m : view.matches) {
    put(m.score, out);
    put(m.threshold, out);
    put(static_cast<std::uint8_t>(m.passed ? 1 : 0), out);
    put(std::uint8_t{0}, out);
    put_text(m.route, out);
  }
}

void put_error(ErrorCode code, bool retryable, std::optional<bool> sent, std::string_view message, std::string& out) {
  put(static_cast<std::uint16_t>(code), out);
  put(static_cast<std::uint8_t>(retryable ? 1 : 0), out);
  put(static_cast<std::uint8_t>(!sent ? 2 : *sent ? 1 : 0), out);
  put(static_cast<std::uint32_t>(message.size()), out);
  out.append(message);
}

// What is of match and route alone, once the body's lengths are known to be right.
std::optional<FrameError> finish_deciding(const FrameHeader& h, const FrameRows& rows, std::uint16_t top_k,
                                          Request& request) {
  if (top_k > core::kMaxTopK) return kept(ErrorCode::bad_request, "top_k must be 0.." + std::to_string(core::kMaxTopK));
  if (h.timeout_ms > core::kMaxTimeoutMs)
    return kept(ErrorCode::bad_request, "timeout_ms must be 0.." + std::to_string(core::kMaxTimeoutMs));
  if (rows.count == 0 || (request.op == Op::route && rows.count != 1)) {
    return kept(ErrorCode::bad_request,
                request.op == Op::route ? "route takes exactly one embedding" : "there is no embedding");
  }
  if (rows.dimension == 0) return kept(ErrorCode::bad_vector, "embedding has no numbers");
  if (!config::is_header_value(request.payload_content_type) ||
      request.payload_content_type.size() > core::kMaxRequestHeaderBytes)
    return kept(ErrorCode::bad_request, "the content type must be visible ASCII with blanks only inside, at most " +
                                            std::to_string(core::kMaxRequestHeaderBytes) + " bytes");
  const std::size_t numbers = rows.dimension * rows.count;
  request.embeddings.resize(numbers);
  std::memcpy(request.embeddings.data(), rows.floats.data(), rows.floats.size());
  request.dimension = rows.dimension;
  request.embedding_count = rows.count;
  request.batch = rows.count > 1;
  if (top_k != 0) request.top_k = top_k;
  if (h.timeout_ms != 0) request.timeout_ms = h.timeout_ms;
  const std::size_t wrong = first_not_finite(request.embeddings.data(), numbers);
  if (wrong < numbers) {
    const std::string name =
        rows.count > 1 ? "embeddings[" + std::to_string(wrong / rows.dimension) + "]" : "embedding";
    return kept(ErrorCode::bad_vector, name + ": number " + std::to_string(wrong % rows.dimension) + " is not finite");
  }
  return std::nullopt;
}

// "metadata":..,"approximate":true,"explain":..
void append_result_extras(const DecisionView& view, std::string& out) {
  out += "\"metadata\":";
  append_metadata(view.metadata, out);
  if (view.approximate) out += ",\"approximate\":true";
  if (view.explain) {
    out += ",\"explain\":";
    append_explain(*view.explain, out);
  }
}

}  // namespace

FramePeek peek_frame(std::string_view bytes, std::size_t max_request_bytes, std::size_t max_change_bytes) {
  FramePeek peek;
  if (!bytes.empty() && static_cast<std::uint8_t>(bytes.front()) != kFrameMagic) {
    peek.error = closes(ErrorCode::bad_request, "a frame starts with the byte 0xA7");
    return peek;
  }
  if (bytes.size() < kFrameHeaderBytes) return peek;
  FieldReader in(bytes);
  FrameHeader h;
  (void)in.get<std::uint8_t>();
  h.version = in.get<std::uint8_t>();
  h.op = in.get<std::uint8_t>();
  h.flags = in.get<std::uint8_t>();
  h.request_id = in.get<std::uint32_t>();
  h.body_bytes = in.get<std::uint32_t>();
  h.timeout_ms = in.get<std::uint32_t>();
  peek.header = h;
  peek.frame_bytes = kFrameHeaderBytes + std::size_t{h.body_bytes};
  const OpEntry* entry = find_op(h.op);
  const bool changes = max_change_bytes > 0 && entry != nullptr && is_change(entry->op);
  const std::size_t most = changes ? max_change_bytes : max_request_bytes;
  if (h.version != kFrameVersion) {
    peek.error =
        closes(ErrorCode::unsupported_version, "frame version " + std::to_string(h.version) + "; this daemon speaks 1");
  } else if (h.body_bytes > most) {
    peek.error =
        closes(ErrorCode::too_large, "a body of " + std::to_string(h.body_bytes) + " bytes; limits." +
                                         (changes ? "max_change" : "max_request") + " is " + std::to_string(most));
  }
  return peek;
}

std::optional<FrameError> FrameDecoder::decode(std::string_view frame, Request& request) {
  const FramePeek peek = peek_frame(frame, frame.size());
  SEMROUTE_CHECK(peek.header && !peek.error && peek.frame_bytes == frame.size());
  const FrameHeader& h = *peek.header;
  request.id.text = std::to_string(h.request_id);
  if (h.request_id != 0) request.id.key = "n:" + request.id.text;
  const OpEntry* entry = find_op(h.op);
  if (entry == nullptr) return kept(ErrorCode::bad_request, "unknown op " + std::to_string(h.op));
  request.op = entry->op;
  if (!entry->is_served) {
    return kept(ErrorCode::bad_request, "op " + std::to_string(h.op) + " is known, but not in this version");
  }
  const bool deciding = request.op == Op::match || request.op == Op::route;
  FieldReader in(frame.substr(kFrameHeaderBytes));
  // A put, patch or batch brings its vectors in the body; a delete has none.
  const bool has_rows = is_change(request.op) && request.op != Op::routes_delete;
  FrameRows rows;
  std::uint16_t top_k = 0;
  std::uint16_t reserved = 0;
  if (deciding || has_rows) {
    rows.dimension = in.get<std::uint32_t>();
    rows.count = in.get<std::uint32_t>();
  }
  if (deciding) {
    top_k = in.get<std::uint16_t>();
    reserved = in.get<std::uint16_t>();
  }
  // In 64 bits, and each factor bounded, so that the product cannot wrap.
  const std::uint64_t bytes = std::uint64_t{rows.dimension} * rows.count * sizeof(float);
  const bool is_over = std::uint64_t{rows.dimension} * rows.count > frame.size();
  rows.floats = in.bytes(is_over ? ~std::uint64_t{0} : bytes);
  if (request.op == Op::route) {
    const auto type = in.bytes(in.get<std::uint16_t>());
    const auto payload = in.bytes(in.get<std::uint32_t>());
    if (!type.empty()) request.payload_content_type.assign(type);
    // Neither given: none, which targets see as `null`, like in JSON lines.
    if (!type.empty() || !payload.empty()) request.payload.assign(payload);
  }
  const auto extras = in.bytes(in.get<std::uint32_t>());
  if (!in.ok() || !in.rest().empty()) {
    return closes(ErrorCode::bad_request,
                  "the lengths in the frame contradict its body of " + std::to_string(h.body_bytes) + " bytes");
  }
  if ((h.flags & ~(deciding ? kFrameFlagExplain : 0U)) != 0) {
    return kept(ErrorCode::bad_request, "flags " + std::to_string(h.flags) + " has reserved bits");
  }
  if (has_rows && rows.dimension == 0 && rows.count != 0)
    return kept(ErrorCode::bad_vector, "the rows have no numbers");
  if (const auto read = json_.decode_extras(extras, request, has_rows ? rows : FrameRows{}); !read.ok()) {
    return kept(read.error().code, "extras: " + read.error().message);
  }
  if (!deciding) {
    if (h.timeout_ms == 0) return std::nullopt;
    return kept(ErrorCode::bad_request, "timeout_ms is for match and route only");
  }
  if (reserved != 0) return kept(ErrorCode::bad_request, "the reserved field after top_k must be 0");
  request.explain = request.explain || (h.flags & kFrameFlagExplain) != 0;
  return finish_deciding(h, rows, top_k, request);
}

void encode_frame(Op op, const RequestId& id, const DecisionReply& reply, std::string& out) {
  const unsigned flags = (reply.batch ? kFrameFlagBatch : 0U) | (reply.more ? kFrameFlagMore : 0U);
  const std::size_t at = begin_frame(static_cast<std::uint8_t>(op), static_cast<std::uint8_t>(flags), id, out);
  put(reply.revision, out);
  put(static_cast<std::uint32_t>(reply.decisions.size()), out);
  for (const auto& view : reply.decisions) put_result(view, out);
  if (reply.route_op) {
    const TargetReplyView none{.status = 0, .content_type = {}, .body = {}};
    const TargetReplyView& r = reply.reply ? *reply.reply : none;
    put(static_cast<std::uint8_t>(reply.dispatched ? 1 : 0), out);
    put(std::uint8_t{0}, out);
    put(static_cast<std::uint16_t>(r.status), out);
    put_text(r.content_type, out);
    put(static_cast<std::uint32_t>(r.body.size()), out);
    out.append(r.body);
  }
  const std::size_t extras = begin_block(out);
  out += "{\"request_id\":";
  append_json_string(reply.request_id, out);
  if (reply.batch) {
    out += ",\"results\":[";
    for (std::size_t i = 0; i < reply.decisions.size(); ++i) {
      out += i == 0 ? "{" : ",{";
      append_result_extras(reply.decisions[i], out);
      out += '}';
    }
    out += ']';
  } else {
    out += ',';
    append_result_extras(reply.decisions.front(), out);
  }
  out += '}';
  finish_block(extras, out);
  finish_frame(at, out);
}

void encode_frame(std::uint8_t op, const RequestId& id, const ErrorReply& reply, std::string& out) {
  const std::size_t at = begin_frame(op, kFrameFlagError, id, out);
  put_error(reply.code, reply.retryable, reply.sent, reply.message, out);
  const std::size_t extras = begin_block(out);
  out += "{\"request_id\":";
  append_json_string(reply.request_id, out);
  if (reply.decision != nullptr) {
    const auto& view = *reply.decision;
    out.append(",\"decision\":\"").append(to_string(view.decision));
    out.append("\",\"reason\":\"").append(to_string(view.reason)).append("\"");
    if (!view.route.empty()) {
      out += ",\"route\":";
      append_json_string(view.route, out);
    }
    if (view.score) {
      out += ",\"score\":";
      append_json_number(*view.score, out);
    }
    if (!view.target.empty()) {
      out += ",\"target\":";
      append_json_string(view.target, out);
    }
    out.append(",\"revision\":").append(std::to_string(reply.revision)).append(",");
    append_result_extras(view, out);
  }
  out += '}';
  if (reply.outcome_unknown) {
    out.pop_back();
    out += ",\"outcome\":\"unknown\"}";
  }
  finish_block(extras, out);
  finish_frame(at, out);
}

void encode_frame(Op op, const RequestId& id, const ReplyChunk& chunk, std::string& out) {
  const std::size_t at = begin_frame(static_cast<std::uint8_t>(op), kFrameFlagChunk | kFrameFlagMore, id, out);
  out.append(chunk.bytes);
  finish_frame(at, out);
}

void encode_frame(Op op, const RequestId& id, const StreamEnd& end, std::string& out) {
  const unsigned flags = kFrameFlagChunk | (end.error ? kFrameFlagError : 0U);
  const std::size_t at = begin_frame(static_cast<std::uint8_t>(op), static_cast<std::uint8_t>(flags), id, out);
  if (end.error) put_error(end.error->code, false, true, end.error->message, out);
  const std::size_t extras = end.error ? begin_block(out) : out.size();
  out += '{';
  if (end.explain) {
    out += "\"attempts\":";
    append_attempts(end.attempts, out);
  }
  out += '}';
  if (end.error) finish_block(extras, out);
  finish_frame(at, out);
}

void encode_frame_members(Op op, const RequestId& id, std::string_view request_id, std::string_view members,
                          std::string& out) {
  const std::size_t at = begin_frame(static_cast<std::uint8_t>(op), 0, id, out);
  out += "{\"ok\":true";
  if (!request_id.empty()) {
    out += ",\"request_id\":";
    append_json_string(request_id, out);
  }
  if (!members.empty()) out.append(",").append(members);
  out += '}';
  finish_frame(at, out);
}

}  // namespace semroute::router

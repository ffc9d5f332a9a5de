#include <algorithm>
#include <span>

#include "config/header_rules.h"
#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/json_reply_text.h"
#include "router/protocol/json_values.h"

namespace semroute::router {

namespace {

bool is_json_type(std::string_view content_type) {
  std::string type = config::lower_case(content_type.substr(0, content_type.find(';')));
  type.erase(std::remove(type.begin(), type.end(), ' '), type.end());
  return type == "application/json" || (type.size() > 5 && type.substr(type.size() - 5) == "+json");
}

// JSON on one line: white space outside of strings goes when the text has line breaks, else it stays as it is.
void append_on_one_line(std::string_view json, std::string& out) {
  if (json.find_first_of("\r\n") == std::string_view::npos) {
    out.append(json);
    return;
  }
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') {
      out += c;
      out += json[++i];
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (quoted || (c != ' ' && c != '\t' && c != '\r' && c != '\n')) out += c;
  }
}

void append_member(std::string_view key, std::string_view text, std::string& out) {
  out.append(",\"").append(key).append("\":");
  append_json_string(text, out);
}

void begin_reply(const RequestId& id, bool ok, std::string_view request_id, std::string& out) {
  out.append("{\"id\":").append(id.text).append(ok ? ",\"ok\":true" : ",\"ok\":false");
  if (!request_id.empty()) append_member("request_id", request_id, out);
}

// ,"decision":..,"reason":..,"route":..,"score":..,"metadata":..,"target":..
void append_decision_head(const DecisionView& view, std::string& out) {
  out.append(",\"decision\":\"").append(to_string(view.decision));
  out.append("\",\"reason\":\"").append(to_string(view.reason)).append("\"");
  if (!view.route.empty()) append_member("route", view.route, out);
  if (view.score) {
    out.append(",\"score\":");
    append_json_number(*view.score, out);
  }
  if (view.approximate) out.append(",\"approximate\":true");
  if (!view.route.empty()) {
    out.append(",\"metadata\":");
    append_metadata(view.metadata, out);
  }
  if (!view.target.empty()) append_member("target", view.target, out);
}

void append_matches(const DecisionView& view, std::string& out) {
  out.append(",\"matches\":[");
  for (std::size_t i = 0; i < view.matches.size(); ++i) {
    const auto& m = view.matches[i];
    out.append(i == 0 ? "{\"route\":" : ",{\"route\":");
    append_json_string(m.route, out);
    out.append(",\"score\":");
    append_json_number(m.score, out);
    out.append(",\"threshold\":");
    append_json_number(m.threshold, out);
    out.append(m.passed ? ",\"passed\":true}" : ",\"passed\":false}");
  }
  out += ']';
}

void append_rest_of_decision(const DecisionView& view, std::uint64_t revision, bool with_revision, std::string& out) {
  append_decision_head(view, out);
  if (with_revision) out.append(",\"revision\":").append(std::to_string(revision));
  append_matches(view, out);
  if (view.explain) {
    out.append(",\"explain\":");
    append_explain(*view.explain, out);
  }
}

void append_target_reply(const TargetReplyView& reply, bool is_head, std::string& out) {
  out.append(",\"reply\":{\"status\":").append(std::to_string(reply.status));
  append_member("content_type", reply.content_type, out);
  if (is_head) {
    out += '}';
    return;
  }
  if (is_json_type(reply.content_type) && is_json(reply.body)) {
    out.append(",\"body\":");
    append_on_one_line(reply.body, out);
  } else if (core::is_utf8(reply.body)) {
    append_member("text", reply.body, out);
  } else {
    out.append(",\"base64\":\"");
    core::append_base64(std::as_bytes(std::span(reply.body)), out);
    out += '"';
  }
  out += '}';
}

}  // namespace

void append_metadata(const config::Value* metadata, std::string& out) {
  if (metadata == nullptr || metadata->is_null()) {
    out += "{}";
  } else {
    append_json_value(*metadata, out);
  }
}

void append_explain(const ExplainView& explain, std::string& out) {
  out += "{\"references\":[";
  for (std::size_t i = 0; i < explain.references.size(); ++i) {
    const auto& r = explain.references[i];
    out += i == 0 ? "{\"route\":" : ",{\"route\":";
    append_json_string(r.route, out);
    out.append(",\"row\":").append(std::to_string(r.row)).append(",\"score\":");
    append_json_number(r.score, out);
    append_member("text", r.text, out);
    out += r.negative ? ",\"negative\":true}" : ",\"negative\":false}";
  }
  out += "],\"candidates\":[";
  for (std::size_t i = 0; i < explain.candidates.size(); ++i) {
    const auto& c = explain.candidates[i];
    out += i == 0 ? "{\"route\":" : ",{\"route\":";
    append_json_string(c.route, out);
    out += ",\"score\":";
    append_json_number(c.score, out);
    out += ",\"threshold\":";
    append_json_number(c.threshold, out);
    out += ",\"margin\":";
    append_json_number(static_cast<float>(c.margin), out);
    append_member("outcome", c.outcome, out);
    out += '}';
  }
  out += "],\"took_us\":{\"decode\":";
  append_json_number(explain.decode_us, out);
  out += ",\"search\":";
  append_json_number(explain.search_us, out);
  out += ",\"decide\":";
  append_json_number(explain.decide_us, out);
  out += ",\"dispatch\":";
  append_json_number(explain.dispatch_us, out);
  out += "},\"attempts\":";
  append_attempts(explain.attempts, out);
  out += '}';
}

void append_attempts(const std::vector<ExplainAttemptView>& attempts, std::string& out) {
  out += '[';
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const auto& a = attempts[i];
    out += i == 0 ? "{\"target\":" : ",{\"target\":";
    append_json_string(a.target, out);
    if (!a.endpoint.empty()) append_member("endpoint", a.endpoint, out);
    append_member("outcome", a.outcome, out);
    out.append(",\"took_us\":").append(std::to_string(a.took_us)).append("}");
  }
  out += ']';
}

void encode_json(const RequestId& id, const DecisionReply& reply, std::string& out) {
  begin_reply(id, true, reply.request_id, out);
  if (reply.batch) {
    out.append(",\"revision\":").append(std::to_string(reply.revision)).append(",\"results\":[");
    std::string one;
    for (std::size_t i = 0; i < reply.decisions.size(); ++i) {
      one.clear();
      append_rest_of_decision(reply.decisions[i], 0, false, one);
      out.append(i == 0 ? "{" : ",{").append(one, 1).append("}");  // without the leading comma
    }
    out.append("]}\n");
    return;
  }
  append_rest_of_decision(reply.decisions.front(), reply.revision, true, out);
  if (reply.route_op) out.append(reply.dispatched ? ",\"dispatched\":true" : ",\"dispatched\":false");
  if (reply.route_op && reply.reply) append_target_reply(*reply.reply, reply.more, out);
  out.append(reply.more ? ",\"more\":true}\n" : "}\n");
}

void encode_json(const RequestId& id, const ErrorReply& reply, std::string& out) {
  begin_reply(id, false, reply.request_id, out);
  if (reply.decision != nullptr) {
    append_decision_head(*reply.decision, out);
    out.append(",\"revision\":").append(std::to_string(reply.revision));
    if (reply.decision->explain) {
      out.append(",\"explain\":");
      append_explain(*reply.decision->explain, out);
    }
  }
  out.append(",\"error\":{\"code\":\"").append(core::to_string(reply.code)).append("\",\"message\":");
  append_json_string(reply.message, out);
  if (reply.outcome_unknown) out.append(",\"outcome\":\"unknown\"");
  if (reply.sent) out.append(*reply.sent ? ",\"sent\":true" : ",\"sent\":false");
  out.append(reply.retryable ? ",\"retryable\":true}}\n" : ",\"retryable\":false}}\n");
}

void encode_json(const RequestId& id, const ReplyChunk& chunk, std::string& out) {
  out.append("{\"id\":").append(id.text);
  if (chunk.is_text) {
    append_member("chunk", chunk.bytes, out);
  } else {
    out.append(",\"chunk_base64\":\"");
    core::append_base64(std::as_bytes(std::span(chunk.bytes)), out);
    out += '"';
  }
  out.append("}\n");
}

void encode_json(const RequestId& id, const StreamEnd& end, std::string& out) {
  out.append("{\"id\":").append(id.text).append(",\"done\":true");
  if (end.explain) {
    out.append(",\"attempts\":");
    append_attempts(end.attempts, out);
  }
  if (end.error) {
    out.append(",\"error\":{\"code\":\"").append(core::to_string(end.error->code)).append("\",\"message\":");
    append_json_string(end.error->message, out);
    out.append(",\"sent\":true,\"retryable\":false}");
  }
  out.append("}\n");
}

void encode_json_members(const RequestId& id, std::string_view request_id, std::string_view members, std::string& out) {
  begin_reply(id, true, request_id, out);
  if (!members.empty()) out.append(",").append(members);
  out.append("}\n");
}

}  // namespace semroute::router

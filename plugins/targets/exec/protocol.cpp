#include "plugins/targets/exec/protocol.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <span>

#include "config/json_check.h"
#include "config/json_text.h"
#include "core/base/base64.h"
#include "plugins/content_type.h"

namespace semroute::plugins {
namespace {

using config::append_json_string;

void append_member(std::string_view name, std::string_view text, std::string& out) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(text, out);
}

void append_payload(const DispatchRequest& request, std::string& out) {
  const std::string& payload = request.payload;
  if (config::is_json(payload)) {
    out += ",\"payload\":";
    const std::size_t at = out.size();
    out += payload;
    // Between the parts of JSON a line break is a blank like another; inside of strings there is none.
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(at), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  } else {
    out += ",\"payload_base64\":\"";
    core::append_base64(std::as_bytes(std::span(payload)), out);
    out += '"';
  }
}

constexpr std::size_t kShownBytes = 60;  // of what is no reply

// Escaped, so that it stays on its line.
std::string shown(std::string_view line) {
  std::string_view begin = line.substr(0, kShownBytes);
  // A cut may leave half a character behind.
  while (begin.size() < line.size() && !begin.empty() &&
         (static_cast<unsigned char>(line[begin.size()]) & 0xC0U) == 0x80U) {
    begin.remove_suffix(1);
  }
  std::string text;
  append_json_string(begin, text);
  return begin.size() < line.size() ? text + "..." : text;
}

using Members = std::map<std::string, std::string_view, std::less<>>;

// body, text or base64: at most one. Nothing: what is wrong.
bool read_body(const Members& members, DispatchReply& reply) {
  const auto body = members.find("body");
  const auto text = members.find("text");
  const auto base64 = members.find("base64");
  const auto end = members.end();
  if ((body != end) + (text != end) + (base64 != end) > 1) return false;
  if (body != end) {
    reply.content_type = "application/json";
    reply.body = body->second;
  } else if (text != end) {
    const auto value = config::json_string_value(text->second);
    if (!value) return false;
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = *value;
  } else if (base64 != end) {
    const auto value = config::json_string_value(base64->second);
    if (!value) return false;
    reply.content_type = "application/octet-stream";
    reply.body.resize(core::base64_bytes(*value));
    if (core::decode_base64(*value, std::as_writable_bytes(std::span(reply.body)))) return false;
  }
  return true;
}

template <class Number>
bool read_integer(std::string_view text, Number& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string exec_request_line(std::uint64_t id, const DispatchRequest& request, Clock::time_point deadline) {
  std::string out = "{\"id\":" + std::to_string(id);
  append_member("request_id", request.request_id, out);
  append_member("route", request.route, out);
  append_member("decision", request.decision, out);
  if (request.has_score) {
    out += ",\"score\":";
    config::append_json_number(request.score, out);
  }
  out += ",\"revision\":" + std::to_string(request.revision);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  out += ",\"timeout_ms\":" + std::to_string(std::max<std::int64_t>(left.count(), 0));
  if (request.is_mirror) out += ",\"mirror\":true";
  if (!request.traceparent.empty()) append_member("traceparent", request.traceparent, out);
  if (!request.headers.empty()) {
    out += ",\"headers\":{";
    for (const auto& [name, value] : request.headers) {
      if (out.back() != '{') out += ',';
      append_json_string(name, out);
      out += ':';
      append_json_string(value, out);
    }
    out += '}';
  }
  append_member("content_type", request.content_type, out);
  append_payload(request, out);
  out += "}\n";
  return out;
}

ExecReply parse_exec_reply(std::uint64_t id, std::string_view line) {
  const auto garbage = [line](const std::string& what) {
    const std::string problem = "answered with what is no reply: " + what + ": " + shown(line);
    return ExecReply{core::Error{core::ErrorCode::upstream_error, "the target's process " + problem}, true, problem};
  };
  const auto parsed = config::json_members(line);
  if (!parsed) return garbage("not a JSON object");
  Members members;
  for (const auto& [key, value] : *parsed) {
    if (!members.emplace(key, value).second) return garbage("a key twice");
  }
  std::uint64_t answered = 0;
  if (const auto found = members.find("id");
      found == members.end() || !read_integer(found->second, answered) || answered != id) {
    return garbage("its id is not the request's");
  }
  if (const auto failed = members.find("error"); failed != members.end()) {
    const auto message = config::json_string_value(failed->second);
    if (!message) return garbage("its error is no string");
    return {core::Error{core::ErrorCode::upstream_error, "the process says: " + *message}, false};
  }
  DispatchReply reply;
  if (!read_body(members, reply)) return garbage("expected one of body, text or base64");
  if (const auto status = members.find("status");
      status != members.end() &&
      (!read_integer(status->second, reply.status) || reply.status < 100 || reply.status > 599)) {
    return garbage("its status is not 100..599");
  }
  if (const auto type = members.find("content_type"); type != members.end()) {
    const auto value = config::json_string_value(type->second);
    if (!value) return garbage("its content_type is no string");
    if (!is_content_type(*value)) return garbage("its content_type cannot be one");
    reply.content_type = *value;
  }
  return {std::move(reply), false};
}

}  // namespace semroute::plugins

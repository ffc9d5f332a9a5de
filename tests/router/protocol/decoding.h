// decoded: what the JSON decoder makes of one line, for tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "router/protocol/json_codec.h"

namespace semroute::router::test {

struct Decoded {
  Request request;
  std::optional<core::Error> error;

  [[nodiscard]] std::string code() const { return error ? std::string(core::to_string(error->code)) : "ok"; }
  [[nodiscard]] std::string message() const { return error ? error->message : ""; }
};

inline Decoded decoded(std::string_view line) {
  JsonDecoder decoder;
  Decoded out;
  if (const auto read = decoder.decode(line, out.request); !read.ok()) out.error = read.error();
  return out;
}

inline Decoded decoded_extras(Op op, std::string_view text, const FrameRows& rows = {}) {
  JsonDecoder decoder;
  Decoded out;
  out.request.op = op;
  if (const auto read = decoder.decode_extras(text, out.request, rows); !read.ok()) out.error = read.error();
  return out;
}

inline std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace semroute::router::test

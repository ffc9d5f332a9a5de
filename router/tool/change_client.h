// ChangeClient: changes of routes, asked in frames, so that vectors travel as they are.
//
// Threads: one. Errors: those of Client; an error reply is a reply. Each message says what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/base/result.h"
#include "router/protocol/client_codec.h"
#include "router/tool/client.h"
#include "router/tool/command.h"

namespace semroute::router::tool {

class ChangeClient {
 public:
  // Connects, and asks what the index is.
  [[nodiscard]] static core::Result<ChangeClient> connect(const std::string& server);

  [[nodiscard]] const config::IndexConfig& index() const noexcept { return index_; }
  [[nodiscard]] core::Result<ClientReply> exchange(const ClientRequest& request);

 private:
  explicit ChangeClient(Client client) : client_(std::move(client)) {}
  Client client_;
  config::IndexConfig index_;  // its dimension and metric
};

// The fields of a change and the rows of its body, in one: what becomes of a ClientRequest.
struct ChangeBody {
  std::vector<float> values;
  std::size_t dimension = 0;
  std::string extras;

  // Appends `"key":{"rows":[first,count],"texts":[...]}`; nothing without rows.
  void append_rows(const char* key, const config::ReferenceRows& rows);
  // Appends `"route":{...}`.
  void append_route(const config::RouteConfig& route);
  [[nodiscard]] ClientRequest request(Op op) const;
};

// As Context::fail; with --output json the error is printed, too: {"ok":false,"error":{"code":..,"message":..}}.
Exit fail(const Context& context, Exit exit, const core::Error& error);
inline Exit fail(const Context& context, const core::Error& error) {
  return fail(context, exit_for(error.code), error);
}

// Asks; with --output json the reply is printed. The error is that of the client, or the reply's.
[[nodiscard]] core::Result<void> change(const Context& context, ChangeClient& client, Op op, const ChangeBody& body);

// A file that cannot be opened is io_error, whatever is wrong with another is bad_request once each problem was told.
// One route from a YAML file.
[[nodiscard]] core::Result<config::RouteConfig> read_route(const Context& context, const std::string& path,
                                                           const config::IndexConfig& index);
// The same from standard input.
[[nodiscard]] core::Result<config::RouteConfig> read_route(const Context& context, std::istream& in,
                                                           const config::IndexConfig& index);
// Whether a file can be opened for reading.
[[nodiscard]] core::Result<void> check_file(const std::string& path);

}  // namespace semroute::router::tool

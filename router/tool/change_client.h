// ChangeClient: changes of routes, asked in frames, so that vectors travel as they are.
//
// Threads: one. Errors: those of Client; an error reply is a reply. Each message says what to do.
#pragma once

#include <cstddef>
#include <cstdint>
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

// Asks, and tells the user of an error. With --output json the reply itself is printed.
[[nodiscard]] std::optional<Exit> change(const Context& context, ChangeClient& client, Op op, const ChangeBody& body);

// One route from a YAML file, every problem of which is told. Nothing when there is one.
[[nodiscard]] std::optional<config::RouteConfig> read_route(const Context& context, const std::string& path,
                                                            const config::IndexConfig& index);

}  // namespace semroute::router::tool

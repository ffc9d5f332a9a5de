// AdminServer: HTTP for operators on `admin`: /healthz, /readyz, /metrics.
//
// GET and HEAD only; other methods get 405, other paths 404, paths of two meanings 400. What is refused before that
// (request_head.h), or is not there within the timeout (408), ends its connection, which lingers so that the reply
// arrives. Bounds: kAdminMaxConnections, those of request_head.h, no body, kAdminTimeout per request.
// Threads: one io_context's thread. Lifetime: close() or destruction ends it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "config/config.h"
#include "core/base/limits.h"
#include "core/base/result.h"

namespace semroute::router {

struct AdminAnswers {
  // Empty when ready; else what is not ("draining", "loading").
  std::function<std::string()> not_ready;
  std::function<std::string()> metrics;
};

class AdminServer {
 public:
  AdminServer(boost::asio::io_context& io, AdminAnswers answers,
              std::chrono::milliseconds timeout = core::kAdminTimeout);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  [[nodiscard]] core::Result<void> open(const config::Address& address);
  [[nodiscard]] config::Address address() const;
  void close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace semroute::router

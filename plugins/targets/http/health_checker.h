// HttpHealthChecker: asks each endpoint of a target every `interval` whether it is well, once for the whole process.
//
// A check is a GET of health.path over a connection of its own; a 2xx within health.timeout passes. After
// unhealthy_after failed checks in a row an endpoint gets no requests, after healthy_after passed ones it does again;
// as many passed ones since it was ejected end an ejection, too. Endpoints begin as healthy. Threads: that of its
// io_context. Lifetime: its end ends its checks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "plugins/targets/http/connection.h"
#include "plugins/targets/http/deadlines.h"
#include "plugins/targets/http/upstream.h"

namespace semroute::plugins {

class HttpHealthChecker {
 public:
  // The upstream has settings().health.
  HttpHealthChecker(boost::asio::io_context& io, std::shared_ptr<HttpUpstream> upstream);
  ~HttpHealthChecker();
  HttpHealthChecker(const HttpHealthChecker&) = delete;
  HttpHealthChecker& operator=(const HttpHealthChecker&) = delete;

 private:
  class Check;

  HttpDeadlines deadlines_;
  std::vector<std::unique_ptr<Check>> checks_;
};

}  // namespace semroute::plugins

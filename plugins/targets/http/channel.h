// open_http_channel: one worker's channel to an http target.
//
// Threads: the worker's. Lifetime: its end cancels its calls.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "plugins/target.h"
#include "plugins/targets/http/upstream.h"

namespace semroute::plugins {

[[nodiscard]] std::unique_ptr<Channel> open_http_channel(boost::asio::io_context& io,
                                                         std::shared_ptr<HttpUpstream> upstream);

}  // namespace semroute::plugins

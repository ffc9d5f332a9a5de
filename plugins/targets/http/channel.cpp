#include "plugins/targets/http/channel.h"

#include <string>
#include <utility>

#include "config/scalar.h"
#include "plugins/refusals.h"
#include "plugins/targets/http/call.h"
#include "plugins/targets/http/pool.h"

namespace semroute::plugins {
namespace {

using core::ErrorCode;

class HttpChannel final : public Channel {
 public:
  HttpChannel(boost::asio::io_context& io, std::shared_ptr<HttpUpstream> upstream)
      : upstream_(std::move(upstream)), pool_(std::make_shared<HttpPool>(io, upstream_)) {
    upstream_->connections()->join(pool_);
  }
  HttpChannel(const HttpChannel&) = delete;
  HttpChannel& operator=(const HttpChannel&) = delete;
  ~HttpChannel() override { pool_->close(); }

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request, std::shared_ptr<ReplySink> sink,
                                 Completion done) override {
    const auto refuse = [&done](ErrorCode code, std::string message) {
      done({core::Error{code, std::move(message)}, false});
      return nullptr;
    };
    if (refuse_late(*request, Clock::now(), done)) return nullptr;
    const auto most = upstream_->settings().max_request_bytes;
    if (most && request->payload.size() > *most) {
      return refuse(ErrorCode::too_large, "the payload has " + std::to_string(request->payload.size()) +
                                              " bytes, the target takes " + config::format_size(*most) +
                                              " (limits.max_request)");
    }
    std::string headers;
    headers.reserve(kUsualHeaderBytes);
    const auto appended = append_request_headers(upstream_->settings().headers, *request, headers);
    if (!appended.ok()) return refuse(appended.error().code, appended.error().message);
    if (!upstream_->take_request()) {
      return refuse(ErrorCode::overloaded, "too many requests are under way to this target (limits.requests)");
    }
    const auto call =
        std::make_shared<HttpCall>(pool_, std::move(request), std::move(headers), std::move(sink), std::move(done));
    pool_->enter(call);
    call->begin();
    return call->is_done() ? nullptr : call;
  }

 private:
  static constexpr std::size_t kUsualHeaderBytes = 512;

  const std::shared_ptr<HttpUpstream> upstream_;
  const std::shared_ptr<HttpPool> pool_;
};

}  // namespace

std::unique_ptr<Channel> open_http_channel(boost::asio::io_context& io, std::shared_ptr<HttpUpstream> upstream) {
  return std::make_unique<HttpChannel>(io, std::move(upstream));
}

}  // namespace semroute::plugins

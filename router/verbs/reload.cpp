#include <boost/asio/post.hpp>

#include "router/verbs/verb.h"

namespace semroute::router {

void handle_reload(Exchange& exchange) {
  const auto session = exchange.session.shared_from_this();
  const RequestId id = exchange.request.id;
  const std::string request_id(exchange.context.request_id(exchange.request));
  const auto token = session->begin_async(id, nullptr);
  auto& io = exchange.context.io;
  exchange.context.control.request_reload([&io, session, id, request_id, token](core::Result<std::uint64_t> revision) {
    boost::asio::post(io, [session, id, request_id, token, revision = std::move(revision)] {
      if (session->open() && revision.ok()) {
        session->reply_members(Op::reload, id, request_id, "\"revision\":" + std::to_string(*revision));
      } else if (session->open()) {
        const core::Error& error = revision.error();
        session->reply(Op::reload, id,
                       ErrorReply{.request_id = request_id,
                                  .code = error.code,
                                  .message = error.message,
                                  .retryable = error.code == core::ErrorCode::unavailable});
      }
      session->finish_async(token);
    });
  });
}

}  // namespace semroute::router

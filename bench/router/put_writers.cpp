#include "bench/router/put_writers.h"

#include "bench/support/program.h"
#include "router/protocol/client_codec.h"
#include "router/tool/change_client.h"
#include "router/tool/json_text.h"

namespace semroute::bench {
namespace {

// 0: refused.
std::uint64_t revision_of(std::string_view frame) {
  const auto reply = router::decode_reply(frame);
  if (!reply.ok() || reply->error) {
    progress("a put is refused: " + (reply.ok() ? reply->error->message : reply.error().message));
    return 0;
  }
  const auto facts = router::tool::parse_json(reply->extras);
  return facts.ok() ? static_cast<std::uint64_t>(router::tool::number_of(*facts, "revision").value_or(0.0)) : 0;
}

std::string put_frame(const ChangingRoutes& routes, std::size_t i, std::size_t content) {
  semroute::config::RouteConfig route;
  route.name = routes.name(routes.staying() + i);
  const auto rows = routes.content_rows(i, content);
  route.references.values.assign(rows.begin(), rows.end());
  router::tool::ChangeBody body;
  body.dimension = routes.shape().dimension;
  body.extras = "{";
  body.append_route(route);
  body.extras += "}";
  std::string frame;
  router::encode_client_frame(body.request(router::Op::routes_put), frame);
  return frame;
}

}  // namespace

PutWriters::PutWriters(std::uint16_t port, const ChangingRoutes& routes)
    : routes_(routes), next_content_(routes.shape().changing) {
  for (std::size_t writer = 0; writer < kCount; ++writer) writers_.emplace_back(port);
  for (std::size_t i = 0; i < routes.shape().changing; ++i)
    for (std::size_t content = 0; content < routes.shape().contents; ++content)
      frames_.push_back(put_frame(routes, i, content));
}

PutWriters::Outcome PutWriters::write(std::size_t writer, const Pace& pace) {
  Outcome outcome;
  outcome.turn = writers_[writer].client.run(
      pace, [&](std::uint32_t id) { return next_frame(writer, id); },
      [&](const PacedReply& reply) { take(writer, reply, outcome); });
  return outcome;
}

std::span<char> PutWriters::next_frame(std::size_t writer, std::uint32_t id) {
  const std::size_t share = routes_.shape().changing / kCount;
  const std::size_t route = writer * share + (id - 1) % share;
  const std::size_t content = next_content_[route];
  next_content_[route] = (content + 1) % routes_.shape().contents;
  writers_[writer].asked.push_back({0, route, content});
  return frames_[route * routes_.shape().contents + content];
}

void PutWriters::take(std::size_t writer, const PacedReply& reply, Outcome& outcome) {
  const std::uint64_t revision = revision_of(reply.frame);
  if (revision == 0) {
    ++outcome.refused;
    return;
  }
  outcome.us.push_back(reply.us_on_way);
  PutDone& done = outcome.done.emplace_back(writers_[writer].asked[reply.id - 1]);
  done.revision = revision;
  for (std::uint64_t known = known_revision_; known < revision;)
    if (known_revision_.compare_exchange_weak(known, revision)) break;
}

}  // namespace semroute::bench

#include <algorithm>

#include "router/protocol/client_codec.h"
#include "router/tool/client.h"
#include "router/tool/evaluation.h"
#include "router/tool/limits.h"
#include "router/tool/wire.h"

namespace semroute::router::tool {
namespace {

using core::Error;
using core::ErrorCode;

EvaluatedRequest evaluated(const Labelled& labelled, std::size_t row, const ClientResult& result) {
  EvaluatedRequest request;
  request.label = labelled.labels[row];
  request.out_of_scope = labelled.out_of_scope[row];
  request.decision = result.decision;
  request.served = result.route;
  if (!result.matches.empty()) {
    request.best = result.matches.front().route;
    request.best_score = result.matches.front().score;
  }
  return request;
}

// Reads one reply, whose id is the first row of its batch, into `requests`. Its rows, or an error.
core::Result<std::size_t> take_reply(Client& client, const Labelled& labelled,
                                     std::vector<EvaluatedRequest>& requests) {
  const auto frame = client.receive_frame();
  if (!frame) return frame.error();
  auto reply = decode_reply(*frame);
  if (!reply) return Error{ErrorCode::internal, "a reply that contradicts itself: " + reply.error().message};
  const std::size_t first = reply->id;
  if (reply->error) {
    return Error{reply->error->code, "rows from " + std::to_string(first) +
                                         " on: " + std::string(core::to_string(reply->error->code)) + ": " +
                                         reply->error->message};
  }
  if (first >= labelled.count() || reply->results.size() != std::min(kEvalBatch, labelled.count() - first)) {
    return Error{ErrorCode::internal, "a reply of " + std::to_string(reply->results.size()) + " results to request " +
                                          std::to_string(first) + ", which was not asked"};
  }
  for (std::size_t i = 0; i < reply->results.size(); ++i) {
    requests[first + i] = evaluated(labelled, first + i, reply->results[i]);
  }
  return reply->results.size();
}

}  // namespace

core::Result<std::vector<EvaluatedRequest>> evaluate_on_server(const std::string& server, const Labelled& labelled,
                                                               const Progress& progress) {
  auto client = Client::connect(server);
  if (!client) return client.error();
  std::vector<EvaluatedRequest> requests(labelled.count());
  std::size_t sent = 0;
  std::size_t done = 0;
  std::size_t in_flight = 0;
  while (done < labelled.count()) {
    std::string frames;
    for (; sent < labelled.count() && in_flight < kEvalPipeline; ++in_flight) {
      const std::size_t count = std::min(kEvalBatch, labelled.count() - sent);
      const std::span<const float> values(labelled.values.data() + sent * labelled.dimension,
                                          count * labelled.dimension);
      std::string frame = encode_request(Wire::binary, Op::match, values, labelled.dimension);
      set_frame_id(frame, static_cast<std::uint32_t>(sent));
      frames += frame;
      sent += count;
    }
    if (!frames.empty()) {
      if (const auto given = client->send(frames); !given) return given.error();
    }
    const auto taken = take_reply(*client, labelled, requests);
    if (!taken) return taken.error();
    --in_flight;
    done += *taken;
    progress(done);
  }
  return requests;
}

}  // namespace semroute::router::tool

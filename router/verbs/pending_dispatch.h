// PendingDispatch: a decided request on its way to its targets, until its reply is written.
//
// Streamed, the reply is handed to the session as it comes: the head, then chunks while the session has room, then the
// end; without room the target is asked to wait, and what it sent already waits here. A reply that comes whole is cut
// up the same way. Once cancelled, by the client or because its connection is lost, what waits is dropped. Threads: the
// worker's. Lifetime: held by the call under way, or by the session while it waits for room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/dispatch/dispatch_chain.h"
#include "router/protocol/reply_chunks.h"
#include "router/verbs/deciding.h"

namespace semroute::router {

class PendingDispatch final : public plugins::ReplySink,
                              public RoomWaiter,
                              public std::enable_shared_from_this<PendingDispatch> {
 public:
  PendingDispatch(Exchange& exchange, StageTimes times, const ChosenTarget& chosen);

  // `mirror` may be null.
  void start(Exchange& exchange, const DispatchTarget* mirror);

  void on_head(int status, std::string_view content_type) override;
  [[nodiscard]] bool on_bytes(std::string_view bytes) override;
  void on_room() override;

 private:
  [[nodiscard]] std::shared_ptr<const plugins::DispatchRequest> make_request(Exchange& exchange) const;
  void cancel();
  void finish(const DispatchResult& result);
  void finish_stream(const DispatchResult& result);
  void note_time();
  void log(const core::Error* error);
  [[nodiscard]] DecisionView make_view() const;
  [[nodiscard]] DecisionReply make_reply(const TargetReplyView& reply) const;
  void send(const DispatchResult& result);
  void send_head(int status, std::string_view content_type);
  // Writes at most `chunks` of them; false when more are left, for which it waits then.
  bool send_chunks(std::size_t chunks);
  void end_when_sent();
  void over();

  VerbContext& context_;
  std::shared_ptr<Session> session_;
  std::shared_ptr<const ServiceState> state_;
  RequestId id_;
  std::string request_id_;
  Decision decision_;
  bool explain_;
  bool stream_;
  StageTimes times_;
  std::vector<RouteScore> candidates_;  // for explain
  std::vector<float> embedding_;
  std::shared_ptr<DispatchChain> chain_;
  std::uint64_t token_ = 0;
  Clock::time_point began_;

  ReplyChunks chunks_;
  bool has_head_ = false;  // it was sent
  bool refused_ = false;   // the head was too large: an error took its place
  bool waits_ = false;     // for room
  bool is_over_ = false;
  std::optional<StreamEnd> end_;  // to be sent after the chunks
};

}  // namespace semroute::router

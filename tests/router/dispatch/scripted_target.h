// ScriptedTarget: a target that does what a test says, call by call.
//
// Threads: where its calls are dispatched. Lifetime: what it gave away lives as long as somebody holds it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/target.h"

namespace semroute::router::test {

class ScriptedCall final : public plugins::Call {
 public:
  ScriptedCall(std::shared_ptr<const plugins::DispatchRequest> asked, std::shared_ptr<plugins::ReplySink> to,
               plugins::Completion completion)
      : request(std::move(asked)), sink(std::move(to)), done_(std::move(completion)) {}

  void complete(plugins::DispatchOutcome outcome) {
    if (done_ == nullptr) return;
    sink.reset();
    const plugins::Completion done = std::exchange(done_, nullptr);
    done(std::move(outcome));
  }
  void answer(const std::string& body, int status = 200) {
    complete({plugins::DispatchReply{status, "text/plain", body}, true});
  }
  void fail(core::ErrorCode code, bool sent = false) { complete({core::Error{code, "scripted"}, sent}); }
  void cancel() override {
    was_cancelled = true;
    fail(core::ErrorCode::cancelled, true);
  }
  void resume() override {
    ++resumes;
    if (on_resume) on_resume();
  }
  [[nodiscard]] bool is_over() const { return done_ == nullptr; }

  std::shared_ptr<const plugins::DispatchRequest> request;
  std::shared_ptr<plugins::ReplySink> sink;
  bool was_cancelled = false;
  int resumes = 0;
  std::function<void()> on_resume;

 private:
  plugins::Completion done_;
};

class ScriptedTarget final : public plugins::Target {
 public:
  // Runs inside dispatch(); left out: the call waits for the test.
  using Script = std::function<void(const std::shared_ptr<ScriptedCall>&)>;

  explicit ScriptedTarget(std::string name, Script script = nullptr, bool idempotent = false)
      : name_(std::move(name)), script_(std::move(script)), idempotent_(idempotent) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept override { return "scripted"; }
  [[nodiscard]] bool is_idempotent() const noexcept override { return idempotent_; }
  [[nodiscard]] std::unique_ptr<plugins::Channel> open(boost::asio::io_context& /*io*/) override {
    return std::make_unique<Channel>(*this);
  }
  [[nodiscard]] plugins::TargetStats stats() const override { return shown; }

  std::vector<std::shared_ptr<ScriptedCall>> calls;
  plugins::TargetStats shown;

 private:
  class Channel final : public plugins::Channel {
   public:
    explicit Channel(ScriptedTarget& target) : target_(target) {}
    std::shared_ptr<plugins::Call> dispatch(std::shared_ptr<const plugins::DispatchRequest> request,
                                            std::shared_ptr<plugins::ReplySink> sink,
                                            plugins::Completion done) override {
      auto call = std::make_shared<ScriptedCall>(std::move(request), std::move(sink), std::move(done));
      target_.calls.push_back(call);
      if (target_.script_) target_.script_(call);
      return call->is_over() ? nullptr : call;
    }

   private:
    ScriptedTarget& target_;
  };

  std::string name_;
  Script script_;
  bool idempotent_;
};

// A script that fails every call.
inline ScriptedTarget::Script failing(core::ErrorCode code, bool sent = false) {
  return [code, sent](const std::shared_ptr<ScriptedCall>& call) { call->fail(code, sent); };
}
inline ScriptedTarget::Script answering(std::string body) {
  return [body = std::move(body)](const std::shared_ptr<ScriptedCall>& call) { call->answer(body); };
}

}  // namespace semroute::router::test

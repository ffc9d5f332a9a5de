// The kind `static`: answers every request with one fixed JSON reply, at once.
// For trying things out, for canned answers, and as the last of `fallback_targets`.
#include <utility>

#include "config/json_text.h"
#include "plugins/targets/kinds.h"

namespace semroute::plugins {
namespace {

class StaticChannel final : public Channel {
 public:
  explicit StaticChannel(const DispatchReply& reply) : reply_(reply) {}

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request, std::shared_ptr<ReplySink> /*sink*/,
                                 Completion done) override {
    if (!refuse_late(*request, Clock::now(), done)) done({reply_, true});
    return nullptr;
  }

 private:
  const DispatchReply& reply_;
};

class StaticTarget final : public Target {
 public:
  StaticTarget(std::string name, DispatchReply reply) : name_(std::move(name)), reply_(std::move(reply)) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept override { return "static"; }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& /*io*/) override {
    return std::make_unique<StaticChannel>(reply_);
  }

 private:
  std::string name_;
  DispatchReply reply_;
};

std::shared_ptr<Target> make(const config::TargetConfig& target, const std::string& path,
                             config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  TargetReader reader(target, path, diagnostics, catalogue);

  std::string body;
  const config::Value* reply = reader.raw("reply", "any value", {}, "required");
  if (reply == nullptr) {
    reader.error("reply", "expected a value, sent as JSON; found nothing");
  } else if (!is_finite(*reply)) {
    reader.error("reply", "has a number that is not finite, which JSON cannot carry");
  } else {
    append_json_value(*reply, body);
  }
  const std::int64_t status = reader.integer("status", 200, 200, 599);
  reader.finish();
  if (!reader.is_good()) return nullptr;
  return std::make_shared<StaticTarget>(target.name,
                                        DispatchReply{static_cast<int>(status), "application/json", std::move(body)});
}

}  // namespace

Kind static_kind() noexcept { return {"static", "a fixed reply", make}; }

}  // namespace semroute::plugins

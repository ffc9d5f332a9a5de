#include "plugins/unmade_target.h"

#include <utility>

namespace semroute::plugins {
namespace {

class UnmadeChannel final : public Channel {
 public:
  explicit UnmadeChannel(const std::string& why) : why_(why) {}

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> /*request*/,
                                 std::shared_ptr<ReplySink> /*sink*/, Completion done) override {
    done({core::Error{core::ErrorCode::upstream_unavailable, "the target could not be made: " + why_}, false});
    return nullptr;
  }

 private:
  const std::string& why_;
};

class UnmadeTarget final : public Target {
 public:
  UnmadeTarget(std::string name, std::string_view kind, std::string why)
      : name_(std::move(name)), kind_(kind), why_(std::move(why)) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept override { return kind_; }
  [[nodiscard]] bool is_current() const override { return false; }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& /*io*/) override {
    return std::make_unique<UnmadeChannel>(why_);
  }
  [[nodiscard]] TargetStats stats() const override { return {.state = "unavailable"}; }

 private:
  const std::string name_;
  const std::string_view kind_;
  const std::string why_;
};

}  // namespace

std::shared_ptr<Target> unmade_target(std::string name, std::string_view kind, std::string why) {
  return std::make_shared<UnmadeTarget>(std::move(name), kind, std::move(why));
}

}  // namespace semroute::plugins

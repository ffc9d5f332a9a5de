// The kind `dynamic`: requests go to a plugin, a shared object that implements plugins/abi/semroute_plugin.h.
// Reads the kind's keys; the work is done by PluginLibrary and PluginInstance.
#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "config/json_text.h"
#include "config/sections.h"
#include "plugins/log.h"
#include "plugins/remote_call.h"
#include "plugins/targets/dynamic/instance.h"
#include "plugins/targets/dynamic/library.h"
#include "plugins/targets/kinds.h"

namespace semroute::plugins {
namespace {

class DynamicChannel final : public Channel {
 public:
  DynamicChannel(boost::asio::io_context& io, std::shared_ptr<PluginInstance> instance)
      : instance_(std::move(instance)),
        calls_(io,
               [to = instance_](const std::shared_ptr<RemoteJob>& job, bool had_begun) { to->drop(job, had_begun); }) {}

  std::shared_ptr<Call> dispatch(std::shared_ptr<const DispatchRequest> request, std::shared_ptr<ReplySink> /*sink*/,
                                 Completion done) override {
    const auto now = Clock::now();
    if (refuse_late(*request, now, done)) return nullptr;
    const auto deadline = std::min(request->deadline, now + instance_->settings().timeout);
    auto [call, job] = calls_.begin(std::move(request), deadline, std::move(done));
    if (!instance_->take(job)) (void)job->finish(too_many_wait());
    return std::move(call);
  }

 private:
  std::shared_ptr<PluginInstance> instance_;
  RemoteCalls calls_;
};

// Part of the control thread's loop until the plugin's threads have left. Goes with the loop at the latest, and gives
// them a little time then.
struct Keeper {
  Keeper(boost::asio::io_context& io, std::shared_ptr<PluginInstance> kept)
      : door(std::make_shared<LoopDoor>(io)), instance(std::move(kept)), timer(io, Clock::time_point::max()) {}
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    door->close();
    instance->stop();
    if (instance->wait_until_left(kPluginGrace)) return;
    log(LogLevel::warning, "target " + instance->target() + ": its plugin is left behind: it has not come to an end");
  }

  std::shared_ptr<LoopDoor> door;
  std::shared_ptr<PluginInstance> instance;
  boost::asio::steady_timer timer;
};

class DynamicTarget final : public Target {
 public:
  DynamicTarget(const std::string& name, PluginSettings settings)
      : instance_(std::make_shared<PluginInstance>(name, std::move(settings))) {}

  [[nodiscard]] const std::string& name() const noexcept override { return instance_->target(); }
  [[nodiscard]] std::string_view kind() const noexcept override { return "dynamic"; }
  [[nodiscard]] std::unique_ptr<Channel> open(boost::asio::io_context& io) override {
    return std::make_unique<DynamicChannel>(io, instance_);
  }
  [[nodiscard]] bool is_current() const override {
    return is_plugin_of(instance_->settings().path, instance_->settings().table);
  }
  void start(boost::asio::io_context& io) override {
    const auto keeper = std::make_shared<Keeper>(io, instance_);
    keeper->timer.async_wait([keeper](const boost::system::error_code&) {});
    instance_->start([door = keeper->door, weak = std::weak_ptr(keeper)] {
      (void)door->post([weak] {
        if (const auto there = weak.lock()) there->timer.cancel();
      });
    });
  }
  void stop() override { instance_->stop(); }
  [[nodiscard]] TargetStats stats() const override { return instance_->stats(); }

 private:
  std::shared_ptr<PluginInstance> instance_;
};

void read_config(config::MapReader& reader, PluginSettings& settings) {
  const config::Value* given = reader.raw("config", "any value");
  if (given == nullptr) {
    settings.config = "null";
  } else if (!is_finite(*given)) {
    reader.error("config", "has a number that is not finite, which JSON cannot carry");
  } else {
    config::append_json_value(*given, settings.config);
  }
}

// Loads the file, and asks the plugin what it thinks of its configuration.
void load(config::MapReader& reader, PluginSettings& settings) {
  const core::Result<const semroute_plugin*> loaded = load_plugin(settings.path);
  if (!loaded.ok()) {
    reader.error("file", settings.file + ": " + loaded.error().message);
    return;
  }
  settings.table = *loaded;
  if (settings.table->check == nullptr) return;
  std::array<char, kPluginProblemBytes> said{};
  bool is_good = false;
  try {
    is_good = settings.table->check({settings.config.data(), settings.config.size()}, said.data(), said.size()) != 0;
  } catch (...) {
    is_good = false;
  }
  said.back() = '\0';
  if (!is_good) {
    reader.error("config", "refused by the plugin " + std::string(settings.table->name) + ": " + said.data());
  }
}

std::shared_ptr<Target> make(const config::TargetConfig& target, const std::string& path,
                             config::Diagnostics& diagnostics, config::KeyCatalogue* catalogue) {
  TargetReader reader(target, path, diagnostics, catalogue);
  PluginSettings settings;
  settings.file = reader.required_string("file");
  read_config(reader, settings);
  settings.threads =
      static_cast<std::size_t>(reader.integer("threads", 4, 1, static_cast<std::int64_t>(kPluginMaxThreads)));
  settings.timeout = reader.time("timeout", settings.timeout);
  config::MapReader limits = reader.part("limits");
  settings.pending = TargetReader::pending(limits, settings.pending);
  settings.max_reply_bytes = TargetReader::max_reply(limits, settings.max_reply_bytes);
  limits.finish();
  if (reader.is_good()) {
    settings.path = config::beside(target.file, settings.file);
    load(reader, settings);
  }
  reader.finish();
  if (!reader.is_good()) return nullptr;
  return std::make_shared<DynamicTarget>(target.name, std::move(settings));
}

}  // namespace

Kind dynamic_kind() noexcept { return {"dynamic", "a plugin, loaded from a shared object", make}; }

}  // namespace semroute::plugins

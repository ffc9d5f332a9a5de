#include "plugins/targets/dynamic/host.h"

#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "config/scalar.h"
#include "plugins/content_type.h"
#include "plugins/targets/dynamic/instance.h"

namespace semroute::plugins {
namespace {

using core::Error;
using core::ErrorCode;

std::string_view text_of(semroute_bytes bytes) noexcept {
  return bytes.data == nullptr ? std::string_view() : std::string_view(bytes.data, bytes.size);
}

struct Hosts {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, std::weak_ptr<PluginInstance>> instances;
  // What a plugin holds, to the number of its instance.
  std::unordered_map<const semroute_host*, std::uint64_t> numbers;
};

// Never destroyed: a plugin's thread may call while the process ends.
Hosts& hosts() {
  static auto* const kHosts = new Hosts;
  return *kHosts;
}

std::shared_ptr<PluginInstance> instance_of(std::uint64_t number) {
  const std::lock_guard lock(hosts().mutex);
  const auto found = hosts().instances.find(number);
  return found == hosts().instances.end() ? nullptr : found->second.lock();
}

core::Result<DispatchReply> reply_of(const semroute_reply* reply, std::size_t max_bytes) {
  const auto refuse = [](const std::string& what) {
    return Error{ErrorCode::upstream_error, "the target's plugin gave a reply that is none: " + what};
  };
  if (reply == nullptr || reply->struct_bytes < sizeof(semroute_reply))
    return refuse("its size is not that of a reply");
  if (reply->status < 100 || reply->status > 599) return refuse("its status is not 100..599");
  const std::string_view type = text_of(reply->content_type);
  if (!is_content_type(type)) return refuse("its content_type cannot be one");
  const std::string_view body = text_of(reply->body);
  if (body.size() > max_bytes) {
    return Error{ErrorCode::upstream_error,
                 "the target's reply has more than limits.max_reply, " + config::format_size(max_bytes)};
  }
  return DispatchReply{reply->status, std::string(type), std::string(body)};
}

extern "C" {

int host_complete(semroute_call call, const semroute_reply* reply) {
  const auto instance = instance_of(call >> kPluginCallBits);
  if (instance == nullptr) return 0;
  return instance->complete(call, reply_of(reply, instance->settings().max_reply_bytes)) ? 1 : 0;
}

int host_fail(semroute_call call, semroute_bytes message) {
  const auto instance = instance_of(call >> kPluginCallBits);
  if (instance == nullptr) return 0;
  const Error error{ErrorCode::upstream_error, "the target's plugin says: " + std::string(text_of(message))};
  return instance->complete(call, error) ? 1 : 0;
}

int host_is_wanted(semroute_call call) {
  const auto instance = instance_of(call >> kPluginCallBits);
  return instance != nullptr && instance->is_wanted(call) ? 1 : 0;
}

void host_log(const semroute_host* host, semroute_log_level level, semroute_bytes message) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(hosts().mutex);
    const auto found = hosts().numbers.find(host);
    if (found == hosts().numbers.end()) return;
    number = found->second;
  }
  if (const auto instance = instance_of(number)) instance->log_line(level, text_of(message));
}

}  // extern "C"

}  // namespace

const semroute_host* make_plugin_host(std::uint64_t number, std::weak_ptr<PluginInstance> instance) {
  const auto* host = new semroute_host{
      SEMROUTE_PLUGIN_ABI_VERSION, sizeof(semroute_host), host_complete, host_fail, host_is_wanted, host_log};
  const std::lock_guard lock(hosts().mutex);
  hosts().instances.insert_or_assign(number, std::move(instance));
  hosts().numbers.emplace(host, number);
  return host;
}

void forget_plugin_host(std::uint64_t number) {
  const std::lock_guard lock(hosts().mutex);
  hosts().instances.erase(number);
}

}  // namespace semroute::plugins

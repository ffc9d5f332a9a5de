#include <chrono>
#include <filesystem>

#include "core/store/store_check.h"
#include "router/protocol/json_codec.h"
#include "router/tool/command.h"
#include "router/tool/limits.h"

namespace semroute::router::tool {
namespace {

// A folder that is not there is a file that cannot be read; a full disk is no server that is overloaded.
Exit exit_of_store(const core::Error& error, const std::string& folder) {
  if (error.code == core::ErrorCode::not_found || error.code == core::ErrorCode::resource_exhausted) return Exit::io;
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) return Exit::io;
  return exit_for(error.code);
}

// After kProgressAfter, one line that is written over, where a person watches.
core::StoreProgress progress_line(const Context& context, const std::string& folder) {
  if (!context.progress) return nullptr;
  return [&context, folder, begin = std::chrono::steady_clock::now()](std::uint64_t done, std::uint64_t all) {
    if (std::chrono::steady_clock::now() - begin < kProgressAfter) return;
    context.err << "\r" << folder << ": " << done / 1'000'000 << " of " << all / 1'000'000 << " MB"
                << (done == all ? "\n" : "") << std::flush;
  };
}

void append_list(std::string_view name, const std::vector<std::string>& values, std::string& out) {
  out.append(",\"").append(name).append("\":[");
  for (const std::string& value : values) {
    if (out.back() != '[') out += ',';
    append_json_string(value, out);
  }
  out += ']';
}

void append_optional(std::string_view name, const std::optional<std::string>& value, std::string& out) {
  out.append(",\"").append(name).append("\":");
  if (value) {
    append_json_string(*value, out);
  } else {
    out += "null";
  }
}

// What a start loads and does, as fields.
void append_recovery(const core::RecoveryReport& report, std::string& out) {
  out += R"(,"keys":)" + std::to_string(report.key_count) + R"(,"records":)" + std::to_string(report.record_count) +
         R"(,"last_sequence":)" + std::to_string(report.last_sequence) + R"(,"snapshot":)";
  append_json_string(report.snapshot, out);
  out += R"(,"snapshot_bytes":)" + std::to_string(report.snapshot_bytes) + R"(,"log_segments":)" +
         std::to_string(report.log_segments) + R"(,"log_bytes":)" + std::to_string(report.log_bytes);
  append_list("damaged_snapshots", report.damaged_snapshots, out);
  out += R"(,"torn_tail":)";
  if (!report.torn_tail) {
    out += "null";
    return;
  }
  out += R"({"file":)";
  append_json_string(report.torn_tail->file, out);
  out += R"(,"offset":)" + std::to_string(report.torn_tail->offset) + R"(,"bytes":)" +
         std::to_string(report.torn_tail->bytes) + R"(,"kept_as":)";
  append_json_string(report.torn_tail->kept_as, out);
  out += '}';
}

std::string begin_json(const std::string& folder, bool ok) {
  std::string out = R"({"folder":)";
  append_json_string(folder, out);
  return out + R"(,"ok":)" + (ok ? "true" : "false");
}

class StoreCheck final : public Command {
 public:
  void declare(Options& options) override {
    options.positional("DIR", folder_, "the data_dir; no daemon may be using it");
  }

  Exit run(const Context& context) override {
    const auto check = core::check_store(folder_, core::real_system_calls(), progress_line(context, folder_));
    if (!check)
      return context.fail(
          check.error().code == core::ErrorCode::cannot_create ? Exit::io : exit_of_store(check.error(), folder_),
          check.error().message);
    const Exit exit = check->ok() ? Exit::ok : Exit::data;
    if (context.json) {
      std::string out = begin_json(folder_, check->ok());
      append_optional("damage", check->damage, out);
      out += std::string(R"(,"repairable":)") + (check->is_repairable ? "true" : "false");
      append_optional("older_start", check->older_start, out);
      append_recovery(check->recovery, out);
      append_list("kept", check->kept, out);
      context.out << out << "}\n";
      return exit;
    }
    if (!check->identity.metric.empty()) {
      context.out << "dimension " << check->identity.dimension << ", metric " << check->identity.metric << "\n";
    }
    for (const std::string& line : check->recovery.lines()) context.out << line << "\n";
    for (const std::string& name : check->kept) context.out << "kept from before: " << name << "\n";
    if (check->damage) {
      context.out << "damage: " << *check->damage << "\nA start refuses this. ";
      if (check->is_repairable) {
        context.out << "\"semroute store repair " << folder_ << "\" cuts the log there and keeps what it cuts.\n";
      } else {
        context.out << "Nothing before it can be read, so that repair refuses it, too: what is left is a copy of the "
                       "folder.\n";
      }
    }
    if (check->older_start) {
      context.out << "damage that no start meets yet: " << *check->older_start
                  << "\nThe newest snapshot and its log are whole; it is gone after two more snapshots.\n";
    }
    context.out << folder_ << ": " << (check->ok() ? "ok" : "damaged") << "\n";
    return exit;
  }

 private:
  std::string folder_;
};

class StoreRepair final : public Command {
 public:
  void declare(Options& options) override {
    options.positional("DIR", folder_, "the data_dir; no daemon may be using it");
  }

  Exit run(const Context& context) override {
    const auto repair = core::repair_store(folder_, core::real_system_calls(), progress_line(context, folder_));
    if (!repair) return context.fail(exit_of_store(repair.error(), folder_), repair.error().message);
    if (context.json) {
      std::string out = begin_json(folder_, true);
      append_list("lost", repair->lost, out);
      append_list("kept", repair->kept, out);
      append_list("removed", repair->recovery.removed, out);
      append_recovery(repair->recovery, out);
      context.out << out << "}\n";
      return Exit::ok;
    }
    for (const std::string& lost : repair->lost) context.out << "lost: " << lost << "\n";
    for (const std::string& kept : repair->kept) context.out << "kept: " << kept << "\n";
    for (const std::string& line : repair->recovery.lines()) context.out << line << "\n";
    context.out << folder_ << ": " << (repair->lost.empty() ? "nothing was lost" : "repaired") << "\n";
    return Exit::ok;
  }

 private:
  std::string folder_;
};

}  // namespace

std::unique_ptr<Command> make_store_check() { return std::make_unique<StoreCheck>(); }
std::unique_ptr<Command> make_store_repair() { return std::make_unique<StoreRepair>(); }

}  // namespace semroute::router::tool

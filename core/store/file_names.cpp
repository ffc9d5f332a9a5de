#include "core/store/file_names.h"

#include <algorithm>
#include <charconv>

namespace semroute::core {
namespace {

constexpr std::string_view kLogPrefix = "log_";
constexpr std::string_view kSnapshotPrefix = "snapshot_";
constexpr std::size_t kDigits = 8;  // at least

std::string numbered(std::string_view prefix, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string name(prefix);
  if (digits.size() < kDigits) name.append(kDigits - digits.size(), '0');
  return name + digits;
}

std::optional<std::uint64_t> number_of(std::string_view prefix, std::string_view name) noexcept {
  if (!name.starts_with(prefix) || name.size() > prefix.size() + 19) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc{} || end != digits.data() + digits.size() || number == 0) return std::nullopt;
  if (digits.size() < kDigits || (digits.size() > kDigits && digits.front() == '0')) return std::nullopt;
  return number;
}

}  // namespace

std::string log_name(std::uint64_t number) { return numbered(kLogPrefix, number); }
std::string snapshot_name(std::uint64_t number) { return numbered(kSnapshotPrefix, number); }

std::optional<std::uint64_t> log_number(std::string_view name) noexcept { return number_of(kLogPrefix, name); }
std::optional<std::uint64_t> snapshot_number(std::string_view name) noexcept {
  return number_of(kSnapshotPrefix, name);
}

StoreFiles sort_files(const std::vector<std::string>& names) {
  StoreFiles files;
  for (const std::string& name : names) {
    if (const auto log = log_number(name)) files.logs.push_back(*log);
    if (const auto snapshot = snapshot_number(name)) files.snapshots.push_back(*snapshot);
    if (name.starts_with(kKeptPrefix)) files.kept.push_back(name);
    if (!name.ends_with(kNewEnding)) continue;
    const std::string_view made = std::string_view(name).substr(0, name.size() - kNewEnding.size());
    if (log_number(made) || snapshot_number(made)) files.leftovers.push_back(name);
  }
  std::ranges::sort(files.logs);
  std::ranges::sort(files.snapshots);
  return files;
}

std::string kept_name(std::string_view name, const std::vector<std::string>& taken) {
  for (std::uint64_t count = 1;; ++count) {
    std::string kept = std::string(kKeptPrefix) + std::string(name) + '_' + std::to_string(count);
    if (std::ranges::find(taken, kept) == taken.end()) return kept;
  }
}

}  // namespace semroute::core

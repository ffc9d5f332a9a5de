#include "tests/integration/route_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>

#include <boost/json.hpp>

#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

namespace json = boost::json;

constexpr std::size_t kInFlight = 6;

RouteModel of_prefix(const RouteModel& routes, const std::string& prefix) {
  RouteModel some;
  for (const auto& [name, route] : routes)
    if (name.starts_with(prefix)) some.emplace(name, route);
  return some;
}

}  // namespace

bool RouteWriter::run(std::uint16_t port, std::size_t most, const std::atomic<bool>* disk_gone) {
  std::optional<RawClient> client;
  try {
    client.emplace(port);
  } catch (const std::runtime_error&) {
    return false;  // it has ended already
  }
  stopped_ = false;
  unanswered_ = 0;
  std::size_t sent = 0;
  bool connected = true;
  for (;;) {
    while (connected && !stopped_ && unanswered_ < kInFlight && sent < most) {
      pending_.push_back(random_request(newest(), prefix_, ++last_number_, random_));
      connected = client->try_send(pending_.back().line);
      ++unanswered_;
      ++sent;
    }
    if (unanswered_ == 0) return connected;
    const auto line = client->read_line();
    if (!line) return false;
    take_reply(*line, disk_gone);
  }
}

void RouteWriter::take_reply(const std::string& line, const std::atomic<bool>* disk_gone) {
  const bool is_late = disk_gone != nullptr && *disk_gone;
  --unanswered_;
  const json::object reply = json::parse(line).as_object();
  const auto number = reply.at("id").to_number<std::uint64_t>();
  const auto request = std::ranges::find(pending_, number, &ModelRequest::number);
  if (request == pending_.end()) {
    ADD_FAILURE() << "a reply to what was not asked or is answered: " << line;
    return;
  }
  if (reply.at("ok").as_bool()) {
    EXPECT_EQ(request->refused_with, "") << request->line << line;
    if (is_late) {
      late_number_ = number;
      return;
    }
    const auto revision = reply.at("revision").to_number<std::uint64_t>();
    EXPECT_GT(revision, seen_revision_) << "revisions rise";
    seen_revision_ = revision;
    versions_[number] = revision;
    ++counts_.acknowledged;
    counts_.batches += request->line.find("routes.batch") == std::string::npos ? 0 : 1;
    model_ = std::move(request->after);
    pending_.erase(pending_.begin(), request + 1);
    return;
  }
  const json::object& error = reply.at("error").as_object();
  const std::string code = json::value_to<std::string>(error.at("code"));
  if (is_late && code == "unavailable") {
    stopped_ = true;
    if (!error.contains("outcome")) pending_.erase(request);  // refused: it must not be there
    return;
  }
  // Once the disk has failed, those that depend on a failed change are refused for that.
  EXPECT_TRUE(code == request->refused_with || stopped_) << request->line << line;
  pending_.erase(request);
}

void RouteWriter::check(const ServedTable& table) {
  const RouteModel served = of_prefix(table.routes, prefix_);
  std::size_t kept = 0;
  const RouteModel* found = served == model_ ? &model_ : nullptr;
  for (std::size_t i = 0; i < pending_.size() && found == nullptr; ++i) {
    if (served == pending_[i].after) {
      found = &pending_[i].after;
      kept = i + 1;
    }
  }
  if (found == nullptr) return tell_difference(served);
  counts_.unanswered_kept += kept;
  counts_.unanswered_gone += pending_.size() - kept;
  model_ = served;
  pending_.clear();
  check_versions(table);
}

void RouteWriter::check_before_restart(const ServedTable& table) const {
  const auto late = std::ranges::find(pending_, late_number_, &ModelRequest::number);
  const RouteModel& expected = late == pending_.end() ? model_ : late->after;
  EXPECT_TRUE(of_prefix(table.routes, prefix_) == expected) << "served is something else than what was acknowledged";
}

void RouteWriter::tell_difference(const RouteModel& served) {
  bool is_lost = false;
  std::string differences;
  for (const auto& one : model_) {
    const std::string& name = one.first;
    const ModelRoute& route = one.second;
    const auto other = served.find(name);
    if (other != served.end() && other->second == route) continue;
    differences += ' ' + name + " of change " + std::to_string(route.change) +
                   (other == served.end() ? " is not there" : " is of " + std::to_string(other->second.change));
    const bool may_have_changed = std::ranges::any_of(pending_, [&](const ModelRequest& request) {
      const auto after = request.after.find(name);
      return after == request.after.end() || after->second != route;
    });
    is_lost = is_lost || !may_have_changed || (other != served.end() && other->second.change < route.change);
  }
  for (const auto& [name, route] : served)
    if (!model_.contains(name)) differences += ' ' + name + " is there, of change " + std::to_string(route.change);
  ++(is_lost ? counts_.lost : counts_.half_applied);
  ADD_FAILURE() << (is_lost ? "acknowledged and lost:" : "half applied:") << differences << "; acknowledged up to "
                << (versions_.empty() ? 0 : versions_.rbegin()->first) << ", sent up to " << last_number_;
}

// Those that were acknowledged are as they were told; the others are above all of them, and rise with the changes.
void RouteWriter::check_versions(const ServedTable& table) {
  EXPECT_GE(table.revision, seen_revision_) << "the revision goes back";
  const std::uint64_t told = seen_revision_;
  for (const auto& [name, version] : table.versions) {
    if (!name.starts_with(prefix_)) continue;
    const std::uint64_t change = table.routes.at(name).change;
    const auto [known, is_new] = versions_.try_emplace(change, version);
    EXPECT_EQ(known->second, version) << name << " of change " << change;
    if (is_new) {
      EXPECT_GT(version, told) << name << " of change " << change;
    }
    EXPECT_LE(version, table.revision) << name;
  }
  EXPECT_EQ(std::ranges::adjacent_find(versions_, std::greater_equal<>{}, [](const auto& one) { return one.second; }),
            versions_.end())
      << "versions do not rise with the changes";
  seen_revision_ = table.revision;
  // Only those that a route still has are asked for again.
  std::erase_if(versions_, [&](const auto& one) {
    return std::ranges::none_of(model_, [&](const auto& route) { return route.second.change == one.first; });
  });
}

}  // namespace semroute::test

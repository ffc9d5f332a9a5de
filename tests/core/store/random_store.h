// RandomStore: random batches against a store and the plain model, and what may be there after something went wrong.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/store/stores.h"

namespace semroute::core::test {

inline std::string random_record(std::mt19937& random) {
  std::string record(random() % 8 == 0 ? random() % 3'000 : random() % 40, '\0');
  for (char& byte : record) byte = static_cast<char>(random());
  return record;
}

// Valid changes to what `model` holds.
inline Changes random_batch(Model model, std::mt19937& random) {
  Changes batch;
  const std::size_t count = random() % 4;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string key = "key" + std::to_string(random() % 6);
    Change change = random() % 4 == 0 ? erase(key) : set(key, random_record(random));
    if (model.contains(key) && random() % 3 == 0) change = append(key, random_record(random));
    batch.push_back(change);
    apply_to_model({change}, model);
  }
  return batch;
}

// What was acknowledged, and what else may be there: groups whose outcome is unknown, batch by batch.
class Expected {
 public:
  [[nodiscard]] const Model& model() const noexcept { return models_.back(); }

  void committed(const std::vector<Changes>& group) {
    for (const Changes& batch : group) {
      models_.push_back(models_.back());
      apply_to_model(batch, models_.back());
    }
    least_ = models_.size() - 1;
  }
  void unknown(const std::vector<Changes>& group) {
    for (const Changes& batch : group) {
      models_.push_back(models_.back());
      apply_to_model(batch, models_.back());
    }
  }
  // Nothing is promised of what is not synced: anything from the last `synced` on may be there.
  void lower_to(std::size_t committed_batches) { least_ = std::min(least_, committed_batches); }
  [[nodiscard]] std::size_t batches() const noexcept { return models_.size() - 1; }

  // The store has one of the states that may be; it is the one from now on.
  void check(const Store& store, const std::string& about) {
    const std::uint64_t last = store.last_sequence();
    ASSERT_GE(last, least_) << about << "acknowledged and lost";
    ASSERT_LT(last, models_.size()) << about << "never committed";
    ASSERT_EQ(contents(store), models_[static_cast<std::size_t>(last)]) << about << "half applied";
    models_.resize(static_cast<std::size_t>(last) + 1);
    least_ = models_.size() - 1;
  }

 private:
  std::vector<Model> models_ = std::vector<Model>(1);  // after so many batches, whose sequence numbers count from 1
  std::size_t least_ = 0;
};

inline std::vector<Changes> random_group(const Model& model, std::mt19937& random) {
  std::vector<Changes> group;
  Model now = model;
  const std::size_t count = 1 + random() % 3;
  for (std::size_t i = 0; i < count; ++i) {
    group.push_back(random_batch(now, random));
    apply_to_model(group.back(), now);
  }
  return group;
}

// Commits a random group and notes what may be there from then on.
inline CommitOutcome::State commit_random(Store& store, Expected& expected, std::mt19937& random) {
  const auto group = random_group(expected.model(), random);
  const auto outcome = commit_group(store, group);
  if (outcome.ok()) expected.committed(group);
  if (outcome.state == CommitOutcome::State::unknown) expected.unknown(group);
  return outcome.state;
}

}  // namespace semroute::core::test

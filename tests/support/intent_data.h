// Real utterances with embeddings of 384 dimensions (CLINC150, Banking77), where SEMROUTE_TEST_DATA or ../shared/data
// has them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "config/vector_file.h"
#include "tests/support/places.h"
#include "tests/support/synthetic_set.h"

namespace semroute::test {

inline constexpr std::size_t kIntentDimension = 384;

inline std::string intent_folder(const std::string& set) { return test_data_folder() + "/" + set; }

// Why there is nothing to test with; empty when there is.
inline std::string missing_intents(const std::string& set) {
  const std::string folder = intent_folder(set);
  if (std::filesystem::exists(folder)) return "";
  return "no data in " + folder + "; set SEMROUTE_TEST_DATA to the folder that holds " + set;
}

// Appends the rows of a split such as "train".
inline void append_intents(LabelledVectors& rows, const std::string& set, const std::string& split) {
  const std::string path = intent_folder(set) + "/" + split;
  auto vectors = config::read_vectors(path + ".d384.f16.npy", kIntentDimension, core::Metric::cosine);
  ASSERT_TRUE(vectors.ok()) << vectors.error().message;
  auto labels = config::read_labels(path + ".jsonl");
  ASSERT_TRUE(labels.ok()) << labels.error().message;
  ASSERT_EQ(labels->labels.size(), vectors->count);
  rows.values.insert(rows.values.end(), vectors->values.begin(), vectors->values.end());
  rows.labels.insert(rows.labels.end(), labels->labels.begin(), labels->labels.end());
}

}  // namespace semroute::test

// Faults 36 and 39-42 as far as files bring them: every way in which a vector or labels file is wrong.
#include "config/vector_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "config/npy.h"
#include "core/base/limits.h"
#include "tests/config/scratch.h"

namespace semroute::config {
namespace {

using core::ErrorCode;
using core::Metric;

class VectorFile : public testing::Test {
 protected:
  std::vector<std::string> problems(const std::string& name, std::string_view bytes, std::size_t dimension = 2,
                                    Metric metric = Metric::cosine) {
    std::vector<core::Error> found;
    const auto rows = read_vectors(scratch_.write(name, bytes), dimension, metric, found);
    EXPECT_EQ(rows.has_value(), found.empty());
    std::vector<std::string> texts;
    for (const core::Error& error : found) texts.push_back(scratch_.without_folder(error.message));
    return texts;
  }
  std::string problem(const std::string& name, std::string_view bytes, std::size_t dimension = 2,
                      Metric metric = Metric::cosine) {
    const auto found = problems(name, bytes, dimension, metric);
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? "" : found.front();
  }
  std::string label_problem(std::string_view bytes) {
    const auto rows = read_labels(scratch_.write("l.txt", bytes));
    return rows.ok() ? "" : scratch_.without_folder(rows.error().message);
  }

  test::Scratch scratch_;
};

TEST_F(VectorFile, ReadsFloat32OfBothVersions) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  for (const char version : {'\1', '\2'}) {
    const auto path =
        scratch_.write("a.npy", test::npy_bytes(test::npy_dict("<f4", "(3, 2)"), test::bytes_of(values), version));
    const auto rows = read_vectors(path, 0, Metric::cosine);
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    EXPECT_EQ(rows->count, 3U);
    EXPECT_EQ(rows->dimension, 2U);
    EXPECT_EQ(rows->values, values);
    EXPECT_TRUE(rows->labels.empty());
  }
}

TEST_F(VectorFile, WidensFloat16Exactly) {
  // Smallest and largest subnormal, smallest normal, one, the value after it, largest, negative zero.
  const std::vector<std::uint16_t> halves{0x0001, 0x03FF, 0x0400, 0x3C00, 0x3C01, 0x7BFF, 0x8000, 0xC000};
  const auto path = scratch_.write("a.npy", test::npy_bytes(test::npy_dict("<f2", "(1, 8)"), test::bytes_of(halves)));
  const auto rows = read_vectors(path, 8, Metric::dot);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  const std::vector<float> expected{0x1p-24F, 0x1.ff8p-15F, 0x1p-14F, 1.0F, 1.0F + 0x1p-10F, 65504.0F, -0.0F, -2.0F};
  EXPECT_EQ(rows->values, expected);
  EXPECT_TRUE(std::signbit(rows->values[6]));
}

TEST_F(VectorFile, EveryHalfKeepsItsMeaning) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const int exponent = static_cast<int>(bits >> 10 & 0x1F);
    const auto mantissa = static_cast<double>(bits & 0x3FF);
    const float found = half_to_float(half);
    EXPECT_EQ(std::signbit(found), bits >= 0x8000);
    if (exponent == 31) {
      EXPECT_EQ(std::isinf(found), mantissa == 0);
      EXPECT_EQ(std::isnan(found), mantissa != 0);
    } else {
      const double expected =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1.0 + mantissa / 1024, exponent - 15);
      EXPECT_EQ(std::fabs(static_cast<double>(found)), expected) << bits;
    }
  }
}

TEST_F(VectorFile, RefusesNpyFilesOfOtherKinds) {
  const std::string values(8, '\0');
  const auto npy = [&](const std::string& dict) { return test::npy_bytes(dict, values); };
  EXPECT_EQ(problem("a.npy", npy(test::npy_dict("<f8", "(1, 1)"))),
            "a.npy: expected <f4 or <f2 values, found <f8; write array.astype('<f4')");
  EXPECT_EQ(problem("a.npy", npy(test::npy_dict(">f4", "(1, 2)"))),
            "a.npy: expected <f4 or <f2 values, found >f4; write array.astype('<f4')");
  EXPECT_EQ(problem("a.npy", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }")),
            "a.npy: expected C order, found Fortran order; write numpy.ascontiguousarray(array)");
  EXPECT_EQ(problem("a.npy", npy(test::npy_dict("<f4", "(2,)"))),
            "a.npy: expected the shape (rows, dimension), found (2)");
  EXPECT_EQ(problem("a.npy", npy(test::npy_dict("<f4", "(1, 1, 2)"))),
            "a.npy: expected the shape (rows, dimension), found (1, 1, 2)");
  EXPECT_EQ(problem("a.npy", npy(test::npy_dict("<f4", "(0, 2)"))), "a.npy: expected at least one row, found none");
  EXPECT_EQ(problem("a.npy", npy(test::npy_dict("<f4", "(1, 0)"))),
            "a.npy: expected rows of 1..65536 numbers, found 0");
  EXPECT_EQ(problem("a.npy", test::npy_bytes(test::npy_dict("<f4", "(1, 2)"), values, '\3')),
            "a.npy: expected NPY version 1.0 or 2.0, found 3.0");
  EXPECT_EQ(problem("a.npy", "PK\x03\x04 a zip of arrays"), "a.npy: is not an NPY file");
  EXPECT_EQ(problem("a.npy", ""), "a.npy: is too short for an NPY file");
}

TEST_F(VectorFile, RefusesNpyHeadersThatAreNotWrittenByTheRules) {
  const std::string bad = "a.npy: has a header that is not a dict of descr, fortran_order and shape";
  const std::string values(8, '\0');
  for (const char* dict : {"", "{}", "{'descr': '<f4', 'fortran_order': False}",
                           "{'descr': '<f4' 'fortran_order': False, 'shape': (1, 2)}",
                           "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), 'more': 1}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1, -2)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 99999999999999999999)}",
                           "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 2)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)} x",
                           "{'descr': '<f4, 'fortran_order': False, 'shape': (1, 2)}"}) {
    EXPECT_EQ(problem("a.npy", test::npy_bytes(dict, values)), bad) << dict;
  }
}

TEST_F(VectorFile, RefusesNpySizesThatDisagreeBeforeAllocating) {
  EXPECT_EQ(problem("a.npy", test::npy_bytes(test::npy_dict("<f4", "(2, 2)"), std::string(15, '\0'))),
            "a.npy: expected 16 bytes of values for the shape (2, 2), found 15");
  EXPECT_EQ(problem("a.npy", test::npy_bytes(test::npy_dict("<f4", "(2, 2)"), std::string(17, '\0'))),
            "a.npy: expected 16 bytes of values for the shape (2, 2), found 17");
  // 4 * 2^62 * 4 bytes wraps around to 0.
  EXPECT_EQ(problem("a.npy", test::npy_bytes(test::npy_dict("<f4", "(4611686018427387904, 4)"), "")),
            "a.npy: the shape (4611686018427387904, 4) is larger than any file");
  std::string long_header = test::npy_bytes(test::npy_dict("<f4", "(1, 2)"), std::string(8, '\0'));
  long_header[8] = '\xFF';
  long_header[9] = '\xFF';
  EXPECT_EQ(problem("a.npy", long_header), "a.npy: has a header of 65535 bytes, which does not fit");
}

TEST_F(VectorFile, NamesEveryRowThatBreaksARule) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::string bytes = test::float_npy(6, 2, {1, 0, 1, kNan, -kInf, 1, 0, 0, 1, 1, 2e18F, 0});
  const auto found = problems("a.npy", bytes);
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], "a.npy: row 1: number 1 is not finite");
  EXPECT_EQ(found[1], "a.npy: row 2: number 0 is not finite");
  EXPECT_TRUE(found[2].starts_with("a.npy: row 3: has the norm 0")) << found[2];
  EXPECT_TRUE(found[3].starts_with("a.npy: row 5: has the norm 2e+18")) << found[3];
  EXPECT_EQ(problems("a.npy", test::float_npy(1, 2, {0, 0}), 2, Metric::dot).size(), 0U);
  EXPECT_EQ(problem("a.npy", test::float_npy(1, 2, {1, 0}), 3), "a.npy: its rows have 2 numbers, the index 3");
}

TEST_F(VectorFile, BoundsTheProblemsOfOneFile) {
  const auto found = problems("a.npy", test::float_npy(50, 2, std::vector<float>(100, 0.0F)));
  ASSERT_EQ(found.size(), core::kMaxFileProblems + 1);
  EXPECT_EQ(found.back(), "a.npy: and 40 more");
}

TEST_F(VectorFile, RefusesFilesThatAreNone) {
  std::vector<core::Error> found;
  EXPECT_FALSE(read_vectors(scratch_.path("none.npy"), 2, Metric::cosine, found));
  EXPECT_EQ(found.at(0).code, ErrorCode::not_found);
  EXPECT_EQ(scratch_.without_folder(found[0].message), "none.npy: cannot be opened: No such file or directory");
  EXPECT_EQ(read_labels(std::string("a\0b", 3)).error().message,
            std::string("a\0b", 3) + ": expected a file name without NUL bytes");
  std::filesystem::create_directory(scratch_.path("folder.jsonl"));
  EXPECT_EQ(scratch_.without_folder(read_vectors(scratch_.path("folder.jsonl"), 2, Metric::cosine).error().message),
            "folder.jsonl: is a directory");
  EXPECT_EQ(problem("a.txt", "1 2"), "a.txt: expected a file named .npy or .jsonl");
  EXPECT_EQ(read_labels("/dev/null").error().message, "/dev/null: is not a regular file");
}

TEST_F(VectorFile, ReadsJsonLinesWithArraysAndBase64) {
  const auto path = scratch_.write("a.jsonl",
                                   "{\"embedding\": [1, 0.5], \"label\": \"a\", \"text\": \"caf\\u00e9\"}\r\n"
                                   "{\"label\": \"b\", \"embedding\": \"AACAPwAAAEA=\"}");
  const auto rows = read_vectors(path, 2, Metric::cosine);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->values, (std::vector<float>{1, 0.5, 1, 2}));
  EXPECT_EQ(rows->labels, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(rows->texts, (std::vector<std::string>{"caf\xC3\xA9", ""}));
}

TEST_F(VectorFile, NamesEveryJsonLineThatIsWrong) {
  const auto found = problems("a.jsonl",
                              "{\"embedding\": [1, 0]}\n"
                              "\n"
                              "[1, 2]\n"
                              "{\"embedding\": [1, 0, 1]}\n"
                              "{\"embedding\": [1, 1e39]}\n"
                              "{\"embedding\": [1, 1e400]}\n"
                              "{\"embedding\": [1, \"2\"]}\n"
                              "{\"embedding\": [1, NaN]}\n"
                              "{\"embedding\": \"AAA\"}\n"
                              "{\"embedding\": [0, 0]}\n",
                              2);
  const std::vector<std::string> starts{"a.jsonl:2: is not JSON",
                                        "a.jsonl:3: expected a JSON object, found an array",
                                        "a.jsonl:4: has 3 numbers, the index 2",
                                        "a.jsonl:5: number 1 does not fit a float32",
                                        "a.jsonl:6: number 1 does not fit a float32",
                                        "a.jsonl:7: \"embedding\": expected numbers alone, found a string",
                                        "a.jsonl:8: is not JSON at column 19",
                                        "a.jsonl:9: \"embedding\": expected base64 of float32 values",
                                        "a.jsonl:10: has the norm 0"};
  ASSERT_EQ(found.size(), starts.size());
  for (std::size_t i = 0; i < starts.size(); ++i) EXPECT_TRUE(found[i].starts_with(starts[i])) << found[i];
}

TEST_F(VectorFile, RefusesJsonMembersThatNobodyKnows) {
  EXPECT_EQ(problem("a.jsonl", "{\"embeding\": [1, 0]}"),
            "a.jsonl:1: unknown key \"embeding\", expected embedding, label or text");
  EXPECT_EQ(problem("a.jsonl", "{\"embedding\": [1, 0], \"embedding\": [0, 1]}"),
            "a.jsonl:1: \"embedding\" is given twice");
  EXPECT_EQ(problem("a.jsonl", "{\"label\": \"a\"}"), "a.jsonl:1: expected the key embedding, found none");
  EXPECT_EQ(problem("a.jsonl", "{\"embedding\": [1, 0], \"label\": 3}"),
            "a.jsonl:1: \"label\": expected a string, found a number");
  EXPECT_EQ(problem("a.jsonl", "{\"embedding\": []}"), "a.jsonl:1: has no numbers, the index 2");
  EXPECT_EQ(problem("a.jsonl", "{\"embedding\": [[1, 0]]}"),
            "a.jsonl:1: \"embedding\": expected numbers alone, found an array");
  EXPECT_EQ(problem("a.jsonl", ""), "a.jsonl: expected at least one row, found none");
  EXPECT_EQ(problem("a.jsonl", "{\"embedding\": [1, 0]} {}").substr(0, 12), "a.jsonl:1: e");
}

TEST_F(VectorFile, WantsALabelOnEveryJsonLineOrOnNone) {
  EXPECT_EQ(problem("a.jsonl", "{\"embedding\": [1, 0], \"label\": \"a\"}\n{\"embedding\": [1, 0]}\n"),
            "a.jsonl:2: expected a label as in the first line, found none");
  EXPECT_EQ(problem("a.jsonl", "{\"embedding\": [1, 0]}\n{\"embedding\": [1, 0], \"label\": \"a\"}\n"),
            "a.jsonl:2: expected no label as in the first line, found one");
}

TEST_F(VectorFile, ReadsLabelsAsLinesOrObjects) {
  const auto path = scratch_.write("l.txt", "billing\r\n{\"text\": \"hi\", \"label\": \"refund\"}\nsome thing\n");
  const auto rows = read_labels(path);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->labels, (std::vector<std::string>{"billing", "refund", "some thing"}));
  EXPECT_EQ(rows->texts, (std::vector<std::string>{"", "hi", ""}));
}

TEST_F(VectorFile, RefusesLabelsThatAreNone) {
  EXPECT_EQ(label_problem("a\n\nb\n"), "l.txt:2: expected a label, found nothing");
  EXPECT_EQ(label_problem("a\n\n"), "l.txt:2: expected a label, found nothing");
  EXPECT_EQ(label_problem(""), "l.txt: expected at least one label, found none");
  EXPECT_EQ(label_problem("a \n"), "l.txt:1: expected a label without blanks around it");
  EXPECT_EQ(label_problem("a\tb\n"), "l.txt:1: expected a label without control characters");
  EXPECT_EQ(label_problem("a\n\xFF\n"), "l.txt:2: expected a label in UTF-8");
  EXPECT_EQ(label_problem("{\"text\": \"x\"}\n"), "l.txt:1: expected a label, found nothing");
  EXPECT_EQ(label_problem("{\"label\": \"x\", \"lable\": \"y\"}\n"),
            "l.txt:1: unknown key \"lable\", expected label or text");
}

}  // namespace
}  // namespace semroute::config

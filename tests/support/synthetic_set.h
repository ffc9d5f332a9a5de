// A labelled set that the project makes itself: routes in families whose centres overlap, requests near
// their route's centre, and out-of-scope requests. Unit vectors; the same seed gives the same set everywhere.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace semroute::test {

struct LabelledVectors {
  std::vector<float> values;        // labels.size() * dimension
  std::vector<std::string> labels;  // out of scope: "oos"
};

struct SyntheticSet {
  std::size_t dimension = 0;
  LabelledVectors references;
  LabelledVectors requests;
};

struct SyntheticShape {
  std::size_t dimension = 48;
  std::size_t families = 5;
  std::size_t routes_per_family = 4;
  std::size_t references_per_route = 20;
  std::size_t requests_per_route = 10;
  std::size_t out_of_scope = 60;
  double family_spread = 0.9;  // of route centres around their family's
  double route_spread = 1.2;   // of vectors around their route's
  std::uint64_t seed = 1;
};

class SyntheticGenerator {
 public:
  explicit SyntheticGenerator(SyntheticShape shape) : shape_(shape), random_(shape.seed) {}

  SyntheticSet make() {
    SyntheticSet set;
    set.dimension = shape_.dimension;
    std::vector<std::vector<double>> families;
    for (std::size_t family = 0; family < shape_.families; ++family) {
      families.push_back(near(std::vector<double>(shape_.dimension, 0.0), 1.0));
      for (std::size_t route = 0; route < shape_.routes_per_family; ++route) {
        const std::vector<double> centre = near(families.back(), shape_.family_spread);
        const std::string name = "family" + std::to_string(family) + "_route" + std::to_string(route);
        add(set.references, centre, name, shape_.references_per_route);
        add(set.requests, centre, name, shape_.requests_per_route);
      }
    }
    // Half of them are near a family, where they are hard to tell from its routes' requests.
    for (std::size_t i = 0; i < shape_.out_of_scope; ++i) {
      const std::vector<double> nowhere(shape_.dimension, 0.0);
      add(set.requests, i % 2 == 0 ? near(families[i % families.size()], 2.0) : nowhere, "oos", 1);
    }
    return set;
  }

 private:
  // Nearly normal (a sum of twelve uniform numbers), and the same with every standard library.
  double noise() {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random_() >> 11) * 0x1.0p-53;
    return sum;
  }

  // The unit vector of `centre` plus noise of about length `spread`.
  std::vector<double> near(const std::vector<double>& centre, double spread) {
    std::vector<double> vector = centre;
    const double scale = spread / std::sqrt(static_cast<double>(vector.size()));
    double squares = 0.0;
    for (double& value : vector) {
      value += scale * noise();
      squares += value * value;
    }
    for (double& value : vector) value /= std::sqrt(squares);
    return vector;
  }

  void add(LabelledVectors& rows, const std::vector<double>& centre, const std::string& label, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      for (const double value : near(centre, shape_.route_spread)) rows.values.push_back(static_cast<float>(value));
      rows.labels.push_back(label);
    }
  }

  SyntheticShape shape_;
  std::mt19937_64 random_;
};

inline SyntheticSet make_synthetic_set(const SyntheticShape& shape = {}) { return SyntheticGenerator(shape).make(); }

// NPY version 1, `<f4`, [rows, dimension].
inline void write_npy(const std::string& path, const std::vector<float>& values, std::size_t dimension) {
  static_assert(std::endian::native == std::endian::little);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(values.size() / dimension) + ", " + std::to_string(dimension) + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  file.put(static_cast<char>(header.size() & 0xFF)).put(static_cast<char>(header.size() >> 8));
  file << header;
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
}

// One bare label a line, as `labels:` reads them.
inline void write_labels(const std::string& path, const std::vector<std::string>& labels) {
  std::ofstream file(path, std::ios::binary);
  for (const std::string& label : labels) file << label << '\n';
}

}  // namespace semroute::test

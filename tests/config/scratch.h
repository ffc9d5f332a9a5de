// Scratch: a folder of its own for a test's files, and what load_config says about them.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "config/load.h"

namespace semroute::config::test {

// Every kind is accepted: what a kind's keys may be is the business of the plugins floor.
inline void accept_target(const TargetConfig& /*target*/, const std::string& /*path*/, Diagnostics& /*diagnostics*/,
                          KeyCatalogue* /*catalogue*/) {}

class Scratch {
 public:
  Scratch() {
    static std::atomic<int> counter{0};
    folder_ = std::filesystem::temp_directory_path() /
              ("semroute-config-" + std::to_string(::getpid()) + '-' + std::to_string(counter++));
    std::filesystem::create_directories(folder_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream file(path(name), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }

  [[nodiscard]] LoadOutcome load(std::string_view yaml) const {
    return load_config(write("routes.yaml", yaml), accept_target);
  }

  // The problems, one a line, with the folder cut off.
  [[nodiscard]] std::vector<std::string> problems(std::string_view yaml) const {
    return without_folder(load(yaml).problems);
  }

  [[nodiscard]] std::vector<std::string> without_folder(const std::vector<Diagnostic>& diagnostics) const {
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : diagnostics) lines.push_back(without_folder(to_string(diagnostic)));
    return lines;
  }

  [[nodiscard]] std::string without_folder(std::string line) const {
    const std::string prefix = folder_.string() + '/';
    for (std::size_t at = line.find(prefix); at != std::string::npos; at = line.find(prefix)) {
      line.erase(at, prefix.size());
    }
    return line;
  }

 private:
  std::filesystem::path folder_;
};

// The bytes of an NPY file with this dict and these values.
inline std::string npy_bytes(const std::string& dict, std::string_view values, char major = 1) {
  std::string header = dict;
  const std::size_t preamble = major == 1 ? 10 : 12;
  while ((preamble + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY", 6);
  bytes += major;
  bytes += '\0';
  for (std::size_t i = 0; i < preamble - 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + std::string(values);
}

inline std::string npy_dict(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

inline std::string float_npy(std::size_t rows, std::size_t dimension, const std::vector<float>& values) {
  return npy_bytes(npy_dict("<f4", '(' + std::to_string(rows) + ", " + std::to_string(dimension) + ')'),
                   bytes_of(values));
}

}  // namespace semroute::config::test

// The peers that bench_decide measures beside: one exact scan of every vector by inner product, k nearest, one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace semroute::bench {

class ScanPeer {
 public:
  ScanPeer() = default;
  ScanPeer(const ScanPeer&) = delete;
  ScanPeer& operator=(const ScanPeer&) = delete;
  virtual ~ScanPeer() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  virtual void search(const float* query, std::size_t k) = 0;
};

// Those that this build found, over `vectors` (rows of `dimension` floats, which outlive them).
[[nodiscard]] std::vector<std::unique_ptr<ScanPeer>> scan_peers(const std::vector<float>& vectors,
                                                                std::size_t dimension);

}  // namespace semroute::bench

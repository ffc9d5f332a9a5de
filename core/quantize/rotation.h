// Rotation: a random orthogonal transform in O(d log d), for any dimension.
//
// Rounds, each of them orthogonal: random signs, a Hadamard transform of a block whose length is the largest power of
// two that fits (rounds take the first and the last such block in turn), and for other dimensions a step that mixes the
// two halves, without which dimensions just below a power of two would hardly exchange anything. They spread a vector
// of a single number like a random direction, by its fourth moment (tests/core/quantize/rotation_test.cpp).
// Sources: Ailon & Chazelle, SIAM J. Comput. 39 (2009), signs and Hadamard; Andoni et al., arXiv:1509.02897, several
// such rounds in place of a uniformly random rotation; Kac's walk between the halves as FhtKacRotator of the RaBitQ
// library does it (Gao & Long, arXiv:2405.12497).
//
// Shapes: vectors of dimension() float32, in place. Rounding: lengths keep to within a few units of the last place.
// Deterministic: the same dimension and seed turn a vector into the same bits with every instruction set.
// Complexity: O(d log d), 0.7 us for 384; memory 16 or 24 bytes a dimension. Nothing allocates after construction.
// Threads: const once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace semroute::core {

class Rotation {
 public:
  // Precondition: dimension >= 1.
  Rotation(std::size_t dimension, std::uint64_t seed);

  [[nodiscard]] std::size_t dimension() const noexcept { return dimension_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return factors_.size() * sizeof(float); }

  void apply(float* vector) const noexcept;
  // Undoes apply().
  void undo(float* vector) const noexcept;

 private:
  [[nodiscard]] const float* factors(std::size_t round) const noexcept { return &factors_[round * dimension_]; }
  [[nodiscard]] std::size_t block_start(std::size_t round) const noexcept;

  std::size_t dimension_;
  std::size_t block_;  // the largest power of two <= dimension_
  std::size_t rounds_;
  std::vector<float> factors_;  // for each round and dimension its sign, times what makes the round keep lengths
};

}  // namespace semroute::core

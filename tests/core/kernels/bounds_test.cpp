// No kernel touches a byte beyond its rows, queries and results: all of them end where a page begins that may
// not be read.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/kernels/kernels.h"

namespace semroute::core {
namespace {

// Room for `count` zeros that end at the forbidden page.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::size_t count) : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
    const std::size_t bytes = count * sizeof(T);
    room_ = (bytes + page_ - 1) / page_ * page_;
    memory_ = ::mmap(nullptr, room_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED || ::mprotect(static_cast<std::byte*>(memory_) + room_, page_, PROT_NONE) != 0) ::abort();
    data_ = reinterpret_cast<T*>(static_cast<std::byte*>(memory_) + room_ - bytes);
  }
  ~Guarded() { ::munmap(memory_, room_ + page_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  [[nodiscard]] T* data() { return data_; }

 private:
  std::size_t page_;
  std::size_t room_ = 0;
  void* memory_ = nullptr;
  T* data_ = nullptr;
};

constexpr std::size_t kRows = 7;
constexpr std::uint32_t kSlots[kRows] = {6, 0, 6, 1, 5, 2, 6};

template <class Query, class Row, class Out>
void run_at_the_edge(RowKernel<Query, Row, Out> kernel, std::size_t length, std::size_t query_length) {
  Guarded<Query> query(query_length);
  Guarded<Row> rows(kRows * length);
  for (std::size_t count = 1; count <= kRows; ++count) {
    Guarded<Out> out(count);
    kernel.rows(query.data(), rows.data() + (kRows - count) * length, length, count, length, out.data());
    kernel.gather(query.data(), rows.data(), length, kSlots, count, length, out.data());
    EXPECT_EQ(out.data()[count - 1], Out{});
  }
}

void run_all(const Kernels& kernels) {
  for (std::size_t length = 1; length <= 70; ++length) {
    run_at_the_edge(kernels.f32_dot, length, length);
    run_at_the_edge(kernels.f32_l2_squared, length, length);
    run_at_the_edge(kernels.f32_l1, length, length);
    run_at_the_edge(kernels.f16_dot, length, length);
    run_at_the_edge(kernels.f16_l2_squared, length, length);
    run_at_the_edge(kernels.f16_l1, length, length);
    run_at_the_edge(kernels.bf16_dot, length, length);
    Guarded<float> floats(length);
    Guarded<float> more_floats(length);
    Guarded<std::uint16_t> halves(length);
    Guarded<std::int8_t> bytes(length);
    EXPECT_EQ(kernels.dot(floats.data(), more_floats.data(), length), 0.0F);
    EXPECT_EQ(kernels.l2_squared(floats.data(), more_floats.data(), length), 0.0F);
    EXPECT_EQ(kernels.l1(floats.data(), more_floats.data(), length), 0.0F);
    kernels.to_f16(floats.data(), length, halves.data());
    kernels.from_f16(halves.data(), length, floats.data());
    kernels.to_bf16(floats.data(), length, halves.data());
    kernels.from_bf16(halves.data(), length, floats.data());
    kernels.to_s8(floats.data(), more_floats.data(), 2.0F, length, bytes.data());
  }
  // Rows of codes begin at a line: those of whole lines can end at the page.
  for (std::size_t lines = 1; lines <= 5; ++lines) {
    run_at_the_edge(kernels.u8_dot, 64 * lines, 64 * lines);
    run_at_the_edge(kernels.u8_l1, 64 * lines, 64 * lines);
    run_at_the_edge(kernels.u4_dot, 64 * lines, 128 * lines);
    run_at_the_edge(kernels.u1_dot, 8 * lines, 32 * lines);
    run_at_the_edge(kernels.pq_sum, 64 * lines, 256 * 64 * lines);
  }
  // The four planes of a query of bits end anywhere.
  for (std::size_t words = 1; words <= 17; ++words) {
    Guarded<std::uint64_t> query(4 * words);
    alignas(64) const std::uint64_t row[24] = {};
    std::int32_t sum = 1;
    kernels.u1_dot.rows(query.data(), row, 24, 1, words, &sum);
    EXPECT_EQ(sum, 0);
  }
}

TEST(KernelBounds, NoKernelTouchesAByteBeyondItsRowsQueriesAndResults) {
  for (const Kernels* kernels : compiled_kernels()) {
    SCOPED_TRACE(std::string(kernels->name));
    if (can_run(kernels->isa)) run_all(*kernels);
  }
}

}  // namespace
}  // namespace semroute::core

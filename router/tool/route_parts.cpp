#include "router/tool/route_parts.h"

#include <algorithm>
#include <utility>

namespace semroute::router::tool {
namespace {

// Gives rows out in their order.
class Rows {
 public:
  Rows(config::ReferenceRows rows, std::size_t dimension)
      : rows_(std::move(rows)), dimension_(dimension), count_(rows_.values.size() / dimension) {}

  [[nodiscard]] bool is_left() const { return next_ < count_; }

  // As many as `room` holds, and takes their bytes off; one at least when there is `must`.
  config::ReferenceRows take(std::size_t& room, bool must) {
    const std::size_t begin = next_;
    for (; is_left(); ++next_) {
      const std::size_t bytes =
          dimension_ * sizeof(float) + (next_ < rows_.texts.size() ? rows_.texts[next_].size() : 0);
      if (bytes > room && !(must && next_ == begin)) break;
      room -= std::min(bytes, room);
    }
    config::ReferenceRows taken;
    const auto at = [](auto& list, std::size_t i) { return list.begin() + static_cast<std::ptrdiff_t>(i); };
    taken.values.assign(at(rows_.values, begin * dimension_), at(rows_.values, next_ * dimension_));
    if (!rows_.texts.empty()) taken.texts.assign(at(rows_.texts, begin), at(rows_.texts, next_));
    return taken;
  }

 private:
  config::ReferenceRows rows_;
  std::size_t dimension_;
  std::size_t count_;
  std::size_t next_ = 0;
};

}  // namespace

std::vector<config::RouteConfig> parts_of(config::RouteConfig route, std::size_t dimension, std::size_t bytes) {
  Rows references(std::exchange(route.references, {}), dimension);
  Rows negatives(std::exchange(route.negatives, {}), dimension);
  std::vector<config::RouteConfig> parts;
  do {
    config::RouteConfig part;
    if (parts.empty()) {
      part = std::move(route);
    } else {
      part.name = parts.front().name;
    }
    std::size_t room = bytes;
    part.references = references.take(room, true);
    part.negatives = negatives.take(room, part.references.values.empty());
    parts.push_back(std::move(part));
  } while (references.is_left() || negatives.is_left());
  return parts;
}

}  // namespace semroute::router::tool

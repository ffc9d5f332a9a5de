#include "router/changes/route_change.h"

namespace semroute::router {
namespace {

std::size_t bytes_of(const ChangeRows& rows) {
  std::size_t bytes = rows.values.size() * sizeof(float) + rows.texts.size() * sizeof(std::string);
  for (const std::string& text : rows.texts) bytes += text.size();
  return bytes;
}

}  // namespace

void ChangeRows::add(std::size_t numbers, std::string text) {
  if (count == 0) {
    dimension = numbers;
  } else if (numbers != dimension && !ragged) {
    ragged = {count, numbers};
  }
  if (!text.empty() && texts.empty()) texts.resize(count);
  ++count;
  if (!text.empty() || !texts.empty()) texts.push_back(std::move(text));
}

void RouteFields::apply_to(config::Destination& destination) const {
  if (targets) destination.targets = *targets;
  if (fallbacks) destination.fallbacks = *fallbacks;
  if (mirror) destination.mirror = *mirror;
}

std::size_t RouteChange::bytes() const noexcept {
  return sizeof(RouteChange) + bytes_of(references) + bytes_of(negatives) +
         (remove.size() + remove_negatives.size()) * sizeof(std::size_t);
}

}  // namespace semroute::router

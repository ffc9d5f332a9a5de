// Session: how long a request may be, and who may change routes.
#include <algorithm>
#include <string>

#include "router/net/session.h"
#include "router/protocol/json_op_scan.h"

namespace semroute::router {

namespace asio = boost::asio;

bool is_loopback_address(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.is_loopback();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
}

// Only who may change routes may send so much.
std::size_t Session::most_change_bytes() const {
  const auto& limits = handler_.limits();
  return is_loopback_ ? limits.max_change : std::min(limits.max_change, limits.max_request);
}

// Refuses the request at hand if it is one; a longer one than limits.max_request has been refused before.
bool Session::is_too_large_a_change(std::size_t bytes) {
  const std::size_t most = handler_.limits().max_change;
  if (!is_change(request_.op) || bytes <= most) return false;
  refuse(static_cast<std::size_t>(request_.op),
         {core::ErrorCode::too_large,
          "a change of " + std::to_string(bytes) + " bytes; limits.max_change is " + std::to_string(most)},
         false);
  return true;
}

// A line that is longer than limits.max_request must name an op that changes routes before that.
std::size_t Session::most_line_bytes(std::string_view arrived) {
  const std::size_t most = handler_.limits().max_request;
  if (arrived.size() <= most || most_change_bytes() <= most) return most;
  if (!is_change_line_) {
    const auto op = named_op(arrived.substr(0, most));
    is_change_line_ = op && is_change(*op);
  }
  return is_change_line_ ? most_change_bytes() : most;
}

}  // namespace semroute::router

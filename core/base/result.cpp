#include "core/base/result.h"

namespace semroute::core {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::bad_request: return "bad_request";
    case ErrorCode::bad_vector: return "bad_vector";
    case ErrorCode::dimension_mismatch: return "dimension_mismatch";
    case ErrorCode::model_mismatch: return "model_mismatch";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::unsupported_version: return "unsupported_version";
    case ErrorCode::unauthorized: return "unauthorized";
    case ErrorCode::forbidden: return "forbidden";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::resource_exhausted: return "resource_exhausted";
    case ErrorCode::overloaded: return "overloaded";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::upstream_unavailable: return "upstream_unavailable";
    case ErrorCode::upstream_timeout: return "upstream_timeout";
    case ErrorCode::upstream_error: return "upstream_error";
    case ErrorCode::internal: return "internal";
    case ErrorCode::damaged: return "damaged";
    case ErrorCode::cannot_create: return "cannot_create";
    case ErrorCode::io_error: return "io_error";
  }
  return "internal";
}

}  // namespace semroute::core

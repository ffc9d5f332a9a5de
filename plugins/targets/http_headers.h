// http_headers: the head of a request to an http target, and the rules that keep it one request.
//
// Facts of the decision may hold any UTF-8 (route names do), so they are percent-encoded; what
// comes as a header already (configured, or of the client) is refused when HTTP cannot carry it.
// No byte of a name, id or value reaches the head unchecked: CR, LF and NUL cannot get in.
// Complexity: linear in the head. Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "plugins/target.h"
#include "plugins/targets/http_url.h"

namespace semroute::plugins {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] bool has_header(const HttpHeaders& headers, std::string_view name) noexcept;  // any case

// Everything but visible ASCII as %XX; '%' itself too, so that it reads back.
[[nodiscard]] std::string percent_encoded(std::string_view text);

// The request line and all headers, up to and with the empty line. A configured header wins over
// the client's of the same name. Errors: bad_request, naming the header.
[[nodiscard]] core::Result<std::string> request_head(const HttpUrl& url, const HttpHeaders& configured,
                                                     const DispatchRequest& request);

}  // namespace semroute::plugins

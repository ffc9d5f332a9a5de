// headers: the head of a request to an http target, and the rules that keep it one request.
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
#include "plugins/targets/http/url.h"

namespace semroute::plugins {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] bool has_header(const HttpHeaders& headers, std::string_view name) noexcept;  // any case

// Everything but visible ASCII as %XX; '%' itself too, so that it reads back.
[[nodiscard]] std::string percent_encoded(std::string_view text);

// What begins every request to one endpoint: the request line, Host and the configured headers.
[[nodiscard]] std::string request_start(const HttpUrl& url, const HttpHeaders& configured);

// What follows it: the headers of this one request, and the empty line. A configured header wins over the client's of
// the same name. Errors: bad_request, naming the header.
[[nodiscard]] core::Result<void> append_request_headers(const HttpHeaders& configured, const DispatchRequest& request,
                                                        std::string& out);

}  // namespace semroute::plugins

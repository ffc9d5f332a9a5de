#include <algorithm>
#include <array>
#include <charconv>
#include <random>

#include "router/verbs/verb.h"

namespace semroute::router {

namespace {

constexpr std::array kVerbs = {
    Verb{Op::match, "decide which route an embedding belongs to", handle_match},
    Verb{Op::route, "decide, and dispatch the payload to the route's target", handle_route},
    Verb{Op::ping, "version, dimension, metric, model, revision", handle_ping},
    Verb{Op::stats, "counters of the daemon, its routes and targets", handle_stats},
    Verb{Op::reload, "read the configuration again", handle_reload},
    Verb{Op::cancel, "cancel a request of the same connection", handle_cancel},
    Verb{Op::routes_list, "every route, without its vectors", handle_routes_list},
    Verb{Op::routes_get, "one route, with its references page by page", handle_routes_get},
    Verb{Op::routes_put, "make a route, or replace it", handle_change},
    Verb{Op::routes_patch, "add and remove references, set fields", handle_change},
    Verb{Op::routes_delete, "delete a route", handle_change},
    Verb{Op::routes_batch, "several changes, all or none", handle_change},
};

// Tells apart the request ids of daemons and of restarts.
std::string random_prefix() {
  std::random_device device;
  std::array<char, 9> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), device(), 16).ptr;
  return {text.data(), end};
}

}  // namespace

std::span<const Verb> verbs() noexcept { return kVerbs; }

const Verb* find_verb(Op op) noexcept {
  const auto it = std::find_if(kVerbs.begin(), kVerbs.end(), [op](const Verb& v) { return v.op == op; });
  return it == kVerbs.end() ? nullptr : &*it;
}

std::string_view VerbContext::request_id(const Request& request) {
  if (!request.request_id.empty()) return request.request_id;
  static const std::string prefix = random_prefix();
  std::array<char, 20> digits{};
  text = prefix;
  text += '-';
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), worker, 16).ptr);
  text += '-';
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), ++next_request_id, 16).ptr);
  return text;
}

void reply_error(Exchange& exchange, const core::Error& error, bool retryable) {
  exchange.session.reply(exchange.request.op, exchange.request.id,
                         ErrorReply{.request_id = exchange.context.request_id(exchange.request),
                                    .code = error.code,
                                    .message = error.message,
                                    .retryable = retryable});
}

}  // namespace semroute::router

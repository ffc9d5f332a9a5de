#include "bench/router/proxy_peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "bench/support/program.h"
#include "tests/support/child_process.h"

namespace semroute::bench {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || ::bind(fd, generic, size) != 0 || ::getsockname(fd, generic, &size) != 0)
    stop(EX_OSERR, "there is no free port");
  ::close(fd);
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

pid_t start(const std::vector<std::string>& arguments, const test::TemporaryFolder& folder, std::uint16_t port) {
  if (::access(arguments.front().c_str(), X_OK) != 0)
    stop(EX_UNAVAILABLE, arguments.front() + " is not here; scripts/install_packages.sh bench installs it");
  const std::string log = folder.path() + "/output";
  const pid_t pid = test::spawn_program(arguments, log, {});
  for (int tries = 0; tries < 1'000 && ::waitpid(pid, nullptr, WNOHANG) == 0; ++tries) {
    if (listens(port)) return pid;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  stop(EX_UNAVAILABLE, arguments.front() + " does not listen: " + test::file_text(log));
}

void end(pid_t pid) {
  ::kill(pid, SIGTERM);
  if (test::wait_for_exit(pid, 10) >= 0) return;
  ::kill(pid, SIGKILL);
  (void)test::wait_for_exit(pid, 10);
}

}  // namespace

Nginx::Nginx(const std::string& reply) : port_(free_port()) {
  const std::string& at = folder_.path();
  // `return` answers without looking at a body, which is read and thrown away.
  folder_.write("nginx.conf",
                "daemon off; master_process off; pid " + at + "/pid; error_log " + at +
                    "/error.log;\n"
                    "events {worker_connections 1024;}\n"
                    "http {\n  access_log off; default_type application/json; keepalive_requests 100000000;\n"
                    "  client_body_temp_path " +
                    at + "/body; proxy_temp_path " + at + "/proxy; fastcgi_temp_path " + at + "/f; uwsgi_temp_path " +
                    at + "/u; scgi_temp_path " + at +
                    "/s;\n"
                    "  server {\n    listen 127.0.0.1:" +
                    std::to_string(port_) + ";\n    location /echo {return 200 '" + reply + "';}\n  }\n}\n");
  pid_ = start({"/usr/sbin/nginx", "-c", at + "/nginx.conf", "-p", at}, folder_, port_);
}

Nginx::~Nginx() { end(pid_); }

HaProxy::HaProxy(std::uint16_t upstream_port) : port_(free_port()) {
  folder_.write("haproxy.cfg",
                "global\n  nbthread 1\n  maxconn 1024\n"
                "defaults\n  mode http\n  option http-keep-alive\n  http-reuse always\n"
                "  timeout connect 1s\n  timeout client 60s\n  timeout server 60s\n"
                "frontend in\n  bind 127.0.0.1:" +
                    std::to_string(port_) +
                    "\n  default_backend out\n"
                    "backend out\n  server one 127.0.0.1:" +
                    std::to_string(upstream_port) + "\n");
  pid_ = start({"/usr/sbin/haproxy", "-db", "-f", folder_.path() + "/haproxy.cfg"}, folder_, port_);
}

HaProxy::~HaProxy() { end(pid_); }

}  // namespace semroute::bench

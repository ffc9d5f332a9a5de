#include "tests/support/peer_program.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/support/fault_server.h"

namespace semroute::test {
namespace {

using Clock = std::chrono::steady_clock;

bool accepts(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

void write_all(const TemporaryFolder& folder, const Files& files) {
  for (const auto& [name, text] : files) folder.write(name, text);
}

}  // namespace

std::uint16_t free_port() { return BoundSocket().port(); }

PeerProgram::PeerProgram(const Prepare& prepare, std::uint16_t port) : port_(port) {
  const std::vector<std::string> command = prepare(folder_, port_);
  if (::access(command.front().c_str(), X_OK) != 0) throw std::runtime_error(command.front() + " is not installed");
  pid_ = spawn_program(command, folder_.path() + "/output", {});
  try {
    wait_until_listening();
  } catch (...) {
    ::kill(pid_, SIGKILL);
    (void)wait_for_exit(pid_, 60);
    throw;
  }
}

void PeerProgram::wait_until_listening() {
  const auto give_up = Clock::now() + std::chrono::seconds(60);
  while (!accepts(port_)) {
    if (Clock::now() >= give_up || ::kill(pid_, 0) != 0) {
      throw std::runtime_error("a peer does not listen: " + file_text(folder_.path() + "/output"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

PeerProgram::~PeerProgram() {
  ::kill(pid_, SIGTERM);
  if (wait_for_exit(pid_, 10) >= 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait_for_exit(pid_, 60);
}

PeerProgram::Prepare nginx(std::string server, Files files, std::string listen_options) {
  return [server = std::move(server), files = std::move(files), options = std::move(listen_options)](
             const TemporaryFolder& folder, std::uint16_t port) -> std::vector<std::string> {
    write_all(folder, files);
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temporary += std::string(kind) + "_temp_path " + folder.path() + "/" + kind + ";\n";
    }
    folder.write("nginx.conf",
                 "daemon off;\nmaster_process off;\nerror_log stderr;\npid " + folder.path() +
                     "/pid;\nevents { worker_connections 4096; }\nhttp {\naccess_log off;\n" + temporary +
                     "keepalive_requests 100000000;\nkeepalive_timeout 600s;\nserver {\nlisten 127.0.0.1:" +
                     std::to_string(port) + " reuseport backlog=4096 " + options + ";\n" +
                     replaced(server, "@FOLDER@", folder.path()) + "\n}\n}\n");
    return {"/usr/sbin/nginx", "-p", folder.path(), "-c", folder.path() + "/nginx.conf", "-e", "stderr"};
  };
}

PeerProgram::Prepare haproxy(std::string servers) {
  return [servers = std::move(servers)](const TemporaryFolder& folder, std::uint16_t port) -> std::vector<std::string> {
    folder.write("haproxy.cfg",
                 "global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  option http-keep-alive\n"
                 "  http-reuse always\n  timeout connect 5s\n  timeout client 600s\n  timeout server 60s\n"
                 "frontend in\n  bind 127.0.0.1:" +
                     std::to_string(port) + "\n  default_backend out\nbackend out\n" + servers + "\n");
    return {"/usr/sbin/haproxy", "-db", "-f", folder.path() + "/haproxy.cfg"};
  };
}

PeerProgram::Prepare python_http_server(Files files) {
  return [files = std::move(files)](const TemporaryFolder& folder, std::uint16_t port) -> std::vector<std::string> {
    write_all(folder, files);
    return {"/usr/bin/python3", "-m",         "http.server", std::to_string(port), "--bind",
            "127.0.0.1",        "--protocol", "HTTP/1.1",    "--directory",        folder.path()};
  };
}

}  // namespace semroute::test

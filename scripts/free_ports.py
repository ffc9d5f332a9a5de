"""Loopback ports that nobody listens on, for programs that must be told theirs before they start."""

import random
import socket


def free_ports(count):
    """Port numbers from below the range that the system gives out by itself, so that no connection takes them
    between here and their use."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest_given_out = int(file.read().split()[0])
    ports = []
    while len(ports) < count:
        port = random.randrange(10_000, max(lowest_given_out, 20_000))
        try:
            with socket.create_server(("127.0.0.1", port)):
                pass
        except OSError:
            continue
        if port not in ports:
            ports.append(port)
    return ports

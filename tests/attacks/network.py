"""Connects to the network: loopback, the internet, raw packets, the machine below a virtual machine."""
# ruff: noqa

OUTCOME = ("wrong",)

import socket
import subprocess
import urllib.request

for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 22)),
    (socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 53)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 22)),
    (socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)),
    (getattr(socket, "AF_VSOCK", 40), socket.SOCK_STREAM, (2, 1)),
    (socket.AF_PACKET, socket.SOCK_RAW, ("lo", 0)),
):
    try:
        with socket.socket(family, kind) as s:
            s.settimeout(1)
            s.connect(address)
        print("LEAK", family, address)
    except OSError:
        pass
try:
    urllib.request.urlopen("http://example.org", timeout=1)
    print("LEAK http")
except OSError:
    pass
if (
    subprocess.run("exec 3<>/dev/tcp/127.0.0.1/22", shell=True, executable="/bin/bash", capture_output=True).returncode
    == 0
):
    print("LEAK bash")


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    return socket.gethostname()

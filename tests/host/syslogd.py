#!/usr/bin/python3
"""syslogd.py SOCKET FILE PIDFILE: appends what arrives at SOCKET to FILE, a line each.

Does what a syslog daemon does as far as kavach can tell: time and host name in
front, control characters written as #ooo. Appends with one write(2) each, and
opens FILE anew for every line, so that a test may move it away.
"""
import os
import socket
import sys
import time


def clean(data):
    """The text of one datagram: without its <priority>, and with nothing that could end a line."""
    if data.startswith(b"<") and b">" in data[:5]:
        data = data[data.index(b">") + 1:]
    data = data.rstrip(b"\0\n")
    return b"".join(b"#%03o" % c if c < 32 or c == 127 else bytes((c,)) for c in data)


def main():
    path, file, pidfile = sys.argv[1:4]
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    os.chmod(path, 0o666)
    with open(pidfile, "w", encoding="ascii") as out:
        out.write("%d\n" % os.getpid())
    while True:
        data = clean(sock.recv(65536))
        # What a program writes begins with its own time, as syslog(3) puts it.
        if len(data) > 16 and data[3:4] == b" " and data[15:16] == b" ":
            data = data[16:]
        stamp = time.strftime("%b %e %H:%M:%S").encode()
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.write(fd, stamp + b" kavachhost " + data + b"\n")
        os.close(fd)


if __name__ == "__main__":
    main()

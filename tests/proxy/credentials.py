"""Credentials: added where they belong, and seen nowhere else."""
import time

from common import ALL, check, same, request, status
from world import SECRET, credential


def case_credential(w):
    """added for its host, port and scheme; by http inside, TLS outside; nowhere else; and it leaks nowhere"""
    p = w.proxy(*ALL, *credential("token", "Authorization", 443, SECRET, "api.example.org"))
    got = p.get("http://api.example.org/auth")
    same(got, (200, ("https|api.example.org|443|%s|HTTP/2.0||" % SECRET).encode()))
    same(p.get("http://api.example.org/auth", "-H", "Authorization: mine")[1].split(b"|")[3], SECRET.encode())
    same(p.get("http://api.example.org/auth", "-H", "authorization:mine", "-H", "AUTHORIZATION: more")[1].split(b"|")[3],
         SECRET.encode())
    answer = p.say(request("https://api.example.org/auth", headers=["Connection: close"]))
    check(SECRET.encode() in answer, answer)
    # Twins: another host, another port, a tunnel.
    check(SECRET.encode() not in p.say(request("http://www.example.org/auth", headers=["Connection: close"])))
    check(SECRET.encode() not in p.say(request("https://www.example.org/auth", headers=["Connection: close"])))
    check(SECRET.encode() not in p.get("https://api.example.org/auth", "--cacert", w.dir + "/ca.pem")[1])
    ports = w.proxy(*ALL, "port 80", "port 443", "port 8443",
                    *credential("token", "X-Mark", 8443, SECRET, "api.example.org"), port=3129)
    same(ports.get("http://api.example.org/auth")[1].split(b"|")[2:6], [b"8443", b"", b"HTTP/2.0", SECRET.encode()])
    check(SECRET.encode() not in ports.say(request("https://api.example.org/auth", headers=["Connection: close"])))
    # A redirect goes to the client, and what it asks for then has none.
    head = p.say(request("http://api.example.org/redirect", headers=["Connection: close"]))
    same(status(head), 302)
    check(b"location: https://other.example.org/auth" in head.lower() and SECRET.encode() not in head, head)
    check(SECRET.encode() not in p.get("http://api.example.org/redirect", "-L", "--cacert", w.dir + "/ca.pem")[1])
    same(p.get("http://api.example.org/auth", "-X", "TRACE")[0], 403)
    for line in w.syslog.lines:
        check(SECRET not in line and "3f9d2c7be1a84d55" not in line, line)
    for name in "environ", "cmdline", "status", "comm", "maps":
        with open("/proc/%d/%s" % (p.pid, name), "rb") as f:
            check(SECRET.encode() not in f.read(), name)


def memory_of(pid):
    """All memory that can be read: (address, permissions and name, bytes)."""
    with open("/proc/%d/maps" % pid, encoding="ascii") as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, rest = line.split(" ", 1)
            start, end = (int(x, 16) for x in span.split("-"))
            if "r" not in rest[:4] or "[v" in rest:
                continue
            try:
                mem.seek(start)
                yield start, rest.strip(), mem.read(end - start)
            except (OSError, OverflowError):
                continue


def case_credential_memory(w):
    """at rest the value is in locked memory only: what carried it was wiped"""
    p = w.proxy(*ALL, "port 80", "port 443", "port 8080",
                *credential("token", "Authorization", 443, SECRET, "api.example.org"))
    for i in range(20):
        same(p.get("http://api.example.org/auth")[0], 200)
        p.say(request("https://api.example.org/auth", headers=["Connection: close"]))
    # As long as the connections are kept, their buffers may hold it: they are closed by other traffic or by time.
    w.nginx.kill()
    w.nginx.wait()
    w.start_nginx()
    for _ in range(10):
        p.get("http://www.example.org/small")
        p.get("http://api.example.org/small")
    locked = 0
    with open("/proc/%d/smaps" % p.pid, encoding="ascii") as f:
        for line in f:
            if line.startswith("Locked:"):
                locked += int(line.split()[1])
    check(locked > 0, "nothing is locked")
    key = b"3f9d2c7be1a84d55"
    found = [(hex(at), name) for at, name, data in memory_of(p.pid) if key in data]
    check(len(found) == 2, "in", found)
    for at, name in found:
        check("heap" not in name and "stack" not in name, found)

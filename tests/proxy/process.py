"""The process: its confinement, its start and end, its records."""
import os
import resource
import signal
import socket
import struct
import threading
import time

import world
from common import ALL, check, same, request, status
from world import PUBLIC, SECRET, credential, wait_for


def case_confined(w):
    """seen from outside: user, capabilities, no_new_privs, seccomp, cores, descriptors, Landlock, not dumpable"""
    p = w.proxy(*ALL)
    with open("/proc/%d/status" % p.pid, encoding="ascii") as f:
        state = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    same(state["Uid"], "\t".join([str(world.UID)] * 4))
    for name in "CapInh", "CapPrm", "CapEff", "CapAmb":
        same(state[name], "0" * 16, name)
    same((state["NoNewPrivs"], state["Seccomp"], state["Threads"], state["Groups"].strip()), ("1", "2", "1", ""))
    with open("/proc/%d/limits" % p.pid, encoding="ascii") as f:
        core = [line.split()[4:6] for line in f if line.startswith("Max core")]
    same(core, [["0", "0"]])
    same(os.stat("/proc/%d/environ" % p.pid).st_uid, 0, "dumpable: owner of /proc/PID/environ")
    with open("/proc/%d/environ" % p.pid, "rb") as f:
        same(f.read(), b"")


def case_refuses_to_run(w):
    """as root, with a capability, with a group of others, traced, without its descriptors, with a broken configuration"""
    def said(word, *lines, **more):
        p = w.proxy(*lines, start=False, **more)
        p.start()
        check(p.said != "ready\n", word, "it runs")
        wait_for(p.ended)
        check(p.status != 0 and p.said.strip() and p.said != "ready\n" and word in p.said, word, p.status, p.said)
        check(SECRET not in p.said, "the secret is in what it says")
    said("capabilities", *ALL, uid=0)
    said("groups", *ALL, before=lambda: os.setgroups([0, 5]))

    def ambient():
        # PR_SET_KEEPCAPS; the sets are then those of the new uid.
        check(world.libc.prctl(8, 1, 0, 0, 0) == 0)
        os.setresgid(world.UID, world.UID, world.UID)
        os.setresuid(world.UID, world.UID, world.UID)
        header, bit = struct.pack("Ii", 0x20080522, 0), 1 << 10     # CAP_NET_BIND_SERVICE
        check(world.libc.capset(header, struct.pack("IIIIII", bit, bit, bit, 0, 0, 0)) == 0)
        check(world.libc.prctl(47, 2, 10, 0, 0) == 0)               # PR_CAP_AMBIENT_RAISE
    said("capabilities", *ALL, uid=None, before=ambient)
    said("descriptor 3", *ALL, before=lambda: os.close(3))
    said("", *ALL, "nonsense x")
    said("", *ALL, "port 0")
    said("", "host *.*")
    said("", *ALL, *credential("t", "Authorization", 443, SECRET + "\x01", "api.example.org"))
    page = resource.getpagesize()
    said("", *ALL, *credential("t", "Authorization", 443, SECRET, "api.example.org"),
         before=lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (page, page)))
    said("records", *ALL, audit=False)
    p = w.proxy(*ALL, audit=False, required=False, port=3130)
    same(p.get("http://www.example.org/small")[0], 200)
    w.syslog.expect("egress-allow", "mac=none")


def case_ends(w):
    """with the opener; by SIGTERM; afterwards there is no way out"""
    p = w.proxy(*ALL)
    same(p.get("http://www.example.org/small")[0], 200)
    with p.connect() as s:
        s.sendall(request("www.example.org:80", "CONNECT", host="www.example.org:80"))
        check(s.recv(100).startswith(b"HTTP/1.1 200"))
        p.opener.kill()
        p.opener.wait()
        wait_for(p.ended)
        same(p.status, 0)
        check(s.recv(100) == b"" if not reset(s) else True)
    w.syslog.expect("egress-allow", "method=CONNECT")
    wait_for(lambda: p.counts()["allowed"] == 2)
    check(p.curl("http://www.example.org/small").returncode == 7, "not refused")
    killed = w.proxy(*ALL, port=3129)
    os.kill(killed.pid, signal.SIGKILL)
    wait_for(killed.ended)
    check(killed.curl("http://www.example.org/small").returncode == 7, "not refused")
    # There is no other way: the session's namespace has no route.
    check(w.session.curl("http://%s/small" % PUBLIC).returncode != 0)


def reset(s):
    try:
        s.recv(1, socket.MSG_PEEK)
        return False
    except ConnectionResetError:
        return True


def case_audit_required(w):
    """no record, no new request; when syslog is back, all of it is there, in order"""
    p = w.proxy(*ALL)
    free = w.proxy(*ALL, required=False, port=3129)
    same(p.get("http://www.example.org/small")[0], 200)
    before = len(w.syslog.find("session=s"))
    w.syslog.close()
    same(p.get("http://www.example.org/small")[0], 200)     # it was under way when the failure was noticed
    same(p.get("http://www.example.org/small")[0], 503)
    same(p.get("http://evil.example/small")[0], 503)
    same(free.get("http://www.example.org/small")[0], 200)
    same(free.get("http://www.example.org/small")[0], 200)
    w.syslog.open()
    wait_for(lambda: p.get("http://www.example.org/small")[0] == 200)
    wait_for(lambda: len(w.syslog.find("session=s")) >= before + 4)


def case_paced(w):
    """who asks for what is refused, again and again, waits: a bound for what the log grows by; others do not wait"""
    p = w.proxy(*ALL, port=3128)
    refused, count = request("http://evil.example/"), []

    def one(which):
        end = time.monotonic() + 2
        while time.monotonic() < end:
            with p.connect() as s:
                s.settimeout(1)
                try:
                    s.sendall(refused if which % 2 else b"\x05\x01\x00\x05\x01\x00\x01\x0a\x01\x02\x03\x00\x50")
                    if s.recv(1000):
                        count.append(which)
                except OSError:
                    pass
    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    records = len(w.syslog.find("egress-deny"))
    check(1000 <= records <= 1300, "records:", records, "answers:", len(count))
    other = w.proxy(*ALL, port=3129)
    begin = time.monotonic()
    same(other.get("http://www.example.org/small")[0], 200)
    check(time.monotonic() - begin < 1, "another session's proxy waits")
    same(p.get("http://www.example.org/small")[0], 200)
    same(p.get("http://evil.example/")[0], 403)


def case_timeouts(w):
    """a head that does not come in whole: 408 within a minute; one that trickles has no more time"""
    p = w.proxy(*ALL)
    start = time.monotonic()
    with p.connect() as s, p.connect() as quiet:
        s.settimeout(90)
        quiet.settimeout(90)
        s.sendall(b"GET http://www.example.org/ HT")

        def trickle():
            try:
                for c in b"TP/1.1\r\nX: " + b"a" * 500:
                    time.sleep(0.5)
                    s.send(bytes([c]))
            except OSError:
                pass
        threading.Thread(target=trickle, daemon=True).start()
        same(status(s.recv(1000)), 408)
        check(55 < time.monotonic() - start < 75, "seconds", time.monotonic() - start)
        quiet.recv(1000)
    w.syslog.expect("egress-deny", "why=timeout")

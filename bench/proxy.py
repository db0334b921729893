"""kavach-proxy beside tinyproxy and squid: python3 bench/proxy.py PROGRAM LOAD [ROUNDS]. As root.

All three do the same work on the same nginx, in one run, in turns: an allow-list of hosts, a record of each request,
no cache. How busy the machine is otherwise moves all of them: the processor time does not depend on it.
Prints requests a second (small responses; clients that keep their connection, and that do not)
and bytes a second (one response of 1 GB, and a CONNECT tunnel with TLS in it), and ratios to tinyproxy.
"""
import os
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "proxy"))
import world  # noqa: E402

SIZE = 1 << 30
PORTS = {"kavach-proxy": 3128, "tinyproxy": 8888, "squid": 3129}

TINY = """User nobody
Group nogroup
Port 8888
Listen 127.0.0.1
Timeout 600
MaxClients 600
LogFile "{dir}/tiny.log"
LogLevel Info
Filter "{dir}/tiny.filter"
FilterDefaultDeny Yes
FilterExtended Yes
ConnectPort 443
Allow 127.0.0.1
DisableViaHeader Yes
"""

SQUID = """http_port 127.0.0.1:3129
acl hosts dstdomain .example.org
acl CONNECT method CONNECT
http_access allow hosts
http_access deny all
cache deny all
cache_mem 8 MB
access_log stdio:{dir}/squid.log
cache_log {dir}/squid-cache.log
pid_filename {dir}/squid.pid
coredump_dir {dir}
visible_hostname bench
pinger_enable off
via off
forwarded_for delete
dns_nameservers 127.0.0.1
shutdown_lifetime 1 second
workers 1
"""


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def up(port):
    def there():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    world.wait_for(there, 30)


def start(w):
    """All three, in the same network namespace."""
    for log in "tiny.log", "squid.log", "squid-cache.log":
        write(w.dir + "/" + log, "")
        os.chmod(w.dir + "/" + log, 0o666)
    write(w.dir + "/tiny.conf", TINY.format(dir=w.dir))
    write(w.dir + "/tiny.filter", "(^|\\.)example\\.org$\n")
    write(w.dir + "/squid.conf", SQUID.format(dir=w.dir))
    # Its listening socket is made where the load is; that is all the difference to a session.
    w.session.ns = w.session.home
    proxy = w.proxy("host *.example.org", "host example.org")
    others = [subprocess.Popen(["tinyproxy", "-d", "-c", w.dir + "/tiny.conf"]),
              subprocess.Popen(["squid", "-N", "-f", w.dir + "/squid.conf"], stderr=subprocess.DEVNULL)]
    for port in PORTS.values():
        up(port)
    return proxy, others


def load(program, *argv):
    done = subprocess.run([program] + [str(a) for a in argv], check=True, capture_output=True, text=True)
    number, errors = done.stdout.split()
    return float(number), int(errors)


def cpu(pid):
    """Seconds of processor time that a process has used."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def tunnel(w, port, url):
    done = subprocess.run(["curl", "-sS", "--cacert", w.dir + "/ca.pem", "-x", "http://127.0.0.1:%d" % port, "-o", "/dev/null",
                           "-w", "%{speed_download}", url], check=True, capture_output=True, text=True)
    return float(done.stdout), 0


def main():
    world.enter()
    program, loader = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    w = world.World(program)
    w.syslog.close()
    sink = subprocess.Popen([loader, "sink", "/dev/log"])
    time.sleep(0.2)
    others = []
    try:
        with open(w.dir + "/www/giga", "wb") as f:
            f.truncate(SIZE)
        proxy, others = start(w)
        small, giga = "http://www.example.org/small", "http://www.example.org/giga"
        tests = [
            ("requests/s, 50 clients that keep their connection", 1, lambda p: load(loader, "get", p, small, 50, 3, "keep")),
            ("requests/s, 50 clients, a connection for each", 1, lambda p: load(loader, "get", p, small, 50, 3, "new")),
            ("MB/s, one response of 1 GB", 1e6, lambda p: load(loader, "body", p, giga)),
            ("MB/s, 1 GB in a tunnel, with TLS", 1e6, lambda p: tunnel(w, p, "https://www.example.org/giga")),
        ]
        for what, unit, test in tests:
            found = {name: [] for name in PORTS}
            wrong, used, done = dict.fromkeys(PORTS, 0), dict.fromkeys(PORTS, 0.0), dict.fromkeys(PORTS, 0.0)
            pids = dict(zip(PORTS, [proxy.pid] + [other.pid for other in others]))
            for _ in range(rounds):
                for name, port in PORTS.items():
                    before, start_at = cpu(pids[name]), time.monotonic()
                    number, errors = test(port)
                    used[name] += cpu(pids[name]) - before
                    done[name] += number * (3 if unit == 1 else time.monotonic() - start_at)
                    found[name].append(number / unit)
                    wrong[name] += errors
            middle = {name: statistics.median(numbers) for name, numbers in found.items()}
            print(what + ":")
            for name in PORTS:
                print("  %-14s %9.0f  %5.2f of tinyproxy  (%.0f to %.0f)  CPU %4.0f %s%s" % (
                    name, middle[name], middle[name] / middle["tinyproxy"], min(found[name]), max(found[name]),
                    used[name] / done[name] * 1e6 * (1 if unit == 1 else 1e6), "us each" if unit == 1 else "ms a GB",
                    "  %d ERRORS" % wrong[name] if wrong[name] else ""), flush=True)
        print("memory of kavach-proxy afterwards: %.1f MB anonymous, %.1f MB in all" % tuple(n / 1e6 for n in proxy.memory()))
    finally:
        for other in others:
            other.kill()
            other.wait()
        sink.kill()
        sink.wait()
        w.end()


if __name__ == "__main__":
    main()

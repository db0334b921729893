"""A world of its own for tests of kavach-proxy: two network namespaces, upstream servers, name server, syslog.

The process that uses this runs in mount and network namespaces of its own (enter() starts it anew in them). That network
is the host's, where the proxy and its upstream servers are; the session's is a second one, in which only the proxy's
listening socket is. Names, roots of TLS and resolver are bound over /etc in the mount namespace: the program has no switch
for tests.
"""
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

UID = 61234
PUBLIC = "93.184.216.34"
OTHER = "93.184.216.35"
OWN, OWN6 = "93.184.216.36", "2606:2800:220:1::36"
ABROAD6 = "2606:2800:220:1::37"
PRIVATE = "10.1.2.3"
METADATA = "169.254.169.254"
SECRET = "Bearer kavach-test-3f9d2c7be1a84d55"
PORT = 3128
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter():
    """Runs the program again in namespaces of its own."""
    if os.environ.get("KV_WORLD") != str(os.getppid()):
        pid = os.fork()
        if pid == 0:
            # exec keeps the pid: unshare(1) is this process, and then the program is.
            os.environ["KV_WORLD"] = str(os.getppid())
            os.execvp("unshare", ["unshare", "-m", "-n", "--propagation", "private", sys.executable, "-u"] + sys.argv)
        status = os.waitpid(pid, 0)[1]
        sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def sh(*argv, **more):
    return subprocess.run(argv, check=True, capture_output=True, text=True, **more)


def wait_for(what, seconds=10.0, step=0.02):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = what()
        if result:
            return result
        time.sleep(step)
    raise AssertionError("waited in vain: " + (what.__doc__ or what.__name__))


class Session:
    """The session's network namespace: nothing in it but lo."""

    def __init__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        ready = threading.Event()

        def make():
            assert libc.unshare(CLONE_NEWNET) == 0
            self.ns = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            sh("ip", "link", "set", "lo", "up")
            ready.set()
        threading.Thread(target=make, daemon=True).start()
        ready.wait()

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        assert libc.setns(self.ns, CLONE_NEWNET) == 0
        try:
            return socket.socket(family, kind)
        finally:
            assert libc.setns(self.home, CLONE_NEWNET) == 0

    def run(self, *argv, **more):
        """A program in it."""
        more.setdefault("capture_output", True)
        return subprocess.run(("nsenter", "--net=/proc/%d/fd/%d" % (os.getpid(), self.ns)) + argv, check=False, **more)

    def curl(self, *argv, **more):
        return self.run("curl", "-sS", "--max-time", "60", *argv, **more)


class Names(threading.Thread):
    """A name server: answers as told, each time the next of the list, the last for ever."""

    def __init__(self):
        super().__init__(daemon=True)
        self.answers, self.asked = {}, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 53))
        self.start()

    def run(self):
        while True:
            query, peer = self.sock.recvfrom(512)
            at, labels = 12, []
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
            self.asked.append((name, kind))
            answers = self.answers.get(name)
            found = []
            if answers and kind == 1:
                found = answers[0] if len(answers) == 1 else answers.pop(0)
            head = query[:2] + struct.pack(">HHHHH", 0x8180 if answers else 0x8183, 1, len(found), 0, 0)
            body = b"".join(struct.pack(">HHHIH", 0xc00c, 1, 1, 0, 4) + socket.inet_aton(a) for a in found)
            self.sock.sendto(head + query[12:at + 5] + body, peer)


class Syslog(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.lines = []
        self.open()
        self.start()

    def open(self):
        if os.path.exists("/dev/log"):
            os.unlink("/dev/log")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("/dev/log")
        os.chmod("/dev/log", 0o666)

    def run(self):
        while True:
            try:
                self.lines.append(self.sock.recv(8192).decode())
            except OSError:
                time.sleep(0.05)

    def close(self):
        os.unlink("/dev/log")
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def find(self, *words):
        """The records that have all of these words."""
        return [line for line in self.lines if all(w in line for w in words)]

    def expect(self, *words):
        def there():
            return self.find(*words)
        there.__doc__ = "a record with " + " ".join(words)
        try:
            return wait_for(there)
        except AssertionError:
            raise AssertionError("no record with %r among\n%s" % (words, "\n".join(self.lines[-8:]))) from None


class Server(threading.Thread):
    """An upstream server of ours: each connection is given to serve(socket)."""

    def __init__(self, port, serve, address=PUBLIC, tls=None):
        super().__init__(daemon=True)
        self.serve, self.tls, self.count, self.open = serve, tls, 0, []
        self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def bound():
            """a port that is free again"""
            try:
                self.sock.bind((address, port))
                return True
            except OSError:
                return False
        wait_for(bound)
        self.sock.listen(512)
        self.start()

    def run(self):
        while True:
            try:
                peer = self.sock.accept()[0]
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.one, args=(peer,), daemon=True).start()

    def one(self, peer):
        try:
            if self.tls:
                peer = self.tls.wrap_socket(peer, server_side=True)
            self.serve(peer)
        except OSError:
            pass
        finally:
            peer.close()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def read_head(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise OSError("closed")
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    return head + b"\r\n\r\n", rest


NGINX = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log; user root;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log {dir}/access.log; client_body_temp_path {dir}/body; keepalive_requests 1000000; client_max_body_size 0;
  proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  sendfile on; tcp_nopush on; default_type application/octet-stream;
  ssl_certificate {dir}/server.pem; ssl_certificate_key {dir}/server.key;
  server {{
    listen {public}:80 backlog=1024; listen {public}:443 ssl http2 backlog=1024; listen {public}:8443 ssl http2;
    listen {private}:80; listen {metadata}:80; listen {own}:80; listen [::]:80; listen {other}:443 ssl http2;
    root {dir}/www;
    location = /auth {{ return 200 "$scheme|$host|$server_port|$http_authorization|$server_protocol|$http_x_mark|"; }}
    location = /redirect {{ return 302 https://other.example.org/auth; }}
    location = /empty {{ return 204; }}
    location = /put {{ proxy_pass http://{public}:8080; proxy_request_buffering off; proxy_http_version 1.1; }}
    location = /query {{ return 200 "$request_uri"; }}
  }}
}}
"""


class World:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.dir = tempfile.mkdtemp(prefix="kavach-proxy.")
        os.chmod(self.dir, 0o755)
        sh("mount", "-t", "tmpfs", "-o", "size=4g", "world", self.dir)
        sh("ip", "link", "set", "lo", "up")
        # Servers elsewhere are here, at addresses that come to this host but are none of its own.
        for address in PUBLIC, OTHER, ABROAD6:
            sh("ip", "route", "add", "local", address, "dev", "lo")
        for address in PRIVATE, METADATA, OWN, OWN6:
            sh("ip", "addr", "add", address, "dev", "lo")
        self.make_dev()
        self.make_tls()
        self.make_etc()
        self.syslog, self.names, self.session = Syslog(), Names(), Session()
        self.proxies, self.nginx = [], None
        os.mkdir(self.dir + "/www")
        self.file("small", b"hello, world\n")
        self.start_nginx()

    def file(self, name, data):
        with open(self.dir + "/www/" + name, "wb") as f:
            f.write(data)

    def make_dev(self):
        new = self.dir + "/dev"
        os.mkdir(new)
        sh("mount", "-t", "tmpfs", "dev", new)
        for name in "null", "zero", "random", "urandom":
            open(new + "/" + name, "w").close()
            sh("mount", "--bind", "/dev/" + name, new + "/" + name)
        os.symlink("/proc/self/fd", new + "/fd")
        os.mkdir(new + "/shm", 0o1777)
        os.chmod(new + "/shm", 0o1777)
        sh("mount", "--move", new, "/dev")

    def make_tls(self):
        d = self.dir
        names = ",".join("DNS:" + n for n in ("example.org", "*.example.org", "*.example.net", "rebind.example.com"))
        sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
           "-subj", "/CN=test authority", "-keyout", d + "/ca.key", "-out", d + "/ca.pem")
        sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server",
           "-keyout", d + "/server.key", "-out", d + "/server.csr")
        with open(d + "/ext", "w", encoding="ascii") as f:
            f.write("subjectAltName=" + names + ",IP:" + PUBLIC)
        sh("openssl", "x509", "-req", "-in", d + "/server.csr", "-CA", d + "/ca.pem", "-CAkey", d + "/ca.key", "-days",
           "30", "-extfile", d + "/ext", "-out", d + "/server.pem")

    def bind(self, text, path):
        name = self.dir + "/bound" + path.replace("/", "_")
        with open(name, "w", encoding="ascii") as f:
            f.write(text)
        sh("mount", "--bind", name, path)

    def make_etc(self):
        with open(self.dir + "/ca.pem", encoding="ascii") as f, \
                open("/etc/ssl/certs/ca-certificates.crt", encoding="ascii") as system:
            # As many roots as a real system has: they count for memory.
            self.bind(system.read() + f.read(), "/etc/ssl/certs/ca-certificates.crt")
        self.bind("nameserver 127.0.0.1\noptions ndots:1\n", "/etc/resolv.conf")
        self.bind("127.0.0.1 localhost\n" + "".join("%s %s\n" % pair for pair in (
            (PUBLIC, "example.org www.example.org api.example.org files.example.org wrong.example.com evil.example"),
            (OTHER, "other.example.org"), (OWN, "own.example.org"), (OWN6, "own6.example.org"), (ABROAD6, "abroad6.example.org"), (PRIVATE, "private.example.org"), (METADATA, "metadata.example.org"),
            ("127.0.0.1", "loop.example.org"))), "/etc/hosts")

    def start_nginx(self):
        with open(self.dir + "/nginx.conf", "w", encoding="ascii") as f:
            f.write(NGINX.format(dir=self.dir, public=PUBLIC, private=PRIVATE, metadata=METADATA, other=OTHER,
                                 own=OWN))
        self.nginx = subprocess.Popen(["nginx", "-c", self.dir + "/nginx.conf", "-e", self.dir + "/error.log"])

        def up():
            with socket.socket() as s:
                return s.connect_ex((PUBLIC, 80)) == 0
        wait_for(up)

    def proxy(self, *lines, **more):
        made = Proxy(self, lines, **more)
        self.proxies.append(made)
        return made

    def end(self):
        for proxy in self.proxies:
            proxy.end()
        self.nginx.kill()
        self.nginx.wait()
        sh("umount", "-l", self.dir)
        os.rmdir(self.dir)


class Proxy:
    """One proxy: started as stage one starts it."""

    def __init__(self, world, lines, required=True, start=True, port=PORT, audit=True, uid=UID, before=None, listener=None):
        self.world, self.before, self.uid = world, before, uid
        subject = "subject\ts%d\talice\t1000\tsshd\t192.0.2.1\tr\tp\tprocess\t70" % len(world.proxies)
        self.text = "\n".join(("format\tlogfmt", "audit_required\t" + ("yes" if required else "no"), subject) +
                              tuple(line.replace(" ", "\t", line.count(" ") if not line.startswith("credential") else 0)
                                    for line in lines) + ("end", "")).encode()
        self.port, self.audit, self.pid, self.status = port, None, None, None
        self.opener = subprocess.Popen(["sleep", "1000"])
        if audit:
            self.audit = tempfile.mkdtemp(dir=world.dir)
            os.chmod(self.audit, 0o700)
            os.chown(self.audit, UID, UID)
        self.listener = listener or world.session.socket()
        if not listener:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", port))
            self.listener.listen(512)
        self.counts_path = tempfile.mkstemp(dir=world.dir)[1]
        if start:
            self.start()
            assert self.said == "ready\n", self.said

    def start(self):
        config = tempfile.TemporaryFile(dir=self.world.dir)
        config.write(self.text)
        config.seek(0)
        ready, said = os.pipe()
        null = os.open("/dev/null", os.O_RDWR)
        counts = os.open(self.counts_path, os.O_RDWR)
        folder = os.open(self.audit, os.O_RDONLY | os.O_DIRECTORY) if self.audit else -1
        pidfd = os.pidfd_open(self.opener.pid)
        given = [config.fileno(), said, null, self.listener.fileno(), pidfd, folder, counts]
        self.pid = os.fork()
        if self.pid == 0:
            try:
                high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) if fd >= 0 else -1 for fd in given]
                for number, fd in enumerate(high):
                    if fd >= 0:
                        os.dup2(fd, number)
                    else:
                        os.close(number)
                os.chdir("/")
                os.setgroups([])
                if self.before:
                    self.before()
                if self.uid:
                    os.setresgid(self.uid, self.uid, self.uid)
                    os.setresuid(self.uid, self.uid, self.uid)
                os.execve(self.world.program, [self.world.program], {})
            finally:
                os._exit(127)
        for fd in said, null, counts, folder, pidfd:
            if fd >= 0:
                os.close(fd)
        config.close()
        with os.fdopen(ready) as f:
            self.said = f.readline()
        self.listener.close()

    def poll(self):
        if self.status is None and self.pid is not None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def ended(self):
        """the proxy's end"""
        return self.poll() is not None

    def end(self):
        if self.pid is not None and self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                wait_for(self.ended, 8)
            except AssertionError:
                os.kill(self.pid, signal.SIGKILL)
                wait_for(self.ended)
        if self.opener.poll() is None:
            self.opener.kill()
            self.opener.wait()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def connect(self):
        s = self.world.session.socket()
        s.settimeout(30)
        s.connect(("127.0.0.1", self.port))
        return s

    def say(self, data, until_close=True):
        """Sends bytes, returns what comes back until the proxy closes (or the first 64 KiB)."""
        with self.connect() as s:
            s.sendall(data)
            answer = b""
            try:
                while True:
                    more = s.recv(65536)
                    if not more:
                        break
                    answer += more
                    if not until_close:
                        break
            except ConnectionResetError:
                answer += b"<RESET>"
            return answer

    def curl(self, *argv, **more):
        return self.world.session.curl("-x", self.url, *argv, **more)

    def get(self, url, *argv):
        """(status, body) by curl through the proxy."""
        done = self.curl("-w", "\\n%{http_code}", *argv, url)
        body, status = done.stdout.rsplit(b"\n", 1)
        return int(status), body

    def counts(self):
        with open(self.counts_path, encoding="ascii") as f:
            return dict((k, int(v)) for k, v in (word.split("=") for word in f.read().split()))

    def memory(self):
        """Bytes: anonymous, and proportional set size."""
        found = {}
        with open("/proc/%d/smaps_rollup" % self.pid, encoding="ascii") as f:
            for line in f:
                words = line.split()
                if words[0] in ("Pss:", "Anonymous:", "Pss_Anon:"):
                    found[words[0]] = int(words[1]) * 1024
        return found["Anonymous:"], found["Pss:"]


class Watch(threading.Thread):
    """The highest memory of a proxy while something goes on."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.proxy, self.anonymous, self.pss, self.stop = proxy, 0, 0, threading.Event()
        self.start()

    def run(self):
        while not self.stop.wait(0.05):
            anonymous, pss = self.proxy.memory()
            self.anonymous, self.pss = max(self.anonymous, anonymous), max(self.pss, pss)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()


def credential(name, header, port, value, *hosts):
    return ["credential\t%s\t%s\t%d\t%s" % (name, header, port, value)] + ["for " + h for h in hosts]

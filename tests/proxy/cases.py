"""What kavach-proxy must and must not do: python3 cases.py PROGRAM [CASE...]. As root; each line says ok or not ok."""
import hashlib
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import traceback

import world
from world import OTHER, PRIVATE, PUBLIC, SECRET, Server, Watch, credential, read_head, wait_for

GB = 1 << 30
LIMIT = 32 << 20
ALL = ["host *.example.org", "host example.org"]


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


def same(found, wanted, what=""):
    check(found == wanted, what, "found", repr(found)[:400], "wanted", repr(wanted)[:400])


def request(url, method="GET", headers=(), body=b"", version="HTTP/1.1", host=None):
    host = url.split("/")[2] if host is None else host
    lines = ["%s %s %s" % (method, url, version), "Host: " + host] + list(headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


# What is allowed, and its denied twin.

def case_get(w):
    """a request by URL; a host that is not listed is refused with a sentence and a record"""
    p = w.proxy(*ALL)
    same(p.get("http://www.example.org/small"), (200, b"hello, world\n"))
    got = p.get("http://evil.example/small?token=hidden")
    same(got, (403, b"kavach: evil.example is not in allowed_hosts; ask your administrator\n"))
    w.syslog.expect("egress-allow", "host=www.example.org", "port=80", "method=GET", "status=200", "down=13")
    w.syslog.expect("egress-deny", "host=evil.example", "why=host", "by=allowed_hosts")
    check(not w.syslog.find("hidden") and not w.syslog.find("small"), "a path is in a record")
    wait_for(lambda: p.counts() == {"allowed": 1, "denied": 1, "up": 0, "down": 13})


def case_empty_list(w):
    """no allowed_hosts: nothing"""
    p = w.proxy()
    for url in "http://www.example.org/small", "http://%s/small" % PUBLIC:
        same(p.get(url)[0], 403)
    check(p.say(request("www.example.org:443", "CONNECT", host="www.example.org:443")).startswith(b"HTTP/1.1 403"))


def case_tls_upstream(w):
    """https URLs go out by TLS (HTTP/2), verified; a server of another name is none"""
    p = w.proxy(*ALL, "host wrong.example.com")
    answer = p.say(request("https://www.example.org/auth", headers=["Connection: close"]))
    same(status(answer), 200)
    check(b"https|www.example.org|443||HTTP/2.0||" in answer, answer)
    same(status(p.say(request("https://wrong.example.com/small", headers=["Connection: close"]))), 502)


def case_methods_paths(w):
    """allowed_methods and allowed_paths, and what they close"""
    p = w.proxy(*ALL, "method GET", "method HEAD", "path /pub/")
    os.makedirs(w.dir + "/www/pub", exist_ok=True)
    w.file("pub/x", b"x")
    same(p.get("http://www.example.org/pub/x"), (200, b"x"))
    same(p.get("http://www.example.org/small")[0], 403)
    same(p.get("http://www.example.org/pub/../small", "--path-as-is")[0], 403)
    same(p.get("http://www.example.org/pub/%2e%2e/small")[0], 403)
    same(p.get("http://www.example.org/pub/x", "-X", "DELETE")[0], 403)
    check(p.say(request("www.example.org:443", "CONNECT", host="www.example.org:443")).startswith(b"HTTP/1.1 403"))
    w.syslog.expect("egress-deny", "why=method", "method=DELETE")
    w.syslog.expect("egress-deny", "why=path")


def case_ports(w):
    """allowed_ports for requests and tunnels"""
    p = w.proxy(*ALL, "port 80")
    same(p.get("http://www.example.org/small")[0], 200)
    same(p.get("http://www.example.org:8080/small")[0], 403)
    check(p.say(request("www.example.org:443", "CONNECT", host="www.example.org:443")).startswith(b"HTTP/1.1 403"))
    w.syslog.expect("egress-deny", "why=port", "port=8080")


def case_addresses(w):
    """private, loopback, link-local and metadata addresses, by name and by number; listed ones are open"""
    p = w.proxy("host *", *ALL)
    for name, why in ("private.example.org", "private"), ("metadata.example.org", "metadata"), \
            ("loop.example.org", "loopback"):
        same(p.get("http://%s/small" % name)[0], 403, name)
        w.syslog.expect("egress-deny", "host=" + name, "why=address", why)
    for number in PRIVATE, "127.0.0.1", "[::1]", "[::ffff:10.1.2.3]", "169.254.169.254", "0.0.0.0":
        same(p.get("http://%s/small" % number, "-g")[0], 403, number)
    for number in "127.1", "0x7f000001", "2130706433", "017700000001":
        same(status(p.say(request("http://%s/small" % number))), 400, number)
    listed = w.proxy("host " + PRIVATE, "host private.example.org", port=3129)
    same(listed.get("http://%s/small" % PRIVATE)[0], 200)
    same(listed.get("http://private.example.org/small")[0], 200)


def case_rebinding(w):
    """a name that answers otherwise the second time goes to the address that was checked, or nowhere"""
    p = w.proxy("host *.example.com")
    w.names.answers["rebind.example.com"] = [[PUBLIC], [PRIVATE]]
    w.names.answers["inner.example.com"] = [[PRIVATE]]
    w.names.answers["mixed.example.com"] = [[PRIVATE, PUBLIC]]
    same(p.get("http://rebind.example.com/small")[0], 200)
    asked = len([a for a in w.names.asked if a == ("rebind.example.com", 1)])
    same(asked, 1, "it was asked more than once for one request:")
    time.sleep(1.2)     # the answer's time to live is 0, and a second is the least that is kept
    same(p.get("http://rebind.example.com/small")[0], 403)
    same(p.get("http://inner.example.com/small")[0], 403)
    same(p.get("http://mixed.example.com/small")[0], 200)
    same(p.get("http://nowhere.example.com/small")[0], 502)
    check(p.say(request("rebind.example.com:80", "CONNECT", host="rebind.example.com:80")).startswith(b"HTTP/1.1 403"))


def case_connection_reuse_is_by_address(w):
    """a kept connection is not used for a request whose name now has another address"""
    where = []

    def serve(name):
        def one(sock):
            while True:
                read_head(sock)
                where.append(name)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name)
        return one
    servers = [Server(8080, serve(b"a"), PUBLIC), Server(8080, serve(b"b"), OTHER)]
    p = w.proxy("host *.example.com", "port 8080")
    w.names.answers["moves.example.com"] = [[PUBLIC], [OTHER]]
    same(p.get("http://moves.example.com:8080/")[1], b"a")
    same(p.get("http://moves.example.com:8080/")[1], b"a")
    time.sleep(1.2)
    same(p.get("http://moves.example.com:8080/")[1], b"b")
    same([s.count for s in servers], [1, 1], "connections")
    for s in servers:
        s.close()


def case_connect(w):
    """a tunnel to an allowed host; none to another, none with a body"""
    p = w.proxy(*ALL)
    got = p.get("https://www.example.org/small", "--cacert", w.dir + "/ca.pem")
    same(got, (200, b"hello, world\n"))
    w.syslog.expect("egress-allow", "method=CONNECT", "port=443", "status=200")
    for place in "evil.example:443", "private.example.org:443", PRIVATE + ":443":
        same(status(p.say(request(place, "CONNECT", host=place))), 403, place)
    place = "www.example.org:443"
    same(status(p.say(request(place, "CONNECT", host=place, headers=["Content-Length: 3"], body=b"abc"))), 400)
    same(status(p.say(request(place, "CONNECT", host="evil.example:443"))), 400)


def case_socks(w):
    """SOCKS5 under the same lists"""
    p = w.proxy(*ALL)
    done = w.session.curl("--socks5-hostname", "127.0.0.1:3128", "http://www.example.org/small")
    same(done.stdout, b"hello, world\n")
    for url in "http://evil.example/small", "http://private.example.org/small", "http://www.example.org:81/":
        check(w.session.curl("--socks5-hostname", "127.0.0.1:3128", url).returncode != 0, url)
    w.syslog.expect("egress-allow", "method=SOCKS", "host=www.example.org")
    w.syslog.expect("egress-deny", "method=SOCKS", "host=evil.example", "why=host")
    for bad in b"\x05\x01\x00\x05\x02\x00\x01\x01\x01\x01\x01\x00\x50", b"\x05\x01\x02", b"\x05\x01\x00\x05\x01\x00\x09":
        p.say(bad)
    wait_for(p.counts)


def case_malformed(w):
    """what two parsers could read in two ways: 400, a record, and nothing is sent on"""
    seen = []

    def serve(sock):
        seen.append(read_head(sock))
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    server = Server(8080, serve)
    p = w.proxy(*ALL, "port 8080")
    url, host = "http://www.example.org:8080/", "www.example.org:8080"
    same(status(p.say(request(url, headers=["Connection: close"]))), 200)
    base = request(url)
    bad = [
        request(url, "POST", ["Transfer-Encoding: chunked", "Content-Length: 5"], b"0\r\n\r\n"),
        request(url, "POST", ["Content-Length: 5", "Content-Length: 5"], b"hello"),
        request(url, "POST", ["Content-Length: +5"], b"hello"),
        request(url, "POST", ["Content-Length: 5,5"], b"hello"),
        request(url, "POST", ["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
        request(url, "POST", ["Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n"),
        request(url, "POST", ["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
        request(url, "POST", ["Transfer-Encoding: chunked"], b"0\r\n\r\n", version="HTTP/1.0"),
        request(url, headers=["X: a", " folded"]),
        request(url, headers=["X: a\rb"]),
        request(url, headers=["X: a\0b"]),
        request(url, headers=["X y: a"]),
        base.replace(b"\r\n", b"\n"),
        request(url, host="evil.example"),
        request(url, headers=["Host: evil.example"]),
        request("http://user@www.example.org:8080/", host=host),
        request("http://www.example.org:8080/#x", host=host),
        request("/relative", host=host),
        request("*", "OPTIONS", host=host),
        request("http://www.example.org:99999/", host="www.example.org:99999"),
        request("http://www.example.org:8080/a b", host=host),
        request("http://www.example.org:8080/\xe4", host=host),
        request("http://[[::1]]/", host="[[::1]]"),
        request("http://www.example.org:8080/", version="HTTP/2.0"),
        request("http://www.example.org:8080/", headers=["X: " + "a" * 20000]),
        request("http://www.example.org:8080/", headers=["X%d: a" % i for i in range(200)]),
        request("ftp://www.example.org:8080/", host=host),
        request(url, headers=["Expect: something"]),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
        b"GET\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"A" * 40000,
    ]
    for i, data in enumerate(bad):
        before = len(w.syslog.find("egress-deny", "malformed"))
        answer = p.say(data)
        check(status(answer) == 400 or (answer == b"<RESET>"), i, data[:80], answer[:80])
        wait_for(lambda n=before: len(w.syslog.find("egress-deny", "malformed")) > n)
    same(len(seen), 1, "what reached the server:")
    server.close()


def case_second_request_is_looked_at(w):
    """pipelined and smuggled requests are decided on one by one"""
    p = w.proxy(*ALL)
    answer = p.say(request("http://www.example.org/small") + request("http://evil.example/small") +
                   request("http://www.example.org/small", headers=["Connection: close"]))
    same([part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]], [b"200", b"403", b"200"])
    inner = request("http://evil.example/small", headers=["Connection: close"])
    answer = p.say(request("http://www.example.org/query?a", "POST", ["Content-Length: %d" % len(inner)], inner) +
                   request("http://www.example.org/small", headers=["Connection: close"]))
    check(b"403" not in answer.split(b"\r\n")[0] and answer.count(b"HTTP/1.1 ") == 2, answer)


def case_hop_by_hop(w):
    """what belongs to one connection stays there; the rest arrives as it was"""
    heads = []

    def serve(sock):
        while True:
            heads.append(read_head(sock)[0])
            sock.sendall(b"HTTP/1.1 200 Fine\r\nConnection: keep-alive, X-Local\r\nX-Local: 1\r\nKeep-Alive: 9\r\n"
                         b"Proxy-Authenticate: Basic\r\nX-Far: 2\r\nX-Far: 3\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok")
    server = Server(8080, serve)
    p = w.proxy(*ALL, "port 8080")
    answer = p.say(request("http://WWW.Example.org.:8080/a%20b?x=1&y", host="www.example.org:8080", headers=[
        "Connection: close, X-Mine", "X-Mine: 1", "Proxy-Authorization: Basic eDp5", "Proxy-Connection: close", "TE: trailers",
        "Keep-Alive: 3", "Upgrade: websocket", "Trailer: X", "X-Empty:", "X-Yours: \xe4\t2", "Cookie: a=b",
        "Authorization: Basic eDp5"]))
    sent = heads[0].split(b"\r\n")
    same(sent[0], b"GET /a%20b?x=1&y HTTP/1.1")
    same(sorted(line for line in sent[1:] if line),
         sorted([b"Host: www.example.org:8080", b"X-Empty:", b"X-Yours: \xe4\t2", b"Cookie: a=b", b"Authorization: Basic eDp5"]))
    head, body = answer.split(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    same(lines[0], b"HTTP/1.1 200 Fine")
    same(sorted(lines[1:]), sorted([b"X-Far: 2", b"X-Far: 3", b"Content-Length: 2", b"Connection: close"]))
    same(body, b"ok")
    server.close()


# Responses.

def raw_server(answers, port=8080, then=None):
    """Answers each request with the next of answers, then closes."""
    answers = list(answers)

    def serve(sock):
        read_head(sock)
        sock.sendall(answers.pop(0) if len(answers) > 1 else answers[0])
        if then:
            then(sock)
        else:
            # Its end must not take back what was sent.
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
    return Server(port, serve)


def case_framing(w):
    """the response is framed anew: length, chunks, close; HEAD, 204, 304"""
    cases = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "GET", "HTTP/1.1", b"Content-Length: 3", b"abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n", "GET", "HTTP/1.1",
         b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "GET", "HTTP/1.0", b"Connection: close", b"abc"),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", "GET", "HTTP/1.1", b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "HEAD", "HTTP/1.1", b"Content-Length: 99", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", "HTTP/1.1", b"204", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "GET", "HTTP/1.1", b"Content-Length: 7", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz",
         "GET", "HTTP/1.1", b"Content-Length: 1", b"z"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", "HTTP/1.1", b"Content-Length: 0", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nraw", "GET", "HTTP/1.1", b"Content-Encoding: gzip",
         b"raw"),
    ]
    server = raw_server([c[0] for c in cases])
    p = w.proxy(*ALL, "port 8080")
    for i, (_, method, version, want, body) in enumerate(cases):
        answer = p.say(request("http://www.example.org:8080/", method, ["Connection: close"], version=version))
        head, found = answer.split(b"\r\n\r\n", 1)
        check(want in head and b"X-Trailer" not in answer and b"Link" not in head, i, answer)
        same(found, body, i)
    server.close()


def case_hostile_responses(w):
    """an upstream that makes no sense, or means to inject: 502, and the connection is of use afterwards"""
    bad = [
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nX y: a\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000 + b"\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: a\r\n" % i for i in range(400)) + b"Content-Length: 1\r\n\r\na",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
        b"HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\na",
        b"hello, this is not HTTP\r\n\r\n",
        b"",
    ]
    server = raw_server(bad)
    p = w.proxy(*ALL, "port 8080", "port 80")
    for i, data in enumerate(bad):
        answer = p.say(request("http://www.example.org:8080/") +
                       request("http://www.example.org/small", headers=["Connection: close"]))
        same(status(answer), 502, "%d %r" % (i, data[:60]))
        check(answer.endswith(b"hello, world\n"), i, answer)
    w.syslog.expect("egress-allow", "status=502")
    server.close()


def case_upstream_dies(w):
    """a body that is not whole is never a clean end for the client"""
    heads = [(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50, "HTTP/1.1"),
             (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + b"x" * 50 + b"\r\n", "HTTP/1.1"),
             (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + b"x" * 50 + b"\r\n", "HTTP/1.0"),
             (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1")]
    server = raw_server([h[0] for h in heads])
    p = w.proxy(*ALL, "port 8080")
    for data, version in heads:
        answer = p.say(request("http://www.example.org:8080/", version=version))
        whole = answer.endswith(b"0\r\n\r\n") or (b"Connection: close" in answer and not answer.endswith(b"<RESET>") and
                                                 b"Transfer-Encoding" not in answer and b"Content-Length" not in answer)
        check(not whole and status(answer) == 200, data, answer)
    server.close()
    # The real thing: nginx is killed in the middle.
    w.file("big", b"z" * (64 << 20))
    p2 = w.proxy(*ALL, port=3129)
    with p2.connect() as s:
        s.sendall(request("https://www.example.org/big"))
        s.recv(1000)
        w.nginx.kill()
        w.nginx.wait()
        got = 1000
        try:
            while True:
                more = s.recv(1 << 20)
                if not more:
                    break
                got += len(more)
        except ConnectionResetError:
            pass
        check(got < 64 << 20, "all of it came from a dead server")
    same(p2.get("http://www.example.org/small")[0], 502)
    w.start_nginx()
    same(p2.get("http://www.example.org/small")[0], 200)


def case_client_vanishes(w):
    """a client that is gone: the upstream's transfer ends too"""
    gone = threading.Event()

    def serve(sock):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        try:
            if sock.recv(1) == b"":
                gone.set()
        except OSError:
            gone.set()
    server = Server(8080, serve)
    p = w.proxy(*ALL, "port 8080")
    s = p.connect()
    s.sendall(request("http://www.example.org:8080/"))
    s.recv(100)
    s.close()
    check(gone.wait(5), "the upstream's connection is still there")
    w.syslog.expect("egress-allow", "port=8080", "status=200", "down=0")
    server.close()


# Bodies.

def sink(result):
    """A server that takes a request's body and answers with its length and hash."""
    def serve(sock):
        head, rest = read_head(sock)
        digest, count = hashlib.sha256(rest), len(rest)
        length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        result.append(head)
        while count < length[0]:
            data = sock.recv(1 << 20)
            if not data:
                return
            digest.update(data)
            count += len(data)
        text = ("%d %s" % (count, digest.hexdigest())).encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    return serve


def chunk_sink(sock):
    head, rest = read_head(sock)
    while not rest.endswith(b"0\r\n\r\n"):
        more = sock.recv(65536)
        if not more:
            return
        rest += more
    body = b""
    while rest:
        size, rest = rest.split(b"\r\n", 1)
        body, rest = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]
    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def case_request_bodies(w):
    """lengths, chunks, 100-continue, an early answer, and what is malformed in the middle"""
    heads = []
    servers = [Server(8080, sink(heads)), Server(8081, chunk_sink),
               raw_server([b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"], 8082)]
    p = w.proxy(*ALL, "port 8080", "port 8081", "port 8082")
    url = "http://www.example.org:80%02d/"
    answer = p.say(request(url % 80, "POST", ["Content-Length: 5", "Connection: close"], b"hello"))
    check(answer.endswith(b"5 " + hashlib.sha256(b"hello").hexdigest().encode()), answer)
    answer = p.say(request(url % 80, "POST", ["Content-Length: 0", "Connection: close"]))
    check(b"Content-Length: 0\r\n" in heads[-1] and answer.startswith(b"HTTP/1.1 200"), heads[-1])
    body = b"4;ext=1\r\nwiki\r\n6\r\npedia \r\n0\r\nTrailer: x\r\n\r\n"
    answer = p.say(request(url % 81, "PUT", ["Transfer-Encoding: chunked", "Connection: close"], body))
    check(answer.endswith(b"wikipedia "), answer)
    for bad in b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"-5\r\nhello", b"0x5\r\nhello\r\n0\r\n\r\n":
        answer = p.say(request(url % 81, "PUT", ["Transfer-Encoding: chunked"], bad))
        same(status(answer), 400, bad)
    w.syslog.expect("egress-deny", "why=malformed")
    # curl waits for 100 Continue.
    w.file("../upload", b"u" * 3000000)
    done = p.curl("-T", w.dir + "/upload", "-H", "Expect: 100-continue", url % 80)
    check(done.stdout.startswith(b"3000000 "), done)
    # An answer before the body is read reaches a client that is still sending, and one that waits.
    with p.connect() as s:
        s.sendall(request(url % 82, "POST", ["Content-Length: 1000000"]))
        same(status(s.recv(1000)), 413)
    done = p.curl("-w", "%{http_code}", "-T", w.dir + "/upload", url % 82)
    check(b"413" in done.stdout, done)
    same(status(p.say(request(url % 80, "HEAD", ["Content-Length: 5"], b"hello"))), 400)
    for s in servers:
        s.close()


def case_gigabyte(w):
    """a gigabyte both ways at once, with slow ends; nothing is lost; the memory stays small"""
    block = hashlib.sha256(b"kavach").digest() * 32768      # 1 MiB
    want = hashlib.sha256()
    for _ in range(1024):
        want.update(block)
    want = want.hexdigest()
    with open(w.dir + "/www/giga", "wb") as f:
        for _ in range(1024):
            f.write(block)
    heads = []
    server = Server(8080, sink(heads))
    p = w.proxy(*ALL, "port 80", "port 443", "port 8080")
    failures = []

    def down(url, http10):
        try:
            with p.connect() as s:
                s.sendall(request(url, headers=["Connection: close"], version="HTTP/1.0" if http10 else "HTTP/1.1"))
                data = s.recv(65536)
                while b"\r\n\r\n" not in data:
                    data += s.recv(65536)
                body = data.split(b"\r\n\r\n", 1)[1]
                digest, count = hashlib.sha256(body), len(body)
                while True:
                    data = s.recv(1 << 20)
                    if not data:
                        break
                    digest.update(data)
                    count += len(data)
                same((count, digest.hexdigest()), (GB, want), url)
        except Exception as e:
            failures.append(e)

    def up():
        try:
            with p.connect() as s:
                s.sendall(request("http://www.example.org:8080/", "PUT", ["Content-Length: %d" % GB]))
                for _ in range(1024):
                    s.sendall(block)
                answer = s.recv(65536)
                check(answer.endswith(b"%d %s" % (GB, want.encode())), answer)
        except Exception as e:
            failures.append(e)

    def tunnel():
        done = w.session.run("sh", "-c", "curl -sS --cacert %s/ca.pem -x %s https://www.example.org/giga | sha256sum" % (w.dir, p.url))
        if want.encode() not in done.stdout:
            failures.append(AssertionError("tunnel: %r" % done))
    with Watch(p) as memory:
        threads = [threading.Thread(target=down, args=("http://www.example.org/giga", False)),
                   threading.Thread(target=down, args=("https://www.example.org/giga", True)),
                   threading.Thread(target=up), threading.Thread(target=tunnel)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    for f in failures:
        raise f
    print("   memory: %.1f MB anonymous, %.1f MB in all" % (memory.anonymous / 1e6, memory.pss / 1e6))
    check(memory.pss < LIMIT, "memory", memory.pss)
    os.unlink(w.dir + "/www/giga")
    server.close()


def many(w, p, count, urls, slow):
    """count requests at once; slow ones read a little at a time. Each body has its own content."""
    failures = []
    gate = threading.Barrier(count)

    def one(i):
        try:
            size, mark = 300000 + i * 7, b"%06d" % i
            with p.connect() as s:
                gate.wait(60)
                s.sendall(request(urls[i % len(urls)] + "?%d" % i, headers=["Connection: close", "X-Mark: %06d" % i]))
                data = b""
                while True:
                    if slow and i % 2 == 0 and len(data) < 100000:
                        time.sleep(0.02)
                        more = s.recv(2000)
                    else:
                        more = s.recv(65536)
                    if not more:
                        break
                    data += more
                head, body = data.split(b"\r\n\r\n", 1)
                same(status(head), 200)
                same(len(body), size, "bytes")
                check(body == (mark * (size // 6 + 1))[:size], "another's bytes")
        except Exception as e:
            failures.append(AssertionError("%d: %r" % (i, e)))
    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise AssertionError("%d of %d failed, e.g. %s" % (len(failures), count, failures[0]))


def marked(sock):
    while True:
        head = read_head(sock)[0]
        mark = int([line for line in head.split(b"\r\n") if line.lower().startswith(b"x-mark")][0].split(b":")[1])
        size = 300000 + mark * 7
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + ((b"%06d" % mark) * (size // 6 + 1))[:size])


def tls_context(w):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(w.dir + "/server.pem", w.dir + "/server.key")
    return context


def case_two_hundred(w):
    """200 connections at once, plain and TLS, half of them slow readers: nothing lost or mixed, memory below 32 MB"""
    servers = [Server(8080, marked), Server(8081, marked, tls=tls_context(w))]
    p = w.proxy(*ALL, "port 8080", "port 8081")
    with Watch(p) as memory:
        many(w, p, 200, ["http://www.example.org:8080/", "https://www.example.org:8081/"], True)
    print("   memory: %.1f MB anonymous, %.1f MB in all" % (memory.anonymous / 1e6, memory.pss / 1e6))
    check(memory.pss < LIMIT, "memory", memory.pss)
    for s in servers:
        s.close()


def case_two_hundred_h2(w):
    """the same with 200 readers that stop, by HTTP/2 with nginx; then they go on"""
    data = os.urandom(1 << 20)
    w.file("mega", data)
    p = w.proxy(*ALL)
    socks = []
    with Watch(p) as memory:
        for _ in range(200):
            s = p.connect()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.sendall(request("https://www.example.org/mega", headers=["Connection: close"]))
            socks.append(s)
        time.sleep(3)
        same(p.get("http://www.example.org/small")[0], 200, "one more meanwhile:")
        stopped = p.memory()
        for s in socks:
            got = b""
            while True:
                more = s.recv(1 << 20)
                if not more:
                    break
                got += more
            same(got.split(b"\r\n\r\n", 1)[1] == data, True, "a body")
            s.close()
    print("   memory: %.1f MB anonymous, %.1f MB in all (while they stand: %.1f MB)" %
          (memory.anonymous / 1e6, memory.pss / 1e6, stopped[1] / 1e6))
    check(memory.pss < LIMIT, "memory", memory.pss)


def case_stuck_tunnels(w):
    """200 tunnels whose readers do not read: bounded, and all of it arrives at last"""
    block = b"0123456789abcdef" * 4096

    def serve(sock):
        sock.recv(1)
        for _ in range(64):
            sock.sendall(block)
    server = Server(8080, serve)
    p = w.proxy(*ALL, "port 8080")
    socks = []
    with Watch(p) as memory:
        for _ in range(200):
            s = p.connect()
            s.sendall(request("www.example.org:8080", "CONNECT", host="www.example.org:8080") + b"!")
            socks.append(s)
        time.sleep(2)
        for s in socks:
            got = b""
            while True:
                more = s.recv(1 << 20)
                if not more:
                    break
                got += more
            check(got.split(b"\r\n\r\n", 1)[1] == block * 64, "a tunnel's bytes", len(got))
            s.close()
    print("   memory: %.1f MB anonymous, %.1f MB in all" % (memory.anonymous / 1e6, memory.pss / 1e6))
    check(memory.pss < LIMIT, "memory", memory.pss)
    server.close()


def case_too_many(w):
    """more than 256 connections: those beyond wait, and have their turn"""
    p = w.proxy(*ALL)
    socks = [p.connect() for _ in range(300)]
    time.sleep(0.5)
    fds = len(os.listdir("/proc/%d/fd" % p.pid))
    check(250 < fds < 290, "descriptors", fds)
    for s in socks[:280]:
        s.close()
    socks[299].sendall(request("http://www.example.org/small", headers=["Connection: close"]))
    same(status(socks[299].recv(1000)), 200)
    for s in socks[280:]:
        s.close()


def case_half_close(w):
    """each half of a tunnel ends by itself"""
    def serve(sock):
        data = b""
        while True:
            more = sock.recv(65536)
            if not more:
                break
            data += more
        time.sleep(0.3)
        sock.sendall(data[::-1])
    server = Server(8080, serve)
    p = w.proxy(*ALL, "port 8080")
    with p.connect() as s:
        s.sendall(request("www.example.org:8080", "CONNECT", host="www.example.org:8080") + b"early ")
        head = s.recv(1000)
        check(head.startswith(b"HTTP/1.1 200"), head)
        s.sendall(b"late")
        s.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            more = s.recv(1000)
            if not more:
                break
            got += more
        same(got, b"etal ylrae")
    w.syslog.expect("method=CONNECT", "up=10", "down=%d" % (len(head) + 10))
    server.close()


# Credentials.

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


# The process.

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
    said("locked", *ALL, before=lambda: __import__("resource").setrlimit(__import__("resource").RLIMIT_MEMLOCK, (4096, 4096)))
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


def case_slow_writer(w):
    """a request in many small pieces is one request"""
    heads = []
    server = Server(8080, sink(heads))
    p = w.proxy(*ALL, "port 8080")
    with p.connect() as s:
        for c in request("http://www.example.org:8080/", "POST", ["Content-Length: 300", "Connection: close"], b"y" * 300):
            s.send(bytes([c]))
            time.sleep(0.0005)
        answer = b""
        while True:
            more = s.recv(1000)
            if not more:
                break
            answer += more
        check(answer.endswith(b"300 " + hashlib.sha256(b"y" * 300).hexdigest().encode()), answer)
    server.close()


def main():
    world.enter()
    names = sys.argv[2:] or [n[5:] for n in globals() if n.startswith("case_")]
    failed = 0
    w = world.World(sys.argv[1])
    try:
        for name in names:
            start = time.monotonic()
            w.syslog.lines.clear()
            try:
                globals()["case_" + name](w)
                alive = [p for p in w.proxies if p.poll() not in (None, 0, -signal.SIGKILL) and p.said == "ready\n"]
                check(not alive, "the proxy ended by itself:", [p.status for p in alive])
                print("ok %s (%.1f s)" % (name, time.monotonic() - start), flush=True)
            except Exception as e:
                failed += 1
                if not isinstance(e, AssertionError):
                    traceback.print_exc()
                print("not ok %s: %s" % (name, str(e)[:1000]), flush=True)
            for p in w.proxies:
                p.end()
            w.proxies.clear()
    finally:
        w.end()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

"""What is allowed, and next to it what is not."""
import os
import socket
import time

from common import ALL, check, same, request, status
from world import OTHER, OWN, OWN6, PRIVATE, PUBLIC, Server, read_head, sh, wait_for


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
    answer = p.say(request("https://wrong.example.com/small", headers=["Connection: close"]))
    check(status(answer) == 502 and b"cannot prove by TLS that it is wrong.example.com" in answer, answer)


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


def case_own_addresses(w):
    """the host's own addresses are closed though they are public ones, also one that it gets later; listed ones are open"""
    p = w.proxy("host *", *ALL)
    same(p.get("http://abroad6.example.org/small")[0], 200)
    for name in "own.example.org", "own6.example.org":
        same(p.get("http://%s/small" % name)[0], 403, name)
        w.syslog.expect("egress-deny", "host=" + name, "why=address", "this host")
        check(p.say(request(name + ":80", "CONNECT", host=name + ":80")).startswith(b"HTTP/1.1 403"), name)
    same(p.get("http://other.example.org:443/small")[0], 400)     # TLS is spoken there: reached
    sh("ip", "addr", "add", OTHER, "dev", "lo")
    same(p.get("http://other.example.org:443/small")[0], 403)
    sh("ip", "addr", "del", OTHER, "dev", "lo")
    sh("ip", "route", "replace", "local", OTHER, "dev", "lo")
    same(p.get("http://other.example.org:443/small")[0], 400)
    listed = w.proxy("host " + OWN, "host [%s]" % OWN6, *ALL, port=3129)
    for name in "own.example.org", OWN, "own6.example.org", "[%s]" % OWN6:
        same(listed.get("http://%s/small" % name, "-g")[0], 200, name)


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


def case_addresses_in_order(w):
    """the next address where the first cannot be reached; IPv6; a resolver that does not answer"""
    six = "2606:2800:220:1::1"
    p = w.proxy(*ALL, "host " + six, "port 80", "port 8080")
    w.names.answers["two.example.org"] = [[OTHER, PUBLIC]]      # nothing listens at the first, port 80
    same(p.get("http://two.example.org/small"), (200, b"hello, world\n"))
    same(w.session.curl("--socks5-hostname", "127.0.0.1:3128", "http://two.example.org/small").stdout, b"hello, world\n")
    same(p.get("http://[%s]:8080/" % six, "-g")[0], 502)
    sh("ip", "-6", "addr", "add", six + "/128", "dev", "lo", "nodad")

    def serve(sock):
        head = read_head(sock)[0]
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(head) + head)
    server = Server(8080, serve, six)
    answer = p.get("http://[%s]:8080/" % six, "-g")
    check(b"Host: [" + six.encode() + b"]:8080\r\n" in answer[1], answer)
    server.close()


def case_unix_listener(w):
    """the same by a UNIX socket, as a machine's stream will come"""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(w.dir + "/listener")
    listener.listen(16)
    p = w.proxy(*ALL, listener=listener)
    for url, wanted in ("http://www.example.org/small", 200), ("http://evil.example/", 403):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(w.dir + "/listener")
            s.sendall(request(url, headers=["Connection: close"]))
            same(status(s.recv(1000)), wanted)
    same(p.poll(), None)

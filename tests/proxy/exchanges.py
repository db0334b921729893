"""Bodies, framing, and ends that come too early."""
import hashlib
import os
import socket
import threading
import time

from common import ALL, check, same, request, status, raw_server, sink, chunk_sink
from world import Server, read_head


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
        same(s.recv(1000), b"", "the end")
    done = p.curl("-w", "%{http_code}", "-T", w.dir + "/upload", url % 82)
    check(b"413" in done.stdout, done)
    same(status(p.say(request(url % 80, "HEAD", ["Content-Length: 5"], b"hello"))), 400)
    for s in servers:
        s.close()


def case_uploads_by_http2(w):
    """bodies upstream by HTTP/2, with and without a length, from clients that pause; several at once, nothing mixed"""
    heads, failures = [], []

    def serve(sock):
        head, rest = read_head(sock)
        heads.append(head)
        if b"hunked" in head:
            while not rest.endswith(b"0\r\n\r\n"):
                rest += sock.recv(1 << 20)
            body = b""
            while rest:
                size, rest = rest.split(b"\r\n", 1)
                body, rest = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]
        else:
            length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")][0]
            while len(rest) < length:
                rest += sock.recv(1 << 20)
            body = rest
        text = hashlib.sha256(body).hexdigest().encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    server = Server(8080, serve)
    p = w.proxy(*ALL)

    def one(i):
        try:
            body = os.urandom(3000000 + i * 1000)
            chunked = i % 2 == 0
            with p.connect() as s:
                s.sendall(request("https://www.example.org/put", "PUT", ["Connection: close", "Transfer-Encoding: chunked" if chunked
                                                                        else "Content-Length: %d" % len(body)]))
                for at in range(0, len(body), 100000):
                    part = body[at:at + 100000]
                    s.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                    if at % 700000 == 0:
                        time.sleep(0.05)
                if chunked:
                    s.sendall(b"0\r\n\r\n")
                answer = b""
                while True:
                    more = s.recv(65536)
                    if not more:
                        break
                    answer += more
                check(hashlib.sha256(body).hexdigest().encode() in answer, i, answer[-300:])
        except Exception as e:
            failures.append(e)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for f in failures:
        raise f
    server.close()


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

"""What the cases share: checks, requests, servers."""
import hashlib
import socket
import ssl

from world import Server, read_head

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


def tls_context(w):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(w.dir + "/server.pem", w.dir + "/server.key")
    return context

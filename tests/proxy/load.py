"""Much at once: a gigabyte, 200 connections, slow ends, and both ends that break off; the memory stays small."""
import hashlib
import os
import random
import socket
import struct
import threading
import time

from common import ALL, GB, LIMIT, check, same, request, status, sink, tls_context
from world import Server, Watch, read_head, wait_for


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


def case_chaos(w):
    """both ends break off wherever they are, at random; nothing is left, and who behaves is served"""
    def serve(sock):
        rand = random.Random(threading.get_ident())
        while True:
            read_head(sock)
            size = rand.choice([0, 10, 5000, 200000])
            answer = rand.choice([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"c" * size,
                                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                  (b"%x\r\n%s\r\n" % (size, b"c" * size) if size else b"") + b"0\r\n\r\n",
                                  b"HTTP/1.1 100 Continue\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28"])
            if rand.random() < 0.3:
                sock.sendall(answer[:rand.randrange(len(answer))])
                if rand.random() < 0.5:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            sock.sendall(answer)
    servers = [Server(8080, serve), Server(8081, serve, tls=tls_context(w))]
    p = w.proxy(*ALL, "port 8080", "port 8081", "port 80", "port 443")
    urls = ["http://www.example.org:8080/", "https://www.example.org:8081/", "https://www.example.org/small",
            "http://evil.example/", "http://nowhere.example.com/", "http://www.example.org:81/"]

    def one(seed):
        rand = random.Random(seed)
        for _ in range(40):
            try:
                with p.connect() as s:
                    s.settimeout(rand.choice([0.01, 0.2, 2]))
                    url = rand.choice(urls)
                    host = url.split("/")[2]
                    data = rand.choice([
                        request(url), request(url, "POST", ["Content-Length: 70000"], b"p" * 70000),
                        request(url, "POST", ["Transfer-Encoding: chunked", "Expect: 100-continue"], b"3\r\nabc\r\n" * 9000 + b"0\r\n\r\n"),
                        request(url, "HEAD") * 3, request(host, "CONNECT", host=host) + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                        b"\x05\x01\x00\x05\x01\x00\x03\x0fwww.example.org\x1f\x90GET / HTTP/1.1\r\n\r\n",
                        rand.randbytes(3000)])
                    s.sendall(data if rand.random() < 0.6 else data[:rand.randrange(len(data))])
                    for _ in range(rand.randrange(4)):
                        if not s.recv(rand.choice([1, 100, 65536])):
                            break
                    how = rand.random()
                    if how < 0.3:
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    elif how < 0.5:
                        s.shutdown(socket.SHUT_WR)
                        s.recv(65536)
            except OSError:
                pass
    for seed in range(3):
        threads = [threading.Thread(target=one, args=(seed * 100 + i,)) for i in range(24)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        same(p.get("http://www.example.org/small"), (200, b"hello, world\n"))
    for s in servers:
        s.close()

    def settled():
        """descriptors that are given back"""
        return len(os.listdir("/proc/%d/fd" % p.pid)) < 100 and p.poll() is None
    wait_for(settled, 15)
    check(p.memory()[1] < LIMIT, "memory", p.memory())


def case_idle(w):
    """connections in all kinds of waiting cost no processor time"""
    def quiet(sock):
        sock.recv(1)
        time.sleep(20)

    def halved(sock):
        sock.recv(1)
        sock.sendall(b"h" * 4000000)
        sock.shutdown(socket.SHUT_WR)
        time.sleep(20)
    servers = [Server(8080, quiet), Server(8081, halved)]
    p = w.proxy(*ALL, "port 8080", "port 8081", "port 80")
    socks = []

    def start(data, shut=False):
        s = p.connect()
        s.sendall(data)
        if shut:
            s.recv(1000)
            s.shutdown(socket.SHUT_WR)
        socks.append(s)
    for port in 8080, 8081:
        place = "www.example.org:%d" % port
        for shut in False, True:
            start(request(place, "CONNECT", host=place) + b"!", shut)
        start(request("http://%s/" % place))
        start(request("http://%s/" % place, "POST", ["Content-Length: 100"], b"x"))
        start(b"\x05\x01\x00\x05\x01\x00\x03\x0fwww.example.org" + struct.pack(">H", port) + b"!")
    start(b"GET")
    start(b"\x05")
    start(b"nonsense\r\n\r\n")
    start(request("http://www.example.org/small"))
    start(request("http://evil.example/"))
    time.sleep(3)

    def used():
        with open("/proc/%d/stat" % p.pid, encoding="ascii") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return int(words[11]) + int(words[12])
    before = used()
    time.sleep(2)
    check(used() - before <= 2, "ticks while all wait:", used() - before)
    for s in socks:
        s.close()
    for s in servers:
        s.close()

"""bench/measure.py PROGRAMS ROUNDS: measures on the throwaway host that
bench/inside.sh has made, and prints. All that is compared takes turns, so that what
else the machine does hits each alike; a ratio's spread is that of its rounds."""

import os
import pty
import shutil
import statistics
import subprocess
import sys
import time

PROGRAMS, ROUNDS = sys.argv[1], int(sys.argv[2])
WARM_UP = 10
WRAPPER = "/usr/sbin/kavach-session"
PAYLOAD = ["/bin/bash", "-c", "true"]

BWRAP = [
    "/usr/bin/bwrap", "--unshare-all", "--die-with-parent",
    "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--ro-bind", "/var", "/var",
    "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
    "--tmpfs", "/tmp", "--tmpfs", "/run", "--dev", "/dev", "--proc", "/proc",
    "--bind", "/home/bob", "/home/bob",
]
FIREJAIL = [
    "/usr/bin/firejail", "--quiet", "--noprofile", "--net=none", "--ipc-namespace",
    "--private-tmp", "--private-dev", "--caps.drop=all", "--nonewprivs", "--seccomp",
]


def confines(sandbox):
    """Does it really make a pid namespace: else there is nothing to compare with."""
    shown = subprocess.run(
        ["setpriv", "--reuid", "bob", "--regid", "bob", "--init-groups", *sandbox,
         "/usr/bin/readlink", "/proc/self/ns/pid"],
        stdout=subprocess.PIPE, check=False, text=True, cwd="/home/bob")
    if shown.returncode != 0 or shown.stdout.strip() in ("", os.readlink("/proc/self/ns/pid")):
        print(f"{sandbox[0]} does not work here: left out", file=sys.stderr)
        return False
    return True


class Loop:
    """One program of bench/loop.c: a start for each byte."""

    def __init__(self, name, command, before=()):
        self.name, self.times = name, []
        self.process = subprocess.Popen(
            [PROGRAMS + "/loop", *before, *command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0)

    def start(self):
        self.process.stdin.write(b".")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: could not be measured")
        return int(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def spread(values):
    tenths = statistics.quantiles(values, n=10)
    return tenths[0], tenths[-1]


def ratio(ours, theirs):
    """Of the medians, and the middle four fifths of the rounds' own ratios."""
    low, high = spread([a / b for a, b in zip(ours, theirs)])
    middle = statistics.median(ours) / statistics.median(theirs)
    return f"{middle:5.2f}  ({low:.2f} - {high:.2f})"


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def below(pid):
    for child in children(pid):
        yield child
        yield from below(child)


def opener_of(client_start):
    """sshd's root process of the only connection that there is to the confining sshd."""
    with open("/run/sshd.pid") as file:
        listener = int(file.read())
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for child in children(listener):
            with open(f"/proc/{child}/mountinfo") as file:
                if "/run/kavach/self" in file.read():
                    return child
        if client_start.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit("no session was opened: " + open("/var/log/sshd.log").read())


def end_session(client):
    client.terminate()
    client.wait()
    end = time.monotonic() + 10
    while os.listdir("/run/kavach/sessions") != [".lock"] and time.monotonic() < end:
        time.sleep(0.05)


def join_cgroup(pid, opener):
    """Where sshd's children are: the limits of the session hold what is measured."""
    with open(f"/proc/{opener}/cgroup") as file:
        lines = [line.strip().split(":", 2) for line in file]
    for _, controllers, path in lines:
        if "kavach" not in path:
            continue
        for name in controllers.split(",") if controllers else ["", "unified"]:
            procs = f"/sys/fs/cgroup/{name}{path}/cgroup.procs"
            if os.path.exists(procs):
                with open(procs, "w") as file:
                    file.write(str(pid))


def measure_start():
    client = subprocess.Popen(["ssh", "-N", "ann@kv"], stdin=subprocess.DEVNULL)
    opener = opener_of(client)
    ours = Loop("kavach-session", [WRAPPER, "-c", "true"], ["-e", str(opener), "-u", "ann"])
    join_cgroup(ours.process.pid, opener)
    floor = PROGRAMS + "/floor"
    subjects = [
        ours,
        Loop("floor: clone3, pid ipc uts mount", [floor, *PAYLOAD]),
        Loop("floor with net", [floor, "-n", *PAYLOAD]),
        Loop("no sandbox", PAYLOAD, ["-u", "bob"]),
    ]
    if shutil.which("bwrap") and confines(BWRAP):
        subjects.append(Loop("bwrap --unshare-all", [*BWRAP, *PAYLOAD], ["-u", "bob"]))
        subjects.append(Loop("bwrap --unshare-all --share-net",
                             [*BWRAP, "--share-net", *PAYLOAD], ["-u", "bob"]))
    if shutil.which("firejail") and confines(FIREJAIL):
        subjects.append(Loop("firejail --net=none --seccomp", [*FIREJAIL, *PAYLOAD], ["-u", "bob"]))
    for number in range(WARM_UP + ROUNDS):
        for subject in subjects:
            taken = subject.start()
            if number >= WARM_UP:
                subject.times.append(taken)
    for subject in subjects:
        subject.end()
    end_session(client)
    print(f"start of `bash -c true`, {ROUNDS} rounds")
    print(f"  {'':34} {'median':>9}   kavach-session to it")
    for subject in subjects:
        median = statistics.median(subject.times)
        compared = "" if subject is ours else ratio(ours.times, subject.times)
        print(f"  {subject.name:34} {median:6.0f} us   {compared}")


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def measure_memory():
    """Of all our processes of one idle session with a terminal."""
    ours, theirs = pty.openpty()
    client = subprocess.Popen(["ssh", "-tt", "ann@kv"], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    opener = opener_of(client)
    time.sleep(2)
    total, parts = 0, []
    for pid in below(opener):
        if os.readlink(f"/proc/{pid}/exe").endswith("/kavach-session"):
            held = pss(pid)
            total += held
            parts.append(f"{held}")
    end_session(client)
    os.close(ours)
    if len(parts) != 2:
        raise SystemExit(f"{len(parts)} processes of ours in a session, not 2")
    print(f"\nmemory of an idle session's wrapper and init (PSS)\n  {total} kB ({' + '.join(parts)})")


def timed(*command, source=None):
    with open(source or "/dev/null", "rb") as file:
        start = time.monotonic()
        subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - start


def pairs(count, confined, bare):
    confined(), bare()
    taken = [(confined(), bare()) for _ in range(count)]
    return [one for one, _ in taken], [other for _, other in taken]


def measure_ssh():
    with open("/root/data", "wb") as file:
        file.write(os.urandom(1 << 20) * 100)
    for name in "ann", "bob":
        shutil.copy("/root/data", f"/home/{name}/data")
    up, down, login = "cat > /dev/null", "cat data", "true"
    cases = [
        ("login: ssh host true", 20, login, None),
        ("100 MB to the host", 5, up, "/root/data"),
        ("100 MB from the host", 5, down, None),
    ]
    print(f"\nssh\n  {'':24} {'confined':>9} {'bare':>9}   confined to bare")
    for name, count, command, source in cases:
        confined, bare = pairs(
            count,
            lambda: timed("ssh", "ann@kv", command, source=source),
            lambda: timed("ssh", "bob@bare", command, source=source))
        print(f"  {name:24} {statistics.median(confined) * 1000:6.0f} ms "
              f"{statistics.median(bare) * 1000:6.0f} ms   {ratio(confined, bare)}")


if __name__ == "__main__":
    measure_start()
    measure_memory()
    measure_ssh()

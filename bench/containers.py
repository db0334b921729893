"""bench/containers.py PROGRAMS ROUNDS: what a container session costs beside its runtime alone.
Both take turns in one session's cgroup. The runtime alone has a copy of that session's own bundle and is
started in the namespaces of its shim, by the command line that the shim uses, but to the container's end."""

import json
import os
import statistics
import subprocess
import sys

import measure
from measure import Loop, PAYLOAD, PROGRAMS, ROUNDS, WRAPPER, below, end_session, pss, ratio

RUNTIMES = [("crun", "oci"), ("runc", "oci"), ("runsc", "gvisor")]
BUNDLE = "/run/kavach/alone"
STARTS = max(10, ROUNDS // 4)
LOGINS = max(5, ROUNDS // 20)
CRUN, AWAY = "/usr/bin/crun", "/usr/bin/crun.away"


def policy(backend):
    with open("/etc/kavach/kavach.conf", "w") as file:
        file.write("[kavach]\nexempt_groups = root\n\n[policy test]\nbase = strict\n"
                   f"backend = {backend}\n\n[rule test]\nuser = ann\npolicy = test\n")


def prefer(runtime):
    """oci takes crun where it is: for runc it must not be. The host is a throwaway."""
    if runtime == "runc" and os.path.exists(CRUN):
        os.rename(CRUN, AWAY)
    elif runtime != "runc" and os.path.exists(AWAY):
        os.rename(AWAY, CRUN)


def name_of(pid):
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


class Session:
    """An idle container of ann's."""

    def __init__(self):
        # pylint: disable=consider-using-with # it lives as long as the session
        self.client = subprocess.Popen(["ssh", "ann@kv", "echo up; exec sleep 100000"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if self.client.stdout.readline() != b"up\n":
            raise SystemExit("no container was started")
        self.opener = measure.opener_of(self.client)
        self.ours = {name_of(pid): pid for pid in below(self.opener)
                     if name_of(pid) in ("kavach-session", "kavach-shim", "init")}
        self.shim = self.ours["kavach-shim"]

    def alone(self):
        """Makes the equal bundle; the command line for it."""
        with open(f"/proc/{self.shim}/root/run/kavach/bundle/config.json") as file:
            config = json.load(file)
        config["root"]["path"] = "/run/kavach/bundle/rootfs"
        config["process"]["args"] = PAYLOAD
        config["process"]["env"] = ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
        subprocess.run(
            ["nsenter", "-t", str(self.shim), "-U", "-m", "-S", "0", "-G", "0", "/bin/sh", "-c",
             f"mkdir -p {BUNDLE}/state && cat > {BUNDLE}/config.json"],
            input=json.dumps(config), text=True, check=True)
        words = subprocess.run(
            [PROGRAMS + "/alone", f"/proc/{self.opener}/root/run/kavach/self/ticket", BUNDLE,
             BUNDLE + "/state"], stdout=subprocess.PIPE, check=True, text=True)
        return words.stdout.splitlines()

    def end(self):
        end_session(self.client)


def measure_start(runtime):
    session = Session()
    command = session.alone()
    if os.path.basename(command[0]) != runtime:
        raise SystemExit(f"{command[0]} was taken, not {runtime}")
    ours = Loop("kavach-session", [WRAPPER, "-c", "true"], ["-e", str(session.opener), "-u", "ann"])
    theirs = Loop(runtime, command, ["-c", str(session.shim)])
    for loop in ours, theirs:
        measure.join_cgroup(loop.process.pid, session.opener)
    for number in range(3 + STARTS):
        for loop in ours, theirs:
            taken = loop.start()
            if number >= 3:
                loop.times.append(taken)
    for loop in ours, theirs:
        loop.end()
    held = {name: pss(pid) for name, pid in session.ours.items()}
    session.end()
    parts = " + ".join(f"{name} {size}" for name, size in held.items())
    print(f"  {runtime:8} {statistics.median(ours.times):8.0f} us {statistics.median(theirs.times):8.0f} us"
          f"   {ratio(ours.times, theirs.times)}   idle PSS {sum(held.values())} kB ({parts})", flush=True)


def measure_login(runtime, backend):
    def login(which):
        policy(which)
        return measure.timed("ssh", "ann@kv", "true")

    confined, process = measure.pairs(LOGINS, lambda: login(backend), lambda: login("process"))
    print(f"  {runtime:8} {statistics.median(confined) * 1000:8.0f} ms {statistics.median(process) * 1000:8.0f} ms"
          f"   {ratio(confined, process)}", flush=True)


def main():
    here = [(runtime, backend) for runtime, backend in RUNTIMES
            if any(os.path.exists(f"{folder}/{runtime}") for folder in ("/usr/bin", "/usr/sbin"))]
    print(f"\nstart of `bash -c true` in a container, {STARTS} rounds\n"
          f"  {'':8} {'session':>11} {'alone':>11}   session to the runtime alone")
    for runtime, backend in here:
        prefer(runtime)
        policy(backend)
        measure_start(runtime)
    print(f"\nlogin: ssh host true, {LOGINS} rounds\n"
          f"  {'':8} {'container':>11} {'process':>11}   container to backend = process")
    for runtime, backend in here:
        prefer(runtime)
        measure_login(runtime, backend)


if __name__ == "__main__":
    sys.exit(main())

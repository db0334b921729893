"""What kavach-proxy must and must not do: python3 cases.py PROGRAM [CASE|GROUP...]. As root; each line says ok or not ok."""
import signal
import sys
import time
import traceback

import allowed
import credentials
import exchanges
import load
import process
import world
from common import check

MODULES = (allowed, exchanges, load, credentials, process)

def main():
    world.enter()
    groups = {module.__name__: [name[5:] for name in vars(module) if name.startswith("case_")] for module in MODULES}
    cases = {name[5:]: what for module in MODULES for name, what in vars(module).items() if name.startswith("case_")}
    names = [case for word in sys.argv[2:] or groups for case in groups.get(word, [word])]
    failed = 0
    w = world.World(sys.argv[1])
    try:
        for name in names:
            start = time.monotonic()
            w.syslog.lines.clear()
            try:
                cases[name](w)
                for p in w.proxies:
                    p.end()
                bad = [p.status for p in w.proxies if p.said == "ready\n" and p.status not in (0, -signal.SIGKILL)]
                check(not bad, "the proxy ended badly:", bad)
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

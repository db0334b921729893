#!/usr/bin/python3
"""terminal.py [-s ROWSxCOLS] [-t SECONDS] STEP... -- COMMAND [ARG...]

Runs COMMAND on a terminal of its own and types into it. Steps, in order:

    e:REGEX     wait until the output since the last match has it
    s:TEXT      type TEXT (\\n, \\r, \\t, \\xNN as in Python)
    r:ROWSxCOLS change the window's size (SIGWINCH)
    w:SECONDS   wait
    k:SIGNAL    send a signal to COMMAND (by number)
    h:          hang up: close the terminal
    m:raw       wait until COMMAND's terminal is in raw mode
    m:start     wait until its settings are what they were when COMMAND started (which should be
                a shell: the kernel itself puts them back when the leader of a session ends)
    x:SHELL     wait until this command of the shell succeeds, run beside COMMAND, whose process id
                is $COMMAND_PID: for a terminal that is not COMMAND's own, such as that at the other end
                of ssh (stty -F)

After the last step the output is read to its end. Everything that COMMAND wrote
goes to standard output as it came. Exit status: COMMAND's; 128 + n for a signal;
124 when a step ran out of time, with the step on standard error.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time


def size(text):
    rows, cols = text.split("x")
    return struct.pack("HHHH", int(rows), int(cols), 0, 0)


class Terminal:
    """The command and what it has written that no step has matched yet."""

    def __init__(self, command, window, limit):
        self.limit = limit
        self.seen = b""
        self.open = True
        # Of a terminal before COMMAND has it: all start alike.
        self.fd, other = os.openpty()
        self.start = termios.tcgetattr(other)
        os.close(other)
        os.close(self.fd)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, window)
            os.environ.setdefault("TERM", "xterm")
            try:
                os.execvp(command[0], command)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, window)

    def read(self, timeout):
        """Reads once; False at the end of the output or when nothing came in time."""
        if not self.open or not select.select([self.fd], [], [], max(timeout, 0))[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.open = False
            return False
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        self.seen += data
        return True

    def expect(self, regex):
        pattern = re.compile(regex.encode(), re.S)
        end = time.monotonic() + self.limit
        while True:
            match = pattern.search(self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return True
            if not self.open or time.monotonic() > end:
                return False
            self.read(end - time.monotonic())

    def send(self, text):
        data = text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")
        while data:
            data = data[os.write(self.fd, data):]

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while self.open and time.monotonic() < end:
            self.read(end - time.monotonic())

    def until(self, holds):
        """Reads on until holds() does."""
        end = time.monotonic() + self.limit
        while not holds():
            if time.monotonic() > end:
                return False
            self.wait(0.05)
            if not self.open:
                time.sleep(0.05)
        return True

    def is_mode(self, name):
        now = termios.tcgetattr(self.fd)
        if name == "start":
            return now == self.start
        return not now[3] & (termios.ICANON | termios.ECHO | termios.ISIG) and not now[1] & termios.OPOST

    def beside(self, command):
        return subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False,
                              env=dict(os.environ, COMMAND_PID=str(self.pid))).returncode == 0

    def step(self, kind, text):
        if kind == "e":
            return self.expect(text)
        if kind == "m" and text in ("raw", "start"):
            return self.until(lambda: self.is_mode(text))
        if kind == "x":
            return self.until(lambda: self.beside(text))
        if kind == "s":
            self.send(text)
        elif kind == "r":
            fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size(text))
        elif kind == "w":
            self.wait(float(text))
        elif kind == "k":
            os.kill(self.pid, int(text))
        elif kind == "h":
            os.close(self.fd)
            self.open = False
        else:
            raise ValueError("unknown step: " + kind)
        return True

    def finish(self):
        """Reads to the end of the output, collects the status."""
        end = time.monotonic() + self.limit
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0.2):
                    pass
                return os.waitstatus_to_exitcode(status)
            if not self.open:
                time.sleep(0.02)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


def main():
    args = sys.argv[1:]
    window, limit = size("24x80"), 20.0
    while args and args[0] in ("-s", "-t"):
        if args[0] == "-s":
            window = size(args[1])
        else:
            limit = float(args[1])
        args = args[2:]
    at = args.index("--")
    terminal = Terminal(args[at + 1:], window, limit)
    for text in args[:at]:
        if not terminal.step(text[0], text[2:]):
            sys.stderr.write("terminal.py: no match in time: %s\n" % text)
            os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)
            return 124
    status = terminal.finish()
    if status is None:
        sys.stderr.write("terminal.py: the command did not end\n")
        return 124
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())

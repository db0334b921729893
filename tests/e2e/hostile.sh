# shellcheck shell=bash
# More of hostile.md: what a user tries on the wrapper before it confines, from beside a session, and against
# other users' logins. A denial counts only where its twin works.

# What a command says of itself, and whether that is confined.
layers='grep -E "NoNewPrivs|^Seccomp:" /proc/self/status'
confined() { [ "$(grep -c 'NoNewPrivs:.1\|Seccomp:.2' "$1")" = 2 ]; }

# CASE high_descriptor: a descriptor of root's above all others is closed, also without close_range(2), or all is refused (A7)
case_high_descriptor() {
	needs_kavach
	host_up
	echo secret > /root/secret
	local tool=${KV_BUILD:?}/tests/host/inject n count
	printf '#!/bin/bash\nfor n in 3 200 2048; do cat <&$n; done 2> /dev/null\n%s\necho PAYLOAD\n' "$layers" > /usr/local/bin/kv-look
	chmod 755 /usr/local/bin/kv-look
	ulimit -n 4096
	exec 2048< /root/secret
	eq "the twin: it is handed on" secret "$(runuser -u ann -- bash -c 'cat <&2048')"
	exec 2048< /root/secret
	su ann -c kv-look > /tmp/out 2>&1
	grep -q PAYLOAD /tmp/out || fail "no session: $(cat /tmp/out)"
	confined /tmp/out || fail "not confined: $(cat /tmp/out)"
	! grep -q secret /tmp/out || fail "the descriptor came along"
	"$tool" -o /tmp/count close_range EPERM 0 su ann -c kv-look > /tmp/out 2>&1
	count=$(cat /tmp/count)
	[ "$count" -ge 2 ] || fail "close_range was called $count times"
	for ((n = 1; n <= count; n++)); do
		exec 2048< /root/secret
		"$tool" close_range ENOSYS "$n" su ann -c kv-look > /tmp/out 2>&1
		! grep -q secret /tmp/out || fail "close_range $n: the descriptor came along"
		! grep -q PAYLOAD /tmp/out || confined /tmp/out || fail "close_range $n: $(cat /tmp/out)"
	done
	exec 2048<&-
	must_be_clean
}

# CASE closed_streams: with 0, 1 and 2 closed no file of kavach's becomes one of them (A5)
case_closed_streams() {
	needs_kavach
	host_up
	local opener
	su ann -c 'sleep 120' < /dev/null > /dev/null 2>&1 &
	opener=$!
	wait_for 5 pgrep -u ann -x sleep || fail "no session"
	host_stage1 "$opener" ann "exec $HOST_SHELL -c 'ls -l /proc/self/fd > /home/ann/fds; echo PAYLOAD >> /home/ann/fds' 0<&- 1>&- 2>&-"
	grep -q PAYLOAD /home/ann/fds || fail "it did not run, so that nothing is shown"
	! grep -q -E 'kavach|ticket|policy|audit' /home/ann/fds || fail "a file of kavach's is a standard stream: $(cat /home/ann/fds)"
	# glibc fills 0 of a program with privilege with what nobody can read.
	eq "the standard streams" 2 "$(grep -c '[02] -> /dev/\(null\|full\)$' /home/ann/fds)"
	kill "$opener"
	wait "$opener" 2> /dev/null
	must_be_clean
}

# CASE nosuid: a wrapper without its privilege, by a nosuid file system, starts nothing (A13)
case_nosuid() {
	needs_kavach
	host_up
	ssh ann@kv true || fail "the twin does not work"
	mount --bind "$(dirname "$HOST_SHELL")" "$(dirname "$HOST_SHELL")"
	mount -o remount,bind,nosuid "$(dirname "$HOST_SHELL")"
	ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1 && fail "status 0"
	! grep -q PAYLOAD /tmp/out || fail "the payload ran"
	umount -l "$(dirname "$HOST_SHELL")"
	eq "again" ok "$(ssh ann@kv echo ok)"
	must_be_clean
}

# CASE outside: the same user on the host reaches neither the wrapper nor the sandbox's first process (A12)
case_outside() {
	needs_kavach
	host_up
	ssh ann@kv 'exec sleep 60' > /dev/null 2>&1 &
	wait_for 5 pgrep -u ann -x sleep || fail "no session"
	cp "$HOST_DIR/outside.py" /usr/local/bin/kv-outside
	# What runs inside is the user's own: he may look at it. What keeps it is not his.
	runuser -u ann -- /usr/bin/python3 /usr/local/bin/kv-outside "$(id -u ann)" > /tmp/outside 2>&1
	[ "$?" != 64 ] || fail "$(cat /tmp/outside)"
	local keeper
	for keeper in $(pgrep -u ann -x kavach-session) $(pgrep -u ann -f '^sshd: ann'); do
		! grep "^process $keeper " /tmp/outside || fail "$(ps -o args= "$keeper") can be reached"
	done
	[ "$(pgrep -u ann -x kavach-session | wc -l)" = 2 ] || fail "wrapper and first process: $(pgrep -a -u ann)"
	grep -q 'ALLOWED' /tmp/outside || note "not even the payload"
	pkill -u ann -x sleep
	must_be_clean
}

# CASE hangup: the terminal goes away at any moment of the start: confined or dead, nothing left (A17)
case_hangup() {
	needs_kavach
	host_up
	local n
	for n in 0 0.01 0.02 0.03 0.05 0.08 0.1 0.15 0.2 0.3; do
		rm -f /home/ann/out
		"$HOST_DIR/terminal.py" -t 10 "w:$n" -- su - ann -c "$layers > out; sleep 0.2; echo PAYLOAD >> out" > /dev/null 2>&1
		wait_for 5 nothing_left || kavachctl reap > /dev/null
		nothing_left > /tmp/left || fail "after $n s: $(cat /tmp/left)"
		[ ! -s /home/ann/out ] || confined /home/ann/out || fail "after $n s: $(cat /home/ann/out)"
	done
	eq "the next login" ok "$(ssh ann@kv echo ok)"
	must_be_clean
}

# CASE bombs: terminals and inodes that one session takes are bounded, and another user gets his (B15)
case_bombs() {
	needs_kavach
	host_up
	host_user bob
	host_policy_for ann 'seccomp = basic' 'process_limit = 40' 'tmp_size = 4M'
	cat > /usr/local/bin/kv-bomb << 'PY'
import os, time
n = 0
try:
    while n < 4000:
        os.openpty()
        n += 1
        if n % 400 == 0 and os.fork() == 0:
            os.closerange(3, 1024)
except OSError:
    pass
print("ptys", n, flush=True)
n = 0
try:
    while n < 100000:
        os.close(os.open("/tmp/%d" % n, os.O_CREAT))
        n += 1
except OSError:
    pass
print("inodes", n, flush=True)
time.sleep(4)
PY
	ssh ann@kv '/usr/bin/python3 /usr/local/bin/kv-bomb' > /tmp/bomb 2>&1 &
	wait_for 20 grep -q inodes /tmp/bomb || fail "$(cat /tmp/bomb)"
	timeout 10 ssh -tt bob@kv tty > /tmp/bob 2>&1 || fail "no terminal for another user: $(cat /tmp/bob)"
	grep -aq '^/dev/pts/' /tmp/bob || fail "no terminal for another user: $(cat /tmp/bob)"
	grep -q '^ptys 256$' /tmp/bomb || fail "the ptys are not bounded: $(cat /tmp/bomb)"
	[ "$(sed -n 's/^inodes //p' /tmp/bomb)" -lt 4000 ] || fail "the inodes are not bounded: $(cat /tmp/bomb)"
	must_be_clean
}

# CASE live_edit: a policy that is edited or broken changes no session that runs, and the next one at once (C10)
case_live_edit() {
	needs_kavach
	host_up
	ssh -M -S /tmp/mux -o ControlPersist=yes ann@kv true
	host_policy_for ann 'seccomp = off' 'read_only_root = no' 'network = host'
	ssh -S /tmp/mux ann@kv "$layers" > /tmp/out
	confined /tmp/out || fail "the running session became weaker: $(cat /tmp/out)"
	ssh ann@kv "$layers" > /tmp/out
	confined /tmp/out && fail "the twin: the next session has the old policy"
	echo 'nonsense' >> /etc/kavach/kavach.conf
	ssh -S /tmp/mux ann@kv "$layers" > /tmp/out
	confined /tmp/out || fail "a broken policy: $(cat /tmp/out)"
	ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1 && fail "a broken policy lets in"
	ssh -S /tmp/mux -O exit ann@kv 2> /dev/null
	host_policy_for ann
	must_be_clean
}

# shellcheck shell=bash
# Faults (hostile.md, group D): system calls that fail, processes that are killed,
# a log that does not answer. Never a shell that lacks a layer; nothing left.

# What a payload sees of its own confinement. Two runs under one policy print the same.
probe_text() {
	cat <<'X'
#!/bin/bash
exec 2> /dev/null
grep -E '^(Cap|NoNewPrivs|Seccomp|Uid|Gid|Groups)' /proc/self/status
awk '{ print $5, $6, $(NF - 2) }' /proc/self/mountinfo | sed 's/[0-9a-f]\{16\}/ID/g' | sort
for n in mnt pid ipc uts net cgroup; do
	[ "$(readlink /proc/self/ns/$n)" = "$(sed -n "s/^$n //p" /usr/local/share/kv-namespaces)" ] && echo "namespace of the host: $n"
done
echo "interfaces $(grep -c : /proc/net/dev)"
ls /home /run/kavach
set -- /proc/[0-9]*
echo "processes $#"
cat /opt/kv-outside && echo outside is visible
echo x > /etc/kv-new || echo "etc is read-only"
ulimit -c -n
echo PAYLOAD
X
}

prepare() {
	host_up
	host_policy_for ann 'landlock_ro = "/usr, /etc, /proc, /run, /bin, /lib, /lib64, /sbin, /var, /sys"' \
	    'landlock_rw = "~, /tmp, /dev"'
	probe_text > /usr/local/bin/kv-probe
	chmod 755 /usr/local/bin/kv-probe
	echo visible > /opt/kv-outside
	local n
	for n in mnt pid ipc uts net cgroup; do
		echo "$n $(readlink "/proc/self/ns/$n")"
	done > /usr/local/share/kv-namespaces
	# Under the injector, whose filter counts as one, with a call that nobody makes.
	local quiet=("${KV_BUILD:?}/tests/host/inject" getpriority EPERM 0)
	"${quiet[@]}" su ann -c kv-probe > /tmp/expected 2>/tmp/expected.err || fail "the twin does not work: $(cat /tmp/expected.err)"
	grep -q PAYLOAD /tmp/expected || fail "the twin does not work"
	! grep -q visible /tmp/expected || fail "the twin lacks Landlock"
	"${quiet[@]}" su ann -c kv-probe > /tmp/again
	cmp /tmp/expected /tmp/again || fail "the probe is not repeatable: $(diff /tmp/expected /tmp/again)"
}

# inject SYSCALL...: each occurrence of each fails with each error, once.
inject() {
	local tool=${KV_BUILD:?}/tests/host/inject call error n count runs=0 refused=0
	for call in "$@"; do
		"$tool" -o /tmp/count "$call" EPERM 0 su ann -c kv-probe > /tmp/got 2>/tmp/got.err
		cmp -s /tmp/expected /tmp/got || fail "$call: the injector itself changes the session: $(diff /tmp/expected /tmp/got; cat /tmp/got.err)"
		count=$(cat /tmp/count)
		# Programs call some of these hundreds of times, most of them before and after kavach.
		local step=$((count / 40 + 1))
		for ((n = 1; n <= count; n += step)); do
			for error in EPERM ENOMEM EINTR ENOSYS; do
				timeout 30 "$tool" "$call" "$error" "$n" su ann -c kv-probe > /tmp/got 2>/tmp/got.err
				local status=$?
				runs=$((runs + 1))
				[ "$status" != 124 ] || fail "$call $error $n: no end"
				if grep -q '^\(PAYLOAD\|Seccomp\)' /tmp/got; then
					check_layers "$call $error $n"
				else
					refused=$((refused + 1))
					[ "$status" != 0 ] || [ -s /tmp/got.err ] || [ "$call" = write ] || fail "$call $error $n: status 0 and nothing said"
				fi
			done
		done
		wait_for 5 nothing_left || { kavachctl reap > /dev/null; nothing_left > /tmp/left || fail "$call: left behind: $(cat /tmp/left)"; }
		note "$call: $count"
	done
	note "$runs runs, $refused refused"
	[ "$refused" -gt 0 ] || fail "no fault was ever felt"
}

# The payload ran: then it has every layer of the twin. A line may be missing where the probe itself was
# hit, never one that says less confinement.
check_layers() {
	local line
	while IFS= read -r line; do
		grep -qxF -e "$line" /tmp/expected || {
			case $line in
			*": "*"ermission denied"|*"ot permitted"|*"annot allocate"*|*"not implemented"*|*"nterrupted"*|'') continue ;;
			esac
			fail "$1: a shell that differs: $line"
		}
	done < /tmp/got
}

# CASE inject_namespaces timeout=900: the calls that make namespaces, mounts and the view, failing one at a time
case_inject_namespaces() {
	needs_kavach
	prepare
	inject unshare clone3 setns pivot_root umount2 open_tree move_mount mount_setattr fsopen fsconfig fsmount
}

# CASE inject_layers timeout=900: the calls that confine, failing one at a time
case_inject_layers() {
	needs_kavach
	prepare
	inject capset prctl seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self close_range keyctl \
	    prlimit64 sethostname chdir fchdir setsid
}

# CASE inject_files timeout=900: the calls on state, ticket, cgroup and log, failing one at a time
case_inject_files() {
	needs_kavach
	prepare
	inject mkdirat openat2 renameat unlinkat flock fsync ftruncate sendto socket socketpair sendmsg recvfrom poll signalfd4 \
	    pidfd_open statfs fstatfs dup3
}

# CASE inject_rest timeout=900: what makes processes, links, modes and rights, failing one at a time
case_inject_rest() {
	needs_kavach
	prepare
	inject mount fchmod clone setfsuid setfsgid symlinkat memfd_create pidfd_open
}

# CASE killed timeout=300: the wrapper, sshd's process or the shell killed at any time leave nothing
case_killed() {
	needs_kavach
	host_up
	local victim n
	# By the beginning of the command line; the shell is ann's only.
	for victim in kavach-session 'sshd: ann \[priv\]' 'sshd: ann$' 'sshd: ann@' 'sleep 400' -bash 'bash -c'; do
		for n in 0 0.05 0.1 0.15 0.2 0.3 0.6; do
			ssh ann@kv 'sleep 400 & setsid sleep 400 & sleep 400; :' > /dev/null 2>&1 &
			local client=$!
			sleep "$n"
			case $victim in
			sshd*) pkill -KILL -u ann,root -f "^$victim" ;;
			*) pkill -KILL -u ann -f -- "^$victim" ;;
			esac
			sleep 0.1
			kill "$client" 2>/dev/null
			wait "$client" 2>/dev/null
			# Killed early, sshd may not have opened the session yet: it does, and closes it again.
			wait_for 20 eval '! pgrep -P "$HOST_SSHD" > /dev/null' || fail "$victim killed after $n s: sshd serves on"
			wait_for 5 eval '[ -z "$(pgrep -u ann)" ] && ! grep -q /run/kavach/self /proc/[0-9]*/mountinfo 2>/dev/null' ||
				fail "$victim killed after $n s: processes or mounts are left: $(pgrep -u ann -a)"
			# State and cgroup: with the close, or by reap.
			wait_for 3 nothing_left || kavachctl reap > /dev/null
			nothing_left > /tmp/left || fail "$victim killed after $n s, after reap: $(cat /tmp/left)"
			if ! kill -0 "$HOST_SSHD" 2>/dev/null; then
				rm -f /run/sshd.pid
				host_sshd_start
			fi
		done
	done
	eq "the next login" ok "$(ssh ann@kv echo ok)"
	must_be_clean
}

# CASE reaped_by_next: what a killed sshd left, the next login removes
case_reaped_by_next() {
	needs_kavach
	host_up
	ssh ann@kv 'sleep 400' > /dev/null 2>&1 &
	wait_for 5 pgrep -u ann -x sleep || fail "no session"
	local opener
	opener=$(kavachctl sessions --json | sed -n 's/.*"opener": *\([0-9]*\).*/\1/p')
	kill -KILL "$opener"
	wait_for 5 eval '! pgrep -u ann -x sleep' || fail "the command outlives its session"
	[ -n "$(find /run/kavach/sessions -mindepth 1 -maxdepth 1 -type d)" ] || note "nothing was left to be reaped"
	ssh ann@kv true || fail "the next login"
	must_be_clean
	eq "closes" 2 "$(count_records event=session-close)"
}

# CASE syslog_missing: without a syslog there is no session where audit is required, in bounded time
case_syslog_missing() {
	needs_kavach
	host_up
	local pid
	pid=$(cat /run/syslogd.pid)
	ssh ann@kv true || fail "the twin does not work"
	rm /dev/log
	timeout 20 ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1 && fail "a session without a record"
	! grep -q PAYLOAD /tmp/out || fail "a session without a record"
	printf '[kavach]\naudit_required = no\n[policy test]\nbase = strict\n[rule test]\nuser = ann\npolicy = test\n' | host_policy
	eq "audit_required = no" PAYLOAD "$(timeout 30 ssh ann@kv 'echo PAYLOAD' 2>/dev/null)"
	must_be_clean
}

# CASE syslog_blocked timeout=300: a syslog that does not read makes nobody wait for ever
case_syslog_blocked() {
	needs_kavach
	host_up
	local pid start
	pid=$(cat /run/syslogd.pid)
	kill -STOP "$pid"
	# Fill its queue; glibc's syslog would wait without end, so each has a time limit.
	/usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setblocking(False)
s.connect("/dev/log")
try:
    for i in range(100000): s.send(b"<86>filler: x")
except BlockingIOError:
    pass'
	start=$SECONDS
	timeout 100 su ann -c 'echo PAYLOAD' > /tmp/out 2>&1 &
	local su=$!
	# pam_unix waits for syslog itself, as long as it takes: only kavach is measured, by run.
	timeout 60 kavachctl run --policy strict -- echo PAYLOAD > /tmp/run.out 2>&1
	[ $((SECONDS - start)) -lt 30 ] || fail "kavach waited $((SECONDS - start)) s"
	! grep -q PAYLOAD /tmp/run.out || fail "a session without a record"
	kill -CONT "$pid"
	wait "$su"
	must_be_clean
}

# CASE no_cgroup: limits that cannot be set refuse; without limits a session needs no cgroup
case_no_cgroup() {
	needs_kavach
	host_up
	mount -t tmpfs -o ro none /sys/fs/cgroup
	ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1 && fail "limits without a cgroup"
	! grep -q PAYLOAD /tmp/out || fail "limits without a cgroup"
	wait_for 5 test "$(count_records event=session-deny)" -ge 1 || fail "no record: $(records | tail -n 1)"
	host_policy_for ann 'memory_limit = none' 'cpu_limit = none' 'process_limit = none'
	eq "no limits" PAYLOAD "$(ssh ann@kv 'echo PAYLOAD')"
	umount /sys/fs/cgroup
	must_be_clean
}

# CASE run_not_writable: no room or no right to write state refuses
case_run_not_writable() {
	needs_kavach
	host_up
	mkdir -p /run/kavach
	mount -t tmpfs -o ro none /run/kavach
	ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1 && fail "a session without state"
	umount /run/kavach
	mount -t tmpfs -o size=4k,nr_inodes=3 none /run/kavach
	ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1 && fail "a session without room for its state"
	umount /run/kavach
	must_be_clean
	eq "again" ok "$(ssh ann@kv echo ok)"
}

# CASE planted_state: /run/kavach made by somebody else before is not trusted
case_planted_state() {
	needs_kavach
	host_up
	rm -rf /run/kavach
	install -d -o ann -m 755 /run/kavach
	install -d -o ann -m 777 /run/kavach/sessions
	ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1
	if grep -q PAYLOAD /tmp/out; then
		eq "owner" root "$(stat -c %U /run/kavach/sessions)"
		eq "mode" 700 "$(stat -c %a /run/kavach/sessions)"
	fi
	rm -rf /run/kavach
	ln -s /tmp /run/kavach
	ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1
	! grep -q PAYLOAD /tmp/out || fail "state behind a symbolic link"
}

# shellcheck shell=bash
# shellcheck disable=SC2034 # host.sh and refuse.sh read what is set here
# BACKENDS all
# Runtimes and helpers of the container backends that break in the middle of a login: no shell, a status that says so,
# one record with the reason, nothing left. And the choice among backends.

# shellcheck source=refuse.sh
. "$HOST_DIR/../e2e/refuse.sh"

LIBEXEC=/usr/libexec/kavach

# up BACKEND
up() {
	needs_kavach
	KV_BACKEND=$1
	host_up
	eq "the twin" PAYLOAD "$(ssh ann@kv 'echo PAYLOAD')"
	must_be_clean
}

# denied WHAT [REASON]: a login is refused with one record, in bounded time, and nothing stays.
denied() {
	local before
	before=$(count_records event=session-deny)
	refused "$1" timeout 60 ssh ann@kv 'echo PAYLOAD'
	wait_for 5 nothing_left || fail "$1: left behind: $(nothing_left)"
	eq "$1: records" 1 $(($(count_records event=session-deny) - before))
	records event=session-deny | tail -n 1 | grep -q -e "${2:-reason=}" || fail "$1: the record: $(records event=session-deny | tail -n 1)"
	! pgrep -a -f 'kavach-shim|runsc|sleep 444' > /tmp/left || fail "$1: $(cat /tmp/left)"
}

# fake: standard input is a fake of crun, which starts what is no session (a probe) as crun does.
fake() {
	{
		printf '#!/bin/bash\ncase ${!#} in --version|0000000000000000.*) exec /usr/bin/crun "$@" ;; esac\n'
		cat
	} > /usr/local/sbin/crun.new
	chmod 755 /usr/local/sbin/crun.new
	mv /usr/local/sbin/crun.new /usr/local/sbin/crun
}

# CASE runtime timeout=240: a runtime that fails, is killed, starts nothing or hangs
case_runtime() {
	up crun
	fake <<< 'exec /usr/bin/crun "$@"'
	eq "a fake that works" PAYLOAD "$(ssh ann@kv 'echo PAYLOAD')"
	fake <<< 'echo "no luck today" >&2; exit 1'
	denied "fails" 'no luck today'
	fake <<< 'kill -KILL $$'
	denied "is killed" 'status 137'
	fake <<< 'exit 0'
	denied "starts nothing"
	fake <<< 'exec sleep 444'
	denied "hangs" 'in time'
	fake <<< 'sleep 444 & exit 0'
	denied "leaves something that is no container"
	rm /usr/local/sbin/crun
	eq "again" PAYLOAD "$(ssh ann@kv 'echo PAYLOAD')"
}

# CASE helpers timeout=240: the shim or the container's first process missing, or dead at once
case_helpers() {
	up crun
	local name
	for name in kavach-shim kavach-init; do
		mv "$LIBEXEC/$name" /opt/
		denied "$name is missing"
		printf '#!/bin/sh\nexit 0\n' > "$LIBEXEC/$name"
		chmod 755 "$LIBEXEC/$name"
		denied "$name ends at once"
		rm "$LIBEXEC/$name"
		mv "/opt/$name" "$LIBEXEC/"
		eq "again" PAYLOAD "$(ssh ann@kv 'echo PAYLOAD')"
	done
	must_be_clean
}

# killed NAME PATTERN...: a session that runs ends with its part, and leaves nothing.
killed() {
	local victim=$1 client pid
	ssh ann@kv 'setsid sleep 444 & sleep 444' > /dev/null 2>&1 &
	client=$!
	wait_for 15 eval '[ "$(count_records event=sandbox-start)" -gt "$started" ]' || fail "no session"
	started=$(count_records event=sandbox-start)
	pid=$(pgrep -f -o -- "$victim") || fail "no $victim"
	kill -KILL "$pid"
	wait_for 15 eval "! kill -0 $client" || fail "$victim killed: the client stays"
	wait "$client" && fail "$victim killed: status 0"
	wait_for 8 nothing_left || kavachctl reap > /dev/null
	nothing_left > /tmp/left || fail "$victim killed: $(cat /tmp/left)"
	[ -z "$(pgrep -f 'kavach-shim|runsc')" ] || fail "$victim killed: $(pgrep -a -f 'kavach-shim|runsc')"
}

# CASE killed timeout=240: the parts of a running session, killed one by one
case_killed() {
	local started victim
	up crun
	started=$(count_records event=sandbox-start)
	for victim in '^kavach-shim' '^/run/kavach/init' '^-?kavach-session' '^sshd: ann \[priv\]' '^sshd: ann@'; do
		killed "$victim"
	done
}

# CASE killed_gvisor timeout=240: the same of gVisor, with its kernel and its file server
case_killed_gvisor() {
	local started victim
	up gvisor
	started=$(count_records event=sandbox-start)
	for victim in '^kavach-shim' '^runsc-gofer' '^runsc-sandbox' '^-?kavach-session' '^sshd: ann \[priv\]'; do
		killed "$victim"
	done
}

# CASE choice: auto takes the highest score that is here, and what falls below the floor is refused
case_choice() {
	needs_kavach
	KV_BACKEND=
	host_up
	on() { ssh ann@kv true && records event=session-open | tail -n 1 | sed 's/.* backend=\([^ ]*\) .*/\1/'; }
	host_policy_for ann 'min_strength = 70'
	eq "all" gvisor "$(on)"
	rm /usr/bin/runsc
	eq "without runsc" oci "$(on)"
	rm /usr/bin/crun
	eq "without crun" oci "$(on)"
	rm -f /usr/sbin/runc /usr/bin/runc
	denied "nothing reaches the floor" 'strength 70'
	host_policy_for ann 'min_strength = 65'
	eq "without any" process "$(on)"
}

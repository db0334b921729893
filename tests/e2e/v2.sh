# shellcheck shell=bash
# The host has cgroup v2 only (KV_HOST_V2, see v2_test). Where v1 holds the controllers, as on a machine that has both, v2 has none: the policies
# here have no limits, and one that has them is refused.

v2_host() {
	needs_kavach
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || skip "no cgroup v2"
	host_up
	host_policy_for ann 'memory_limit = none' 'cpu_limit = none' 'process_limit = none' "$@"
}

v2_session() { kavachctl sessions | awk '$2 == "ann" { print $1 }'; }

# v2_sleeper: a session that runs; its id in $id.
v2_sleeper() {
	ssh ann@kv 'echo on; exec sleep 100' > /tmp/on 2> /dev/null &
	wait_for 10 grep -q on /tmp/on || fail "no session"
	id=$(v2_session)
	: > /tmp/on
}

# CASE life: a session is seen, paused, resumed and killed by its cgroup, and leaves nothing
case_life() {
	v2_host
	local id state
	eq "a command" ann "$(ssh ann@kv 'id -un')"
	v2_sleeper
	[ -e "/sys/fs/cgroup/kavach/$id/sandbox.1/cgroup.kill" ] || fail "no cgroup of its own"
	kavachctl pause "$id" || fail "pause"
	state=$(awk '/^frozen/ { print $2 }' "/sys/fs/cgroup/kavach/$id/sandbox.1/cgroup.events")
	eq "frozen" 1 "$state"
	eq "sshd is not" 0 "$(awk '/^frozen/ { print $2 }' "/sys/fs/cgroup/kavach/$id/main/cgroup.events")"
	kavachctl resume "$id" || fail "resume"
	kavachctl kill "$id" || fail "kill"
	must_be_clean
	ssh ann@kv 'setsid sleep 1000 > /dev/null 2>&1 < /dev/null & :'
	must_be_clean
}

# CASE reaped: what a killed opener leaves, a reap removes; the next login too
case_reaped() {
	v2_host
	local id
	for by in reap login; do
		v2_sleeper
		kill -9 "$(kavachctl sessions --json | sed -n 's/.*"opener": *\([0-9]*\).*/\1/p')"
		wait_for 5 eval '! pgrep -u ann' || fail "processes outlive the opener"
		if [ "$by" = reap ]; then kavachctl reap; else ssh ann@kv true; fi
		must_be_clean
	done
	kavachctl audit verify "$HOST_LOG" || fail "the records do not verify"
}

# CASE limits: a limit holds where its controller is, and refuses the login where it is not
case_limits() {
	v2_host
	ssh ann@kv true || fail "the twin without a limit"
	host_policy_for ann 'memory_limit = 64M' 'cpu_limit = none' 'process_limit = none'
	if grep -q memory /sys/fs/cgroup/cgroup.controllers; then
		ssh ann@kv 'head -c 200M /dev/zero | tail -c 1 | wc -c' && fail "200 MB in 64 MB"
	else
		ssh ann@kv true 2> /dev/null && fail "let in without its limit"
		eq "records" 1 "$(count_records 'event=session-deny .*memory_limit')"
	fi
	must_be_clean
}

# CASE proxy: a session's proxy lies in its cgroup, and ends with it
case_proxy() {
	v2_host 'network = proxy' 'allowed_hosts = www.test'
	local id
	v2_sleeper
	grep -q -x "$(pgrep -x kavach-proxy)" "/sys/fs/cgroup/kavach/$id/main/cgroup.procs" || fail "the proxy is elsewhere"
	kavachctl kill "$id" || fail "kill"
	must_be_clean
	eq "left" '' "$(pgrep -x kavach-proxy)"
}

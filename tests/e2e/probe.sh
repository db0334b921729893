# shellcheck shell=bash
# BACKENDS all
# Probing of the container backends: what starts is present, what does not is absent with its own
# words, and no login waits longer than it may. Nothing is left behind.

PROBES=/run/kavach/probe
# needs PROGRAM...: the real ones.
needs() {
	local program
	for program; do
		command -v "$program" > /dev/null || skip "$program is not installed"
	done
}

prepare() {
	needs_kavach
	host_up
	rm -rf "$PROBES"
}

# fake NAME: standard input becomes a runtime that is found before the real one.
# What it is started with is in /var/log/fake.NAME, if it may write there.
fake() {
	{
		printf '#!/bin/sh\necho "$*" >> /var/log/fake.%s\n' "$1"
		echo 'case $1 in --version) echo "'"$1"' version 9.9"; exit 0 ;; esac'
		cat
	} > "/usr/local/sbin/$1"
	chmod 755 "/usr/local/sbin/$1"
	: > "/var/log/fake.$1"
	chmod 666 "/var/log/fake.$1"
}

# field BACKEND KEY: of `kavachctl backends --json`.
field() {
	kavachctl backends --json |
	    python3 -c 'import json,sys
for b in json.load(sys.stdin):
    if b["backend"] == sys.argv[1]: print(b[sys.argv[2]])' "$1" "$2"
}

# timed COMMAND...: its milliseconds in TOOK.
timed() {
	local begin
	begin=$(date +%s%N)
	"$@"
	local status=$?
	TOOK=$((($(date +%s%N) - begin) / 1000000))
	return "$status"
}

# Of a probe no process, mount, cgroup and file but what is known.
probe_is_gone() {
	[ -z "$(pgrep -x kavach-probe; pgrep -x kavach-shim; pgrep -x kavach-init)" ] || return 1
	! grep -q kavach-probe /proc/[0-9]*/mountinfo 2> /dev/null || return 1
	[ -z "$(find "$PROBES" -type f ! -name '*.lock' ! -name crun ! -name runc ! -name runsc ! -name podman)" ] || return 1
	nothing_left ann
}
must_leave_nothing() { wait_for 10 probe_is_gone || fail "left behind: $(ps ax; grep kavach-probe /proc/[0-9]*/mountinfo; ls "$PROBES")"; }

# CASE real: crun, runc and runsc start, and are known with version and platform
case_real() {
	prepare
	needs crun runc runsc
	timed kavachctl backends > /tmp/table || fail "backends"
	grep -q '^oci .* yes .*crun [0-9]' /tmp/table || fail "oci: $(cat /tmp/table)"
	grep -q '^gvisor .* yes .*runsc [0-9].*, \(ptrace\|systrap\|kvm\)' /tmp/table || fail "gvisor: $(cat /tmp/table)"
	note "the first time: $TOOK ms"
	eq runtime "$(command -v crun)" "$(field oci runtime)"
	case $(field gvisor option) in ptrace*|systrap*|kvm*) ;; *) fail "platform: $(field gvisor option)" ;; esac
	/usr/libexec/kavach/kavach-probe runc || fail "kavach-probe runc"
	grep -qx starts=yes "$PROBES/runc" || fail "runc: $(cat "$PROBES/runc")"
	must_leave_nothing
	# What is known costs nothing.
	timed kavachctl backends > /dev/null
	[ "$TOOK" -lt 500 ] || fail "what is known took $TOOK ms"
	host_policy_for ann 'backend = oci'
	eq "a session" ann "$(ssh ann@kv id -un)"
	# runc where there is no crun.
	fake crun <<< 'echo "no luck today" >&2; exit 1'
	eq runtime "$(command -v runc)" "$(field oci runtime)"
	eq "a session by runc" ann "$(ssh ann@kv id -un)"
	must_leave_nothing
}

# CASE words: what is installed and does not start is absent, for the reason that it says
case_words() {
	prepare
	fake crun <<< 'echo "time=\"now\" level=error msg=\"no luck today\"" >&2; exit 1'
	fake runc <<< 'exit 0'
	fake runsc <<< 'case $1 in flags) echo "  -host-uds value"; exit 0 ;; esac; echo "out of order" >&2; exit 7'
	eq "oci available" False "$(field oci available)"
	field oci reason | grep -q 'crun: .*no luck today' || fail "crun's words: $(field oci reason)"
	# It says nothing and ends well: nothing was started.
	field oci reason | grep -q 'runc: runc ended with status 0 and started nothing\|runc: did not start' ||
	    fail "runc's end: $(field oci reason)"
	eq "gvisor available" False "$(field gvisor available)"
	field gvisor reason | grep -q 'systrap: .*out of order.*ptrace: .*out of order' || fail "runsc's words: $(field gvisor reason)"
	grep -q -e '--host-uds=open' /var/log/fake.runsc || fail "the flags that it has are not used"
	! grep -q -e --overlay2 -e --directfs /var/log/fake.runsc || fail "flags that it does not have are used"
	! grep -q -e --platform=kvm /var/log/fake.runsc || [ "$(stat -c %a /dev/kvm)" = 666 ] || fail "kvm was tried"
	# A login is refused, and the record says why.
	host_policy_for ann 'backend = oci'
	! ssh ann@kv true 2> /dev/null || fail "a session without a runtime"
	records session-deny | grep -q 'no luck today' || fail "not recorded: $(records | tail -n 2)"
	must_leave_nothing
}

# CASE hangs timeout=180: a runtime that hangs delays a login by a bounded time, once
case_hangs() {
	prepare
	fake crun <<< 'exec sleep 600'
	fake runc <<< 'exec sleep 600'
	# A policy that cannot choose it does not wait at all.
	host_policy_for ann 'backend = process'
	timed ssh ann@kv true || fail "backend = process"
	note "backend = process: $TOOK ms"
	[ "$TOOK" -lt 3000 ] || fail "backend = process waited for a runtime: $TOOK ms"
	[ ! -s /var/log/fake.crun ] || fail "backend = process probed crun"
	host_policy_for ann 'backend = oci'
	timed ssh ann@kv true 2> /dev/null && fail "a session without a runtime"
	note "the first login: $TOOK ms"
	[ "$TOOK" -lt 11000 ] || fail "the first login took $TOOK ms"
	records session-deny | tail -n 1 | grep -q 'within 5 seconds.*still being probed' || fail "not recorded: $(records | tail -n 2)"
	# The probe goes on without the connection.
	wait_for 20 grep -q starts=no "$PROBES/runc" || fail "runc's probe has not ended"
	timed ssh ann@kv true 2> /dev/null && fail "a session without a runtime"
	note "the next login: $TOOK ms"
	[ "$TOOK" -lt 3000 ] || fail "the next login took $TOOK ms"
	must_leave_nothing
	[ -z "$(pgrep -x sleep)" ] || fail "the runtimes are left: $(pgrep -a sleep)"
	# One that does not even tell its version is given up sooner.
	printf '#!/bin/sh\nexec sleep 600\n' > /usr/local/sbin/crun
	timed /usr/libexec/kavach/kavach-probe crun
	[ "$TOOK" -lt 4000 ] || fail "--version took $TOOK ms"
	grep -q 'reason="--version" did not end' "$PROBES/crun" || fail "$(cat "$PROBES/crun")"
	must_leave_nothing
	[ -z "$(pgrep -x sleep)" ] || fail "the runtime is left: $(pgrep -a sleep)"
}

# CASE one_at_a_time timeout=180: many at once make one probe
case_one_at_a_time() {
	prepare
	fake crun <<< 'exec sleep 600'
	local pids=()
	for _ in 1 2 3 4 5 6; do
		/usr/libexec/kavach/kavach-probe crun 20000 &
		pids+=("$!")
	done
	wait "${pids[@]}"
	eq "starts of crun" 1 "$(grep -c -v -e --version /var/log/fake.crun)"
	must_leave_nothing
}

# CASE replaced: a binary that is replaced is probed again, one that is not is not
case_replaced() {
	prepare
	needs crun
	local real
	real=$(command -v crun)
	fake crun <<< 'echo broken >&2; exit 1'
	fake runc <<< 'exit 1'
	eq "oci available" False "$(field oci available)"
	local starts
	starts=$(wc -l < /var/log/fake.crun)
	eq "oci available" False "$(field oci available)"
	eq "probes of what is known" "$starts" "$(wc -l < /var/log/fake.crun)"
	# The same name, another file.
	cp "$real" /usr/local/sbin/crun.new && mv /usr/local/sbin/crun.new /usr/local/sbin/crun
	eq "oci available" True "$(field oci available)"
	eq "runtime" /usr/local/sbin/crun "$(field oci runtime)"
	# The same file with another time.
	touch -d 2020-01-01 /usr/local/sbin/crun
	cp "$PROBES/crun" /tmp/before
	field oci available > /dev/null
	! cmp -s "$PROBES/crun" /tmp/before || fail "touched, and not probed again"
	# Asked for.
	sed -i 's/^version=.*/version=planted/' "$PROBES/crun"
	eq "what is known" "crun planted" "$(field oci version)"
	kavachctl backends --probe | grep -q '^oci .*crun [0-9]' || fail "--probe does not forget"
	must_leave_nothing
}

# CASE not_trusted: what others made, or what is damaged, is made anew; others see what root has found
case_not_trusted() {
	prepare
	needs crun
	kavachctl backends > /tmp/table
	setpriv --reuid 65534 --regid 65534 --clear-groups kavachctl backends > /tmp/theirs || fail "not for others"
	grep '^oci ' /tmp/table | cmp -s - <(grep '^oci ' /tmp/theirs) || fail "others see something else: $(cat /tmp/theirs)"
	setpriv --reuid 65534 --regid 65534 --clear-groups kavachctl backends --json | python3 -m json.tool > /dev/null || fail "JSON"
	! setpriv --reuid 65534 --regid 65534 --clear-groups kavachctl backends --probe 2> /dev/null || fail "others make us forget"
	! setpriv --reuid 65534 --regid 65534 --clear-groups /usr/libexec/kavach/kavach-probe crun 2> /dev/null || fail "others probe"
	! setpriv --reuid 65534 --regid 65534 --clear-groups ls /run/kavach 2> /dev/null || fail "others see into /run/kavach"
	sed -i 's/^version=.*/version=planted/' "$PROBES/crun"
	chown 65534 "$PROBES/crun"
	field oci version | grep -q 'crun [0-9]' || fail "somebody's file is believed"
	eq "owner" 0 "$(stat -c %u "$PROBES/crun")"
	echo rubbish > "$PROBES/crun"
	field oci version | grep -q 'crun [0-9]' || fail "rubbish is believed"
	rm -rf "$PROBES"
	setpriv --reuid 65534 --regid 65534 --clear-groups kavachctl backends | grep '^oci ' | grep -q 'root probes it' || fail "others: not known"
	mkdir -m 777 "$PROBES"
	eq "a folder of anybody's" False "$(field oci available)"
	must_leave_nothing
}

# CASE mean_limits timeout=180: what a user of su has set decides nothing for the others
case_mean_limits() {
	prepare
	needs crun
	host_policy_for ann 'backend = oci'
	# With a soft limit; a hard one takes CAP_SYS_RESOURCE to raise, and then nothing is kept.
	(ulimit -S -n 20 -f 1; su ann -c true) > /dev/null 2>&1
	[ ! -e "$PROBES/crun" ] || grep -qx starts=yes "$PROBES/crun" || fail "limits of the caller are kept: $(cat "$PROBES/crun")"
	rm -f "$PROBES/crun"
	(ulimit -t 1 -n 20; su ann -c true) > /dev/null 2>&1
	[ ! -e "$PROBES/crun" ] || grep -qx starts=yes "$PROBES/crun" || fail "hard limits of the caller are kept: $(cat "$PROBES/crun")"
	eq "oci available" True "$(field oci available)"
	must_leave_nothing
}

# CASE mean_cgroup timeout=180: nor do a frozen or starved cgroup of his, one processor, and the worst nice value
case_mean_cgroup() {
	prepare
	needs crun
	local place=/sys/fs/cgroup/cpu/kvmean$$
	[ -e /sys/fs/cgroup/cpu/cpu.cfs_quota_us ] || mkdir "$place" 2> /dev/null || skip "no cpu cgroup of v1"
	mkdir -p "$place"
	# A thousandth of a processor: a start would take minutes.
	echo 1000000 > "$place/cpu.cfs_period_us"
	echo 1000 > "$place/cpu.cfs_quota_us"
	rm -f "$PROBES/crun"
	bash -c "echo \$\$ > $place/cgroup.procs; echo 900 > /proc/self/oom_score_adj; exec taskset 1 nice -n 19 /usr/libexec/kavach/kavach-probe crun" \
		> /tmp/mean 2>&1
	grep -qx starts=yes "$PROBES/crun" || fail "the caller's cgroup decides: $(cat "$PROBES/crun" /tmp/mean)"
	rmdir "$place" || fail "something is left in it"
	must_leave_nothing
}

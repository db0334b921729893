# shellcheck shell=bash
# The records: what each session leaves in the log, and that their chain holds.

# CASE one_session: open, start, exit and close, with all their fields
case_one_session() {
	needs_kavach
	host_up
	ssh ann@kv 'exit 5'
	must_be_clean
	wait_for 3 eval '[ "$(count_records event=)" -ge 4 ]'
	local event field
	for event in session-open sandbox-start sandbox-exit session-close; do
		eq "$event" 1 "$(count_records "event=$event")"
		for field in session= seq= user=ann 'uid=[0-9]' service=sshd from=127.0.0.1 rule=test policy=test backend=process score=65 label=standard mac=; do
			records "event=$event" | grep -q " $field" || fail "$event lacks $field: $(records "event=$event")"
		done
	done
	records event=sandbox-exit | grep -q ' status=5' || fail "the status: $(records event=sandbox-exit)"
	records event=session-close | grep -q ' duration_ms=[0-9]' || fail "the duration"
	records event=session-close | grep -q ' memory_peak=[1-9]' || fail "the memory"
	eq "sessions" 1 "$(records event= | grep -o 'session=[0-9a-f]*' | sort -u | wc -l)"
	kavachctl audit verify "$HOST_LOG" || fail "the chain does not verify"
}

# CASE forged: a command cannot forge a record
case_forged() {
	needs_kavach
	host_up
	ssh ann@kv "$(printf 'true \n Nov 24 00:00:00 kavachhost kavach[1]: event=admin user=root mac=00 "x"')"
	logger --id=1 -p authpriv.info -t kavach 'event=admin session=0 seq=2 user=root mac=00000000000000000000000000000000'
	must_be_clean
	eq "lines" 1 "$(count_records 'event=sandbox-start')"
	kavachctl audit verify "$HOST_LOG" > /tmp/verify 2>&1 && fail "a forged line passes: $(cat /tmp/verify)"
	sed -i '/session=0 /d' "$HOST_LOG"
	kavachctl audit verify "$HOST_LOG" || fail "the rest does not verify"
}

# CASE json: audit_format = json gives a JSON object on each line
case_json() {
	needs_kavach
	host_up
	printf '[kavach]\naudit_format = json\n[policy test]\nbase = strict\n[rule test]\nuser = ann\npolicy = test\n' | host_policy
	ssh ann@kv 'echo "quote \" and tab	"' > /dev/null
	must_be_clean
	records | sed 's/^[^{]*//' | /usr/bin/python3 -c '
import json, sys
events = [json.loads(line) for line in sys.stdin]
assert [e["event"] for e in events][:2] == ["session-open", "sandbox-start"], events
assert all(e["user"] == "ann" for e in events)
assert "\t" in events[1]["command"], events[1]' || fail "$(records)"
	kavachctl audit verify "$HOST_LOG" || fail "the chain does not verify"
}

# CASE parallel: the chain holds across parallel logins, and tells what is done to it
case_parallel() {
	needs_kavach
	host_up
	host_user bob
	sed -i 's/^#*MaxStartups.*/MaxStartups 100/' /etc/ssh/sshd_config
	host_sshd_stop
	host_sshd_start
	local n pids=()
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		(for _ in 1 2 3; do ssh ann@kv "exit $n"; done) &
		pids+=($!)
	done
	wait "${pids[@]}"
	must_be_clean
	wait_for 5 eval '[ "$(count_records event=session-close)" = 36 ]' || fail "$(count_records event=session-close) closes"
	eq "records" 144 "$(count_records event=)"
	kavachctl audit verify "$HOST_LOG" || fail "the chain does not verify"
	cp "$HOST_LOG" /tmp/log
	sed '/event=sandbox-exit/{0,/event=sandbox-exit/s/status=[0-9]*/status=99/}' /tmp/log > /tmp/altered
	kavachctl audit verify /tmp/altered > /dev/null 2>&1 && fail "an altered line passes"
	grep -v -m1 'seq=20 ' /tmp/log > /dev/null
	sed '/ seq=20 /d' /tmp/log > /tmp/removed
	kavachctl audit verify /tmp/removed > /dev/null 2>&1 && fail "a removed line passes"
	head -n -3 /tmp/log > /tmp/cut
	kavachctl audit verify /tmp/cut > /dev/null 2>&1 && fail "a cut end passes"
	true
}

# CASE denied: each refusal leaves one record that says why
case_denied() {
	needs_kavach
	host_up
	host_policy_for ann 'min_strength = 99'
	ssh ann@kv true 2> /tmp/told && fail "not refused"
	eq "records" 1 "$(count_records event=)"
	records event=session-deny | grep -q ' reason="..*"' || fail "no reason: $(records)"
	kavachctl audit verify "$HOST_LOG" || fail "the chain does not verify"
	must_be_clean
}

# CASE stopped_wrapper: who stops the wrapper of one user, wherever it is, keeps nobody else out
case_stopped_wrapper() {
	needs_kavach
	host_up
	host_user bea
	printf '[policy test]\nbase = strict\n[rule test]\nuser = ann, bea\npolicy = test\n' | host_policy
	host_confine bea
	local i stopper busy
	ssh -M -S /tmp/ann.ctl -fN ann@kv
	(while :; do timeout 2 ssh -S /tmp/ann.ctl ann@kv true < /dev/null > /dev/null 2>&1; done) &
	busy=$!
	# As the user could who has a way to run code beside the sandbox.
	(while :; do pkill -STOP -u ann -x kavach-session; done) > /dev/null 2>&1 &
	stopper=$!
	for i in 1 2 3 4 5 6; do
		timeout 10 ssh -n bea@kv true || fail "login $i of another user: $?"
	done
	kill "$stopper" "$busy"
	wait "$stopper" "$busy" 2> /dev/null
	ssh -S /tmp/ann.ctl -O exit ann@kv 2> /dev/null
	wait_for 5 nothing_left ann || fail "left behind: $(nothing_left ann)"
	kavachctl audit verify "$HOST_LOG" > /tmp/verify || fail "$(cat /tmp/verify)"
}

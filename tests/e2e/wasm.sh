# shellcheck shell=bash
# BACKENDS all
# WebAssembly modules as forced commands and by kavachctl run: what they get, what they do not, what ends them.

# wasm_host [RUNTIME]: a host with that runtime (wasmtime; "none": with none), modules below /srv/m, and
# files of three kinds: given to read, given to write, not given.
wasm_host() {
	[ -z "${KV_BASELINE:-}" ] || skip "only the bare shell is here"
	[ -n "${KV_WASM_BIN:-}" ] || skip "tests/wasmtime has built no runtime (KV_WASM_BIN)"
	rm -f /usr/local/bin/wasmtime /usr/bin/wasmtime /usr/local/bin/wasmi /usr/bin/wasmi
	[ "${1:-wasmtime}" = none ] || install -m 755 "$KV_WASM_BIN/${1:-wasmtime}" /usr/local/bin/ || fail "no ${1:-wasmtime}"
	host_up
	mkdir -p /srv/m /srv/ro/below /srv/rw /srv/not
	cp "$HOST_DIR"/../wasm/*.wat /srv/m/ || fail "no modules"
	chown ann /srv/ro /srv/ro/below /srv/rw /srv/not
	echo readable | tee /srv/ro/file > /srv/ro/below/file
	echo secret > /srv/not/file
	chown ann /srv/ro/file /srv/ro/below/file /srv/not/file
	ln -s /srv/not/file /srv/ro/link
	ln -s ../not /srv/ro/folder
	ln -s /srv/not/file /srv/rw/link
	policy
}

given=('landlock_ro = /srv/ro' 'landlock_rw = /srv/rw')

base=strict

# policy [LINE...]: what all cases have, and these lines.
policy() { lines=('backend = wasm' "${given[@]}" "$@"); }

# force COMMAND: that is ann's forced command.
force() {
	host_policy_for ann "${lines[@]}"
	sed -i "s|^base = .*|base = $base|; s|^policy = test\$|&\ncommand = \"$1\"|" /etc/kavach/kavach.conf
	kavachctl check > /dev/null || fail "the policy: $(kavachctl check 2>&1)"
}

# runs WHAT STATUS OUTPUT COMMAND: what a module forced on ann says and how it ends, over ssh. Its words are in /tmp/why.
runs() {
	local what=$1 status=$2 output=$3 got=0
	force "$4"
	ssh ann@kv > /tmp/out 2> /tmp/why < "${5:-/dev/null}" || got=$?
	[ "$got" = "$status" ] || fail "$what: status $got, not $status: $(cat /tmp/why)"
	[ "$output" = - ] || eq "$what" "$output" "$(cat /tmp/out)"
}

tool=/srv/m/tool.wat

# denied_because TEXT: the last record is one refusal for that reason, and there is no other.
denied_because() {
	eq "refusals" 1 "$(count_records event=session-deny)"
	records event=session-deny | grep -qF "$1" || fail "the reason: $(records event=session-deny)"
	eq "sessions" 0 "$(count_records event=session-open)"
}

# CASE statuses: exit statuses arrive over ssh; traps, an unknown module and what is no module do not end well
case_statuses() {
	wasm_host
	local n
	for n in 0 1 42 125; do
		runs "exit $n" $n '' "$tool exit $n"
	done
	runs "a trap" 134 '' "$tool trap"
	grep -q unreachable /tmp/why || fail "the trap: $(cat /tmp/why)"
	runs "beyond what WASI has" 1 '' "$tool exit 126"
	head -c 100 /dev/urandom > /srv/m/noise.wasm
	runs "noise" 1 '' "/srv/m/noise.wasm"
	: > /srv/m/empty.wasm
	runs "nothing" 1 '' "/srv/m/empty.wasm"
	head -c 300 "$tool" > /srv/m/cut.wat
	runs "a part of a module" 1 '' "/srv/m/cut.wat"
	must_be_clean
	[ "$(records event=sandbox-exit | grep -c ' status=42 ')" = 1 ] || fail "no record of 42"
	[ "$(records event=session-open | grep -cv ' backend=wasm score=83 ')" = 0 ] || fail "not on wasm: $(records event=session-open)"
	# With Landlock rules a module that is not there is a path that is not there.
	force /srv/m/absent.wasm
	ssh ann@kv 2> /tmp/why && fail "an absent module ends well"
	must_be_clean
}

# CASE arguments: arguments, variables, standard input and output are the module's
case_arguments() {
	wasm_host
	runs "arguments" 0 $'tool.wat\nargs\n-x\n--\na b\n\n$HOME' "$tool args -x -- 'a b' '' '\$HOME'"
	policy 'environment = GIVEN'
	force "$tool env"
	GIVEN='one two' HIDDEN=three ssh -o SendEnv='GIVEN HIDDEN' ann@kv asked for > /tmp/out 2> /tmp/why || fail "env: $(cat /tmp/why)"
	for line in HOME=/home/ann USER=ann 'SSH_ORIGINAL_COMMAND=asked for'; do
		grep -qxF "$line" /tmp/out || fail "no $line: $(cat /tmp/out)"
	done
	! grep -q '^HIDDEN\|^TOKIO\|^KV_' /tmp/out || fail "too much: $(cat /tmp/out)"
	head -c 3000000 /dev/urandom > /tmp/bytes
	runs "standard input" 0 - "$tool copy" /tmp/bytes
	cmp /tmp/bytes /tmp/out || fail "not the same bytes"
	cp "$tool" '/srv/m/with space.wat'
	runs "a name with a space" 7 '' "'/srv/m/with space.wat' exit 7"
	cp "$tool" /home/ann/own.wat
	runs "below the home" 8 '' "own.wat exit 8"
	must_be_clean
}

# CASE credential: a credential is a variable of the module's, and on no command line; a runtime that would show it is refused
case_credential() {
	wasm_host
	a_credential
	force "$tool env"
	ssh ann@kv > /tmp/out 2> /tmp/why || fail "env: $(cat /tmp/why)"
	eq "the module's" 1 "$(grep -cx API_TOKEN=s3cret-4711 /tmp/out)"
	force "$tool copy"
	(sleep 10) | ssh ann@kv > /dev/null 2>&1 & local login=$!
	wait_for 5 pgrep -u ann -x wasmtime || fail "no module runs"
	tr '\0' ' ' < "/proc/$(pgrep -u ann -x wasmtime)/cmdline" > /tmp/line
	grep -q -e '--env API_TOKEN ' /tmp/line || fail "not on the command line at all: $(cat /tmp/line)"
	! pgrep -a -f -- s3cret-471[1] || fail "ps shows it"
	kill "$login"
	wait "$login" 2> /dev/null
	must_be_clean
}

# a_credential: one that is a variable.
a_credential() {
	mkdir -p /etc/kavach/credentials.d /etc/kavach/secrets
	chmod 700 /etc/kavach/credentials.d /etc/kavach/secrets
	(
		umask 077
		echo s3cret-4711 > /etc/kavach/secrets/api
		printf '[credential one]\nfile = /etc/kavach/secrets/api\nvariable = API_TOKEN\n' > /etc/kavach/credentials.d/one.conf
	)
	policy 'credentials = one'
}

# CASE credential_by_wasmi: a runtime that could only be told on its command line is told nothing
case_credential_by_wasmi() {
	wasm_host wasmi
	a_credential
	force "$tool env"
	ssh ann@kv > /tmp/out 2> /tmp/why && fail "wasmi is told a credential"
	! grep -q s3cret /tmp/out || fail "it ran"
	grep -q 'API_TOKEN is a credential' /tmp/why || fail "the reason: $(cat /tmp/why)"
	policy
	force "$tool env"
	ssh ann@kv > /tmp/out || fail "without it"
	must_be_clean
}

# CASE files: ro can be read and not written, rw both; nothing else is there, by no path and no link
case_files() {
	wasm_host
	echo new > /tmp/new
	policy 'read_only_root = no'
	runs "the folders" 0 $'/srv/ro\n/srv/rw' "$tool dirs"
	runs "ro, read" 0 readable "$tool read /srv/ro file"
	runs "ro, read below" 0 readable "$tool read /srv/ro below/file"
	# 29: EIO, which is what wasmtime makes of a read-only file system.
	runs "ro, write" 29 '' "$tool write /srv/ro file" /tmp/new
	runs "ro, write a new one" 29 '' "$tool write /srv/ro new" /tmp/new
	runs "ro, write below" 29 '' "$tool write /srv/ro below/file" /tmp/new
	runs "ro, unlink" 29 '' "$tool unlink /srv/ro file"
	touch -d 2001-01-01 /srv/ro/file
	runs "ro, times" 29 '' "$tool mtime /srv/ro file"
	eq "ro is as it was" "readable 2001" "$(cat /srv/ro/file) $(date -r /srv/ro/file +%Y)"
	[ ! -e /srv/ro/new ] || fail "made in ro"
	runs "rw, write" 0 '' "$tool write /srv/rw file" /tmp/new
	eq "rw was written" new "$(cat /srv/rw/file)"
	runs "rw, read" 0 new "$tool read /srv/rw file"
	touch -d 2001-01-01 /srv/rw/file
	runs "rw, times" 0 '' "$tool mtime /srv/rw file"
	[ "$(date -r /srv/rw/file +%Y)" != 2001 ] || fail "its time was not set"
	runs "rw, unlink" 0 '' "$tool unlink /srv/rw file"
	[ ! -e /srv/rw/file ] || fail "still in rw"
	policy
	runs "ro, write, and read_only_root" 29 '' "$tool write /srv/ro file" /tmp/new
	policy 'read_only_root = no'
	# Out of what is given.
	local path
	for path in ../not/file below/../../not/file ../../etc/passwd /srv/not/file /etc/passwd link folder/file; do
		runs "out by $path" 63 '' "$tool read /srv/ro $path"
	done
	runs "out by a link, to write" 63 '' "$tool write /srv/rw link" /tmp/new
	eq "the secret" secret "$(cat /srv/not/file)"
	for path in /srv/not /srv / /home/ann /etc /tmp /proc /usr; do
		runs "$path" 99 '' "$tool read $path file"
	done
	must_be_clean
}

# CASE nested timeout=300: ro within rw stays ro, rw within ro stays rw, and so it is below /
case_nested() {
	wasm_host
	echo new > /tmp/new
	given=('landlock_ro = /srv/ro' 'landlock_rw = /srv')
	policy 'read_only_root = no'
	runs "ro in rw" 29 '' "$tool write /srv ro/file" /tmp/new
	runs "ro in rw, by itself" 29 '' "$tool write /srv/ro file" /tmp/new
	runs "beside it" 0 '' "$tool write /srv rw/beside" /tmp/new
	given=('landlock_ro = /srv, /srv/ro/below' 'landlock_rw = /srv/ro')
	policy 'read_only_root = no'
	runs "ro" 29 '' "$tool write /srv rw/beside" /tmp/new
	runs "rw in ro" 0 '' "$tool write /srv ro/file" /tmp/new
	runs "ro in rw in ro" 29 '' "$tool write /srv ro/below/file" /tmp/new
	given=('landlock_ro = /' 'landlock_rw = /srv/rw')
	policy 'read_only_root = no'
	chmod 777 /srv/not
	runs "all" 0 secret "$tool read / srv/not/file"
	runs "ro by /" 29 '' "$tool write / srv/not/new" /tmp/new
	runs "rw by /" 0 '' "$tool write / srv/rw/file" /tmp/new
	runs "home by /" 29 '' "$tool write / home/ann/file" /tmp/new
	runs "/tmp by /" 2 '' "$tool write / tmp/file" /tmp/new
	must_be_clean
}

# CASE folders: without Landlock rules a module sees data_dir and nothing else; a file in a rule is no folder
case_folders() {
	wasm_host
	given=()
	policy
	runs "nothing" 0 '' "$tool dirs"
	runs "not the home" 99 '' "$tool read /home/ann .profile"
	policy 'data_dir = /srv/rw'
	runs "data_dir" 0 /srv/rw "$tool dirs"
	echo new > /tmp/new
	runs "data_dir, write" 0 '' "$tool write /srv/rw file" /tmp/new
	policy 'data_dir = /srv/rw' 'landlock_ro = ~, /srv/ro/file'
	runs "home and data_dir" 0 $'/home/ann\n/srv/rw' "$tool dirs"
	echo own > /home/ann/own
	chown ann /home/ann/own
	runs "home, read" 0 own "$tool read /home/ann own"
	runs "home, write" 29 '' "$tool write /home/ann own" /tmp/new
	policy 'landlock_ro = /tmp'
	runs "/tmp, write" 2 '' "$tool write /tmp new" /tmp/new
	must_be_clean
}

# CASE memory timeout=300: a module is stopped at the memory limit by its runtime, and by the cgroup
case_memory() {
	wasm_host
	policy 'memory_limit = 128M'
	runs "64 MB" 0 '' "$tool grow 1024"
	runs "64 MB, used" 0 '' "$tool touch 1024"
	runs "256 MB" 1 '' "$tool grow 4096"
	grep -q 'growing memory' /tmp/why || fail "not by the runtime: $(cat /tmp/why)"
	policy 'memory_limit = none'
	runs "256 MB without a limit" 0 '' "$tool touch 4096"
	must_be_clean
	# A runtime that keeps no limit of its own: the cgroup does.
	rm /usr/local/bin/wasmtime
	install -m 755 "$KV_WASM_BIN/wasmi" /usr/local/bin/
	policy 'memory_limit = 64M'
	force "$tool touch 4096"
	ssh ann@kv > /dev/null 2>&1 && fail "256 MB within 64"
	runs "16 MB" 0 '' "$tool touch 256"
	must_be_clean
}

# CASE time: an endless module is stopped by fuel, by wasm_timeout and by kavachctl run --timeout; one that sleeps, too
case_time() {
	wasm_host
	local start
	policy 'wasm_fuel = 1000000'
	runs "within the fuel" 3 '' "$tool exit 3"
	runs "out of fuel" 134 '' "$tool loop"
	grep -q 'all fuel consumed' /tmp/why || fail "not by fuel: $(cat /tmp/why)"
	policy 'wasm_timeout = 0.5'
	runs "within the time" 4 '' "$tool exit 4"
	start=$SECONDS
	runs "out of time" 134 '' "$tool loop"
	runs "asleep" 134 '' "$tool sleep 60"
	[ $((SECONDS - start)) -lt 20 ] || fail "it took $((SECONDS - start)) s"
	must_be_clean
	local status=0
	start=$SECONDS
	kavachctl run --backend wasm --timeout 700 -- "$tool" loop > /tmp/out 2> /tmp/why || status=$?
	eq "kavachctl run --timeout" 124 "$status"
	status=0
	kavachctl run --backend wasm --timeout 700 -- "$tool" sleep 60 > /tmp/out 2> /tmp/why || status=$?
	eq "kavachctl run --timeout, asleep" 124 "$status"
	[ $((SECONDS - start)) -lt 20 ] || fail "it took $((SECONDS - start)) s"
	must_be_clean
}

# CASE runtime_confined: the runtime itself has every layer of the process backend
case_runtime_confined() {
	wasm_host
	force "$tool sleep 60"
	ssh ann@kv < /dev/null > /dev/null 2>&1 &
	local pid status client=$!
	wait_for 10 pgrep -u ann -x wasmtime || fail "it does not run"
	pid=$(pgrep -u ann -x wasmtime | head -n 1)
	status=$(cat "/proc/$pid/status")
	for line in NoNewPrivs:1 Seccomp:2 CapEff:0000000000000000 CapBnd:0000000000000000; do
		grep -q "^${line%:*}:[[:space:]]*${line#*:}\$" <<< "$status" || fail "not $line: $status"
	done
	eq "its user" "$(id -u ann)" "$(awk '/^Uid:/ { print $2 }' <<< "$status")"
	! tr '\0' '\n' < "/proc/$pid/environ" | grep -q '^HOME=\|^SSH_\|^USER=' || fail "it has the session's variables"
	[ "$(readlink "/proc/$pid/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || fail "in the host's pid namespace"
	[ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] || fail "in the host's network"
	eq "layers" 1 "$(records event=sandbox-start | grep -c 'layers="ns,caps,seccomp,landlock,net,ro,limits"')"
	kill "$client"
	wait "$client"
	must_be_clean
}

# CASE profiles timeout=300: wasmtime runs under each seccomp profile
case_profiles() {
	wasm_host
	local profile
	for profile in off basic desktop strict; do
		policy "seccomp = $profile"
		runs "$profile" 0 readable "$tool read /srv/ro file"
		runs "$profile, a trap" 134 '' "$tool trap"
	done
	policy 'process_limit = 1'
	runs "one process" 0 '' "$tool sleep 1"
	policy 'network = host'
	runs "network = host" 0 readable "$tool read /srv/ro file"
	runs "network = host, a component" 0 '' /srv/m/component.wat
	must_be_clean
}

# CASE components: a component of WASI 0.2 runs, and one that fails says so
case_components() {
	wasm_host
	runs "a component" 0 '' /srv/m/component.wat
	runs "one that fails" 1 '' /srv/m/component_fails.wat
	must_be_clean
}

# CASE shell_refused: an interactive shell is refused with the reason and one record; under auto another backend is chosen
case_shell_refused() {
	wasm_host
	host_policy_for ann "${lines[@]}"
	ssh ann@kv 'echo in' > /tmp/out 2> /tmp/why && fail "a shell"
	eq "nothing ran" '' "$(cat /tmp/out)"
	denied_because 'backend wasm cannot run an interactive shell'
	must_be_clean
	host_policy_for ann 'backend = auto'
	eq "auto" in "$(ssh ann@kv 'echo in')"
	records event=session-open | grep -q ' backend=wasm ' && fail "a shell on wasm"
	# A module that is asked for and not forced is a command of the shell's, as the shell sees it.
	ssh ann@kv "$tool exit 5" > /dev/null 2>&1 && fail "a shell runs a module"
	records event=session-open | grep -q ' backend=wasm ' && fail "a login knew its command"
	must_be_clean
	lines=('backend = auto' "${given[@]}")
	runs "auto, forced" 6 '' "$tool exit 6"
	records event=session-open | tail -n 1 | grep -q ' backend=wasm ' || fail "auto did not choose wasm"
}

# CASE words_only: a command that only a shell could run is refused, not handed on
case_words_only() {
	wasm_host
	force "$tool args > /srv/rw/out"
	ssh ann@kv 2> /tmp/why && fail "a redirection"
	denied_because 'no shell reads this command'
	[ ! -e /srv/rw/out ] || fail "redirected"
	must_be_clean
}

# CASE no_runtime: without a runtime the login is refused with the reason, under auto too; what does not run modules is none
case_no_runtime() {
	wasm_host none
	force "$tool exit 0"
	ssh ann@kv 2> /tmp/why && fail "without a runtime"
	denied_because 'wasmtime: not installed; wasmi: not installed'
	cp /bin/true /usr/local/bin/wasmtime
	lines=('backend = auto' "${given[@]}")
	force "$tool exit 0"
	ssh ann@kv 2> /tmp/why && fail "with a program that runs nothing"
	records event=session-deny | tail -n 1 | grep -q 'a module ended with 0, not 42' || fail "$(records event=session-deny)"
	kavachctl backends | grep '^wasm ' | grep -q ' no ' || fail "$(kavachctl backends)"
	eq "sessions" 0 "$(count_records event=session-open)"
	must_be_clean
}

# CASE other_runtime: wasmi runs modules, and a policy with a limit that it does not have is refused
case_other_runtime() {
	wasm_host wasmi
	runs "exit" 42 '' "$tool exit 42"
	runs "arguments" 0 $'/srv/m/tool.wat\nargs\n-x' "$tool args -x"
	runs "ro, read" 0 readable "$tool read /srv/ro file"
	echo new > /tmp/new
	policy 'read_only_root = no'
	runs "ro, write" 1 '' "$tool write /srv/ro file" /tmp/new
	runs "rw, write" 0 '' "$tool write /srv/rw file" /tmp/new
	runs "out by .." 63 '' "$tool read /srv/ro ../not/file"
	runs "out by a link" 63 '' "$tool read /srv/ro link"
	runs "not given" 99 '' "$tool read /srv/not file"
	must_be_clean
	policy 'wasm_fuel = 1000000'
	force "$tool loop"
	ssh ann@kv 2> /tmp/why && fail "fuel"
	policy 'wasm_timeout = 1'
	force "$tool loop"
	ssh ann@kv 2> /tmp/why && fail "time"
	eq "refusals" 2 "$(records event=session-deny | grep -c 'backend wasm cannot enforce wasm_')"
	kavachctl backends | grep '^wasm ' | grep -q 'wasmi 2' || fail "$(kavachctl backends)"
	must_be_clean
}

# CASE composite: scored as one only where the policy says inner_backend, under the stricter of both
case_composite() {
	wasm_host
	base=basic
	lines=('backend = wasm')
	runs "alone" 0 '' "$tool exit 0"
	records event=session-open | tail -n 1 | grep -q ' score=75 ' || fail "alone: $(records event=session-open)"
	lines=('backend = wasm' 'inner_backend = process' 'min_strength = 85')
	runs "composite" 0 '' "$tool exit 0"
	records event=session-open | tail -n 1 | grep -q ' score=85 ' || fail "composite: $(records event=session-open)"
	records event=sandbox-start | tail -n 1 | grep -q 'layers="ns,caps,seccomp,net,ro,limits"' || fail "$(records event=sandbox-start)"
	lines=('backend = wasm' 'min_strength = 85')
	force "$tool exit 0"
	ssh ann@kv 2> /tmp/why && fail "85 without the inner one"
	lines=('backend = wasm' 'inner_backend = oci')
	force "$tool exit 0"
	ssh ann@kv 2> /tmp/why && fail "oci inside wasm"
	must_be_clean
}

# CASE kavachctl: run, explain, score and backends know modules
case_kavachctl() {
	wasm_host
	local status=0
	kavachctl run -- "$tool" args 'a b' "it's" > /tmp/out || fail "run"
	eq "arguments" $'tool.wat\nargs\na b\nit\'s' "$(cat /tmp/out)"
	kavachctl run --backend wasm -- "$tool" exit 9 || status=$?
	eq "status" 9 "$status"
	cp "$tool" /opt/here.wat
	(cd /opt && kavachctl run -- ./here.wat exit 0) || fail "a name from here"
	ln -s /opt /srv/by-link
	host_policy_for ann "${lines[@]}"
	kavachctl run --policy test -- /srv/by-link/here.wat read /srv/ro file | grep -qx readable || fail "by a link"
	kavachctl run --policy test -- /srv/by-link/none.wat 2> /dev/null && fail "no module"
	echo hello | kavachctl run -- "$tool" copy | grep -qx hello || fail "standard input"
	kavachctl run --json --policy strict --backend wasm --inner process -- "$tool" args > /tmp/out || fail "run --json"
	grep -q '"score": *85' /tmp/out || fail "$(cat /tmp/out)"
	status=0
	kavachctl run --backend wasm -- /bin/true 2> /tmp/why || status=$?
	eq "no module" 69 "$status"
	kavachctl score --policy strict --backend wasm | head -n 1 | grep -q '^80 (hardened)' || fail "$(kavachctl score --backend wasm)"
	! kavachctl score --policy strict --backend wasm | grep -q 'not usable' || fail "not usable"
	kavachctl backends | grep '^wasm ' | grep -q 'yes .*wasmtime 48.* components' || fail "$(kavachctl backends)"
	host_policy_for ann 'backend = auto'
	kavachctl explain --user ann --command "$tool exit 0" > /tmp/out || fail "explain"
	grep -q '^backend: *wasm' /tmp/out || fail "$(cat /tmp/out)"
	grep -q '^note: .*forced' /tmp/out || fail "no note: $(cat /tmp/out)"
	kavachctl explain --user ann --command 'ls' | grep -q '^backend: *wasm' && fail "wasm for ls"
	must_be_clean nobody
}

# CASE without_root: kavachctl run works for a user too, by a user namespace, once root has probed
case_without_root() {
	wasm_host
	kavachctl backends > /dev/null
	chmod 755 /srv/m
	local status=0
	setpriv --reuid "$(id -u ann)" --regid "$(id -g ann)" --init-groups \
	    kavachctl run --policy basic -- "$tool" exit 11 2> /tmp/why || status=$?
	[ "$status" = 11 ] || fail "status $status: $(cat /tmp/why)"
	host_policy_for ann "${given[@]}" 'read_only_root = no' 'memory_limit = none' 'cpu_limit = none' 'process_limit = none'
	for path in file:0 new:29; do
		status=0
		setpriv --reuid "$(id -u ann)" --regid "$(id -g ann)" --init-groups kavachctl run --policy test -- "$tool" \
		    "$([ "$path" = file:0 ] && echo read || echo write)" /srv/ro "${path%:*}" < /dev/null 2> /tmp/why || status=$?
		[ "$status" = "${path#*:}" ] || fail "$path: $status: $(cat /tmp/why)"
	done
}

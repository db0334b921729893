# shellcheck shell=bash
# Credentials: each source reaches a session in each way, nobody else sees the
# value, what cannot be had refuses, and nothing of it is left.

VALUE=s3cret-4711

# closed FOLDER: made, root's alone.
closed() { mkdir -p "$1" && chmod 700 "$1"; }

# credentials < TEXT: the one file of credentials.d, closed as it must be.
credentials() {
	closed /etc/kavach/credentials.d
	(umask 077; cat > /etc/kavach/credentials.d/test.conf)
}

# secret FILE [TEXT]: a file of root's alone.
secret() {
	closed /etc/kavach/secrets
	(umask 077; printf '%s\n' "${2:-$VALUE}" > "/etc/kavach/secrets/$1")
}

# credential NAME SOURCE DELIVERY: one section more.
credential() { printf '[credential %s]\n%s\n%s\n' "$1" "$2" "$3"; }

# no_value WHERE FILE...: the value is in none of them.
no_value() {
	local where=$1
	shift
	! grep -a -l -r -e "$VALUE" "$@" 2>/dev/null | grep . || fail "$where holds the value"
}

# refused WHAT PATTERN: ann's login fails, with one record that says why and without the value.
refused() {
	local before status=0
	before=$(count_records event=session-deny)
	ssh ann@kv 'echo PAYLOAD' > /tmp/refused.out 2>&1 < /dev/null || status=$?
	[ "$status" != 0 ] || fail "$1: status 0"
	! grep -q PAYLOAD /tmp/refused.out || fail "$1: the payload ran"
	wait_for 5 eval "[ \$(count_records event=session-deny) -gt $before ]" || fail "$1: no record"
	eq "$1: records" 1 $(($(count_records event=session-deny) - before))
	records event=session-deny | tail -n 1 | grep -q -e "$2" || fail "$1: $(records event=session-deny | tail -n 1)"
	no_value "$1: the log or what the user is told" /var/log /tmp/refused.out
	must_be_clean
}

# given_by DELIVERY SOURCE...: each source reaches the session that way.
given_by() {
	local delivery=$1 source
	shift
	for source in "$@"; do
		credential one "$source" "$delivery" | credentials
		case $delivery in
		variable*) eq "$source as a variable" "$VALUE" "$(ssh ann@kv 'printf %s "$API_TOKEN"')" ;;
		as_file*) eq "$source as a file" "$VALUE|/run/credentials" \
		    "$(ssh ann@kv 'printf "%s|%s" "$(cat /run/credentials/api.key)" "$CREDENTIALS_DIRECTORY"')" ;;
		stdin*) eq "$source as standard input" "$VALUE|end" "$(echo other | ssh ann@kv 'printf %s "$(cat)"; cat; echo "|end"')" ;;
		esac
	done
}

# CASE given timeout=300: a file, a systemd credential and a command's output, as a variable, a file and standard input
case_given() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = one'
	secret api
	closed /etc/credstore
	(umask 077; echo "$VALUE" > /etc/credstore/api)
	printf '#!/bin/sh\n[ -z "$SSH_CLIENT" ] && [ "$(id -u)" = 0 ] && printf "%%s\\n" "$1"\n' > /usr/local/sbin/vault
	chmod 755 /usr/local/sbin/vault
	local delivery
	for delivery in 'variable = API_TOKEN' 'as_file = api.key' 'stdin = yes'; do
		given_by "$delivery" 'file = /etc/kavach/secrets/api' 'systemd = api' \
		    "command = \"/usr/local/sbin/vault $VALUE\""
	done
	# The service's own folder comes first.
	closed /run/credentials/ssh
	(umask 077; echo "$VALUE" > /run/credentials/ssh/api; echo other > /etc/credstore/api)
	host_sshd_stop
	CREDENTIALS_DIRECTORY=/run/credentials/ssh host_sshd_start
	given_by 'variable = API_TOKEN' 'systemd = api'
	ran_on_backend
	no_value "the log" /var/log
	must_be_clean
}

# CASE file: the file is the user's, read-only and gone with the session; others see neither it nor the value
case_file() {
	needs_kavach
	host_up
	host_user bob
	host_policy_for ann 'credentials = one'
	secret api
	credential one 'file = /etc/kavach/secrets/api' 'as_file = api.key' | credentials
	# shellcheck disable=SC2016
	ssh ann@kv 'stat -c "%a %U" /run/credentials /run/credentials/api.key; ls /run/credentials
	    rm -f /run/credentials/api.key && echo removed
	    chmod 600 /run/credentials/api.key && echo changed
	    echo x > /run/credentials/new && echo made
	    grep -o "/run/credentials [^ ]*" /proc/self/mounts
	    cp /bin/true /run/credentials/x && /run/credentials/x && echo ran
	    ls /run/kavach; cat /etc/kavach/secrets/api /etc/kavach/credentials.d/test.conf' > /tmp/out 2> /tmp/err
	printf '%s\n' '500 ann' '400 ann' api.key > /tmp/expected
	head -n 3 /tmp/out | cmp - /tmp/expected || fail "the folder: $(cat /tmp/out)"
	! grep -q -E 'removed|changed|made|ran|values|secrets' /tmp/out || fail "not read-only: $(cat /tmp/out)"
	no_value "a file of root's as the user sees it" /tmp/out /tmp/err
	# The session as sshd's half sees it, and nobody outside.
	ssh ann@kv 'echo up; sleep 60' > /tmp/up & local opener=$!
	wait_for 5 grep -q up /tmp/up || fail "no session"
	[ ! -e /run/credentials/api.key ] || fail "the host has the file"
	! runuser -u bob -- ssh -F /dev/null ann@kv true 2>/dev/null || fail "bob is ann"
	kill "$opener"
	wait "$opener" 2>/dev/null
	must_be_clean
	! grep -q /run/credentials /proc/[0-9]*/mountinfo 2>/dev/null || fail "a mount is left"
	[ ! -e /run/credentials/api.key ] || fail "left"
	no_value "/run" /run
}

# CASE hidden: the value is in no environment but the command's, no argument, no record, no state
case_hidden() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = var, in'
	secret api
	{
		credential var 'file = /etc/kavach/secrets/api' 'variable = API_TOKEN'
		credential in 'file = /etc/kavach/secrets/api' 'stdin = yes'
	} | credentials
	# shellcheck disable=SC2016
	ssh ann@kv 'cat > /dev/null; echo up ${#API_TOKEN}; exec sleep 60' > /tmp/up < /dev/null & local opener=$!
	wait_for 5 grep -q "up ${#VALUE}" /tmp/up || fail "no session"
	local pid
	memory_has $$ || fail "the search finds nothing where the value is"
	for pid in $(pgrep -x sshd) $(pgrep -x kavach-session); do
		! grep -q -a "$VALUE" "/proc/$pid/environ" "/proc/$pid/cmdline" || fail "process $pid shows it"
		# All that it has in memory, too, but init's, which holds what the command began with.
		[ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] || continue
		! memory_has "$pid" || fail "the memory of process $pid ($(tr '\0' ' ' < "/proc/$pid/cmdline")) holds it"
	done
	pgrep -u ann -x sleep > /dev/null || fail "no command"
	! pgrep -a -f -- "$VALUE" || fail "ps shows it"
	(exec -a "$VALUE" sleep 3) & wait_for 3 pgrep -f -- "$VALUE" || fail "pgrep finds nothing where the value is"
	{
		kavachctl sessions
		kavachctl show "$(kavachctl sessions --json | grep -o '"[0-9a-f]\{16\}"' | head -n 1 | tr -d '"')"
		kavachctl explain --user ann --service sshd
		kavachctl check
	} > /tmp/ctl
	grep -q 'variable API_TOKEN' /tmp/ctl || fail "explain does not say how: $(cat /tmp/ctl)"
	no_value "what kavachctl shows, the state or the log" /tmp/ctl /run/kavach /var/log /var/lib/kavach
	kill "$opener"
	wait "$opener" 2>/dev/null
	must_be_clean
}

# memory_has PID: does any mapping that can be read hold the value? Built from parts, so as not to find itself.
memory_has() {
	/usr/bin/python3 - "$1" "${VALUE%-*}" "${VALUE#*-}" <<'EOP'
import sys
pid, wanted = sys.argv[1], "-".join(sys.argv[2:4]).encode()
found = False
with open("/proc/%s/mem" % pid, "rb", 0) as mem:
    for line in open("/proc/%s/maps" % pid):
        where, mode = line.split()[:2]
        first, last = (int(x, 16) for x in where.split("-"))
        if mode[0] != "r" or "[vvar" in line or "[vsyscall" in line:
            continue
        try:
            mem.seek(first)
            found = found or wanted in mem.read(last - first)
        except OSError:
            pass
sys.exit(0 if found else 1)
EOP
}

# CASE refused timeout=300: what cannot be had refuses the login, with one record and never a value
case_refused() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = one'
	local file='file = /etc/kavach/secrets/api' variable='variable = API_TOKEN'
	secret api
	credential one "$file" "$variable" | credentials
	eq "the twin" "$VALUE" "$(ssh ann@kv 'echo $API_TOKEN')"

	chmod 644 /etc/kavach/secrets/api
	refused "a file that others can read" 'credential one: /etc/kavach/secrets/api: open to others'
	chmod 600 /etc/kavach/secrets/api
	chown ann /etc/kavach/secrets/api
	refused "a file of the user's" 'belongs to uid'
	rm /etc/kavach/secrets/api
	refused "no file" 'credential one: /etc/kavach/secrets/api: No such file'
	ln -s /etc/shadow /etc/kavach/secrets/api
	refused "a link" 'a symbolic link'
	rm /etc/kavach/secrets/api
	mkfifo -m 600 /etc/kavach/secrets/api
	refused "a FIFO" 'not a regular file'
	rm /etc/kavach/secrets/api
	secret api
	credential one 'systemd = none-of-this-name' "$variable" | credentials
	refused "no systemd credential" 'credential one: systemd has no credential'
	credential one 'command = "/bin/false"' "$variable" | credentials
	refused "a command that fails" 'credential one: its command ended with status 1'
	credential one "command = '/bin/sh -c \"echo $VALUE; sleep 30\"'" "$variable" | credentials
	refused "a command that hangs" 'credential one: its command took too long'
	! pgrep -x sleep || fail "the command lives on"
	credential one "command = '/bin/sh -c \"echo $VALUE; exit 2\"'" "$variable" | credentials
	refused "a command that says no" 'ended with status 2'
	credential one 'command = "/bin/true"' "$variable" | credentials
	refused "no output" 'its value is empty'
	credential one "command = '/bin/sh -c \"printf $VALUE; head -c 3 /dev/zero\"'" "$variable" | credentials
	refused "a NUL in a variable" 'a NUL byte'
	credential one "$file" "$variable" | credentials
	eq "the twin at the end" "$VALUE" "$(ssh ann@kv 'echo $API_TOKEN')"
	must_be_clean
}

# CASE stdin_needs_a_command: an interactive shell or a terminal has no credential as its input
case_stdin_needs_a_command() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = one'
	secret api
	credential one 'file = /etc/kavach/secrets/api' 'stdin = yes' | credentials
	eq "a command" "$VALUE" "$(ssh ann@kv cat < /dev/null)"
	local how
	for how in '-tt ann@kv' '-T ann@kv' '-tt ann@kv cat'; do
		# shellcheck disable=SC2086 # words
		ssh $how > /tmp/out 2>&1 < /dev/null
		eq "$how: status" 77 $?
		no_value "$how" /tmp/out
		grep -q 'only a command without a terminal' /tmp/out || fail "$how: $(cat /tmp/out)"
	done
	eq "records" 3 "$(count_records 'event=session-deny .*only a command without a terminal')"
	host_policy_for ann 'credentials = ""'
	eq "without it" "own" "$(echo own | ssh ann@kv cat)"
	must_be_clean
}

# CASE broken: a file of credentials.d that is open to others or not sound voids the policy; root still gets in
case_broken() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = one'
	secret api
	credential one 'file = /etc/kavach/secrets/api' 'variable = API_TOKEN' | credentials
	ssh ann@kv true || fail "the twin"
	chmod 640 /etc/kavach/credentials.d/test.conf
	! ssh ann@kv true 2>/dev/null || fail "a file that a group can read was used"
	! kavachctl check 2> /tmp/check || fail "check says it is sound"
	grep -q 'credentials.d/test.conf: open to others than root' /tmp/check || fail "$(cat /tmp/check)"
	chmod 600 /etc/kavach/credentials.d/test.conf
	chown ann /etc/kavach/credentials.d/test.conf
	! ssh ann@kv true 2>/dev/null || fail "a file of the user's was used"
	chown root /etc/kavach/credentials.d/test.conf
	kavachctl check || fail "not sound again"
	# The user looks at the rest of the policy.
	runuser -u ann -- kavachctl check > /tmp/check 2>&1 || fail "the user: $(cat /tmp/check)"
	grep -q 'credentials.d' /tmp/check || fail "the user is not told: $(cat /tmp/check)"
	credential one 'file = /etc/kavach/secrets/api' "$(printf 'variable = A\nstdin = yes')" | credentials
	! kavachctl check 2> /tmp/check || fail "two deliveries are sound"
	grep -q 'credentials.d/test.conf:4: stdin: expected one of' /tmp/check || fail "$(cat /tmp/check)"
	! ssh ann@kv true 2>/dev/null || fail "a broken file was used"
	mkdir -p /root/.ssh
	cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
	ssh -o PreferredAuthentications=publickey root@kv true || fail "root is locked out"
	must_be_clean
}

# CASE shared: a second channel of the connection has them as the first; each reads its own input
case_shared() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = var, file, in'
	secret api
	{
		credential var 'file = /etc/kavach/secrets/api' 'variable = API_TOKEN'
		credential file 'file = /etc/kavach/secrets/api' 'as_file = api.key'
		credential in 'file = /etc/kavach/secrets/api' 'stdin = yes'
	} | credentials
	# shellcheck disable=SC2016
	local all='printf "%s %s %s\n" "$API_TOKEN" "$(cat /run/credentials/api.key)" "$(cat)"'
	ssh -f -N -M -S /tmp/mux ann@kv || fail "no master"
	for _ in 1 2 3; do
		eq "a channel" "$VALUE $VALUE $VALUE" "$(ssh -S /tmp/mux ann@kv "$all")"
	done
	ssh -S /tmp/mux -O exit ann@kv 2>/dev/null
	ran_on_backend
	must_be_clean
}

# CASE landlock: under Landlock rules that name none of it the file can be read, and the folder above cannot
case_landlock() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = one' 'landlock_ro = /usr, /bin, /lib, /lib64, /etc'
	secret api
	credential one 'file = /etc/kavach/secrets/api' 'as_file = api.key' | credentials
	eq "the file" "$VALUE" "$(ssh ann@kv 'cat /run/credentials/api.key')"
	! ssh ann@kv 'ls /run' > /tmp/out 2>&1 || fail "Landlock lets all of /run through"
	ran_on_backend
	must_be_clean
}

# CASE own_root: a container with a root of its own has them as well
case_own_root() {
	needs_kavach
	host_up
	mkdir -p /srv/root/{bin,usr,etc,lib/x86_64-linux-gnu,tmp,dev,proc,sys,run,home,var}
	ln -s lib /srv/root/lib64
	cp -L /bin/sh /srv/root/bin/
	ldd /bin/sh | grep -o '/[^ ]*' | while read -r file; do cp -L "$file" /srv/root/lib/; done
	host_policy_for ann 'credentials = var, file' 'rootfs = /srv/root' 'shell = /bin/sh'
	secret api
	{
		credential var 'file = /etc/kavach/secrets/api' 'variable = API_TOKEN'
		credential file 'file = /etc/kavach/secrets/api' 'as_file = api.key'
	} | credentials
	if [ "${KV_BACKEND:-process}" = process ]; then
		refused "a root of its own without a container" 'cannot give a session a root of its own'
		return
	fi
	# shellcheck disable=SC2016
	eq "both" "$VALUE $VALUE" "$(ssh ann@kv 'read v < /run/credentials/api.key; echo "$API_TOKEN $v"')"
	ran_on_backend
	must_be_clean
}

# CASE userns: without capabilities of the wrapper, too
case_userns() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = var, file, in' 'privilege = userns' 'memory_limit = none' 'cpu_limit = none' \
	    'process_limit = none'
	secret api
	{
		credential var 'file = /etc/kavach/secrets/api' 'variable = API_TOKEN'
		credential file 'file = /etc/kavach/secrets/api' 'as_file = api.key'
		credential in 'file = /etc/kavach/secrets/api' 'stdin = yes'
	} | credentials
	# shellcheck disable=SC2016
	eq "all" "$VALUE $VALUE $VALUE" \
	    "$(ssh ann@kv 'printf "%s %s %s\n" "$API_TOKEN" "$(cat /run/credentials/api.key)" "$(cat)"' < /dev/null)"
	! ssh ann@kv 'ls /run/kavach' 2>/dev/null | grep -q . || fail "kavach's own folder is open"
	must_be_clean
}

# CASE without_ssh: su and kavachctl run give them, and leave nothing
case_without_ssh() {
	needs_kavach
	host_up
	host_policy_for ann 'credentials = var, file, in'
	secret api
	{
		credential var 'file = /etc/kavach/secrets/api' 'variable = API_TOKEN'
		credential file 'file = /etc/kavach/secrets/api' 'as_file = api.key'
		credential in 'file = /etc/kavach/secrets/api' 'stdin = yes'
	} | credentials
	# shellcheck disable=SC2016
	local all='printf "%s %s %s\n" "$API_TOKEN" "$(cat /run/credentials/api.key)" "$(cat)"'
	eq "su" "$VALUE $VALUE $VALUE" "$(su ann -c "$all" < /dev/null)"
	# A caller of su(1) cannot say where systemd's are.
	mkdir -m 0700 /etc/kavach/other
	(umask 077; echo other > /etc/kavach/other/x)
	credential var 'systemd = x' 'variable = API_TOKEN' > /tmp/sections
	credential file 'file = /etc/kavach/secrets/api' 'as_file = api.key' >> /tmp/sections
	credential in 'file = /etc/kavach/secrets/api' 'stdin = yes' >> /tmp/sections
	credentials < /tmp/sections
	host_user carl
	echo 'ann:pass' | chpasswd
	! echo pass | CREDENTIALS_DIRECTORY=/etc/kavach/other runuser -u carl -- su ann -c 'echo $API_TOKEN' 2>/dev/null | grep -q other ||
	    fail "the caller of su chose the folder"
	credential var 'file = /etc/kavach/secrets/api' 'variable = API_TOKEN' > /tmp/sections
	credential file 'file = /etc/kavach/secrets/api' 'as_file = api.key' >> /tmp/sections
	credential in 'file = /etc/kavach/secrets/api' 'stdin = yes' >> /tmp/sections
	credentials < /tmp/sections
	eq "kavachctl run" "$VALUE $VALUE $VALUE" "$(kavachctl run --policy test --user ann -- sh -c "$all" < /dev/null)"
	must_be_clean
}

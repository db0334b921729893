# shellcheck shell=bash
# BACKENDS all
# For one policy, the same file is writable or not, the same host reachable or not, the same
# limit hit, in every backend. The table below has a row for each; the columns are the backends that are here.

# shellcheck source=confine.sh
. "$HOST_DIR/../e2e/confine.sh"

COLUMNS_ALL='process crun runc gvisor'

# What each row does inside: it succeeds or fails. Words: name, what is expected of every backend, command.
rows() {
	cat << 'X'
write_home              yes  echo x > ~/new
write_authorized_keys   no   echo x >> ~/.ssh/authorized_keys
write_bashrc            no   echo x >> ~/.bashrc
write_passwd            no   echo x >> /etc/passwd
write_usr               no   echo x > /usr/new
write_root_folder       no   echo x > /new
write_tmp               yes  echo x > /tmp/new
write_tmp_too_much      no   head -c 8000000 /dev/zero > /tmp/much
write_data_dir          yes  echo x > /srv/data/new
write_beside_data_dir   no   echo x > /srv/other/new
write_others_home       no   echo x > /home/bob/open
write_root_home         no   echo x > /root/new
write_kavach            no   echo x > /run/kavach/new
read_own                yes  grep -q key ~/.ssh/authorized_keys || test -s ~/.ssh/authorized_keys
read_passwd             yes  grep -q ^ann /etc/passwd
read_shadow             no   grep -q . /etc/shadow
read_others_home        no   grep -q . /home/bob/open
read_policy             yes  grep -q . /etc/kavach/kavach.conf
signal_outside          no   [ "$(cat /proc/$OUTSIDE/comm)" = sleep ] && kill -0 $OUTSIDE
see_outside             no   ps -e -o comm | grep -q sshd
host_loopback           $NET exec 3<>/dev/tcp/127.0.0.1/8080 && read -r x <&3 && [ "$x" = reached ]
host_abstract_socket    no   python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("\0kv-abstract"); s.recv(9)'
host_socket_file        no   python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("/run/kv-path.sock"); s.recv(9)'
own_loopback            $NET python3 -c 'import socket; l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(); socket.create_connection(l.getsockname(), 3)'
open_files_below        yes  python3 -c 'f = [open("/dev/null") for i in range(80)]'
open_files_above        no   python3 -c 'f = [open("/dev/null") for i in range(120)]'
become_root             no   setpriv --reuid 0 true || suid-id -u | grep -qx 0
make_namespace          no   unshare -Ur true
X
}

# column BACKEND: the runtimes but that one's are out of sight. Fails where it is not here.
column() {
	local program
	mkdir -p /opt/kv-hidden
	for program in /opt/kv-hidden/*; do
		[ ! -e "$program" ] || mv "$program" "/usr/bin/"
	done
	[ "$1" = process ] && return 0
	KV_BACKEND=$1
	program=$1
	[ "$program" != gvisor ] || program=runsc
	command -v "$program" > /dev/null || return 1
	case $1 in
	crun) for program in /usr/bin/runc /usr/sbin/runc; do [ ! -e "$program" ] || mv "$program" /opt/kv-hidden/; done ;;
	runc) [ ! -e /usr/bin/crun ] || mv /usr/bin/crun /opt/kv-hidden/ ;;
	esac
	return 0
}

# table WHAT FUNCTION: FUNCTION prints a row in each line, `name outcome`; the same for each column.
table() {
	local missing='' name
	for name in $COLUMNS_ALL; do
		KV_BACKEND=process
		column "$name" || { missing="$missing $name"; continue; }
		KV_BACKEND=$name
		host_home ann
		("$2") > "/tmp/same.$name" 2> "/tmp/same.$name.err" || fail "$1, $name: $(tail -n 3 "/tmp/same.$name.err")"
		must_be_clean
		eq "$1: the backend of $name" "$(host_backend)" "$(records event=session-open | tail -n 1 | sed 's/.* backend=\([^ ]*\) .*/\1/')"
		cp /tmp/same.expected "/tmp/same.expected.$name"
		# gVisor's network stack has a loopback that is up; nothing but the sandbox itself is behind it.
		[ "$name" != gvisor ] || sed -i 's/^own_loopback no$/own_loopback yes/' "/tmp/same.expected.$name"
		diff "/tmp/same.expected.$name" "/tmp/same.$name" > /tmp/same.diff ||
			fail "$1: expected, then $name: $(grep '^[<>]' /tmp/same.diff | tr '\n' ' ')"
		note "$1: $name: $(wc -l < "/tmp/same.$name") rows"
	done
	[ -z "$missing" ] || skip "not installed:$missing"
}

up() {
	needs_kavach
	KV_BACKEND=
	host_up
	host_user bob
	mkdir -p /srv/data /srv/other
	chmod 777 /srv/data /srv/other
	chmod 755 /home/bob
	echo secret > /home/bob/open
	chmod 666 /home/bob/open
	cp /usr/bin/id /usr/local/bin/suid-id
	chmod 4755 /usr/local/bin/suid-id
	serve
}

# Prints a line for each row, from one login.
ask_rows() {
	local status=0 OUTSIDE
	runuser -u ann -- sleep 300 &
	wait_for 3 pgrep -u ann -x sleep || return 1
	OUTSIDE=$(pgrep -u ann -x sleep)
	rows | {
		echo "OUTSIDE=$OUTSIDE"
		while read -r name _ command; do
			printf 'if ( %s\n) > /dev/null 2>&1 < /dev/null; then echo %s yes; else echo %s no; fi\n' "$command" "$name" "$name"
		done
	} > /tmp/rows.sh
	ssh ann@kv 'bash -s' < /tmp/rows.sh || status=$?
	kill "$OUTSIDE"
	return "$status"
}

expect_rows() { rows | while read -r name expected _; do echo "$name ${expected/\$NET/$1}"; done > /tmp/same.expected; }

POLICY_SAME=('data_dir = /srv/data' 'tmp_size = 1M' 'open_files_limit = 100' 'memory_limit = 128M' 'process_limit = 40' 'cpu_limit = 0.5')

# CASE files timeout=240: files, processes and the host's servers without a network
case_files() {
	up
	with() { host_policy_for ann "backend = $(host_backend)" 'network = off' "${POLICY_SAME[@]}"; ask_rows; }
	expect_rows no
	table "network = off" with
}

# CASE network timeout=240: the same with the host's network
case_network() {
	up
	with() { host_policy_for ann "backend = $(host_backend)" 'network = host' "${POLICY_SAME[@]}"; ask_rows; }
	expect_rows yes
	table "network = host" with
}

# The file of a controller in the cgroup of the one session that is open.
of_cgroup() { cat /sys/fs/cgroup/kavach/*/"$1" /sys/fs/cgroup/*/kavach/????????????????/"${2:-$1}" 2> /dev/null; }

# CASE limits timeout=240: memory, processes and processor time end where the policy says
case_limits() {
	up
	ask() {
		local pid own
		host_policy_for ann "backend = $(host_backend)" "${POLICY_SAME[@]}"
		ssh ann@kv 'sleep 100' > /dev/null 2>&1 &
		pid=$!
		wait_for 10 eval '[ -n "$(of_cgroup pids.max)" ]' || return 1
		# What the runtime needs besides is kavach.conf(5)'s, process_limit.
		case $KV_BACKEND in process) own=0 ;; gvisor) own=1024 ;; *) own=32 ;; esac
		echo "memory $(of_cgroup memory.max memory.limit_in_bytes)"
		echo "processes $(($(of_cgroup pids.max) - own))"
		echo "processor $(of_cgroup cpu.max cpu.cfs_quota_us)"
		kill "$pid"
		must_be_clean
		ssh ann@kv "python3 -c 'bytearray(60 << 20)'" 2> /dev/null && echo "60 MB fit"
		ssh ann@kv "python3 -c 'bytearray(300 << 20)'" 2> /dev/null || echo "300 MB do not"
		ssh ann@kv 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done 2>&1; jobs -r | wc -l; kill $(jobs -p)' 2> /dev/null
	}
	printf '%s\n' 'memory 134217728' 'processes 40' 'processor 50000' '60 MB fit' '300 MB do not' 10 > /tmp/same.expected
	# cgroup v2 has the period on the same line.
	[ -e /sys/fs/cgroup/cgroup.controllers ] && sed -i 's/50000/50000 100000/' /tmp/same.expected
	table "limits" ask
}

# CASE control timeout=240: kavachctl run, sessions, show, pause, resume and kill on container sessions
case_control() {
	needs_kavach
	local name id client
	host_up
	for name in oci gvisor; do
		eq "run on $name" PAYLOAD "$(kavachctl run --user ann --backend "$name" -- echo PAYLOAD)"
		eq "run on $name with process inside" PAYLOAD "$(kavachctl run --user ann --backend "$name" --inner process -- echo PAYLOAD)"
		kavachctl run --user ann --backend "$name" -- sh -c 'exit 9'
		eq "status on $name" 9 $?
		kavachctl run --user ann --backend "$name" --timeout 3000 -- sleep 444
		eq "time limit on $name" 124 $?
		must_be_clean
		# What holds a running session is tried with oci.
		[ "$name" = oci ] || continue
		host_policy_for ann "backend = $name"
		rm -f /tmp/ticks
		ssh ann@kv 'while echo tick; do sleep 0.2; done' > /tmp/ticks &
		client=$!
		wait_for 15 test -s /tmp/ticks || fail "$name: no session"
		id=$(kavachctl sessions --json | sed -n 's/.*"session": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)
		kavachctl show "$id" | grep -q "$name" || fail "$name: show: $(kavachctl show "$id")"
		kavachctl pause "$id" || fail "$name: pause"
		sleep 0.5
		: > /tmp/ticks
		sleep 1
		eq "$name: ticks while it is paused" 0 "$(grep -a -c tick /tmp/ticks)"
		kavachctl resume "$id" || fail "$name: resume"
		wait_for 5 grep -a -q tick /tmp/ticks || fail "$name: it does not go on"
		kavachctl kill "$id" || fail "$name: kill"
		# Not by kill -0: a dead child has its pid until it is waited for.
		wait_for 10 eval "! grep -q '^State:[[:space:]]*[^Z]' /proc/$client/status" || fail "$name: the client stays"
		must_be_clean
	done
}

# CASE oom_is_recorded timeout=180: who runs into the memory limit leaves a record of it, in every backend
case_oom_is_recorded() {
	needs_kavach
	local name count=0
	host_up
	for name in process oci gvisor; do
		host_policy_for ann "backend = $name" 'memory_limit = 64M'
		ssh ann@kv 'echo x' > /dev/null || fail "$name: the twin"
		must_be_clean
		eq "$name: below the limit" "$count" "$(count_records 'event=limit-hit.*limit=memory')"
		ssh ann@kv "python3 -c 'bytearray(300 << 20)'" > /dev/null 2>&1 && fail "$name: 300 MB within 64 MB"
		count=$((count + 1))
		must_be_clean
		eq "$name: records" "$count" "$(count_records 'event=limit-hit.*limit=memory')"
	done
}

# CASE files_as_output: commands one after the other write one file, as without a sandbox
case_files_as_output() {
	needs_kavach
	local name
	host_up
	for name in process oci gvisor; do
		host_policy_for ann "backend = $name"
		(su ann -c 'echo a'; echo b; su ann -c 'echo c') > /tmp/output
		eq "$name" "a b c" "$(tr '\n' ' ' < /tmp/output | sed 's/ $//')"
	done
}

# shellcheck shell=bash
# What a confined session reaches, and each time beside it what the same
# action reaches without confinement: a refusal counts only where the twin works.

# both WHAT FUNCTION: FUNCTION must succeed with the bare shell and fail confined.
both() {
	host_bare
	"$2" > /tmp/both.out 2>&1 || { cat /tmp/both.out >&2; fail "$1: the twin outside does not work"; }
	host_kavach
	if "$2" > /tmp/both.out 2>&1; then
		cat /tmp/both.out >&2
		fail "$1: is possible inside"
	fi
}

# A server on the host's loopback, and one on an abstract socket: each says `reached`.
serve() {
	/usr/bin/python3 - <<'PY' &
import os, socket, threading
def loop(s):
    while True:
        c, _ = s.accept()
        c.sendall(b"reached\n")
        c.close()
tcp = socket.socket()
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind(("127.0.0.1", 8080))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0kv-abstract")
path = socket.socket(socket.AF_UNIX)
path.bind("/run/kv-path.sock")
os.chmod("/run/kv-path.sock", 0o777)
for s in (tcp, abstract, path):
    s.listen(16)
    threading.Thread(target=loop, args=(s,)).start()
open("/tmp/serving", "w").close()
PY
	wait_for 5 test -e /tmp/serving || fail "the server does not start"
}

connect_tcp() { ssh ann@kv 'exec 3<>/dev/tcp/127.0.0.1/8080 && read -r x <&3 && echo "$x"' | grep reached; }
connect_unix() {
	ssh ann@kv "/usr/bin/python3 -c 'import socket,sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1].replace(\"@\", chr(0)))
print(s.recv(99))' $1" | grep reached
}
connect_abstract() { connect_unix @kv-abstract; }
connect_path() { connect_unix /run/kv-path.sock; }

# CASE network_off: without a network no server of the host is reached, nor its sockets
case_network_off() {
	needs_kavach
	host_up
	serve
	both "a TCP connection" connect_tcp
	both "an abstract socket" connect_abstract
	both "a socket below /run" connect_path
	ssh ann@kv "grep -c : /proc/net/dev" | grep -qx 1 || fail "more than lo is visible"
	must_be_clean
}

# CASE network_host: with network = host the server is reached, and only on allowed ports
case_network_host() {
	needs_kavach
	host_up
	serve
	host_policy_for ann 'network = host'
	connect_tcp || fail "not reached with network = host"
	! connect_abstract || fail "an abstract socket is reached"
	if [ "${KV_BACKEND:-}" = gvisor ]; then
		# Its kernel has no Landlock: it is refused, not passed over.
		host_policy_for ann 'network = host' 'allowed_ports = 8080'
		ssh ann@kv 'echo PAYLOAD' > /tmp/out 2>&1 && fail "allowed_ports is passed over"
		records event=session-deny | grep -q 'ports' || fail "no record of why: $(records | tail -n 1)"
		must_be_clean
		return 0
	fi
	host_policy_for ann 'network = host' 'allowed_ports = 8080'
	connect_tcp || fail "the allowed port is not reached"
	host_policy_for ann 'network = host' 'allowed_ports = 8081'
	! connect_tcp || fail "another port is reached"
	! connect_abstract || fail "an abstract socket is reached"
	must_be_clean
}

fetch_from() { /usr/bin/python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 3)
s.settimeout(3)
if len(sys.argv) > 2:
    s.sendall(b"\x05\x01\x00")
    s.recv(2)
    s.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + (8080).to_bytes(2, "big"))
    assert s.recv(10)[1] == 0
print(s.recv(99))' "$@" | grep reached; }

# through FORWARD PORT [socks]: ssh -N with that forwarding, then a fetch through it.
through() {
	local pid status=0
	# shellcheck disable=SC2086 # the forwarding is an option and its value
	ssh -N -o ExitOnForwardFailure=yes $1 ann@kv &
	pid=$!
	wait_for 3 eval "ss -Hltn 'sport = :$2' | grep -q ." || true
	shift
	fetch_from "$@" || status=$?
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return "$status"
}
local_forward() { through '-L 9001:127.0.0.1:8080' 9001; }
socks_forward() { through '-D 9002' 9002 socks; }
remote_forward() { through '-R 9003:127.0.0.1:8080' 9003; }
stdio_forward() { timeout 5 ssh -W 127.0.0.1:8080 ann@kv < /dev/null | grep reached; }
unix_forward() { through '-L 9004:/run/kv-path.sock' 9004; }

# CASE forwarding: ssh -N -L, -D, -R, -W and sockets reach nothing that the shell could not
case_forwarding() {
	needs_kavach
	host_up
	serve
	both "ssh -L" local_forward
	both "ssh -D" socks_forward
	both "ssh -R" remote_forward
	both "ssh -W" stdio_forward
	both "ssh -L to a socket" unix_forward
	must_be_clean
}

# CASE rc_file: ~/.ssh/rc and a hostile .bashrc run inside only
case_rc_file() {
	needs_kavach
	host_up
	serve
	rc() {
		rm -f /home/ann/rc-reached
		echo 'exec 3<>/dev/tcp/127.0.0.1/8080 && read -r x <&3 && echo "$x" > ~/rc-reached' > "/home/ann/$1"
		ssh ann@kv true
		grep reached /home/ann/rc-reached
	}
	ssh_rc() { rc .ssh/rc; }
	bash_rc() { rm -f /home/ann/.ssh/rc; rc .bashrc; }
	# sshd gives rc to sh; dash has no /dev/tcp.
	printf '#!/bin/sh\nexec bash ~/.ssh/rc.bash\n' > /tmp/rc
	ssh_rc() {
		rm -f /home/ann/rc-reached
		cp /tmp/rc /home/ann/.ssh/rc
		echo 'exec 3<>/dev/tcp/127.0.0.1/8080 && read -r x <&3 && echo "$x" > ~/rc-reached' > /home/ann/.ssh/rc.bash
		ssh ann@kv true
		grep reached /home/ann/rc-reached
	}
	both ".ssh/rc" ssh_rc
	both ".bashrc" bash_rc
	must_be_clean
}

# CASE other_homes: other homes, /root and other users' files are out of sight
case_other_homes() {
	needs_kavach
	host_up
	host_user bob
	chmod 755 /home/bob /root
	echo secret > /home/bob/readable
	echo secret > /root/readable
	mkdir -m 777 /srv/kv-open
	other_home() { ssh ann@kv 'cat /home/bob/readable' | grep secret; }
	root_home() { ssh ann@kv 'cat /root/readable' | grep secret; }
	listing() { ssh ann@kv 'ls /home' | grep bob; }
	outside_write() { ssh ann@kv 'echo x > /srv/kv-open/x' && rm /srv/kv-open/x; }
	tmp_write() { rm -f /tmp/kv-seen; ssh ann@kv 'echo x > /tmp/kv-seen'; [ -e /tmp/kv-seen ]; }
	shm_write() { rm -f /dev/shm/kv-seen; ssh ann@kv 'echo x > /dev/shm/kv-seen'; [ -e /dev/shm/kv-seen ]; }
	both "another's home" other_home
	both "root's home" root_home
	both "the list of homes" listing
	both "a folder open to all" outside_write
	both "the host's /tmp" tmp_write
	both "the host's /dev/shm" shm_write
	ssh ann@kv 'echo x > /tmp/own && cat /tmp/own' | grep -qx x || fail "/tmp is not writable inside"
	must_be_clean
}

# CASE internal_sftp_view: internal-sftp and an external server see what the shell sees
case_internal_sftp_view() {
	needs_kavach
	host_up
	host_user bob
	chmod 755 /home/bob
	echo secret > /home/bob/readable
	get() { rm -f /tmp/got; echo "get /home/bob/readable /tmp/got" | sftp -q -b - ann@kv && grep secret /tmp/got; }
	both "sftp of another's home" get
	host_sshd_stop
	sed -i 's,^Subsystem.*,Subsystem sftp internal-sftp,' /etc/ssh/sshd_config
	host_sshd_start
	both "internal-sftp of another's home" get
	put() { rm -f /tmp/kv-put; echo "put /etc/hostname /tmp/kv-put" | sftp -q -b - ann@kv; [ -e /tmp/kv-put ]; }
	both "internal-sftp into the host's /tmp" put
	echo 'ls /run/kavach' | sftp -q -b - ann@kv 2>/dev/null | grep -q ticket && fail "the session's state is visible"
	must_be_clean
}

# CASE internal_sftp_cgroup: neither internal-sftp nor the user outside reaches the cgroups of a session's sandboxes
case_internal_sftp_cgroup() {
	needs_kavach
	host_up
	host_sshd_stop
	sed -i 's,^Subsystem.*,Subsystem sftp internal-sftp,' /etc/ssh/sshd_config
	host_sshd_start
	ssh -M -S /tmp/mux -o ControlPersist=yes ann@kv true
	ssh -S /tmp/mux ann@kv 'exec sleep 60' &
	wait_for 5 pgrep -u ann -x sleep || fail "no sandbox"
	local file target folder=/run/kavach/cgroup
	file=$(find /sys/fs/cgroup -path '*/kavach/*/sandbox.*' \( -name freezer.state -o -name cgroup.freeze \) | head -n 1)
	[ -n "$file" ] || fail "the sandbox has no cgroup"
	eq "whose the sandbox's cgroup is" ann "$(stat -c %U "$(dirname "$file")")"
	[ "$(basename "$file")" != freezer.state ] || folder=$folder/freezer
	printf 'mkdir /tmp/twin\nput /etc/hostname /tmp/twin/x\n' | sftp -q -b - -o ControlPath=/tmp/mux ann@kv > /dev/null ||
		fail "the twin: internal-sftp does not work"
	printf FROZEN > /tmp/frozen
	for target in "mkdir $folder/sandbox.2/more" "put /tmp/frozen $folder/sandbox.2/$(basename "$file")" "ls $folder/sandbox.2" "ls $folder/main"; do
		echo "$target" | sftp -q -b - -o ControlPath=/tmp/mux ann@kv > /tmp/out 2>&1 && fail "internal-sftp can $target"
	done
	for target in "mkdir $(dirname "$file")/more" "tee $file" "flock -n $(dirname "$(dirname "$file")") true"; do
		# shellcheck disable=SC2086 # a command and its words
		runuser -u ann -- $target < /tmp/frozen > /tmp/out 2>&1 && fail "the user outside can $target"
	done
	flock -n "$(dirname "$(dirname "$file")")" true || fail "the twin: root cannot lock it"
	ssh -S /tmp/mux -O exit ann@kv 2> /dev/null
	must_be_clean
}

# CASE processes: processes of the host are neither seen nor signalled
case_processes() {
	needs_kavach
	host_up
	runuser -u ann -- sleep 300 &
	wait_for 3 pgrep -u ann -x sleep || fail "no target"
	local target
	target=$(pgrep -u ann -x sleep)
	seen() { ssh ann@kv "ls /proc/$target/status && grep -q sleep /proc/$target/comm"; }
	signal() { ssh ann@kv "kill -0 $target && grep -q sleep /proc/$target/comm"; }
	all() { ssh ann@kv 'ps -e -o comm' | grep -E 'syslogd|sshd'; }
	both "a process of the user outside" seen
	both "a signal to it" signal
	both "the list of processes" all
	host_kavach
	ssh ann@kv 'kill -9 -1' 2>/dev/null
	kill -0 "$target" || fail "kill -1 left the sandbox"
	kill "$target"
	must_be_clean
}

# CASE groups: a group that another PAM module adds was seen by no rule, and refuses the session
case_groups() {
	needs_kavach
	host_up
	groupadd kv-extra
	groupadd kv-own
	usermod -aG kv-own ann
	eq "his own" "$(id -G ann)" "$(ssh ann@kv id -G)"
	host_policy_for ann 'privilege = userns' 'memory_limit = none' 'cpu_limit = none' 'process_limit = none'
	ssh ann@kv true || fail "userns, with his own groups"
	echo '*;*;ann;Al0000-2400;kv-extra' >> /etc/security/group.conf
	sed -i '1i auth optional pam_group.so' /etc/pam.d/sshd
	ssh ann@kv id > /tmp/out 2>&1 && fail "userns: $(cat /tmp/out)"
	grep -q 'additional group' /tmp/out || fail "userns: it says $(cat /tmp/out)"
	host_policy_for ann
	ssh ann@kv id > /tmp/out 2>&1 && fail "a group more: $(cat /tmp/out)"
	grep -q "additional group $(getent group kv-extra | cut -d: -f3)" /tmp/out || fail "it says $(cat /tmp/out)"
	grep -q 'additional group' "$HOST_LOG" || fail "no record says why"
	# The twin: it is the module that adds it, and without it the session is there.
	host_bare
	ssh ann@kv id -nG | grep -qw kv-extra || fail "pam_group adds nothing here"
	host_kavach
	sed -i '/pam_group/d' /etc/pam.d/sshd
	eq "his own again" "$(id -G ann)" "$(ssh ann@kv id -G)"
	must_be_clean
}

# CASE layers: five empty capability sets, no_new_privs, seccomp, namespaces of its own
case_layers() {
	needs_kavach
	host_up
	local status name shown
	status=$(ssh ann@kv cat /proc/self/status)
	for name in CapInh CapPrm CapEff CapBnd CapAmb; do
		# gVisor's /proc does not have that line.
		[ "$name ${KV_BACKEND:-}" != 'CapAmb gvisor' ] || continue
		grep -q "^$name:.0000000000000000$" <<< "$status" || fail "$name: $status"
	done
	grep -q '^NoNewPrivs:.1$' <<< "$status" || [ "${KV_BACKEND:-}" = gvisor ] || fail "no_new_privs"
	grep -q '^Seccomp:.2$' <<< "$status" || fail "seccomp"
	for name in mnt pid ipc uts net cgroup; do
		[ "$(ssh ann@kv readlink "/proc/self/ns/$name")" != "$(readlink "/proc/self/ns/$name")" ] ||
			fail "the $name namespace is the host's"
	done
	eq "groups" "$(host_unconfine ann; id -G ann)" "$(host_confine ann; ssh ann@kv id -G)"
	ssh ann@kv 'cat /run/kavach/self/ticket' 2>/dev/null | grep -q . && fail "the ticket is readable"
	# A container's first process is there, and what gVisor's programs load; neither is of a session.
	case ${KV_BACKEND:-process} in
	process) shown='' ;;
	gvisor) shown='init no-automount.so ' ;;
	*) shown='init ' ;;
	esac
	eq "/run/kavach" "$shown" "$(ssh ann@kv 'ls -A /run/kavach 2>/dev/null' | tr '\n' ' ')"
	ssh ann@kv 'echo x > /run/kavach/x || echo x >> /run/kavach/init' 2>/dev/null && fail "/run/kavach is writable"
	ssh ann@kv 'echo x > /etc/kv || echo x > /usr/kv || echo x > /kv' 2>/dev/null && fail "the root is writable"
	[ "$(ssh ann@kv 'ls /proc/self/fd' | wc -l)" -le 4 ] || fail "descriptors came along"
	must_be_clean
}

# CASE homes: home = rw, ro, private and overlay do what they say
case_homes() {
	needs_kavach
	host_up
	echo old > /home/ann/file
	chown ann: /home/ann/file
	host_policy_for ann 'home = rw'
	ssh ann@kv 'echo new > file' || fail "rw: cannot write"
	eq rw new "$(cat /home/ann/file)"
	host_policy_for ann 'home = ro'
	ssh ann@kv 'echo bad > file' 2>/dev/null && fail "ro: can write"
	eq "ro reads" new "$(ssh ann@kv cat file)"
	host_policy_for ann 'home = private'
	ssh ann@kv 'cat file' 2>/dev/null && fail "private: the real home is there"
	eq "private writes" own "$(ssh ann@kv 'echo own > file; cat file')"
	eq "private leaves" new "$(cat /home/ann/file)"
	host_policy_for ann 'home = overlay'
	eq "overlay reads" new "$(ssh ann@kv cat file)"
	eq "overlay writes" changed "$(ssh ann@kv 'echo changed > file; cat file')"
	eq "overlay leaves" new "$(cat /home/ann/file)"
	must_be_clean
}

# CASE dotfiles: what the next login would run or trust cannot be written
case_dotfiles() {
	needs_kavach
	host_up
	local file
	for file in .ssh/authorized_keys .ssh/rc .ssh/environment .profile .bashrc .bash_profile .bash_login .bash_logout \
	    .pam_environment .config/systemd/user/x.service .config/autostart/x.desktop .forward; do
		write() {
			runuser -u ann -- mkdir -p "/home/ann/$(dirname "$file")"
			ssh ann@kv "mkdir -p \$(dirname $file); echo x >> $file" && grep -q x "/home/ann/$file"
		}
		host_home ann
		both "$file" write
	done
	# Where they are there; an empty one would keep the user out.
	for file in .google_authenticator .yubico/authorized_yubikeys .config/Yubico/u2f_keys; do
		host_home ann
		runuser -u ann -- install -D -m 600 /dev/null "/home/ann/$file"
		factor() { ssh ann@kv "echo x > $file || { mv $file $file.old && echo x > $file; }" && grep -q x "/home/ann/$file"; }
		both "$file" factor
	done
	host_home ann
	ssh ann@kv 'mv .ssh .ssh-old' 2>/dev/null && fail ".ssh can be moved away"
	ssh ann@kv 'rm -rf .ssh' 2>/dev/null
	[ -s /home/ann/.ssh/authorized_keys ] || fail ".ssh can be removed"
	ssh ann@kv 'echo x > ordinary' || fail "an ordinary file cannot be written"
	must_be_clean
}

# CASE data_dir: a data directory is there and writable, its neighbours are not
case_data_dir() {
	needs_kavach
	mkdir -p /srv/data /srv/other
	chmod 777 /srv/data /srv/other
	host_up
	host_policy_for ann 'data_dir = /srv/data'
	ssh ann@kv 'echo x > /srv/data/file' || fail "not writable"
	eq "outside" x "$(cat /srv/data/file)"
	ssh ann@kv 'echo x > /srv/other/file' 2>/dev/null && fail "its neighbour is writable"
	must_be_clean
}

# CASE landlock_links: a path that Landlock opens cannot be turned elsewhere by the user's links
case_landlock_links() {
	needs_kavach
	host_up
	local root='landlock_ro = /usr, /bin, /lib, /lib64'
	mkdir -p /srv/hidden /home/ann/work /srv/data/sub
	echo secret > /srv/hidden/file
	echo fine > /srv/data/sub/file
	chown -R ann: /home/ann/work /srv/data
	host_policy_for ann "$root" 'landlock_rw = ~/work'
	# /bin is a link, and root's: what lies behind it runs.
	ssh ann@kv '/bin/sh -c "echo x > work/file" && cat work/file' | grep -qx x || fail "a real folder is not open"
	ssh ann@kv 'ls /srv; cat /srv/hidden/file' 2>/dev/null && fail "what no rule names is open"
	ssh ann@kv 'rm -r work && ln -s /srv work' || fail "cannot make the link"
	ssh ann@kv 'cat /srv/hidden/file work/hidden/file' > /tmp/link.out 2>&1 && fail "the link in the home opens /srv"
	grep -q secret /tmp/link.out && fail "the link in the home opens /srv"
	rm /home/ann/work
	host_policy_for ann 'data_dir = /srv/data' "$root, /srv/data/sub"
	ssh ann@kv 'cat /srv/data/sub/file' | grep -qx fine || fail "a folder below data_dir is not open"
	ssh ann@kv 'cd /srv/data && rm -r sub && ln -s /srv/hidden sub' || fail "cannot make the link in data_dir"
	ssh ann@kv 'cat /srv/hidden/file /srv/data/sub/file' > /tmp/link.out 2>&1 && fail "the link in data_dir opens /srv/hidden"
	grep -q secret /tmp/link.out && fail "the link in data_dir opens /srv/hidden"
	must_be_clean
}

# CASE limits: a fork bomb and a memory hog are stopped, and another user logs in meanwhile
case_limits() {
	needs_kavach
	host_up
	host_user bob
	host_policy_for ann 'memory_limit = 64M' 'process_limit = 30' 'tmp_size = 1M'
	# What forks on holds the connection open, as with the bare shell: the client is ended.
	timeout 6 ssh ann@kv ':(){ :|:& };:; sleep 3' > /dev/null 2>&1 &
	local pid=$! bound
	sleep 1
	timeout 10 ssh bob@kv true || fail "another user cannot log in during a fork bomb"
	# What a container's runtime needs besides: kavach.conf(5), process_limit.
	case ${KV_BACKEND:-process} in
	process) bound=40 ;;
	gvisor) bound=1064 ;;
	*) bound=72 ;;
	esac
	[ "$(pgrep -u ann | wc -l)" -le "$bound" ] || fail "$(pgrep -u ann | wc -l) processes"
	wait "$pid"
	must_be_clean
	timeout 20 ssh ann@kv 'head -c 200000000 /dev/zero | tail' > /dev/null 2>&1 && fail "200 MB fit into 64 MB"
	ssh ann@kv 'head -c 8000000 /dev/zero > /tmp/big' 2>/dev/null && fail "/tmp is not bounded"
	must_be_clean
	[ "$(count_records 'event=limit-hit')" -gt 0 ] || fail "no record of a limit"
}

# CASE daemons: what daemonised is gone within five seconds of the logout
case_daemons() {
	needs_kavach
	host_up
	ssh ann@kv "/usr/bin/python3 -c 'import os, time
for i in range(3):
    if os.fork(): os._exit(0)
    os.setsid()
time.sleep(500)' > /dev/null 2>&1 < /dev/null; setsid -f sleep 500 > /dev/null 2>&1 < /dev/null; nohup sleep 500 > /dev/null 2>&1 < /dev/null &"
	must_be_clean
}

# CASE setuid: setuid programs, file capabilities and the schedulers give nothing
case_setuid() {
	needs_kavach
	host_up
	cp /usr/bin/id /usr/local/bin/suid-id
	chmod 4755 /usr/local/bin/suid-id
	cp /bin/cat /usr/local/bin/cap-cat
	setcap cap_dac_override=ep /usr/local/bin/cap-cat
	suid() { ssh ann@kv 'suid-id -un' | grep root; }
	caps() { ssh ann@kv 'cap-cat /etc/shadow' | grep root; }
	both "a setuid program" suid
	both "a program with file capabilities" caps
	schedule() { ssh ann@kv 'echo "* * * * * true" | crontab -' && [ -s /var/spool/cron/crontabs/ann ]; }
	both "a crontab" schedule
	rm -f /var/spool/cron/crontabs/ann
	must_be_clean
}

# CASE forced_command: the policy's command runs whatever was asked, which it may see
case_forced_command() {
	needs_kavach
	host_up
	{
		printf '[policy p]\nbase = strict\n'
		echo "backend = $(host_backend)"
		printf '[rule r]\nuser = ann\npolicy = p\n'
		printf 'command = "%s"\n' 'echo forced; printf '"'[%s]'"' $SSH_ORIGINAL_COMMAND; echo; exit 5'
	} | host_policy
	kavachctl check || fail "the policy is not taken"
	eq "a command" "forced
[id;][xy]" "$(ssh ann@kv 'id; xy')"
	ssh ann@kv true > /dev/null
	eq "status" 5 $?
	eq "a shell" "forced
[]" "$(ssh -T ann@kv < /dev/null)"
	"$HOST_DIR/terminal.py" 'e:forced' -- ssh -tt ann@kv > /dev/null
	eq "on a terminal" 5 $?
	echo 'ls' | sftp -q -b - ann@kv > /dev/null 2>&1 && fail "sftp works"
	must_be_clean
}

# CASE exempt: root and users without a rule are not confined
case_exempt() {
	needs_kavach
	host_up
	host_user bob
	cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
	eq "root" "$(readlink /proc/self/ns/net)" "$(ssh root@kv readlink /proc/self/ns/net)"
	eq "bob" "$(readlink /proc/self/ns/net)" "$(ssh bob@kv readlink /proc/self/ns/net)"
	[ "$(ssh ann@kv readlink /proc/self/ns/net)" != "$(readlink /proc/self/ns/net)" ] || fail "ann is not confined"
	eq "su to root" 0 "$(su - root -c 'id -u')"
	must_be_clean
}

# CASE shared_session: the channels of a connection share one session and its view
case_shared_session() {
	needs_kavach
	host_up
	ssh -M -S /tmp/mux -o ControlPersist=yes ann@kv true
	local n pids=()
	for n in 1 2 3 4 5 6 7 8 9 10; do
		ssh -S /tmp/mux ann@kv 'sleep 2; readlink /proc/self/ns/net' > "/tmp/ch.$n" &
		pids+=($!)
	done
	sleep 1
	eq "sessions" 1 "$(kavachctl sessions --json | grep -c '"session"')"
	wait "${pids[@]}"
	eq "network namespaces" 1 "$(cat /tmp/ch.* | sort -u | wc -l)"
	ssh -S /tmp/mux -O exit ann@kv 2>/dev/null
	must_be_clean
	eq "opened" 1 "$(count_records event=session-open)"
	eq "closed" 1 "$(count_records event=session-close)"
	eq "started" 11 "$(count_records event=sandbox-start)"
	eq "ended" 11 "$(count_records event=sandbox-exit)"
}

# CASE shipped_sshd_config: with the shipped sshd_config.d nothing is forwarded, and logins work
case_shipped_sshd_config() {
	needs_kavach
	host_install
	cp /etc/ssh/sshd_config.kavach /etc/ssh/sshd_config.d/kavach.conf
	sshd -t || fail "sshd does not take it"
	getent group kavach > /dev/null || groupadd kavach
	host_up
	usermod -a -G kavach ann
	ssh ann@kv 'exit 3'
	eq "a command" 3 $?
	echo pwd | sftp -q -b - ann@kv > /dev/null || fail "sftp"
	must_be_clean
}

# CASE hostile_inside timeout=300: the attacks of tests/hostile/inside are denied under each preset
case_hostile_inside() {
	needs_kavach
	host_up
	serve
	host_user bob
	local preset options more target
	install -m 755 "${KV_BUILD:?}/tests/hostile/inside" /usr/local/bin/kv-inside
	runuser -u ann -- sleep 600 &
	wait_for 3 pgrep -u ann -x sleep || fail "no target"
	target=$(pgrep -u ann -x sleep)
	options=(--tcp=127.0.0.1:8080 --abstract=kv-abstract "--pid=$target" --deny-read=/home/bob --deny-read=/root
	    --deny-write=/home/ann/.ssh/authorized_keys --deny-write=/home/ann/.bashrc)
	# The twin, with nothing of kavach in between: it reports what is open.
	kv-inside --expect-open "${options[@]}" > /tmp/open 2>&1 || fail "the twin outside finds nothing open: $(tail -n 3 /tmp/open)"
	[ "$(host_backend)" != gvisor ] || options+=(--foreign)
	for preset in strict basic desktop minimal; do
		case $preset in
		strict) host_policy_for ann; more='' ;;
		basic) host_policy_for ann 'seccomp = basic'; more=--ptrace ;;
		desktop) host_policy_for ann 'seccomp = desktop'; more=--ptrace ;;
		minimal) more='--no-seccomp --ptrace' ;;
		esac
		[ "$preset" != minimal ] || printf '[policy test]\nbase = minimal\nprotect_dotfiles = yes\nbackend = %s\n[rule test]\nuser = ann\npolicy = test\n' "$(host_backend)" | host_policy
		ssh ann@kv "kv-inside ${options[*]} $more" > "/tmp/inside.$preset" 2>&1 ||
			fail "$preset: $(grep ALLOWED "/tmp/inside.$preset" | tr '\n' ';')"
		grep -q denied "/tmp/inside.$preset" || fail "$preset: nothing was tried: $(cat "/tmp/inside.$preset")"
		# On a terminal too: it brings descriptors and signals of its own.
		"$HOST_DIR/terminal.py" -t 60 -- ssh -tt ann@kv "kv-inside ${options[*]} $more" > "/tmp/tty.$preset" 2>&1 ||
			fail "$preset, on a terminal: $(grep -a ALLOWED "/tmp/tty.$preset" | tr '\r\n' '; ')"
		note "$preset: $(grep -c denied "/tmp/inside.$preset") denied"
	done
	kill "$target"
	must_be_clean
}

# CASE view_is_closed: what runs beside the sandboxes sees no process and can execute nothing
case_view_is_closed() {
	needs_kavach
	host_up
	local opener
	ssh ann@kv 'sleep 60' > /dev/null 2>&1 &
	wait_for 5 pgrep -u ann -x sleep || fail "no session"
	opener=$(pgrep -u root -f 'sshd: ann \[priv\]')
	[ -e "/proc/$opener/root/proc/meminfo" ] || fail "no /proc in the view"
	[ -z "$(find "/proc/$opener/root/proc/" -maxdepth 1 -name '[0-9]*')" ] || fail "the view shows processes"
	nsenter -t "$opener" -m /usr/bin/true 2> /tmp/err && fail "a program of the view was executed"
	grep -q 'Permission denied' /tmp/err || fail "not executed, but: $(cat /tmp/err)"
	nsenter -t "$opener" -m "$HOST_SHELL" 2> /tmp/err && fail "the wrapper without its session started something"
	grep -q 'refused' /tmp/err || fail "the wrapper cannot be executed: $(cat /tmp/err)"
	# The twin: a sandbox has both.
	[ "$(ssh ann@kv 'cd /proc && ls -d self && /usr/bin/true && echo executed' | tr '\n' ' ')" = 'self executed ' ] ||
		fail "the sandbox lacks processes or programs"
	pkill -u ann -x sleep
	wait_for 5 nothing_left ann || fail "left behind: $(nothing_left ann)"
}

# CASE noexec_stays: a home that the administrator mounted noexec is noexec inside
case_noexec_stays() {
	needs_kavach
	host_up
	run() { ssh ann@kv 'printf "#!/bin/sh\necho ran\n" > x; chmod 755 x; ./x'; }
	[ "$(run)" = ran ] || fail "a script in the home does not run"
	mount --bind /home/ann /home/ann
	mount -o remount,bind,noexec /home/ann
	[ "$(run 2> /dev/null)" != ran ] || fail "noexec was undone"
	must_be_clean
}

# CASE no_rule: an account with the confined shell and no rule gets in by no door
case_no_rule() {
	needs_kavach
	host_up
	ssh ann@kv true || fail "the twin with a rule does not get in"
	printf '[kavach]\n' | host_policy
	ssh ann@kv true 2> /dev/null && fail "a shell without a rule"
	ssh -N -o ExitOnForwardFailure=yes -L 127.0.0.1:7777:127.0.0.1:22 ann@kv 2> /dev/null < /dev/null && fail "a forwarding without a rule"
	[ "$(count_records 'event=session-deny')" = 2 ] || fail "$(count_records 'event=session-deny') records of 2"
	must_be_clean
}

# CASE ended_sandboxes: what ended commands leave of a session does not add up
case_ended_sandboxes() {
	needs_kavach
	host_up
	folders() { find /sys/fs/cgroup -path '*/kavach/*' -name 'sandbox.*' -type d | sed 's,.*/,,' | sort -u | wc -l; }
	local n
	ssh -M -S /tmp/mux -o ControlPersist=yes ann@kv true
	ssh -S /tmp/mux ann@kv 'sleep 300 > /dev/null 2>&1 < /dev/null &'
	eq "a command with a background process" 1 "$(folders)"
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		ssh -S /tmp/mux ann@kv 'sleep 0.1 &'
	done
	sleep 1
	ssh -S /tmp/mux ann@kv 'exit 4'
	eq "cgroups" 1 "$(folders)"
	pgrep -u ann -x sleep > /dev/null || fail "the background process ended with others"
	eq "bytes of /run for a command's end" 0 "$(find /run/kavach/sessions -name 'sandbox.*' -printf '%b\n' | sort -u)"
	ssh -S /tmp/mux -O exit ann@kv 2> /dev/null
	must_be_clean
	records event=session-close | grep -q ' sandboxes=15 status=4 ' || fail "$(records event=session-close)"
}

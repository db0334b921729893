# shellcheck shell=bash
# BACKENDS all
# Attacks on container sessions, with each runtime: from inside, and by the same user
# from outside. A denial counts only where the same probe succeeds without kavach (the twin);
# what cannot be tried with a runtime is said by name ("does not apply").

# with RUNTIME: ann is confined by it from here on; sets backend and more (for kv-inside).
with() {
	needs_kavach
	backend=oci more='' runtime=$1
	command -v "${1/gvisor/runsc}" > /dev/null || skip "$1 is not installed"
	case $1 in
	# The one that is to be found is the only one.
	crun) rm -f /usr/bin/runc /usr/sbin/runc ;;
	runc) rm -f /usr/bin/crun ;;
	gvisor) backend=gvisor more=--foreign ;;
	esac
	host_up
	host_user bob
	policy
}

# policy [LINE...]: ann under strict, in a container, plus these lines.
policy() { host_policy_for ann "backend = $backend" "$@"; }

root_of() { echo $((0x70000000 + $(id -u "$1"))); }

containers_ran() {
	[ "$(count_records "event=sandbox-start.* backend=$backend ")" -gt 0 ] || fail "no session was a container's"
}

# What a daemon outside offers: TCP and an abstract socket.
serve() {
	/usr/bin/python3 - <<'PY' &
import socket, threading
tcp, abstract = socket.create_server(("127.0.0.1", 8080)), socket.socket(socket.AF_UNIX)
abstract.bind("\0kv-abstract")
abstract.listen()
open("/tmp/serving", "w").close()
def loop(s):
    while True:
        s.accept()[0].close()
threading.Thread(target=loop, args=(tcp,)).start()
loop(abstract)
PY
	wait_for 5 test -e /tmp/serving || fail "the server does not start"
}

inside() {
	with "$1"
	serve
	local preset options more_now target
	install -m 755 "${KV_BUILD:?}/tests/hostile/inside" /usr/local/bin/kv-inside
	runuser -u ann -- sleep 600 &
	wait_for 3 pgrep -u ann -x sleep || fail "no target"
	target=$(pgrep -u ann -x sleep)
	options=(--tcp=127.0.0.1:8080 --abstract=kv-abstract "--pid=$target" --deny-read=/home/bob --deny-read=/root
	    --deny-write=/home/ann/.ssh/authorized_keys --deny-write=/home/ann/.bashrc)
	md5sum /home/ann/.bashrc /home/ann/.ssh/authorized_keys > /tmp/sums
	kv-inside --expect-open "${options[@]}" 9< / > /tmp/open 2>&1 || fail "the twin outside finds nothing open"
	for preset in 'B13 descriptors of folders' 'B8 TCP outside' 'B8 abstract socket outside' 'B7 signal' \
	    'B16 write /home/ann/.bashrc' 'B16 chmod /home/ann/.bashrc' 'B16 truncate /home/ann/.bashrc' 'B16 read /root' 'B1 /proc/1/mem'; do
		grep -q "^$preset.*: ALLOWED" /tmp/open || fail "the twin outside is denied, too: $preset"
	done
	for preset in strict basic off; do
		policy "seccomp = $preset"
		case $preset in
		strict) more_now=$more ;;
		basic) more_now="$more --ptrace" ;;
		off) more_now="$more --ptrace --no-seccomp" ;;
		esac
		ssh ann@kv "kv-inside ${options[*]} $more_now" > "/tmp/inside.$preset" 2>&1 ||
			fail "$preset: $(grep -v denied "/tmp/inside.$preset" | tr '\n' ';')"
		grep -q denied "/tmp/inside.$preset" || fail "$preset: nothing was tried"
		"$HOST_DIR/terminal.py" -t 60 -- ssh -tt ann@kv "kv-inside ${options[*]} $more_now" > "/tmp/tty.$preset" 2>&1 ||
			fail "$preset, on a terminal: $(grep -a ALLOWED "/tmp/tty.$preset" | tr '\r\n' '; ')"
		note "$preset: $(grep -c denied "/tmp/inside.$preset") denied; $(grep 'does not apply' "/tmp/inside.$preset")"
	done
	kill "$target"
	md5sum --quiet -c /tmp/sums || fail "a protected file is another"
	containers_ran
	must_be_clean
}
# CASE inside_crun timeout=300: the attacks of tests/hostile/inside are denied in crun's containers
case_inside_crun() { inside crun; }
# CASE inside_runc timeout=300: the same in runc's
case_inside_runc() { inside runc; }
# CASE inside_gvisor timeout=300: the same in gVisor's
case_inside_gvisor() { inside gvisor; }

# The user's own processes on the host against those of the session, its keepers among them.
outside() {
	with "$1"
	local uids session=()
	uids="$(id -u ann) $(root_of ann)"
	ssh ann@kv 'sleep 60' > /dev/null 2>&1 & session+=($!)
	"$HOST_DIR/terminal.py" -t 60 -- ssh -tt ann@kv 'sleep 60' > /dev/null 2>&1 & session+=($!)
	wait_for 10 sh -c '[ "$(pgrep -f "^kavach-shim" | wc -l)" = 2 ]' || fail "no sessions"
	sleep 2
	# sshd's half and a container's processes have the user's id; the shim and the runtimes root's of the containers.
	cp "$HOST_DIR/outside.py" /usr/local/bin/kv-outside
	# shellcheck disable=SC2086
	runuser -u ann -- /usr/bin/python3 /usr/local/bin/kv-outside $uids > /tmp/outside 2>&1 || fail "$(cat /tmp/outside)"
	containers_ran
	kill "${session[@]}"
	must_be_clean
}
# CASE outside_crun: the same user on the host reaches neither crun's containers nor their keepers
case_outside_crun() { outside crun; }
# CASE outside_runc: the same with runc
case_outside_runc() { outside runc; }
# CASE outside_gvisor: the same with gVisor
case_outside_gvisor() { outside gvisor; }

# Two channels of one connection share view, /tmp and user namespace; neither sees the other's keepers.
channels() {
	with "$1"
	ssh -M -S /tmp/mux -o ControlPersist=yes ann@kv 'echo shared > /tmp/shared'
	ssh -S /tmp/mux ann@kv 'touch /tmp/first; exec sleep 77' > /dev/null 2>&1 &
	sleep 3
	ssh -S /tmp/mux ann@kv 'cat /proc/[0-9]*/cmdline | tr "\0" "\n"; sleep 78 & sleep 0.2; cat /proc/[0-9]*/cmdline | tr "\0" " "
		kill -9 -1; true' > /tmp/second 2>&1
	grep -q 'sleep 78' /tmp/second || fail "the twin: its own process is not seen: $(cat /tmp/second)"
	grep -q 'sleep 77\|kavach-shim\|runsc\|/usr.*/c\?runc\?' /tmp/second && fail "another channel's process is seen: $(cat /tmp/second)"
	pgrep -f 'kavach-shim' > /dev/null || fail "the first channel was killed by the second"
	# What is the runtime's and the shim's: bundle, state, control socket, tickets.
	ssh -S /tmp/mux ann@kv 'find /run/kavach | sort | tr "\n" " "' > /tmp/state
	eq "/run/kavach inside" "/run/kavach /run/kavach/init$([ "$runtime" != gvisor ] || echo ' /run/kavach/no-automount.so') " \
		"$(sed 's,\(/run/kavach/init\) $,\1'"$([ "$runtime" != gvisor ] || echo ' /run/kavach/no-automount.so')"' ,' /tmp/state)"
	ssh -S /tmp/mux ann@kv 'echo x > /run/kavach/x || rm /run/kavach/init || ln -s /tmp /run/kavach/control || echo x >> /run/kavach/init' \
		2> /dev/null && fail "/run/kavach can be changed"
	ssh -S /tmp/mux -O exit ann@kv 2> /dev/null
	containers_ran
	must_be_clean
}
# CASE channels_crun: a channel sees nothing of another channel's container, shim or state
case_channels_crun() { channels crun; }
# CASE channels_runc: the same with runc
case_channels_runc() { channels runc; }
# CASE channels_gvisor: the same with gVisor
case_channels_gvisor() { channels gvisor; }

# What the runtimes have been broken by before.
past_holes() {
	with "$1"
	local programs=(/usr/libexec/kavach/kavach-* /usr/bin/crun /usr/*bin/runc /usr/bin/runsc "$HOST_SHELL") group
	md5sum "${programs[@]}" 2> /dev/null > /tmp/programs
	# runc CVE-2024-21626: a folder of the host as working directory, or left open (B13 of kv-inside).
	eq "the top of the working directory" "$(ssh ann@kv 'stat -c %i /')" \
		"$(ssh ann@kv 'stat -c %i /proc/self/cwd/../../../../../../..')"
	eq "the working directory" /home/ann "$(ssh ann@kv 'pwd -P; exit')"
	eq "that of process 1" '' "$(ssh ann@kv 'ls /proc/1/cwd/' 2> /dev/null)"
	# runc CVE-2019-5736: the host's program by /proc/PID/exe.
	cat > /usr/local/bin/kv-exe << 'PY'
import os
for pid in sorted(p for p in os.listdir("/proc") if p.isdigit()) + ["self"]:
    for path in ("/proc/%s/exe" % pid, "/run/kavach/init"):
        try:
            os.open(path, os.O_WRONLY)
            print("ALLOWED", path)
        except OSError as e:
            print("denied", e.strerror)
PY
	ssh ann@kv '/usr/bin/python3 /usr/local/bin/kv-exe' > /tmp/exe
	grep -q denied /tmp/exe || fail "no program was tried: $(cat /tmp/exe)"
	! grep ALLOWED /tmp/exe || fail "a program can be written"
	md5sum --quiet -c /tmp/programs || fail "a program is another"
	# runc CVE-2022-29162, crun CVE-2022-27650: groups and inheritable capabilities (B21 of kv-inside).
	groupadd kv-extra
	# Root's group is exempt from confinement by default.
	sed -i 's/^exempt_groups = .*/exempt_groups = kv-none/' /etc/kavach/kavach.conf
	groupadd kv-none
	usermod -aG kv-extra,disk,root ann
	install -m 640 -g root /dev/stdin /srv/of-root <<< secret
	group=$(runuser -u ann -- id -G | tr ' ' '\n' | grep -vx 0 | sort -n | tr '\n' ' ')
	eq "groups, without root's" "$group" "$(ssh ann@kv id -G | tr ' ' '\n' | sort -n | tr '\n' ' ')"
	reads() { ssh ann@kv 'cat /srv/of-root' | grep secret; }
	host_bare
	reads > /dev/null || fail "the twin: root's group reads nothing"
	host_kavach
	reads && fail "root's group came along"
	masked "$1"
	containers_ran
	must_be_clean
}

# runc CVE-2019-16884, 2023-27561, 2025-31133, 2025-52881: what hides /proc is there, and /proc is one. CVE-2025-52565: so is the console.
masked() {
	local file name
	eq "/proc" proc "$(ssh ann@kv 'stat -f -c %T /proc')"
	if [ "$1" = gvisor ]; then
		note "masked paths: do not apply: gVisor's /proc is its own and has none of them"
		for file in kcore keys timer_list interrupts sysrq-trigger; do
			ssh ann@kv "cat /proc/$file" > /tmp/masked 2> /dev/null
			[ ! -s /tmp/masked ] || fail "/proc/$file can be read"
		done
	else
		grep -q . /proc/interrupts || fail "the twin: the host shows nothing there"
		for file in interrupts timer_list keys; do
			[ ! -e "/proc/$file" ] || eq "/proc/$file" '1:3 0' "$(ssh ann@kv "stat -c %t:%T /proc/$file; cat /proc/$file | wc -c" | tr '\n' ' ' | sed 's/ $//')"
		done
		for file in sys bus fs irq; do
			ssh ann@kv "grep ' /proc/$file ro,' /proc/self/mountinfo" > /dev/null || fail "/proc/$file is not read-only"
		done
	fi
	"$HOST_DIR/terminal.py" -t 30 -- ssh -tt ann@kv 'stat -c "console %F" /dev/console; ls /dev/pts; tty' > /tmp/console 2>&1
	grep -aq 'console character' /tmp/console && fail "a console: $(cat /tmp/console)"
	# One pty, its own, whatever the host has.
	for name in 1 2 3 4; do
		grep -aqx "$name"$'\r\?' /tmp/console && fail "another's pty is seen: $(cat /tmp/console)"
	done
}
# CASE past_holes_crun: crun's past holes: groups, descriptors, its own program, masked paths
case_past_holes_crun() { past_holes crun; }
# CASE past_holes_runc: runc's past holes, the same
case_past_holes_runc() { past_holes runc; }
# CASE past_holes_gvisor: the same with gVisor, as far as it applies
case_past_holes_gvisor() { past_holes gvisor; }

# A root of the policy's own, with a shell and little more.
make_root() {
	local file
	rm -rf /srv/root
	mkdir -p /srv/root/{usr/bin,usr/lib,etc,proc,dev,sys,tmp,run,home,var/tmp}
	ln -s usr/bin /srv/root/bin
	ln -s usr/lib /srv/root/lib
	ln -s usr/lib /srv/root/lib64
	printf 'root:x:0:0::/:/bin/sh\n' > /srv/root/etc/passwd
	printf 'root:x:0:\n' > /srv/root/etc/group
	for file in bash cat ls stat readlink id touch; do
		cp "$(command -v "$file")" /srv/root/usr/bin/
		ldd "$(command -v "$file")" | grep -o '/[^ ]*'
	done | sort -u | while read -r file; do cp -L "$file" /srv/root/usr/lib/; done
	ln -s bash /srv/root/usr/bin/sh
	mkdir -p /srv/root/usr/lib/x86_64-linux-gnu
}

# B12: names in a root file system that lead elsewhere. Refused, or without effect.
rootfs_links() {
	with "$1"
	local link target
	make_root
	policy 'rootfs = /srv/root' 'landlock = off'
	kavachctl check > /tmp/check 2>&1 || { policy 'rootfs = /srv/root'; kavachctl check || fail "the policy"; }
	eq "the twin: a plain root" 'proc 1:3' "$(ssh ann@kv 'echo $(stat -f -c %T /proc) $(stat -c %t:%T /dev/null)')"
	ssh ann@kv 'ls /srv/root' 2> /dev/null && fail "the root is the host's"
	for link in proc:/tmp proc:/home/ann proc:../../../../../home/ann dev:/tmp dev:/home/ann tmp:/etc run:/tmp run:/home/ann run:/proc sys:/home/ann \
	    home:/tmp home:/etc etc:/tmp; do
		target=${link#*:} link=${link%%:*}
		make_root
		rm -rf "/srv/root/$link"
		ln -s "$target" "/srv/root/$link"
		ssh ann@kv 'echo $(stat -f -c %T /proc) $(stat -c %t:%T /dev/null) $(readlink /proc/self | grep -c . 2>/dev/null); ls /proc/1/root /run/kavach/self /run/kavach/state /run/kavach/bundle' \
			> /tmp/links 2>/dev/null
		case $(head -n 1 /tmp/links) in
		'') note "$link -> $target: refused: $(records 'reason=' | tail -n 1 | sed 's/.*reason="//; s/".*//')" ;;
		'proc 1:3'*) [ "$(wc -l < /tmp/links)" = 1 ] || fail "$link -> $target: $(cat /tmp/links)"
			note "$link -> $target: without effect" ;;
		*) fail "$link -> $target: $(cat /tmp/links)" ;;
		esac
		must_be_clean
	done
	containers_ran
}
# CASE rootfs_links_crun timeout=300: links at the names that a container mounts over lead nowhere (B12)
case_rootfs_links_crun() { rootfs_links crun; }
# CASE rootfs_links_runc timeout=300: the same with runc
case_rootfs_links_runc() { rootfs_links runc; }
# CASE rootfs_links_gvisor timeout=300: the same with gVisor
case_rootfs_links_gvisor() { rootfs_links gvisor; }

# B15: what one session can take away from the others.
bombs() {
	with "$1"
	policy 'seccomp = basic' 'process_limit = 40' 'memory_limit = 256M'
	cat > /usr/local/bin/kv-ptys << 'PY'
import os, time
n = 0
def more():
    global n
    try:
        while n < 4000:
            os.openpty()
            n += 1
            if n % 400 == 0 and os.fork() == 0:
                os.closerange(3, 1024)
    except OSError:
        pass
more()
print("ptys", n, flush=True)
time.sleep(4)
PY
	ssh ann@kv '/usr/bin/python3 /usr/local/bin/kv-ptys' > /tmp/ptys 2>&1 &
	sleep 3
	timeout 10 ssh -tt bob@kv tty > /tmp/bob 2>&1 || fail "no terminal for another user: $(cat /tmp/bob)"
	grep -aq '^/dev/pts/' /tmp/bob || fail "no terminal for another user: $(cat /tmp/bob)"
	wait $!
	if [ "$runtime" = gvisor ]; then
		note "ptys: do not apply: they are gVisor's own, in its memory"
	else
		grep -q '^ptys 256$' /tmp/ptys || fail "the ptys are not bounded: $(cat /tmp/ptys)"
	fi
	timeout 8 ssh ann@kv ':(){ :|:& };:; sleep 3' > /dev/null 2>&1 &
	sleep 2
	timeout 10 ssh bob@kv true || fail "another user cannot log in during a fork bomb"
	wait $!
	must_be_clean
	timeout 30 ssh ann@kv 'head -c 900000000 /dev/zero | tail' > /dev/null 2>&1 && fail "900 MB fit into 256 MB"
	must_be_clean
	containers_ran
}
# CASE bombs_crun: ptys, processes and memory of crun's containers are bounded; another user logs in
case_bombs_crun() { bombs crun; }
# CASE bombs_runc: the same with runc
case_bombs_runc() { bombs runc; }
# CASE bombs_gvisor: the same with gVisor
case_bombs_gvisor() { bombs gvisor; }

# B18: whoever of a session's keepers is killed, its processes end.
killed() {
	with "$1"
	local what session
	for what in kavach-session kavach-shim 'sshd: ann@' 'sshd: ann \[priv\]'; do
		ssh ann@kv "setsid sleep 500 & trap '' TERM HUP INT; sleep 500" > /dev/null 2>&1 &
		session=$!
		wait_for 10 pgrep -f '^kavach-shim' || fail "no session"
		sleep 1.5
		pgrep -f "^$what" > /dev/null || fail "$what does not run"
		pkill -9 -o -f "^$what"
		wait_for 5 sh -c "! pgrep -U $(id -u ann),$(root_of ann)" || fail "$what was killed, and left $(pgrep -a -U "$(id -u ann),$(root_of ann)")"
		kill "$session" 2> /dev/null
		wait "$session" 2> /dev/null
		kavachctl reap > /dev/null
		must_be_clean
	done
	containers_ran
}
# CASE killed_crun: no container outlives its wrapper, shim or sshd
case_killed_crun() { killed crun; }
# CASE killed_runc: the same with runc
case_killed_runc() { killed runc; }
# CASE killed_gvisor: the same with gVisor
case_killed_gvisor() { killed gvisor; }

# CASE somebodys_id: a user whose containers' root would be somebody else is refused
case_somebodys_id() {
	with crun
	ssh ann@kv true || fail "the twin does not get in"
	useradd -M -u "$(root_of ann)" eve 2> /dev/null || fail "useradd"
	ssh ann@kv true 2> /dev/null && fail "root in the containers is a user"
	userdel eve
	groupadd -g "$(root_of ann)" eve || fail "groupadd"
	ssh ann@kv true 2> /dev/null && fail "root's group in the containers is a group"
	groupdel eve
	ssh ann@kv true || fail "refused for nothing"
	[ "$(count_records 'somebody.s on this host')" = 2 ] || fail "the records do not say why"
	must_be_clean
}

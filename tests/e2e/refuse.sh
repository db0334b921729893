# shellcheck shell=bash
# Refusals (hostile.md, groups A and C): no shell, a status that says so, one
# record, nothing left, and root is let in all the same.

# inside COMMAND...: a shell of ann's in the session as stage one leaves it, before the
# wrapper: what a hostile program in front of the wrapper would be. Root may choose a shell in su.
# Where sshd's half of a session runs: opened by su, entered beside its sandbox.
inside() {
	local opener status=0
	su ann -c 'sleep 120' < /dev/null > /dev/null 2>&1 &
	opener=$!
	wait_for 5 pgrep -u ann -x sleep || fail "no session"
	host_stage1 "$opener" ann "$1" || status=$?
	kill "$opener"
	wait "$opener" 2>/dev/null
	return "$status"
}

# refused WHAT COMMAND...: fails, starts nothing (`PAYLOAD` is what the payload says), tells the user.
refused() {
	local what=$1 status=0
	shift
	"$@" > /tmp/refused.out 2>&1 || status=$?
	[ "$status" != 0 ] || { cat /tmp/refused.out >&2; fail "$what: status 0"; }
	if grep -q PAYLOAD /tmp/refused.out; then
		cat /tmp/refused.out >&2
		fail "$what: the payload ran"
	fi
}

# CASE no_session: without a PAM session the wrapper starts nothing
case_no_session() {
	needs_kavach
	host_up
	refused "no session" runuser -u ann -- "$HOST_SHELL" -c 'echo PAYLOAD'
	grep -q refused /tmp/refused.out || fail "not told: $(cat /tmp/refused.out)"
	refused "no session, by root" "$HOST_SHELL" -c 'echo PAYLOAD'
	refused "its own user namespace" runuser -u ann -- unshare -Ur "$HOST_SHELL" -c 'echo PAYLOAD'
	refused "its own mount namespace" runuser -u ann -- unshare -Urm "$HOST_SHELL" -c 'echo PAYLOAD'
	refused "a made-up ticket" runuser -u ann -- unshare -Urm sh -c \
	    "mount -t tmpfs none /run; mkdir -p /run/kavach/self; head -c 200000 /dev/zero > /run/kavach/self/ticket; exec $HOST_SHELL -c 'echo PAYLOAD'"
	must_be_clean
}

# CASE twin_inside: the vehicle of the cases below works: confined when nothing is wrong
case_twin_inside() {
	needs_kavach
	host_up
	inside "exec $HOST_SHELL -c 'echo PAYLOAD; grep NoNewPrivs /proc/self/status'" > /tmp/out 2>&1
	grep -q PAYLOAD /tmp/out || fail "$(cat /tmp/out)"
	grep -q 'NoNewPrivs:.1' /tmp/out || fail "not confined: $(cat /tmp/out)"
	must_be_clean
}

# CASE arguments: no name, empty name, huge arguments and environments are refused
case_arguments() {
	needs_kavach
	host_up
	local run='import ctypes, os, sys
libc = ctypes.CDLL(None)
def go(argv, envp):
    a = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
    e = (ctypes.c_char_p * (len(envp) + 1))(*envp, None)
    libc.execve(b"'$HOST_SHELL'", a, e)
    sys.exit(3)
'
	refused "no arguments" inside "/usr/bin/python3 -c '${run}go([], [])'"
	refused "an empty name" inside "/usr/bin/python3 -c '${run}go([b\"\", b\"-c\", b\"echo PAYLOAD\"], [])'"
	refused "2 MB" inside "/usr/bin/python3 -c '${run}go([b\"kavach-session\", b\"-c\", b\"echo PAYLOAD; :\"] + [b\"x\" * 100000] * 19, [])'"
	refused "10,000 variables" inside "/usr/bin/python3 -c '${run}go([b\"kavach-session\", b\"-c\", b\"echo PAYLOAD\"], [b\"V%d=x\" % i for i in range(10000)])'"
	refused "-c without a command" inside "$HOST_SHELL -c"
	must_be_clean
}

# CASE environment: variables that load or redirect do nothing
case_environment() {
	needs_kavach
	host_up
	printf 'AcceptEnv *\n' > /etc/ssh/sshd_config.d/accept.conf
	host_sshd_stop
	host_sshd_start
	echo 'echo hostile > /tmp/hostile; echo hostile' > /home/ann/env.sh
	printf 'LD_PRELOAD=/home/ann/x.so\nBASH_ENV=/home/ann/env.sh\n' > /home/ann/.pam_environment
	local name
	for name in LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GLIBC_TUNABLES GCONV_PATH BASH_ENV ENV IFS TMPDIR SHELLOPTS PS4 \
	    BASH_FUNC_id%% LOCPATH NLSPATH MALLOC_TRACE RESOLV_HOST_CONF HOSTALIASES PYTHONPATH PERL5LIB; do
		ssh -o "SetEnv=$name=/home/ann/env.sh" ann@kv 'env' > /tmp/env.out || fail "$name: no session"
		! grep -q '/home/ann/env.sh' /tmp/env.out || fail "$name arrives"
		! grep -q hostile /tmp/env.out || fail "$name has an effect"
	done
	inside "LD_PRELOAD=/nonexistent.so GLIBC_TUNABLES=glibc.malloc.check=3 PATH=. $HOST_SHELL -c 'env'" > /tmp/env.out 2>&1
	! grep -q -E '^(LD_PRELOAD|GLIBC_TUNABLES|PATH=\.$)' /tmp/env.out || fail "from before the wrapper: $(cat /tmp/env.out)"
	must_be_clean
}

# CASE descriptors: closed standard streams, and descriptors left open, do no harm
case_descriptors() {
	needs_kavach
	host_up
	inside "exec $HOST_SHELL -c 'echo ok > /home/ann/closed; ls -l /proc/self/fd > /home/ann/fds' 0<&- 1>&- 2>&-"
	[ ! -e /home/ann/closed ] || ! grep -q kavach /home/ann/fds || fail "a file of kavach's is a standard stream"
	inside "exec 200< /etc/hostname 201< /; exec $HOST_SHELL -c 'ls -l /proc/self/fd'" > /tmp/fds
	! grep -q -E 'hostname|-> /$' /tmp/fds || fail "descriptors are inherited: $(cat /tmp/fds)"
	refused "a folder as standard input" inside "exec $HOST_SHELL -c 'echo PAYLOAD' < /"
	must_be_clean
}

# CASE rlimits: limits too low to build a sandbox refuse, and leave no half-written file
case_rlimits() {
	needs_kavach
	host_up
	local limit before after
	ssh ann@kv true || fail "the twin does not work"
	before=$(find /run/kavach /var/lib/kavach -type f -size 0 | wc -l)
	for limit in '-f 0' '-n 3' '-s 1' '-v 100' '-u 0'; do
		refused "ulimit $limit" inside "ulimit $limit; exec $HOST_SHELL -c 'echo PAYLOAD'"
	done
	after=$(find /run/kavach /var/lib/kavach -type f -size 0 | wc -l)
	[ "$after" -le "$before" ] || fail "an empty file is left"
	must_be_clean
	ssh ann@kv true || fail "the next login does not work"
}

# CASE traced: traced, with no_new_privs, or without the inheritable set there is no shell
case_traced() {
	needs_kavach
	host_up
	refused "traced by the user" inside "strace -f -o /dev/null $HOST_SHELL -c 'echo PAYLOAD'"
	refused "no_new_privs" inside "setpriv --no-new-privs $HOST_SHELL -c 'echo PAYLOAD'"
	refused "no inheritable set" inside "setpriv --inh-caps=-all $HOST_SHELL -c 'echo PAYLOAD'"
	refused "a copy" inside "cp $HOST_SHELL /tmp/copy; exec /tmp/copy -c 'echo PAYLOAD'"
	refused "a hard link" inside "ln $HOST_SHELL /tmp/link; exec /tmp/link -c 'echo PAYLOAD'"
	# The loader executes a static program instead of loading it: confined, then, or refused.
	if inside "/lib64/ld-linux-x86-64.so.2 $HOST_SHELL -c 'grep -E \"NoNewPrivs|^Seccomp:\" /proc/self/status'" > /tmp/loader 2>&1; then
		grep -q 'NoNewPrivs:.1' /tmp/loader || fail "by the loader: $(cat /tmp/loader)"
		grep -q 'Seccomp:.2' /tmp/loader || fail "by the loader: $(cat /tmp/loader)"
	fi
	refused "a user namespace in the session" inside "unshare -Ur $HOST_SHELL -c 'echo PAYLOAD'"
	must_be_clean
}

# CASE nested: inside a sandbox the wrapper starts nothing, and there is no shortcut
case_nested() {
	needs_kavach
	host_up
	refused "inside a sandbox" ssh ann@kv "$HOST_SHELL -c 'echo PAYLOAD'"
	refused "su inside" ssh ann@kv "su root -c 'echo PAYLOAD' < /dev/null"
	must_be_clean
}

# CASE signals: signals at any moment of the start leave it confined or dead
case_signals() {
	needs_kavach
	host_up
	/usr/bin/python3 - "$HOST_SHELL" <<'PY' || exit 1
import os, random, signal, subprocess, sys, time
random.seed(1)
for n in range(60):
    p = subprocess.Popen(["su", "-s", "/bin/bash", "ann", "-c",
        "trap '' CHLD; exec %s -c 'grep -E \"NoNewPrivs|^Seccomp:\" /proc/self/status'" % sys.argv[1]],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(random.uniform(0, 0.08))
    for pid in subprocess.run(["pgrep", "-x", "kavach-session"], stdout=subprocess.PIPE, text=True).stdout.split():
        try:
            os.kill(int(pid), random.choice([signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1,
                signal.SIGALRM, signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH, signal.SIGQUIT, signal.SIGKILL]))
        except ProcessLookupError:
            pass
    out = p.communicate(timeout=30)[0].decode()
    if out and ("NoNewPrivs:\t1" not in out or "Seccomp:\t2" not in out):
        sys.exit("FAIL: run %d: a payload without its layers: %r" % (n, out))
PY
	must_be_clean
}

# CASE foreign_terminal: somebody else's terminal as standard input is refused
case_foreign_terminal() {
	needs_kavach
	host_up
	host_user bob
	"$HOST_DIR/terminal.py" 'w:6' -- sh -c 'chown bob $(tty); chmod 666 $(tty); tty > /tmp/tty; sleep 5' > /tmp/tty.out &
	wait_for 5 test -s /tmp/tty || fail "no terminal"
	local tty
	tty=$(cat /tmp/tty)
	refused "another's terminal" setsid su -s /bin/bash ann -c "exec $HOST_SHELL -c 'echo PAYLOAD' < $tty > $tty 2>&1"
	wait "$!"
	! grep -q PAYLOAD /tmp/tty.out || fail "it wrote to another's terminal"
	must_be_clean
}

# CASE names: user names that could be options or paths are refused
case_names() {
	needs_kavach
	host_up
	local name
	for name in ../x -u "$(printf 'a\nb')" "$(head -c 4000 /dev/zero | tr '\0' a)" root:x 4294967295 -1 4294967296; do
		refused "user $name" timeout 10 ssh -l "$name" kv 'echo PAYLOAD'
	done
	must_be_clean
	[ ! -s "$HOST_LOG" ] || ! grep -a -q "^b" "$HOST_LOG" || fail "a name broke a line of the log"
}

# CASE shell_not_wrapper: an account under a policy with another shell is refused, with a record
case_shell_not_wrapper() {
	needs_kavach
	host_up
	host_unconfine ann
	refused "bash as the shell" ssh ann@kv 'echo PAYLOAD'
	eq "records" 1 "$(count_records event=session-deny)"
	must_be_clean
}

# broken WHAT: with the policy as it is now ann is refused with one record, and root gets in.
broken() {
	local before after
	before=$(count_records 'event=\(policy-error\|session-deny\)')
	refused "$1" timeout 20 ssh ann@kv 'echo PAYLOAD'
	after=$(count_records 'event=\(policy-error\|session-deny\)')
	eq "$1: records" 1 "$((after - before))"
	eq "$1: root" in "$(timeout 20 ssh root@kv echo in)"
	wait_for 5 nothing_left || fail "$1: left behind: $(nothing_left)"
}

# CASE policy_trust timeout=240: policy files that others could write, or that are no files, are refused
case_policy_trust() {
	needs_kavach
	host_up
	cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
	local file=/etc/kavach/kavach.conf
	fresh() {
		rm -rf /etc/kavach
		mkdir -m 755 /etc/kavach
		host_policy_for ann
	}
	fresh; ssh ann@kv true || fail "the twin does not work"
	fresh; chmod 664 "$file"; broken "group-writable file"
	fresh; chmod 775 /etc/kavach; broken "group-writable folder"
	fresh; chown ann "$file"; broken "foreign owner"
	fresh; mv "$file" /etc/kavach/real; ln -s real "$file"; broken "symbolic link"
	fresh; rm "$file"; mkfifo "$file"; broken "FIFO"
	fresh; rm "$file"; mkdir "$file"; broken "folder"
	fresh; rm "$file"; ln -s /dev/zero "$file"; broken "device"
	fresh; : > "$file"; broken "empty file"
	fresh; rm "$file"; broken "missing file"
	fresh; { cat "$file"; head -c 2000000 /dev/zero | tr '\0' '#'; } > /tmp/big; cp /tmp/big "$file"; broken "2 MB file"
	fresh; mkdir -m 777 /etc/kavach/conf.d; broken "conf.d open to all"
}

# CASE policy_text timeout=240: errors in the text void the policy, each with its place
case_policy_text() {
	needs_kavach
	host_up
	cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
	local line
	for line in 'nonsense = 1' 'memory_limit = 12abc' 'memory_limit = -1' 'memory_limit = 0x10' 'memory_limit =' \
	    'memory_limit = 18446744073709551616' 'read_only_root = ture' 'base = none-such' 'backend = nosuch' 'min_strength = 101' \
	    'seccomp = of' 'shell = bash' 'memory_limit = 1M
memory_limit = 2M' '[policy test]
base = basic' '[other]' 'no equals sign' 'data_dir = /srv/../etc' "$(printf 'contact = "\377"')" \
	    'landlock_ro = relative/path'; do
		host_policy_for ann "$line"
		broken "$line"
		records 'event=\(policy-error\|session-deny\)' | tail -n 1 | grep -q 'kavach\.conf:[0-9]' || fail "$line: no place: $(records | tail -n 1)"
	done
	host_policy_for ann
	printf '\357\273\277' | cat - /etc/kavach/kavach.conf > /tmp/bom; cp /tmp/bom /etc/kavach/kavach.conf
	broken "byte order mark"
	host_policy_for ann
	printf 'x\0y = 1\n' >> /etc/kavach/kavach.conf
	broken "NUL"
	host_policy_for ann
	ssh ann@kv true || fail "a good policy does not work again"
}

# CASE floor: a floor that no backend reaches, and a backend that is absent, refuse
case_floor() {
	needs_kavach
	host_up
	cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
	host_policy_for ann 'min_strength = 65' 'backend = process'
	ssh ann@kv true || fail "the twin: strict reaches 65"
	host_policy_for ann 'min_strength = 99' 'backend = process'
	broken "min_strength = 99"
	host_policy_for ann 'backend = gvisor'
	broken "an absent backend"
	host_policy_for ann 'backend = noop'
	broken "noop without allow_noop"
}

# CASE userns: privilege = userns confines as well, without capabilities of the wrapper
case_userns() {
	needs_kavach
	host_up
	host_policy_for ann 'privilege = userns' 'memory_limit = none' 'cpu_limit = none' 'process_limit = none'
	ssh ann@kv 'id -u; grep -E "NoNewPrivs|^Seccomp:|CapEff|CapBnd" /proc/self/status' > /tmp/out || fail "$(cat /tmp/out)"
	local layer
	for layer in 'NoNewPrivs:.1' 'Seccomp:.2' 'CapEff:.0000000000000000'; do
		grep -q "$layer" /tmp/out || fail "$layer: $(cat /tmp/out)"
	done
	must_be_clean
}

# CASE require_pam: without PAM the wrapper refuses, or confines where root's policy says require_pam = no
case_require_pam() {
	needs_kavach
	host_up
	host_pam off
	refused "require_pam = yes" ssh ann@kv 'echo PAYLOAD'
	{
		printf '[kavach]\nrequire_pam = no\n[policy test]\nbase = strict\nprivilege = userns\n'
		printf 'memory_limit = none\ncpu_limit = none\nprocess_limit = none\n[rule test]\nuser = ann\npolicy = test\n'
	} | host_policy
	ssh ann@kv 'echo PAYLOAD; grep -E "NoNewPrivs|^Seccomp:" /proc/self/status' > /tmp/out 2>&1
	if grep -q PAYLOAD /tmp/out; then
		grep -q 'NoNewPrivs:.1' /tmp/out || fail "not confined: $(cat /tmp/out)"
		grep -q 'Seccomp:.2' /tmp/out || fail "not confined: $(cat /tmp/out)"
	else
		fail "require_pam = no: $(cat /tmp/out)"
	fi
	must_be_clean
}

# CASE su_limits: the limits of who calls su(1) make no session that lacks a layer, and leave none that nobody can close
case_su_limits() {
	needs_kavach
	host_up
	host_user mal
	sed -i '1i auth sufficient pam_permit.so' /etc/pam.d/su
	local limit
	for limit in '-l unlimited' '-f 0' '-f 1' '-f 2000' '-n 5' '-n 12' '-n 20' '-n 40' '-n 60' '-s 1' '-v 60000' '-u 0' '-t 0' '-l 0' '-i 0' '-q 0' '-d 1'; do
		runuser -u mal -- bash -c "ulimit $limit 2> /dev/null; su ann -c 'echo PAYLOAD; grep -E \"NoNewPrivs|^Seccomp:\" /proc/self/status'" > /tmp/out 2>&1
		if grep -q PAYLOAD /tmp/out; then
			[ "$(grep -c 'NoNewPrivs:.1\|Seccomp:.2' /tmp/out)" = 2 ] || fail "ulimit $limit: not confined: $(cat /tmp/out)"
		elif [ "$limit" = '-l unlimited' ]; then
			fail "the twin does not work: $(cat /tmp/out)"
		fi
		nothing_left > /dev/null || kavachctl reap > /dev/null
		nothing_left > /tmp/left || fail "ulimit $limit: nobody can remove: $(cat /tmp/left)"
	done
	kavachctl audit verify "$HOST_LOG" || fail "the chain does not verify"
	eq "the next login" ok "$(ssh ann@kv echo ok)"
	must_be_clean
}

# CASE stopped_su timeout=240: who stops his own su(1), wherever it is, keeps nobody else out
case_stopped_su() {
	needs_kavach
	host_up
	host_user mal
	sed -i '1i auth sufficient pam_permit.so' /etc/pam.d/su
	runuser -u mal -- su ann -c true || fail "the twin: mal may become ann"
	/usr/bin/python3 - "$(id -u mal)" "$(id -g mal)" <<'PY' || exit 1
import os, signal, subprocess, sys, time
uid, gid = int(sys.argv[1]), int(sys.argv[2])
def user():
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
def file(name):
    st = os.stat(name)
    # An overlay shows another device than the kernel locks by.
    device = "%02x:%02x" % (os.major(st.st_dev), os.minor(st.st_dev)) if name.startswith("/run/") else ""
    return device, str(st.st_ino)
inodes = {file(name): name for name in ("/var/lib/kavach/audit.lock",)}
def held(pid):
    with open("/proc/locks") as locks:
        for line in locks:
            word = line.split()
            device, _, inode = word[5].rpartition(":")
            if word[1] == "FLOCK" and int(word[4]) == pid:
                name = inodes.get((device, inode)) or inodes.get(("", inode))
                if name is not None:
                    return name
def stop(pid):
    # As mal: what he may do to the su that he started.
    os.setresuid(uid, uid, 0)
    try:
        os.kill(pid, signal.SIGSTOP)
        return True
    except PermissionError:
        return False
    finally:
        os.setresuid(0, 0, 0)
refused, stopped, n = set(), 0, 0
end = time.time() + 60
while n < 60 or (len(refused) < len(inodes) and time.time() < end):
    n += 1
    p = subprocess.Popen(["su", "ann", "-c", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, preexec_fn=user)
    name = None
    while n % 3 and name is None and p.poll() is None:
        name = held(p.pid)
        if name in refused and n % 2:
            name = None
    if p.returncode is not None:
        continue
    if stop(p.pid):
        stopped += 1
        time.sleep(0.1)
        name = held(p.pid)
        if name is not None:
            sys.exit("FAIL: run %d: a stopped su holds %s" % (n, name))
    elif name is not None:
        refused.add(name)
    p.send_signal(signal.SIGCONT)
    p.kill()
    p.wait()
print("   stopped %d times, not while it held %s" % (stopped, ", ".join(sorted(refused))))
if stopped == 0 or len(refused) < len(inodes):
    sys.exit("FAIL: it was never stopped, or not tried while it held each lock")
PY
	eq "the next login" ok "$(ssh ann@kv echo ok)"
	kavachctl reap > /dev/null
	must_be_clean
}

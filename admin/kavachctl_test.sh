# kavachctl from outside: words, exit statuses, JSON. What needs root runs in a
# mount namespace with an /etc and a /var/lib of its own.
# shellcheck shell=sh disable=SC2034,SC2016

ctl=@BUILD@/kavachctl
wrapper=@SBINDIR@/kavach-session

# wrong WORD...: ends with 64 and one line on standard error.
wrong() {
	atf_check -s exit:64 -o empty -e match:'^kavachctl: .*see: kavachctl help' "$ctl" "$@"
	[ "$("$ctl" "$@" 2>&1 | wc -l)" = 1 ] || atf_fail "$*: not one line"
}

# private SCRIPT: as root, in a mount namespace with its own /etc, /var/lib and /run.
private() {
	cat > script.sh
	unshare -m sh -eu -c '
		mkdir etc var run sbin && cp -a /etc/. etc/
		mkdir -p etc/kavach && rm -rf etc/kavach/*
		mount --bind etc /etc && mount --bind var /var/lib && mount --bind run /run
		# No word of this goes to the log of the machine.
		[ ! -S /dev/log ] || mount --bind /dev/null /dev/log
		case $2 in /usr/*) cp -a "${2%/*}/." sbin/ && mount --bind sbin "${2%/*}" ;; esac
		chown -R 0:0 /etc/kavach && chmod 755 /etc/kavach && chmod 755 /etc
		must() { "$@" || { echo "failed: $*"; exit 1; }; }
		never() { if "$@"; then echo "not to succeed: $*"; exit 1; fi; }
		# ends STATUS COMMAND...
		ends() { want=$1 got=0; shift; "$@" || got=$?; must test "$got" = "$want"; }
		ctl=$1 wrapper=$2; . ./script.sh' sh "$ctl" "$wrapper"
}

atf_test_case usage
usage_body() {
	wrong
	wrong nonsense
	wrong help nonsense
	wrong backends extra
	wrong backends -x
	wrong backends --jsonx
	wrong score --policy
	wrong score --backend unknown
	wrong score --json=yes
	wrong explain
	wrong run
	wrong run --timeout 12abc -- true
	wrong run --timeout -1 -- true
	wrong audit
	wrong audit verify
	wrong show
	wrong enroll
	wrong enroll one two
	atf_check -o match:'usage: kavachctl' "$ctl" help
	atf_check -o match:'usage: kavachctl score' "$ctl" help score
	atf_check -o match:'^kavachctl [0-9]' "$ctl" --version
}

atf_test_case backends
backends_head() { atf_set require.progs python3; }
backends_body() {
	atf_check -o save:out "$ctl" backends --json
	atf_check -o inline:'process gvisor firecracker wasm oci sgx sev tdx sy-agnos noop\n' python3 -c '
import json
b = json.load(open("out"))
assert [e["score"] for e in b] == [50, 70, 90, 65, 55, 80, 82, 85, 80, 0]
assert all(e["available"] != bool(e["reason"]) for e in b)
print(" ".join(e["backend"] for e in b))'
	atf_check -o match:'^firecracker +90 \(fortress\) +no ' "$ctl" backends
	atf_check -o not-match:"$(printf '\033')" "$ctl" backends
}

atf_test_case score
score_body() {
	for line in 'process minimal 55' 'process basic 60' 'process strict 65' \
	    'GVisor strict 85' 'firecracker strict 100' 'noop minimal 5' 'syagnos strict 95'; do
		# shellcheck disable=SC2086
		set -- $line
		atf_check -o match:"^$3 \(" "$ctl" score --backend "$1" --policy "$2"
	done
	atf_check -o match:'^90 ' "$ctl" score --backend gvisor --inner process --policy basic
	atf_check -s exit:64 -e inline:'kavachctl: score: unknown backend: X (see: kavachctl help score)\n' \
	    "$ctl" score --backend X
	atf_check -o save:out "$ctl" score --json
	atf_check -o ignore python3 -m json.tool out
	atf_check -o save:out "$ctl" score --backend gvisor --inner process --policy basic
	atf_check -o match:'^backend: +gvisor' -o match:'^inner: +process' \
	    -o match:'^merged: .*seccomp = strict; network = off; read_only_root = yes' cat out
	atf_check -s exit:69 -e match:'only process can run inside another backend' \
	    "$ctl" score --backend process --inner oci
	atf_check -s exit:69 -e match:'firecracker cannot run another backend inside' \
	    "$ctl" score --backend firecracker --inner process
}

atf_test_case policies
policies_head() { atf_set require.user root; atf_set require.progs "unshare python3"; }
policies_body() {
	private <<-'EOT' || atf_fail "see above"
	k=/etc/kavach/kavach.conf
	printf '[policy tree]\nbase = basic\nrootfs = /srv/root\n' > $k
	printf '[policy picture]\nbase = tree\nimage = a.b\nbackend = process\n' >> $k
	printf '[policy odd]\ninner_backend = oci\n' >> $k
	printf '[rule r]\nuser = daemon\npolicy = tree\n' >> $k
	# Sound, but not without a word.
	ends 0 "$ctl" check > out 2> err
	must grep -q sound out
	must test "$(wc -l < err)" = 1
	must grep -q 'warning: .*: policy odd: .*: only process can run inside' err
	ends 0 "$ctl" check --json $k > out
	must python3 -c 'import json
	(one,) = json.load(open("out"))
	assert one["sound"] is True and one["reason"] is None
	assert [w["policy"] for w in one["warnings"]] == ["odd"]'
	# A credential whose source is missing, or open to others: the first to notice would be a user.
	mkdir -m 700 /etc/kavach/credentials.d /etc/kavach/secrets
	(umask 077
	echo secret > /etc/kavach/secrets/key
	printf '[credential file]\nfile = /etc/kavach/secrets/key\nas_file = key\n' > /etc/kavach/credentials.d/c.conf
	printf '[credential run]\ncommand = "/bin/true"\nvariable = TOKEN\n' >> /etc/kavach/credentials.d/c.conf)
	ends 0 "$ctl" check > out 2> err
	must test "$(grep -c credential err)" = 0
	chmod 644 /etc/kavach/secrets/key
	sed -i s,/bin/true,/bin/gone, /etc/kavach/credentials.d/c.conf
	ends 0 "$ctl" check > out 2> err
	must grep -q 'warning: .*c.conf:1: credential file: .*/etc/kavach/secrets/key: open to others' err
	must grep -q 'warning: .*c.conf:4: credential run: .*/bin/gone: No such file' err
	must test "$(grep -c secret$ out)" = 0
	rm -r /etc/kavach/credentials.d /etc/kavach/secrets
	# A name that nobody has, a backend that is not built, a rule for all.
	printf '[kavach]\nexempt_groups = root, r00t\n[policy far]\nbackend = firecracker\n' > $k
	printf '[rule r]\nuser = daemon, daemn, d*\npolicy = far\n[rule s]\ngroup = r00t\npolicy = far\n' >> $k
	printf '[rule all]\nservice = sshd\npolicy = far\n' >> $k
	ends 0 "$ctl" check > out 2> err
	must grep -q 'policy far: .*: backend firecracker: not part of' err
	must grep -q 'kavach.conf: key exempt_groups: this host has no group r00t' err
	must grep -q 'kavach.conf:5: rule r: this host has no user daemn$' err
	must grep -q 'kavach.conf:8: rule s: this host has no group r00t' err
	must grep -q 'kavach.conf:11: rule all: it names no user and no group' err
	must test "$(wc -l < err)" = 5
	printf '[policy tree]\nbase = basic\nrootfs = /srv/root\n' > $k
	printf '[policy picture]\nbase = tree\nimage = a.b\nbackend = process\n' >> $k
	ends 0 "$ctl" score --policy picture > out
	must grep -q '^not usable: *backend process cannot give .*(image = a.b)' out
	ends 0 "$ctl" score --policy tree --backend process > out
	must grep -q 'cannot give .*(rootfs = /srv/root)' out
	ends 0 "$ctl" score --policy basic --backend process > out
	never grep -q 'not usable' out
	ends 0 "$ctl" score --json --policy picture > out
	must python3 -c 'import json
	score = json.load(open("out"))
	keys = score["effective"]
	assert [keys[k] for k in ("rootfs", "image", "image_tier")] == ["host", "a.b", "minimal"]
	assert score["available"] is False and "image = a.b" in score["reason"]'
	printf '[policy p]\nrootfs = /a\nimage = b\n' > $k
	ends 1 "$ctl" check 2> err
	must grep -q 'kavach.conf:3: image: expected without rootfs = /a' err
	EOT
}

atf_test_case write_error
write_error_body() {
	atf_check -s exit:71 -e match:'standard output' sh -c "'$ctl' backends > /dev/full"
}

atf_test_case check_and_explain
check_and_explain_head() { atf_set require.user root; atf_set require.progs unshare; }
check_and_explain_body() {
	private <<-'EOT' || atf_fail "see above"
	printf '[policy p]\nbase = strict\n[rule r]\nuser = daemon\npolicy = p\n' > /etc/kavach/kavach.conf
	ends 0 "$ctl" check
	ends 1 "$ctl" explain --user daemon > out
	must grep -q 'kavach.conf:3' out
	must grep -q 'kavachctl enroll daemon' out
	ends 0 "$ctl" explain --user daemon --service cron > out
	must grep -q 'verdict: *confine' out
	# What is absent is one line; JSON has each with its reason.
	must test "$(grep -c firecracker out)" = 1
	must grep -q '^Not on this host .*firecracker, wasm' out
	never grep -q 'not part of this version' out
	ends 0 "$ctl" explain --user daemon --service cron --json > out
	must python3 -c 'import json
d = json.load(open("out"))
assert len(d["backends"]) == 10 and d["effective"]["rootfs"] == "host"
assert [b["backend"] for b in d["backends"] if "not part of this" in (b["reason"] or "")]'
	printf 'rootfs = /srv\n[rule r]\nuser = daemon\npolicy = p\n' > tail
	{ printf '[policy p]\nbackend = process\n'; cat tail; } > /etc/kavach/kavach.conf
	ends 1 "$ctl" explain --user daemon --service cron > out
	must grep -q 'backend process cannot give a session a root of its own (rootfs = /srv)' out
	printf '[policy p]\nbackend = process\n[rule r]\nuser = daemon\npolicy = p\n' \
	    > /etc/kavach/kavach.conf
	ends 0 "$ctl" explain --user daemon --service cron > out
	ends 0 "$ctl" explain --user root --json > out
	must python3 -c 'import json; assert json.load(open("out"))["verdict"] == "pass"'
	ends 1 "$ctl" explain --user daemon --from "$(printf 'a\033[2J\377')" > out
	never grep -q "$(printf '\033')" out
	must grep -q 'a.x1b' out
	ends 1 "$ctl" explain --user daemon --json --from "$(printf 'a\033\377')" > out
	must python3 -m json.tool out /dev/null
	ends 1 "$ctl" explain --user there-is-none 2> /dev/null
	printf '[policy p]\nbase = strict\nnonsense = 1\n' > /etc/kavach/kavach.conf
	ends 1 "$ctl" check 2> err
	must grep -q 'kavach.conf:3' err
	ends 78 "$ctl" explain --user daemon > out
	ends 78 "$ctl" run -- true 2> /dev/null
	EOT
}

atf_test_case enroll
enroll_head() { atf_set require.user root; atf_set require.progs "unshare usermod"; }
enroll_body() {
	case $wrapper in /usr/*) ;; *) atf_skip "the build's prefix is not /usr" ;; esac
	private <<-'EOT' || atf_fail "see above"
	shell() { awk -F: -v u="$1" '$1 == u { print $7 }' /etc/passwd; }
	printf '[policy p]\nbase = strict\n[rule r]\nuser = daemon\npolicy = p\n' > /etc/kavach/kavach.conf
	rm -f "$wrapper"
	old=$(shell daemon)
	ends 69 "$ctl" enroll daemon 2> /dev/null
	must test "$(shell daemon)" = "$old"
	printf '#!/bin/sh\n' > "$wrapper"
	chmod 755 "$wrapper"
	echo "$wrapper" >> /etc/shells
	ends 0 "$ctl" enroll daemon > out 2> err
	never grep -q 'no rule matches' err
	must test "$(shell daemon)" = "$wrapper"
	never grep -qx "$wrapper" /etc/shells
	must grep -qx /bin/bash /etc/shells
	must test "$(stat -c %a:%u /var/lib/kavach/shells/daemon)" = 600:0
	ends 0 "$ctl" enroll daemon > out
	must grep -q already out
	must test "$(cat /var/lib/kavach/shells/daemon)" = "$old"
	ends 0 "$ctl" enroll bin > out 2> err
	must grep -q 'no rule matches' err
	for user in root there-is-none ../x; do
		ends 1 "$ctl" enroll "$user" 2> /dev/null
	done
	ends 0 "$ctl" unenroll daemon > out 2> err
	must test "$(shell daemon)" = "$old"
	never test -e /var/lib/kavach/shells/daemon
	ends 0 "$ctl" unenroll daemon > out
	EOT
}

atf_test_case root_only
root_only_head() { atf_set require.user root; atf_set require.progs "unshare setpriv"; }
root_only_body() {
	private <<-'EOT' || atf_fail "see above"
	# Where nobody can reach it.
	mount --bind "$ctl" /usr/bin/false
	for words in sessions 'show a' 'kill a' 'pause a' 'resume a' reap 'enroll a' 'unenroll a'; do
		ends 77 setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/false $words 2> err
		must grep -q 'only root' err
	done
	ends 0 "$ctl" sessions > out
	must grep -q 'no sessions' out
	ends 1 "$ctl" show abc 2> err
	ends 1 "$ctl" kill abc 2> err
	must grep -q 'no such session' err
	EOT
}

atf_init_test_cases() {
	for name in usage backends score policies write_error check_and_explain enroll root_only; do
		atf_add_test_case "$name"
	done
}

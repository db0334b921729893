# shellcheck shell=bash
# Installing, enrolling and taking away, as an administrator does it.

# CASE make_install timeout=300: make install puts all in place with its rights; make uninstall takes it away again
case_make_install() {
	[ -n "${KV_BUILD:-}" ] || skip "no build folder"
	KV_STAGE='' host_install
	local file
	for file in /usr/sbin/kavach-session /usr/sbin/kavachctl /usr/share/pam-configs/kavach /usr/lib/tmpfiles.d/kavach.conf \
	    /etc/kavach/kavach.conf /usr/share/man/man8/kavach-session.8 /usr/share/man/man5/kavach.conf.5 /usr/share/man/man8/pam_kavach.8; do
		[ -e "$file" ] || fail "$file is not there"
		[ -z "$(find "$file" -perm /6022)" ] || fail "$file: mode $(stat -c %a "$file")"
	done
	getcap /usr/sbin/kavach-session | grep -q '=ei$' || fail "capabilities: $(getcap /usr/sbin/kavach-session)"
	[ "$(getcap /usr/sbin/kavach-session | tr ',' '\n' | wc -l)" -le 5 ] || fail "more than five capabilities"
	grep -q '^' /etc/kavach/kavach.conf
	kavachctl check || fail "the installed policy is not sound"
	# What the administrator has edited stays.
	echo '# edited' >> /etc/kavach/kavach.conf
	KV_STAGE='' host_install
	grep -q '^# edited' /etc/kavach/kavach.conf || fail "an edited policy was overwritten"
	make -s -C "$KV_BUILD" uninstall > /tmp/uninstall.log 2>&1 || fail "make uninstall: $(tail -n 3 /tmp/uninstall.log)"
	for file in /usr/sbin/kavach-session /usr/sbin/kavachctl /usr/share/pam-configs/kavach /usr/share/man/man8/kavach-session.8; do
		[ ! -e "$file" ] || fail "$file is left"
	done
	[ -z "$(find /usr/lib -name 'pam_kavach*')" ] || fail "$(find /usr/lib -name 'pam_kavach*')"
	[ -e /etc/kavach/kavach.conf ] || fail "the policy was removed"
	for file in /usr/share/kavach /usr/libexec/kavach; do
		[ ! -e "$file" ] || fail "$file is left: $(find "$file")"
	done
}

# CASE enroll: kavachctl enroll makes a login confined, unenroll makes it as before
case_enroll() {
	[ -z "${KV_BASELINE:-}" ] || skip "only the bare shell is here"
	host_up
	host_unconfine ann
	ssh ann@kv true 2>/dev/null && fail "a shell that is not the wrapper is let in"
	kavachctl enroll ann || fail "enroll"
	ssh ann@kv 'grep -q "NoNewPrivs:.1" /proc/self/status' || fail "not confined"
	kavachctl unenroll ann || fail "unenroll"
	eq "shell" /bin/bash "$(getent passwd ann | cut -d: -f7)"
	kavachctl unenroll ann | grep -q 'not enrolled' || fail "a second unenroll does not say so"
	must_be_clean
}

# CASE pam_auth_update: Debian's pam-auth-update enables and removes the module
case_pam_auth_update() {
	[ -z "${KV_BASELINE:-}" ] || skip "only the bare shell is here"
	host_up
	host_pam off
	DEBIAN_FRONTEND=noninteractive pam-auth-update --enable kavach || fail "pam-auth-update"
	grep -q pam_kavach.so /etc/pam.d/common-account || fail "not in common-account"
	grep -q pam_kavach.so /etc/pam.d/common-session || fail "not in common-session"
	ssh ann@kv 'grep -q "NoNewPrivs:.1" /proc/self/status' || fail "not confined"
	must_be_clean
	DEBIAN_FRONTEND=noninteractive pam-auth-update --remove kavach
	! grep -q pam_kavach.so /etc/pam.d/common-* || fail "still there"
}

# CASE setuid_build: what --enable-setuid installs (the same program, another mode) confines and refuses alike, and needs no PAM
case_setuid_build() {
	needs_kavach
	host_up
	setcap -r "$HOST_SHELL"
	chmod 4755 "$HOST_SHELL"
	confined() { grep -q '^CapEff:.0000000000000000' /tmp/out && grep -q '^NoNewPrivs:.1' /tmp/out && grep -q '^Seccomp:.2' /tmp/out; }
	ssh ann@kv 'cat /proc/self/status' > /tmp/out || fail "ssh: $?"
	confined || fail "over ssh: $(cat /tmp/out)"
	runuser -u ann -- "$HOST_SHELL" -c 'echo started' > /tmp/out 2>&1 && fail "without a session: $(cat /tmp/out)"
	sed -i 's/^exempt_groups.*/&\nrequire_pam = no/' /etc/kavach/kavach.conf
	host_pam off
	runuser -u ann -- "$HOST_SHELL" -c 'cat /proc/self/status; exit 5' > /tmp/out
	[ $? = 5 ] || fail "without PAM: $(cat /tmp/out)"
	confined || fail "without PAM: $(cat /tmp/out)"
	runuser -u ann -- setpriv --no-new-privs "$HOST_SHELL" -c 'echo started' > /tmp/out 2>&1 && fail "no_new_privs: $(cat /tmp/out)"
	runuser -u ann -- setpriv --no-new-privs "$HOST_SHELL" -c 'echo started' 2> /dev/null | grep started && fail "no_new_privs: a shell"
	must_be_clean
}

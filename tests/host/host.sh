# shellcheck shell=bash
# tests/host/host.sh: what a script does inside a throwaway host (tests/host/enter):
# users, sshd, policy, installing kavach, logging in, reading the audit log.
# For bash, sourced. Everything here is at the real paths: the host is a copy.

# shellcheck disable=SC2034 # for those who source this
HOST_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
HOST_LOG=/var/log/auth.log
HOST_SHELL=${KV_SBINDIR:-/usr/sbin}/kavach-session
HOST_PORT=22

fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
# The part cannot run here: a skip, which is a failure where it must work.
skip() { printf 'SKIP: %s\n' "$*" >&2; exit 77; }
# For what has nothing to compare with the bare shell.
needs_kavach() { [ -z "${KV_BASELINE:-}" ] || skip "only the bare shell is here"; }
note() { printf '   %s\n' "$*" >&2; }

# eq WHAT EXPECTED ACTUAL
eq() {
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# Puts the built kavach in place: from KV_STAGE (a `make install DESTDIR=`, with
# its file capabilities), or by `make install` in KV_BUILD.
host_install() {
	if [ -n "${KV_STAGE:-}" ]; then
		cp -a --no-preserve=ownership "$KV_STAGE/." / || fail "cannot copy $KV_STAGE"
	elif [ -n "${KV_BUILD:-}" ]; then
		make -s -C "$KV_BUILD" install > /tmp/install.log 2>&1 ||
			{ cat /tmp/install.log >&2; fail "make install"; }
	else
		fail "neither KV_STAGE nor KV_BUILD is set"
	fi
	# Tests begin with a stock sshd_config; those of the shipped one put it back.
	mv /etc/ssh/sshd_config.d/kavach.conf /etc/ssh/sshd_config.kavach 2>/dev/null
}

host_sshd_start() {
	"$(command -v sshd)" -D -E /var/log/sshd.log -p "$HOST_PORT" &
	HOST_SSHD=$!
	for _ in {1..100}; do
		[ ! -s /run/sshd.pid ] || return 0
		sleep 0.02
	done
	cat /var/log/sshd.log >&2
	fail "sshd did not start"
}

host_sshd_stop() {
	kill "$HOST_SSHD"
	wait "$HOST_SSHD" 2>/dev/null
	rm -f /run/sshd.pid
}

# host_user NAME [useradd option...]: an account that root's key opens, with bash.
host_user() {
	local name=$1
	shift
	useradd -m -s /bin/bash "$@" "$name" || fail "useradd $name"
	# Any password: the account is not locked, and none opens it.
	usermod -p '*' "$name"
	host_home "$name"
}

# host_home NAME: the home as useradd made it, with the key and without greetings.
host_home() {
	local home
	home=$(getent passwd "$1" | cut -d: -f6)
	find "$home" -mindepth 1 -delete
	cp -r /etc/skel/. "$home"
	mkdir -p /root/.ssh "$home/.ssh"
	chmod 700 /root/.ssh "$home/.ssh"
	[ -e /root/.ssh/id_ed25519 ] || {
		ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
		printf '127.0.0.1 %s\n' "$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)" > /root/.ssh/known_hosts
		printf 'Host *\n\tHostName 127.0.0.1\n\tPort %s\n\tBatchMode yes\n\tLogLevel ERROR\n' \
		    "$HOST_PORT" > /root/.ssh/config
	}
	cp /root/.ssh/id_ed25519.pub "$home/.ssh/authorized_keys"
	: > "$home/.hushlogin"
	chmod 700 "$home"
	chown -R "$1:" "$home"
}

# host_policy < TEXT: the policy file.
host_policy() {
	mkdir -p /etc/kavach
	chmod 755 /etc/kavach
	rm -rf /etc/kavach/conf.d
	cat > /etc/kavach/kavach.conf
	chmod 644 /etc/kavach/kavach.conf
}

HOST_SERVICES='sshd login su su-l cron'

# host_pam on [ARGUMENT...] | off: kavach in the PAM services.
host_pam() {
	local service on=$1
	shift
	for service in $HOST_SERVICES; do
		[ -e "/etc/pam.d/$service" ] || continue
		sed -i '/pam_kavach\.so/d' "/etc/pam.d/$service"
		if [ "$on" = on ]; then
			printf '%s\tpam_kavach.so %s\n' "auth	optional" "$*" "account	required" "$*" \
			    "session	required" "$*" >> "/etc/pam.d/$service"
		fi
	done
}

# host_stage1 PID USER COMMAND: see tests/host/stage1.c.
host_stage1() {
	[ -x "${KV_BUILD:-}/tests/host/stage1" ] || skip "tests/host/stage1 is not built"
	"$KV_BUILD/tests/host/stage1" "$@"
}

# host_confine USER | host_unconfine USER: the account's login shell.
host_confine() { usermod -s "$HOST_SHELL" "$1"; }
host_unconfine() { usermod -s /bin/bash "$1"; }

# KV_BACKEND   the backend that the policies of host_policy_for name: crun, runc (both are `oci`), gvisor, syagnos;
#              process: none is named, and no runtime is on this host
host_backend() {
	case ${KV_BACKEND:-} in
	crun|runc) echo oci ;;
	syagnos) echo sy-agnos ;;
	*) echo "${KV_BACKEND:-process}" ;;
	esac
}

# host_runtime: of the runtimes of KV_BACKEND only that one is left on this host.
host_runtime() {
	local name program
	case ${KV_BACKEND:-} in
	process) rm -f /usr/bin/crun /usr/bin/runc /usr/sbin/runc /usr/bin/runsc /usr/bin/podman; return 0 ;;
	crun) name=crun; rm -f /usr/bin/runc /usr/sbin/runc ;;
	runc) name=runc; rm -f /usr/bin/crun ;;
	gvisor) name=runsc ;;
	syagnos) name=podman ;;
	*) return 0 ;;
	esac
	program=$(command -v "$name") || skip "$name is not installed"
	note "$program"
}

# host_up [USER]: the usual host. kavach installed, a user under a policy
# that confines that user with all layers and an open network switch, sshd running.
host_up() {
	local user=${1:-ann}
	host_user "$user"
	host_sshd_start
	[ -z "${KV_BASELINE:-}" ] || return 0
	host_runtime
	host_install
	host_policy_for "$user"
	host_pam on
	host_confine "$user"
}

# host_policy_for USER [LINE...]: that user under `strict`, plus these lines.
host_policy_for() {
	local user=$1
	shift
	{
		printf '[kavach]\nexempt_groups = root\n\n[policy test]\nbase = strict\n'
		[[ ${KV_BACKEND:-process} = process || $* =~ (^| )backend\ = ]] || printf 'backend = %s\n' "$(host_backend)"
		[ $# -eq 0 ] || printf '%s\n' "$@"
		printf '\n[rule test]\nuser = %s\npolicy = test\n' "$user"
	} | host_policy
}

# The host as it would be without kavach, and back.
host_bare() { host_pam off; host_unconfine "${1:-ann}"; }
host_kavach() {
	[ -z "${KV_BASELINE:-}" ] || return 0
	host_pam on
	host_confine "${1:-ann}"
}

# differs "BACKEND..." WHY SED-SCRIPT: what those backends legitimately show otherwise than the bare shell, in
# the case that is about to call twin: the script makes both the same. Others are compared as they are.
HOST_DIFFERS=
differs() {
	case " $1 " in *" ${KV_BACKEND:-process} "*) ;; *) return 0 ;; esac
	note "$KV_BACKEND: $2"
	HOST_DIFFERS=$3
}

# ran_on_backend: every session so far was opened on KV_BACKEND.
ran_on_backend() {
	local other
	[ -n "${KV_BACKEND:-}" ] && [ -z "${KV_BASELINE:-}" ] || return 0
	[ "$(count_records "event=session-open .* backend=$(host_backend) ")" -gt 0 ] || fail "no session was opened on $KV_BACKEND"
	other=$(records event=session-open | grep -v " backend=$(host_backend) ")
	[ -z "$other" ] || fail "not on $KV_BACKEND: $other"
}

# twin NAME FUNCTION: runs FUNCTION under the bare shell and confined, each in a
# fresh home; what it prints must be the same bytes.
twin() {
	local user=${HOST_USER:-ann} status
	host_bare "$user"
	host_home "$user"
	status=0
	"$2" > "/tmp/$1.bare" 2>&1 || status=$?
	echo "status $status" >> "/tmp/$1.bare"
	host_kavach "$user"
	host_home "$user"
	status=0
	"$2" > "/tmp/$1.kavach" 2>&1 || status=$?
	echo "status $status" >> "/tmp/$1.kavach"
	ran_on_backend
	[ -z "$HOST_DIFFERS" ] || sed -i -E "$HOST_DIFFERS" "/tmp/$1.bare" "/tmp/$1.kavach"
	cmp -s "/tmp/$1.bare" "/tmp/$1.kavach" || {
		echo "--- $1: bare shell, then confined (escaped)" >&2
		diff <(cat -v "/tmp/$1.bare") <(cat -v "/tmp/$1.kavach") | head -40 >&2
		fail "$1 differs from the bare shell"
	}
	! grep -q '^FAIL: ' "/tmp/$1.kavach" || { cat "/tmp/$1.kavach" >&2; exit 1; }
}

# What was sent to syslog before now is in the log, or soon: it is when the log stands still.
log_settles() {
	local size=-1 now
	for _ in {1..50}; do
		now=$(stat -c %s "$HOST_LOG" 2>/dev/null || echo 0)
		[ "$now" != "$size" ] || return 0
		size=$now
		sleep 0.1
	done
}

# records [PATTERN]: kavach's audit records, or those with PATTERN.
records() { log_settles; grep -a ' kavach\(\[[0-9]*\]\)\?: ' "$HOST_LOG" 2>/dev/null | grep -a -e "${1:-}"; }
count_records() { records "$1" | wc -l; }

# Everything of every session is gone: processes, mounts, cgroups, state.
nothing_left() {
	local user=${1:-ann} left
	left=$(pgrep -u "$user" -l; pgrep -x kavach-session -l)
	[ -z "$left" ] || { echo "processes: $left"; return 1; }
	left=$(grep -l '/run/kavach/self' /proc/[0-9]*/mountinfo 2>/dev/null)
	[ -z "$left" ] || { echo "mounts: $left"; return 1; }
	left=$(find /sys/fs/cgroup -mindepth 2 -type d -path '*kavach/*' 2>/dev/null)
	[ -z "$left" ] || { echo "cgroups: $left"; return 1; }
	left=$(find /run/kavach/sessions -mindepth 1 ! -name .lock 2>/dev/null)
	[ -z "$left" ] || { echo "state: $left"; return 1; }
}

# must_be_clean [USER]: within five seconds.
must_be_clean() {
	wait_for 5 nothing_left "${1:-ann}" || fail "left behind: $(nothing_left "${1:-ann}")"
}

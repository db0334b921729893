#!/bin/bash
# bench/inside.sh BENCH PROGRAMS ROUNDS PART: what bench/run does on the throwaway host.
# ann is confined under strict; bob comes in through an sshd without kavach.
set -eu
bench=$1 programs=$2 rounds=$3 part=$4
# shellcheck source=tests/host/host.sh
. "$bench/../tests/host/host.sh"

# sshd's PAM service is called as its program is.
cp "$(command -v sshd)" /usr/sbin/sshd-bare
cp /etc/pam.d/sshd /etc/pam.d/sshd-bare
host_up ann
# By itself it would be whatever this machine has that is stronger.
host_policy_for ann "backend = process"
host_user bob
sshd-bare() {
	/usr/sbin/sshd-bare -D -E /var/log/sshd-bare.log -p 23 -o PidFile=/run/sshd-bare.pid
}
sshd-bare &
wait_for 5 test -s /run/sshd-bare.pid
printf 'Host bare\n\tPort 23\n' | cat - /root/.ssh/config > /root/.ssh/config.new
sed 's/^127.0.0.1 /[127.0.0.1]:23 /' /root/.ssh/known_hosts > /root/.ssh/known_hosts.bare
cat /root/.ssh/known_hosts.bare >> /root/.ssh/known_hosts
mv /root/.ssh/config.new /root/.ssh/config
chmod 600 /root/.ssh/config

# firejail runs the command unconfined where it sees no thread of the kernel among the
# first pids: it believes that it is in a sandbox already. This host is a pid namespace.
echo 1 > /proc/sys/kernel/ns_last_pid
bash -c 'printf kthreadd > /proc/$$/comm; read -r _ < <(sleep infinity)' &
wait_for 2 grep -qx kthreadd /proc/2/comm

[ "$part" = containers ] || python3 "$bench/measure.py" "$programs" "$rounds"
python3 "$bench/containers.py" "$programs" "$rounds"

# shellcheck shell=bash
# Logins that are not ssh: su, login on a terminal, cron.

# CASE su: su -c and su - give what the bare shell gives
case_su() {
	host_up
	run() {
		su ann -c 'echo "a  b"; id -un; exit 7'
		echo "su -c: $?"
		su - ann -c 'pwd; echo "$0 $HOME"; exit 8' 2>&1
		echo "su - -c: $?"
		su ann -c 'kill -TERM $$' 2> /dev/null
		echo "killed: $?"
		echo 'echo piped; exit 9' | su - ann
		echo "su -: $?"
		printf '8\377bit' | su ann -c 'od -An -c'
	}
	twin su run
	must_be_clean
}

# CASE su_terminal: su - on a terminal, with job control
case_su_terminal() {
	host_up
	run() {
		"$HOST_DIR/terminal.py" 'e:\$ ' 's:PS1="P> "\n' 'e:P> $' 's:echo g''o; sleep 100\n' 'e:go\r' 'w:0.5' 's:\x03' 'e:P> $' 's:echo int=$?\n' \
		    'e:int=130' 'e:P> $' 's:exit 6\n' -- su - ann > /tmp/su.out
		local status=$?
		[ "$status" = 6 ] || cat -v /tmp/su.out
		echo "$status"
	}
	twin su_terminal run
	must_be_clean
}

# CASE relayed_terminal: a container's terminal is relayed: size, keys, stops; the caller's is put back each time
case_relayed_terminal() {
	[ -z "${KV_BASELINE:-}" ] || skip "only the bare shell is here"
	# shellcheck disable=SC2034 # host_up reads it
	local KV_BACKEND=crun stty
	host_up
	"$HOST_DIR/terminal.py" -s 24x80 'm:start' 'e:\$ ' 'm:raw' 's:PS1="P> "\n' 'e:P> $' 's:stty size\n' 'e:24 80' 'r:30x90' 'w:0.3' \
	    's:stty size\n' 'e:30 90' 's:echo g''o; sleep 100\n' 'e:go\r' 'w:0.5' 's:\x03' 'e:P> $' 's:exit 6\n' 'e:left 6' 'm:start' 's:\n' -- \
	    sh -c 'su - ann; echo left $?; read x' > /tmp/relayed.out
	eq "su -" 0 $?
	"$HOST_DIR/terminal.py" 'e:on' 'm:raw' 's:\r' 'e:left 143' 'm:start' 's:\n' -- \
	    sh -c 'su ann -c "echo on; read x; kill -TERM \$\$"; echo left $?; read x' >> /tmp/relayed.out
	eq "killed command" 0 $?
	"$HOST_DIR/terminal.py" 'e:[#$] ' 's:PS1="S> "\n' 'e:S> $' 's:su ann --session-command "kill -STOP \\$\\$; echo back; read x; exit 3"\n' \
	    'e:Stopped' 'e:S> $' 's:fg\n' 'e:back\r' 'm:raw' 's:\r' 'e:S> $' 's:echo st=$?\n' 'e:st=3' 'e:S> $' 's:exit 4\n' -- \
	    bash --norc -i >> /tmp/relayed.out
	eq "stopped job" 4 $?
	# The other end of ssh: the pty that sshd made.
	stty='stty -F /proc/$(pgrep -n -x kavach-session)/fd/0'
	"$HOST_DIR/terminal.py" -s 24x80 'e:\$ ' "x:$stty -a | grep -qw -e -icanon" "x:[ \"\$($stty size)\" = '24 80' ]" 'r:30x90' \
	    "x:[ \"\$($stty size)\" = '30 90' ]" 's:stty size\n' 'e:30 90' 's:exit 5\n' -- ssh -tt ann@kv >> /tmp/relayed.out
	eq "ssh" 5 $?
	# What is no terminal is not relayed.
	eq "output elsewhere" "a b" "$("$HOST_DIR/terminal.py" 'w:1' -- sh -c "su ann -c 'printf \"a\nb\n\"' > /tmp/elsewhere"; od -An -c /tmp/elsewhere |
	    tr -d ' ' | sed 's/\\n/ /; s/\\n//')"
	host_policy_for ann 'backend = process'
	"$HOST_DIR/terminal.py" 'e:on' 'm:start' 's:\n' -- su ann -c 'echo on; read x' > /dev/null
	eq "not relayed: not raw" 0 $?
	must_be_clean
}

# CASE login: login on a terminal
case_login() {
	host_up
	run() {
		"$HOST_DIR/terminal.py" 'e:\$ ' 's:PS1=\n' 'w:0.3' 's:echo "$0 $(id -un) $(pwd)"; tty > /dev/null && echo is-a-tty\n' \
		    'e:is-a-tty' 's:exit\n' -- login -f ann > /tmp/login.out
		echo "$?"
		# Not by line: a slow shell leaves its first prompt in front.
		grep -a -o -e '-bash ann /home/ann' /tmp/login.out
	}
	twin login run
	must_be_clean
}

# CASE cron timeout=180: a job of a confined user's crontab runs as that of a free user does
case_cron() {
	host_up
	host_user bob
	local pid user
	for user in ann bob; do
		printf '* * * * * echo "$(pwd) $HOME $LOGNAME" | sed "s/$(id -un)/USER/g; s/[0-9][0-9]*/N/" > out; exit 3\n' | crontab -u "$user" -
	done
	# Cron compares whole seconds: what is installed in the second of its start may never be read.
	cron -f &
	pid=$!
	wait_for 70 test -s /home/bob/out || fail "the free user's job did not run"
	wait_for 5 test -s /home/ann/out || fail "the confined user's job did not run"
	cmp /home/bob/out /home/ann/out || fail "the jobs differ: $(cat /home/bob/out /home/ann/out)"
	kill "$pid"
	wait "$pid"
	must_be_clean
}

# shellcheck shell=bash
# What a user of a confined account gets is what the bare shell gives, byte for
# byte: exit statuses, signals, data, terminals, and the programs that log in.
# twin (tests/host/host.sh) runs each function in both and compares.

# CASE exit_status: exit statuses 0 to 255 arrive
case_exit_status() {
	host_up
	run() {
		local n
		for n in 0 1 2 7 63 64 77 78 124 126 127 128 129 130 137 143 200 254 255; do
			ssh ann@kv "exit $n"
			echo "$n: $?"
		done
		ssh ann@kv 'no-such-command'
		echo "missing: $?"
		ssh ann@kv '/etc/passwd'
		echo "not executable: $?"
	}
	twin exit_status run
	must_be_clean
}

# CASE signals: death by a signal arrives as one
case_signals() {
	host_up
	run() {
		local s
		for s in HUP INT QUIT KILL TERM USR1 SEGV ABRT PIPE ALRM; do
			# exec: without it a shell reports the signal of its child by a number.
			ssh ann@kv "exec sh -c 'kill -$s \$\$'"
			echo "$s: $?"
			ssh -v ann@kv "exec sh -c 'kill -$s \$\$'" 2>&1 | grep -a -o 'rtype exit-.*'
			ssh ann@kv "sh -c 'kill -$s \$\$'; exit \$?" 2>&1 | sed 's/line 1: *[0-9]*/line 1: PID/'
			echo "$s reported by a shell: ${PIPESTATUS[0]}"
		done
	}
	twin signals run
	must_be_clean
}

# CASE quoting: quotes, newlines and 8-bit bytes in a command arrive untouched
case_quoting() {
	host_up
	run() {
		ssh ann@kv "printf '%s|' 'a  b' \"c'd\" e\\\\f 'g\$h' '*'"
		ssh ann@kv 'echo one
echo two
  printf "%s\n" "three
four"'
		ssh ann@kv "$(printf 'printf "%%s" "\303\244\377\001\033[31m"')" | od -An -c
		ssh ann@kv 'cat <<X
here $((1 + 2)) `echo sub`
X'
		ssh ann@kv '  leading 2>&1; echo "trailing "  '
		ssh ann@kv '--version'
		echo "$?"
		ssh ann@kv '-c'
		echo "$?"
		ssh ann@kv "echo backslash-newline \\
joined"
		# shellcheck disable=SC1003 # the backslash is meant
		ssh ann@kv 'echo trailing \'
		ssh ann@kv '#comment'
		echo "$?"
		ssh ann@kv ''  < /dev/null
		echo "$?"
	}
	twin quoting run
	must_be_clean
}

# CASE long_command: a command of 100 kB arrives whole
case_long_command() {
	host_up
	run() {
		local text
		text=$(head -c 75000 /dev/zero | tr '\0' x; seq -s, 1 5000)
		printf '%s' "$text" | sha256sum
		ssh ann@kv "printf %s '$text' | sha256sum"
		echo "$?"
	}
	twin long_command run
	[ "$(sort /tmp/long_command.kavach | uniq | wc -l)" -le 3 ] || fail "the bytes differ"
	must_be_clean
}

# CASE streams: stdout and stderr stay apart, stdin arrives, closes and may be absent
case_streams() {
	host_up
	run() {
		ssh ann@kv 'echo out; echo err >&2' 2> /tmp/err
		echo "stderr: $(cat /tmp/err)"
		printf 'in\0put\377' | ssh ann@kv 'od -An -c'
		ssh -n ann@kv 'cat; echo end'
		ssh ann@kv 'cat; echo end' <&-
		ssh ann@kv 'cat; echo end' < /dev/null
		ssh ann@kv 'exec >&-; exec 2>&-; sleep 0.2; exit 4'
		echo "closed: $?"
		ssh ann@kv 'exec 0<&-; echo reads nothing; exit 5'
		echo "$?"
		seq 100000 | ssh ann@kv 'head -n 1; exit 6'
		echo "stopped reading: $?"
		ssh ann@kv 'seq 1 100000' | head -n 1
		ssh ann@kv 'for f in 0 1 2; do [ -t $f ] && echo "tty $f"; done; tty'
		echo 'echo piped $((6 * 7)); exit 9' | ssh -T ann@kv
		echo "piped shell: $?"
	}
	twin streams run
	must_be_clean
}

# CASE background: what a command leaves in the background writes on, as with the bare shell
case_background() {
	host_up
	run() {
		ssh ann@kv '(sleep 1; echo late)& echo first'
		echo "$?"
		ssh ann@kv 'sleep 1000 > /dev/null 2>&1 < /dev/null & echo away; exit 3'
		echo "$?"
	}
	twin background run
	# The bare shell's stays; that of the session dies with it.
	pkill -u ann -x sleep
	must_be_clean
}

# CASE environment: the variables of a login are those of the bare shell
case_environment() {
	host_up
	run() {
		ssh ann@kv 'echo "$HOME $USER $LOGNAME $PATH $MAIL $LANG"; pwd; umask; id; ulimit -c'
		ssh ann@kv 'set -- $SSH_CONNECTION; echo "$1 $3 $4"; set -- $SSH_CLIENT; echo "$1 $3"'
		# From outside: a policy may keep its user from writing these.
		echo 'export FROM_PROFILE=yes' >> /home/ann/.profile
		echo 'FROM_RC=yes' > /home/ann/.bashrc
		ssh ann@kv 'echo "profile=$FROM_PROFILE rc=$FROM_RC"'
		echo 'echo "profile=$FROM_PROFILE $0"' | ssh -T ann@kv
	}
	twin environment run
	must_be_clean
}

# CASE terminal: ssh -tt gives a terminal that works, and the shell is a login shell
case_terminal() {
	host_up
	# The prompt and the names of terminals are the shell's; what is asked is what counts.
	run() {
		local out
		out=$("$HOST_DIR/terminal.py" -s 24x80 \
		    'e:\$ ' 's:PS1=\n' 'w:0.3' 's:stty size; tty > /dev/null && echo is-a-tty; echo $0; echo "TERM=$TERM"\n' \
		    'e:TERM=xterm' 's:exit 3\n' -- ssh -tt ann@kv)
		echo "status $?"
		# Not by line: a slow shell leaves its first prompt in front.
		printf '%s\n' "$out" | tr -d '\r' | grep -a -o -E '24 80|[^ ]?-bash|TERM=xterm.*'
		ssh -tt ann@kv 'stty -a | head -n 1 | cut -d";" -f4-; tty > /dev/null && echo tty; exit 11' < /dev/null 2>&1
		echo "status $?"
	}
	differs gvisor "a terminal of the host works, and has no name inside: tty(1) fails" '/^tty\r?$/d'
	twin terminal run
	must_be_clean
}

# CASE resize: a resized window reaches the program on the terminal
case_resize() {
	host_up
	run() {
		"$HOST_DIR/terminal.py" -s 24x80 'e:\$ ' 's:PS1=; trap "echo winch" WINCH\n' 'w:0.3' 's:stty size\n' 'e:24 80' \
		    'r:40x132' 'w:0.3' 's:stty size\n' 'e:40 132' 's:exit\n' -- ssh -tt ann@kv > /tmp/resize.out
		echo "shell $?"
		grep -c winch /tmp/resize.out | sed 's/^[1-9].*/some/'
		"$HOST_DIR/terminal.py" -s 24x80 'e:ready' 'r:50x100' 'e:got 50 100' -- \
		    ssh -tt ann@kv 'trap "echo got \$(stty size); exit 6" WINCH; echo ready; while :; do sleep 0.1; done' > /tmp/resize.out
		echo "command $?"
	}
	twin resize run
	must_be_clean
}

# CASE job_control: Ctrl-C, Ctrl-Z, fg, bg and Ctrl-\ behave
case_job_control() {
	host_up
	run() {
		"$HOST_DIR/terminal.py" 'e:\$ ' 's:PS1="P> "\n' 'e:P> $' \
		    's:echo g''o; sleep 100\n' 'e:go\r' 'w:0.5' 's:\x03' 'e:P> $' 's:echo int=$?\n' 'e:int=130' 'e:P> $' \
		    's:echo g''o; sleep 100\n' 'e:go\r' 'w:0.5' 's:\x1a' 'e:Stopped' 'e:P> $' 's:jobs\n' 'e:Stopped +sleep 100' 'e:P> $' \
		    's:bg\n' 'e:sleep 100 &' 'e:P> $' 's:jobs\n' 'e:Running +sleep 100' 'e:P> $' \
		    's:fg\n' 'e:sleep 100\r' 'w:0.3' 's:\x03' 'e:P> $' 's:echo fg=$?\n' 'e:fg=130' 'e:P> $' \
		    's:cat\n' 'w:0.3' 's:line\n' 'e:line\r\nline' 's:\x04' 'e:P> $' \
		    's:echo g''o; sleep 100\n' 'e:go\r' 'w:0.5' 's:\x1c' 'e:P> $' 's:echo quit=$?\n' 'e:quit=131' 'e:P> $' \
		    's:exit 5\n' -- ssh -tt ann@kv > /tmp/job.out
		local status=$?
		[ "$status" = 5 ] || tail -c 600 /tmp/job.out | cat -v
		echo "$status"
		# Ctrl-C at a command, not a shell.
		"$HOST_DIR/terminal.py" 'e:ready' 's:\x03' -- ssh -tt ann@kv 'echo ready; sleep 100' > /tmp/job.out
		echo "interrupted command: $?"
	}
	twin job_control run
	must_be_clean
}

# CASE hangup: when the connection is lost, the shell and its jobs get their end
case_hangup() {
	host_up
	"$HOST_DIR/terminal.py" 'e:\$ ' 's:sleep 1000 & sleep 1000\n' 'w:0.5' 'k:9' -- ssh -tt ann@kv > /dev/null
	eq "client killed" 137 $?
	if [ -n "${KV_BASELINE:-}" ]; then
		wait_for 5 eval '! pgrep -u ann -x bash' || fail "the bare shell stays"
		pkill -u ann -x sleep
	fi
	must_be_clean
}

# CASE full_screen: vim, top, less and tmux work on a terminal
case_full_screen() {
	host_up
	run() {
		"$HOST_DIR/terminal.py" -t 30 'e:\$ ' 's:vim -u NONE note.txt\n' 'e:note.txt' 's:ihello from vim\x1b:wq\n' 'e:\$ $' \
		    's:echo "[$(cat note.txt)]"\n' 'e:\[hello from vim\]' \
		    's:top -d 0.3\n' 'e:PID +USER' 'e:%Cpu' 's:q' 'e:\$ $' \
		    's:seq 500 | less\n' 'e:20\r\n' 's:G' 'e:500' 's:q' 'e:\$ $' \
		    's:tmux new-session -s t\n' 'e:\[t\]' 's:echo in-$((20+3))-tmux\n' 'e:in-23-tmux' 's:exit\n' 'e:exited' 'e:\$ $' \
		    's:exit 4\n' -- ssh -tt ann@kv > /tmp/screen.out
		local status=$?
		[ "$status" = 4 ] || tail -c 1500 /tmp/screen.out | cat -v
		echo "$status"
	}
	twin full_screen run
	must_be_clean
}

# CASE tmux_detach: a detached tmux lives while its connection does
case_tmux_detach() {
	host_up
	run() {
		ssh ann@kv 'tmux new-session -d -s one "sleep 100"; tmux ls | cut -d: -f1; tmux kill-server'
		echo "$?"
	}
	twin tmux_detach run
	must_be_clean
}

# CASE bulk: 100 MB arrive unchanged, both ways
case_bulk() {
	host_up
	head -c 104857600 /dev/urandom > /tmp/bulk
	run() {
		ssh ann@kv sha256sum < /tmp/bulk
		ssh ann@kv 'cat > bulk; sha256sum < bulk' < /tmp/bulk
		ssh ann@kv cat bulk | sha256sum
		ssh ann@kv cat < /tmp/bulk | sha256sum
	}
	twin bulk run
	eq "sums" 1 "$(grep -v status /tmp/bulk.kavach | sort -u | wc -l)"
	must_be_clean
}

# CASE channels: many commands at once over one connection
case_channels() {
	host_up
	run() {
		local n
		ssh -M -S /tmp/mux -o ControlPersist=yes ann@kv true
		for n in 1 2 3 4 5 6 7 8; do
			ssh -S /tmp/mux ann@kv "sleep 0.2; echo $n; exit $n" > "/tmp/mux.$n" &
			pids[n]=$!
		done
		for n in 1 2 3 4 5 6 7 8; do
			wait "${pids[n]}"
			echo "$? $(cat "/tmp/mux.$n")"
		done
		# What one channel leaves in the home and in /tmp the next one finds.
		ssh -S /tmp/mux ann@kv 'echo shared > /tmp/shared-by-channels'
		ssh -S /tmp/mux ann@kv 'cat /tmp/shared-by-channels; rm /tmp/shared-by-channels'
		ssh -S /tmp/mux -O exit ann@kv
	}
	twin channels run
	must_be_clean
}

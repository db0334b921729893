# shellcheck shell=bash
# The programs that move files over a login: scp, sftp, rsync, git.

# A tree with names and modes that are easily mangled.
make_tree() {
	mkdir -p /tmp/tree/sub
	printf 'one\n' > '/tmp/tree/with space'
	printf 'two\n' > "/tmp/tree/sub/$(printf '\303\244')"
	[ -e /tmp/tree/random ] || head -c 300000 /dev/urandom > /tmp/tree/random
	chmod 640 /tmp/tree/random
	: > /tmp/tree/empty
	ln -sfn random /tmp/tree/link
}

sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }

# CASE scp: scp over sftp and the old protocol, both ways
case_scp() {
	host_up
	make_tree
	run() {
		local how
		for how in -s -O; do
			rm -rf /tmp/back
			scp -q "$how" -r /tmp/tree ann@kv:up
			echo "$how up $?"
			ssh ann@kv 'cd up && find . -type f -exec sha256sum {} + | sort -k2; stat -c %a random'
			scp -q "$how" -r ann@kv:up /tmp/back
			echo "$how down $?"
			sums /tmp/back
			scp -q "$how" ann@kv:no-such-file /tmp/
			echo "$how missing $?"
			ssh ann@kv rm -rf up
		done
	}
	twin scp run
	must_be_clean
}

sftp_session() {
	printf '%s\n' 'mkdir d' 'cd d' 'put /tmp/tree/random r' 'put "/tmp/tree/with space"' 'chmod 600 r' \
	    'rename r q' 'ls -1' 'get q /tmp/got' 'ln -s q l' 'pwd' 'rm q' 'rm l' 'rm "with space"' 'cd ..' 'rmdir d' |
		sftp -q -b - ann@kv
	echo "sftp $?"
	sha256sum < /tmp/got
	echo 'get no-such-file' | sftp -q -b - ann@kv
	echo "missing $?"
}

# CASE sftp_external: sftp with the server as a program
case_sftp_external() {
	host_up
	make_tree
	twin sftp_external sftp_session
	must_be_clean
}

# CASE sftp_internal: sftp inside sshd (internal-sftp)
case_sftp_internal() {
	sed -i 's,^Subsystem.*,Subsystem sftp internal-sftp,' /etc/ssh/sshd_config
	host_up
	make_tree
	twin sftp_internal sftp_session
	must_be_clean
}

# CASE rsync: rsync both ways, with deletions and a second run that moves nothing
case_rsync() {
	host_up
	make_tree
	run() {
		make_tree
		rsync -a --delete /tmp/tree/ ann@kv:mirror/
		echo "up $?"
		rsync -a --delete --itemize-changes /tmp/tree/ ann@kv:mirror/ | wc -l
		rm -rf /tmp/back
		rsync -a ann@kv:mirror/ /tmp/back/
		echo "down $?"
		sums /tmp/back
		rm -f /tmp/tree/empty
		# Whether a folder's time differs too is a matter of the second.
		rsync -a --delete --itemize-changes /tmp/tree/ ann@kv:mirror/ | grep -v '^\.d'
		rsync -a ann@kv:no-such/ /tmp/back/ 2> /dev/null
		echo "missing $?"
	}
	twin rsync run
	must_be_clean
}

# CASE git: clone, push and fetch over ssh
case_git() {
	host_up
	git config --global user.name Ann
	git config --global user.email ann@example.org
	git config --global init.defaultBranch main
	export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
	run() {
		rm -rf /tmp/repo /tmp/clone
		ssh ann@kv 'git init -q --bare repo.git'
		git init -q /tmp/repo
		seq 20000 > /tmp/repo/file
		git -C /tmp/repo add file
		git -C /tmp/repo commit -q -m first
		git -C /tmp/repo push -q ann@kv:repo.git main
		echo "push $?"
		git clone -q ann@kv:repo.git /tmp/clone
		echo "clone $?"
		git -C /tmp/clone rev-parse HEAD
		echo more >> /tmp/repo/file
		git -C /tmp/repo commit -q -a -m second
		git -C /tmp/repo push -q ssh://ann@kv/home/ann/repo.git main
		git -C /tmp/clone pull -q
		echo "pull $?"
		git -C /tmp/clone log --format=%s
		git clone -q ann@kv:none.git /tmp/none 2> /dev/null
		echo "missing $?"
	}
	twin git run
	must_be_clean
}

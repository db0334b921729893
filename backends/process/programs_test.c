/* Real programs under `strict`, by layers_run. */
#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a script in an empty folder of its own under the profile. */
static void
run(const atf_tc_t *tc, const char *profile, const char *script)
{
	const char *build = getenv("KV_BUILD");
	char helper[4096], self[4096];
	int status;
	pid_t pid;

	(void)tc;
	if (build != NULL) {
		(void)snprintf(helper, sizeof(helper), "%s/backends/process/layers_run", build);
	} else {
		ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
		char *slash;

		ATF_REQUIRE(n > 0);
		self[n] = '\0';
		slash = strrchr(self, '/');
		ATF_REQUIRE(slash != NULL);
		*slash = '\0';
		if ((slash = strstr(self, "/.libs")) != NULL)
			*slash = '\0';
		(void)snprintf(helper, sizeof(helper), "%.4000s/layers_run", self);
	}
	pid = fork();
	ATF_REQUIRE(pid >= 0);
	if (pid == 0) {
		(void)setenv("HOME", ".", 1);
		(void)setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
		(void)setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
		(void)execl(helper, "layers_run", profile, "/bin/bash", "-euc", script, (char *)NULL);
		_exit(126);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %#x of: %s", (unsigned)status,
	    script);
}

#define PROGRAM(case_, progs, script) \
	ATF_TC(case_); \
	ATF_TC_HEAD(case_, tc) { atf_tc_set_md_var(tc, "require.progs", "/bin/bash " progs); } \
	ATF_TC_BODY(case_, tc) { run(tc, "strict", script); run(tc, "basic", "rm -rf ./* .git; " script); }

PROGRAM(bash, "", "x=$(echo a | tr a b); [ \"$x\" = b ]; (sleep 0.01 & wait); exec 3<>/dev/null; "
    "cat <(echo 1) > f; [ \"$(cat f)\" = 1 ]; ulimit -c 0; trap 'exit 0' TERM; kill -TERM $$; sleep 9; exit 1")
PROGRAM(vim, "vim", "vim -u NONE -es -c 'normal ihello' -c 'wq! out' < /dev/null; grep -q hello out")
PROGRAM(git, "git", "git init -q r; cd r; echo a > a; git add a; "
    "git -c user.name=n -c user.email=e@x commit -qm m; git log --oneline | grep -q m; git gc -q; "
    "git clone -q . ../c; cd ..; rm -rf r c")
PROGRAM(gcc, "gcc make", "printf 'int main(void){return 7;}' > t.c; make -s t; s=0; ./t || s=$?; [ $s = 7 ]")
PROGRAM(python, "/usr/bin/python3", "/usr/bin/python3 -c 'import threading,subprocess,socket,multiprocessing,ssl;"
    "t=threading.Thread(target=print);t.start();t.join();subprocess.run([\"true\"],check=True);"
    "p=multiprocessing.Process(target=print);p.start();p.join();assert p.exitcode==0'")
PROGRAM(perl, "perl", "perl -e 'my $x=`echo hi`; chomp $x; exit($x ne \"hi\")'")
PROGRAM(tmux, "tmux", "tmux -S ./s -f /dev/null new-session -d 'echo ok > o; sleep 5'; "
    "for i in $(seq 50); do [ -s o ] && break; sleep 0.1; done; tmux -S ./s kill-server; grep -q ok o")
PROGRAM(sftp_server, "/usr/lib/openssh/sftp-server sftp", "echo data > f; "
    "printf 'get f g\\nmkdir d\\nput f d/h\\nrename d/h d/i\\nls d\\n' | sftp -q -D /usr/lib/openssh/sftp-server -b - > l; "
    "cmp f g; cmp f d/i; rm -r d g")
PROGRAM(rsync, "rsync", "mkdir -p a; echo 1 > a/f; ln -sf f a/l; rsync -a a/ b/; cmp a/f b/f; rsync -a --delete a/ b/")
PROGRAM(small_programs, "ssh top less man", "ssh -V 2> v; grep -q OpenSSH v; top -b -n 1 > t; grep -q PID t; "
    "echo x | less -F > l; man -w ls > /dev/null || true; man -P cat true > m || true; tar cf t.tar v; tar tf t.tar > /dev/null; "
    "find . -name v | xargs ls > /dev/null; ps aux > /dev/null; df . > /dev/null; stat v > /dev/null")

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, bash);
	ATF_TP_ADD_TC(tp, vim);
	ATF_TP_ADD_TC(tp, git);
	ATF_TP_ADD_TC(tp, gcc);
	ATF_TP_ADD_TC(tp, python);
	ATF_TP_ADD_TC(tp, perl);
	ATF_TP_ADD_TC(tp, tmux);
	ATF_TP_ADD_TC(tp, sftp_server);
	ATF_TP_ADD_TC(tp, rsync);
	ATF_TP_ADD_TC(tp, small_programs);
	return atf_no_error();
}

/* SPDX-License-Identifier: MIT */
/*
 * acct(2): records of processes that end; ustat(2) and sysfs(2), which programs hardly call any
 * more.
 */
#include "t.h"

#include <linux/acct.h>

/*
 * Looks for a record of our own children, since accounting is for the whole machine, and prints
 * only whether it is right.
 */
static void wanted(int code, int flags, int min_ticks, const char *what)
{
	int fd = NEED(open("records", O_RDONLY)), found = 0;
	struct acct_v3 a;

	while (read(fd, &a, sizeof(a)) == sizeof(a))
		if (a.ac_ppid == (unsigned)getpid() && a.ac_exitcode == (unsigned)code &&
			a.ac_version == 3 && (a.ac_flag & (AFORK | AXSIG)) == flags &&
			a.ac_uid == getuid() && a.ac_etime >= min_ticks &&
			labs((long)a.ac_btime - time(NULL)) < 30)
			found = 1;
	close(fd);
	say("%s: %s", what, found ? "right" : "wrong");
}

static void records(void)
{
	t_text("records", "");
	if (syscall(SYS_acct, "records") == -1 && errno == EPERM) {
		say("a child: exited 7\na killed one: killed by SIGKILL\na small one: exited 3");
		say("a child: right\na killed one: right\none that may not write files: right");
		return;
	}
	t_wait("a child", SPAWN(sleep_ms(50); _exit(7)));
	t_wait("a killed one", SPAWN(raise(SIGKILL)));
	t_wait("a small one",
		SPAWN(struct rlimit none = { 10, 10 }; setrlimit(RLIMIT_FSIZE, &none); _exit(3)));
	NEED(syscall(SYS_acct, NULL));
	wanted(7 << 8, AFORK, 4, "a child");
	wanted(SIGKILL, AFORK | AXSIG, 0, "a killed one");
	wanted(3 << 8, AFORK, 0, "one that may not write files");
}

static void others(void)
{
	char buf[256];
	struct stat st;

	NEED(stat("/proc", &st));
	T(syscall(SYS_ustat, (unsigned)st.st_dev, buf));
	T(syscall(SYS_ustat, (unsigned)st.st_dev, BAD));
	T(syscall(SYS_ustat, -1, buf));
	T(syscall(SYS_sysfs, 0, 0, 0));
	OK(syscall(SYS_sysfs, 1, "proc", 0));
	T(syscall(SYS_sysfs, 1, "nope", 0));
	T(syscall(SYS_sysfs, 1, BAD, 0));
	T(syscall(SYS_sysfs, 2, 0, buf));
	T(syscall(SYS_sysfs, 1, buf, 0));
	T(syscall(SYS_sysfs, 2, 0, BAD));
	T(syscall(SYS_sysfs, 2, 100000, buf));
	T(syscall(SYS_setpgid, -1, 0));
}

TEST(acct)
{
	records();
	others();
	CHILD({
		NEED(setuid(65534));
		T(syscall(SYS_acct, NULL));
		T(syscall(SYS_acct, BAD));
	});
}

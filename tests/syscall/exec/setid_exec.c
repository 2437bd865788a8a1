/* SPDX-License-Identifier: MIT */
/*
 * setid_exec: set-user-id and set-group-id programs: ids after exec, AT_SECURE, no_new_privs.
 * nosuid is tested in mount.c.
 */
#include "t.h"
#include <sys/auxv.h>
#include <sys/prctl.h>

static void run_as(uid_t uid)
{
	CHILD({
		t_become(uid, uid);
		execl("./setid_exec", "setid_exec", "show", NULL);
		say("exec: %s", t_errno(errno));
	});
}

/*
 * setuid() to a user that has too many processes succeeds. The exec after it fails, until the ids
 * are another user's.
 */
static void too_many(int others, bool back)
{
	struct rlimit one = { 1, 1 };
	pid_t pid[2];

	for (int k = 0; k < others; k++) {
		pid[k] = SPAWN({
			NEED(setresuid(1007, 1007, 1007));
			for (;;)
				pause();
		});
		t_until(pid[k], 'S');
	}
	CHILD({
		NEED(setrlimit(RLIMIT_NPROC, &one));
		T(setresuid(1007, 1007, 0));
		if (back) {
			T(execl("/proc/self/exe", "setid_exec", "one", NULL));
			NEED(setresuid(0, 0, 0));
		}
		T(execl("/proc/self/exe", "setid_exec", "one", NULL));
	});
	for (int k = 0; k < others; k++) {
		kill(pid[k], SIGKILL);
		NEED(waitpid(pid[k], NULL, 0));
	}
}

TEST(setid_exec)
{
	if (t_argc > 1 && !strcmp(t_argv[1], "one")) {
		say("one");
		return;
	}
	if (t_argc > 1) {
		int r, e, s, rg, eg, sg;

		getresuid((uid_t *)&r, (uid_t *)&e, (uid_t *)&s);
		getresgid((gid_t *)&rg, (gid_t *)&eg, (gid_t *)&sg);
		say("uid %d %d %d gid %d %d %d secure %ld dumpable %d", r, e, s, rg, eg, sg,
			getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE) == 1);
		return;
	}
	t_copy_self("setid_exec");
	run_as(1000);
	NEED(chmod("setid_exec", 04755));
	run_as(1000);
	NEED(chown("setid_exec", 2000, 3000));
	NEED(chmod("setid_exec", 04755));
	run_as(1000);
	NEED(chmod("setid_exec", 02755));
	run_as(1000);
	/* no group execute: mandatory locking, no set-gid */
	NEED(chmod("setid_exec", 02745));
	run_as(1000);
	NEED(chmod("setid_exec", 06755));
	run_as(1000);
	run_as(0);
	CHILD({
		NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		NEED(setuid(1000));
		execl("./setid_exec", "setid_exec", "show", NULL);
	});
	CHILD({
		NEED(setresuid(1000, 1000, 0)); /* the saved id is lost at exec */
		execl("/proc/self/exe", "setid_exec", "show", NULL);
	});
	too_many(0, false);
	too_many(1, false);
	too_many(2, false);
	too_many(2, true);
}

/* SPDX-License-Identifier: MIT */
/* Set-user-id and set-group-id programs: ids after exec, AT_SECURE, no_new_privs, nosuid is in mount.c. */
#include "t.h"
#include <sys/auxv.h>
#include <sys/prctl.h>

static void run_as(uid_t uid)
{
	CHILD({
		NEED(setgroups(0, NULL));
		NEED(setresgid(uid, uid, uid));
		NEED(setresuid(uid, uid, uid));
		execl("./setid_exec", "setid_exec", "show", NULL);
		say("exec: %s", t_errno(errno));
	});
}

TEST(setid_exec)
{
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
	NEED(chmod("setid_exec", 02745)); /* no group execute: mandatory locking, no set-gid */
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
}

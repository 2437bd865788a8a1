/* SPDX-License-Identifier: MIT */
/*
 * setid_ns: a write to a program clears its set-id bits, also a write by root of a user namespace,
 * which may set them, but not by root of the machine. The ids that a program sees are translated by
 * its namespace.
 */
#include "userns.h"

#include <sys/auxv.h>

static void mode(const char *what, int fd)
{
	struct stat st;

	NEED(fstat(fd, &st));
	say("%s: %o", what, st.st_mode & 07777);
}

static void change(void)
{
	int fd = NEED(open("program", O_RDWR));

	T(write(fd, "x", 1));
	mode("written", fd);
	T(fchmod(fd, 06755));
	mode("changed", fd);
	T(ftruncate(fd, 0));
	mode("truncated", fd);
	T(fchmod(fd, 06755));
	close(NEED(open("program", O_RDWR | O_TRUNC)));
	mode("opened and truncated", fd);
	T(fchmod(fd, 06755));
	T(fallocate(fd, 0, 0, 10));
	mode("allocated", fd);
	close(fd);
}

static void executed(uid_t uid, uid_t euid)
{
	CHILD({
		NEED(setresgid(uid, euid, euid));
		NEED(setresuid(uid, euid, euid));
		execl("/proc/self/exe", "setid_ns", "told", NULL);
		say("exec: %s", t_errno(errno));
	});
}

static void told(void)
{
	executed(0, 0);
	executed(0, 1);
	executed(1, 1);
}

static void not_mapped(void)
{
	NEED(unshare(CLONE_NEWUSER));
	execl("/proc/self/exe", "setid_ns", "told", NULL);
	say("exec: %s", t_errno(errno));
}

TEST(setid_ns)
{
	int fd;

	if (t_argc > 1) {
		say("told: %ld %ld %ld %ld, found: %d %d %d %d", getauxval(AT_UID),
			getauxval(AT_EUID), getauxval(AT_GID), getauxval(AT_EGID), (int)getuid(),
			(int)geteuid(), (int)getgid(), (int)getegid());
		return;
	}

	if (getuid())
		return;
	NEED(chmod(".", 0755));
	fd = NEED(open("program", O_CREAT | O_RDWR, 0644));
	NEED(fchown(fd, 1000, 1000));
	NEED(fchmod(fd, 06755));
	change();
	mode("before", fd);
	t_wait("inside", userns_spawn(0, 1000, 2, change));
	t_wait("executed", userns_spawn(0, 1000, 2, told));
	CHILD(not_mapped());
}

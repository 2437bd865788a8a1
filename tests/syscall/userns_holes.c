/* SPDX-License-Identifier: MIT */
/* A map of a user namespace gives out what the maker has himself: each stretch lies within one of his, holes between two are nobody's. */
#include "userns.h"
#include <sys/prctl.h>

static long write_map(pid_t pid, const char *which, const char *text)
{
	char path[64];
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	fd = NEED(open(path, O_WRONLY));
	n = write(fd, text, strlen(text));
	close(fd);
	return n;
}

/* Root of a namespace with ids 0 and 5, which are 1000 and 1005 above. */
static void inside(void)
{
	static const char *const maps[] = { "0 0 6", "0 0 2", "0 4 2", "0 5 2", "0 1 1", "0 5 1" };
	static const char *const which[] = { "uid_map", "gid_map" };
	int up[2], down[2];
	pid_t pid;
	char c;

	NEED(pipe(up));
	NEED(pipe(down));
	pid = SPAWN({
		NEED(unshare(CLONE_NEWUSER));
		NEED(write(up[1], "x", 1));
		NEED(read(down[0], &c, 1));
	});
	NEED(read(up[0], &c, 1));
	for (unsigned w = 0; w < 2; w++)
		for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
			say("%s %s", which[w], maps[i]);
			T(write_map(pid, which[w], maps[i]));
		}
	NEED(write(down[1], "x", 1));
	t_wait("inner", pid);
}

TEST(userns_holes)
{
	int up[2], down[2];
	pid_t pid;
	char c;

	if (getuid())
		return;
	NEED(pipe(up));
	NEED(pipe(down));
	pid = SPAWN({
		NEED(unshare(CLONE_NEWUSER));
		NEED(write(up[1], "x", 1));
		NEED(read(down[0], &c, 1));
		NEED(setgroups(0, NULL));
		NEED(setresgid(0, 0, 0));
		NEED(setresuid(0, 0, 0));
		NEED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
		inside();
	});
	NEED(read(up[0], &c, 1));
	userns_write(pid, "uid_map", "0 1000 1\n5 1005 1");
	userns_write(pid, "gid_map", "0 1000 1\n5 1005 1");
	NEED(write(down[1], "x", 1));
	t_wait("outer", pid);
}

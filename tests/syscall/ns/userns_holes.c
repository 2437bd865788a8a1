/* SPDX-License-Identifier: MIT */
/*
 * userns_holes: the map of a user namespace can only contain ids of its maker's namespace: each
 * range lies within a range there, and ids between two ranges map to none. The opener of the file
 * determines that namespace, wherever the writer is.
 */
#include "userns.h"
#include <sched.h>
#include <sys/prctl.h>

static void inner_maps(pid_t pid, const void *arg)
{
	static const char *const maps[] = { "0 0 6", "0 0 2", "0 4 2", "0 5 2", "0 1 1", "0 5 1" };
	static const char *const which[] = { "uid_map", "gid_map" };

	for (unsigned w = 0; w < 2; w++)
		for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
			say("%s %s", which[w], maps[i]);
			T(userns_put(pid, which[w], maps[i]));
		}
}

static void inner(const void *arg)
{
}

static void outer_maps(pid_t pid, const void *arg)
{
	userns_write(pid, "uid_map", "0 1000 1\n5 1005 1");
	userns_write(pid, "gid_map", "0 1000 1\n5 1005 1");
}

/* Runs as root of a namespace with the ids 0 and 5, which are 1000 and 1005 outside. */
static void outer(const void *arg)
{
	userns_be_root();
	NEED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	t_wait("inner", userns_spawn_by(0, inner_maps, inner, NULL));
}

/* ---- the opener of the file ---- */

static int map_of(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	return NEED(open(path, O_WRONLY));
}

/* Opens the file in the parent's namespace, and writes it in a third namespace. */
static void gone_on(pid_t pid, const void *arg)
{
	CHILD({
		int fd = map_of(pid);

		NEED(unshare(CLONE_NEWUSER));
		T(write(fd, "0 0 1", 5));
	});
}

static int told[2], done[2];

static void tell(pid_t pid, const void *arg)
{
	char c;

	NEED(write(told[1], &pid, sizeof(pid)));
	NEED(read(done[0], &c, 1));
}

static void parent(const void *arg)
{
	userns_be_root();
	NEED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	t_wait("inner", userns_spawn_by(0, tell, inner, NULL));
}

/* Opens the file in the namespace above the parent's, and writes it there. */
static void come_down(void)
{
	pid_t up, pid;

	NEED(pipe(told));
	NEED(pipe(done));
	up = userns_spawn_by(0, outer_maps, parent, NULL);
	NEED(read(told[0], &pid, sizeof(pid)));
	CHILD({
		int fd = map_of(pid);

		NEED(setns(userns_open(up), CLONE_NEWUSER));
		T(write(fd, "0 0 1", 5));
		T(write(map_of(pid), "0 0 1", 5));
	});
	NEED(write(done[1], "", 1));
	t_wait("parent", up);
}

TEST(userns_holes)
{
	if (getuid())
		return;
	t_wait("outer", userns_spawn_by(0, outer_maps, outer, NULL));
	t_wait("maker", userns_spawn_by(0, gone_on, inner, NULL));
	come_down();
}

/* SPDX-License-Identifier: MIT */
/* A map of a user namespace gives out what the maker has himself: each stretch lies within one of his, holes between two are nobody's. */
#include "userns.h"
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

/* Root of a namespace with ids 0 and 5, which are 1000 and 1005 above. */
static void outer(const void *arg)
{
	userns_be_root();
	NEED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	t_wait("inner", userns_spawn_by(0, inner_maps, inner, NULL));
}

TEST(userns_holes)
{
	if (getuid())
		return;
	t_wait("outer", userns_spawn_by(0, outer_maps, outer, NULL));
}

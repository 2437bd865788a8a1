/* SPDX-License-Identifier: MIT */
/*
 * cgroup_xattr: extended attributes of a group are kernel memory, and any user may own the group,
 * so user.* has limited room. A test may not change the host's groups, so the host's side prints
 * what was measured on one.
 */
#include "cgroup.h"

#include <sys/xattr.h>

static char big[65536];

static void set(const char *name, size_t size, int flags, int expected)
{
	int err = expected;

	if (guest)
		err = setxattr("g", name, big, size, flags) ? errno : 0;
	say("%s, %zu bytes: %s", name, size, err ? t_errno(err) : "ok");
}

static void set_many(size_t size, int expected)
{
	char name[32];
	int n = guest ? 0 : expected;

	if (guest)
		do
			snprintf(name, sizeof(name), "user.%d", n);
		while (n < 300 && !setxattr("g", name, big, size, 0) && ++n);
	say("of %zu bytes: %d, then %s", size, n, guest ? t_errno(errno) : "ENOSPC");
}

static void remove_one(const char *name)
{
	say("without %s: %d", name, guest ? removexattr("g", name) : 0);
}

static void remove_many(int n)
{
	char name[32];

	while (guest && n--) {
		snprintf(name, sizeof(name), "user.%d", n);
		NEED(removexattr("g", name));
	}
}

TEST(cgroup_xattr)
{
	guest = cgroup_enter();
	if (guest)
		NEED(mkdir("g", 0755));
	set_many(1, 128);
	/* to replace one, there must be room beside it */
	set("user.0", 1, 0, ENOSPC);
	set("user.0", 1, XATTR_CREATE, ENOSPC);
	set("trusted.0", 65536, 0, 0);
	remove_one("user.1");
	set("user.0", 1, XATTR_CREATE, EEXIST);
	set("user.0", 2, 0, 0);
	set("user.1", 1, 0, 0);
	set("user.1", 1, 0, ENOSPC);
	remove_many(128);
	set_many(65536, 2);
	set("user.0", 1, 0, ENOSPC);
	set("user.empty", 0, 0, 0);
	if (guest)
		NEED(rmdir("g"));
	cgroup_leave();
}

/* SPDX-License-Identifier: MIT */
/*
 * path_orders: which error a call with paths reports if several apply. rename(2) does not look at
 * the second name before the first path, nor setxattr(2) at an unknown attribute before the
 * permissions. A cached walk that may not search fails with EAGAIN. Leaving by "..", where that is
 * forbidden, is EXDEV with O_CREAT, too.
 */
#include "t.h"

#include <linux/openat2.h>
#include <sys/xattr.h>

static int at(int dfd, const char *name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };

	return syscall(SYS_openat2, dfd, name, &how, sizeof(how));
}

static void names(void)
{
	T(rename("f/x", ""));
	T(rename("f/x", BAD));
	T(rename("missing", ""));
	T(rename("missing/x", BAD));
	T(rename("dir", ""));
	T(rename("dir", BAD));
	T(rename("", BAD));
	T(link("missing", BAD));
	T(link("f", BAD));
	T(link("f", ""));
}

TEST(path_orders)
{
	int dir;

	t_text("f", "x");
	NEED(mkdir("dir", 0755));
	NEED(mkdir("dir/closed", 0700));
	dir = NEED(open("dir", O_RDONLY | O_DIRECTORY));
	names();
	T(at(dir, "..", O_CREAT | O_RDONLY, RESOLVE_BENEATH));
	T(at(dir, "closed/../..", O_CREAT | O_RDONLY, RESOLVE_BENEATH));
	T(at(dir, "closed/..", O_CREAT | O_RDONLY, RESOLVE_BENEATH));
	T(at(dir, "..", O_CREAT | O_RDONLY | O_EXCL, RESOLVE_BENEATH));
	T(at(dir, "..", O_CREAT | O_RDONLY | O_EXCL, 0));
	T(at(dir, "..", O_CREAT | O_RDONLY, RESOLVE_IN_ROOT));
	CHILD({
		NEED(setuid(65534));
		T(setxattr("f", "odd", "v", 1, 0));
		T(getxattr("f", "odd", NULL, 0));
		T(removexattr("f", "odd"));
		T(access("dir/closed/x", F_OK));
		T(at(dir, "closed/x", O_RDONLY, RESOLVE_CACHED));
	});
	T(setxattr("f", "odd", "v", 1, 0));
}

/* SPDX-License-Identifier: MIT */
/* statfs(2), fstatfs(2): results that do not depend on the file system. */
#include "t.h"
#include <linux/magic.h>
#include <sys/vfs.h>

TEST(statfs)
{
	struct statfs a, b;
	int p[2];

	T(statfs(".", &a));
	say("sane: %d %d %d %d", a.f_bsize >= 512, a.f_blocks >= a.f_bfree, a.f_bfree >= a.f_bavail,
		a.f_namelen == 255);
	t_text("f", "");
	T(fstatfs(NEED(open("f", O_RDONLY)), &b));
	say("same: %d %d", a.f_type == b.f_type, a.f_blocks == b.f_blocks);
	T(statfs("/proc", &b));
	say("proc: %d", b.f_type == PROC_SUPER_MAGIC);
	NEED(pipe(p));
	T(fstatfs(p[0], &b));
	say("pipe: %d", b.f_type == PIPEFS_MAGIC);
	T(fstatfs(NEED(open("f", O_PATH)), &b));
	T(statfs("missing", &a));
	T(statfs("f/x", &a));
	T(statfs("", &a));
	T(statfs(BAD, &a));
	T(statfs(".", BAD));
	T(fstatfs(-1, &a));
	NEED(symlink("/proc", "l"));
	T(statfs("l", &b));
	say("through a link: %d", b.f_type == PROC_SUPER_MAGIC);
}

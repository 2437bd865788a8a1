/* SPDX-License-Identifier: MIT */
/*
 * pivot_root(2): calls that fail everywhere in the same way, since a move of the root needs a mount
 * namespace.
 */
#include "t.h"

TEST(pivot_root)
{
	NEED(mkdir("new", 0755));
	NEED(mkdir("new/old", 0755));
	t_text("f", "");
	T(syscall(SYS_pivot_root, "missing", "new/old"));
	T(syscall(SYS_pivot_root, "new", "missing"));
	T(syscall(SYS_pivot_root, "f", "new/old"));
	T(syscall(SYS_pivot_root, "new", "f"));
	T(syscall(SYS_pivot_root, BAD, "new/old"));
	CHILD({
		NEED(setuid(65534));
		T(syscall(SYS_pivot_root, "new", "new/old"));
	});
}

/* SPDX-License-Identifier: MIT */
/*
 * file_caps_ns: file capabilities belong to the root of a user namespace: what each namespace sees
 * of them, and what it may set.
 */
#include "userns.h"
#include <linux/capability.h>
#include <sys/xattr.h>

#define NAME "security.capability"

static void show(const char *file)
{
	struct vfs_ns_cap_data d = { 0 };
	int n = getxattr(file, NAME, &d, sizeof(d));

	if (n < 0)
		say("%s: %s", file, t_errno(errno));
	else
		say("%s: %d bytes, magic %x, permitted %x, root %u", file, n, d.magic_etc,
			d.data[0].permitted, n == sizeof(d) ? d.rootid : 0);
}

static long set(const char *file, unsigned magic, unsigned root, size_t size)
{
	struct vfs_ns_cap_data d = { .magic_etc = magic, .data = { { .permitted = 1 << 10 } } };

	d.rootid = root;
	return setxattr(file, NAME, &d, size, 0);
}

static void all(void)
{
	show("of-init");
	show("of-1000");
	show("of-1005");
	show("of-2000");
}

static void inside(void)
{
	char buf[64];

	all();
	T(set("mine", VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 0, XATTR_CAPS_SZ_2));
	show("mine");
	T(getxattr("mine", NAME, NULL, 0));
	T(getxattr("mine", NAME, buf, 19));
	T(getxattr("mine", NAME, buf, 20));
	T(set("mine", VFS_CAP_REVISION_3, 0, XATTR_CAPS_SZ_3));
	show("mine");
	T(set("mine", VFS_CAP_REVISION_3, 5, XATTR_CAPS_SZ_3));
	show("mine");
	T(set("mine", VFS_CAP_REVISION_3, 50, XATTR_CAPS_SZ_3));
	T(set("mine", VFS_CAP_REVISION_2, 0, XATTR_CAPS_SZ_3));
	T(set("mine", VFS_CAP_REVISION_3, 0, XATTR_CAPS_SZ_2));
	T(set("mine", VFS_CAP_REVISION_1, 0, XATTR_CAPS_SZ_1));
	T(set("of-init", VFS_CAP_REVISION_2, 0, XATTR_CAPS_SZ_2));
	T(removexattr("of-init", NAME));
	T(setxattr("mine", "security.other", "x", 1, 0));
	T(set("left", VFS_CAP_REVISION_2, 0, XATTR_CAPS_SZ_2));
	T(removexattr("mine", NAME));
	show("mine");
}

static void fresh(const char *name, uid_t owner)
{
	close(NEED(open(name, O_CREAT | O_RDWR, 0755)));
	NEED(chown(name, owner, owner));
}

TEST(file_caps_ns)
{
	fresh("of-init", 0);
	fresh("of-1000", 1000);
	fresh("of-1005", 1000);
	fresh("of-2000", 2000);
	fresh("mine", 1000);
	fresh("left", 1003);
	T(set("of-init", VFS_CAP_REVISION_2, 0, XATTR_CAPS_SZ_2));
	T(set("of-1000", VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE, 1000, XATTR_CAPS_SZ_3));
	T(set("of-1005", VFS_CAP_REVISION_3, 1005, XATTR_CAPS_SZ_3));
	T(set("of-2000", VFS_CAP_REVISION_3, 2000, XATTR_CAPS_SZ_3));
	T(set("of-init", VFS_CAP_REVISION_3, 0, XATTR_CAPS_SZ_3));
	all();
	t_wait("inside", userns_spawn(0, 1000, 10, inside));
	show("left");
	show("mine");
}

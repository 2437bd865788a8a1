/* SPDX-License-Identifier: MIT */
/*
 * fiemap_xattr: FS_IOC_FIEMAP with FIEMAP_FLAG_XATTR: no attributes, in the inode, in a block of
 * their own, in both; lengths, starts and room for records.
 */
#include "t.h"
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

static struct {
	struct fiemap m;
	struct fiemap_extent e[4];
} map;

static void ask(
	const char *what, int fd, uint32_t flags, uint64_t start, uint64_t len, uint32_t room)
{
	int n;

	memset(&map, 0, sizeof(map));
	map.m.fm_start = start;
	map.m.fm_length = len;
	map.m.fm_flags = flags;
	map.m.fm_extent_count = room;
	n = ioctl(fd, FS_IOC_FIEMAP, &map);
	say("%s: %d %s, flags %x, %u of them", what, n, n ? strerrorname_np(errno) : "",
		map.m.fm_flags, map.m.fm_mapped_extents);
	for (uint32_t i = 0; i < map.m.fm_mapped_extents && i < room; i++) {
		struct fiemap_extent *e = &map.e[i];

		say("  %llu, %s, flags %x, somewhere %d, of a block %d", e->fe_logical,
			e->fe_length < 512 ? "in the inode" : "a block", e->fe_flags,
			e->fe_physical != 0, !(e->fe_physical & 1023));
	}
}

static void all(const char *what, int fd)
{
	say("-- %s", what);
	ask("attributes", fd, FIEMAP_FLAG_XATTR, 0, ~0UL, 4);
	ask("synced", fd, FIEMAP_FLAG_XATTR | FIEMAP_FLAG_SYNC, 0, ~0UL, 4);
	ask("no room", fd, FIEMAP_FLAG_XATTR, 0, ~0UL, 0);
	ask("a byte", fd, FIEMAP_FLAG_XATTR, 0, 1, 4);
	ask("from 64", fd, FIEMAP_FLAG_XATTR, 64, 1, 4);
	ask("from 4096", fd, FIEMAP_FLAG_XATTR, 4096, ~0UL, 4);
	ask("nothing", fd, FIEMAP_FLAG_XATTR, 0, 0, 4);
	ask("too far", fd, FIEMAP_FLAG_XATTR, ~0UL, 1, 4);
	ask("another flag", fd, FIEMAP_FLAG_XATTR | 0x100, 0, ~0UL, 4);
}

TEST(fiemap_xattr)
{
	char big[600];
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), dir;

	memset(big, 'b', sizeof(big));
	all("none", fd);
	T(fsetxattr(fd, "user.a", "b", 1, 0));
	all("in the inode", fd);
	T(fsetxattr(fd, "user.big", big, sizeof(big), 0));
	all("both", fd);
	T(fremovexattr(fd, "user.a"));
	all("in a block", fd);
	T(fremovexattr(fd, "user.big"));
	all("none any more", fd);
	NEED(mkdir("d", 0700));
	dir = NEED(open("d", O_RDONLY));
	T(fsetxattr(dir, "user.a", "b", 1, 0));
	all("a folder", dir);
}

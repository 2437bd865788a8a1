/* SPDX-License-Identifier: MIT */
/*
 * listmount_stack: listmount of mounts that are stacked on each other, of those below one of them,
 * and from within another root. They come in the order of their ids, however they were moved. The
 * host's side prints what is expected.
 */
#include "guest.h"

#include <sys/mount.h>

#define LISTMOUNT 458
#define STACK 1000

static uint64_t ids[4 * STACK], below[4 * STACK], root, top, moved, outside;

static uint64_t id_of(const char *path)
{
	uint64_t x[32] = { 0 };

	if (in_guest())
		NEED(syscall(SYS_statx, AT_FDCWD, path, 0, 0x4000, x));
	return x[0x90 / 8];
}

static long list(uint64_t id, uint64_t *to)
{
	struct {
		uint32_t size, fd;
		uint64_t id, param;
	} r = { 24, 0, id, 0 };

	return syscall(LISTMOUNT, &r, to, 4 * STACK, 0);
}

static bool ascend(const uint64_t *v, long n)
{
	for (long i = 1; i < n; i++)
		if (v[i] <= v[i - 1])
			return false;
	return true;
}

static bool has(const uint64_t *v, long n, uint64_t id)
{
	for (long i = 0; i < n; i++)
		if (v[i] == id)
			return true;
	return false;
}

static void trees(void)
{
	long n = GNEED(list(-1UL, ids)), m;

	GIS(ascend(ids, n) && has(ids, n, root) && has(ids, n, top) && has(ids, n, moved));
	m = GNEED(list(root, below));
	say("below the first: %d", in_guest() ? (int)m : STACK + 2);
	GIS(ascend(below, m) && !has(below, m, root) && has(below, m, top));
	m = GNEED(list(top, below));
	say("below the last: %d", in_guest() ? (int)m : 2);
	GIS(below[0] == moved && below[1] == outside);
	G(list(moved, below), "0");
}

/*
 * Lists mounts with a folder of the topmost mount as the root: that mount is not shown, but mounts
 * on the folder and below are.
 */
static void in_folder(void)
{
	long n;

	GNEED(chroot("m/d"));
	GNEED(chdir("/"));
	n = GNEED(list(-1UL, ids));
	GIS(n == 1 && ids[0] == moved);
	n = GNEED(list(top, ids)); /* a caller with CAP_SYS_ADMIN sees all */
	GIS(n == 2 && ids[0] == moved && ids[1] == outside);
	G(list(outside, ids), "0");
	GNEED(syscall(SYS_capset, (uint32_t[]){ 0x20080522, 0 }, (uint32_t[6]){ 0 }));
	G(list(top, ids), "-1 EPERM");
	G(list(moved, ids), "0");
}

/* Lists mounts with the topmost mount itself as the root. */
static void in_mount(void)
{
	long n;

	GNEED(chroot("m"));
	GNEED(chdir("/"));
	n = GNEED(list(-1UL, ids));
	say("in it: %d", in_guest() ? (int)n : 3);
	n = GNEED(list(root, ids));
	say("below the first: %d", in_guest() ? (int)n : STACK + 2);
	n = GNEED(list(top, ids));
	say("below it: %d", in_guest() ? (int)n : 2);
}

TEST(listmount_stack)
{
	GNEED(unshare(CLONE_NEWNS));
	GNEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mkdir("m", 0755));
	NEED(mkdir("n", 0755));
	GNEED(mount("t", "n", "tmpfs", 0, NULL));
	moved = id_of("n"); /* older than its later parent */
	GNEED(mount("t", "m", "tmpfs", 0, NULL));
	root = id_of("m");
	GNEED(mkdir("m/d", 0755));
	for (int i = 0; i < STACK; i++)
		GNEED(mount("m", "m", NULL, MS_BIND, NULL));
	top = id_of("m");
	GNEED(mkdir("m/e", 0755));
	GNEED(mount("t", "m/e", "tmpfs", 0, NULL));
	outside = id_of("m/e");
	GNEED(mount("n", "m/d", NULL, MS_MOVE, NULL));
	trees();
	CHILD(in_folder());
	CHILD(in_mount());
}

/* SPDX-License-Identifier: MIT */
/*
 * overlay_user: an overlay in a user namespace: copying up makes no files of users that the
 * namespace does not map, and no capabilities that count outside of it.
 */
#include "mounts.h"
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

#define NOBODY 65534

static const struct {
	uint32_t magic, data[4];
} caps = { 0x02000001, { 1 << 10 } };

static void show(const char *path)
{
	uint32_t found[16] = { 0 };

	TN(path, getxattr(path, "security.capability", found, sizeof(found)));
	say("revision %x, root %u, of %x", found[0], found[5], found[1]);
}

/*
 * Sets capabilities as the namespace's root: they count in the namespace, and the layer below
 * records that.
 */
static void give(const char *path, uint32_t magic, size_t size)
{
	const uint32_t v[6] = { magic, 1 << 10 };

	TN(path, setxattr(path, "security.capability", v, size, 0));
	show(path);
}

static void owned(const char *path, int uid, int gid)
{
	t_text(path, path);
	NEED(chown(path, (uid_t)uid, (gid_t)gid));
}

static void directory(const char *path)
{
	NEED(mkdir(path, 0755));
	NEED(chown(path, NOBODY, NOBODY));
}

static void make_layers(void)
{
	directory("l");
	directory("u");
	directory("w");
	directory("m");
	owned("l/roots", 0, 0);
	owned("l/group", NOBODY, 0);
	owned("l/mine", NOBODY, NOBODY);
	owned("l/able", NOBODY, NOBODY);
	owned("l/two", NOBODY, NOBODY);
	owned("l/three", NOBODY, NOBODY);
	NEED(setxattr("l/able", "security.capability", &caps, sizeof(caps), 0));
	owned("l/trusted", NOBODY, NOBODY);
	NEED(setxattr("l/trusted", "trusted.x", "1", 1, 0));
	NEED(setxattr("l/trusted", "user.x", "1", 1, 0));
	NEED(symlink("mine", "l/link"));
	NEED(mkdir("l/dir", 0755));
}

static void map(const char *file, const char *text)
{
	int fd = NEED(open(file, O_WRONLY));

	NEED(write(fd, text, strlen(text)));
	close(fd);
}

static void use(const char *options)
{
	char before[64];

	T(mount("overlay", "m", "overlay", 0, options));
	T(rename("m/roots", "m/other"));
	T(open("m/roots", O_RDWR));
	T(chmod("m/group", 0600));
	T(rename("m/link", "m/link2"));
	T(rename("m/dir", "m/dir2") == -1);
	T(chmod("m/mine", 0700));
	T(chmod("m/able", 0700));
	T(chmod("m/trusted", 0700));
	T(getxattr("m/trusted", "user.x", before, sizeof(before)));
	T(mkdir("m/new", 0755));
	give("m/two", 0x02000001, 20);
	give("m/three", 0x03000001, 24);
	T(setxattr("m/two", "security.x", "1", 1, 0));
	T(umount("m"));
}

static void in_a_namespace(const char *options)
{
	t_become(NOBODY, NOBODY);
	NEED(prctl(PR_SET_DUMPABLE, 1));
	NEED(unshare(CLONE_NEWUSER | CLONE_NEWNS));
	map("/proc/self/setgroups", "deny");
	map("/proc/self/gid_map", "0 65534 1");
	map("/proc/self/uid_map", "0 65534 1");
	use(options);
}

static void what_is_left(void)
{
	char x[8];

	T(access("u/roots", F_OK));
	T(access("u/other", F_OK));
	T(access("u/group", F_OK));
	T(access("u/link2", F_OK));
	T(rmdir("w/work")); /* empty: no copy half made */
	show("u/able");
	show("u/two");
	show("u/three");
	T(getxattr("u/trusted", "trusted.x", x, sizeof(x)));
	T(getxattr("u/trusted", "user.x", x, sizeof(x)));
}

static void with(const char *options)
{
	scratch_enter("mode=755");
	make_layers();
	CHILD({ in_a_namespace(options); });
	what_is_left();
	scratch_leave();
}

TEST(overlay_user)
{
	own_mounts();
	with("lowerdir=l,upperdir=u,workdir=w");
	with("lowerdir=l,upperdir=u,workdir=w,userxattr");
}

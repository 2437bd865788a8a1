/* SPDX-License-Identifier: MIT */
/*
 * fsopen, fsconfig, fsmount, fspick, open_tree, move_mount, mount_setattr: what they make, what
 * they refuse.
 */
#include "guest.h"
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

static int fsopen_(const char *t, int flags)
{
	return (int)syscall(SYS_fsopen, t, flags);
}
static int fsconfig_(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}
static int fsmount_(int fd, int flags, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fd, flags, attr);
}
static int fspick_(int dfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dfd, path, flags);
}
static int open_tree_(int dfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dfd, path, flags);
}
static int move_mount_(int ffd, const char *from, int tfd, const char *to, unsigned flags)
{
	return (int)syscall(SYS_move_mount, ffd, from, tfd, to, flags);
}
static int setattr_(int dfd, const char *path, unsigned flags, struct mount_attr *a, size_t n)
{
	return (int)syscall(SYS_mount_setattr, dfd, path, flags, a, n);
}

static const char *flags_of(const char *path)
{
	static char text[100];
	struct statvfs s;

	if (statvfs(path, &s))
		return t_errno(errno);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", s.f_flag & ST_RDONLY ? "ro " : "",
		s.f_flag & ST_NOSUID ? "nosuid " : "", s.f_flag & ST_NODEV ? "nodev " : "",
		s.f_flag & ST_NOEXEC ? "noexec " : "", s.f_flag & ST_NOATIME ? "noatime " : "",
		s.f_flag & ST_NODIRATIME ? "nodiratime " : "",
		s.f_flag & ST_RELATIME ? "relatime " : "");
	return text;
}

/* Returns the file system's own options of the mount at @name in this folder. */
static const char *sb_flags_of(const char *name)
{
	static char line[4096];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char place[32], *text = NULL, *end;

	snprintf(place, sizeof(place), "/%s ", name);
	while (f && !text && fgets(line, sizeof(line), f))
		text = strstr(line, place) ? strstr(line, " - ") : NULL;
	if (f)
		fclose(f);
	for (int field = 0; text && field < 3; field++)
		text = strchr(text + 1, ' ');
	end = text ? strstr(text, ",size=") : NULL;
	if (end)
		*end = 0;
	return text ? text + 1 : "nothing";
}

static int a_tree; /* a tmpfs that is attached nowhere */

static void make(void)
{
	int fd;

	G(fsopen_("no such file system", 0), "-1 ENODEV");
	G(fsopen_("tmpfs", 0x10), "-1 EINVAL");
	G(fsopen_(BAD, 0), "-1 EFAULT");
	fd = GNEED(fsopen_("tmpfs", FSOPEN_CLOEXEC));
	GIS(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	G(fsconfig_(-1, FSCONFIG_SET_FLAG, "rw", NULL, 0), "-1 EINVAL");
	G(fsconfig_(fd, 100, "rw", NULL, 0), "-1 EOPNOTSUPP");
	G(fsconfig_(1000, FSCONFIG_SET_FLAG, "rw", NULL, 0), "-1 EBADF");
	G(fsconfig_(1, FSCONFIG_SET_FLAG, "rw", NULL, 0), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, NULL, NULL, 0), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "rw", "x", 0), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "rw", NULL, 1), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_SET_STRING, "source", NULL, 0), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_CMD_CREATE, "x", NULL, 0), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_SET_PATH, "sync", "/", -1), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_SET_FD, "sync", NULL, -1), "-1 EINVAL");
	G(fsmount_(fd, 0, 0), "-1 EINVAL"); /* not made yet */
	G(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), "-1 EBUSY");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "rw", NULL, 0), "0");
	G(fsconfig_(fd, FSCONFIG_SET_STRING, "source", "the source", 0), "0");
	G(fsconfig_(fd, FSCONFIG_SET_STRING, "source", "another", 0), "-1 EINVAL");
	G(fsconfig_(fd, FSCONFIG_SET_STRING, "size", "1m", 0), "0");
	G(fsconfig_(fd, FSCONFIG_SET_STRING, "mode", "0700", 0), "0");
	G(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "0");
	G(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "-1 EBUSY");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0), "-1 EBUSY");
	G(fsmount_(fd, 2, 0), "-1 EINVAL");
	G(fsmount_(fd, 0, 0x100), "-1 EINVAL");
	G(fsmount_(fd, 0, MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME), "-1 EINVAL");
	G(fsmount_(-1, 0, 0), "-1 EBADF");
	G(fsmount_(1, 0, 0), "-1 EINVAL");
	a_tree = GNEED(fsmount_(fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME));
	GIS(fcntl(a_tree, F_GETFD) == FD_CLOEXEC);
	G(fsmount_(fd, 0, 0), "-1 EBUSY"); /* once */
	close(fd);
}

static void attach(void)
{
	struct stat st;
	int fd = in_guest() ? openat(a_tree, "early", O_CREAT | O_RDWR, 0600) : 0;

	GIS(fd >= 0); /* it works before it has a place */
	close(fd);
	GNEED(mkdir("m", 0755));
	GNEED(mkdir("n", 0755));
	GNEED(open("file", O_CREAT | O_RDWR, 0600));
	G(move_mount_(a_tree, "", AT_FDCWD, "m", 0), "-1 ENOENT");
	G(move_mount_(a_tree, "", AT_FDCWD, "m", 0x08), "-1 EINVAL");
	G(move_mount_(-1, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), "-1 EBADF");
	G(move_mount_(a_tree, "missing", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), "-1 ENOENT");
	G(move_mount_(a_tree, "", AT_FDCWD, "missing", MOVE_MOUNT_F_EMPTY_PATH), "-1 ENOENT");
	G(move_mount_(a_tree, "", AT_FDCWD, "file", MOVE_MOUNT_F_EMPTY_PATH), "-1 EINVAL");
	G(move_mount_(AT_FDCWD, "n", AT_FDCWD, "m", 0), "-1 EINVAL"); /* no mount */
	G(move_mount_(a_tree, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), "0");
	G(stat("m/early", &st), "0");
	GT(flags_of("m"), "nodev noatime ");
	GIS(!stat("m", &st) && (st.st_mode & 07777) == 0700);
	close(a_tree);
	G(stat("m/early", &st), "0");
	G(move_mount_(AT_FDCWD, "m", AT_FDCWD, "n", 0), "0");
	G(stat("m/early", &st), "-1 ENOENT");
	G(stat("n/early", &st), "0");
	GNEED(mkdir("n/in", 0755));
	G(move_mount_(AT_FDCWD, "n", AT_FDCWD, "n/in", 0), "-1 ELOOP");
}

static void pick(void)
{
	int fd;

	G(fspick_(-1, "n", 0), "-1 EBADF");
	G(fspick_(AT_FDCWD, "missing", 0), "-1 ENOENT");
	G(fspick_(AT_FDCWD, "n", 0x10), "-1 EINVAL");
	G(fspick_(AT_FDCWD, "n/in", 0), "-1 EINVAL");
	fd = GNEED(fspick_(AT_FDCWD, "n", FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT));
	G(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "-1 EBUSY");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0), "0");
	G(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), "0");
	G(mkdir("n/never", 0755), "-1 EROFS");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "rw", NULL, 0), "0");
	G(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), "0");
	G(mkdir("n/now", 0755), "0");
	close(fd);

	/*
	 * An option that is not named keeps its value, also if another process has changed it
	 * meanwhile.
	 */
	fd = GNEED(fspick_(AT_FDCWD, "n", 0));
	GNEED(mount(NULL, "n", NULL, MS_REMOUNT | MS_NODEV | MS_LAZYTIME | MS_RDONLY, NULL));
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "sync", NULL, 0), "0");
	G(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), "0");
	GT(sb_flags_of("n"), "ro,sync,lazytime");
	G(fsconfig_(fd, FSCONFIG_SET_FLAG, "async", NULL, 0), "0");
	G(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), "0");
	GT(sb_flags_of("n"), "ro,lazytime");
	GNEED(mount(NULL, "n", NULL, MS_REMOUNT | MS_NODEV, NULL));
	GT(sb_flags_of("n"), "rw");
	close(fd);
}

static void trees(void)
{
	struct stat st;
	int fd;

	G(open_tree_(-1, "n", OPEN_TREE_CLONE), "-1 EBADF");
	G(open_tree_(AT_FDCWD, "missing", OPEN_TREE_CLONE), "-1 ENOENT");
	G(open_tree_(AT_FDCWD, "n", ~0U), "-1 EINVAL");
	G(open_tree_(AT_FDCWD, "n", AT_RECURSIVE), "-1 EINVAL");
	fd = GNEED(open_tree_(AT_FDCWD, "n", 0)); /* only a place */
	G(fstatat(fd, "early", &st, 0), "0");
	close(fd);
	G(stat("n/early", &st), "0");
	GNEED(mount("none", "n/in", "tmpfs", 0, NULL));
	GNEED(mkdir("n/in/deep", 0755));
	fd = GNEED(open_tree_(AT_FDCWD, "n", OPEN_TREE_CLONE));
	G(fstatat(fd, "in/deep", &st, 0), "-1 ENOENT");
	close(fd); /* and it is gone */
	fd = GNEED(open_tree_(AT_FDCWD, "n", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC));
	G(fstatat(fd, "in/deep", &st, 0), "0");
	G(move_mount_(fd, "in", AT_FDCWD, "m", 0), "-1 EINVAL"); /* a part of it */
	G(move_mount_(fd, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), "0");
	G(stat("m/in/deep", &st), "0");
	close(fd);
	G(umount2("m/in", 0), "0");
	G(stat("n/in/deep", &st), "0");
	G(umount2("m", 0), "0");
	G(umount2("n/in", 0), "0");
}

static void attributes(void)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	char big[64] = { 0 };
	int fd;

	G(setattr_(AT_FDCWD, "n", 0x10000, &a, sizeof(a)), "-1 EINVAL");
	G(setattr_(AT_FDCWD, "n", 0, &a, 8), "-1 EINVAL");
	G(setattr_(AT_FDCWD, "n", 0, &a, 5000), "-1 E2BIG");
	G(setattr_(AT_FDCWD, "n", 0, BAD, sizeof(a)), "-1 EFAULT");
	G(setattr_(AT_FDCWD, "missing", 0, &a, sizeof(a)), "-1 ENOENT");
	G(setattr_(AT_FDCWD, "n/in", 0, &a, sizeof(a)), "-1 EINVAL");
	memcpy(big, &a, sizeof(a));
	big[40] = 1;
	G(setattr_(AT_FDCWD, "n", 0, (void *)big, sizeof(big)), "-1 E2BIG");
	big[40] = 0;
	fd = in_guest() ? open("n/early", O_RDWR) : -1;
	G(setattr_(AT_FDCWD, "n", 0, (void *)big, sizeof(big)), "-1 EBUSY"); /* open for writing */
	close(fd);
	G(setattr_(AT_FDCWD, "n", 0, (void *)big, sizeof(big)), "0");
	GT(flags_of("n"), "ro nosuid nodev noatime ");
	a = (struct mount_attr){ .attr_clr = MOUNT_ATTR_RDONLY, .attr_set = MOUNT_ATTR_NOEXEC };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "0");
	GT(flags_of("n"), "nosuid nodev noexec noatime ");
	a = (struct mount_attr){ .attr_set = MOUNT_ATTR_STRICTATIME };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "-1 EINVAL");
	a = (struct mount_attr){ .attr_clr = MOUNT_ATTR_NOATIME };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "-1 EINVAL");
	a = (struct mount_attr){ .attr_clr = MOUNT_ATTR__ATIME, .attr_set = MOUNT_ATTR_RELATIME };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "0");
	GT(flags_of("n"), "nosuid nodev noexec relatime ");
	a = (struct mount_attr){ .attr_set = 0x4000 };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "-1 EINVAL");
	a = (struct mount_attr){ .propagation = MS_SHARED | MS_PRIVATE };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "-1 EINVAL");
	a = (struct mount_attr){ .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = 1 };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "-1 EINVAL");
	a = (struct mount_attr){ 0 };
	G(setattr_(AT_FDCWD, "n", 0, &a, sizeof(a)), "0");
	a = (struct mount_attr){ .propagation = MS_SHARED };
	G(setattr_(AT_FDCWD, "n", AT_RECURSIVE, &a, sizeof(a)), "0");
	fd = GNEED(open_tree_(AT_FDCWD, "n", OPEN_TREE_CLONE));
	a = (struct mount_attr){ .attr_set = MOUNT_ATTR_RDONLY };
	G(setattr_(fd, "", AT_EMPTY_PATH, &a, sizeof(a)), "0"); /* before it has a place */
	G(move_mount_(fd, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), "0");
	close(fd);
	GT(flags_of("m"), "ro nosuid nodev noexec relatime ");
	GT(flags_of("n"), "nosuid nodev noexec relatime ");
	G(umount2("m", 0), "0");
}

static void sharing(void)
{
	struct stat st;

	GNEED(mkdir("a", 0755));
	GNEED(mkdir("b", 0755));
	GNEED(mount("none", "a", "tmpfs", 0, NULL));
	GNEED(mkdir("a/x", 0755));
	GNEED(mount("a", "b", NULL, MS_BIND, NULL));
	G(move_mount_(AT_FDCWD, "a", AT_FDCWD, "b", MOVE_MOUNT_SET_GROUP), "-1 EINVAL");
	GNEED(mount(NULL, "a", NULL, MS_SHARED, NULL));
	GNEED(mount(NULL, "b", NULL, MS_PRIVATE, NULL));
	G(move_mount_(AT_FDCWD, "a", AT_FDCWD, "b", MOVE_MOUNT_SET_GROUP), "0");
	GNEED(mount("none", "a/x", "tmpfs", 0, NULL));
	GNEED(mkdir("a/x/seen", 0755));
	G(stat("b/x/seen", &st), "0");
	G(umount2("b", MNT_DETACH), "0");
	GNEED(mount("a", "b", NULL, MS_BIND, NULL));
	GNEED(mount(NULL, "b", NULL, MS_PRIVATE, NULL));
	GNEED(mkdir("a/y", 0755));
	GNEED(mkdir("part", 0755));
	GNEED(mount("a/y", "part", NULL, MS_BIND, NULL));
	GNEED(mount(NULL, "part", NULL, MS_PRIVATE, NULL));
	GNEED(mount(NULL, "part", NULL, MS_SHARED, NULL));
	G(move_mount_(AT_FDCWD, "part", AT_FDCWD, "b", MOVE_MOUNT_SET_GROUP), "-1 EINVAL");
	GNEED(mount(NULL, "part", NULL, MS_PRIVATE, NULL));
	G(move_mount_(AT_FDCWD, "a", AT_FDCWD, "part", MOVE_MOUNT_SET_GROUP), "0");
	G(umount2("part", MNT_DETACH), "0");
	G(umount2("b", MNT_DETACH), "0");
	G(umount2("a", MNT_DETACH), "0");
}

static void refused(void)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY };

	NEED(setuid(65534));
	T(fsopen_("tmpfs", 0));
	T(fspick_(AT_FDCWD, "/", 0));
	T(fsmount_(1, 0, 0));
	T(open_tree_(AT_FDCWD, "/", OPEN_TREE_CLONE));
	OK(open_tree_(AT_FDCWD, "/", 0));
	T(move_mount_(AT_FDCWD, "/", AT_FDCWD, "/", 0));
	T(setattr_(AT_FDCWD, "/", 0, &a, sizeof(a)));
}

TEST(mount_api)
{
	GNEED(unshare(CLONE_NEWNS));
	GNEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	make();
	attach();
	pick();
	trees();
	attributes();
	G(umount2("n", 0), "0");
	sharing();
	CHILD(refused());
}

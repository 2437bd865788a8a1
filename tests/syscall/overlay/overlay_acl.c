/* SPDX-License-Identifier: MIT */
/*
 * overlay_acl: access control lists and chattr's flags through an overlay: shown, set, inherited,
 * copied up.
 */
#include "acl.h"
#include "guest.h"
#include "mounts.h"
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#ifndef STATX_ATTR_IMMUTABLE
#define STATX_ATTR_IMMUTABLE 0x10
#endif

/* Returns the list as "u::7 u1000:4 ...", or the error. */
static const char *list_of(const char *path, const char *name)
{
	static char text[200];
	struct acl a;
	ssize_t size = getxattr(path, name, &a, sizeof(a.h) + sizeof(a.e));
	size_t at = 0;

	if (size < 0)
		return t_errno(errno);
	for (size_t i = 0; i < ((size_t)size - sizeof(a.h)) / sizeof(a.e[0]); i++) {
		const struct posix_acl_xattr_entry *e = &a.e[i];
		char kind = e->e_tag & (ACL_USER | ACL_USER_OBJ)   ? 'u' :
			    e->e_tag & (ACL_GROUP | ACL_GROUP_OBJ) ? 'g' :
			    e->e_tag == ACL_MASK                   ? 'm' :
								     'o';
		char id[16] = ":";

		if (e->e_id != ACL_NO_ID)
			snprintf(id, sizeof(id), "%u", e->e_id);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%c%s:%u", i ? " " : "",
			kind, id, e->e_perm);
	}
	return text;
}

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (int)(st.st_mode & 07777);
}

static int flags_of(const char *path)
{
	int fd = open(path, O_RDONLY), flags = 0,
	    n = fd < 0 ? -1 : ioctl(fd, FS_IOC_GETFLAGS, &flags);

	close(fd);
	return n ? -1 : flags & (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL);
}

static int set_flags(const char *path, int flags)
{
	int fd = open(path, O_RDONLY), old = 0, n = fd < 0 ? -1 : ioctl(fd, FS_IOC_GETFLAGS, &old),
	    err;

	flags |= old & ~(FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL);
	n = n ? n : ioctl(fd, FS_IOC_SETFLAGS, &flags);
	err = errno;
	close(fd);
	errno = err;
	return n;
}

static bool told_immutable(const char *path)
{
	struct statx st;

	return !statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &st) &&
	       st.stx_attributes & STATX_ATTR_IMMUTABLE;
}

static int make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);

	return fd < 0 ? -1 : close(fd);
}

static void make_layers(void)
{
	GNEED(mkdir("l", 0755));
	GNEED(mkdir("u", 0755));
	GNEED(mkdir("w", 0755));
	GNEED(mkdir("m", 0755));
	if (in_guest()) {
		t_text("l/f", "lower");
		t_text("l/g", "lower");
		t_text("l/i", "lower");
		NEED(mkdir("l/d", 0755));
		t_text("l/d/gone", "");
		NEED(mkdir("l/id", 0755));
		t_text("l/id/f", "lower");
		NEED(acl_put("l/f", ACL_ACCESS, "u::6 u1000:4 g::4 m::4 o::4"));
		NEED(acl_put("l/d", ACL_DEFAULT, "u::7 u1000:6 g::5 m::7 o::0"));
		NEED(set_flags("l/i", FS_IMMUTABLE_FL));
		NEED(set_flags("l/id", FS_IMMUTABLE_FL));
	}
	G(mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"), "0");
}

static void lists(void)
{
	char names[100];

	GT(list_of("m/f", ACL_ACCESS), "u::6 u1000:4 g::4 m::4 o::4");
	GT(list_of("m/g", ACL_ACCESS), "ENODATA");
	GT(list_of("m/d", ACL_DEFAULT), "u::7 u1000:6 g::5 m::7 o::0");
	G(listxattr("m/f", names, sizeof(names)), "24");
	G(acl_put("m/g", ACL_ACCESS, "u::6 g::4 g2000:6 m::6 o::0"), "0");
	GT(list_of("m/g", ACL_ACCESS), "u::6 g::4 g2000:6 m::6 o::0");
	GT(list_of("u/g", ACL_ACCESS), "u::6 g::4 g2000:6 m::6 o::0");
	GT(list_of("l/g", ACL_ACCESS), "ENODATA");
	G(mode_of("m/g"), "432");
	G(chmod("m/g", 0604), "0");
	GT(list_of("m/g", ACL_ACCESS), "u::6 g::4 g2000:6 m::0 o::4");
	G(chmod("m/f", 0640), "0"); /* copied up with its list */
	GT(list_of("u/f", ACL_ACCESS), "u::6 u1000:4 g::4 m::4 o::0");
	G(acl_put("m/g", ACL_ACCESS, "u::6 g::4 g2000:6 o::0"), "-1 EINVAL");
	G(acl_put("m/g", ACL_DEFAULT, "u::6 g::4 o::0"), "-1 EACCES");
	G(acl_put("m/g", ACL_ACCESS, "u::7 g::5 o::5"), "0"); /* no more than a mode */
	GT(list_of("m/g", ACL_ACCESS), "ENODATA");
	G(mode_of("m/g"), "493");
	G(removexattr("m/f", ACL_ACCESS), "0");
	GT(list_of("m/f", ACL_ACCESS), "ENODATA");
}

static void inherited(void)
{
	umask(077);
	G(make("m/d/new"), "0");
	GT(list_of("m/d/new", ACL_ACCESS), "u::6 u1000:6 g::5 m::6 o::0");
	G(mode_of("m/d/new"), "432");
	G(unlink("m/d/gone"), "0");
	G(make("m/d/gone"), "0"); /* where a whiteout was */
	GT(list_of("m/d/gone", ACL_ACCESS), "u::6 u1000:6 g::5 m::6 o::0");
	G(mode_of("m/d/gone"), "432");
	G(unlink("m/d/gone"), "0");
	G(mkdir("m/d/gone", 0777), "0");
	GT(list_of("m/d/gone", ACL_ACCESS), "u::7 u1000:6 g::5 m::7 o::0");
	GT(list_of("m/d/gone", ACL_DEFAULT), "u::7 u1000:6 g::5 m::7 o::0");
	G(removexattr("m/d", ACL_DEFAULT), "0");
	G(make("m/d/plain"), "0");
	G(mode_of("m/d/plain"), "384");
	GT(list_of("m/d/plain", ACL_ACCESS), "ENODATA");
	umask(022);
}

static void flags(void)
{
	G(flags_of("m/g"), "0");
	G(set_flags("m/g", FS_IMMUTABLE_FL | FS_NODUMP_FL), "0");
	G(flags_of("m/g"), "80");
	/* what forbids changes is only remembered there */
	G(flags_of("u/g"), "64");
	GIS(told_immutable("m/g"));
	G(open("m/g", O_WRONLY), "-1 EPERM");
	G(unlink("m/g"), "-1 EPERM");
	G(set_flags("m/g", FS_APPEND_FL), "0");
	G(flags_of("m/g"), "32");
	G(open("m/g", O_WRONLY), "-1 EPERM");
	G(close(open("m/g", O_WRONLY | O_APPEND)), "0");
	G(flags_of("m/i"), "16");
	G(chmod("m/i", 0600), "-1 EPERM");
	G(set_flags("m/i", 0), "0"); /* copied up */
	G(flags_of("m/i"), "0");
	G(flags_of("l/i"), "16");
	G(chmod("m/i", 0600), "0");
	/* and so is its folder, which keeps its flag */
	G(chmod("m/id/f", 0600), "0");
	G(flags_of("m/id"), "16");
	G(make("m/id/new"), "-1 EPERM");
}

/* Tests the flags again after a remount, from what is on the disk. */
static void again(void)
{
	G(umount("m"), "0");
	G(mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"), "0");
	G(flags_of("m/g"), "32");
	G(flags_of("m/i"), "0");
	G(flags_of("m/id"), "16");
	G(set_flags("m/g", 0), "0");
	G(unlink("m/g"), "0");
	GT(list_of("m/d/new", ACL_ACCESS), "u::6 u1000:6 g::5 m::6 o::0");
	G(umount("m"), "0");
}

TEST(overlay_acl)
{
	if (in_guest()) {
		scratch_enter(NULL);
	}
	make_layers();
	lists();
	inherited();
	flags();
	again();
	if (in_guest()) {
		scratch_leave();
	}
}

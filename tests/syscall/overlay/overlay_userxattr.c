/* SPDX-License-Identifier: MIT */
/*
 * overlay_userxattr: an overlay with userxattr: a user's attribute that redirects a directory is
 * ignored.
 */
#include "mounts.h"
#include <dirent.h>
#include <sys/mount.h>
#include <sys/xattr.h>

static void list(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d) {
		say("%s: %s", path, t_errno(errno));
		return;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			say("%s: %s", path, e->d_name);
	closedir(d);
}

static void with(const char *options)
{
	char all[200];

	snprintf(all, sizeof(all), "lowerdir=l1:l2,upperdir=u,workdir=w%s", options);
	if (TN(options, mount("overlay", "m", "overlay", 0, all)))
		return;
	list("m/d");
	list("m/plain");
	NEED(umount("m"));
}

TEST(overlay_userxattr)
{
	own_mounts();
	scratch_enter("mode=755");
	for (const char *d =
			"l1\0l2\0u\0w\0m\0l1/d\0l1/plain\0l2/plain\0l2/private\0l2/private/pub\0";
		*d; d += strlen(d) + 1)
		NEED(mkdir(d, 0755));
	NEED(chmod("l2/private", 0700));
	t_text("l2/private/pub/secret", "x");
	t_text("l2/plain/below", "x");
	NEED(setxattr("l1/d", "user.overlay.redirect", "/private/pub", 12, 0));
	with("");
	with(",userxattr");
	with(",userxattr,redirect_dir=nofollow");
	with(",userxattr,redirect_dir=off");
	with(",userxattr,redirect_dir=follow");
	with(",redirect_dir=follow,userxattr");
	with(",userxattr,redirect_dir=on");
	scratch_leave();
}

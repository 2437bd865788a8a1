/* SPDX-License-Identifier: MIT */
/*
 * mount_odds: mount(2), umount2(2): an empty type or source, options of tmpfs and ramfs, mand, and
 * a mount over the working directory.
 */
#include "t.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static void source(void)
{
	char line[PATH_MAX];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "/m ")) {
			char *at = strstr(line, " - ");

			say("%.*s", at ? (int)strcspn(at, "\n,") : 0, at);
		}
	if (f)
		fclose(f);
}

static void without_a_letter(void)
{
	T(mount("x", "m", "", 0, NULL));
	T(mount("x", "m", NULL, 0, NULL));
	T(mount("", "m", "tmpfs", 0, NULL));
	source();
	T(umount("m"));
	T(mount(NULL, "m", "tmpfs", 0, NULL));
	source();
	T(umount("m"));
}

static void options(const char *type, const char *data)
{
	struct stat st;
	int r = mount("x", "m", type, 0, data);

	say("%s %s: %s", type, data, r ? t_errno(errno) : "ok");
	if (r)
		return;
	NEED(stat("m", &st));
	say(" mode %o", st.st_mode);
	NEED(umount("m"));
}

static void mandatory(void)
{
	struct statfs f;

	T(mount("x", "m", "tmpfs", MS_MANDLOCK, NULL));
	NEED(statfs("m", &f));
	say("%d", !!(f.f_flags & 0x40));
	T(umount("m"));
}

static void stacked(void)
{
	NEED(mount("x", "m", "tmpfs", 0, NULL));
	NEED(chdir("m"));
	NEED(mount("x", "../m", "tmpfs", 0, NULL));
	NEED(mount("x", "../m", "tmpfs", 0, NULL));
	T(umount2(".", MNT_DETACH));
	T(umount2(".", MNT_DETACH));
	T(umount2(".", MNT_DETACH));
	NEED(chdir("/"));
}

TEST(mount_odds)
{
	NEED(mkdir("m", 0755));
	without_a_letter();
	options("tmpfs", "mpol=bogus");
	options("tmpfs", "mpol=local");
	options("tmpfs", "mpol=prefer:0");
	options("tmpfs", "huge=x");
	options("tmpfs", "huge=never");
	options("ramfs", "mode=0711");
	options("ramfs", "bogus=1,other");
	options("ramfs", "mode=9");
	mandatory();
	CHILD(stacked());
}

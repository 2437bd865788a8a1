/* SPDX-License-Identifier: MIT */
/*
 * permission: access rights of files: owner, group, supplementary groups, others, search in
 * directories.
 */
#include "t.h"

static void become(uid_t uid, gid_t gid, gid_t extra)
{
	NEED(setgroups(extra ? 1 : 0, &extra));
	NEED(setresgid(gid, gid, gid));
	NEED(setresuid(uid, uid, uid));
}

static char can(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 'y' : errno == EACCES ? 'n' : '?';
}

static void directory(size_t i)
{
	const char *made, *removed;
	char dir[16], file[16], new[16], list, search;

	snprintf(dir, sizeof(dir), "d%zu", i);
	snprintf(file, sizeof(file), "d%zu/f", i);
	snprintf(new, sizeof(new), "d%zu/new", i);
	list = can(dir, O_RDONLY);
	search = can(file, O_RDONLY);
	made = open(new, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0 ? "y" : t_errno(errno);
	removed = unlink(new) == 0 ? "y" : t_errno(errno);
	say("  directory %zo: list %c search %c create %s remove %s", i, list, search, made,
		removed);
}

static void table(const char *who, uid_t uid, gid_t gid, gid_t extra)
{
	CHILD({
		static const int modes[] = { 0, 0400, 0200, 0600, 0040, 0020, 0004, 0002, 0077,
			0700, 0604, 0640 };
		char line[200] = "";
		char path[32];
		size_t i;

		become(uid, gid, extra);
		for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
			snprintf(path, sizeof(path), "m%03o", modes[i]);
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " %03o:%c%c%c",
				modes[i], can(path, O_RDONLY), can(path, O_WRONLY),
				can(path, O_RDWR));
		}
		say("%s:%s", who, line);
		for (i = 0; i < 8; i++) {
			directory(i);
		}
	});
}

TEST(permission)
{
	static const int modes[] = { 0, 0400, 0200, 0600, 0040, 0020, 0004, 0002, 0077, 0700, 0604,
		0640 };
	char path[32];
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		snprintf(path, sizeof(path), "m%03o", modes[i]);
		t_text(path, "x");
		NEED(chown(path, 1000, 2000));
		NEED(chmod(path, modes[i]));
	}
	for (i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "d%zu", i);
		NEED(mkdir(path, 0));
		snprintf(path, sizeof(path), "d%zu/f", i);
		t_text(path, "x");
		NEED(chmod(path, 0666));
		snprintf(path, sizeof(path), "d%zu", i);
		NEED(chown(path, 1000, 2000));
		NEED(chmod(path, i << 6 | (7 - i) << 3 | i));
	}
	table("owner", 1000, 1, 0);
	table("group", 1, 2000, 0);
	table("supplementary group", 1, 1, 2000);
	table("other", 1, 1, 0);
	table("owner in the group", 1000, 2000, 0);
	table("root", 0, 0, 0);
}

/* SPDX-License-Identifier: MIT */
/* setxattr(2), getxattr(2), listxattr(2), removexattr(2), with their l and f forms. */
#include "t.h"
#include <sys/xattr.h>

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
	char buf[4096], *names[50], line[1000] = "";
	int n = llistxattr(path, buf, sizeof(buf)), count = 0, i;

	for (i = 0; i < n; i += strlen(buf + i) + 1)
		if (strncmp(buf + i, "security.", 9))
			names[count++] = buf + i;
	qsort(names, count, sizeof(names[0]), by_text);
	for (i = 0; i < count; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s", names[i]);
	say("%s has%s%s", path, n < 0 ? " " : "", n < 0 ? t_errno(errno) : line);
}

static void show(const char *path, const char *name)
{
	char buf[100];
	int n = lgetxattr(path, name, buf, sizeof(buf));

	if (n == -1)
		say("%s %s: %s", path, name, t_errno(errno));
	else
		say("%s %s: %d %.*s", path, name, n, n, buf);
}

static void trusted(void)
{
	char buf[70000];

	memset(buf, 'v', sizeof(buf));
	T(setxattr("f", "trusted.a", "one", 3, 0));
	show("f", "trusted.a");
	T(setxattr("f", "trusted.a", "two!", 4, XATTR_CREATE));
	T(setxattr("f", "trusted.a", "two!", 4, XATTR_REPLACE));
	show("f", "trusted.a");
	T(setxattr("f", "trusted.b", "x", 1, XATTR_REPLACE));
	T(setxattr("f", "trusted.b", "", 0, XATTR_CREATE));
	T(setxattr("f", "trusted.b", "x", 1, XATTR_CREATE | XATTR_REPLACE));
	T(setxattr("f", "trusted.b", "x", 1, 4));
	list("f");
	T(getxattr("f", "trusted.a", NULL, 0));
	T(getxattr("f", "trusted.a", buf, 2));
	T(getxattr("f", "trusted.b", buf, 2));
	T(getxattr("f", "trusted.none", buf, 2));
	T(getxattr("f", "trusted.a", BAD, 10));
	T(getxattr("f", BAD, buf, 10));
	T(getxattr("f", "", buf, 10));
	T(getxattr("f", "nodot", buf, 10));
	T(getxattr("f", "strange.name", buf, 10));
	T(setxattr("f", "strange.name", "x", 1, 0));
	T(setxattr("f", "trusted.", "x", 1, 0));
	T(setxattr("f", "trusted.big", buf, 65537, 0));
	T(setxattr("f", "trusted.a", BAD, 4, 0));
	T(setxattr("f", "trusted.medium", buf, 1000, 0));
	T(getxattr("f", "trusted.medium", buf, sizeof(buf)));
	T(removexattr("f", "trusted.medium"));
	T(listxattr("f", NULL, 0) > 0);
	T(listxattr("f", buf, 3));
	T(listxattr("f", BAD, 1000) == -1);
	T(removexattr("f", "trusted.a"));
	T(removexattr("f", "trusted.a"));
	list("f");
	CHILD({
		NEED(setuid(65534));
		T(getxattr("f", "trusted.b", buf, 10));
		T(setxattr("f", "trusted.b", "x", 1, 0));
		list("f");
	});
}

/* Permissions are checked before the name's existence, and that before the room. */
static void order(void)
{
	static const char *const prefixes[] = { "user.", "trusted.", "security.", "system.",
		"other." };
	char buf[65536] = "";

	T(setxattr("f", "trusted.none", buf, sizeof(buf), XATTR_REPLACE));
	T(setxattr("f", "trusted.b", buf, sizeof(buf), XATTR_CREATE));
	for (int as_root = 1; as_root >= 0; as_root--)
		CHILD({
			if (!as_root)
				NEED(setuid(65534));
			for (int i = 0; i < 5; i++) {
				say("%s", prefixes[i]);
				T(setxattr("f", prefixes[i], "x", 1, 0));
				T(getxattr("f", prefixes[i], buf, 10));
				T(removexattr("f", prefixes[i]));
			}
		});
}

static void forms(void)
{
	int fd = NEED(open("f", O_RDONLY));
	char buf[10];

	NEED(symlink("f", "l"));
	T(setxattr("l", "trusted.through", "1", 1, 0));
	T(lsetxattr("l", "trusted.link", "2", 1, 0));
	list("l");
	list("f");
	T(lgetxattr("l", "trusted.through", buf, 10));
	T(getxattr("l", "trusted.through", buf, 10));
	T(lremovexattr("l", "trusted.link"));
	list("l");
	T(fsetxattr(fd, "trusted.fd", "3", 1, 0));
	T(fgetxattr(fd, "trusted.fd", buf, 10));
	T(flistxattr(fd, NULL, 0) > 0);
	T(fremovexattr(fd, "trusted.fd"));
	T(fremovexattr(-1, "trusted.fd"));
	T(fgetxattr(NEED(open("f", O_PATH)), "trusted.fd", buf, 10));
	T(setxattr("missing", "trusted.x", "", 0, 0));
	T(getxattr("f/x", "trusted.x", buf, 10));
	NEED(mkdir("d", 0755));
	T(setxattr("d", "trusted.dir", "dir", 3, 0));
	show("d", "trusted.dir");
}

TEST(setxattr)
{
	t_text("f", "");
	trusted();
	order();
	forms();
}

/* SPDX-License-Identifier: MIT */
/*
 * POSIX access control lists as the attributes system.posix_acl_*: what they permit, chmod(2),
 * inheritance, errors.
 */
#include "acl.h"

static void show(const char *path, const char *name)
{
	char text[300] = "";
	struct acl l;
	struct stat st;
	ssize_t n = getxattr(path, name, &l, sizeof(l)), at = 0;

	NEED(stat(path, &st));
	if (n < 0)
		at = snprintf(text, sizeof(text), "%s", t_errno(errno));
	for (int i = 0; i < (n - (ssize_t)sizeof(l.h)) / (ssize_t)sizeof(l.e[0]); i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, " %x:%d:%o", l.e[i].e_tag,
			(int)l.e[i].e_id, l.e[i].e_perm);
	say("%s %s: mode %o%s%s", path, strrchr(name, '_') + 1, st.st_mode & 07777,
		n < 0 ? " " : "", text);
}

static void as(const char *who, uid_t uid, gid_t gid, const char *path)
{
	pid_t pid = SPAWN({
		t_become(uid, gid);
		say("%s %s:%s%s%s", who, path, access(path, R_OK) ? "" : " r",
			access(path, W_OK) ? "" : " w", access(path, X_OK) ? "" : " x");
	});

	waitpid(pid, NULL, 0);
}

static void permits(void)
{
	t_text("f", "x");
	NEED(chmod("f", 0600));
	NEED(chown("f", 1, 2));
	T(acl_put("f", ACL_ACCESS, "u::6 u1000:7 u1001:4 g::5 g100:7 g101:1 m::6 o::1"));
	show("f", ACL_ACCESS);
	as("owner", 1, 9, "f");
	as("named", 1000, 9, "f");
	as("named less", 1001, 100, "f");
	as("group", 5, 2, "f");
	as("named group", 5, 100, "f");
	as("other named group", 5, 101, "f");
	as("other", 5, 5, "f");
	T(chmod("f", 0642));
	show("f", ACL_ACCESS);
	as("named", 1000, 9, "f");
	as("other", 5, 5, "f");
	T(chmod("f", 0707)); /* no group bits: the list is not consulted */
	as("named", 1000, 9, "f");
	T(acl_put("f", ACL_ACCESS, "u::7 g::5 o::4"));
	show("f", ACL_ACCESS);
	T(acl_put("f", ACL_ACCESS, "u::7 g::5 m::4 o::4"));
	show("f", ACL_ACCESS);
	T(removexattr("f", ACL_ACCESS));
	show("f", ACL_ACCESS);
	T(removexattr("f", ACL_ACCESS));
	T(acl_put("f", ACL_DEFAULT, "u::7 g::5 o::4"));
	T(removexattr("f", ACL_DEFAULT));
}

/* Directories that a walk passes through. */
static void walks(void)
{
	NEED(mkdir("d", 0755));
	t_text("d/f", "x");
	NEED(chmod("d/f", 0666));
	as("before", 1000, 9, "d/f");
	T(acl_put("d", ACL_ACCESS, "u::7 u1000:0 g::7 m::7 o::7"));
	as("shut out", 1000, 9, "d/f");
	as("others", 1001, 9, "d/f");
	T(acl_put("d", ACL_ACCESS, "u::7 u1000:1 g::0 m::7 o::0"));
	as("let in", 1000, 9, "d/f");
	as("others", 1001, 9, "d/f");
	T(setxattr("d", ACL_ACCESS, NULL, 0, 0));
	show("d", ACL_ACCESS);
}

static void make(const char *dir, int mask)
{
	char path[100];

	umask((mode_t)mask);
	say("umask %o", mask);
	snprintf(path, sizeof(path), "%s/f%o", dir, mask);
	NEED(close(open(path, O_CREAT | O_RDWR, 0666)));
	show(path, ACL_ACCESS);
	snprintf(path, sizeof(path), "%s/x%o", dir, mask);
	NEED(mknod(path, S_IFIFO | 0640, 0));
	show(path, ACL_ACCESS);
	snprintf(path, sizeof(path), "%s/d%o", dir, mask);
	NEED(mkdir(path, 0777));
	show(path, ACL_ACCESS);
	show(path, ACL_DEFAULT);
	snprintf(path, sizeof(path), "%s/l%o", dir, mask);
	NEED(symlink("nowhere", path));
	T(lgetxattr(path, ACL_ACCESS, NULL, 0));
	T(lsetxattr(path, ACL_ACCESS, acl_make("u::7 g::5 o::4"), 28, 0));
	umask(022);
}

static void inherits(void)
{
	int fd;
	struct stat st;

	NEED(mkdir("p", 0755));
	T(acl_put("p", ACL_DEFAULT, "u::7 u1000:6 g::5 m::7 o::5"));
	show("p", ACL_ACCESS);
	show("p", ACL_DEFAULT);
	make("p", 022);
	make("p", 077);
	make("p/d77", 0);
	T(acl_put("p", ACL_DEFAULT, "u::6 g::4 o::0"));
	make("p", 07);
	fd = NEED(open("p", O_TMPFILE | O_RDWR, 0666));
	NEED(fstat(fd, &st));
	say("nameless: %o", st.st_mode & 07777);
	T(removexattr("p", ACL_DEFAULT));
	make("p", 027);
}

/*
 * A caller that is not a member of the file's group clears the set-group-id bit when it sets a
 * list, as with chmod.
 */
static void set_group_id(void)
{
	static const char *const lists[] = { "u::7 g::5 o::5", "u::7 u7:4 g::5 m::5 o::5" };

	t_text("s", "x");
	NEED(chown("s", 1000, 0));
	for (int member = 0; member < 2; member++)
		for (int i = 0; i < 2; i++) {
			NEED(chmod("s", 02755));
			CHILD({
				t_become(1000, member ? 0 : 1000);
				TN(lists[i], acl_put("s", ACL_ACCESS, lists[i]));
			});
			show("s", ACL_ACCESS);
		}
	NEED(chmod("s", 02755));
	TN("root", acl_put("s", ACL_ACCESS, lists[1]));
	show("s", ACL_ACCESS);
}

static void errors(void)
{
	static const char *const bad[] = { "u::7", "u::7 g::5", "u::7 o::5 g::5",
		"u::7 u1:7 g::5 o::5", "u::8 g::5 o::5", "u::7 u::7 g::5 o::5",
		"u::7 g1:7 g::5 m::7 o::5", "u::7 g::5 m::7 m::7 o::4", "u::7 g::5 o::5 o::4" };
	struct acl *l;
	char c;

	t_text("e", "x");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		TN(bad[i], acl_put("e", ACL_ACCESS, bad[i]));
	l = acl_make("u::7 g::5 o::5");
	T(setxattr("e", ACL_ACCESS, l, 27, 0));
	T(setxattr("e", ACL_ACCESS, l, 3, 0));
	T(setxattr("e", ACL_ACCESS, l, 4, 0));
	l->h.a_version = 1;
	T(setxattr("e", ACL_ACCESS, l, 28, 0));
	l = acl_make("u::7 g::5 o::5");
	l->e[1].e_tag = 3;
	T(setxattr("e", ACL_ACCESS, l, 28, 0));
	T(acl_put("e", ACL_ACCESS, "u::7 u7:4 g::5 m::5 o::5"));
	T(getxattr("e", ACL_ACCESS, NULL, 0));
	T(getxattr("e", ACL_ACCESS, &c, 1));
	T(getxattr("e", ACL_DEFAULT, &c, 1));
	T(listxattr("e", NULL, 0));
	T(setxattr("e", "system.posix_acl", "x", 1, 0));
	T(setxattr("/proc/self/comm", ACL_ACCESS, acl_make("u::7 g::5 o::5"), 28, 0));
	CHILD({
		NEED(setuid(1000));
		T(acl_put("e", ACL_ACCESS, "u::7 g::5 o::5"));
		T(removexattr("e", ACL_ACCESS));
		T(getxattr("e", ACL_ACCESS, NULL, 0));
	});
}

TEST(acl)
{
	umask(022);
	NEED(chmod(".", 0755));
	permits();
	walks();
	inherits();
	set_group_id();
	errors();
}

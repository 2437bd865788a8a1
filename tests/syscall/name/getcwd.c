/* SPDX-License-Identifier: MIT */
/*
 * getcwd(2), chdir(2), fchdir(2): sizes, removed directories, permissions, sharing with CLONE_FS.
 */
#include "t.h"

static void *changer(void *arg)
{
	NEED(chdir("a"));
	return NULL;
}

TEST(getcwd)
{
	char top[PATH_MAX], buf[PATH_MAX], deep[300];
	long n;
	int fd, i;
	pthread_t thread;

	n = syscall(SYS_getcwd, top, sizeof(top));
	say("length with terminator: %d", n == (long)strlen(top) + 1);
	T(syscall(SYS_getcwd, buf, n - 1));
	say("exact size: %d", syscall(SYS_getcwd, buf, n) == n);
	T(syscall(SYS_getcwd, buf, 0));
	T(syscall(SYS_getcwd, BAD, 4096));
	NEED(mkdir("a", 0755));
	NEED(mkdir("a/b", 0755));
	NEED(symlink("a/b", "l"));
	t_text("f", "");
	T(chdir("l"));
	NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
	say("%s", buf + strlen(top));
	T(chdir("../.."));
	T(chdir("f"));
	T(chdir("missing"));
	T(chdir(""));
	T(chdir(BAD));
	T(chdir("/"));
	NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
	say("%s", buf);
	T(chdir("/.."));
	NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
	say("%s", buf);
	NEED(chdir(top));
	fd = NEED(open("a", O_RDONLY));
	T(fchdir(fd));
	NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
	say("%s", buf + strlen(top));
	NEED(chdir(top));
	T(fchdir(NEED(open("a/b", O_PATH))));
	NEED(chdir(top));
	T(fchdir(NEED(open("f", O_RDONLY))));
	T(fchdir(-1));
	CHILD(NEED(chdir("a"))); /* a child has its own */
	NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
	say("%d", strcmp(buf, top));
	NEED0(pthread_create(&thread, NULL, changer, NULL)); /* a thread shares it */
	pthread_join(thread, NULL);
	NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
	say("%s", buf + strlen(top));

	/* a directory that is removed under us */
	NEED(mkdir("gone", 0755));
	NEED(chdir("gone"));
	NEED(rmdir("../gone"));
	T(syscall(SYS_getcwd, buf, sizeof(buf)));
	T(open("x", O_RDWR | O_CREAT, 0600));
	T(chdir("."));
	T(chdir(".."));

	/* renamed under us */
	NEED(mkdir("old", 0755));
	NEED(chdir("old"));
	NEED(rename("../old", "../new"));
	NEED(syscall(SYS_getcwd, buf, sizeof(buf)));
	say("%s", buf + strlen(top));
	NEED(chdir(top));

	/* deeper than PATH_MAX */
	NEED(mkdir("deep", 0755));
	NEED(chdir("deep"));
	memset(deep, 'd', 200);
	deep[200] = 0;
	for (i = 0; i < 22; i++) {
		NEED(mkdir(deep, 0755));
		NEED(chdir(deep));
	}
	T(syscall(SYS_getcwd, buf, sizeof(buf)));
	for (i = 0; i < 22; i++) {
		NEED(chdir(".."));
		NEED(rmdir(deep));
	}
	NEED(chdir(top));
	NEED(mkdir("shut", 0600));
	CHILD({
		NEED(setuid(65534));
		T(chdir("shut"));
		T(fchdir(open("shut", O_PATH)));
	});
}

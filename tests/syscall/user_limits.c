/* SPDX-License-Identifier: MIT */
/* Limits of a user namespace, which come before rights; variables and maps are written from their start, maps once. */
#include "put.h"

static long limit(const char *name)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/user/max_%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	return atol(text);
}

static void below(void)
{
	T(unshare(CLONE_NEWUSER)); /* without a mapping of oneself */
	T(put("/proc/sys/user/max_user_namespaces", "0"));
	T(unshare(CLONE_NEWUSER));
}

/* A variable and a map are written from their start; the rest of one is passed over, that of the other an error. */
static void twice(const char *path, const char *text)
{
	int fd = NEED(open(path, O_WRONLY));
	ssize_t len = (ssize_t)strlen(text);

	say("%s", path);
	say("all of it: %d", write(fd, text, strlen(text)) == len);
	say("at the end: %d", lseek(fd, 0, SEEK_CUR) == len);
	say("again: %d", write(fd, text, strlen(text)) == len);
	say("errno %d", errno);
	errno = 0;
	say("there: %d", pwrite(fd, text, strlen(text), 0) == len);
	say("errno %d", errno);
	close(fd);
}

static void maps(void)
{
	char own[32];
	unsigned uid = getuid(), gid = getgid();

	NEED(unshare(CLONE_NEWUSER));
	errno = 0;
	twice("/proc/sys/user/max_uts_namespaces", "5");
	errno = 0;
	twice("/proc/self/setgroups", "deny");
	snprintf(own, sizeof(own), "0 %u 1", uid);
	errno = 0;
	twice("/proc/self/uid_map", own);
	T(put("/proc/self/uid_map", own));
	T(put("/proc/self/uid_map", "x"));
	snprintf(own, sizeof(own), "0 %u 1", gid);
	errno = 0;
	twice("/proc/self/gid_map", own);
}

static void later(void)
{
	int fd;

	NEED(unshare(CLONE_NEWUSER));
	fd = NEED(open("/proc/sys/user/max_ipc_namespaces", O_WRONLY));
	T(write(fd, "5\n", 2));
	T(write(fd, "7\n", 2));
	T(limit("ipc_namespaces"));
	T(pwrite(fd, "8", 1, 1));
	T(limit("ipc_namespaces"));
	T(pwrite(fd, "9", 1, 0));
	T(limit("ipc_namespaces"));
	close(fd);
}

TEST(user_limits)
{
	CHILD({ below(); });
	CHILD({ maps(); });
	CHILD({ later(); });
}

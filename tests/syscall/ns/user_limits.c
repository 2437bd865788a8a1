/* SPDX-License-Identifier: MIT */
/*
 * user_limits: /proc/sys/user: how many inotify and fanotify objects a user may have in a user
 * namespace. The limit is checked before rights. Maps can be written once.
 */
#include "put.h"

#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>

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

static long made(int fd)
{
	return fd < 0 ? fd : 0;
}

static void inotify(void)
{
	int fd;

	T(limit("inotify_instances"));
	T(put("/proc/sys/user/max_inotify_instances", "2147483648"));
	T(put("/proc/sys/user/max_inotify_instances", "-1"));
	T(put("/proc/sys/user/max_inotify_instances", "2"));
	T(limit("inotify_instances"));
	fd = NEED(inotify_init());
	T(made(inotify_init()));
	T(made(inotify_init()));
	T(put("/proc/sys/user/max_inotify_watches", "1"));
	T(made(inotify_add_watch(fd, "/", IN_OPEN)));
	T(made(inotify_add_watch(fd, "/proc", IN_OPEN)));
	T(made(inotify_add_watch(fd, "/", IN_CLOSE)));
	T(inotify_rm_watch(fd, 1));
	T(made(inotify_add_watch(fd, "/proc", IN_OPEN)));
	close(fd);
	T(made(inotify_init()));
}

static void fanotify(void)
{
	int fd;

	T(limit("fanotify_groups"));
	T(limit("fanotify_marks"));
	T(put("/proc/sys/user/max_fanotify_groups", "1"));
	T(put("/proc/sys/user/max_fanotify_marks", "1"));
	fd = NEED(fanotify_init(FAN_REPORT_FID, O_RDONLY));
	T(made(fanotify_init(FAN_REPORT_FID, O_RDONLY)));
	T(mkdir("a", 0777));
	T(mkdir("b", 0777));
	T(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "a"));
	T(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b"));
	T(fanotify_mark(fd, FAN_MARK_ADD, FAN_CLOSE, AT_FDCWD, "a"));
	T(fanotify_mark(fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL));
	T(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b"));
	close(fd);
	T(rmdir("a"));
	T(rmdir("b"));
}

static void below(void)
{
	T(unshare(CLONE_NEWUSER)); /* without a mapping of oneself */
	T(put("/proc/sys/user/max_user_namespaces", "0"));
	T(unshare(CLONE_NEWUSER));
}

/*
 * Writes a file twice, and then at its start. A variable ignores the second write, which is not at
 * its start; for a map that is an error.
 */
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

/* New mounts are undone if a namespace after them exceeds a limit: everything is where it was. */
static void given_up(void)
{
	char own[32];

	NEED(mkdir("m", 0777));
	snprintf(own, sizeof(own), "0 %u 1", getuid());
	NEED(unshare(CLONE_NEWUSER | CLONE_NEWNS));
	NEED(put("/proc/self/uid_map", own));
	NEED(put("/proc/self/setgroups", "deny"));
	NEED(put("/proc/self/gid_map", own));
	NEED(mount("none", "m", "tmpfs", 0, NULL));
	NEED(chdir("m"));
	NEED(mkdir("in", 0777));
	NEED(mount("none", "in", "tmpfs", 0, NULL));
	NEED(mkdir("in/deep", 0777));
	T(put("/proc/sys/user/max_uts_namespaces", "0"));
	T(unshare(CLONE_NEWNS | CLONE_NEWUTS));
	T(access("in/deep", F_OK));
	T(access("/proc/self", F_OK));
	T(umount2("in", 0));
	T(mount("none", "in", "tmpfs", 0, NULL));
}

TEST(user_limits)
{
	CHILD({
		NEED(unshare(CLONE_NEWUSER));
		inotify();
	});
	CHILD({
		NEED(unshare(CLONE_NEWUSER));
		fanotify();
	});
	CHILD({ below(); });
	CHILD({ maps(); });
	CHILD({ later(); });
	CHILD({ given_up(); });
}

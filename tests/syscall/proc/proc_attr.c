/* SPDX-License-Identifier: MIT */
/*
 * proc_attr: /proc/PID/attr without a security module that labels. A host with such a module is
 * skipped.
 */
#include "guest.h"

static void file(const char *name, bool writable)
{
	char path[64], c[2] = "x";
	struct stat st = { 0 };
	int fd;

	say("%s", name);
	snprintf(path, sizeof(path), "/proc/self/attr/%s", name);
	GNEED(stat(path, &st));
	G(st.st_mode & 0777, writable ? "438" : "292");
	fd = GNEED(open(path, O_RDWR));
	G(read(fd, c, 1), "-1 EINVAL");
	G(write(fd, c, 1), "-1 EINVAL");
	G(write(fd, c, 0), "-1 EINVAL");
	G(pwrite(fd, c, 1, 5), "-1 EINVAL");
	G(write(fd, BAD, 1), "-1 EFAULT");
	CHILD(G(write(fd, c, 1), "-1 EPERM"));
	if (in_guest())
		close(fd);
}

static void other(void)
{
	pid_t pid = SPAWN(pause());
	char path[64], c[2] = "x";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/attr/fscreate", (int)pid);
	fd = GNEED(open(path, O_RDWR));
	G(read(fd, c, 1), "-1 EINVAL");
	G(write(fd, c, 1), "-1 EPERM");
	t_kill(pid);
	G(read(fd, c, 1), "-1 ESRCH");
	G(write(fd, c, 1), "-1 EPERM");
	if (in_guest())
		close(fd);
}

TEST(proc_attr)
{
	static const char *const names[] = { "current", "exec", "fscreate", "keycreate",
		"sockcreate" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		file(names[i], true);
	file("prev", false);
	G(access("/proc/self/attr/apparmor", F_OK), "-1 ENOENT");
	G(access("/proc/thread-self/attr/current", F_OK), "0");
	other();
}

/* SPDX-License-Identifier: MIT */
/*
 * cgroup_v1_devices: version 1's devices: what the rules of a group deny or allow (open, mknod),
 * lists of rules, what a child group inherits and may not permit itself, and that a rule taken from
 * the parent is taken from the child. A test may not change the host's groups, so the host's side
 * prints what is expected.
 */
#include "cgroup.h"

#include <sys/sysmacros.h>

static int use(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		return -1;
	return close(fd);
}

static int make(unsigned major_nr, unsigned minor_nr)
{
	int r = mknod("node", S_IFCHR | 0600, makedev(major_nr, minor_nr));

	if (!r)
		unlink("node");
	return r;
}

#define LIST(group, want) say(group ": %s", guest ? get(group "/devices.list") : want)
#define ALLOW(group, rule, err) GIVES(put(group "/devices.allow", rule), err)
#define DENY(group, rule, err) GIVES(put(group "/devices.deny", rule), err)
#define HERE(group) GIVES(put(group "/tasks", "0"), 0)

static void texts(void)
{
	static const char *const bad[] = { "", "x", "c", "c ", "c 1", "c 1:", "c 1:3", "c 1:3 ",
		"c 1:3 x", "c 1:3 rx", "c x:3 r", "c 1:x r", "d 1:3 r", "c 1 :3 r",
		"c 99999999999:3 r", "c -1:3 r", "c:1:3 r", "c **:3 r" };

	for (size_t i = 1; i < sizeof(bad) / sizeof(*bad); i++) {
		say("\"%s\"", bad[i]);
		DENY("v1/a", bad[i], EINVAL);
	}
	GIVES(take("v1/a/devices.allow"), EINVAL);
	GIVES(access("v1/devices.allow", F_OK), ENOENT);
	LIST("v1", "a *:* rwm\n");
	LIST("v1/a", "a *:* rwm\n");
}

static void denied(void)
{
	HERE("v1/a");
	GIVES(use("/dev/null", O_RDWR), 0);
	DENY("v1/a", "c 1:3 w", 0);
	LIST("v1/a", "a *:* rwm\n");
	GIVES(use("/dev/null", O_RDONLY), 0);
	GIVES(use("/dev/null", O_WRONLY), EPERM);
	GIVES(use("/dev/null", O_RDWR), EPERM);
	GIVES(make(1, 3), 0);
	DENY("v1/a", "c 1:* m", 0);
	GIVES(make(1, 3), EPERM);
	GIVES(make(1, 5), EPERM);
	GIVES(make(5, 0), 0);
	GIVES(use("/dev/zero", O_RDWR), 0);
	ALLOW("v1/a", "c 1:* m", 0);
	GIVES(make(1, 3), 0);
	ALLOW("v1/a", "c 1:3 rwm", 0);
	GIVES(use("/dev/null", O_RDWR), 0);
}

static void allowed(void)
{
	DENY("v1/a", "a", 0);
	LIST("v1/a", "");
	GIVES(use("/dev/null", O_RDONLY), EPERM);
	GIVES(use("/dev/zero", O_RDONLY), EPERM);
	GIVES(make(1, 3), EPERM);
	ALLOW("v1/a", "c 1:3 r", 0);
	ALLOW("v1/a", "c 1:3 w", 0);
	ALLOW("v1/a", "c 5:* rm\n", 0);
	ALLOW("v1/a", "b *:* m", 0);
	LIST("v1/a", "c 1:3 rw\nc 5:* rm\nb *:* m\n");
	GIVES(use("/dev/null", O_RDWR), 0);
	GIVES(use("/dev/zero", O_RDONLY), EPERM);
	GIVES(make(1, 3), EPERM);
	GIVES(make(5, 0), 0);
	DENY("v1/a", "c 1:3 w", 0);
	LIST("v1/a", "c 1:3 r\nc 5:* rm\nb *:* m\n");
	GIVES(use("/dev/null", O_RDWR), EPERM);
	GIVES(use("/dev/null", O_RDONLY), 0);
}

static void below(void)
{
	GIVES(mkdir("v1/a/b", 0755), 0);
	LIST("v1/a/b", "c 1:3 r\nc 5:* rm\nb *:* m\n");
	ALLOW("v1/a/b", "c 1:5 r", EPERM);
	ALLOW("v1/a/b", "c 1:3 rw", EPERM);
	ALLOW("v1/a/b", "c 5:2 r", 0);
	ALLOW("v1/a/b", "c *:* r", EPERM);
	ALLOW("v1/a/b", "a", EPERM);
	DENY("v1/a", "a", EINVAL);
	HERE("v1/a/b");
	GIVES(use("/dev/null", O_RDONLY), 0);
	DENY("v1/a", "c 1:3 r", 0);
	GIVES(use("/dev/null", O_RDONLY), EPERM);
	HERE("v1");
	GIVES(use("/dev/null", O_RDWR), 0);
	GIVES(rmdir("v1/a/b"), 0);
	ALLOW("v1/a", "a", 0);
	LIST("v1/a", "a *:* rwm\n");
	HERE("v1/a");
	GIVES(use("/dev/zero", O_RDWR), 0);
	HERE("v1");
}

/* An unprivileged user with write access to a group's files cannot change the group's devices. */
static void rights(void)
{
	pid_t pid;

	GIVES(chmod("v1/a/devices.allow", 0666), 0);
	pid = SPAWN(if (setuid(65534)) _exit(1); GIVES(put("v1/a/devices.allow", "a"), EPERM);
		    _exit(0));
	waitpid(pid, NULL, 0);
}

/* A rule takes 32 bytes of kernel memory, so the number of rules is limited. */
static void many(void)
{
	char rule[32];
	int n = 0;

	for (; guest && n < 5000; n++) {
		snprintf(rule, sizeof(rule), "c 9:%d r", n);
		if (put("v1/a/devices.deny", rule) < 0)
			break;
	}
	WANT("not more than some", n > 256 && n < 5000);
}

TEST(cgroup_v1_devices)
{
	guest = in_guest();
	NEED(mkdir("v1", 0755));
	NEED(chmod(".", 0755));
	GIVES(mount("none", "v1", "cgroup", 0, "devices"), 0);
	GIVES(mkdir("v1/a", 0755), 0);
	texts();
	denied();
	allowed();
	below();
	rights();
	many();
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
}

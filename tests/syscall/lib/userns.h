/* SPDX-License-Identifier: MIT */
/*
 * userns.h: for root: a child that is root of a user namespace of its own, whose ids map to the
 * parent's ids from @base on. Errors end the test.
 */
#ifndef TESTS_SYSCALL_USERNS_H
#define TESTS_SYSCALL_USERNS_H

#include "t.h"

/* Writes a file of /proc/PID, such as its maps or setgroups. Returns the result of write(). */
static T_UNUSED long userns_put(pid_t pid, const char *which, const char *text)
{
	char path[64];
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	fd = NEED(open(path, O_WRONLY));
	n = write(fd, text, strlen(text));
	close(fd);
	return n;
}

/* As userns_put(), but an error ends the test. */
static T_UNUSED void userns_write(pid_t pid, const char *which, const char *text)
{
	NEED(userns_put(pid, which, text));
}

/* Writes uid_map or gid_map: ids 0 to @n - 1 are the parent's ids from @base on. */
static T_UNUSED void userns_map(pid_t pid, const char *which, int base, int n)
{
	char text[64];

	snprintf(text, sizeof(text), "0 %d %d", base, n);
	userns_write(pid, which, text);
}

/* Makes the caller root of its namespace, without further groups. */
static T_UNUSED void userns_be_root(void)
{
	NEED(setgroups(0, NULL));
	NEED(setresgid(0, 0, 0));
	NEED(setresuid(0, 0, 0));
}

/*
 * Runs @fn(@arg) in a child in a new user namespace, and in namespaces @flags (CLONE_NEW*), once
 * @give(pid, @arg) has written the maps from outside. Returns the child's pid. The caller waits for
 * the child.
 */
static T_UNUSED pid_t userns_spawn_by(
	int flags, void (*give)(pid_t, const void *), void (*fn)(const void *), const void *arg)
{
	int up[2], down[2];
	pid_t pid;
	char c;

	NEED(pipe(up));
	NEED(pipe(down));
	pid = SPAWN({
		NEED(unshare(CLONE_NEWUSER | flags));
		NEED(write(up[1], "x", 1));
		NEED(read(down[0], &c, 1));
		fn(arg);
	});
	NEED(read(up[0], &c, 1));
	give(pid, arg);
	NEED(write(down[1], "x", 1));
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(down[1]);
	return pid;
}

struct userns_ids {
	int base, n;
	void (*fn)(void);
};

static T_UNUSED void userns_give_ids(pid_t pid, const void *arg)
{
	const struct userns_ids *ids = arg;

	userns_map(pid, "uid_map", ids->base, ids->n);
	userns_map(pid, "gid_map", ids->base, ids->n);
}

static T_UNUSED void userns_as_root(const void *arg)
{
	userns_be_root();
	((const struct userns_ids *)arg)->fn();
}

/*
 * Runs @fn in a child that is root of a new user namespace with @n ids. Returns the child's pid.
 * The caller waits for the child.
 */
static T_UNUSED pid_t userns_spawn(int flags, int base, int n, void (*fn)(void))
{
	struct userns_ids ids = { base, n, fn };

	return userns_spawn_by(flags, userns_give_ids, userns_as_root, &ids);
}

/* Opens the user namespace of @pid, for setns(2). Returns a descriptor. */
static T_UNUSED int userns_open(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return NEED(open(path, O_RDONLY | O_CLOEXEC));
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h: a hierarchy of groups for a test, and its files. A test may not change the host's
 * groups, so the host's side prints what is expected.
 */
#ifndef TESTS_SYSCALL_CGROUP_H
#define TESTS_SYSCALL_CGROUP_H

#include "guest.h"
#include "mounts.h"
#include "put.h"

static char cgroup_text[65536]; /* the text that take() has read last */

static T_UNUSED bool guest; /* the checks run; set by the test */

/*
 * WANT() checks a condition in the guest. GIVES() makes a call there, which fails with @err or
 * succeeds if @err is 0; its value is the result. The host's side prints what is expected, and
 * GIVES() is -1.
 */
#define WANT(what, e) say("%s: %s", what, !guest || (e) ? "yes" : "no")
#define GIVES(e, err)                                                                              \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = guest ? (long)(e) : -1;                                                  \
		int got_ = !guest ? err : r_ < 0 ? errno : 0;                                      \
		say("%s: %s", #e, got_ ? t_errno(got_) : "ok");                                    \
		r_;                                                                                \
	})

/*
 * Mounts the guest's hierarchy on the new folder cg and enters it. Returns false on the host, where
 * nothing is mounted.
 */
static T_UNUSED bool cgroup_enter(void)
{
	if (!in_guest())
		return false;
	NEED(mkdir("cg", 0755));
	NEED(mount("none", "cg", "cgroup2", 0, NULL));
	NEED(chdir("cg"));
	return true;
}

/* Leaves the hierarchy and removes the folder. Does nothing on the host. */
static T_UNUSED void cgroup_leave(void)
{
	if (!in_guest())
		return;
	NEED(chdir(".."));
	NEED(umount("cg"));
	NEED(rmdir("cg"));
}

/* Writes a pid to a file. */
static T_UNUSED void put_pid(pid_t pid, const char *path)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	NEED(put(path, text));
}

/* Moves the process to the group at the path @group. */
static T_UNUSED void cgroup_move(pid_t pid, const char *group)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	put_pid(pid, path);
}

/* Reads a file into cgroup_text, terminated. Returns the number of bytes, or -1 with errno. */
static T_UNUSED long take(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd == -1 ? -1 : read(fd, cgroup_text, sizeof(cgroup_text) - 1);
	int err = errno;

	cgroup_text[n < 0 ? 0 : n] = 0;
	if (fd != -1)
		close(fd);
	errno = err;
	return n;
}

/* Returns a file's text, or "" if it cannot be read. The next call overwrites it. */
static T_UNUSED const char *get(const char *path)
{
	take(path);
	return cgroup_text;
}

/* True if the file has exactly this text. */
static T_UNUSED bool text_is(const char *path, const char *text)
{
	return !strcmp(get(path), text);
}

/* Checks that the file has exactly @text and a newline. */
#define TEXT(path, text) WANT(path " is " text, text_is(path, text "\n"))

/*
 * Makes the folder v1 for mounts of version 1. In the guest it also enters a mount namespace, and
 * mounts version 2 there on the new folder v2.
 */
static T_UNUSED void both_versions_enter(void)
{
	NEED(mkdir("v1", 0755));
	if (!guest)
		return;
	/* mounts of other tests do not appear in it */
	own_mounts();
	NEED(mkdir("v2", 0755));
	NEED(mount("none", "v2", "cgroup2", 0, NULL));
}

/*
 * Returns the number behind a word of a file, or the file's first number for the word "". Returns
 * -1 if there is none.
 */
static T_UNUSED long figure(const char *path, const char *word)
{
	const char *p = strstr(get(path), word);

	return p && *p ? strtol(p + strlen(word), NULL, 10) : -1;
}

#endif

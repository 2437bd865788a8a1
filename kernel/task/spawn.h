/* SPDX-License-Identifier: MIT */
/*
 * spawn.h: starts a program by the kernel itself, for a requester outside, in a process of its own.
 */
#ifndef NESTLING_TASK_SPAWN_H
#define NESTLING_TASK_SPAWN_H

#include "kernel/lib/types.h"

struct file;
struct pid;

/* Called when a process has ended, under tasklist_lock (held for writing): it may not sleep. */
struct exit_watch {
	void (*ended)(struct exit_watch *w, int status); /* as wait(2) gives it; once */
};

struct spawn {
	/* argv[0] without a slash is looked for in PATH of envp */
	const char *const *argv, *const *envp;
	const char *dir;   /* of init's root; NULL: the root */
	bool dir_optional; /* the root where it cannot be entered */
	u32 uid, gid;
	/* supplementary groups, of the initial user namespace */
	const u32 *groups;
	u32 nr_groups;
	/* capabilities that its bounding set lacks, bits */
	u64 caps_dropped;
	/*
	 * Opens files for 0, 1 and 2, in the process and before it becomes the user; their
	 * references are taken. 0 or -errno.
	 */
	int (*files)(struct spawn *s, struct file *files[3]);
	struct exit_watch *watch; /* NULL: no notification is set */
	/* results: read without a lock, once `started` was called */
	bool dir_failed;
	/*
	 * the process, with a reference: it has a session and a process group of its own; NULL: it
	 * could not be made
	 */
	struct pid *pid;
	/*
	 * Called in the process, at its end or when its program runs: 0, or -errno. @s is not used
	 * any more.
	 */
	void (*started)(struct spawn *s, int err);
};

/*
 * Starts a process that runs a program. It begins as root in the initial namespaces with init's
 * root directory, and then becomes the given user. It has no parent and leaves no zombie. Returns
 * 0, or -errno, when no callback is called.
 */
int kernel_spawn(struct spawn *s);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * spawn.h: starts a program in a process of its own, on request from outside the guest.
 */
#ifndef NESTLING_TASK_SPAWN_H
#define NESTLING_TASK_SPAWN_H

#include "kernel/lib/types.h"

struct file;
struct pid;

/*
 * A notification. ended() is called once, when the process has ended. tasklist_lock is held for
 * writing, so ended() may not sleep.
 */
struct exit_watch {
	void (*ended)(struct exit_watch *w, int status); /* @status as wait(2) returns it */
};

struct spawn {
	/* argv[0] is searched for in the PATH of envp, unless it contains a slash. */
	const char *const *argv, *const *envp;
	const char *dir;   /* below init's root; NULL: the root */
	bool dir_optional; /* if @dir cannot be entered, use the root */
	u32 uid, gid;
	/* Supplementary groups, as ids of the initial user namespace. */
	const u32 *groups;
	u32 nr_groups;
	/* Mask of capabilities to be dropped from the bounding set. */
	u64 caps_dropped;
	/*
	 * Opens files for descriptors 0, 1 and 2 and stores them, with references, in @files.
	 * Called in the new process, before it changes its user. Returns 0 or -errno.
	 */
	int (*files)(struct spawn *s, struct file *files[3]);
	struct exit_watch *watch; /* NULL: no notification */
	/*
	 * A result, as is @pid: both may be read without a lock once @started is called. True if no
	 * working directory could be entered.
	 */
	bool dir_failed;
	/*
	 * The new process, with a reference. It is the leader of a new session and process group.
	 * NULL: the process could not be made.
	 */
	struct pid *pid;
	/*
	 * Called in the new process when its program runs (@err 0), or when the program could not
	 * be started (-errno). @s is not used any more afterwards.
	 */
	void (*started)(struct spawn *s, int err);
};

/*
 * Starts a process that runs a program. It begins as root in the initial namespaces with init's
 * root directory, and then becomes the given user. It has no parent and leaves no zombie. May
 * sleep. Returns 0, after which @s is used until started() has been called; or -errno, and no
 * callback is called.
 */
int kernel_spawn(struct spawn *s);

#endif

/* SPDX-License-Identifier: MIT */
/* exec.h: between exec.c (a request's session), exec_job.c (its text), exec_file.c (a stream as a file) and exec_tty.c (a terminal). */
#ifndef NESTLING_MCONSOLE_EXEC_H
#define NESTLING_MCONSOLE_EXEC_H

#include "drivers/mconsole/exec_host.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/lock.h"
#include "kernel/task/spawn.h"

#define EXEC_GROUPS_MAX 64

struct tty_struct;

/*
 * One command. References: the process until it has ended, the session's thread, and a thread each way of a terminal. The descriptors belong to
 * whoever has taken them (-1): a file of the command, a thread, or exec_put().
 */
struct exec_session {
	atomic_t refs;
	int fds[EXEC_FDS];          /* the host's */
	bool terminal, no_terminal; /* it has one; there was none for it */
	u32 rows, cols;             /* 0: not told */
	char *text;                 /* the job; the words below point into it */
	const char **words;
	struct spawn spawn;
	u32 groups[EXEC_GROUPS_MAX];
	struct exit_watch watch;
	int err;    /* of the start */
	int status; /* set before ended */
	bool begun, started, ended,
		left; /* the start is over, well; the command has ended; the client has gone */
	struct file *master; /* of a terminal */
};

/* Woken when any descriptor may have become ready, or a session has changed. exec_events() counts: take it before a try. */
extern struct wait_queue_head exec_wait;
u32 exec_events(void);
void exec_wake(void);
void exec_get(struct exec_session *s);
void exec_put(struct exec_session *s);

/* exec_job.c: reads the job of s->fds[EXEC_JOB] into s->text, words and spawn. 0 or -errno. */
int exec_read_job(struct exec_session *s);

/* exec_file.c: a stream as a file of user @uid, a pipe to who looks; takes the descriptor, also on failure. ERR_PTR. */
struct file *exec_file(int fd, bool out, u32 uid);

/* exec_tty.c, in the process: a terminal of the guest's own, 0, 1 and 2 of it; threads carry its bytes. 0 or -errno. */
int exec_tty_open(struct exec_session *s, struct file *files[3]);
void exec_tty_resize(struct exec_session *s, u32 rows, u32 cols);
void exec_tty_end(struct exec_session *s); /* the command has ended, or never began */

#endif

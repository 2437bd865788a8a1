/* SPDX-License-Identifier: MIT */
/*
 * exec.h: what exec.c (a request's session), exec_job.c (its text), exec_file.c (a stream as a
 * file) and exec_tty.c (a terminal) share.
 */
#ifndef NESTLING_MCONSOLE_EXEC_H
#define NESTLING_MCONSOLE_EXEC_H

#include "drivers/mconsole/exec_host.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/lock.h"
#include "kernel/task/spawn.h"

#define EXEC_GROUPS_MAX 64

struct tty_struct;
struct mconsole_packet;

/*
 * A descriptor of the host that came with a request (exec_fd.c). A restored instance has none: to
 * a task that uses it then, its other end has gone.
 */
struct exec_fd {
	struct list_head list; /* all of them */
	/* a number of exec_host.h; 0: of the process that was saved */
	int host;
};
/* Takes descriptor @i of @p. @irq as in exec_host_adopt(). ERR_PTR, or NULL if there is none. */
struct exec_fd *exec_fd_take(struct mconsole_packet *p, u32 i, int irq);
void exec_fd_close(struct exec_fd *fd);

/*
 * A command. References: the process until it has ended, the session's thread, and a thread for
 * each direction of a terminal. A descriptor belongs to its user, which then leaves NULL: a file of
 * the command, a thread, or exec_put().
 */
struct exec_session {
	atomic_t refs;
	struct exec_fd *fds[EXEC_FDS];
	bool terminal, no_terminal; /* it has one; none was available */
	/* outlives the client, without streams */
	bool detached;
	u32 rows, cols; /* 0: unknown */
	char *text;     /* the job; the words below point into it */
	const char **words;
	struct spawn spawn;
	u32 groups[EXEC_GROUPS_MAX];
	struct exit_watch watch;
	int err;    /* result of the start */
	int status; /* set before ended */
	/* The start is over; it went well; the command has ended; the client has gone. */
	bool begun, started, ended, left;
	struct file *master; /* of a terminal */
};

/*
 * Woken when any descriptor may have become ready, or a session has changed. A waiter takes the
 * count exec_events() before it tries.
 */
extern struct wait_queue_head exec_wait;
u32 exec_events(void);
void exec_wake(void);
void exec_get(struct exec_session *s);
void exec_put(struct exec_session *s);

/*
 * Reads the job of s->fds[EXEC_JOB] into s->text, words and spawn (exec_job.c). Returns 0 or
 * -errno.
 */
int exec_read_job(struct exec_session *s);

/*
 * Makes a stream a file of user @uid that looks like a pipe (exec_file.c). Takes the descriptor,
 * also on failure. ERR_PTR.
 */
struct file *exec_file(struct exec_fd *fd, bool out, u32 uid);

/*
 * Opens a terminal of the guest in the process, as its files 0, 1 and 2; threads carry its bytes
 * (exec_tty.c). Returns 0 or -errno.
 */
int exec_tty_open(struct exec_session *s, struct file *files[3]);
void exec_tty_resize(struct exec_session *s, u32 rows, u32 cols);
void exec_tty_end(struct exec_session *s); /* the command has ended, or never began */

#endif

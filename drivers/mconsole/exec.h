/* SPDX-License-Identifier: MIT */
/*
 * exec.h: declarations shared by exec.c (the session of a request), exec_job.c (the job's text),
 * exec_file.c (a stream as a file), exec_tty.c (a terminal) and exec_fd.c (descriptors).
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
 * A descriptor of the host that came with a request (exec_fd.c). In a restored instance it is no
 * longer valid: to a task that uses it, its other end appears closed.
 */
struct exec_fd {
	/* entry in exec_fd.c's list of all descriptors; under its fds_lock */
	struct list_head list;
	/* Its number in exec_host.h; 0: it belonged to the process that was saved. */
	int host;
};
/*
 * Takes descriptor @i out of @p. @irq as in exec_host_adopt(). Returns the descriptor, which the
 * caller closes with exec_fd_close(), NULL if there is none, or ERR_PTR. May sleep for memory.
 */
struct exec_fd *exec_fd_take(struct mconsole_packet *p, u32 i, int irq);
void exec_fd_close(struct exec_fd *fd);

/*
 * A command. References are held by the process until it has ended, by the session's thread, and by
 * a thread for each direction of a terminal.
 *
 * A stream's descriptor is closed by its user: a file of the command, for which fds[] becomes NULL,
 * or a thread of the terminal. The session's thread closes the control socket, and the streams that
 * got no user.
 */
struct exec_session {
	atomic_t refs;
	struct exec_fd *fds[EXEC_FDS];
	/* terminal: the command wants a terminal. no_terminal: none could be opened for it. */
	bool terminal, no_terminal;
	/* Keeps running when the client goes; its streams are /dev/null. */
	bool detached;
	u32 rows, cols; /* 0: unknown */
	char *text;     /* the job; @words point into it */
	const char **words;
	struct spawn spawn;
	u32 groups[EXEC_GROUPS_MAX];
	struct exit_watch watch;
	int err;    /* of the start: 0 or -errno */
	int status; /* wait(2) status; set before ended */
	/*
	 * begun: the attempt to start is over. started: it succeeded. ended: the command has ended.
	 * left: the client has gone.
	 */
	bool begun, started, ended, left;
	struct file *master; /* of the terminal's pty, or NULL */
};

/*
 * Woken up when a descriptor may have become ready, or a session has changed. A waiter reads
 * exec_events() before it tries, and sleeps only while that count is unchanged.
 */
extern struct wait_queue_head exec_wait;
/* Returns the number of calls of exec_wake() so far. */
u32 exec_events(void);
/* Increments that count and wakes up all waiters. Does not sleep. */
void exec_wake(void);
/* Take and drop a reference. The last exec_put() frees the session; it may sleep. */
void exec_get(struct exec_session *s);
void exec_put(struct exec_session *s);

/*
 * Reads the job from s->fds[EXEC_JOB] and parses it into s->text, words and spawn (exec_job.c).
 * Returns 0 or -errno; exec_put() frees what it has allocated in both cases. May sleep.
 */
int exec_read_job(struct exec_session *s);

/*
 * Returns a file of user @uid for a stream, which looks like a pipe to the command (exec_file.c).
 * @out: the command writes to it, otherwise reads. Consumes the descriptor, also on failure.
 * Returns ERR_PTR on failure.
 */
struct file *exec_file(struct exec_fd *fd, bool out, u32 uid);

/*
 * Called in the command's process: opens a terminal of the guest as files 0, 1 and 2, each with a
 * reference in @files, and starts threads that pass its bytes (exec_tty.c). Returns 0 or -errno.
 * exec_tty_resize() sets its size, in characters, if there is a terminal. All may sleep.
 */
int exec_tty_open(struct exec_session *s, struct file *files[3]);
void exec_tty_resize(struct exec_session *s, u32 rows, u32 cols);
/* Hangs up the terminal, if there is one, after the command has ended or did not start. */
void exec_tty_end(struct exec_session *s);

#endif

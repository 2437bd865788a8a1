/* SPDX-License-Identifier: MIT */
/*
 * exec.c: the management console's "exec": runs a command in the running instance, for `nestctl
 * exec`. It needs no program in the guest: the kernel makes a process (kernel/task/spawn.h) with
 * init's root and namespaces, whose standard files are the client's streams.
 *
 *      cmd_exec          takes the request's descriptors, parses the job, makes the process and a
 *                        thread
 *      session_thread    the control socket: reports whether and how the command ran, passes
 *                        signals and sizes on
 *
 * States of a session: begun (the attempt to start is over, s->err is its result), started, ended
 * (s->status). `left`: the client has gone; the command gets SIGHUP once. Locks: none. Each flag is
 * set once, by one side; a task that waits for it sleeps on exec_wait. The last reference (s->refs)
 * frees the session.
 */
#include <asm/errno.h>
#include <linux/signal.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/exec.h"
#include "drivers/mconsole/internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

struct wait_queue_head exec_wait = WAIT_QUEUE_HEAD_INIT(exec_wait);
static u32 events;
static int irq = -1;

u32 exec_events(void)
{
	return READ_ONCE(events);
}

void exec_wake(void)
{
	__atomic_add_fetch(&events, 1, __ATOMIC_SEQ_CST);
	wake_up_all(&exec_wait);
}

static void exec_irq(void *unused)
{
	exec_wake();
}

void exec_get(struct exec_session *s)
{
	atomic_inc(&s->refs);
}

void exec_put(struct exec_session *s)
{
	if (!atomic_dec_and_test(&s->refs))
		return;
	if (s->master)
		fput_now(s->master);
	if (s->spawn.pid)
		put_pid(s->spawn.pid);
	kfree(s->words);
	kfree(s->text);
	kfree(s);
}

/* ---- called in the process ---- */

static int open_null(struct file *files[3])
{
	for (int i = 0; i < 3; i++) {
		struct file *f = filp_open("/dev/null", O_RDWR, 0);

		if (IS_ERR(f))
			return (int)PTR_ERR(f);
		files[i] = f;
	}
	return 0;
}

static int open_files(struct spawn *sp, struct file *files[3])
{
	struct exec_session *s = container_of(sp, struct exec_session, spawn);

	if (s->detached)
		return open_null(files);
	if (s->terminal) {
		int err = exec_tty_open(s, files);

		s->no_terminal = err != 0;
		return err;
	}
	for (int i = 0; i < 3; i++) {
		struct file *f = exec_file(s->fds[EXEC_IN + i], i > 0, sp->uid);

		s->fds[EXEC_IN + i] = NULL;
		if (IS_ERR(f))
			return (int)PTR_ERR(f);
		files[i] = f;
	}
	return 0;
}

static void on_started(struct spawn *sp, int err)
{
	struct exec_session *s = container_of(sp, struct exec_session, spawn);

	s->err = err;
	WRITE_ONCE(s->begun, true);
	exec_wake();
	if (err)
		/* the process's reference, since the process never started */
		exec_put(s);
}

static void on_ended(struct exit_watch *w, int status)
{
	struct exec_session *s = container_of(w, struct exec_session, watch);

	s->status = status;
	WRITE_ONCE(s->ended, true);
	exec_wake();
}

/* ---- the control socket ---- */

static void obey(struct exec_session *s, char *text)
{
	char *rest = text + 1, *first = strsep(&rest, " ");
	u64 a, b;

	if (kstrtou64(first, 10, &a))
		return;
	if (*text == 's' && a >= 1 && a <= 64 && s->spawn.pid)
		kill_pgrp(s->spawn.pid, (int)a, SEND_SIG_PRIV);
	if (*text == 'w' && rest && !kstrtou64(rest, 10, &b) && a <= 0xffff && b <= 0xffff)
		exec_tty_resize(s, (u32)a, (u32)b);
}

static void hang_up(struct exec_session *s)
{
	WRITE_ONCE(s->left, true);
	if (s->spawn.pid && !s->detached) {
		kill_pgrp(s->spawn.pid, SIGHUP, SEND_SIG_PRIV);
		kill_pgrp(s->spawn.pid, SIGCONT, SEND_SIG_PRIV);
	}
	exec_wake();
}

/* Handles the packets that have arrived on the control socket. */
static void hear(struct exec_session *s)
{
	char text[EXEC_PACKET_MAX + 1];
	long n;

	while (!s->left && (n = exec_host_recv(s->fds[EXEC_CONTROL]->host, text,
				    EXEC_PACKET_MAX)) != -EAGAIN) {
		if (n <= 0) {
			hang_up(s);
			return;
		}
		text[n] = 0;
		obey(s, text);
	}
}

static void send_result(struct exec_session *s)
{
	char text[EXEC_PACKET_MAX];
	char failed = s->spawn.dir_failed ? 'd' : s->no_terminal ? 't' : 'e';
	int n = s->err ? scnprintf(text, sizeof(text), "%c%d", failed, -s->err) :
			 scnprintf(text, sizeof(text), "x%d", s->status);

	exec_host_send(s->fds[EXEC_CONTROL]->host, text, (size_t)n);
}

/* Closes the streams that no file of the command uses. */
static void close_streams(struct exec_session *s)
{
	for (int i = EXEC_IN; i < EXEC_FDS; i++) {
		if (s->fds[i])
			exec_fd_close(s->fds[i]);
		s->fds[i] = NULL;
	}
}

static int session_thread(void *arg)
{
	struct exec_session *s = arg;

	wait_event_idle(&exec_wait, READ_ONCE(s->begun));
	if (s->detached) {
		close_streams(s);
		if (!s->err)
			exec_host_send(s->fds[EXEC_CONTROL]->host, "b", 1);
	}
	while (!s->err && !READ_ONCE(s->ended)) {
		u32 seen = exec_events();

		hear(s);
		wait_event_idle(&exec_wait, exec_events() != seen || READ_ONCE(s->ended));
	}
	exec_tty_end(s);
	send_result(s);
	if (s->err && !s->master)
		close_streams(s);
	exec_fd_close(s->fds[EXEC_CONTROL]);
	if (!s->err)
		exec_put(s); /* the process's reference */
	exec_put(s);
	return 0;
}

/* ---- the request ---- */

/* Closes the descriptors that have no user. */
static void close_all(struct exec_session *s)
{
	for (int i = 0; i < EXEC_FDS; i++)
		if (s->fds[i])
			exec_fd_close(s->fds[i]);
}

static int take_descriptors(struct exec_session *s, struct mconsole_packet *p)
{
	for (u32 i = 0; i < EXEC_FDS; i++) {
		struct exec_fd *fd = exec_fd_take(p, i, i == EXEC_JOB ? -1 : irq);

		if (IS_ERR(fd))
			return (int)PTR_ERR(fd);
		if (!fd && i < EXEC_FDS - 1)
			return -EINVAL;
		s->fds[i] = fd;
	}
	return 0;
}

static int begin(struct exec_session *s)
{
	int err = exec_read_job(s);

	if (err)
		return err;
	exec_fd_close(s->fds[EXEC_JOB]);
	s->fds[EXEC_JOB] = NULL;
	if (s->terminal != !s->fds[EXEC_ERR])
		return -EINVAL;
	s->watch.ended = on_ended;
	s->spawn.watch = &s->watch;
	s->spawn.files = open_files;
	s->spawn.started = on_started;
	exec_get(s);
	if (!kthread_run(session_thread, s, "exec"))
		return -ENOMEM; /* the caller frees it without exec_put() */
	err = kernel_spawn(&s->spawn);
	if (err)
		on_started(&s->spawn, err); /* session_thread() reports the error */
	return 0;
}

void cmd_exec(struct mconsole_call *c)
{
	struct exec_session *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err;

	if (!s) {
		mconsole_fail(c, -ENOMEM, "exec: no memory");
		return;
	}
	if (irq < 0)
		irq = irq_register("exec", exec_irq, NULL);
	atomic_set(&s->refs, 1);
	err = irq < 0 ? irq : take_descriptors(s, c->from);
	/* the command would wait for "go" at its first fork, and its caller with it */
	if (!err && mconsole_has_stopped())
		err = -EBUSY;
	if (!err)
		err = begin(s);
	if (!err)
		return;
	close_all(s);
	kfree(s->words);
	kfree(s->text);
	kfree(s);
	mconsole_fail(c, err, "exec: %s",
		mconsole_has_stopped() ? "the instance is paused: nestctl unpause continues it" :
					 arch_strerror(err));
}

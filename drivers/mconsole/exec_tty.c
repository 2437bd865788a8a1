/* SPDX-License-Identifier: MIT */
/*
 * exec_tty.c: a command with a terminal: a pty of the guest's own /dev/pts, so that tty(1), screen
 * and sudo work. Two kernel threads pass bytes between its master and the client's sockets. Both
 * end when the command has ended; that of the input ends also when the client has gone, while that
 * of the output then drops what it reads. Background processes that the command has left are hung
 * up at its end, as if the master had been closed, since nothing reads their output.
 */
#include <asm/errno.h>
#include <asm/termios.h>
#include <linux/fcntl.h>

#include "drivers/mconsole/exec.h"
#include "kernel/dev/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/vfs.h"

#define CHUNK 4096
#define FULL_STEP 20000000UL /* ns */

static struct tty_struct *slave_of(const struct exec_session *s)
{
	struct tty_struct *master = file_tty(s->master);

	return READ_ONCE(master->link);
}

static void close_stream(struct exec_session *s, int stream)
{
	exec_fd_close(s->fds[stream]);
	s->fds[stream] = NULL;
}

/* Sends all @n bytes, or gives up when the client has gone. */
static void send_all(struct exec_session *s, const u8 *buf, size_t n)
{
	while (n && !READ_ONCE(s->left)) {
		u32 seen = exec_events();
		long put = exec_host_send(s->fds[EXEC_OUT]->host, buf, n);

		if (put > 0) {
			buf += put;
			n -= (size_t)put;
		} else if (put == -EAGAIN) {
			wait_event_idle(&exec_wait, exec_events() != seen || READ_ONCE(s->left));
		} else {
			return;
		}
	}
}

/*
 * Forwards the terminal's output to the client. Ends when the slave is closed, or by
 * exec_tty_end().
 */
static int out_thread(void *arg)
{
	struct exec_session *s = arg;
	u8 *buf = kmalloc(CHUNK, GFP_KERNEL);
	loff_t pos = 0;
	ssize_t n;

	while (buf && (n = kernel_read(s->master, buf, CHUNK, &pos)) > 0)
		send_all(s, buf, (size_t)n);
	kfree(buf);
	close_stream(s, EXEC_OUT);
	exec_put(s);
	return 0;
}

/*
 * Writes input in pieces for which there is room: a write to a master waits for a reader, which may
 * never come. Returns false if the session ends before all is written, or a write fails.
 */
static bool type_in(struct exec_session *s, const u8 *buf, u32 n)
{
	loff_t pos = 0;

	while (n && !READ_ONCE(s->ended) && !READ_ONCE(s->left)) {
		int room = tty_input_room(slave_of(s));
		u32 piece = min(n, (u32)max(room, 0));

		if (!piece) {
			set_current_state(TASK_IDLE);
			schedule_deadline(ktime_get() + FULL_STEP);
			continue;
		}
		if (kernel_write(s->master, buf, piece, &pos) < 0)
			return false;
		buf += piece;
		n -= piece;
	}
	return !n;
}

static int in_thread(void *arg)
{
	struct exec_session *s = arg;
	u8 *buf = kmalloc(CHUNK, GFP_KERNEL);

	while (buf && !READ_ONCE(s->ended) && !READ_ONCE(s->left)) {
		u32 seen = exec_events();
		long n = exec_host_recv(s->fds[EXEC_IN]->host, buf, CHUNK);

		if (n == -EAGAIN)
			wait_event_idle(&exec_wait,
				exec_events() != seen || READ_ONCE(s->ended) || READ_ONCE(s->left));
		else if (n <= 0 || !type_in(s, buf, (u32)n))
			break;
	}
	kfree(buf);
	close_stream(s, EXEC_IN);
	exec_put(s);
	return 0;
}

void exec_tty_resize(struct exec_session *s, u32 rows, u32 cols)
{
	struct winsize ws = { .ws_row = (u16)rows, .ws_col = (u16)cols };
	struct tty_struct *slave = s->master ? slave_of(s) : NULL;

	if (slave)
		tty_do_resize(slave, &ws);
}

void exec_tty_end(struct exec_session *s)
{
	struct tty_struct *slave = s->master ? slave_of(s) : NULL;

	if (slave)
		pty_slave_end(slave);
}

/* Starts the threads, each of which owns its stream. Streams without a thread are closed. */
static int start_threads(struct exec_session *s)
{
	exec_get(s);
	if (!kthread_run(out_thread, s, "exec-out")) {
		close_stream(s, EXEC_OUT);
		close_stream(s, EXEC_IN);
		exec_put(s);
		return -ENOMEM;
	}
	exec_get(s);
	if (!kthread_run(in_thread, s, "exec-in")) {
		close_stream(s, EXEC_IN);
		exec_put(s);
		return -ENOMEM;
	}
	return 0;
}

int exec_tty_open(struct exec_session *s, struct file *files[3])
{
	struct file *f = filp_open("/dev/ptmx", O_RDWR | O_NOCTTY, 0);
	struct tty_struct *slave;
	char name[32];

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	s->master = f;
	slave = slave_of(s);
	clear_bit(TTY_PTY_LOCK, &slave->flags);
	if (s->rows)
		exec_tty_resize(s, s->rows, s->cols);
	scnprintf(name, sizeof(name), "/dev/%s", slave->name);
	/* The first terminal that a session leader opens becomes its controlling terminal. */
	f = filp_open(name, O_RDWR, 0);
	if (IS_ERR(f)) { /* the session then closes the streams */
		fput_now(s->master);
		s->master = NULL;
		return (int)PTR_ERR(f);
	}
	files[0] = f;
	files[1] = get_file(f);
	files[2] = get_file(f);
	return start_threads(s);
}

/* SPDX-License-Identifier: MIT */
/*
 * n_tty_rw.c: the line discipline for programs: read, write and poll. n_tty.c describes the input
 * ring.
 *
 * A read takes bytes under tty->lock into a small buffer and copies them out without it. read_mutex
 * admits one reader at a time, write_mutex one writer. Signals to background processes are sent
 * before any byte is taken.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/dev/n_tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

/* ---- reading ---- */

/*
 * Copies readable bytes to @buf, at most @n, and removes them; in canonical mode at most to the end
 * of a line (*line_end: it was reached). Under tty->lock.
 */
static u32 take_bytes(struct tty_struct *tty, u8 *buf, u32 n, bool *line_end)
{
	u64 end = LINES_ON(tty) ? tty->canon_head : tty->read_head;
	u32 got = 0;

	*line_end = false;
	while (tty->read_tail < end) {
		u8 mark = tty->read_mark[ring_at(tty->read_tail)] & MARK_ENDS;

		if (LINES_ON(tty) && mark == MARK_EOF) {
			tty->read_tail++;
			*line_end = true;
			break;
		}
		if (got == n)
			break;
		buf[got++] = tty->read_buf[ring_at(tty->read_tail++)];
		if (LINES_ON(tty) && mark == MARK_EOL) {
			*line_end = true;
			break;
		}
	}
	if (tty->canon_head < tty->read_tail)
		tty->canon_head = tty->read_tail;
	return got;
}

/*
 * Notifies the writer of new room in the input buffer. The driver's unthrottle() is called even if
 * the tty was not throttled: a writer at the other end of a pty may wait for more room than there
 * was.
 */
void n_tty_unthrottle(struct tty_struct *tty)
{
	bool throttled = test_and_clear_bit(TTY_THROTTLED, &tty->flags);

	if ((throttled || tty->link) && tty->ops->unthrottle)
		tty->ops->unthrottle(tty);
}

/*
 * How a raw read waits: for VMIN bytes, with a timeout for the first byte (VMIN 0) or between
 * bytes.
 */
struct raw_wait {
	u32 min;
	u64 timeout_ns; /* 0: no timeout */
};

static struct raw_wait raw_policy(const struct tty_struct *tty, size_t want)
{
	struct raw_wait w = { 1, 0 };

	if (ICANON_ON(tty))
		return w;
	w.min = (u32)min_t(size_t, CC(tty, VMIN), want);
	w.timeout_ns = CC(tty, VTIME) * 100000000UL;
	return w;
}

/* True if a read must return without data; *ret is then its result. */
static bool read_over(
	struct tty_struct *tty, struct file *f, const struct iov_iter *to, ssize_t *ret)
{
	if (test_bit(TTY_OTHER_CLOSED, &tty->flags)) {
		*ret = -EIO;
		return true;
	}
	if (tty_hung_up(tty, f) || test_bit(TTY_EOF, &tty->flags)) {
		*ret = 0;
		return true;
	}
	if (file_nonblock(f, to)) {
		*ret = -EAGAIN;
		return true;
	}
	return false;
}

/* True if a read need not wait: a line or @min_bytes raw bytes are there, or input has ended. */
static bool ready(struct tty_struct *tty, struct file *f, u32 min_bytes)
{
	bool r;

	spin_lock(&tty->lock);
	r = n_tty_readable_locked(tty, min_bytes);
	spin_unlock(&tty->lock);
	return r || test_bit(TTY_OTHER_CLOSED, &tty->flags) || tty_hung_up(tty, f) ||
	       test_bit(TTY_EOF, &tty->flags);
}

/*
 * Passes bytes to the terminal log. Those of a pty's master are skipped: they are also those of its
 * slave, which is logged.
 */
static void log_bytes(struct tty_struct *tty, int direction, const u8 *buf, size_t n)
{
	if (unlikely(tty_log_ops) && !test_bit(TTY_MASTER, &tty->flags))
		tty_log_ops->add(tty, TTY_LOG_WRITE, direction, buf, n);
}

/*
 * Reads a line, or in raw mode as VMIN and VTIME require, with read_mutex held. Returns bytes or
 * -errno.
 */
static ssize_t read_loop(struct tty_struct *tty, struct file *f, struct iov_iter *to)
{
	size_t done = 0, want = to->count;
	u8 buf[256];
	ssize_t err;

	while (to->count) {
		struct raw_wait w = raw_policy(tty, want);
		bool line_end, canon;
		u64 deadline = ~0UL;
		u32 n;

		spin_lock(&tty->lock);
		canon = LINES_ON(tty);
		n = take_bytes(tty, buf, (u32)min_t(size_t, sizeof(buf), to->count), &line_end);
		spin_unlock(&tty->lock);
		if (n) {
			size_t out = copy_to_iter(buf, n, to);

			if (out != n)
				return done + out ? (ssize_t)(done + out) : -EFAULT;
		}
		if (n)
			log_bytes(tty, TTY_LOG_IN, buf, n);
		done += n;
		if (canon ? line_end :
			    n == 0 && done >= w.min && (done || (!w.min && !w.timeout_ns)))
			break;
		if (n)
			continue;
		if (canon && done)
			break;
		if (read_over(tty, f, to, &err))
			return done ? (ssize_t)done : err;
		if (!canon && w.timeout_ns && (done || !w.min))
			deadline = ktime_get() + w.timeout_ns;
		err = wait_event_timeout(&tty->read_wait, ready(tty, f, 1), deadline, true);
		if (err == -ETIMEDOUT)
			break;
		if (err)
			return done ? (ssize_t)done : err;
		err = tty_check_change(tty, SIGTTIN);
		if (err)
			return done ? (ssize_t)done : err;
	}
	return (ssize_t)done;
}

/*
 * Returns the first byte of a read from a pty's master in packet mode: TIOCPKT_DATA (0), or the
 * TIOCPKT_* changes of the slave, which are cleared.
 */
static u8 take_packet_status(struct tty_struct *tty)
{
	u8 status;

	spin_lock(&tty->link->lock);
	status = tty->link->ctrl_status;
	tty->link->ctrl_status = 0;
	spin_unlock(&tty->link->lock);
	return status;
}

static bool packet_ready(struct tty_struct *tty, struct file *f)
{
	return ready(tty, f, 1) || READ_ONCE(tty->link->ctrl_status);
}

/*
 * Reads from a pty's master in packet mode: first a status byte, then bytes of the slave if the
 * status is TIOCPKT_DATA.
 */
static ssize_t read_packet(struct tty_struct *tty, struct file *f, struct iov_iter *to)
{
	ssize_t err;
	u8 status;

	if (!to->count)
		return 0;
	if (!packet_ready(tty, f)) {
		if (read_over(tty, f, to, &err))
			return err;
		err = wait_event_interruptible(&tty->read_wait, packet_ready(tty, f));
		if (err)
			return err;
	}
	status = take_packet_status(tty);
	if (!status && !n_tty_chars(tty) && read_over(tty, f, to, &err))
		return err;
	if (copy_to_iter(&status, 1, to) != 1)
		return -EFAULT;
	if (status)
		return 1;
	err = read_loop(tty, f, to);
	return err < 0 ? err : err + 1;
}

ssize_t n_tty_read(struct tty_struct *tty, struct file *f, struct iov_iter *to)
{
	ssize_t ret = tty_check_change(tty, SIGTTIN);

	if (ret)
		return ret;
	if (file_nonblock(f, to)) {
		if (!mutex_trylock(&tty->read_mutex))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&tty->read_mutex)) {
		return -ERESTARTSYS;
	}
	if (test_bit(TTY_PKT, &tty->flags) && tty->link)
		ret = read_packet(tty, f, to);
	else
		ret = read_loop(tty, f, to);
	mutex_unlock(&tty->read_mutex);
	n_tty_unthrottle(tty);
	return ret;
}

/* ---- writing ---- */

/*
 * Writes as many of the @n bytes as the driver has room for. Returns how many were consumed. Under
 * tty->lock.
 */
static u32 write_some(struct tty_struct *tty, const u8 *buf, u32 n)
{
	u8 out[512];
	u32 used = 0, len = 0, done;
	int room;

	if (tty->stopped)
		return 0;
	n_tty_flush_echoes_locked(tty);
	/* room that the driver has made since is for the older bytes */
	if (tty->echo_tail != tty->echo_head)
		return 0;
	room = tty->ops->write_room(tty);
	if (!O_FLAG(tty, OPOST))
		return room > 0 ? (u32)max(0, tty->ops->write(
						      tty, buf, (int)min_t(u32, n, (u32)room))) :
				  0;
	while (used < n && (int)len + 8 <= room && len + 8 <= sizeof(out))
		len += (u32)n_tty_process_output(tty, buf[used++], out + len);
	done = len ? (u32)max(0, tty->ops->write(tty, out, (int)len)) : 0;
	if (unlikely(done < len))
		n_tty_keep_output(tty, out + done, len - done);
	return used;
}

/*
 * Calls write_some() with the lock held, except for a pty's master. A master processes no output,
 * and its write takes the slave's lock, under which the slave's echo is passed back to the master.
 * So the master's own lock must be free then (the order is slave before master).
 */
static u32 write_piece(struct tty_struct *tty, const u8 *buf, u32 n)
{
	u32 used;

	if (test_bit(TTY_MASTER, &tty->flags))
		return (u32)max(0, tty->ops->write(tty, buf, (int)n));
	spin_lock(&tty->lock);
	used = write_some(tty, buf, n);
	spin_unlock(&tty->lock);
	return used;
}

/*
 * True if written data cannot arrive. Bytes from a master wait in the slave, which may be opened
 * again.
 */
static bool write_over(struct tty_struct *tty, struct file *f)
{
	return tty_hung_up(tty, f) ||
	       (test_bit(TTY_OTHER_CLOSED, &tty->flags) && !test_bit(TTY_MASTER, &tty->flags));
}

static bool can_write(struct tty_struct *tty, struct file *f)
{
	return (!tty->stopped && tty->ops->write_room(tty) >= 8) || write_over(tty, f);
}

/*
 * Writes all of @n bytes from kernel memory. Returns how many were written, or -errno if none were.
 */
static ssize_t write_chunk(
	struct tty_struct *tty, struct file *f, const u8 *buf, u32 n, bool nonblock)
{
	u32 done = 0;
	int err;

	while (done < n) {
		u32 k;

		if (write_over(tty, f))
			return done ? (ssize_t)done : -EIO;
		k = write_piece(tty, buf + done, n - done);
		done += k;
		if (k)
			continue;
		if (nonblock)
			return done ? (ssize_t)done : -EAGAIN;
		err = wait_event_interruptible(&tty->write_wait, can_write(tty, f));
		if (err)
			return done ? (ssize_t)done : err;
		cond_resched();
	}
	return (ssize_t)done;
}

ssize_t n_tty_write(struct tty_struct *tty, struct file *f, struct iov_iter *from)
{
	bool nonblock = file_nonblock(f, from);
	ssize_t done = 0, n;
	u8 buf[1024];

	if (L_FLAG(tty, TOSTOP)) {
		n = tty_check_change(tty, SIGTTOU);
		if (n)
			return n;
	}
	if (nonblock) {
		if (!mutex_trylock(&tty->write_mutex))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&tty->write_mutex)) {
		return -ERESTARTSYS;
	}
	n = 0;
	while (from->count) {
		size_t want = min_t(size_t, sizeof(buf), from->count);
		size_t k = copy_from_iter(buf, want, from);

		/* If a piece of the buffer is not wholly readable, none of the piece is written. */
		if (k != want) {
			n = -EFAULT;
			break;
		}
		n = write_chunk(tty, f, buf, (u32)k, nonblock);
		if (n > 0) {
			log_bytes(tty, TTY_LOG_OUT, buf, (size_t)n);
			done += n;
		}
		if (n < (ssize_t)k)
			break;
		cond_resched();
	}
	mutex_unlock(&tty->write_mutex);
	return done ? done : n;
}

/* ---- polling ---- */

u32 n_tty_poll(struct tty_struct *tty, struct file *f, struct poll_table *pt)
{
	u32 mask = 0, min_bytes;

	poll_wait(f, &tty->read_wait, pt);
	poll_wait(f, &tty->write_wait, pt);
	min_bytes = CC(tty, VTIME) ? 1 : max_t(u32, CC(tty, VMIN), 1);
	spin_lock(&tty->lock);
	if (n_tty_readable_locked(tty, min_bytes))
		mask |= EPOLLIN | EPOLLRDNORM;
	spin_unlock(&tty->lock);
	if (test_bit(TTY_EOF, &tty->flags))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (test_bit(TTY_PKT, &tty->flags) && tty->link && READ_ONCE(tty->link->ctrl_status))
		mask |= EPOLLPRI | EPOLLIN | EPOLLRDNORM;
	if (test_bit(TTY_OTHER_CLOSED, &tty->flags))
		mask |= EPOLLHUP;
	if (tty_hung_up(tty, f))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP;
	if (!tty->stopped && tty->ops->write_room(tty) >= 8)
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

/* SPDX-License-Identifier: MIT */
/*
 * pty.c: pseudo terminals: a master and a slave, back to back. Bytes written to one side are input
 * of the other.
 *
 * Opening a ptmx makes a pair. The slave's node appears as N in the ptmx's instance of devpts,
 * which gives the number. The master keeps that instance alive, the slave its numbers (driver_data
 * of both). Each side holds a reference to the other: the master's is dropped when the master is
 * closed, the slave's when the slave is freed, so the pair lives until both are closed.
 *
 * Bytes for which the other side's read buffer has no room are kept in ->ahead, up to AHEAD bytes,
 * and moved to the read buffer when it has room again. A writer waits only when ->ahead is full
 * too. One task at a time moves bytes (->feeding), so they stay in order. The master is in raw mode
 * without echo, so writing to it never writes back: the slave's lock is taken before the master's.
 *
 * Locks: a side's ctl_mutex for opening and closing; tty->lock of the side that receives the bytes,
 * for ->ahead.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <linux/major.h>

#include "kernel/dev/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/vfs.h"

#define PTY_MAX 4096

/* sysctl kernel.pty.max; at most NUMBERS of devpts.c */
static int pty_max = PTY_MAX;
static atomic_t pty_count;

int pty_reserve = 1024;

/* ---- bytes for which the read buffer has no room ---- */

#define AHEAD (10 << 10)
#define FEED 256 /* bytes at a time */

/* Appends bytes to ->ahead and returns how many fitted. Under tty->lock. */
static int keep(struct tty_struct *to, const u8 *buf, int n)
{
	int i;

	if (n && !to->ahead) {
		to->ahead = kmalloc(AHEAD, GFP_ATOMIC);
		WRITE_ONCE(to->ahead_none, !to->ahead);
	}
	for (i = 0; to->ahead && i < n && to->ahead_head - to->ahead_tail < AHEAD; i++)
		to->ahead[to->ahead_head++ % AHEAD] = buf[i];
	return i;
}

/*
 * Returns true if the caller has become the task that moves bytes. Returns false if another task
 * is moving them; that task then checks for more bytes before it stops. Under tty->lock.
 */
static bool feed_begin(struct tty_struct *to)
{
	if (to->feeding) {
		to->feed_again = true;
		return false;
	}
	to->feeding = true;
	to->feed_again = false;
	return true;
}

/* Moves bytes of ->ahead to the read buffer as long as that has room. */
static void move_on(struct tty_struct *to)
{
	bool more = true;
	u8 buf[FEED];

	while (more) {
		u64 start;
		int n = 0, took;

		spin_lock(&to->lock);
		start = to->ahead_tail;
		if (start == to->ahead_head || !feed_begin(to)) {
			spin_unlock(&to->lock);
			return;
		}
		for (; n < FEED && start + (u64)n < to->ahead_head; n++)
			buf[n] = to->ahead[(start + (u64)n) % AHEAD];
		spin_unlock(&to->lock);
		took = tty_input(to, buf, n);
		spin_lock(&to->lock);
		/* a flush may have advanced ahead_tail */
		to->ahead_tail = max(to->ahead_tail, start + (u64)took);
		to->feeding = false;
		more = took == n || to->feed_again;
		spin_unlock(&to->lock);
	}
}

/*
 * Passes bytes to the tty @to, or keeps them in ->ahead. Returns how many it took. Does not sleep.
 */
static int feed(struct tty_struct *to, const u8 *buf, int n)
{
	int took = 0;
	bool first;

	spin_lock(&to->lock);
	first = to->ahead_head == to->ahead_tail && feed_begin(to);
	if (!first)
		took = keep(to, buf, n);
	spin_unlock(&to->lock);
	if (first) {
		took = tty_input(to, buf, n);
		spin_lock(&to->lock);
		took += keep(to, buf + took, n - took);
		to->feeding = false;
		spin_unlock(&to->lock);
	}
	move_on(to); /* the reader may have made room meanwhile */
	return took;
}

static void forget(struct tty_struct *to)
{
	spin_lock(&to->lock);
	to->ahead_tail = to->ahead_head;
	spin_unlock(&to->lock);
}

static int pty_write(struct tty_struct *tty, const u8 *buf, int n)
{
	struct tty_struct *to = tty->link;

	if (!to || (test_bit(TTY_OTHER_CLOSED, &tty->flags) && test_bit(TTY_SLAVE, &tty->flags)))
		/*
		 * If the master is closed, no reader will come, so drop the bytes. A closed slave
		 * may be opened again.
		 */
		return n;
	if (tty->stopped)
		return 0;
	return feed(to, buf, n);
}

static int pty_write_room(struct tty_struct *tty)
{
	if (!tty->link ||
		(test_bit(TTY_OTHER_CLOSED, &tty->flags) && test_bit(TTY_SLAVE, &tty->flags)))
		return N_TTY_BUF_SIZE;
	if (tty->stopped)
		return 0;
	if (unlikely(READ_ONCE(tty->link->ahead_none)))
		return tty_input_room(tty->link);
	return (int)(AHEAD - (READ_ONCE(tty->link->ahead_head) - READ_ONCE(tty->link->ahead_tail)));
}

static void pty_unthrottle(struct tty_struct *tty)
{
	move_on(tty);
	if (tty->link)
		tty_wakeup(tty->link);
}

static int pty_resize(struct tty_struct *tty, const struct winsize *ws)
{
	struct tty_struct *other = tty->link;

	if (!other)
		return tty_do_resize(tty, ws);
	spin_lock(&other->lock);
	other->winsize = *ws;
	spin_unlock(&other->lock);
	return tty_do_resize(tty, ws);
}

/* Flushes output: the other side's read buffer stays readable, bytes in ->ahead are dropped. */
static void pty_flush_buffer(struct tty_struct *tty)
{
	if (tty->link)
		forget(tty->link);
	if (test_bit(TTY_SLAVE, &tty->flags))
		tty_packet_status(tty, TIOCPKT_FLUSHWRITE);
}

static bool xon_xoff(const struct ktermios *k)
{
	return (k->c_iflag & IXON) && k->c_cc[VSTOP] == 'S' - '@' && k->c_cc[VSTART] == 'Q' - '@';
}

/*
 * Applies termios. Character size and parity do not apply to a pty. A master in packet mode is
 * notified when the slave begins or stops to handle ^S, and of any change if the master's program
 * edits lines (EXTPROC).
 */
static void pts_set_termios(struct tty_struct *tty, const struct ktermios *old)
{
	bool flow = xon_xoff(&tty->termios);

	spin_lock(&tty->lock);
	tty->termios.c_cflag &= ~(u32)(CSIZE | PARENB);
	tty->termios.c_cflag |= CS8 | CREAD;
	if (flow != xon_xoff(old))
		tty->ctrl_status &= (u8) ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
	spin_unlock(&tty->lock);
	if (flow != xon_xoff(old))
		tty_packet_status(tty, flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
	if ((old->c_lflag | tty->termios.c_lflag) & EXTPROC)
		tty_packet_status(tty, TIOCPKT_IOCTL);
}

static void wake_all(struct tty_struct *tty)
{
	wake_up_common(&tty->read_wait, TASK_NORMAL, 0, EPOLLIN | EPOLLHUP);
	wake_up_common(&tty->write_wait, TASK_NORMAL, 0, EPOLLOUT | EPOLLHUP);
}

static int pts_open(struct tty_struct *tty, struct file *f)
{
	if (tty->link)
		clear_bit(TTY_OTHER_CLOSED, &tty->link->flags);
	return 0;
}

static void pts_close(struct tty_struct *tty, struct file *f)
{
	if (tty->count || !tty->link)
		return;
	set_bit(TTY_OTHER_CLOSED, &tty->link->flags);
	wake_all(tty->link);
}

void pty_slave_end(struct tty_struct *slave)
{
	tty_hangup(slave);
	set_bit(TTY_OTHER_CLOSED, &slave->link->flags);
	wake_all(slave->link);
}

static void pts_hangup(struct tty_struct *tty)
{
	if (tty->link)
		wake_all(tty->link);
}

static void ptm_close(struct tty_struct *tty, struct file *f)
{
	struct tty_struct *slave = tty->link;

	if (tty->count)
		return;
	set_bit(TTY_OTHER_CLOSED, &slave->flags);
	devpts_kill(tty->driver_data, slave);
	devpts_release(tty->driver_data);
	wake_all(slave);
	tty_hangup(slave);
	/*
	 * Drops the master's reference to the slave. The slave's reference to the master is dropped
	 * when the slave is freed.
	 */
	tty_put(slave);
}

static void pts_free(struct tty_struct *slave)
{
	struct devpts *dp = slave->driver_data;

	if (slave->index >= 0) {
		devpts_number_free(dp, slave->index);
		atomic_dec(&pty_count);
	}
	devpts_put(dp);
	if (slave->link) {
		slave->link->link = NULL;
		tty_put(slave->link);
	}
}

static long ptm_ioctl(struct tty_struct *tty, struct file *f, u32 cmd, u64 arg);

static const struct tty_operations ptm_ops = {
	.close = ptm_close,
	.write = pty_write,
	.write_room = pty_write_room,
	.unthrottle = pty_unthrottle,
	.resize = pty_resize,
	.flush_buffer = pty_flush_buffer,
	.ioctl = ptm_ioctl,
};
static const struct tty_operations pts_ops = {
	.open = pts_open,
	.close = pts_close,
	.write = pty_write,
	.write_room = pty_write_room,
	.unthrottle = pty_unthrottle,
	.resize = pty_resize,
	.flush_buffer = pty_flush_buffer,
	.set_termios = pts_set_termios,
	.hangup = pts_hangup,
	.free = pts_free,
};

/* ---- the master's own requests ---- */

static long pty_signal(struct tty_struct *master, int sig)
{
	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	tty_signal_pgrp(master->link, sig);
	return 0;
}

static long set_flag(struct tty_struct *tty, int flag, uaddr_t ua)
{
	int on;

	if (get_user(on, ua))
		return -EFAULT;
	if (on)
		set_bit(flag, &tty->flags);
	else
		clear_bit(flag, &tty->flags);
	return 0;
}

/* Opens the slave for TIOCGPTPEER, without a walk through /dev. */
static long open_peer(struct tty_struct *master, struct file *ptmx, u64 flags)
{
	struct file *f;
	int fd = get_unused_fd((u32)flags);

	if (fd < 0)
		return fd;
	f = devpts_open(master->driver_data, ptmx, master->index, (u32)flags);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		return PTR_ERR(f);
	}
	fd_install(fd, f);
	return fd;
}

static long ptm_ioctl(struct tty_struct *tty, struct file *f, u32 cmd, u64 arg)
{
	uaddr_t ua = UADDR(arg);
	int n;

	switch (cmd) {
	case TIOCGPTN: return put_user((u32)tty->index, ua);
	case TIOCSPTLCK: return set_flag(tty->link, TTY_PTY_LOCK, ua);
	case TIOCGPTLCK: n = test_bit(TTY_PTY_LOCK, &tty->link->flags); return put_user(n, ua);
	case TIOCPKT: return set_flag(tty, TTY_PKT, ua);
	case TIOCGPKT: n = test_bit(TTY_PKT, &tty->flags); return put_user(n, ua);
	case TIOCSIG: return pty_signal(tty, (int)arg);
	case TIOCGPTPEER: return open_peer(tty, f, arg);
	}
	return -ENOTTY;
}

/* ---- making a pair ---- */

static void make_raw(struct tty_struct *tty)
{
	tty->termios.c_iflag = 0;
	tty->termios.c_oflag = 0;
	tty->termios.c_lflag = 0;
	tty->termios.c_cflag = B38400 | CS8 | CREAD;
}

/* Makes a slave with a number in @dp. Returns ERR_PTR on failure. */
static struct tty_struct *pts_alloc(struct devpts *dp)
{
	struct tty_struct *slave = tty_alloc(&pts_ops, 0, "", -1);
	int n;

	if (!slave)
		return ERR_PTR(-ENOMEM);
	slave->driver_data = devpts_hold(dp);
	/* the master may write before the slave is opened */
	if (!tty_make_buffers(slave, GFP_KERNEL)) {
		tty_put(slave);
		return ERR_PTR(-ENOMEM);
	}
	n = -ENOSPC;
	if (atomic_inc_return(&pty_count) <= READ_ONCE(pty_max) - devpts_spare(dp))
		n = devpts_number(dp, slave);
	if (n < 0) {
		atomic_dec(&pty_count);
		tty_put(slave);
		return ERR_PTR(n);
	}
	slave->index = n;
	slave->dev = MKDEV(UNIX98_PTY_SLAVE_MAJOR, (u32)n);
	scnprintf(slave->name, sizeof(slave->name), "pts/%d", n);
	slave->termios.c_cflag &= ~(u32)HUPCL;
	set_bit(TTY_SLAVE, &slave->flags);
	set_bit(TTY_PTY_LOCK, &slave->flags);
	return slave;
}

/*
 * Makes both sides and returns the master. The master's reference to the slave is dropped when the
 * master's file is closed.
 */
static struct tty_struct *pair_alloc(struct devpts *dp)
{
	struct tty_struct *master, *slave = pts_alloc(dp);

	if (IS_ERR(slave))
		return slave;
	master = tty_alloc(&ptm_ops, MKDEV(TTYAUX_MAJOR, 2), "ptm", slave->index);
	if (!master) {
		tty_put(slave);
		return ERR_PTR(-ENOMEM);
	}
	make_raw(master);
	set_bit(TTY_MASTER, &master->flags);
	master->driver_data = dp;
	master->link = slave;
	slave->link = master;
	tty_get(master);
	return master;
}

struct tty_struct *ptm_open(struct file *f)
{
	struct devpts *dp = devpts_acquire(f);
	struct tty_struct *master, *slave;
	int err;

	if (IS_ERR(dp))
		return ERR_CAST(dp);
	master = pair_alloc(dp);
	if (IS_ERR(master)) {
		err = (int)PTR_ERR(master);
		goto err_release;
	}
	slave = master->link;
	err = devpts_new(dp, slave);
	if (err)
		goto err_put;
	err = tty_open_file(master, f);
	if (err)
		goto err_kill;
	nonseekable_open(f->f_inode, f);
	return master;

err_kill:
	devpts_kill(dp, slave);
err_put:
	tty_put(master);
	tty_put(slave);
err_release:
	devpts_release(dp);
	return ERR_PTR(err);
}

/* ---- /proc/sys/kernel/pty ---- */

static int show_nr(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\n", atomic_read(&pty_count));
}

/*
 * Accepted without effect: the only line discipline is built in, and no module could add another.
 */
static int ldisc_autoload = 1;

static const struct sysctl sysctls[] = {
	SYSCTL_NUM("dev/tty/legacy_tiocsti", legacy_tiocsti, 0, 1),
	SYSCTL_NUM("dev/tty/ldisc_autoload", ldisc_autoload, 0, 1),
	SYSCTL_NUM("kernel/pty/max", pty_max, 0, PTY_MAX),
	SYSCTL_NUM("kernel/pty/reserve", pty_reserve, 0, PTY_MAX),
	{ .path = "kernel/pty/nr", .kind = SYSCTL_SHOW, .mode = 0444, .show = show_nr },
};

static int pty_init(void)
{
	return sysctl_register(sysctls, ARRAY_SIZE(sysctls));
}
INITCALL(4, pty_init);

/* SPDX-License-Identifier: MIT */
/*
 * tty.c: terminals as files: lines by number, /dev/tty, /dev/console, /dev/ptmx, opening, hanging
 * up, closing.
 *
 * A file's private_data is its tty, with a reference. Files of a hung-up tty stay open: reads
 * return 0 and writes fail with EIO. A line that is opened after a hang-up starts with empty
 * buffers. Files of /dev/console are never hung up: process 1, even if it is a shell, keeps the
 * files with which it was started, and they serve the next client of the console. Registered lines
 * live for ever, ptys until both sides are closed. Locks: tty.h. lines[] is written at boot only.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/major.h>

#include "kernel/dev/tty.h"
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

#define NR_LINES 64
/* Value of f->f_hangups for a file that is never hung up; no tty->hangups reaches it. */
#define NEVER_HUNG_UP (~0U)
/* Registered lines, with references. Changed only while drivers are set up. */
static struct tty_struct *lines[NR_LINES];
static u32 nr_lines;
static char console_name[16] = "tty0";

/* The initial settings of a terminal, as in Linux. */
const struct ktermios tty_std_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD | HUPCL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = { [VINTR] = 3,
		[VQUIT] = 28,
		[VERASE] = 127,
		[VKILL] = 21,
		[VEOF] = 4,
		[VMIN] = 1,
		[VSTART] = 17,
		[VSTOP] = 19,
		[VSUSP] = 26,
		[VREPRINT] = 18,
		[VDISCARD] = 15,
		[VWERASE] = 23,
		[VLNEXT] = 22 },
	.c_ispeed = 38400,
	.c_ospeed = 38400,
};

/* ---- life ---- */

struct tty_struct *tty_alloc(
	const struct tty_operations *ops, dev_t dev, const char *name, int index)
{
	struct tty_struct *tty = kzalloc(sizeof(*tty), GFP_KERNEL);

	if (!tty)
		return NULL;
	atomic_set(&tty->refs, 1);
	tty->ops = ops;
	tty->dev = dev;
	tty->index = index;
	strscpy(tty->name, name, sizeof(tty->name));
	mutex_init(&tty->ctl_mutex);
	mutex_init(&tty->read_mutex);
	mutex_init(&tty->write_mutex);
	init_waitqueue_head(&tty->read_wait);
	init_waitqueue_head(&tty->write_wait);
	fasync_list_init(&tty->async);
	spin_lock_init(&tty->lock);
	tty->termios = tty_std_termios;
	return tty;
}

bool tty_make_buffers(struct tty_struct *tty, gfp_t gfp)
{
	u8 *buf, *echo;

	if (smp_load_acquire(&tty->read_buf))
		return true;
	buf = kzalloc(2 * N_TTY_BUF_SIZE, gfp);
	echo = kzalloc(ECHO_BUF_SIZE, gfp);
	if (buf && echo) {
		spin_lock(&tty->lock);
		if (!tty->read_buf) {
			tty->read_mark = buf + N_TTY_BUF_SIZE;
			tty->echo_buf = echo;
			smp_store_release(&tty->read_buf, buf);
			buf = echo = NULL;
		}
		spin_unlock(&tty->lock);
	}
	kfree(buf);
	kfree(echo);
	return smp_load_acquire(&tty->read_buf);
}

void tty_get(struct tty_struct *tty)
{
	atomic_inc(&tty->refs);
}

void tty_put(struct tty_struct *tty)
{
	if (!atomic_dec_and_test(&tty->refs))
		return;
	if (tty->ops->free)
		tty->ops->free(tty);
	put_pid(tty->pgrp);
	put_pid(tty->session);
	kfree(tty->read_buf);
	kfree(tty->echo_buf);
	kfree(tty->ahead);
	kfree(tty);
}

int tty_register_line(struct tty_struct *tty)
{
	if (nr_lines == NR_LINES)
		return -ENOSPC;
	lines[nr_lines++] = tty;
	return devtmpfs_create(tty->name, S_IFCHR | 0620, tty->dev);
}

static struct tty_struct *line_by_dev(dev_t dev)
{
	u32 i;

	for (i = 0; i < nr_lines; i++)
		if (lines[i]->dev == dev)
			return lines[i];
	return NULL;
}

void tty_set_console(const char *name)
{
	strscpy(console_name, name, sizeof(console_name));
}

const char *tty_console_name(void)
{
	return console_name;
}

struct tty_struct *tty_console(void)
{
	u32 i;

	for (i = 0; i < nr_lines; i++)
		if (!strcmp(lines[i]->name, console_name))
			return lines[i];
	return NULL;
}

struct tty_struct *file_tty(struct file *f)
{
	return f->f_op == &tty_fops ? f->private_data : NULL;
}

dev_t tty_devnum(struct tty_struct *tty)
{
	return tty->dev;
}

void tty_wakeup(struct tty_struct *tty)
{
	tty_flush_echoes(tty);
	if (waitqueue_active(&tty->write_wait))
		wake_up_poll(&tty->write_wait, EPOLLOUT | EPOLLWRNORM);
}

void tty_packet_status(struct tty_struct *tty, u8 status)
{
	struct tty_struct *master = tty->link;

	if (!master || !test_bit(TTY_PKT, &master->flags))
		return;
	spin_lock(&tty->lock);
	tty->ctrl_status |= status;
	status = tty->ctrl_status;
	spin_unlock(&tty->lock);
	if (status)
		wake_up_poll(&master->read_wait, EPOLLIN | EPOLLPRI);
}

const struct tty_log_ops *tty_log_ops;

static void log_open(struct tty_struct *tty)
{
	const struct tty_struct *ours;
	u64 own;

	read_lock(&tasklist_lock);
	ours = current->signal->tty;
	own = ours ? ours->dev : 0;
	read_unlock(&tasklist_lock);
	tty_log_ops->add(tty, TTY_LOG_OPEN, 0, &own, sizeof(own));
}

/* ---- opening ---- */

int tty_open_file(struct tty_struct *tty, struct file *f)
{
	int err = 0;

	mutex_lock(&tty->ctl_mutex);
	if (test_bit(TTY_EXCLUSIVE, &tty->flags) && !capable(CAP_SYS_ADMIN)) {
		err = -EBUSY;
	} else if (test_bit(TTY_SLAVE, &tty->flags) &&
		   (test_bit(TTY_PTY_LOCK, &tty->flags) ||
			   test_bit(TTY_OTHER_CLOSED, &tty->flags))) {
		err = -EIO;
	} else if (!tty_make_buffers(tty, GFP_KERNEL)) {
		err = -ENOMEM;
	} else {
		f->f_hangups = tty->hangups;
		if (tty->ops->open)
			err = tty->ops->open(tty, f);
	}
	if (!err && !tty->count++ && tty_log_ops && !test_bit(TTY_MASTER, &tty->flags))
		log_open(tty);
	mutex_unlock(&tty->ctl_mutex);
	return err;
}

/*
 * Makes @tty the controlling terminal of current, if current is a session leader without one and
 * did not pass O_NOCTTY. Does nothing for /dev/console, a master, and a file opened for writing
 * only.
 */
static void acquire_on_open(struct tty_struct *tty, struct file *f, dev_t dev)
{
	bool noctty = (f->f_flags & O_NOCTTY) || dev == MKDEV(TTYAUX_MAJOR, 1) ||
		      test_bit(TTY_MASTER, &tty->flags);

	if (!noctty && f->f_mode & FMODE_READ)
		tty_open_acquire(tty, f);
}

static int tty_open(struct inode *inode, struct file *f)
{
	dev_t dev = inode->i_rdev;
	struct tty_struct *tty;
	int err;

	if (dev == MKDEV(TTYAUX_MAJOR, 2)) {
		tty = ptm_open(f);
		if (IS_ERR(tty))
			return (int)PTR_ERR(tty);
		f->private_data = tty;
		return 0;
	}
	if (dev == MKDEV(TTYAUX_MAJOR, 0)) {
		read_lock(&tasklist_lock);
		tty = current->signal->tty;
		if (tty)
			tty_get(tty);
		read_unlock(&tasklist_lock);
		if (!tty)
			return -ENXIO;
	} else if (MAJOR(dev) == UNIX98_PTY_SLAVE_MAJOR) {
		tty = devpts_get(inode);
		if (!tty)
			return -EIO;
	} else {
		tty = dev == MKDEV(TTYAUX_MAJOR, 1) ? tty_console() : line_by_dev(dev);
		if (!tty)
			return -ENXIO;
		tty_get(tty);
	}
	err = tty_open_file(tty, f);
	if (err) {
		tty_put(tty);
		return err;
	}
	if (dev == MKDEV(TTYAUX_MAJOR, 1))
		f->f_hangups = NEVER_HUNG_UP;
	f->private_data = tty;
	nonseekable_open(inode, f);
	acquire_on_open(tty, f, dev);
	return 0;
}

static int tty_release(struct inode *inode, struct file *f)
{
	struct tty_struct *tty = f->private_data;

	if (!tty)
		return 0;
	mutex_lock(&tty->ctl_mutex);
	tty->count--;
	if (tty->ops->close)
		tty->ops->close(tty, f);
	if (!tty->count && tty_log_ops && !test_bit(TTY_MASTER, &tty->flags))
		tty_log_ops->add(tty, TTY_LOG_CLOSE, 0, NULL, 0);
	if (!tty->count)
		clear_bit(TTY_EXCLUSIVE, &tty->flags);
	mutex_unlock(&tty->ctl_mutex);
	tty_put(tty);
	return 0;
}

/* ---- hanging up ---- */

struct hangup {
	struct tty_struct *tty;
	struct pid *pgrp; /* the foreground group */
};

/*
 * Takes the terminal from a session's leader. The leader remembers the foreground group, which is
 * signalled if the leader exits without having acquired another terminal. tasklist_lock held for
 * writing.
 */
static void lose_tty(struct task *leader, void *arg)
{
	struct signal_struct *sig = leader->signal;
	const struct hangup *h = arg;

	tty_leaves_leader(leader, h->tty);
	if (!sig->leader || !h->pgrp)
		return;
	put_pid(sig->tty_old_pgrp);
	sig->tty_old_pgrp = get_pid(h->pgrp);
}

static void hangup_one(struct task *leader, void *arg)
{
	if (leader->signal->leader) {
		send_sig_group(SIGHUP, leader, SEND_SIG_PRIV);
		send_sig_group(SIGCONT, leader, SEND_SIG_PRIV);
	}
}

bool tty_hung_up(const struct tty_struct *tty, const struct file *f)
{
	return f->f_hangups != NEVER_HUNG_UP && READ_ONCE(tty->hangups) != f->f_hangups;
}

void tty_hangup(struct tty_struct *tty)
{
	struct hangup h = { .tty = tty };
	struct pid *session;

	mutex_lock(&tty->ctl_mutex);
	write_lock(&tasklist_lock);
	session = tty->session;
	h.pgrp = tty->pgrp;
	tty->session = tty->pgrp = NULL;
	for_each_in_pid_locked(session, PIDTYPE_SID, lose_tty, &h);
	write_unlock(&tasklist_lock);
	if (session)
		for_each_in_pid(session, PIDTYPE_SID, hangup_one, tty);
	/*
	 * The hang-up is counted only after the signals are sent: a shell that reads end-of-file
	 * before it gets its signal would exit without signalling its jobs.
	 */
	WRITE_ONCE(tty->hangups, tty->hangups + 1);
	n_tty_init(tty);
	if (tty->ops->hangup)
		tty->ops->hangup(tty);
	mutex_unlock(&tty->ctl_mutex);
	wake_up_common(&tty->read_wait, TASK_NORMAL, 0, EPOLLIN | EPOLLHUP);
	wake_up_common(&tty->write_wait, TASK_NORMAL, 0, EPOLLOUT | EPOLLHUP);
	put_pid(session);
	put_pid(h.pgrp);
}

/* ---- file operations ---- */

static ssize_t tty_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct tty_struct *tty = f->private_data;

	if (tty_hung_up(tty, f))
		return 0;
	return n_tty_read(tty, f, to);
}

static ssize_t tty_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct tty_struct *tty = f->private_data;

	if (tty_hung_up(tty, f))
		return -EIO;
	return n_tty_write(tty, f, from);
}

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	return n_tty_poll(f->private_data, f, pt);
}

/* Enables or disables SIGIO. If no owner is set, the foreground group becomes the owner. */
static int tty_fasync(int fd, struct file *f, bool on)
{
	struct tty_struct *tty = f->private_data;
	struct pid *pid;
	int type = PIDTYPE_PGID, err = fasync_helper(fd, f, on, &tty->async);

	if (err || !on || READ_ONCE(f->f_owner.pid))
		return err;
	read_lock(&tasklist_lock);
	pid = get_pid(tty->pgrp);
	read_unlock(&tasklist_lock);
	if (!pid) {
		pid = get_pid(current->signal->pids[PIDTYPE_TGID]);
		type = PIDTYPE_TGID;
	}
	file_set_owner(f, pid, type);
	put_pid(pid);
	return 0;
}

static int tty_fdinfo(struct file *f, char *buf, size_t size)
{
	const struct tty_struct *tty = f->private_data;

	return test_bit(TTY_MASTER, &tty->flags) ?
		       scnprintf(buf, size, "tty-index:\t%d\n", tty->index) :
		       0;
}

const struct file_operations tty_fops = {
	.llseek = no_llseek,
	.open = tty_open,
	.release = tty_release,
	.read_iter = tty_read_iter,
	.write_iter = tty_write_iter,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.fasync = tty_fasync,
	.show_fdinfo = tty_fdinfo,
};

static int tty_init(void)
{
	int err;

	err = register_chrdev(TTY_MAJOR, 0, 256, "tty", &tty_fops);
	if (!err)
		err = register_chrdev(TTYAUX_MAJOR, 0, 3, "/dev/tty", &tty_fops);
	if (!err)
		err = register_chrdev(UNIX98_PTY_SLAVE_MAJOR, 0, 1 << 16, "pts", &tty_fops);
	if (!err)
		err = devtmpfs_create("tty", S_IFCHR | 0666, MKDEV(TTYAUX_MAJOR, 0));
	if (!err)
		err = devtmpfs_create("console", S_IFCHR | 0600, MKDEV(TTYAUX_MAJOR, 1));
	if (!err)
		err = devtmpfs_create("ptmx", S_IFCHR | 0666, MKDEV(TTYAUX_MAJOR, 2));
	return err;
}
INITCALL(4, tty_init);

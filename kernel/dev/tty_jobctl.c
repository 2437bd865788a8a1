/* SPDX-License-Identifier: MIT */
/*
 * tty_jobctl.c: sessions and their terminals: ownership, the foreground group, and signals to
 * background groups.
 *
 * signal->tty holds no reference. If a task's signal->tty is a tty, tty->session is the task's
 * session. tty_hangup(), which runs before a pty is freed, clears signal->tty of the whole session.
 * signal->tty, tty->session and tty->pgrp change under tasklist_lock. A reader that only
 * compares signal->tty with a tty needs no lock, a reader that dereferences it takes tasklist_lock.
 * Sources: POSIX.1-2017 sections 11.1.3, 11.1.4; tty_ioctl(4).
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>

#include "gen/syscalls.h"
#include "kernel/dev/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/task/sysrq.h"
#include "kernel/vfs/vfs.h"

void tty_signal_pgrp(struct tty_struct *tty, int sig)
{
	struct pid *pgrp;

	read_lock(&tasklist_lock);
	pgrp = get_pid(tty->pgrp);
	read_unlock(&tasklist_lock);
	if (pgrp)
		kill_pgrp(pgrp, sig, SEND_SIG_PRIV);
	put_pid(pgrp);
}

int tty_check_change(struct tty_struct *tty, int sig)
{
	bool mine, background;
	struct pid *pgrp;

	read_lock(&tasklist_lock);
	pgrp = task_pgrp(current);
	mine = current->signal->tty == tty;
	background = mine && tty->pgrp && tty->pgrp != pgrp;
	get_pid(pgrp);
	read_unlock(&tasklist_lock);
	if (background) {
		bool ignored = sig_is_ignored(current, sig);

		if (ignored && sig == SIGTTIN)
			goto err_io;
		if (ignored)
			goto ok;
		if (is_current_pgrp_orphaned())
			goto err_io;
		kill_pgrp(pgrp, sig, SEND_SIG_PRIV);
		set_bit(TIF_SIGPENDING, &current->work_flags);
		put_pid(pgrp);
		return -ERESTARTSYS;
	}
ok:
	put_pid(pgrp);
	return 0;
err_io:
	put_pid(pgrp);
	return -EIO;
}

/*
 * True if the terminal may become a controlling terminal through @f. False if @f was hung up since
 * it was opened: tty_hangup() has already run for the tty, so a session that acquires it now would
 * keep a pointer to a freed pty. If @f is a master, @tty is its slave, which is hung up when the
 * master is closed. ctl_mutex and tasklist_lock held.
 */
static bool alive(const struct tty_struct *tty, const struct file *f)
{
	return f->private_data != tty || !tty_hung_up(tty, f);
}

/* Makes @tty the controlling terminal of current's session. Under tasklist_lock for writing. */
static void set_ctty_locked(struct tty_struct *tty, struct pid **old_pgrp, struct pid **old_session)
{
	*old_pgrp = tty->pgrp;
	*old_session = tty->session;
	tty->pgrp = get_pid(task_pgrp(current));
	tty->session = get_pid(task_session(current));
	current->signal->tty = tty;
	put_pid(current->signal->tty_old_pgrp);
	current->signal->tty_old_pgrp = NULL;
}

void tty_open_acquire(struct tty_struct *tty, struct file *f)
{
	struct pid *p = NULL, *s = NULL;

	mutex_lock(&tty->ctl_mutex);
	write_lock(&tasklist_lock);
	if (current->signal->leader && !current->signal->tty && !tty->session && alive(tty, f))
		set_ctty_locked(tty, &p, &s);
	write_unlock(&tasklist_lock);
	mutex_unlock(&tty->ctl_mutex);
	put_pid(p);
	put_pid(s);
}

void tty_leaves_leader(struct task *leader, void *arg)
{
	if (leader->signal->tty == arg)
		leader->signal->tty = NULL;
}

/* Handles TIOCSCTTY. @arg 1: steals the terminal from another session (CAP_SYS_ADMIN). */
static long set_controlling(struct tty_struct *tty, struct file *f, u64 arg)
{
	struct pid *p = NULL, *s = NULL, *victim = NULL;
	long err = -EPERM;

	if (test_bit(TTY_MASTER, &tty->flags) && tty->link)
		tty = tty->link;
	read_lock(&tasklist_lock);
	if (tty->session && tty->session != task_session(current))
		victim = get_pid(tty->session);
	read_unlock(&tasklist_lock);
	if (current->signal->leader && current->signal->tty == tty && !victim)
		return 0;
	if (!current->signal->leader || current->signal->tty)
		goto out;
	if (victim && (arg != 1 || !capable(CAP_SYS_ADMIN)))
		goto out;
	if (!(f->f_mode & FMODE_READ) && !capable(CAP_SYS_ADMIN))
		goto out;
	mutex_lock(&tty->ctl_mutex);
	write_lock(&tasklist_lock);
	if (!alive(tty, f)) {
		err = -EIO;
	} else if (!current->signal->tty && (!tty->session || tty->session == victim ||
						    tty->session == task_session(current))) {
		/*
		 * Takes the terminal from the other session under the same hold of the lock:
		 * otherwise that session's leader could acquire it again before set_ctty_locked(),
		 * and keep it.
		 */
		if (tty->session == victim)
			for_each_in_pid_locked(victim, PIDTYPE_SID, tty_leaves_leader, tty);
		set_ctty_locked(tty, &p, &s);
		err = 0;
	}
	write_unlock(&tasklist_lock);
	mutex_unlock(&tty->ctl_mutex);
out:
	put_pid(p);
	put_pid(s);
	put_pid(victim);
	return err;
}

/*
 * Releases the terminal, which stays usable for processes that have it open, such as those that
 * outlive their shell. Signals the foreground group or, if the terminal was hung up earlier, the
 * group that was in the foreground then.
 */
void disassociate_ctty(bool on_exit)
{
	struct tty_struct *tty;
	struct pid *pgrp, *session = NULL;

	if (!current->signal->leader)
		return;
	write_lock(&tasklist_lock);
	tty = current->signal->tty;
	pgrp = current->signal->tty_old_pgrp;
	current->signal->tty_old_pgrp = NULL;
	if (tty) {
		tty_get(tty);
		put_pid(pgrp); /* remembered from an earlier terminal */
		pgrp = tty->pgrp;
		session = tty->session;
		tty->pgrp = tty->session = NULL;
		for_each_in_pid_locked(task_session(current), PIDTYPE_SID, tty_leaves_leader, tty);
	}
	write_unlock(&tasklist_lock);
	if (pgrp)
		kill_pgrp(pgrp, SIGHUP, SEND_SIG_PRIV);
	if (pgrp && (!tty || !on_exit))
		kill_pgrp(pgrp, SIGCONT, SEND_SIG_PRIV);
	put_pid(pgrp);
	put_pid(session);
	if (tty)
		tty_put(tty);
}

long sys_vhangup(void)
{
	struct tty_struct *tty;

	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	read_lock(&tasklist_lock);
	tty = current->signal->tty;
	if (tty)
		tty_get(tty);
	read_unlock(&tasklist_lock);
	if (tty) {
		tty_hangup(tty);
		tty_put(tty);
	}
	return 0;
}

static long get_pgrp(struct tty_struct *tty, u64 arg)
{
	pid_t nr;

	if (current->signal->tty != tty && !test_bit(TTY_MASTER, &tty->flags))
		return -ENOTTY;
	if (test_bit(TTY_MASTER, &tty->flags) && tty->link)
		tty = tty->link;
	read_lock(&tasklist_lock);
	nr = pid_vnr(tty->pgrp);
	read_unlock(&tasklist_lock);
	return put_user(nr, UADDR(arg));
}

static void any_task(struct task *leader, void *arg)
{
	struct pid **session = arg;

	*session = task_session(leader);
}

static long set_pgrp(struct tty_struct *tty, u64 arg)
{
	struct pid *pgrp, *old, *session = NULL;
	pid_t nr;
	int err;

	if (test_bit(TTY_MASTER, &tty->flags) && tty->link)
		tty = tty->link;
	err = tty_check_change(tty, SIGTTOU);
	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (current->signal->tty != tty || tty->session != task_session(current))
		return -ENOTTY;
	if (get_user(nr, UADDR(arg)))
		return -EFAULT;
	if (nr < 0)
		return -EINVAL;
	pgrp = find_get_pid(nr);
	if (!pgrp)
		return -ESRCH;
	for_each_in_pid(pgrp, PIDTYPE_PGID, any_task, &session);
	if (session != task_session(current)) {
		put_pid(pgrp);
		return -EPERM;
	}
	write_lock(&tasklist_lock);
	old = tty->pgrp;
	tty->pgrp = pgrp;
	write_unlock(&tasklist_lock);
	put_pid(old);
	return 0;
}

static long get_sid(struct tty_struct *tty, u64 arg)
{
	pid_t nr;

	if (test_bit(TTY_MASTER, &tty->flags) && tty->link)
		tty = tty->link;
	else if (current->signal->tty != tty)
		return -ENOTTY;
	read_lock(&tasklist_lock);
	nr = pid_vnr(tty->session);
	read_unlock(&tasklist_lock);
	return nr ? put_user(nr, UADDR(arg)) : -ENOTTY;
}

static long notty(struct tty_struct *tty)
{
	if (current->signal->tty != tty)
		return -ENOTTY;
	if (current->signal->leader) {
		disassociate_ctty(false);
		return 0;
	}
	write_lock(&tasklist_lock);
	current->signal->tty = NULL;
	write_unlock(&tasklist_lock);
	return 0;
}

/* ---- secure access ---- */

/* Returns a descriptor of @t that refers to the terminal, or -1. */
static int fd_on_tty(struct task *t, const struct tty_struct *tty)
{
	struct file *f;
	int fd = 0;

	while ((f = fget_task_next(t, &fd))) {
		bool it = file_tty(f) == tty;

		fput(f);
		if (it)
			return fd;
		fd++;
	}
	return -1;
}

static void sak_one(struct task *t, struct tty_struct *tty)
{
	int fd;

	if (READ_ONCE(t->signal->tty) == tty) {
		pr_notice("SAK: killed process %d (%s): by controlling tty\n", t->tgid, t->comm);
	} else {
		fd = fd_on_tty(t, tty);
		if (fd < 0)
			return;
		pr_notice("SAK: killed process %d (%s): by fd#%d\n", t->tgid, t->comm, fd);
	}
	send_sig_group(SIGKILL, t, SEND_SIG_PRIV);
}

/*
 * Kills the processes that have the console open, one at a time with a reference, since the search
 * of their files may sleep.
 */
static void sak(void)
{
	struct tty_struct *tty = tty_console();

	if (!tty)
		return;
	n_tty_flush_input(tty);
	for (pid_t nr = 1; (nr = next_process_ns(nr, &init_pid_ns)) > 0; nr++) {
		struct pid *pid = find_get_pid_ns(nr, &init_pid_ns);
		struct task *t = pid ? pid_get_task(pid, PIDTYPE_TGID) : NULL;

		put_pid(pid);
		if (!t)
			continue;
		if (!(t->flags & PF_KTHREAD) && t->tgid != 1)
			sak_one(t, tty);
		put_task(t);
	}
}

static void describe_tty(const struct tty_struct *tty, dev_t *dev, struct pid **pgrp)
{
	*dev = tty->dev;
	*pgrp = tty->pgrp;
}

static const struct task_tty_ops ops_for_tasks = {
	.leave = disassociate_ctty,
	.describe = describe_tty,
	.sak = sak,
};

static int jobctl_init(void)
{
	task_tty_ops = &ops_for_tasks;
	return 0;
}
INITCALL(4, jobctl_init);

long tty_jobctl_ioctl(struct tty_struct *tty, struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TIOCSCTTY: return set_controlling(tty, f, arg);
	case TIOCNOTTY: return notty(tty);
	case TIOCGPGRP: return get_pgrp(tty, arg);
	case TIOCSPGRP: return set_pgrp(tty, arg);
	case TIOCGSID: return get_sid(tty, arg);
	}
	return -ENOTTY;
}

/* SPDX-License-Identifier: MIT */
/*
 * mqueue_notify.c: mq_notify(2): one process at a time may request a single notification, which is
 * sent when a message comes to the empty queue.
 *
 * SIGEV_SIGNAL sends a signal. For SIGEV_THREAD the C library passes a netlink socket and a cookie
 * of 32 bytes: the cookie is put into the socket's queue, and a thread of the library reads it. The
 * cookie's last byte is NOTIFY_WOKENUP if a message came, or NOTIFY_REMOVED if the request ended
 * without one. The request ends when the notification is sent, by mq_notify(NULL), and when its
 * process closes any descriptor of the queue.
 *
 * Locks: q->lock for the request. The request is removed under the lock; the signal or cookie is
 * sent without it.
 */
#include <asm/siginfo.h>
#include <linux/signal.h>

#include "kernel/ipc/mqueue.h"
#include "kernel/net/socket/socket.h"

void mq_notify_take(struct mq_inode *q, struct mq_notify *n)
{
	assert_spin_held(&q->lock);
	*n = q->notify;
	memset(&q->notify, 0, sizeof(q->notify));
}

/* Drops the references that @n holds. */
static void notify_free(struct mq_notify *n)
{
	if (n->sock)
		fput(n->sock);
	if (n->owner)
		put_pid(n->owner);
}

static void send_signal(const struct mq_notify *n)
{
	struct task *t = pid_get_task(n->owner, PIDTYPE_TGID);
	siginfo_t info;

	if (!t)
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = n->signo;
	info.si_code = SI_MESGQ;
	info.si_pid =
		/* sender's pid and uid as the receiver's namespaces see them */
		task_tgid_nr_ns(current, pid_ns_of(n->owner));
	info.si_uid = from_kuid_munged(t->cred->user_ns, current_uid());
	info.si_ptr = (void *)n->value;
	if (n->signo && READ_ONCE(t->signal->exec_id) == n->exec_id)
		send_sig_group(n->signo, t, &info);
	put_task(t);
}

/* Sends the cookie, with @why as its last byte. */
static void send_cookie(struct mq_notify *n, u8 why)
{
	n->cookie[NOTIFY_COOKIE_LEN - 1] = why;
	netlink_deliver(n->sock, n->cookie, NOTIFY_COOKIE_LEN);
}

void mq_notify_send(struct mq_notify *n)
{
	if (!n->owner)
		return;
	if (n->how == SIGEV_SIGNAL)
		send_signal(n);
	else if (n->how == SIGEV_THREAD)
		send_cookie(n, NOTIFY_WOKENUP);
	notify_free(n);
}

void mq_notify_end(struct mq_inode *q, bool any)
{
	struct mq_notify n = { .owner = NULL };

	spin_lock(&q->lock);
	if (q->notify.owner && (any || q->notify.owner == sysv_tgid(current)))
		mq_notify_take(q, &n);
	spin_unlock(&q->lock);
	if (n.sock)
		send_cookie(&n, NOTIFY_REMOVED);
	notify_free(&n);
}

/*
 * Parses the guest's request into @n, and takes the reference to the socket. Returns 0, or -errno
 * with no reference taken.
 */
static int notify_parse(struct mq_notify *n, const struct sigevent *ev)
{
	int err;

	if (ev->sigev_notify != SIGEV_NONE && ev->sigev_notify != SIGEV_SIGNAL &&
		ev->sigev_notify != SIGEV_THREAD)
		return -EINVAL;
	n->how = ev->sigev_notify;
	n->signo = ev->sigev_signo;
	n->value = (u64)ev->sigev_value.sival_ptr;
	if (n->how == SIGEV_SIGNAL && (n->signo < 0 || n->signo > NSIG_MAX))
		return -EINVAL;
	if (n->how != SIGEV_THREAD)
		return 0;
	if (copy_from_user(n->cookie, UADDR(n->value), sizeof(n->cookie)))
		return -EFAULT;
	n->sock = fget(n->signo);
	if (!n->sock)
		return -EBADF;
	err = netlink_deliver(n->sock, NULL, 0);
	if (err) {
		fput(n->sock);
		n->sock = NULL;
	}
	return err;
}

/*
 * Makes *n the queue's request, which takes over its references. Returns 0, or -EBUSY: the caller
 * keeps them. Takes q->lock.
 */
static int notify_register(struct mq_inode *q, struct mq_notify *n)
{
	int err = 0;

	spin_lock(&q->lock);
	if (q->notify.owner) {
		err = -EBUSY;
	} else {
		n->owner = sysv_get_tgid();
		n->exec_id = READ_ONCE(current->signal->exec_id);
		q->notify = *n;
		q->vfs.i_atime = q->vfs.i_ctime = current_time(&q->vfs);
	}
	spin_unlock(&q->lock);
	return err;
}

long sys_mq_notify(int fd, uaddr_t uev)
{
	struct mq_notify n = { .owner = NULL };
	struct sigevent ev;
	struct fd f;
	int err = 0;

	if (uev.v) {
		if (copy_from_user(&ev, uev, sizeof(ev)))
			return -EFAULT;
		err = notify_parse(&n, &ev);
		if (err)
			return err;
	}
	f = mq_fd(fd, &err);
	if (!err && uev.v)
		err = notify_register(MQ(f.file->f_inode), &n);
	else if (!err)
		mq_notify_end(MQ(f.file->f_inode), false);
	if (f.file)
		fdput(f);
	if (err)
		notify_free(&n);
	return err;
}

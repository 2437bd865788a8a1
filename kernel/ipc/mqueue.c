/* SPDX-License-Identifier: MIT */
/*
 * mqueue.c: messages of POSIX message queues: mq_timedsend, mq_timedreceive.
 *
 * A sender hands its message to a waiting receiver, or else queues it by its priority. If the queue
 * is full the sender waits, and the next receiver that makes room queues its message. Waiters are
 * sorted by their tasks' priority, then by arrival.
 *
 * States of a waiter: waiting (on a list) -> done (off the list).
 *
 * Invariants:
 * 1. nr <= max_msgs; nr and bytes count the messages on the list.
 * 2. A receiver waits only while the queue is empty, a sender only while it is full.
 *
 * Locks: mq_inode.lock. Messages are copied from and to guest memory while no other task sees them.
 */
#include <linux/eventpoll.h>

#include "kernel/ipc/mqueue.h"
#include "kernel/time/time.h"

#define MQ_PRIO_END 32768 /* as sysconf(_SC_MQ_PRIO_MAX) returns */

/* A waiting receiver or sender; under mq_inode.lock. @msg: the message received, or to be sent. */
struct mq_waiter {
	struct list_head link;
	struct task *task;
	struct mq_message *msg;
	bool done;
};

/* ---- messages ---- */

static void message_free(struct mq_message *m)
{
	if (m)
		ipc_free(m, sizeof(*m) + m->size);
}

/* Reads a message of @size bytes from the guest. Returns ERR_PTR(-ENOMEM or -EFAULT) on failure. */
static struct mq_message *message_read(uaddr_t text, u64 size, u32 prio)
{
	struct mq_message *m = ipc_alloc(sizeof(*m) + size);

	if (!m)
		return ERR_PTR(-ENOMEM);
	m->prio = prio;
	m->size = size;
	if (copy_from_user(m->text, text, size)) {
		message_free(m);
		return ERR_PTR(-EFAULT);
	}
	return m;
}

/* Inserts a message after all messages of its own or a higher priority. */
static void insert(struct mq_inode *q, struct mq_message *m)
{
	struct list_head *at = q->messages.prev;

	assert_spin_held(&q->lock);
	while (at != &q->messages && list_entry(at, struct mq_message, link)->prio < m->prio)
		at = at->prev;
	list_add(&m->link, at);
	q->nr++;
	q->bytes += m->size;
}

/* Takes the first message off the queue, which is not empty. q->lock is held. */
static struct mq_message *take_first(struct mq_inode *q)
{
	struct mq_message *m = list_first_entry(&q->messages, struct mq_message, link);

	list_del(&m->link);
	q->nr--;
	q->bytes -= m->size;
	return m;
}

void mq_drop_messages(struct mq_inode *q)
{
	struct mq_message *m, *next;

	list_for_each_entry_safe(m, next, &q->messages, link)
		message_free(m);
	INIT_LIST_HEAD(&q->messages);
}

/* ---- waiting ---- */

/*
 * Ends a wait. @m: the message for a receiver, or NULL. q->lock is held. The waiter may be freed as
 * soon as its task sees `done`.
 */
static void finish(struct mq_waiter *w, struct mq_message *m)
{
	struct task *t = w->task;

	list_del(&w->link);
	w->msg = m;
	smp_store_release(&w->done, true);
	wake_up_process(t);
}

/* Returns the scheduling priority of @t as a number: a smaller one is more urgent. */
static int urgency(const struct task *t)
{
	int rt = sched_rt_prio(t);

	return rt ? -rt : 100 + READ_ONCE(t->nice);
}

/* Enqueues current after all waiters that are at least as urgent. */
static void enqueue(struct mq_waiter *w, struct list_head *list)
{
	struct list_head *at = list->prev;

	while (at != list &&
		urgency(list_entry(at, struct mq_waiter, link)->task) > urgency(current))
		at = at->prev;
	list_add(&w->link, at);
}

/*
 * Sleeps until @w is finished. The lock is held on entry and exit. Returns 0, -ETIMEDOUT or
 * -ERESTARTSYS.
 */
static int mq_sleep(
	struct mq_inode *q, struct mq_waiter *w, struct list_head *list, struct wait_until until)
{
	int err = 0;

	w->task = current;
	w->done = false;
	enqueue(w, list);
	spin_unlock(&q->lock);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&w->done) || err)
			break;
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else
			err = schedule_until(until);
	}
	__set_current_state(TASK_RUNNING);
	spin_lock(&q->lock);
	if (w->done)
		return 0;
	list_del(&w->link);
	return err;
}

/* Sets the queue's times. */
static void touched(struct mq_inode *q)
{
	q->vfs.i_atime = q->vfs.i_mtime = q->vfs.i_ctime = current_time(&q->vfs);
}

/* ---- sending ---- */

/*
 * Sends @m. Returns 0 if the message was handed over or queued; *n then has the notification to
 * send, if there is one. Takes q->lock. On -errno the caller still owns @m.
 */
static int mq_send(struct mq_inode *q, struct mq_message *m, bool nonblock, struct wait_until until,
	struct mq_notify *n)
{
	struct mq_waiter w = { .msg = m };
	int err = 0;

	spin_lock(&q->lock);
	if (q->nr >= q->max_msgs) {
		err = nonblock ? -EAGAIN : mq_sleep(q, &w, &q->senders, until);
	} else if (!list_empty(&q->receivers)) {
		finish(list_first_entry(&q->receivers, struct mq_waiter, link), m);
		touched(q);
	} else {
		insert(q, m);
		touched(q);
		if (q->nr == 1)
			mq_notify_take(q, n);
		wake_up_poll(&q->wait, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock(&q->lock);
	return err;
}

/* Reads the caller's deadline. Returns 0, -EFAULT or -EINVAL. */
static int get_deadline(uaddr_t timeout, struct wait_until *until)
{
	u64 abs;
	int err;

	*until = WAIT_FOREVER;
	if (!timeout.v)
		return 0;
	err = get_timespec(timeout, &abs);
	if (!err)
		*until = (struct wait_until){ .at = abs, .real = true };
	return err;
}

struct fd mq_fd(int fd, int *err)
{
	struct fd f = fdget(fd);

	*err = 0;
	if (f.file && f.file->f_op == &mqueue_file_ops)
		return f;
	if (f.file)
		fdput(f);
	*err = -EBADF;
	return (struct fd){ NULL, false };
}

/* Sends @len bytes. Returns 0 or -errno. */
static long send_to(struct file *f, uaddr_t text, size_t len, u32 prio, struct wait_until until)
{
	struct mq_inode *q = MQ(f->f_inode);
	struct mq_notify n = { .owner = NULL };
	struct mq_message *m;
	int err;

	if (!(f->f_mode & FMODE_WRITE))
		return -EBADF;
	if (len > (u64)q->msg_size)
		return -EMSGSIZE;
	m = message_read(text, len, prio);
	if (IS_ERR(m))
		return PTR_ERR(m);
	err = mq_send(q, m, f->f_flags & O_NONBLOCK, until, &n);
	if (err)
		message_free(m);
	mq_notify_send(&n);
	return err;
}

/*
 * Makes the checks with which both system calls begin, in Linux's order. If it returns 0, the
 * caller must call fdput() for @f.
 */
static int begin(int fd, uaddr_t timeout, u32 prio, struct fd *f, struct wait_until *until)
{
	int err = get_deadline(timeout, until);

	if (err)
		return err;
	if (prio >= MQ_PRIO_END)
		return -EINVAL;
	*f = mq_fd(fd, &err);
	return err;
}

long sys_mq_timedsend(int fd, uaddr_t msg, size_t len, u32 prio, uaddr_t timeout)
{
	struct wait_until until;
	struct fd f;
	long ret = begin(fd, timeout, prio, &f, &until);

	if (ret)
		return ret;
	ret = send_to(f.file, msg, len, prio, until);
	fdput(f);
	return ret;
}

/* ---- receiving ---- */

/*
 * Queues the message of the first waiting sender and wakes it up, since the queue has room. q->lock
 * is held.
 */
static void admit_sender(struct mq_inode *q)
{
	struct mq_waiter *w;

	if (list_empty(&q->senders)) {
		wake_up_poll(&q->wait, EPOLLOUT | EPOLLWRNORM);
		return;
	}
	w = list_first_entry(&q->senders, struct mq_waiter, link);
	insert(q, w->msg);
	finish(w, NULL);
}

/* Returns the next message, which the caller frees, or ERR_PTR. Takes q->lock. */
static struct mq_message *mq_receive(struct mq_inode *q, bool nonblock, struct wait_until until)
{
	struct mq_waiter w = { .msg = NULL };
	struct mq_message *m;
	int err = 0;

	spin_lock(&q->lock);
	if (q->nr) {
		m = take_first(q);
		admit_sender(q);
		touched(q);
	} else {
		err = nonblock ? -EAGAIN : mq_sleep(q, &w, &q->receivers, until);
		m = err ? ERR_PTR(err) : w.msg;
	}
	spin_unlock(&q->lock);
	return m;
}

/* Receives a message into @len bytes at @text. Returns its length or -errno. */
static long receive_from(
	struct file *f, uaddr_t text, size_t len, uaddr_t prio, struct wait_until until)
{
	struct mq_inode *q = MQ(f->f_inode);
	struct mq_message *m;
	long ret;

	if (!(f->f_mode & FMODE_READ))
		return -EBADF;
	if (len < (u64)q->msg_size)
		return -EMSGSIZE;
	m = mq_receive(q, f->f_flags & O_NONBLOCK, until);
	if (IS_ERR(m))
		return PTR_ERR(m);
	ret = (long)m->size;
	if ((prio.v && put_user(m->prio, prio)) || copy_to_user(text, m->text, m->size))
		ret = -EFAULT;
	message_free(m);
	return ret;
}

long sys_mq_timedreceive(int fd, uaddr_t msg, size_t len, uaddr_t prio, uaddr_t timeout)
{
	struct wait_until until;
	struct fd f;
	long ret = begin(fd, timeout, 0, &f, &until);

	if (ret)
		return ret;
	ret = receive_from(f.file, msg, len, prio, until);
	fdput(f);
	return ret;
}

/* SPDX-License-Identifier: MIT */
/*
 * seccomp_notify.c: lets another process (the listener) decide calls: SECCOMP_RET_USER_NOTIF
 * (seccomp_unotify(2)).
 *
 *	filter --notify_alloc()--> queue <--notify_file()-- listener's descriptor
 *
 * The listener's descriptor has the operations RECV, SEND, ID_VALID, ADDFD and poll. notify_call()
 * queues a note for a call. The note is on the stack of the calling task, which sleeps until the
 * listener answers.
 *
 * States of a note: INIT -> SENT (RECV) -> REPLIED (SEND, ADDFD with its SEND flag, or the end of
 * the listener). A note leaves the queue when its task continues: it was answered, or interrupted,
 * which restarts the call.
 *
 * Invariants:
 * 1. A note or a descriptor to be added is found through the queue only, under its lock. No pointer
 *    to either is kept after that, except by take_add(), for which the listener waits: both lie on
 *    the stacks of sleeping tasks. The task that removes an entry changes the entry's state in the
 *    same critical section, so that the entry's owner sees the change.
 * 2. The filter has a reference to the queue, and so does the listener's file. The last put frees
 *    the queue.
 *
 * Locks: notify_queue.lock protects everything but the refcount; wait_queue_head.lock inside of it.
 */
#include <asm-generic/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <linux/seccomp.h>

#include "kernel/cgroup/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/seccomp/seccomp.h"
#include "kernel/vfs/vfs.h"

#define ID_VALID_WRONG_DIR SECCOMP_IOR(2, __u64) /* with _IOR, as in the first version */
#define NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)    /* Linux 6.6 */
#define NOTIF_SYNC_WAKE_UP 1UL
#define ADDFD_SIZE_VER0 24
#define ADDFD_ANY (((u32)_IOC_SIZEMASK << _IOC_SIZESHIFT) | ((u32)_IOC_DIRMASK << _IOC_DIRSHIFT))
#define ADDFD_FLAGS (SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND)

enum note_state { NOTE_INIT, NOTE_SENT, NOTE_REPLIED };

struct notify_queue {
	atomic_t refs;
	bool killable; /* immutable */
	u32 flags;     /* set by NOTIF_SET_FLAGS */
	spinlock_t lock;
	/* Notes, the oldest first. From here on all members are under @lock. */
	struct list_head notes;
	u64 next_id;
	/*
	 * listening: the listener's descriptor is open. orphaned: no task has the filter any more.
	 */
	bool listening, orphaned;
	struct wait_queue_head wait;
};

struct note {
	struct list_head list;
	struct list_head adds; /* list of struct note_add.list */
	u64 id;
	struct task *task;
	const struct seccomp_data *data;
	enum note_state state;
	s64 val;
	s32 error;
	u32 flags;
};

/* A file that the listener adds to the task's descriptors. */
struct note_add {
	struct list_head list;
	struct file *file;
	u32 flags, newfd, newfd_flags;
	bool done;
	long ret;
};

struct notify_queue *notify_alloc(bool killable)
{
	struct notify_queue *q = kzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return NULL;
	atomic_set(&q->refs, 1);
	q->killable = killable;
	q->listening = true;
	/* As on Linux, the ids of one queue do not reveal those of another. */
	q->next_id = arch_cpu_clock() << 8;
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->notes);
	init_waitqueue_head(&q->wait);
	return q;
}

static void notify_put(struct notify_queue *q)
{
	if (atomic_dec_and_test(&q->refs))
		kfree(q);
}

void notify_orphan(struct notify_queue *q)
{
	spin_lock(&q->lock);
	q->orphaned = true;
	spin_unlock(&q->lock);
	wake_up_all(&q->wait);
	notify_put(q);
}

/* ---- the calling task ---- */

/* Installs a descriptor in current, the notifying task, and sets a->ret. */
static void install_add(struct note_add *a)
{
	u32 flags = a->newfd_flags;

	cgroup_file_received(a->file);
	if (a->flags & SECCOMP_ADDFD_FLAG_SETFD) {
		a->ret = replace_fd(a->newfd, a->file, flags);
		return;
	}
	a->ret = get_unused_fd(flags);
	if (a->ret >= 0)
		fd_install((int)a->ret, get_file(a->file));
}

static bool can_continue(struct notify_queue *q, const struct note *n)
{
	bool ret;

	spin_lock(&q->lock);
	ret = n->state == NOTE_REPLIED || !list_empty(&n->adds);
	spin_unlock(&q->lock);
	return ret;
}

/*
 * Installs one file that the listener has queued. Returns false if there is none. Called with
 * q->lock held, which is dropped meanwhile. The listener sleeps until the file is marked as
 * installed.
 */
static bool take_add(struct notify_queue *q, struct note *n)
{
	struct note_add *a = list_first_entry_or_null(&n->adds, struct note_add, list);

	if (!a)
		return false;
	list_del_init(&a->list);
	spin_unlock(&q->lock);
	install_add(a);
	spin_lock(&q->lock);
	if (a->flags & SECCOMP_ADDFD_FLAG_SEND) {
		n->state = a->ret >= 0 ? NOTE_REPLIED : NOTE_SENT;
		n->val = a->ret;
	}
	a->done = true;
	wake_up_all(&q->wait);
	return true;
}

/*
 * Waits until the listener answers, and installs the files that it adds. Returns 0 or -ERESTARTSYS.
 * q->lock is held, and dropped meanwhile. If the queue is killable, only a fatal signal ends the
 * wait for a note that was received.
 */
static int wait_for_reply(struct notify_queue *q, struct note *n)
{
	int err;

	for (;;) {
		while (take_add(q, n))
			;
		if (n->state == NOTE_REPLIED)
			return 0;
		bool killable = q->killable && n->state == NOTE_SENT;

		spin_unlock(&q->lock);
		if (killable)
			err = wait_event_killable(&q->wait, can_continue(q, n));
		else
			err = wait_event_interruptible(&q->wait,
				can_continue(q, n) ||
					(q->killable && READ_ONCE(n->state) == NOTE_SENT));
		spin_lock(&q->lock);
		if (err && (killable || !q->killable || n->state != NOTE_SENT ||
				   fatal_signal_pending(current)))
			/* A reply by a descriptor that was not installed yet fails. */
			return n->state == NOTE_REPLIED && list_empty(&n->adds) ? 0 : err;
	}
}

/* Fails the descriptors that were not installed. q->lock is held. */
static void refuse_adds(struct note *n)
{
	struct note_add *a, *next;

	list_for_each_entry_safe(a, next, &n->adds, list) {
		list_del_init(&a->list);
		a->ret = -ESRCH;
		a->done = true;
	}
}

bool notify_call(struct notify_queue *q, const struct seccomp_data *sd, u64 *rax)
{
	struct note n = { .task = current, .data = sd };
	int err;

	*rax = (u64)-ENOSYS;
	if (!q)
		return false;
	INIT_LIST_HEAD(&n.adds);
	spin_lock(&q->lock);
	if (!q->listening) {
		spin_unlock(&q->lock);
		return false;
	}
	n.id = q->next_id++;
	list_add_tail(&n.list, &q->notes);
	wake_up_all(&q->wait);
	err = wait_for_reply(q, &n);
	list_del(&n.list);
	refuse_adds(&n);
	spin_unlock(&q->lock);
	wake_up_all(&q->wait);
	if (!err && (n.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE))
		return true;
	*rax = err ? (u64)err : n.error ? (u64)(s64)n.error : (u64)n.val;
	return false;
}

/* ---- the listener ---- */

/* Returns the note with this id, or NULL. q->lock is held. */
static struct note *find_note(struct notify_queue *q, u64 id)
{
	struct note *n;

	assert_spin_held(&q->lock);
	list_for_each_entry(n, &q->notes, list)
		if (n->id == id)
			return n;
	return NULL;
}

static struct note *first_in(struct notify_queue *q, enum note_state state)
{
	struct note *n;

	list_for_each_entry(n, &q->notes, list)
		if (n->state == state)
			return n;
	return NULL;
}

static bool has_new(struct notify_queue *q)
{
	bool ret;

	spin_lock(&q->lock);
	ret = first_in(q, NOTE_INIT) || q->orphaned;
	spin_unlock(&q->lock);
	return ret;
}

/* Sets a note back to INIT if its copy to the listener has failed and its task still waits. */
static void give_back(struct notify_queue *q, u64 id)
{
	struct note *n;

	spin_lock(&q->lock);
	n = find_note(q, id);
	if (n && n->state == NOTE_SENT)
		n->state = NOTE_INIT;
	spin_unlock(&q->lock);
	wake_up_all(&q->wait);
}

static bool is_zero(const void *p, size_t n)
{
	const u8 *b = p;

	while (n && !*b)
		b++, n--;
	return !n;
}

/*
 * The functions notify_*(q, arg) serve the listener's ioctls. They may sleep. They return 0 or
 * -errno.
 */
static long notify_recv(struct notify_queue *q, uaddr_t arg)
{
	struct seccomp_notif un;
	struct note *n;

	if (copy_from_user(&un, arg, sizeof(un)))
		return -EFAULT;
	if (!is_zero(&un, sizeof(un)))
		return -EINVAL;
	if (wait_event_interruptible(&q->wait, has_new(q)))
		return -ERESTARTSYS;
	spin_lock(&q->lock);
	n = first_in(q, NOTE_INIT);
	if (n) {
		n->state = NOTE_SENT;
		un.id = n->id;
		/* The task waits, so it has a pid. */
		un.pid = (u32)pid_vnr(n->task->thread_pid);
		un.data = *n->data;
	}
	spin_unlock(&q->lock);
	if (!n)
		return -ENOENT;
	wake_up_all(&q->wait);
	if (!copy_to_user(arg, &un, sizeof(un)))
		return 0;
	give_back(q, un.id);
	return -EFAULT;
}

/*
 * Replies to a notification. @arg: user address of a struct seccomp_notif_resp. Returns 0 or
 * -errno: -ENOENT if the task has gone, -EINPROGRESS if the notification was not received yet or
 * has a reply already.
 */
static long notify_send(struct notify_queue *q, uaddr_t arg)
{
	struct seccomp_notif_resp r;
	struct note *n;
	long err = 0;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.flags & ~(u32)SECCOMP_USER_NOTIF_FLAG_CONTINUE)
		return -EINVAL;
	if ((r.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) && (r.error || r.val))
		return -EINVAL;
	spin_lock(&q->lock);
	n = find_note(q, r.id);
	if (!n) {
		err = -ENOENT;
	} else if (n->state != NOTE_SENT) {
		err = -EINPROGRESS;
	} else {
		n->state = NOTE_REPLIED;
		n->error = r.error;
		n->val = r.val;
		n->flags = r.flags;
	}
	spin_unlock(&q->lock);
	if (!err)
		wake_up_all(&q->wait);
	return err;
}

/* Returns 0 if the task still waits for the reply to the ID at @arg, -ENOENT or -EFAULT. */
static long notify_id_valid(struct notify_queue *q, uaddr_t arg)
{
	struct note *n;
	long err;
	u64 id;

	if (copy_from_user(&id, arg, sizeof(id)))
		return -EFAULT;
	spin_lock(&q->lock);
	n = find_note(q, id);
	err = n && n->state == NOTE_SENT ? 0 : -ENOENT;
	spin_unlock(&q->lock);
	return err;
}

/* Queues a descriptor for the notifying task @id. q->lock is held. Returns 0 or -errno. */
static long queue_add(struct notify_queue *q, struct note_add *a, u64 id)
{
	struct note *n;

	assert_spin_held(&q->lock);
	n = find_note(q, id);
	if (!n)
		return -ENOENT;
	if (n->state != NOTE_SENT)
		return -EINPROGRESS;
	if (a->flags & SECCOMP_ADDFD_FLAG_SEND) {
		if (!list_empty(&n->adds))
			return -EBUSY;
		n->state = NOTE_REPLIED; /* take_add() undoes this if it fails */
	}
	list_add_tail(&a->list, &n->adds);
	return 0;
}

/*
 * Waits until the task has installed the file. Returns the descriptor or -errno. The wait can be
 * interrupted until the task begins to install it.
 */
static long wait_for_add(struct notify_queue *q, struct note_add *a, u64 id)
{
	struct note *n;
	long err;

	err = wait_event_interruptible(&q->wait, READ_ONCE(a->done));
	spin_lock(&q->lock);
	if (err && !a->done && !list_empty(&a->list)) {
		list_del_init(&a->list);
		a->done = true;
		a->ret = err;
		n = find_note(q, id);
		if (n && (a->flags & SECCOMP_ADDFD_FLAG_SEND))
			n->state = NOTE_SENT;
	}
	spin_unlock(&q->lock);
	wait_event(&q->wait, READ_ONCE(a->done));
	/* The task has marked @a under the lock, and may still hold it. */
	spin_lock(&q->lock);
	spin_unlock(&q->lock);
	return a->ret;
}

/*
 * Adds a descriptor to the notifying task, and waits until it is installed. Returns its number or
 * -errno.
 */
static long add_checked(struct notify_queue *q, const struct seccomp_notif_addfd *u)
{
	struct note_add a = { .flags = u->flags, .newfd = u->newfd, .newfd_flags = u->newfd_flags };
	long err;

	if ((u->newfd_flags & ~(u32)O_CLOEXEC) || (u->flags & ~(u32)ADDFD_FLAGS))
		return -EINVAL;
	if (u->newfd && !(u->flags & SECCOMP_ADDFD_FLAG_SETFD))
		return -EINVAL;
	a.file = fget((int)u->srcfd);
	if (!a.file)
		return -EBADF;
	spin_lock(&q->lock);
	err = queue_add(q, &a, u->id);
	spin_unlock(&q->lock);
	if (!err) {
		wake_up_all(&q->wait);
		err = wait_for_add(q, &a, u->id);
	}
	fput(a.file);
	return err;
}

/*
 * Serves NOTIF_ADDFD in all its versions. @size: bytes of the structure, from the ioctl's number.
 * Returns the descriptor or -errno.
 */
static long notify_addfd(struct notify_queue *q, uaddr_t arg, size_t size)
{
	struct seccomp_notif_addfd u;
	int err;

	if (size < ADDFD_SIZE_VER0 || size >= PAGE_SIZE)
		return -EINVAL;
	err = copy_struct_from_user(&u, sizeof(u), arg, size);
	return err ? err : add_checked(q, &u);
}

/*
 * Stores the flag, which needs no action: if the waker is about to sleep, the scheduler queues a
 * waiter on the waker's vCPU anyway (kernel/sched/balance.c). Returns 0 or -EINVAL.
 */
static long notify_set_flags(struct notify_queue *q, u64 flags)
{
	if (flags & ~NOTIF_SYNC_WAKE_UP)
		return -EINVAL;
	WRITE_ONCE(q->flags, (u32)flags);
	return 0;
}

static long notify_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct notify_queue *q = f->private_data;

	switch (cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV: return notify_recv(q, UADDR(arg));
	case SECCOMP_IOCTL_NOTIF_SEND: return notify_send(q, UADDR(arg));
	case ID_VALID_WRONG_DIR:
	case SECCOMP_IOCTL_NOTIF_ID_VALID: return notify_id_valid(q, UADDR(arg));
	case NOTIF_SET_FLAGS: return notify_set_flags(q, arg);
	}
	if ((cmd & ~ADDFD_ANY) == SECCOMP_IO(3))
		return notify_addfd(q, UADDR(arg), _IOC_SIZE(cmd));
	return -EINVAL;
}

static u32 notify_poll(struct file *f, struct poll_table *pt)
{
	struct notify_queue *q = f->private_data;
	u32 mask = 0;

	poll_wait(f, &q->wait, pt);
	spin_lock(&q->lock);
	if (first_in(q, NOTE_INIT))
		mask |= (u32)EPOLLIN | (u32)EPOLLRDNORM;
	if (first_in(q, NOTE_SENT))
		mask |= (u32)EPOLLOUT | (u32)EPOLLWRNORM;
	if (q->orphaned)
		mask |= (u32)EPOLLHUP;
	spin_unlock(&q->lock);
	return mask;
}

/* Closes the listener, after which present and later calls fail with ENOSYS. */
static int notify_release(struct inode *inode, struct file *f)
{
	struct notify_queue *q = f->private_data;
	struct note *n;

	spin_lock(&q->lock);
	q->listening = false;
	list_for_each_entry(n, &q->notes, list) {
		if (n->state == NOTE_REPLIED)
			continue;
		n->state = NOTE_REPLIED;
		n->error = -ENOSYS;
		n->val = 0;
		n->flags = 0;
	}
	spin_unlock(&q->lock);
	wake_up_all(&q->wait);
	notify_put(q);
	return 0;
}

static const struct file_operations notify_fops = {
	.poll = notify_poll,
	.ioctl = notify_ioctl,
	.release = notify_release,
	.llseek = no_llseek,
};

struct file *notify_file(struct notify_queue *q)
{
	struct file *f;

	atomic_inc(&q->refs);
	f = anon_file("seccomp notify", &notify_fops, q, O_RDWR);
	if (IS_ERR(f))
		notify_put(q);
	return f;
}

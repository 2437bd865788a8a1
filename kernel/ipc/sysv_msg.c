/* SPDX-License-Identifier: MIT */
/*
 * sysv_msg.c: message queues of System V: msgget, msgsnd, msgrcv, msgctl, and /proc/sysvipc/msg.
 *
 * A sender first searches for a sleeping receiver that wants the message, and hands it over. So a
 * message is queued only if no waiting receiver wants it. Receivers and senders that must wait are
 * in two lists, in the order of arrival.
 *
 * States of a sleeping task: waiting (on a list) -> done (off the list, with a message or an
 * error). A receiver is finished by a sender or by the removal of the queue. A sender is only woken
 * up to try again, or gets EIDRM.
 *
 * Invariants:
 * 1. bytes and nr count the messages on the list.
 * 2. ns->msg_bytes and ns->msgs are the sums over all queues.
 *
 * Locks: perm.lock of the queue. Messages are copied from and to guest memory while no other task
 * sees them.
 */
#include "kernel/ipc/sysv.h"

struct message {
	struct list_head link;
	s64 type;
	u64 size;
	u8 text[]; /* @size bytes, not terminated */
};

struct msg_queue {
	struct sysv_perm perm;
	struct ipc_namespace *ns; /* immutable */
	/* under perm.lock */
	struct list_head messages, receivers, senders;
	/* bytes: of all texts; nr: messages; max_bytes: limit of both */
	u64 bytes, nr, max_bytes;
	s64 stime, rtime, ctime;   /* seconds since 1970 */
	struct pid *lspid, *lrpid; /* references, or NULL */
};
static struct msg_queue *to_msq(struct sysv_perm *p)
{
	return container_of(p, struct msg_queue, perm);
}

enum msg_search { SEARCH_ANY, SEARCH_EQUAL, SEARCH_NOT_EQUAL, SEARCH_LOWEST, SEARCH_NUMBER };

/*
 * A waiting receiver or sender; under perm.lock. A sender uses only link, task, msg (NULL), done
 * and result.
 */
struct msg_waiter {
	struct list_head link;
	struct task *task;
	struct pid *pid;
	enum msg_search search;
	s64 type;
	u64 size;
	int flags;
	struct message *msg; /* the message received */
	bool done;           /* True when it is off its list */
	int result;          /* 0 or -errno */
};

/* ---- messages ---- */

static void message_free(struct message *m)
{
	if (m)
		ipc_free(m, sizeof(*m) + m->size);
}

/*
 * Reads a message of @size bytes from the guest. Sleeps. Returns ERR_PTR(-ENOMEM or -EFAULT) on
 * failure.
 */
static struct message *message_read(s64 type, uaddr_t text, u64 size)
{
	struct message *m = ipc_alloc(sizeof(*m) + size);

	if (!m)
		return ERR_PTR(-ENOMEM);
	m->type = type;
	m->size = size;
	if (copy_from_user(m->text, text, size)) {
		message_free(m);
		return ERR_PTR(-EFAULT);
	}
	return m;
}

/* ---- the object ---- */

static struct sysv_perm *msg_make(const struct sysv_request *r)
{
	struct msg_queue *q = ipc_zalloc(sizeof(*q));

	if (!q)
		return ERR_PTR(-ENOMEM);
	sysv_perm_init(&q->perm, r);
	q->ns = r->ns;
	INIT_LIST_HEAD(&q->messages);
	INIT_LIST_HEAD(&q->receivers);
	INIT_LIST_HEAD(&q->senders);
	q->max_bytes = (u64)r->ns->msg_mnb;
	q->ctime = sysv_now();
	return &q->perm;
}

static void msg_free(struct sysv_perm *p)
{
	struct msg_queue *q = to_msq(p);

	sysv_set_pid(&q->lspid, NULL);
	sysv_set_pid(&q->lrpid, NULL);
	ipc_free(q, sizeof(*q));
}

static int msg_limit(struct ipc_namespace *ns)
{
	return ns->msg_mni;
}

/*
 * Ends a wait, under perm.lock. @m: the message, which the receiver takes over, or NULL. The waiter
 * may be freed as soon as its task sees `done`.
 */
static void finish(struct msg_waiter *w, struct message *m, int result)
{
	struct task *t = w->task;

	list_del(&w->link);
	w->msg = m;
	w->result = result;
	smp_store_release(&w->done, true);
	wake_up_process(t);
}

static void finish_all(struct list_head *waiters, int result)
{
	struct msg_waiter *w, *next;

	list_for_each_entry_safe(w, next, waiters, link)
		finish(w, NULL, result);
}

/* Adds (@sign 1) or subtracts (-1) a message. perm.lock is held. */
static void account(struct msg_queue *q, const struct message *m, s64 sign)
{
	q->bytes += (u64)(sign * (s64)m->size);
	q->nr += (u64)sign;
	atomic_add(sign * (s64)m->size, &q->ns->msg_bytes);
	atomic_add(sign, &q->ns->msgs);
}

static void msg_destroy(struct ipc_namespace *ns, struct sysv_perm *p)
{
	struct msg_queue *q = to_msq(p);
	struct message *m, *next;
	LIST_HEAD(freed);

	if (sysv_lock(p))
		return;
	p->removed = true;
	finish_all(&q->receivers, -EIDRM);
	finish_all(&q->senders, -EIDRM);
	list_for_each_entry_safe(m, next, &q->messages, link) {
		account(q, m, -1);
		list_move(&m->link, &freed);
	}
	sysv_remove(ns, IPC_MSG, p);
	spin_unlock(&p->lock);
	list_for_each_entry_safe(m, next, &freed, link)
		message_free(m);
	sysv_put(&sysv_msg_type, p);
}

static void msg_fill(struct sysv_perm *p, union sysv_ds *all)
{
	struct msg_queue *q = to_msq(p);
	struct msqid64_ds *ds = &all->msg;

	sysv_perm_out(&q->perm, &ds->msg_perm);
	ds->msg_stime = q->stime;
	ds->msg_rtime = q->rtime;
	ds->msg_ctime = q->ctime;
	ds->msg_cbytes = q->bytes;
	ds->msg_qnum = q->nr;
	ds->msg_qbytes = q->max_bytes;
	ds->msg_lspid = pid_vnr(q->lspid);
	ds->msg_lrpid = pid_vnr(q->lrpid);
}

static int msg_set(struct sysv_perm *p, const union sysv_ds *all)
{
	const struct msqid64_ds *ds = &all->msg;
	struct msg_queue *q = to_msq(p);
	int err;

	if (ds->msg_qbytes > (u64)q->ns->msg_mnb && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	err = sysv_perm_set(&q->perm, &ds->msg_perm);
	if (err)
		return err;
	q->max_bytes = ds->msg_qbytes;
	q->ctime = sysv_now();
	/* waiters check again, since they may have lost their permission */
	finish_all(&q->receivers, -EAGAIN);
	finish_all(&q->senders, 0);
	return 0;
}

const struct sysv_type sysv_msg_type = {
	.type = IPC_MSG,
	.stat_any = MSG_STAT_ANY,
	.ds_size = sizeof(struct msqid64_ds),
	.make = msg_make,
	.free = msg_free,
	.limit = msg_limit,
	.fill = msg_fill,
	.set = msg_set,
	.destroy = msg_destroy,
};

long sys_msgget(int key, int flags)
{
	struct sysv_request r = { .ns = current_ipc_ns(), .key = key, .flags = flags };

	return sysv_get(&sysv_msg_type, &r);
}

/*
 * Sleeps until @w is finished, and returns its result, or until a signal: -ERESTARTNOHAND.
 * perm.lock is held on entry and exit, and dropped meanwhile.
 */
static int msg_sleep(struct msg_queue *q, struct msg_waiter *w, struct list_head *waiters)
{
	bool interrupted = false;

	w->task = current;
	w->done = false;
	list_add_tail(&w->link, waiters);
	spin_unlock(&q->perm.lock);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&w->done) || interrupted)
			break;
		if (signal_pending(current))
			interrupted = true;
		else
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	spin_lock(&q->perm.lock);
	if (w->done)
		return w->result;
	list_del(&w->link);
	return -ERESTARTNOHAND;
}

/* ---- msgsnd ---- */

static bool wants(const struct msg_waiter *w, const struct message *m)
{
	switch (w->search) {
	case SEARCH_EQUAL: return m->type == w->type;
	case SEARCH_NOT_EQUAL: return m->type != w->type;
	case SEARCH_LOWEST: return m->type <= w->type;
	default: return true;
	}
}

/* Hands the message to a waiting receiver. Returns false if no receiver wants it. */
static bool hand_over(struct msg_queue *q, struct message *m)
{
	struct msg_waiter *w, *next;

	list_for_each_entry_safe(w, next, &q->receivers, link) {
		if (!wants(w, m))
			continue;
		if (m->size > w->size && !(w->flags & MSG_NOERROR)) {
			finish(w, NULL, -E2BIG);
			continue;
		}
		sysv_set_pid(&q->lrpid, w->pid);
		q->rtime = sysv_now();
		finish(w, m, 0);
		return true;
	}
	return false;
}

static bool has_room(const struct msg_queue *q, const struct message *m)
{
	return m->size + q->bytes <= q->max_bytes && q->nr + 1 <= q->max_bytes;
}

/*
 * Sends under perm.lock, which is dropped while it sleeps. Returns 0 if the message was handed over
 * or queued, or -errno: the caller still owns it.
 */
static int msg_send(struct msg_queue *q, struct message *m, int flags)
{
	struct msg_waiter w;
	int err;

	for (;;) {
		err = sysv_permits(&q->perm, IPC_W);
		if (err)
			return err;
		if (has_room(q, m))
			break;
		if (flags & IPC_NOWAIT)
			return -EAGAIN;
		err = msg_sleep(q, &w, &q->senders);
		if (err)
			return err;
		if (q->perm.removed)
			return -EIDRM;
	}
	sysv_set_pid(&q->lspid, sysv_tgid(current));
	q->stime = sysv_now();
	if (hand_over(q, m))
		return 0;
	list_add_tail(&m->link, &q->messages);
	account(q, m, 1);
	return 0;
}

long sys_msgsnd(int id, uaddr_t msg, size_t size, int flags)
{
	struct ipc_namespace *ns = current_ipc_ns();
	struct sysv_perm *p;
	struct message *m;
	s64 type;
	long ret;

	if (get_user(type, msg))
		return -EFAULT;
	if (size > (u64)ns->msg_max || (s64)size < 0 || id < 0 || type < 1)
		return -EINVAL;
	m = message_read(type, uaddr_add(msg, sizeof(type)), size);
	if (IS_ERR(m))
		return PTR_ERR(m);
	p = sysv_find(ns, IPC_MSG, id);
	ret = PTR_ERR(p);
	if (IS_ERR(p))
		goto out;
	ret = sysv_lock(p);
	if (!ret) {
		ret = msg_send(to_msq(p), m, flags);
		spin_unlock(&p->lock);
		if (!ret)
			m = NULL;
	}
	sysv_put(&sysv_msg_type, p);
out:
	message_free(m);
	return ret;
}

/* ---- msgrcv ---- */

static void parse_search(struct msg_waiter *w, s64 type, int flags)
{
	w->flags = flags;
	w->type = type;
	if (flags & MSG_COPY) {
		w->search = SEARCH_NUMBER;
	} else if (!type) {
		w->search = SEARCH_ANY;
	} else if (type < 0) {
		w->search = SEARCH_LOWEST;
		w->type = type == INT64_MIN ? INT64_MAX : -type;
	} else {
		w->search = flags & MSG_EXCEPT ? SEARCH_NOT_EQUAL : SEARCH_EQUAL;
	}
}

/* Returns the first message that @w wants, or NULL. perm.lock is held. */
static struct message *msg_search(struct msg_queue *q, const struct msg_waiter *w)
{
	struct message *m, *best = NULL;
	s64 n = 0;

	list_for_each_entry(m, &q->messages, link) {
		if (w->search == SEARCH_NUMBER) {
			if (n++ == w->type)
				return m;
		} else if (w->search == SEARCH_LOWEST) {
			if (wants(w, m) && (!best || m->type < best->type))
				best = m;
		} else if (wants(w, m)) {
			return m;
		}
	}
	return best;
}

/* Takes a message off the queue for current. perm.lock is held. */
static void take(struct msg_queue *q, struct message *m)
{
	list_del(&m->link);
	account(q, m, -1);
	sysv_set_pid(&q->lrpid, sysv_tgid(current));
	q->rtime = sysv_now();
	finish_all(&q->senders, 0);
}

/*
 * Returns the message that @w wants, or an error. ERR_PTR(-EAGAIN): there is none yet, so the
 * caller must wait. Under perm.lock.
 */
static struct message *msg_look(struct msg_queue *q, const struct msg_waiter *w)
{
	int err = sysv_permits(&q->perm, IPC_R);
	struct message *m;

	if (err)
		return ERR_PTR(err);
	m = msg_search(q, w);
	if (!m)
		return ERR_PTR(w->flags & IPC_NOWAIT ? -ENOMSG : -EAGAIN);
	if (m->size > w->size && !(w->flags & MSG_NOERROR))
		return ERR_PTR(-E2BIG);
	return m;
}

/*
 * Receives into w->msg. With MSG_COPY it copies into @copy instead, whose `size` is the room for
 * the text. Under perm.lock, which is dropped while it sleeps. Returns 0 or -errno. The caller owns
 * w->msg.
 */
static int msg_receive(struct msg_queue *q, struct msg_waiter *w, struct message *copy)
{
	struct message *m;
	int err;

	for (;;) {
		m = msg_look(q, w);
		if (m != ERR_PTR(-EAGAIN))
			break;
		err = msg_sleep(q, w, &q->receivers);
		if (err != -EAGAIN)
			return err;
		if (q->perm.removed)
			return -EIDRM;
	}
	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	if (!copy) {
		take(q, m);
		w->msg = m;
		return 0;
	}
	if (m->size > copy->size)
		return -EINVAL;
	copy->type = m->type;
	copy->size = m->size;
	memcpy(copy->text, m->text, copy->size);
	w->msg = copy;
	return 0;
}

/* Copies a message to the guest, at most @size bytes of text. Returns their number or -EFAULT. */
static long message_write(const struct message *m, uaddr_t to, u64 size)
{
	u64 n = min(size, m->size);

	if (put_user(m->type, to) || copy_to_user(uaddr_add(to, sizeof(m->type)), m->text, n))
		return -EFAULT;
	return (long)n;
}

/*
 * Allocates memory for MSG_COPY, or returns NULL without that flag. Returns ERR_PTR on failure. The
 * caller frees the memory with kfree(). As on Linux, the memory is first filled from the guest's
 * buffer, so that EFAULT comes before other errors.
 */
static struct message *copy_alloc(const struct ipc_namespace *ns, uaddr_t to, u64 size, int flags)
{
	struct message *copy;
	u64 room = min(size, (u64)ns->msg_max);

	if (!(flags & MSG_COPY))
		return NULL;
	copy = kmalloc(sizeof(*copy) + room, GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	copy->size = room;
	if (!copy_from_user(copy->text, to, room))
		return copy;
	kfree(copy);
	return ERR_PTR(-EFAULT);
}

long sys_msgrcv(int id, uaddr_t msg, size_t size, long type, int flags)
{
	struct ipc_namespace *ns = current_ipc_ns();
	struct msg_waiter w = { .size = size };
	struct message *copy;
	struct sysv_perm *p;
	long ret;

	if (id < 0 || (s64)size < 0)
		return -EINVAL;
	if (flags & MSG_COPY && (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	copy = copy_alloc(ns, msg, size, flags);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	parse_search(&w, type, flags);
	p = sysv_find(ns, IPC_MSG, id);
	ret = PTR_ERR(p);
	if (IS_ERR(p))
		goto out;
	w.pid = sysv_get_tgid();
	ret = sysv_lock(p);
	if (!ret) {
		ret = msg_receive(to_msq(p), &w, copy);
		spin_unlock(&p->lock);
	}
	sysv_set_pid(&w.pid, NULL);
	sysv_put(&sysv_msg_type, p);
	if (!ret)
		ret = message_write(w.msg, msg, size);
	if (w.msg != copy)
		message_free(w.msg);
out:
	kfree(copy);
	return ret;
}

/* ---- msgctl ---- */

static long msg_info(struct ipc_namespace *ns, int cmd, uaddr_t buf)
{
	struct msginfo mi;

	memset(&mi, 0, sizeof(mi)); /* including the padding at its end */
	mi.msgpool = MSGPOOL;
	mi.msgmap = MSGMAP;
	mi.msgmax = ns->msg_max;
	mi.msgmnb = ns->msg_mnb;
	mi.msgmni = ns->msg_mni;
	mi.msgssz = MSGSSZ;
	mi.msgtql = MSGTQL;
	mi.msgseg = (u16)MSGSEG;
	if (cmd == MSG_INFO) {
		mi.msgpool = sysv_in_use(ns, IPC_MSG);
		mi.msgmap = (int)min(atomic_read(&ns->msgs), (s64)INT32_MAX);
		mi.msgtql = (int)min(atomic_read(&ns->msg_bytes), (s64)INT32_MAX);
	}
	return copy_to_user(buf, &mi, sizeof(mi)) ? -EFAULT : sysv_max_index(ns, IPC_MSG);
}

long sys_msgctl(int id, int cmd, uaddr_t buf)
{
	struct ipc_namespace *ns = current_ipc_ns();

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO: return msg_info(ns, cmd, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY: return sysv_stat(&sysv_msg_type, id, cmd, buf);
	case IPC_SET:
	case IPC_RMID: return sysv_change(&sysv_msg_type, id, cmd, buf);
	}
	return -EINVAL;
}

int sysv_msg_line(struct ipc_namespace *ns, struct sysv_perm *p, char *buf, size_t size)
{
	union sysv_ds all = { 0 };
	struct msqid64_ds *ds = &all.msg;

	if (sysv_lock(p))
		return 0;
	msg_fill(p, &all);
	spin_unlock(&p->lock);
	return scnprintf(buf, size,
		"%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu\n",
		ds->msg_perm.key, p->id, ds->msg_perm.mode, ds->msg_cbytes, ds->msg_qnum,
		(u32)ds->msg_lspid, (u32)ds->msg_lrpid, ds->msg_perm.uid, ds->msg_perm.gid,
		ds->msg_perm.cuid, ds->msg_perm.cgid, (u64)ds->msg_stime, (u64)ds->msg_rtime,
		(u64)ds->msg_ctime);
}

/* SPDX-License-Identifier: MIT */
/*
 * req.c: connections, and requests from their allocation to their answer.
 *
 * A request owns its buffers and a reference on its connection, so the waiting task may leave at
 * any time. If a signal arrives that does not kill the task, the server gets an INTERRUPT after
 * the request, and the task continues to wait. A fatal signal ends the wait.
 */
#include "kernel/fs/fuse/fuse.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

struct fuse_conn *fuse_conn_new(void)
{
	struct fuse_conn *fc = kzalloc(sizeof(*fc), GFP_KERNEL);

	if (!fc)
		return NULL;
	atomic_set(&fc->refs, 1);
	arch_random(&fc->owner_key, sizeof(fc->owner_key));
	spin_lock_init(&fc->lock);
	INIT_LIST_HEAD(&fc->pending);
	INIT_LIST_HEAD(&fc->sent);
	INIT_LIST_HEAD(&fc->interrupts);
	INIT_LIST_HEAD(&fc->forgets);
	init_waitqueue_head(&fc->readers);
	init_waitqueue_head(&fc->waiters);
	fc->connected = true;
	fc->user_ns = get_user_ns(current_user_ns());
	fc->pid_ns = current_pid_ns();
	ns_get(&fc->pid_ns->ns);
	fc->max_read = FUSE_MAX_IO;
	/* Small until INIT, since the server may read the first request into a small buffer. */
	fc->max_write = 4096;
	return fc;
}

void fuse_conn_get(struct fuse_conn *fc)
{
	atomic_inc(&fc->refs);
}

void fuse_conn_put(struct fuse_conn *fc)
{
	struct fuse_forget *f, *next;

	if (!atomic_dec_and_test(&fc->refs))
		return;
	list_for_each_entry_safe(f, next, &fc->forgets, list)
		kfree(f);
	put_user_ns(fc->user_ns);
	ns_put(&fc->pid_ns->ns);
	kfree(fc);
}

/* ---- requests ---- */

/*
 * Fills in the uid, gid and pid of current, as numbered in the mounter's namespaces. A uid or gid
 * without a mapping becomes ~0.
 */
static void set_asker(struct fuse_req *r)
{
	r->h.uid = from_kuid(r->fc->user_ns, current_fsuid());
	r->h.gid = from_kgid(r->fc->user_ns, current_fsgid());
	r->h.pid = (u32)task_pid_nr_ns(current, r->fc->pid_ns);
}

/*
 * Makes a request. Its memory is charged to the current task's control group even if no task will
 * wait for the answer, since the server may leave any number of requests unanswered.
 */
struct fuse_req *fuse_req_new(
	struct fuse_conn *fc, u32 opcode, u64 nodeid, size_t in_len, size_t out_size)
{
	gfp_t gfp = GFP_KERNEL | __GFP_ACCOUNT;
	struct fuse_req *r = kzalloc(sizeof(*r), gfp);

	if (!r)
		return ERR_PTR(-ENOMEM);
	r->in = in_len ? kzalloc(in_len, gfp) : NULL;
	r->out = out_size ? kmalloc(out_size, gfp) : NULL;
	if ((in_len && !r->in) || (out_size && !r->out)) {
		kfree(r->in);
		kfree(r->out);
		kfree(r);
		return ERR_PTR(-ENOMEM);
	}
	atomic_set(&r->refs, 1);
	fuse_conn_get(fc);
	r->fc = fc;
	INIT_LIST_HEAD(&r->list);
	INIT_LIST_HEAD(&r->intr);
	INIT_LIST_HEAD(&r->flight);
	init_waitqueue_head(&r->wait);
	r->out_size = (u32)out_size;
	r->h.len = (u32)(sizeof(r->h) + in_len);
	r->h.opcode = opcode;
	r->h.nodeid = nodeid;
	set_asker(r);
	return r;
}

struct fuse_req *fuse_release_new(struct fuse_conn *fc)
{
	return fuse_req_new(fc, FUSE_RELEASE, 0, sizeof(struct fuse_release_in), 0);
}

void fuse_release_set(struct fuse_req *r, u64 nodeid, bool dir)
{
	r->h.nodeid = nodeid;
	r->h.opcode = dir ? FUSE_RELEASEDIR : FUSE_RELEASE;
	set_asker(r);
}

void fuse_req_put(struct fuse_req *r)
{
	if (!atomic_dec_and_test(&r->refs))
		return;
	fuse_conn_put(r->fc);
	kfree(r->in);
	kfree(r->out);
	kfree(r);
}

/*
 * Takes a request off all lists and makes it DONE. The caller then drops fc->lock and calls
 * fuse_req_finish().
 */
void fuse_req_done_locked(struct fuse_req *r, int err)
{
	assert_spin_held(&r->fc->lock);
	if (r->state == FUSE_SENT && !r->oneway)
		rb_erase(&r->node, &r->fc->answers);
	list_del_init(&r->list);
	list_del_init(&r->intr);
	r->state = FUSE_DONE;
	r->err = err;
}

/* Reports a DONE request, and drops the queue's reference. */
void fuse_req_finish(struct fuse_req *r)
{
	if (r->async)
		r->end(r);
	else
		wake_up_all(&r->wait);
	fuse_req_put(r);
}

/* Queues a request, with a reference for the queue. Returns 0, or -ENOTCONN with nothing queued. */
static int queue(struct fuse_req *r)
{
	struct fuse_conn *fc = r->fc;
	int err = 0;

	spin_lock(&fc->lock);
	if (!fc->connected) {
		err = -ENOTCONN;
	} else {
		if (!r->oneway) {
			fc->next_unique += 2; /* odd numbers are for interrupts */
			r->h.unique = fc->next_unique;
		}
		r->state = FUSE_PENDING;
		atomic_inc(&r->refs);
		list_add_tail(&r->list, &fc->pending);
	}
	spin_unlock(&fc->lock);
	if (!err)
		wake_up(&fc->readers);
	return err;
}

static bool is_done(struct fuse_req *r)
{
	bool yes;

	spin_lock(&r->fc->lock);
	yes = r->state == FUSE_DONE;
	spin_unlock(&r->fc->lock);
	return yes;
}

bool fuse_queue_interrupt(struct fuse_req *r)
{
	struct fuse_conn *fc = r->fc;

	assert_spin_held(&fc->lock);
	if (!r->interrupted || r->state != FUSE_SENT || fc->no_interrupt)
		return false;
	list_add_tail(&r->intr, &fc->interrupts);
	return true;
}

/*
 * Handles a signal during the wait: sends an INTERRUPT, at once if the server has read the request,
 * else when it reads the request.
 */
static void interrupt(struct fuse_req *r)
{
	bool wake;

	spin_lock(&r->fc->lock);
	r->interrupted = true;
	wake = fuse_queue_interrupt(r);
	spin_unlock(&r->fc->lock);
	if (wake)
		wake_up(&r->fc->readers);
}

/*
 * Abandons a request whose waiter is being killed, and sets r->unread. Returns false if the answer
 * has arrived: the caller must handle it, since the answer may hold a lookup of a node or a handle.
 */
static bool abandon(struct fuse_req *r)
{
	struct fuse_conn *fc = r->fc;
	bool mine;

	spin_lock(&fc->lock);
	mine = r->state != FUSE_DONE;
	r->unread = r->state == FUSE_PENDING;
	if (mine)
		fuse_req_done_locked(r, -EINTR);
	spin_unlock(&fc->lock);
	if (mine)
		fuse_req_put(r);
	return mine;
}

/* True if INIT is answered, or the connection has ended. */
static bool ready(struct fuse_conn *fc)
{
	bool yes;

	spin_lock(&fc->lock);
	yes = fc->initialized || !fc->connected;
	spin_unlock(&fc->lock);
	return yes;
}

/*
 * True if the task's ids have no mapping in the mount's user namespace, so that the request fails.
 * False for FLUSH and asynchronous requests, which must be sent and get the overflow ids instead.
 */
static bool ids_unknown(struct fuse_req *r)
{
	if (r->async || r->h.opcode == FUSE_FLUSH) {
		r->h.uid = id_munged(r->h.uid);
		r->h.gid = id_munged(r->h.gid);
	}
	return r->h.uid == ~0U || r->h.gid == ~0U;
}

int fuse_await_init(struct fuse_conn *fc)
{
	if (likely(smp_load_acquire(&fc->initialized)))
		return 0;
	return wait_event_killable(&fc->waiters, ready(fc)) ? -EINTR : 0;
}

int fuse_send(struct fuse_req *r)
{
	int err = wait_event_killable(&r->fc->waiters, ready(r->fc));

	if (err)
		return -EINTR;
	if (ids_unknown(r))
		return -EOVERFLOW;
	fuse_fit_request(r);
	err = queue(r);
	if (err)
		return err;
	err = wait_event_interruptible(&r->wait, is_done(r));
	if (err)
		interrupt(r);
	if (err && wait_event_killable(&r->wait, is_done(r)) && abandon(r))
		return -EINTR;
	if (!r->err)
		fuse_fit_answer(r);
	return r->err;
}

void fuse_send_async(struct fuse_req *r, void (*end)(struct fuse_req *r))
{
	int err;

	r->async = true;
	r->end = end;
	ids_unknown(r);
	fuse_fit_request(r);
	err = queue(r);
	if (err) {
		r->state = FUSE_DONE;
		r->err = err;
		end(r);
	}
	fuse_req_put(r);
}

int fuse_call(struct fuse_conn *fc, u32 opcode, u64 nodeid, const void *a, size_t an, const void *b,
	size_t bn, void *out, size_t outn)
{
	struct fuse_req *r = fuse_req_new(fc, opcode, nodeid, an + bn, outn);
	int err;

	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	if (an)
		memcpy(r->in, a, an);
	if (bn)
		memcpy((char *)r->in + an, b, bn);
	err = fuse_send(r);
	if (!err && outn)
		memcpy(out, r->out, outn);
	fuse_req_put(r);
	return err;
}

void fuse_queue_forget(struct fuse_conn *fc, struct fuse_forget *f)
{
	bool queued;

	spin_lock(&fc->lock);
	queued = fc->connected;
	if (queued)
		list_add_tail(&f->list, &fc->forgets);
	spin_unlock(&fc->lock);
	if (queued)
		wake_up(&fc->readers);
	else
		kfree(f);
}

void fuse_forget_put(struct fuse_conn *fc, struct fuse_forget *f)
{
	if (!atomic_dec_and_test(&f->refs))
		return;
	if (f->nlookup)
		fuse_queue_forget(fc, f);
	else
		kfree(f);
}

/* ---- the end ---- */

/*
 * Makes a pending or sent request DONE. Returns it, for fuse_req_finish(), or NULL if there is
 * none.
 */
static struct fuse_req *take_any(struct fuse_conn *fc)
{
	struct fuse_req *r;

	spin_lock(&fc->lock);
	r = list_first_entry_or_null(&fc->pending, struct fuse_req, list);
	if (!r)
		r = list_first_entry_or_null(&fc->sent, struct fuse_req, list);
	if (r)
		fuse_req_done_locked(r, -ECONNABORTED);
	spin_unlock(&fc->lock);
	return r;
}

void fuse_abort(struct fuse_conn *fc)
{
	struct fuse_req *r;

	spin_lock(&fc->lock);
	fc->connected = false;
	spin_unlock(&fc->lock);
	while ((r = take_any(fc)))
		fuse_req_finish(r);
	wake_up_all(&fc->waiters);
	wake_up_all(&fc->readers);
}

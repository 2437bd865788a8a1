/* SPDX-License-Identifier: MIT */
/*
 * poll.c: polls of open files, and the server's notifications.
 *
 * A guest task sends POLL and waits for the answer. A worker that polls for AIO or io_uring never
 * waits for a server, since all users share the few workers: it uses the last answer if no
 * notification came since, else sends POLL without waiting, and the answer wakes up the poller.
 *
 * Locks: fuse_conn.lock.
 */
#include <linux/eventpoll.h>

#include "kernel/fs/fuse/fuse.h"

#define EVERYTHING (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDNORM | EPOLLWRNORM)

/* Adds the file to fc->polls, where FUSE_NOTIFY_POLL finds it. */
static void expect_notify(struct fuse_file *ff)
{
	struct rb_node **at = &ff->fc->polls.node, *parent = NULL;

	assert_spin_held(&ff->fc->lock);
	if (ff->polled)
		return;
	while (*at) {
		parent = *at;
		at = ff->poll_kh < rb_entry(parent, struct fuse_file, poll_node)->poll_kh ?
			     &parent->left :
			     &parent->right;
	}
	rb_link_node(&ff->poll_node, parent, at);
	rb_insert_color(&ff->poll_node, &ff->fc->polls);
	ff->polled = true;
}

void fuse_poll_end(struct fuse_file *ff)
{
	spin_lock(&ff->fc->lock);
	if (ff->polled)
		rb_erase(&ff->poll_node, &ff->fc->polls);
	ff->polled = false;
	spin_unlock(&ff->fc->lock);
}

/*
 * Returns the events in the server's answer to POLL, or the events that stand for its error @err.
 */
static u32 poll_mask(struct fuse_conn *fc, int err, const struct fuse_poll_out *o)
{
	if (!err)
		return o->revents & 0xffff;
	if (err != -ENOSYS)
		return EPOLLERR;
	fc->no_poll = true;
	return vfs_default_poll();
}

static struct fuse_file *polled_file(struct fuse_conn *fc, u64 kh)
{
	struct rb_node *n = fc->polls.node;

	assert_spin_held(&fc->lock);
	while (n) {
		struct fuse_file *ff = rb_entry(n, struct fuse_file, poll_node);

		if (ff->poll_kh == kh)
			return ff;
		n = kh < ff->poll_kh ? n->left : n->right;
	}
	return NULL;
}

/*
 * Handles the answer to ask_later(). If the server notified of an event meanwhile, it may have
 * computed the answer before that event. Then the answer is not kept, and the poller is woken up to
 * ask again.
 */
static void poll_answered(struct fuse_req *r)
{
	const struct fuse_poll_in *in = r->in;
	struct fuse_conn *fc = r->fc;
	u32 mask = poll_mask(fc, r->err, r->out);
	struct fuse_file *ff;

	spin_lock(&fc->lock);
	ff = polled_file(fc, in->kh);
	if (ff) {
		ff->asking = false;
		ff->known = !ff->notified;
		ff->revents = mask;
		if (ff->notified || mask)
			wake_up_common(&ff->poll, TASK_NORMAL, 0, ff->notified ? 0 : mask);
	}
	spin_unlock(&fc->lock);
}

static u32 ask_later(struct fuse_file *ff)
{
	struct fuse_req *r = fuse_req_new(ff->fc, FUSE_POLL, ff->nodeid,
		sizeof(struct fuse_poll_in), sizeof(struct fuse_poll_out));

	if (IS_ERR(r)) {
		spin_lock(&ff->fc->lock);
		ff->asking = false;
		spin_unlock(&ff->fc->lock);
		return EPOLLERR;
	}
	*(struct fuse_poll_in *)r->in = (struct fuse_poll_in){ .fh = ff->fh,
		.kh = ff->poll_kh,
		.flags = FUSE_POLL_SCHEDULE_NOTIFY,
		.events = EVERYTHING };
	fuse_send_async(r, poll_answered);
	return 0;
}

/* Polls without waiting. Returns the known events, or 0 until the server has answered. */
static u32 poll_later(struct fuse_file *ff)
{
	struct fuse_conn *fc = ff->fc;
	bool ask;
	u32 mask;

	spin_lock(&fc->lock);
	expect_notify(ff);
	mask = ff->known ? ff->revents : 0;
	ask = !ff->known && !ff->asking;
	if (ask) {
		ff->asking = true;
		ff->notified = false;
	}
	spin_unlock(&fc->lock);
	return ask ? ask_later(ff) : mask;
}

u32 fuse_poll(struct file *f, struct poll_table *pt)
{
	struct fuse_file *ff = f->private_data;
	struct fuse_poll_in in = { .fh = ff->fh, .kh = ff->poll_kh };
	struct fuse_poll_out o;
	int err;

	if (ff->fc->no_poll)
		return vfs_default_poll();
	poll_wait(f, &ff->poll, pt);
	if (current->flags & PF_KTHREAD || (pt && pt->no_wait))
		return poll_later(ff);
	spin_lock(&ff->fc->lock);
	/* The state may have changed since the last answer, so the server is asked again. */
	ff->known = false;
	if (pt && pt->queue) {
		in.flags = FUSE_POLL_SCHEDULE_NOTIFY;
		expect_notify(ff);
	}
	spin_unlock(&ff->fc->lock);
	in.events = EVERYTHING;
	err = fuse_call(ff->fc, FUSE_POLL, ff->nodeid, &in, sizeof(in), NULL, 0, &o, sizeof(o));
	return poll_mask(ff->fc, err, &o);
}

int fuse_notify_poll(struct fuse_conn *fc, u64 kh)
{
	struct fuse_file *ff;

	spin_lock(&fc->lock);
	ff = polled_file(fc, kh);
	if (ff) {
		ff->known = false;
		ff->notified = true;
		wake_up_common(&ff->poll, TASK_NORMAL, 0, 0);
	}
	spin_unlock(&fc->lock);
	return 0;
}

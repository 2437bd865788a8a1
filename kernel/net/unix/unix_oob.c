/* SPDX-License-Identifier: MIT */
/*
 * unix_oob.c: AF_UNIX: the out-of-band byte of a stream (MSG_OOB), and the marks that remain in the
 * queue when such bytes were received. Readers of one socket take turns (read_mutex), but senders
 * do not wait for them: each check and the action that depends on it are done without releasing
 * u->c.lock between them.
 */
#include <asm/errno.h>

#include "kernel/net/unix/unix.h"

void unix_oob_comes(struct unix_sock *to, struct unix_msg *um)
{
	assert_spin_held(&to->c.lock);
	if (to->oob)
		to->oob->oob = false; /* the earlier byte becomes normal data */
	to->oob = um;
	if (to->file)
		file_sigurg(to->file);
}

/*
 * True if the mark @um ends a call that has data already (@some). Messages with um->oob are marks.
 * u->oob, if set, is the last of them: its byte is not received yet, and it ends a call. The bytes
 * of other marks were received: such a mark ends a call only if u->oob is NULL. u->c.lock held.
 */
static bool mark_stops(const struct unix_sock *u, const struct unix_msg *um, bool some)
{
	return some && (um == u->oob || !u->oob);
}

/*
 * Removes the mark @um at the front. Returns the message to free, or NULL if its byte is now normal
 * data (@in_line). u->c.lock held.
 */
static struct unix_msg *pass_mark(struct unix_sock *u, struct unix_msg *um, bool in_line)
{
	if (um == u->oob) {
		u->oob = NULL;
		if (in_line) {
			um->oob = false;
			return NULL;
		}
		u->queued--;
	}
	list_del_init(&um->list);
	u->nr_queued--;
	return um;
}

/*
 * Handles the out-of-band mark at the front. A read that has data already ends before it. Another
 * read skips the mark, and also the byte if it is still there, which is then lost to MSG_OOB; with
 * SO_OOBINLINE it reads the byte. Returns true if the read ends.
 */
bool unix_oob_stops(struct unix_sock *u, bool first)
{
	struct unix_msg *um, *drop;
	bool stop = false;

	do {
		drop = NULL;
		spin_lock(&u->c.lock);
		um = list_first_entry_or_null(&u->queue, struct unix_msg, list);
		if (um && unlikely(um->oob)) {
			stop = mark_stops(u, um, !first);
			if (!stop)
				drop = pass_mark(u, um, READ_ONCE(u->c.oobinline));
		}
		spin_unlock(&u->c.lock);
		if (drop)
			unix_msg_free(drop);
	} while (drop);
	return stop;
}

bool unix_oob_stops_peek(struct unix_sock *u, const struct unix_msg *um, bool some)
{
	bool stop;

	spin_lock(&u->c.lock);
	stop = mark_stops(u, um, some);
	spin_unlock(&u->c.lock);
	return stop;
}

/*
 * Receives the out-of-band byte, whose message remains as a mark. If the mark of an earlier byte is
 * directly before it, that mark is removed, and returned to be freed. u->c.lock held.
 */
static struct unix_msg *take_oob(struct unix_sock *u, struct unix_msg *um)
{
	struct unix_msg *before = um->list.prev == &u->queue ? NULL : list_prev_entry(um, list);

	um->done = um->len;
	u->oob = NULL;
	u->queued--;
	return before && before->oob ? pass_mark(u, before, false) : NULL;
}

ssize_t unix_oob_recv(struct unix_sock *u, struct msg *m)
{
	struct unix_msg *um, *drop = NULL;
	u8 byte = 0;

	spin_lock(&u->c.lock);
	um = u->c.oobinline ? NULL : u->oob;
	if (um) {
		byte = um->data[0];
		if (!(m->flags & MSG_PEEK))
			drop = take_oob(u, um);
	}
	spin_unlock(&u->c.lock);
	if (drop)
		unix_msg_free(drop);
	if (!um)
		return -EINVAL;
	m->out_flags |= MSG_OOB;
	return copy_to_iter(&byte, 1, &m->iter) == 1 ? 1 : -EFAULT;
}

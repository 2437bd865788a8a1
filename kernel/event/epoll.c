/* SPDX-License-Identifier: MIT */
/*
 * epoll.c: epoll files: sets of watched files that record which files are ready.
 *
 * An epoll file (struct eventpoll) has an item for each watched (file, descriptor). An item is in
 * the wait queues to which the file's poll operation adds it. A wake-up of such a queue runs
 * item_wake(), which puts the item on the ready list and wakes up a task in epoll_wait().
 * epoll_wait() takes items off the ready list, polls each file again, reports the events that are
 * still pending, and puts level-triggered items back.
 *
 *      EPOLLET          the item is not put back: only a new wake-up reports it again
 *      EPOLLONESHOT     after a report the events are cleared until EPOLL_CTL_MOD
 *      EPOLLEXCLUSIVE   the item waits exclusively: a wake-up wakes up one of several epoll files
 *
 * States of an item: idle -> (wake-up, or an event pending when it is added) ready -> (epoll_wait
 * reports it) idle (ET, ONESHOT) or ready (LT).
 *
 * An item holds a reference to its eventpoll, but none to the file: the file's last fput() removes
 * its items (eventpoll_release()). If both end at one time, the end of the watched file removes the
 * item (item->dying), and the last item frees the eventpoll.
 *
 * Invariants:
 * 1. item->ready is true if the item is on the ready list; both change under ep->lock.
 * 2. Watching is acyclic and at most MAX_NEST deep, and no file is watched along more than
 *    max_paths[] paths, each of which a wake-up takes (epoll_check_nesting() and epoll_crowded()
 *    under nest_lock, which is held whenever an epoll file is added, or a file is added to an epoll
 *    file that is watched).
 *
 * Locks, from the outside: nest_lock, ep->mutex (tree, items' events; nested: outer epoll first),
 * file->f_lock (f_ep; nested: an epoll file's before that of its watcher), a wait queue's lock,
 * ep->lock (ready list), ep->wait's lock. ep->mutex is held over poll operations, which may take
 * long (FUSE). A task that closes a file waits for the mutexes of the epoll files that watch it,
 * but for no global lock.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "gen/syscalls.h"
#include "kernel/event/epoll.h"
#include "kernel/event/eventfd.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/sysctl.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/time.h"
#include "kernel/vfs/async_poll.h"
#include "kernel/vfs/vfs.h"

static u64 max_user_watches; /* sysctl fs.epoll.max_user_watches */

#define PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EXCLUSIVE_OK                                                                               \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define MAX_EVENTS ((int)(0x7fffffff / sizeof(struct epoll_event)))

struct epoll_hook {
	struct wait_queue_entry wait;
	/* NULL: the queue was freed (WAKE_QUEUE_GONE) */
	struct wait_queue_head *head;
	struct epoll_item *item;
	struct epoll_hook *next;
};

struct epoll_table {
	struct poll_table pt;
	struct epoll_item *item;
};

static DEFINE_MUTEX(nest_lock);

/* ---- readiness ---- */

/* Puts the item on the ready list. Returns true if the item was not on the list before. */
static bool make_ready(struct epoll_item *it)
{
	if (it->ready)
		return false;
	it->ready = true;
	list_add_tail(&it->ready_link, &it->ep->ready);
	return true;
}

static void make_idle(struct epoll_item *it)
{
	if (!it->ready)
		return;
	it->ready = false;
	list_del_init(&it->ready_link);
}

/* Wakes up tasks that poll the epoll file. @key: the key of the wake-up that made an item ready. */
static void wake_pollers(struct eventpoll *ep, u64 key)
{
	if (waitqueue_active(&ep->poll))
		wake_up_common(
			&ep->poll, TASK_NORMAL, 1, EPOLLIN | EPOLLRDNORM | (key & WAKE_OF_URING));
}

/*
 * Makes the item ready and wakes up waiters, unless a wake-up with @key (events, 0: any) does not
 * concern it. Returns 0 if the wake-up must go on to the next exclusive entry of the file's queue,
 * else 1. For an item that does not wait exclusively the queue ignores the result.
 */
static int item_notify(struct epoll_item *it, u64 key)
{
	struct eventpoll *ep = it->ep;
	int woke = 0;

	spin_lock(&ep->lock);
	if (!(it->event.events & ~(u32)PRIVATE_BITS) || (key && !(key & it->event.events))) {
		spin_unlock(&ep->lock);
		return 0;
	}
	make_ready(it);
	spin_unlock(&ep->lock);
	if (waitqueue_active(&ep->wait)) {
		wake_up(&ep->wait);
		woke = 1;
	}
	wake_pollers(ep, key);
	return it->event.events & EPOLLEXCLUSIVE ? woke : 1;
}

/* Handles a wake-up of a watched file's wait queue, whose lock is held. */
static int item_wake(struct wait_queue_entry *e, u64 key)
{
	struct epoll_hook *h = container_of(e, struct epoll_hook, wait);
	int woke = item_notify(h->item, key);

	/*
	 * This comes last, since from now on a task that removes the item does not wait for the
	 * queue's lock.
	 */
	if (key & WAKE_QUEUE_GONE) {
		list_del_init(&e->entry);
		smp_store_release(&h->head, NULL);
	}
	return woke;
}

/*
 * Adds the item to the wait queue @q, as the queue operation of its poll_table. Without memory it
 * sets it->no_memory.
 */
static void item_hook(struct file *f, struct wait_queue_head *q, struct poll_table *pt)
{
	struct epoll_item *it = container_of(pt, struct epoll_table, pt)->item;
	struct epoll_hook *h = kmalloc(sizeof(*h), GFP_KERNEL);

	if (!h) {
		it->no_memory = true;
		return;
	}
	init_wait_entry(&h->wait);
	h->wait.func = item_wake;
	h->head = q;
	h->item = it;
	h->next = it->hooks;
	it->hooks = h;
	if (it->event.events & EPOLLEXCLUSIVE)
		add_wait_queue_exclusive(q, &h->wait);
	else
		add_wait_queue(q, &h->wait);
}

static u32 item_poll(struct epoll_item *it)
{
	struct poll_table pt = { .queue = NULL, .key = it->event.events };
	u32 mask = vfs_poll(it->file, &pt), ask = mask & ASYNC_POLL_ASK;

	mask &= it->event.events;
	return mask && current->flags & PF_KTHREAD ? mask | ask : mask;
}

/* ---- items ---- */

static int item_cmp(const struct epoll_item *it, const struct file *f, int fd)
{
	if (f != it->file)
		return f < it->file ? -1 : 1;
	return fd < it->fd ? -1 : fd > it->fd;
}

static struct epoll_item *item_find(struct eventpoll *ep, const struct file *f, int fd)
{
	struct rb_node *n = ep->items.node;

	while (n) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);
		int c = item_cmp(it, f, fd);

		if (!c)
			return it;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

static void item_link(struct eventpoll *ep, struct epoll_item *it)
{
	struct rb_node **link = &ep->items.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = item_cmp(rb_entry(parent, struct epoll_item, node), it->file, it->fd) < 0 ?
			       &parent->left :
			       &parent->right;
	}
	rb_link_node(&it->node, parent, link);
	rb_insert_color(&it->node, &ep->items);
	spin_lock(&it->file->f_lock);
	list_add_tail(&it->file_link, &it->file->f_ep);
	spin_unlock(&it->file->f_lock);
}

static void item_unhook(struct epoll_item *it)
{
	struct epoll_hook *h;

	while ((h = it->hooks)) {
		struct wait_queue_head *q = smp_load_acquire(&h->head);

		if (q)
			remove_wait_queue(q, &h->wait);
		it->hooks = h->next;
		kfree(h);
	}
}

static void ep_put(struct eventpoll *ep)
{
	if (!atomic_dec_and_test(&ep->refs))
		return;
	put_uid_user(ep->user);
	kfree(ep);
}

/*
 * Removes an item. The caller holds ep->mutex and a reference to ep. After item_unhook() no wake-up
 * reaches the item. @mine: the caller is eventpoll_release(). If it is false and the end of the
 * item's file has begun, the item stays, and eventpoll_release() removes it.
 */
static void item_remove(struct eventpoll *ep, struct epoll_item *it, bool mine)
{
	bool go;

	/*
	 * This comes first, while the item is still on the file's list: until the item is removed
	 * there, the end of the file waits for ep->mutex, and the queues exist.
	 */
	item_unhook(it);
	spin_lock(&it->file->f_lock);
	go = mine || !it->dying;
	if (go)
		list_del_init(&it->file_link);
	spin_unlock(&it->file->f_lock);
	if (!go)
		return;
	rb_erase(&it->node, &ep->items);
	spin_lock(&ep->lock);
	make_idle(it);
	spin_unlock(&ep->lock);
	atomic_dec(&ep->user->epoll_watches);
	kfree(it);
	atomic_dec(&ep->refs); /* never the last: the caller has one */
}

/*
 * Makes the item ready if one of its events is pending already when they are set. @revents: the
 * file's pending events.
 */
static void item_refresh(struct eventpoll *ep, struct epoll_item *it, u32 revents)
{
	bool fresh;

	if (!(revents & it->event.events))
		return;
	spin_lock(&ep->lock);
	fresh = make_ready(it);
	spin_unlock(&ep->lock);
	if (fresh) {
		wake_up(&ep->wait);
		wake_pollers(ep, 0);
	}
}

/*
 * Adds an item for a file that @ep does not watch as @fd yet. ep->mutex is held. Returns 0, -ENOSPC
 * (too many items of the user) or -ENOMEM.
 */
static long item_add(struct eventpoll *ep, struct file *f, int fd, const struct epoll_event *event)
{
	struct user_struct *u = ep->user;
	struct epoll_table t = { .pt = { .queue = item_hook, .key = event->events } };
	struct epoll_item *it;
	u32 revents;

	if (atomic_add_return(1, &u->epoll_watches) > (s64)READ_ONCE(max_user_watches)) {
		atomic_dec(&u->epoll_watches);
		return -ENOSPC;
	}
	it = t.item = kzalloc(sizeof(*it), GFP_KERNEL);
	if (!it) {
		atomic_dec(&u->epoll_watches);
		return -ENOMEM;
	}
	atomic_inc(&ep->refs);
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->event = *event;
	INIT_LIST_HEAD(&it->file_link);
	INIT_LIST_HEAD(&it->ready_link);
	item_link(ep, it);
	revents = vfs_poll(f, &t.pt);
	if (it->no_memory) {
		item_remove(ep, it, false);
		return -ENOMEM;
	}
	item_refresh(ep, it, revents);
	return 0;
}

static void item_modify(
	struct eventpoll *ep, struct epoll_item *it, const struct epoll_event *event)
{
	spin_lock(&ep->lock);
	it->event = *event;
	spin_unlock(&ep->lock);
	/* The new events must be visible before the poll: an earlier wake-up saw the old ones. */
	smp_mb();
	item_refresh(ep, it, item_poll(it));
}

/* ---- the end of files ---- */

/*
 * Removes the items of @f. The file is about to be freed, so no task can add items to it any more.
 */
void eventpoll_release(struct file *f)
{
	for (;;) {
		struct epoll_item *it;
		struct eventpoll *ep = NULL;

		spin_lock(&f->f_lock);
		it = list_first_entry_or_null(&f->f_ep, struct epoll_item, file_link);
		/* The reference that is taken below keeps the item's eventpoll. */
		if (it) {
			it->dying = true;
			ep = it->ep;
			atomic_inc(&ep->refs);
		}
		spin_unlock(&f->f_lock);
		if (!it)
			return;
		mutex_lock(&ep->mutex);
		item_remove(ep, it, true);
		mutex_unlock(&ep->mutex);
		ep_put(ep);
	}
}

static int eventpoll_close(struct inode *inode, struct file *f)
{
	struct eventpoll *ep = f->private_data;
	struct rb_node *n, *next;

	WRITE_ONCE(ep->file, NULL);
	mutex_lock(&ep->mutex);
	for (n = rb_first(&ep->items); n; n = next) {
		next = rb_next(n);
		item_remove(ep, rb_entry(n, struct epoll_item, node), false);
		cond_resched();
	}
	mutex_unlock(&ep->mutex);
	ep_put(ep);
	return 0;
}

/* ---- an epoll file as a file ---- */

static void set_scanning(struct eventpoll *ep, bool on)
{
	spin_lock(&ep->lock);
	ep->scanning = on;
	spin_unlock(&ep->lock);
}

/*
 * True if an item may be ready. While another task is scanning, items may be off the ready list for
 * a moment.
 */
static bool available(struct eventpoll *ep)
{
	bool yes;

	if (!list_empty(&ep->ready))
		return true;
	spin_lock(&ep->lock);
	yes = ep->scanning || !list_empty(&ep->ready);
	spin_unlock(&ep->lock);
	return yes;
}

/*
 * Returns the result of poll() on the epoll file. Searches the ready list for an item that is
 * really ready, and removes those that are not. An item that only its own task can poll
 * (ASYNC_POLL_ASK) counts as ready. Called with ep->mutex held, which it releases.
 */
static u32 any_ready(struct eventpoll *ep)
{
	struct epoll_item *it;
	u32 found = 0;

	set_scanning(ep, true);
	for (;;) {
		spin_lock(&ep->lock);
		it = list_first_entry_or_null(&ep->ready, struct epoll_item, ready_link);
		if (it)
			make_idle(it);
		spin_unlock(&ep->lock);
		if (!it)
			break;
		found = item_poll(it);
		if (found) {
			spin_lock(&ep->lock);
			if (!it->ready) {
				it->ready = true;
				list_add(&it->ready_link, &ep->ready);
			}
			spin_unlock(&ep->lock);
			found = EPOLLIN | EPOLLRDNORM | (found & ASYNC_POLL_ASK);
			break;
		}
	}
	set_scanning(ep, false);
	mutex_unlock(&ep->mutex);
	/*
	 * A task in epoll_wait() may have been woken up and have found the list empty while the
	 * item was off it.
	 */
	if (found && waitqueue_active(&ep->wait))
		wake_up(&ep->wait);
	return found;
}

static u32 eventpoll_poll(struct file *f, struct poll_table *pt)
{
	struct eventpoll *ep = f->private_data;

	poll_wait(f, &ep->poll, pt);
	if (!available(ep))
		return 0;
	/*
	 * A worker does not wait for the mutex, since its holder may be waiting for a FUSE server.
	 */
	if (!(current->flags & PF_KTHREAD))
		mutex_lock(&ep->mutex);
	else if (!mutex_trylock(&ep->mutex))
		return EPOLLIN | EPOLLRDNORM | ASYNC_POLL_ASK;
	return any_ready(ep);
}

const struct file_operations eventpoll_fops = {
	.ioctl = eventpoll_ioctl,
	.llseek = noop_llseek,
	.poll = eventpoll_poll,
	.release = eventpoll_close,
	.show_fdinfo = eventpoll_fdinfo,
};

long sys_epoll_create1(int flags)
{
	struct eventpoll *ep;
	struct file *f;
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return -ENOMEM;
	atomic_set(&ep->refs, 1);
	mutex_init(&ep->mutex);
	init_waitqueue_head(&ep->wait);
	init_waitqueue_head(&ep->poll);
	spin_lock_init(&ep->lock);
	INIT_LIST_HEAD(&ep->ready);
	ep->user = current_cred()->user;
	f = anon_file("[eventpoll]", &eventpoll_fops, ep, O_RDWR);
	if (IS_ERR(f)) {
		kfree(ep);
		return PTR_ERR(f);
	}
	atomic_inc(&ep->user->usage);
	ep->file = f;
	fd = get_unused_fd((u32)flags);
	if (fd < 0)
		fput(f);
	else
		fd_install(fd, f);
	return fd;
}

long sys_epoll_create(int size)
{
	return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

/* ---- epoll_ctl ---- */

static bool exclusive_valid(int op, struct file *f, const struct epoll_event *event)
{
	if (!(event->events & EPOLLEXCLUSIVE))
		return true;
	return op == EPOLL_CTL_ADD && !file_ep(f) && !(event->events & ~(u32)EXCLUSIVE_OK);
}

/* Serves epoll_ctl(2) with ep->mutex held. Adds the events to *event that are always reported. */
static long ctl_locked(
	struct eventpoll *ep, int op, struct file *f, int fd, struct epoll_event *event)
{
	struct epoll_item *it = item_find(ep, f, fd);

	event->events |= EPOLLERR | EPOLLHUP;
	switch (op) {
	case EPOLL_CTL_ADD: return it ? -EEXIST : item_add(ep, f, fd, event);
	case EPOLL_CTL_DEL:
		if (!it)
			return -ENOENT;
		item_remove(ep, it, false);
		return 0;
	case EPOLL_CTL_MOD:
		if (!it)
			return -ENOENT;
		if (it->event.events & EPOLLEXCLUSIVE)
			return -EINVAL;
		item_modify(ep, it, event);
		return 0;
	default: return -EINVAL;
	}
}

/* Makes the change, or sets *nested to leave it to add_nested(): an addition to a watched @ep. */
static long ctl_plain(struct eventpoll *ep, int op, struct file *f, int fd,
	struct epoll_event *event, bool *nested)
{
	long err = 0;

	mutex_lock(&ep->mutex);
	/*
	 * If @ep is not watched here, a task that adds @ep to an epoll file later finds @f in its
	 * walk down, which takes this mutex.
	 */
	if (op == EPOLL_CTL_ADD && !*nested && !list_empty(&ep->file->f_ep))
		*nested = true;
	else
		err = ctl_locked(ep, op, f, fd, event);
	mutex_unlock(&ep->mutex);
	return err;
}

/* Adds a file with nest_lock held, since new paths for wake-ups arise. Returns 0 or -errno. */
static long add_nested(struct eventpoll *ep, struct file *f, int fd, struct epoll_event *event)
{
	struct epoll_item *it;
	long err = 0;

	mutex_lock(&nest_lock);
	if (file_ep(f))
		err = epoll_check_nesting(ep, file_ep(f));
	if (!err) {
		mutex_lock(&ep->mutex);
		err = ctl_locked(ep, EPOLL_CTL_ADD, f, fd, event);
		mutex_unlock(&ep->mutex);
	}
	if (!err && (file_ep(f) ? epoll_crowded(file_ep(f)) : epoll_file_crowded(f))) {
		mutex_lock(&ep->mutex);
		it = item_find(ep, f, fd);
		if (it) /* else it was removed already */
			item_remove(ep, it, false);
		mutex_unlock(&ep->mutex);
		err = -EINVAL;
	}
	mutex_unlock(&nest_lock);
	return err;
}

static long ctl(struct eventpoll *ep, int op, struct file *f, int fd, struct epoll_event *event)
{
	bool nested = op == EPOLL_CTL_ADD && file_ep(f);
	long err = 0;

	if (!nested)
		err = ctl_plain(ep, op, f, fd, event, &nested);
	return nested ? add_nested(ep, f, fd, event) : err;
}

long sys_epoll_ctl(int epfd, int op, int fd, uaddr_t uevent)
{
	struct epoll_event event = { 0 };

	if (op != EPOLL_CTL_DEL && copy_from_user(&event, uevent, sizeof(event)))
		return -EFAULT;
	return epoll_ctl_event(epfd, op, fd, &event);
}

long epoll_ctl_event(int epfd, int op, int fd, const struct epoll_event *e)
{
	struct epoll_event event = *e;
	struct file *epf, *f;
	long err;

	/* EPOLLWAKEUP is cleared, as on a Linux that cannot suspend. */
	event.events &= ~(u32)EPOLLWAKEUP;
	epf = fget(epfd);
	if (!epf)
		return -EBADF;
	f = fget(fd);
	err = -EBADF;
	if (!f)
		goto out_put_ep;
	err = -EPERM;
	if (!f->f_op->poll)
		goto out_put_file;
	err = -EINVAL;
	if (!file_ep(epf) || epf == f || !exclusive_valid(op, f, &event))
		goto out_put_file;
	err = ctl(file_ep(epf), op, f, fd, &event);
out_put_file:
	fput(f);
out_put_ep:
	fput(epf);
	return err;
}

/* ---- epoll_wait ---- */

/*
 * Reports one item, which is off the ready list. Returns 1, 0 if the item has no pending event any
 * more, or -EFAULT. ep->mutex is held.
 */
static int report(struct epoll_item *it, uaddr_t to)
{
	struct epoll_event out = { item_poll(it) & ~ASYNC_POLL_ASK, it->event.data };

	if (!out.events)
		return 0;
	return copy_to_user(to, &out, sizeof(out)) ? -EFAULT : 1;
}

/*
 * Handles an item for which report() has returned @r: puts it back on the ready list after an error
 * or if it is level-triggered, and disables an EPOLLONESHOT item. ep->lock is held.
 */
static void reported(struct epoll_item *it, int r)
{
	if (r < 0)
		make_ready(it);
	else if (r && (it->event.events & EPOLLONESHOT))
		it->event.events &= PRIVATE_BITS;
	else if (r && !(it->event.events & EPOLLET))
		make_ready(it); /* at the tail, after other items */
}

/*
 * Reports items one by one, up to the last one of the ready list at the start. Items that are put
 * back or become ready meanwhile come after @last and are left to the next call.
 */
static int send_events(struct eventpoll *ep, uaddr_t events, int max)
{
	struct epoll_item *it = NULL, *last;
	bool left;
	int n = 0, r = 0;

	mutex_lock(&ep->mutex);
	spin_lock(&ep->lock);
	ep->scanning = true;
	last = list_empty(&ep->ready) ? NULL :
					list_last_entry(&ep->ready, struct epoll_item, ready_link);
	while (it != last && n < max && r >= 0) {
		it = list_first_entry(&ep->ready, struct epoll_item, ready_link);
		make_idle(it);
		spin_unlock(&ep->lock);
		r = report(it, uaddr_add(events, (u64)n * sizeof(struct epoll_event)));
		spin_lock(&ep->lock);
		reported(it, r);
		n += r > 0;
	}
	ep->scanning = false;
	left = !list_empty(&ep->ready);
	spin_unlock(&ep->lock);
	mutex_unlock(&ep->mutex);
	if (left && waitqueue_active(&ep->wait))
		wake_up(&ep->wait);
	return n ? n : r < 0 ? r : 0;
}

static int wait_ready(struct eventpoll *ep, u64 deadline)
{
	return WAIT_EVENT_(
		&ep->wait, !list_empty(&ep->ready), TASK_INTERRUPTIBLE, deadline, true, 0);
}

/*
 * Serves epoll_wait(2). @deadline: ktime in ns; 0: does not wait. Returns the number of events
 * stored or -errno.
 */
static long do_epoll_wait(int epfd, uaddr_t events, int max, u64 deadline)
{
	struct eventpoll *ep;
	struct fd f;
	int n, err = 0;

	if (max <= 0 || max > MAX_EVENTS)
		return -EINVAL;
	if (!access_ok(events, (size_t)max * sizeof(struct epoll_event)))
		return -EFAULT;
	f = fdget(epfd);
	if (!f.file)
		return -EBADF;
	ep = file_ep(f.file);
	n = ep ? 0 : -EINVAL;
	while (!n) {
		if (available(ep))
			n = send_events(ep, events, max);
		if (n || !deadline || err == -ETIMEDOUT)
			break;
		if (err) {
			n = -EINTR;
			break;
		}
		err = wait_ready(ep, deadline);
	}
	fdput(f);
	return n;
}

static u64 ms_deadline(int timeout)
{
	return timeout < 0 ? ~0UL : timeout ? deadline_in((u64)timeout * 1000000) : 0;
}

long sys_epoll_wait(int epfd, uaddr_t events, int maxevents, int timeout)
{
	return do_epoll_wait(epfd, events, maxevents, ms_deadline(timeout));
}

static long pwait(int epfd, uaddr_t events, int max, u64 deadline, uaddr_t mask, size_t size)
{
	long ret = set_user_sigmask(mask, size);

	if (ret)
		return ret;
	ret = do_epoll_wait(epfd, events, max, deadline);
	restore_saved_sigmask_unless(ret == -EINTR);
	return ret;
}

long sys_epoll_pwait(
	int epfd, uaddr_t events, int maxevents, int timeout, uaddr_t sigmask, size_t sigsetsize)
{
	return pwait(epfd, events, maxevents, ms_deadline(timeout), sigmask, sigsetsize);
}

long sys_epoll_pwait2(int epfd, uaddr_t events, int maxevents, uaddr_t timeout, uaddr_t sigmask,
	size_t sigsetsize)
{
	u64 deadline = ~0UL, ns;
	int err;

	if (timeout.v) {
		err = get_timespec(timeout, &ns);
		if (err)
			return err;
		deadline = ns ? deadline_in(ns) : 0;
	}
	return pwait(epfd, events, maxevents, deadline, sigmask, sigsetsize);
}

static const struct sysctl epoll_sysctls[] = {
	SYSCTL_BIG("fs/epoll/max_user_watches", max_user_watches, 0, INT64_MAX),
};

static const struct file_watch_ops watch_ops = {
	.release = eventpoll_release,
	.target = eventpoll_target,
	.signal = eventfd_signal,
};

/* Limits the items of a user to a 25th of the memory. */
static int epoll_init(void)
{
	file_watch_ops = &watch_ops;
	max_user_watches = nr_managed_frames() * PAGE_SIZE / 25 / sizeof(struct epoll_item);
	return sysctl_register(epoll_sysctls, ARRAY_SIZE(epoll_sysctls));
}
INITCALL(3, epoll_init);

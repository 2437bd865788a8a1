/* SPDX-License-Identifier: MIT */
/*
 * select.c: poll, ppoll, select and pselect6.
 *
 * All four call each file's poll operation in rounds. In the first round, until an event is found,
 * the operation adds the caller to the file's wait queues (struct poll_entry). Then the caller
 * sleeps until an entry's function sets `triggered`, and polls again, without queueing. A wake-up
 * between polling and sleeping is not lost: `triggered` is set before the waker reads the state of
 * the task.
 *
 * The first INLINE_ENTRIES entries are on the stack, and so are all descriptors of a poll with at
 * most INLINE_FDS and the sets of a select with at most 64 * SELECT_WORDS descriptors. So a usual
 * call allocates nothing.
 */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/eventpoll.h>
#include <linux/personality.h>
#include <linux/time_types.h>

#include "arch/um/machine/arch.h"
#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/time.h"
#include "kernel/vfs/vfs.h"

#define INLINE_ENTRIES 8
#define INLINE_FDS 16
#define CHUNK_ENTRIES 60
/* words of each set on the stack, for 512 descriptors */
#define SELECT_WORDS 8

struct poll_entry {
	struct wait_queue_entry wait;
	struct wait_queue_head *head;
	struct file *file; /* with a reference */
	u64 key;
};

struct poll_chunk {
	struct poll_chunk *next;
	u32 used;
	struct poll_entry entry[CHUNK_ENTRIES];
};

struct poll_wait {
	struct poll_table pt;
	struct task *task;
	bool triggered;
	int error;
	u32 nr_inline;
	struct poll_chunk *chunks;
	struct poll_entry entry[INLINE_ENTRIES];
};

/* ---- waiting ---- */

static int poll_wake(struct wait_queue_entry *e, u64 key)
{
	struct poll_entry *pe = container_of(e, struct poll_entry, wait);
	struct poll_wait *pw = e->private;

	if (key && !(key & pe->key))
		return 0;
	__atomic_store_n(&pw->triggered, true, __ATOMIC_SEQ_CST);
	return wake_up_state(pw->task, TASK_NORMAL);
}

static struct poll_entry *new_entry(struct poll_wait *pw)
{
	struct poll_chunk *c = pw->chunks;

	if (pw->nr_inline < INLINE_ENTRIES)
		return &pw->entry[pw->nr_inline++];
	if (!c || c->used == CHUNK_ENTRIES) {
		c = kmalloc(sizeof(*c), GFP_KERNEL);
		if (!c)
			return NULL;
		c->used = 0;
		c->next = pw->chunks;
		pw->chunks = c;
	}
	return &c->entry[c->used++];
}

static void poll_queue(struct file *f, struct wait_queue_head *q, struct poll_table *pt)
{
	struct poll_wait *pw = container_of(pt, struct poll_wait, pt);
	struct poll_entry *e = new_entry(pw);

	if (!e) {
		pw->error = -ENOMEM;
		return;
	}
	e->file = get_file(f);
	e->head = q;
	e->key = pt->key;
	init_wait_entry(&e->wait);
	e->wait.func = poll_wake;
	e->wait.private = pw;
	add_wait_queue(q, &e->wait);
}

static void poll_begin(struct poll_wait *pw)
{
	pw->pt = (struct poll_table){ .queue = poll_queue };
	pw->task = current;
	pw->triggered = false;
	pw->error = 0;
	pw->nr_inline = 0;
	pw->chunks = NULL;
}

static void drop_entry(struct poll_entry *e)
{
	remove_wait_queue(e->head, &e->wait);
	fput(e->file);
}

static void poll_end(struct poll_wait *pw)
{
	struct poll_chunk *c;

	for (u32 i = 0; i < pw->nr_inline; i++)
		drop_entry(&pw->entry[i]);
	while ((c = pw->chunks)) {
		for (u32 i = 0; i < c->used; i++)
			drop_entry(&c->entry[i]);
		pw->chunks = c->next;
		kfree(c);
	}
}

/* Sleeps. Returns 0 if the caller must poll again, -ETIMEDOUT, or -EINTR for a signal. */
static int poll_sleep(struct poll_wait *pw, u64 deadline)
{
	int err = 0;

	set_current_state(TASK_INTERRUPTIBLE);
	if (!READ_ONCE(pw->triggered)) {
		if (signal_pending(current))
			err = -EINTR;
		else
			err = schedule_deadline(deadline);
	}
	__set_current_state(TASK_RUNNING);
	__atomic_store_n(&pw->triggered, false, __ATOMIC_SEQ_CST);
	return err;
}

/*
 * Calls ask() in rounds until it returns a result other than 0. Returns that result, -errno, or 0
 * when the deadline has passed.
 */
static int poll_rounds(
	struct poll_wait *pw, int (*ask)(struct poll_wait *pw, void *arg), void *arg, u64 deadline)
{
	int n, err = 0;

	if (!deadline)
		pw->pt.queue = NULL;
	for (;;) {
		n = ask(pw, arg);
		pw->pt.queue = NULL;
		if (n)
			return n;
		if (pw->error)
			return pw->error;
		if (!deadline || err == -ETIMEDOUT)
			return 0;
		if (err)
			return err;
		err = poll_sleep(pw, deadline);
	}
}

/* ---- time limits ---- */

/* Reads a timespec as a deadline; 0: the call does not wait; ~0: no limit (@ua is NULL). */
static int limit_timespec(uaddr_t ua, u64 *deadline)
{
	u64 ns;
	int err;

	*deadline = ~0UL;
	if (!ua.v)
		return 0;
	err = get_timespec(ua, &ns);
	if (!err)
		*deadline = ns ? deadline_in(ns) : 0;
	return err;
}

static u64 left(u64 deadline)
{
	u64 now = ktime_get();

	return deadline > now ? deadline - now : 0;
}

/*
 * Writes the remaining time to the guest. If that fails, the call is not restarted, since it would
 * begin again with the full limit.
 */
static long end_limit(long ret, uaddr_t ua, u64 deadline, int (*put)(uaddr_t ua, u64 ns))
{
	if (current->personality & STICKY_TIMEOUTS)
		return ret == -ERESTARTNOHAND ? -EINTR : ret;
	if (ua.v && deadline != ~0UL && put(ua, left(deadline)) && ret == -ERESTARTNOHAND)
		return -EINTR;
	return ret;
}

/* ---- poll ---- */

struct poll_call {
	struct pollfd *fds;
	u32 n;
};

static u32 ask_one(struct poll_wait *pw, struct pollfd *p)
{
	struct file *f;
	u32 want = (u16)p->events | POLLERR | POLLHUP, mask;

	if (p->fd < 0)
		return 0;
	f = fget(p->fd);
	if (!f)
		return POLLNVAL;
	pw->pt.key = want;
	mask = vfs_poll(f, &pw->pt) & want;
	fput(f);
	return mask;
}

static int ask_poll(struct poll_wait *pw, void *arg)
{
	struct poll_call *c = arg;
	int found = 0;

	for (u32 i = 0; i < c->n; i++) {
		c->fds[i].revents = (short)ask_one(pw, &c->fds[i]);
		if (c->fds[i].revents) {
			found++;
			/* the call will not sleep, so later files are polled without queueing */
			pw->pt.queue = NULL;
		}
		if (i % 64 == 63)
			cond_resched();
	}
	return found;
}

static int put_revents(uaddr_t ufds, const struct poll_call *c)
{
	for (u32 i = 0; i < c->n; i++)
		if (put_user(c->fds[i].revents,
			    UADDR(ufds.v + i * sizeof(*c->fds) + offsetof(struct pollfd, revents))))
			return -EFAULT;
	return 0;
}

/* Serves poll(2). @deadline: ktime in ns. Returns the number of ready descriptors or -errno. */
static long do_poll(uaddr_t ufds, u32 nfds, u64 deadline)
{
	struct pollfd inline_fds[INLINE_FDS];
	struct poll_call c = { .fds = inline_fds, .n = nfds };
	struct poll_wait pw;
	long ret;

	if (nfds > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	if (nfds > INLINE_FDS)
		c.fds = kcalloc(nfds, sizeof(*c.fds), GFP_KERNEL);
	if (!c.fds)
		return -ENOMEM;
	ret = -EFAULT;
	if (copy_from_user(c.fds, ufds, nfds * sizeof(*c.fds)))
		goto out_free;
	poll_begin(&pw);
	ret = poll_rounds(&pw, ask_poll, &c, deadline);
	poll_end(&pw);
	if (put_revents(ufds, &c))
		ret = -EFAULT;
out_free:
	if (c.fds != inline_fds)
		kfree(c.fds);
	return ret;
}

static long poll_restart(struct restart_block *rb)
{
	long ret = do_poll(UADDR(rb->arg[0]), (u32)rb->arg[1], rb->arg[2]);

	return ret == -EINTR ? -ERESTART_RESTARTBLOCK : ret;
}

long sys_poll(uaddr_t fds, u32 nfds, int timeout)
{
	struct restart_block *rb = &current->restart;
	u64 deadline = timeout < 0 ? ~0UL : timeout ? deadline_in(timeout * 1000000UL) : 0;
	long ret = do_poll(fds, nfds, deadline);

	if (ret != -EINTR)
		return ret;
	rb->fn = poll_restart;
	rb->arg[0] = fds.v;
	rb->arg[1] = nfds;
	rb->arg[2] = deadline;
	return -ERESTART_RESTARTBLOCK;
}

long sys_ppoll(uaddr_t fds, u32 nfds, uaddr_t timeout, uaddr_t sigmask, size_t sigsetsize)
{
	u64 deadline;
	long ret = limit_timespec(timeout, &deadline);

	if (!ret && sigmask.v)
		ret = set_user_sigmask(sigmask, sigsetsize);
	if (ret)
		return ret;
	ret = do_poll(fds, nfds, deadline);
	if (ret == -EINTR)
		ret = -ERESTARTNOHAND;
	restore_saved_sigmask_unless(ret == -ERESTARTNOHAND);
	return end_limit(ret, timeout, deadline, put_timespec);
}

/* ---- select ---- */

enum { IN, OUT, EX, SETS };
static const u32 set_events[SETS] = {
	[IN] = EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR | POLLNVAL,
	[OUT] = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR | POLLNVAL,
	[EX] = EPOLLPRI | POLLNVAL,
};

struct select_call {
	u32 n, words;
	/*
	 * The first round is over, in which all descriptors were open. A descriptor that is closed
	 * later counts as ready in all its sets.
	 */
	bool asked;
	u64 *want[SETS], *got[SETS];
};

static u32 select_wants(const struct select_call *c, u32 fd)
{
	u32 events = 0;

	for (int s = 0; s < SETS; s++)
		if (c->want[s][fd / 64] & BIT(fd % 64))
			events |= set_events[s];
	return events;
}

static int note(struct select_call *c, u32 fd, u32 mask)
{
	int found = 0;

	for (int s = 0; s < SETS; s++)
		if ((mask & set_events[s]) && (c->want[s][fd / 64] & BIT(fd % 64))) {
			c->got[s][fd / 64] |= BIT(fd % 64);
			found++;
		}
	return found;
}

static int ask_fd(struct poll_wait *pw, struct select_call *c, u32 fd)
{
	struct file *f = fget((int)fd);
	u32 mask;

	if (!f)
		return c->asked ? note(c, fd, POLLNVAL) : -EBADF;
	pw->pt.key = select_wants(c, fd);
	mask = vfs_poll(f, &pw->pt);
	fput(f);
	return note(c, fd, mask);
}

static int ask_select(struct poll_wait *pw, void *arg)
{
	struct select_call *c = arg;
	int found = 0, n;

	for (int s = 0; s < SETS; s++)
		memset(c->got[s], 0, c->words * 8);
	for (u32 w = 0; w < c->words; w++) {
		u64 bits = c->want[IN][w] | c->want[OUT][w] | c->want[EX][w];

		for (; bits; bits &= bits - 1) {
			n = ask_fd(pw, c, w * 64 + (u32)__builtin_ctzl(bits));
			if (n < 0)
				return n;
			if (n)
				pw->pt.queue = NULL;
			found += n;
		}
		cond_resched();
	}
	c->asked = true;
	return found;
}

/* Reads a set of @n bits from the guest; an empty one if @ua is NULL. Returns 0 or -EFAULT. */
static int get_set(uaddr_t ua, u64 *set, u32 n)
{
	u32 bytes = DIV_ROUND_UP(n, 64) * 8;

	memset(set, 0, bytes);
	if (!ua.v)
		return 0;
	if (copy_from_user(set, ua, bytes))
		return -EFAULT;
	if (n % 64)
		set[n / 64] &= BIT(n % 64) - 1;
	return 0;
}

/* Returns the length of the sets: the guest's @n, but at most the size of the descriptor table. */
static u32 clip(int n)
{
	u32 max = READ_ONCE(current->files->fdt.max_fds);

	return min((u32)n, max);
}

/* Serves select(2). @deadline: ktime in ns. Returns the number of bits set or -errno. */
static long do_select(int n, const uaddr_t *usets, u64 deadline)
{
	u64 inline_words[SETS * 2 * SELECT_WORDS], *mem = inline_words;
	struct select_call c;
	struct poll_wait pw;
	long ret = 0;

	if (n < 0)
		return -EINVAL;
	c.asked = false;
	c.n = clip(n);
	c.words = DIV_ROUND_UP(c.n, 64);
	if (c.words > SELECT_WORDS)
		mem = kcalloc(c.words, SETS * 2 * 8, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	for (int s = 0; s < SETS && !ret; s++) {
		c.want[s] = mem + (u32)s * c.words;
		c.got[s] = mem + (u32)(SETS + s) * c.words;
		ret = get_set(usets[s], c.want[s], c.n);
	}
	if (ret)
		goto out_free;
	poll_begin(&pw);
	ret = poll_rounds(&pw, ask_select, &c, deadline);
	poll_end(&pw);
	for (int s = 0; s < SETS && ret >= 0; s++)
		if (usets[s].v && copy_to_user(usets[s], c.got[s], c.words * 8))
			ret = -EFAULT;
out_free:
	if (mem != inline_words)
		kfree(mem);
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

long sys_select(int n, uaddr_t inp, uaddr_t outp, uaddr_t exp, uaddr_t timeout)
{
	const uaddr_t sets[SETS] = { inp, outp, exp };
	struct __kernel_old_timeval tv;
	u64 deadline = ~0UL, us;

	if (timeout.v) {
		if (copy_from_user(&tv, timeout, sizeof(tv)))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		/* as on Linux, tv_usec may exceed one second */
		if (check_mul_overflow((u64)tv.tv_sec, 1000000UL, &us) ||
			check_add_overflow(us, (u64)tv.tv_usec, &us) || us > TIME_MAX / 1000)
			us = TIME_MAX / 1000;
		deadline = us ? deadline_in(us * 1000) : 0;
	}
	return end_limit(do_select(n, sets, deadline), timeout, deadline, put_timeval);
}

long sys_pselect6(int n, uaddr_t inp, uaddr_t outp, uaddr_t exp, uaddr_t timeout, uaddr_t sigmask)
{
	const uaddr_t sets[SETS] = { inp, outp, exp };
	struct {
		u64 mask, size;
	} arg = { 0, 0 };
	u64 deadline;
	long ret = limit_timespec(timeout, &deadline);

	if (!ret && sigmask.v && copy_from_user(&arg, sigmask, sizeof(arg)))
		ret = -EFAULT;
	if (!ret && arg.mask)
		ret = set_user_sigmask(UADDR(arg.mask), arg.size);
	if (ret)
		return ret;
	ret = do_select(n, sets, deadline);
	restore_saved_sigmask_unless(ret == -ERESTARTNOHAND);
	return end_limit(ret, timeout, deadline, put_timespec);
}

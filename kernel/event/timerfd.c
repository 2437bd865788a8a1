/* SPDX-License-Identifier: MIT */
/*
 * timerfd.c: timers that are read from a descriptor.
 *
 * An expiry makes the file readable. A read returns how many periods have passed. A periodic timer
 * is armed again not at its expiry but by the next read, gettime or fdinfo, which computes the
 * missed periods. So a timer that is not read costs nothing.
 *
 * TFD_TIMER_CANCEL_ON_SET: a change of the clock is reported once as ECANCELED, by the next read,
 * TFD_IOC_SET_TICKS, or settime with that flag, whether the timer is armed or has expired.
 *
 * Locks: t->wqh.lock.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/ioctl.h>
#include <linux/timerfd.h>

#include "arch/um/machine/arch.h"
#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/time/time.h"
#include "kernel/vfs/vfs.h"

struct timerfd {
	struct clock_timer timer;
	/* registered by the first settime with TFD_TIMER_CANCEL_ON_SET */
	struct clock_watch watch;
	struct wait_queue_head wqh;
	/*
	 * Nanoseconds on the timer's clock; expires is 0 if the timer is not armed. Under wqh.lock,
	 * as are all members below, except clock, which is immutable. ticks may be read without the
	 * lock.
	 */
	u64 interval, expires;
	u64 ticks; /* expiries that were not read yet */
	/* The timer has expired and, if it is periodic, was not armed again. */
	bool expired;
	/* true if a change of the clock cancels this timer */
	bool cancel_on_set;
	/* true from that change until it is reported */
	bool canceled;
	int clock, flags;
};

static void timerfd_expired(struct clock_timer *ct)
{
	struct timerfd *t = container_of(ct, struct timerfd, timer);

	spin_lock(&t->wqh.lock);
	t->expired = true;
	t->ticks++;
	wake_up_common_locked(&t->wqh, TASK_NORMAL, 1, EPOLLIN);
	spin_unlock(&t->wqh.lock);
}

static void timerfd_clock_set(struct clock_watch *w)
{
	struct timerfd *t = container_of(w, struct timerfd, watch);

	spin_lock(&t->wqh.lock);
	if (t->cancel_on_set) {
		t->canceled = true;
		t->ticks++;
		wake_up_common_locked(&t->wqh, TASK_NORMAL, 1, EPOLLIN);
	}
	spin_unlock(&t->wqh.lock);
}

/* Clears an unreported cancellation. Returns true if there was one. wqh.lock is held. */
static bool take_cancel(struct timerfd *t)
{
	bool was = t->cancel_on_set && t->canceled;

	if (was)
		t->canceled = false;
	return was;
}

/*
 * Computes the missed periods of an expired periodic timer. Returns true if it must be armed again.
 * The expiry itself has already counted one tick. If the clock was set back to before t->expires,
 * subtracts that tick. wqh.lock is held.
 */
static bool advance(struct timerfd *t)
{
	u64 now, n = 0;

	if (!t->expired || !t->interval || clock_read(t->timer.clock, &now))
		return false;
	t->expired = false;
	if (now >= t->expires)
		n = (now - t->expires) / t->interval + 1;
	t->ticks += n - 1;
	t->expires += n * t->interval;
	return true;
}

static void catch_up(struct timerfd *t)
{
	if (advance(t))
		clock_timer_start(&t->timer, t->expires);
}

/*
 * Takes the ticks and resets them. Returns 0, -EAGAIN if there are none yet, or -ECANCELED if the
 * clock was set. In the last case an expired periodic timer is not armed again, as on Linux.
 */
static int take(struct timerfd *t, u64 *ticks)
{
	int err = 0;

	spin_lock(&t->wqh.lock);
	if (take_cancel(t)) {
		t->expired = false;
		err = -ECANCELED;
	} else if (!t->ticks) {
		err = -EAGAIN;
	} else {
		catch_up(t);
		*ticks = t->ticks;
		if (t->expired && !t->interval)
			t->expires = 0;
	}
	t->ticks = 0;
	spin_unlock(&t->wqh.lock);
	return err;
}

static int wait_for_ticks(struct timerfd *t, bool nonblock)
{
	if (READ_ONCE(t->ticks))
		return 0;
	return nonblock ? -EAGAIN : wait_event_interruptible(&t->wqh, READ_ONCE(t->ticks));
}

/*
 * Reads the ticks. If the clock was set back, the expiry of an expired periodic timer may lie in
 * the future again. The timer then has no ticks, and the read returns 0 bytes (timerfd_create(2)).
 */
static ssize_t timerfd_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct timerfd *t = f->private_data;
	int err, waited;
	u64 ticks = 0;

	if (to->count < sizeof(ticks))
		return -EINVAL;
	do { /* another reader may take the ticks first */
		waited = wait_for_ticks(t, file_nonblock(f, to));
		err = take(t, &ticks);
	} while (err == -EAGAIN && !waited);
	if (err)
		return err == -EAGAIN ? waited : err;
	if (!ticks)
		return 0;
	return copy_to_iter(&ticks, sizeof(ticks), to) == sizeof(ticks) ? (ssize_t)sizeof(ticks) :
									  -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->private_data;

	poll_wait(f, &t->wqh, pt);
	return READ_ONCE(t->ticks) ? EPOLLIN : 0;
}

static int timerfd_release(struct inode *inode, struct file *f)
{
	struct timerfd *t = f->private_data;

	clock_unwatch(&t->watch);
	clock_timer_cancel_sync(&t->timer);
	kfree(t);
	return 0;
}

/* Handles TFD_IOC_SET_TICKS, which sets the result of the next read, to restore a checkpoint. */
static long timerfd_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct timerfd *t = f->private_data;
	u64 n;

	if (cmd != TFD_IOC_SET_TICKS)
		return -ENOTTY;
	if (get_user(n, UADDR(arg)))
		return -EFAULT;
	if (!n)
		return -EINVAL;
	spin_lock(&t->wqh.lock);
	if (take_cancel(t)) {
		n = 0;
	} else {
		t->ticks = n;
		wake_up_common_locked(&t->wqh, TASK_NORMAL, 1, EPOLLIN);
	}
	spin_unlock(&t->wqh.lock);
	return n ? 0 : -ECANCELED;
}

static int timerfd_fdinfo(struct file *f, char *buf, size_t size);

static const struct file_operations timerfd_fops = {
	.llseek = noop_llseek,
	.read_iter = timerfd_read,
	.nowait = true,
	.poll = timerfd_poll,
	.ioctl = timerfd_ioctl,
	.release = timerfd_release,
	.show_fdinfo = timerfd_fdinfo,
};

long sys_timerfd_create(int which, int flags)
{
	struct timerfd *t;
	int fd;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (which != CLOCK_REALTIME && which != CLOCK_MONOTONIC && which != CLOCK_BOOTTIME &&
		!clock_is_alarm(which))
		return -EINVAL;
	if (clock_is_alarm(which) && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	t->clock = which;
	init_waitqueue_head(&t->wqh);
	clock_timer_setup(&t->timer, which, timerfd_expired);
	clock_watch_setup(&t->watch, timerfd_clock_set);
	fd = anon_fd(
		"[timerfd]", &timerfd_fops, t, O_RDWR | (flags & (TFD_CLOEXEC | TFD_NONBLOCK)));
	if (fd < 0)
		kfree(t);
	return fd;
}

static struct file *timerfd_get(int fd)
{
	struct file *f = fget(fd);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op != &timerfd_fops) {
		fput(f);
		return ERR_PTR(-EINVAL);
	}
	return f;
}

/*
 * Returns the ns until the next expiry of a timer whose missed periods have been computed. wqh.lock
 * is held.
 */
static u64 rest(const struct timerfd *t)
{
	u64 now;

	if (!t->expires || clock_read(t->timer.clock, &now))
		return 0;
	return t->expires > now ? t->expires - now : 0;
}

static int timerfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct timerfd *t = f->private_data;
	u64 left, interval, ticks;
	u32 settime;
	int clock;

	spin_lock(&t->wqh.lock);
	catch_up(t);
	left = rest(t);
	interval = t->interval;
	ticks = t->ticks;
	clock = t->clock;
	settime = (u32)t->flags;
	spin_unlock(&t->wqh.lock);
	return scnprintf(buf, size,
		"clockid: %d\nticks: %lu\nsettime flags: 0%o\nit_value: (%lu, %lu)\nit_interval: "
		"(%lu, %lu)\n",
		clock, ticks, settime, left / 1000000000, left % 1000000000, interval / 1000000000,
		interval % 1000000000);
}

static bool cancels(const struct timerfd *t, int flags)
{
	return (t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM) &&
	       (flags & TFD_TIMER_ABSTIME) && (flags & TFD_TIMER_CANCEL_ON_SET);
}

/*
 * Sets the disarmed timer; @interval and @value are in ns, and @value 0 leaves it disarmed. Returns
 * 0; or -ECANCELED if @value is not 0, cancels() is true and a change of the clock has not been
 * reported yet. The timer is armed in that case too. wqh.lock is held.
 */
static int set(struct timerfd *t, u64 interval, u64 value, int flags)
{
	u64 now;

	t->ticks = 0;
	t->expired = false;
	t->cancel_on_set = cancels(t, flags);
	t->interval = interval;
	t->expires = 0;
	t->timer.clock = clock_timer_base(t->clock, flags & TFD_TIMER_ABSTIME);
	if (value && !clock_read(t->timer.clock, &now)) {
		if (flags & TFD_TIMER_ABSTIME)
			t->expires = time_ns_abs(t->clock, value);
		else
			t->expires = min(now + value, TIME_MAX);
		clock_timer_start(&t->timer, t->expires);
		if (take_cancel(t))
			return -ECANCELED;
	}
	t->flags = flags;
	return 0;
}

/*
 * Takes wqh.lock with the timer disarmed. An expiry of the previous setting, which waits for the
 * lock in timerfd_expired(), would count for the next setting, so it counts first.
 */
static void lock_disarmed(struct timerfd *t)
{
	for (;;) {
		spin_lock(&t->wqh.lock);
		if (clock_timer_try_cancel(&t->timer))
			return;
		spin_unlock(&t->wqh.lock);
		yield();
	}
}

long sys_timerfd_settime(int fd, int flags, uaddr_t value, uaddr_t old)
{
	u64 interval, first, old_interval, old_rest;
	struct timerfd *t;
	struct file *f;
	int err = get_itimerspec(value, &interval, &first);

	if (err)
		return err;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	f = timerfd_get(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	t = f->private_data;
	if (clock_is_alarm(t->clock) && !capable(CAP_WAKE_ALARM)) {
		fput(f);
		return -EPERM;
	}
	if (cancels(t, flags))
		clock_watch(&t->watch);
	lock_disarmed(t);
	advance(t);
	old_interval = t->interval;
	old_rest = rest(t);
	err = set(t, interval, first, flags);
	spin_unlock(&t->wqh.lock);
	fput(f);
	if (err)
		return err;
	return old.v ? put_itimerspec(old, old_interval, old_rest) : 0;
}

long sys_timerfd_gettime(int fd, uaddr_t value)
{
	struct file *f = timerfd_get(fd);
	struct timerfd *t;
	u64 interval, left;

	if (IS_ERR(f))
		return PTR_ERR(f);
	t = f->private_data;
	spin_lock(&t->wqh.lock);
	catch_up(t);
	left = rest(t);
	interval = t->interval;
	spin_unlock(&t->wqh.lock);
	fput(f);
	return put_itimerspec(value, interval, left);
}

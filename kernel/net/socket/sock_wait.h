/* SPDX-License-Identifier: MIT */
/*
 * sock_wait.h: waiting in socket calls: on sk->wait, with SO_RCVTIMEO and SO_SNDTIMEO.
 *
 * All macros may sleep, so no spinlock is held. They evaluate @cond several times, and return 0 if
 * the condition is true, -EAGAIN if the call is nonblocking or has timed out, or -ERESTARTSYS after
 * a signal. With a time limit they return -EINTR after a signal, since a restart would restart the
 * timeout. Timeouts are in ns, 0: none. `events` is a mask of EPOLL* bits: each wake-up that can
 * make the condition true has one of these bits. 0: any wake-up can. `m` is a struct msg.
 */
#ifndef NESTLING_NET_SOCK_WAIT_H
#define NESTLING_NET_SOCK_WAIT_H

/* What a call does about a condition that is not true yet. */
enum sock_patience {
	SOCK_WAITS,
	/* returns -EAGAIN, even where a call that waits would fail at once */
	SOCK_TRIES,
	/* io_uring: returns -EAGAIN only where a call that waits would wait */
	SOCK_WAITS_LATER,
};

/* Waits until @cond is true. */
#define sock_wait(sk, cond, nonblock, timeout)                                                     \
	({                                                                                         \
		u64 t_ = (timeout);                                                                \
		sock_wait_until(sk, cond, nonblock, t_, t_ ? ktime_get() + t_ : ~0UL, 0);          \
	})

/*
 * Waits until @cond is true or the time @until (ktime_get()) has come. @until is evaluated only if
 * there is a wait. @timed: @until is a time limit.
 */
#define sock_wait_until(sk, cond, nonblock, timed, until, events)                                  \
	({                                                                                         \
		int w_ = 0;                                                                        \
		if (!(cond)) {                                                                     \
			if (nonblock)                                                              \
				w_ = -EAGAIN;                                                      \
			else                                                                       \
				w_ = wait_event_poll(&(sk)->wait, cond, until, events);            \
			if (w_ == -ETIMEDOUT)                                                      \
				w_ = -EAGAIN;                                                      \
			else if (w_ == -ERESTARTSYS && (timed))                                    \
				w_ = -EINTR;                                                       \
		}                                                                                  \
		w_;                                                                                \
	})

/*
 * Waits in a call that may have to wait several times, since another task may get the data first.
 * @timeout limits the sum of the waits (m->until).
 */
#define sock_wait_again(sk, cond, m, timeout)                                                      \
	({                                                                                         \
		u64 l_ = (timeout);                                                                \
		if (!(m)->until)                                                                   \
			(m)->until = l_ ? ktime_get() + l_ : ~0UL;                                 \
		sock_wait_until(sk, cond, (m)->nonblock, l_, (m)->until, 0);                       \
	})

/*
 * Waits as sock_wait_again() does, but releases @mutex during the wait, so that another call with
 * MSG_DONTWAIT does not block. Then takes @mutex again. After a signal the caller may not hold
 * @mutex: *@held is then false; else it is true, or unchanged if m->nonblock is set.
 */
#define sock_wait_aside(sk, cond, m, timeout, mutex, held, events)                                 \
	({                                                                                         \
		u64 l_ = (timeout);                                                                \
		int a_ = 0;                                                                        \
		if ((m)->nonblock) {                                                               \
			a_ = (cond) ? 0 : -EAGAIN;                                                 \
		} else {                                                                           \
			if (!(m)->until)                                                           \
				(m)->until = l_ ? ktime_get() + l_ : ~0UL;                         \
			mutex_unlock(mutex);                                                       \
			a_ = sock_wait_until(sk, cond, false, l_, (m)->until, events);             \
			*(held) = !mutex_lock_interruptible(mutex);                                \
			if (!*(held) && !a_)                                                       \
				a_ = l_ ? -EINTR : -ERESTARTSYS;                                   \
		}                                                                                  \
		a_;                                                                                \
	})

#endif

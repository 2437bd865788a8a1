/* SPDX-License-Identifier: MIT */
/*
 * sock_wait.h: waiting in socket calls: on sk->wait, with SO_RCVTIMEO and SO_SNDTIMEO.
 *
 * All functions return 0, or -EAGAIN (nonblocking, or timed out), or after a signal -ERESTARTSYS.
 * With a time limit a signal gives -EINTR, since a restart would restart the timeout. Timeouts are
 * in ns, 0: none. `events` is 0, or EPOLL* bits one of which comes with each wake-up that can make
 * the condition true.
 */
#ifndef NESTLING_NET_SOCK_WAIT_H
#define NESTLING_NET_SOCK_WAIT_H

/* How a call takes a condition that is not true yet. */
enum sock_patience {
	SOCK_WAITS,
	/* -EAGAIN, even if a call that waits would fail at once */
	SOCK_TRIES,
	/* io_uring: -EAGAIN only if a call that waits would wait */
	SOCK_WAITS_LATER,
};

/* Waits until @cond is true. */
#define sock_wait(sk, cond, nonblock, timeout)                                                     \
	({                                                                                         \
		u64 t_ = (timeout);                                                                \
		sock_wait_until(sk, cond, nonblock, t_, t_ ? ktime_get() + t_ : ~0UL, 0);          \
	})

/*
 * Waits until @cond is true, or it is @until (ktime_get()), which is evaluated only if there is a
 * wait. @timed: @until is a limit.
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
 * Waits in a call that may wait several times, since another task can be faster. @timeout limits
 * all waits together (m->until).
 */
#define sock_wait_again(sk, cond, m, timeout)                                                      \
	({                                                                                         \
		u64 l_ = (timeout);                                                                \
		if (!(m)->until)                                                                   \
			(m)->until = l_ ? ktime_get() + l_ : ~0UL;                                 \
		sock_wait_until(sk, cond, (m)->nonblock, l_, (m)->until, 0);                       \
	})

/*
 * Waits as sock_wait_again() does, with @mutex released meanwhile, so that a call with MSG_DONTWAIT
 * gets its answer. Takes @mutex again; with an error that may fail, and *@held is false.
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

/* SPDX-License-Identifier: MIT */
/*
 * lock.h (sched): locks whose waiters sleep in the guest's scheduler, wait queues and completions.
 *
 * A wait:
 *	wait_event(&wq, cond)                        uninterruptible
 *	err = wait_event_interruptible(&wq, cond)    0, or -ERESTARTSYS for a signal
 *	err = wait_event_killable(&wq, cond)         0, or -ERESTARTSYS if current is being killed
 *	err = wait_event_timeout(&wq, cond, deadline, interruptible)
 *	                                             0, -ETIMEDOUT or -ERESTARTSYS; the deadline is
 *	                                             on the scale of ktime_get(), ~0 for none
 *	err = wait_event_poll(&wq, cond, deadline, events)
 *	                                             interruptible; only these EPOLL* wake it up
 * or by hand: prepare_to_wait(); test; schedule(); finish_wait().
 *
 * Waits and locks may sleep, so the caller holds no spinlock. Wake-ups, trylocks and unlocks do not
 * sleep.
 */
#ifndef NESTLING_SCHED_LOCK_H
#define NESTLING_SCHED_LOCK_H

#include <asm/errno.h>

#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/types.h"

struct task;

struct wait_queue_head {
	spinlock_t lock;
	struct list_head head; /* of wait_queue_entry.entry */
};
#define WAIT_QUEUE_HEAD_INIT(n)                                                                    \
	{                                                                                          \
		.lock = SPINLOCK_INIT(n.lock), .head = LIST_HEAD_INIT((n).head)                    \
	}
#define DECLARE_WAIT_QUEUE_HEAD(n) struct wait_queue_head n = WAIT_QUEUE_HEAD_INIT(n)

struct wait_queue_entry;
/*
 * Called under the queue's lock at a wake-up. Returns 1 if it woke up a task, else 0; only entries
 * that return 1 count as woken exclusive waiters. @key: poll bits (EPOLLIN...), 0 for any.
 */
typedef int (*wait_func_t)(struct wait_queue_entry *e, u64 key);
struct wait_queue_entry {
	struct list_head entry;
	wait_func_t func;
	/* The task, for default_wake_function(); other functions use it as they wish. */
	void *private;
	/* True if a wake-up of @nr waiters counts this entry; set when it is queued. */
	bool exclusive;
	/*
	 * Poll bits for the default function: it ignores a wake-up whose key has none of them. A
	 * key or @events of 0 matches anything.
	 */
	u32 events;
};

/* The body of init_waitqueue_head(). @name: the lock's class for lockdep, kept by pointer. */
void wait_queue_setup(struct wait_queue_head *q, const char *name);
#define init_waitqueue_head(q) wait_queue_setup(q, LOCK_CLASS(q))
/*
 * Bit in the key of a wake-up of all waiters: the queue is about to be freed (after a grace
 * period), so entries that stay longer than a wait must leave it. The UAPI header's POLLFREE is the
 * same bit, with a cast to __poll_t, a type that only Linux's own build knows.
 */
#define WAKE_QUEUE_GONE 0x4000
/*
 * EPOLL_URING_WAKE: the wake-up comes from an io_uring completion. To answer it with another
 * completion would loop for ever.
 */
#define WAKE_OF_URING (1U << 27)
/* Initialises an entry for current, with the default function. */
void init_wait_entry(struct wait_queue_entry *e);
/*
 * Queue an entry until remove_wait_queue(), and do not sleep. Exclusive ones come last. The caller
 * keeps @e and @q until then.
 */
void add_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e);
void add_wait_queue_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e);
void remove_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e);
/*
 * Queues @e, unless it is queued already, and sets current's state (TASK_INTERRUPTIBLE...). The
 * caller then tests its condition and calls schedule().
 */
void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state);
void prepare_to_wait_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state);
/* Removes @e and sets current's state to TASK_RUNNING. */
void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *e);
/* Wakes up the task in @e->private if @key matches @e->events. Returns 1 if it did, else 0. */
int default_wake_function(struct wait_queue_entry *e, u64 key);

/*
 * Wake up all non-exclusive waiters and @nr exclusive ones (0: all) whose state is in @states. An
 * entry with its own function ignores @states. Callable with spinlocks held.
 * wake_up_common_locked() is called with q->lock held. @key: as for wait_func_t.
 */
void wake_up_common(struct wait_queue_head *q, u32 states, int nr, u64 key);
void wake_up_common_locked(struct wait_queue_head *q, u32 states, int nr, u64 key);
#define wake_up(q) wake_up_common(q, TASK_NORMAL, 1, 0)
#define wake_up_all(q) wake_up_common(q, TASK_NORMAL, 0, 0)
#define wake_up_interruptible(q) wake_up_common(q, TASK_INTERRUPTIBLE, 1, 0)
#define wake_up_poll(q, key) wake_up_common(q, TASK_NORMAL, 1, key)
/* True if an entry is queued. A full barrier precedes the test. */
static inline bool waitqueue_active(struct wait_queue_head *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !list_empty(&q->head);
}

/*
 * Sleeps until a wake-up (returns 0) or until @deadline in ns of ktime_get() (-ETIMEDOUT; ~0:
 * none). The caller has set its task state, and tests its condition again afterwards.
 */
int schedule_deadline(u64 deadline);

/*
 * The end of a wait, in ns on the scale of ktime_get() (~0: never). With @real it is on the scale
 * of CLOCK_REALTIME, and follows clock_settime().
 */
struct wait_until {
	u64 at;
	bool real;
};
#define WAIT_FOREVER ((struct wait_until){ .at = ~0UL })
static inline bool waits_forever(struct wait_until until)
{
	return !until.real && until.at == ~0UL;
}
/*
 * Sleeps until @until, which may follow clock_settime(). The caller has set its task state. Returns
 * 0 or -ETIMEDOUT.
 */
int schedule_until(struct wait_until until);

#define WAIT_EVENT_(q, cond, st, deadline_, excl, events_)                                         \
	({                                                                                         \
		struct wait_queue_entry we_;                                                       \
		u64 by_ = (deadline_); /* spurious wake-ups do not move it */                      \
		int ret_ = 0, to_ = 0;                                                             \
		init_wait_entry(&we_);                                                             \
		we_.events = (events_);                                                            \
		for (;;) {                                                                         \
			if (excl)                                                                  \
				prepare_to_wait_exclusive(q, &we_, st);                            \
			else                                                                       \
				prepare_to_wait(q, &we_, st);                                      \
			if (cond)                                                                  \
				break;                                                             \
			if (to_) {                                                                 \
				ret_ = -ETIMEDOUT;                                                 \
				break;                                                             \
			}                                                                          \
			if (wait_interrupted(st)) {                                                \
				ret_ = -ERESTARTSYS;                                               \
				break;                                                             \
			}                                                                          \
			to_ = schedule_deadline(by_);                                              \
		}                                                                                  \
		finish_wait(q, &we_);                                                              \
		/* a wake-up may have come for this task alone */                                  \
		if ((excl) && ret_ && (cond))                                                      \
			ret_ = 0;                                                                  \
		ret_;                                                                              \
	})
/* True if a signal is pending that ends a sleep in state @state. */
bool wait_interrupted(u32 state);

#define wait_event(q, cond) ((void)WAIT_EVENT_(q, cond, TASK_UNINTERRUPTIBLE, ~0UL, false, 0))
/* Waits in a kernel thread that has no work. The sleep does not count for the load average. */
#define wait_event_idle(q, cond) ((void)WAIT_EVENT_(q, cond, TASK_IDLE, ~0UL, false, 0))
#define wait_event_idle_exclusive(q, cond) ((void)WAIT_EVENT_(q, cond, TASK_IDLE, ~0UL, true, 0))
#define wait_event_idle_timeout(q, cond, deadline)                                                 \
	((void)WAIT_EVENT_(q, cond, TASK_IDLE, deadline, false, 0))
#define wait_event_killable(q, cond) WAIT_EVENT_(q, cond, TASK_KILLABLE, ~0UL, false, 0)
#define wait_event_interruptible(q, cond) WAIT_EVENT_(q, cond, TASK_INTERRUPTIBLE, ~0UL, false, 0)
#define wait_event_interruptible_exclusive(q, cond)                                                \
	WAIT_EVENT_(q, cond, TASK_INTERRUPTIBLE, ~0UL, true, 0)
#define wait_event_timeout(q, cond, deadline, interruptible)                                       \
	WAIT_EVENT_(q, cond, (interruptible) ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE,          \
		deadline, false, 0)
#define wait_event_poll(q, cond, deadline, events)                                                 \
	WAIT_EVENT_(q, cond, TASK_INTERRUPTIBLE, deadline, false, events)

struct mutex {
	spinlock_t wait_lock;     /* raw; protects @waiters */
	struct task *owner;       /* NULL: free; atomic */
	struct list_head waiters; /* of struct mutex_waiter (mutex.c) */
};
#define MUTEX_INIT(n)                                                                              \
	{                                                                                          \
		.wait_lock = SPINLOCK_INIT(n), .owner = NULL,                                      \
		.waiters = LIST_HEAD_INIT((n).waiters)                                             \
	}
#define DEFINE_MUTEX(n) struct mutex n = MUTEX_INIT(n)
/* The body of mutex_init(). @name: the lock's class for lockdep, kept by pointer. */
void mutex_setup(struct mutex *m, const char *name);
#define mutex_init(m) mutex_setup(m, LOCK_CLASS(m))
/* Sleeps until current owns @m. Not recursive. The task that locked a mutex unlocks it. */
void mutex_lock(struct mutex *m);
/* As mutex_lock(). Returns 0, or -ERESTARTSYS without the mutex if a signal is pending. */
int mutex_lock_interruptible(struct mutex *m);
/* As mutex_lock(). Returns 0, or -ERESTARTSYS without the mutex if current is being killed. */
int mutex_lock_killable(struct mutex *m);
/* True if it has locked @m. Does not sleep. */
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
/* Panics in debug builds unless current holds @m. */
void assert_mutex_held(const struct mutex *m);

/* Fair between readers and writers: new readers queue behind a waiting writer. Not recursive. */
struct rwsem {
	spinlock_t wait_lock; /* raw; protects all below */
	s64 count;            /* readers; -1: a writer; 0: free */
	/* of struct rwsem_waiter (rwsem.c), in the order of arrival */
	struct list_head waiters;
};
#define RWSEM_INIT(n)                                                                              \
	{                                                                                          \
		.wait_lock = SPINLOCK_INIT(n), .count = 0, .waiters = LIST_HEAD_INIT((n).waiters)  \
	}
#define DEFINE_RWSEM(n) struct rwsem n = RWSEM_INIT(n)
/* The body of init_rwsem(). @name: the lock's class for lockdep, kept by pointer. */
void rwsem_setup(struct rwsem *s, const char *name);
#define init_rwsem(s) rwsem_setup(s, LOCK_CLASS(s))
/*
 * Sleep until the caller holds the lock, for reading or writing; the killable ones return -EINTR if
 * it is killed before. The trylocks return true if they have taken the lock, and do not sleep.
 */
void down_read(struct rwsem *s);
int down_read_killable(struct rwsem *s); /* returns 0 or -EINTR */
bool down_read_trylock(struct rwsem *s);
void up_read(struct rwsem *s);
void down_write(struct rwsem *s);
int down_write_killable(struct rwsem *s); /* returns 0 or -EINTR */
bool down_write_trylock(struct rwsem *s);
void up_write(struct rwsem *s);
/* Turns the write lock of the caller into a read lock. Does not sleep. */
void downgrade_write(struct rwsem *s);
/*
 * Panic in debug builds if no task holds @s (assert_rwsem_held()), or no task for writing. They do
 * not test that current is the holder.
 */
void assert_rwsem_held(const struct rwsem *s);
void assert_rwsem_held_write(const struct rwsem *s);

/* Counts events that one task signals to another. */
struct completion {
	/* complete()s not yet waited for, or DONE_FOR_ALL (wait.c); under wait.lock */
	u32 done;
	struct wait_queue_head wait;
};
void init_completion(struct completion *c);
/*
 * complete() lets one waiter continue, complete_all() all present and later waiters. Both are
 * callable with spinlocks held. A waiter may free @c as soon as it has returned from its wait. The
 * interruptible and killable waits return 0, or -ERESTARTSYS if a signal or a kill ended them.
 */
void complete(struct completion *c);
void complete_all(struct completion *c);
void wait_for_completion(struct completion *c);
int wait_for_completion_interruptible(struct completion *c);
int wait_for_completion_killable(struct completion *c);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * timer.c: one-shot timers, one tree for each vCPU, run at its boundaries.
 *
 *      timer_setup(&t, fn); timer_start(&t, deadline); ... timer_cancel_sync(&t);
 *
 * A timer is armed on the vCPU that calls timer_start(), which is in the kernel and will call
 * timers_next() before it sleeps or enters guest code. So arming needs no kick, unless the timer's
 * function is running on another vCPU (invariant 2).
 *
 * Invariants:
 * 1. timer->cpu names the base whose lock guards the timer; it changes with both bases' locks held.
 * 2. base->running is the timer whose function runs now. After its function has returned the timer
 *    is not touched, since it may be freed. While it runs the timer stays with that base, so that
 *    timer_cancel_sync() knows where to wait.
 * 3. base->next is the first expiry, or ~0. The own vCPU reads it without the lock; a stale early
 *    value costs one needless timers_run().
 *
 * Locks: base->lock, two by vCPU number. It is raw, since the scheduler starts timers with a
 * runqueue's lock held. Timer functions run with no lock held.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/sched/internal.h"

/* The ns that one boundary may spend on due timers after the first LOOK_AT_CLOCK of them. */
#define AT_ONCE_NS 1000000UL
#define LOOK_AT_CLOCK 64 /* timers between two looks at the clock */

struct timer_base {
	spinlock_t lock;
	struct rb_root tree;    /* by expires, under lock */
	struct rb_node *first;  /* earliest timer or NULL; under lock */
	u64 next;               /* ktime, see invariant 3 */
	struct ktimer *running; /* or NULL; under lock */
} __aligned(64);

static struct timer_base bases[MAX_CPUS] = { [0 ... MAX_CPUS - 1] = { .next = ~0UL } };

static struct ktimer *timer_of(struct rb_node *n)
{
	return container_of(n, struct ktimer, node);
}

static void update_next(struct timer_base *b)
{
	WRITE_ONCE(b->next, b->first ? timer_of(b->first)->expires : ~0UL);
}

/* Puts a timer into the tree. b->lock is held. */
static void insert(struct timer_base *b, struct ktimer *t)
{
	struct rb_node **link = &b->tree.node, *parent = NULL;
	bool first = true;

	while (*link) {
		parent = *link;
		if (t->expires < timer_of(parent)->expires) {
			link = &parent->left;
		} else {
			link = &parent->right;
			first = false;
		}
	}
	rb_link_node(&t->node, parent, link);
	rb_insert_color(&t->node, &b->tree);
	if (first)
		b->first = &t->node;
	t->armed = true;
	update_next(b);
}

static void remove(struct timer_base *b, struct ktimer *t)
{
	if (b->first == &t->node)
		b->first = rb_next(&t->node);
	rb_erase(&t->node, &b->tree);
	t->armed = false;
	update_next(b);
}

/* Locks and returns the timer's base. */
static struct timer_base *lock_base(struct ktimer *t)
{
	for (;;) {
		int cpu = READ_ONCE(t->cpu);
		struct timer_base *b = &bases[cpu];

		spin_lock_raw(&b->lock);
		if (likely(t->cpu == cpu))
			return b;
		spin_unlock_raw(&b->lock);
	}
}

/*
 * Locks and returns the timer's base. This is the base of vCPU @here, to which the timer is moved
 * and thereby disarmed, unless the timer's function is running on another vCPU.
 */
static struct timer_base *lock_base_here(struct ktimer *t, int here)
{
	struct timer_base *to = &bases[here];

	for (;;) {
		struct timer_base *from = lock_base(t);

		if (from == to || from->running == t)
			return from;
		spin_unlock_raw(&from->lock);
		spin_lock_raw(from < to ? &from->lock : &to->lock);
		spin_lock_raw(from < to ? &to->lock : &from->lock);
		if (&bases[t->cpu] == from && from->running != t) {
			if (t->armed)
				remove(from, t);
			t->cpu = here;
			spin_unlock_raw(&from->lock);
			return to;
		}
		spin_unlock_raw(&from->lock);
		spin_unlock_raw(&to->lock);
	}
}

void timer_setup(struct ktimer *t, void (*func)(struct ktimer *t))
{
	t->func = func;
	t->armed = false;
	t->cpu = smp_processor_id();
}

void timer_start(struct ktimer *t, u64 expires)
{
	struct timer_base *b = lock_base_here(t, smp_processor_id());
	int cpu = t->cpu;

	if (t->armed)
		remove(b, t);
	t->expires = expires;
	insert(b, t);
	spin_unlock_raw(&b->lock);
	/* The timer's function is running on vCPU @cpu while this vCPU re-arms the timer. */
	if (cpu != smp_processor_id())
		arch_kick_cpu(cpu);
}

bool timer_cancel(struct ktimer *t)
{
	struct timer_base *b = lock_base(t);
	bool armed = t->armed;

	if (armed)
		remove(b, t);
	spin_unlock_raw(&b->lock);
	return armed;
}

bool timer_try_cancel(struct ktimer *t)
{
	struct timer_base *b = lock_base(t);
	bool running = b->running == t;

	if (t->armed)
		remove(b, t);
	spin_unlock_raw(&b->lock);
	return !running;
}

void timer_cancel_sync(struct ktimer *t)
{
	might_sleep();
	for (int spins = 0; !timer_try_cancel(t); spins++) {
		if (spins < 1000)
			cpu_relax();
		else
			yield();
	}
}

bool timer_armed(const struct ktimer *t)
{
	return READ_ONCE(t->armed);
}

u32 timers_list(int cpu, struct timer_info *to, u32 max, u32 *more)
{
	struct timer_base *b = &bases[cpu];
	u32 n = 0;

	*more = 0;
	spin_lock_raw(&b->lock);
	for (struct rb_node *at = b->first; at; at = rb_next(at)) {
		if (n < max)
			to[n++] = (struct timer_info){ timer_of(at)->expires, timer_of(at)->func };
		else
			(*more)++;
	}
	spin_unlock_raw(&b->lock);
	return n;
}

/*
 * Runs due timers, up to a limit for one boundary: a program may have thousands of timers, and
 * other tasks must get to run. The next boundary runs the rest, since b->next has passed.
 */
static void expire(struct timer_base *b, u64 now)
{
	const void *outer;
	struct ktimer *t;
	u64 until = 0;
	u32 n = 0;

	spin_lock_raw(&b->lock);
	while (b->first && timer_of(b->first)->expires <= now && !b->running) {
		if (!(++n % LOOK_AT_CLOCK) && !until)
			until = ktime_get() + AT_ONCE_NS;
		else if (!(n % LOOK_AT_CLOCK) && ktime_get() >= until)
			break;
		t = timer_of(b->first);
		remove(b, t);
		b->running = t;
		spin_unlock_raw(&b->lock);
		outer = lockdep_atomic_begin(t->func);
		t->func(t);
		lockdep_atomic_end(outer);
		spin_lock_raw(&b->lock);
		b->running = NULL;
	}
	spin_unlock_raw(&b->lock);
}

static void cpu_timers_run(u64 now)
{
	const void *outer = lockdep_atomic_begin(sched_timer_ops->cpu_timers);

	sched_timer_ops->cpu_timers(now);
	lockdep_atomic_end(outer);
}

/*
 * Called at every boundary of this vCPU, with the current ktime. Runs due timers, RCU functions,
 * the CPU-time timers of current, and the scheduler's tick.
 */
void timers_run(u64 now)
{
	int cpu = smp_processor_id();

	if (unlikely(now >= READ_ONCE(bases[cpu].next)))
		expire(&bases[cpu], now);
	if (unlikely(rcu_waiting(cpu)))
		rcu_check(cpu);
	if (unlikely(now >= current->cpu_timer_at)) {
		current->cpu_timer_at = ~0UL;
		if (sched_timer_ops)
			cpu_timers_run(now);
	}
	sched_tick();
}

u64 timers_expire(int cpu)
{
	return min(min(READ_ONCE(bases[cpu].next), current->cpu_timer_at), rcu_next(cpu));
}

u64 timers_next(void)
{
	return min(timers_expire(smp_processor_id()), sched_next());
}

/* ---- sleeping with a deadline ---- */

struct sleeper {
	struct ktimer timer;
	struct task *task; /* NULL: the timer has expired */
};

static void sleeper_expired(struct ktimer *t)
{
	struct sleeper *s = container_of(t, struct sleeper, timer);
	struct task *task = s->task;

	WRITE_ONCE(s->task, NULL);
	wake_up_state(task, TASK_NORMAL | TASK_WAKEKILL);
}

int schedule_deadline(u64 deadline)
{
	struct sleeper s = { .task = current };

	if (deadline == ~0UL) {
		schedule();
		return 0;
	}
	timer_setup(&s.timer, sleeper_expired);
	timer_start(&s.timer, deadline);
	schedule();
	timer_cancel_sync(&s.timer);
	return READ_ONCE(s.task) ? 0 : -ETIMEDOUT;
}

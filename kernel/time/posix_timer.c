/* SPDX-License-Identifier: MIT */
/*
 * posix_timer.c: timer_create(2) and related calls.
 *
 * A timer is in its process's list and owns one preallocated signal. When it expires it sends that
 * signal. If the signal is still queued from the last expiry, the new expiry counts as an overrun
 * in the queued info instead. A periodic timer is re-armed at once, for a multiple of its period
 * after the first expiry; periods that have passed meanwhile are overruns too. When a timer is set
 * again or deleted, its signal is taken off the queue.
 *
 * A timer on a CPU clock has no clock_timer: while armed it is in the tree of that clock, a
 * process's or a thread's. cpu_timer.c calls posix_cpu_timers_check() when a timer may be due.
 *
 * References: the list holds one, and each lookup takes one. The last kt_put() frees the timer.
 * Locks: timers_lock protects all lists and trees of all processes; only posix_timers_show() walks
 * a list under it. kt->lock protects the settings of a timer. An expiry sends without kt->lock,
 * because sending takes tasklist_lock and sighand->lock.
 */
#include <asm/errno.h>
#include <asm/siginfo.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/mm/mm.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/internal.h"
#include "gen/syscalls.h"

/*
 * The most CPU-time timers of one clock that expire at one boundary. The others follow a
 * millisecond later.
 */
#define MAX_AT_ONCE 32

struct k_itimer {
	/* Link in signal->posix_timers; under timers_lock. */
	struct list_head list;
	/* Node in signal->posix_timer_ids while the timer is in the list; under timers_lock. */
	struct rb_node by_id;
	atomic_t usage;
	/* Arguments of timer_create(). They and @value are immutable. */
	int id, clock, notify, signo;
	u64 value;
	struct pid *target; /* receiver; immutable, a reference */
	enum pid_type target_type;
	/* The timer's signal, counted in RLIMIT_SIGPENDING. It is never sent for SIGEV_NONE. */
	struct sigqueue *q;
	spinlock_t lock; /* protects the next four members */
	u64 interval;    /* period in ns; 0: expires once */
	u64 expires;     /* ns on its clock; 0: not armed */
	bool again;      /* true: has expired since it was set */
	/* periods before @expires that are skipped while the timer rests (next_expiry()) */
	u64 left_out;

	struct clock_timer timer; /* for clocks that advance by themselves */
	/* CPU clocks: in cpu_tree() while armed; by_expiry and in_tree are under timers_lock */
	struct rb_node by_expiry;
	bool in_tree;
	/*
	 * Number of threads that have taken the timer out of the tree and may be about to send its
	 * signal; atomic.
	 */
	int firing;
	/* The process that has the timer, and outlives it; immutable. */
	struct signal_struct *sig;
	/* For the CPU clock of a thread: that thread, with a reference. */
	struct task *thread;
	/*
	 * For the CPU clock of a process that a pid names: the task of that pid, with a reference.
	 */
	struct task *process;
	/* For a CPU clock: the process whose time the clock counts, kept by @thread or @process. */
	struct signal_struct *cpu;
};

static DEFINE_SPINLOCK(timers_lock);

/* Drops a reference. The last one may wait for the timer's function, so no lock is held. */
static void kt_put(struct k_itimer *kt)
{
	if (!atomic_dec_and_test(&kt->usage))
		return;
	clock_timer_cancel_sync(&kt->timer);
	if (kt->q)
		sigqueue_put(kt->q);
	if (kt->thread)
		put_task(kt->thread);
	if (kt->process)
		put_task(kt->process);
	put_pid(kt->target);
	kfree(kt);
}

/* Returns the timer with the lowest number that is at least @id, or NULL. Under timers_lock. */
static struct k_itimer *first_from(const struct signal_struct *sig, int id)
{
	struct rb_node *n = sig->posix_timer_ids.node;
	struct k_itimer *found = NULL;

	while (n) {
		struct k_itimer *kt = rb_entry(n, struct k_itimer, by_id);

		if (kt->id >= id) {
			found = kt;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

/*
 * Returns the timer with the number @id, with a reference, or NULL. @or_next: if there is none, the
 * timer with the next higher number.
 */
static struct k_itimer *kt_find(int id, bool or_next)
{
	struct k_itimer *kt;

	spin_lock(&timers_lock);
	kt = first_from(current->signal, id);
	if (kt && kt->id != id && !or_next)
		kt = NULL;
	if (kt)
		atomic_inc(&kt->usage);
	spin_unlock(&timers_lock);
	return kt;
}

/* Returns the timer of the current process, with a reference, or NULL. */
static struct k_itimer *kt_get(int id)
{
	return kt_find(id, false);
}

/* Adds @kt to the process's list, which takes over the caller's reference. Takes timers_lock. */
static void kt_enlist(struct k_itimer *kt)
{
	struct rb_node **link = &kt->sig->posix_timer_ids.node, *parent = NULL;

	spin_lock(&timers_lock);
	list_add_tail(&kt->list, &kt->sig->posix_timers);
	while (*link) {
		parent = *link;
		link = kt->id < rb_entry(parent, struct k_itimer, by_id)->id ? &parent->left :
									       &parent->right;
	}
	rb_link_node(&kt->by_id, parent, link);
	rb_insert_color(&kt->by_id, &kt->sig->posix_timer_ids);
	spin_unlock(&timers_lock);
}

/* Takes @kt off the list. Returns false if another thread is deleting it. Under timers_lock. */
static bool kt_delist(struct k_itimer *kt)
{
	if (list_empty(&kt->list))
		return false;
	list_del_init(&kt->list);
	rb_erase(&kt->by_id, &kt->sig->posix_timer_ids);
	return true;
}

/* ---- CPU clocks: their timers by expiry ---- */

/* Returns the tree of the timer's CPU clock. Trees are under timers_lock. */
static struct rb_root *cpu_tree(const struct k_itimer *kt)
{
	return kt->thread ? &kt->thread->cpu_timers : &kt->cpu->cpu_timers;
}

static void leave_tree(struct k_itimer *kt)
{
	assert_spin_held(&timers_lock);
	if (kt->in_tree)
		rb_erase(&kt->by_expiry, cpu_tree(kt));
	kt->in_tree = false;
}

static void enter_tree(struct k_itimer *kt)
{
	struct rb_root *tree = cpu_tree(kt);
	struct rb_node **link = &tree->node, *parent = NULL;

	leave_tree(kt);
	while (*link) {
		parent = *link;
		link = kt->expires < rb_entry(parent, struct k_itimer, by_expiry)->expires ?
			       &parent->left :
			       &parent->right;
	}
	rb_link_node(&kt->by_expiry, parent, link);
	rb_insert_color(&kt->by_expiry, tree);
	kt->in_tree = true;
}

/* ---- expiry ---- */

/* Sends the timer's signal. @missed: periods to count as overruns. No lock is held. */
static void notify(struct k_itimer *kt, u64 missed)
{
	if (kt->notify != SIGEV_NONE)
		send_sigqueue(kt->q, missed, kt->target, kt->target_type);
}

/* Arms a timer for kt->expires. kt->lock is held. */
static void arm(struct k_itimer *kt)
{
	if (!clock_is_cpu(kt->clock)) {
		clock_timer_start(&kt->timer, kt->expires);
		return;
	}
	spin_lock(&timers_lock);
	/* a deleted timer is not armed any more */
	if (!list_empty(&kt->list))
		enter_tree(kt);
	spin_unlock(&timers_lock);
}

/* Disarms a timer. kt->expires may change only while the timer is in no tree. kt->lock is held. */
static void disarm(struct k_itimer *kt)
{
	clock_timer_cancel(&kt->timer);
	spin_lock(&timers_lock);
	leave_tree(kt);
	spin_unlock(&timers_lock);
	kt->expires = kt->left_out = 0;
}

/*
 * Sets the next expiry of a timer that is due. *missed: periods that have passed meanwhile. Returns
 * false if the timer was stopped or set again, and is not due. @now: ns on its clock. Takes
 * kt->lock.
 */
static bool advance(struct k_itimer *kt, u64 now, u64 *missed)
{
	u64 next = 0, left_out = 0, before;
	bool due;

	*missed = 0;
	spin_lock(&kt->lock);
	due = kt->expires && kt->expires <= now;
	if (due) {
		before = kt->left_out;
		if (kt->interval)
			next = next_expiry(
				kt->expires, kt->interval, now, &kt->q->unseen, missed, &left_out);
		*missed += before;
		kt->again = true;
		/* another thread may have armed the timer meanwhile */
		disarm(kt);
		kt->expires = next;
		kt->left_out = left_out;
		if (next)
			arm(kt);
	}
	spin_unlock(&kt->lock);
	return due;
}

static void clock_expired(struct clock_timer *ct)
{
	struct k_itimer *kt = container_of(ct, struct k_itimer, timer);
	u64 now, missed;

	if (clock_read(ct->clock, &now))
		return;
	if (advance(kt, now, &missed))
		notify(kt, missed);
}

static void cpu_expired(struct k_itimer *kt, u64 now)
{
	u64 missed;

	if (advance(kt, now, &missed))
		notify(kt, missed);
	__atomic_sub_fetch(&kt->firing, 1, __ATOMIC_RELEASE);
}

/*
 * Expires timers of a clock that shows @now. Returns the time until the next expiry in ns, ~0 if
 * there is none, or 0 if some are still due. No lock is held.
 */
static u64 expire_tree(struct rb_root *tree, u64 now)
{
	struct k_itimer *kt;
	u64 wait;

	for (int i = 0; READ_ONCE(tree->node); i++) {
		spin_lock(&timers_lock);
		kt = rb_entry_safe(rb_first(tree), struct k_itimer, by_expiry);
		wait = !kt ? ~0UL : kt->expires > now ? kt->expires - now : 0;
		if (wait || i == MAX_AT_ONCE) {
			spin_unlock(&timers_lock);
			return wait;
		}
		leave_tree(kt);
		atomic_inc(&kt->usage);
		__atomic_add_fetch(&kt->firing, 1, __ATOMIC_RELAXED);
		spin_unlock(&timers_lock);
		cpu_expired(kt, now);
		kt_put(kt);
	}
	return ~0UL;
}

/*
 * Reads each clock only once: clocks advance meanwhile, so of many timers with short periods some
 * would always be due.
 */
u64 posix_cpu_timers_check(struct signal_struct *sig, u64 exec)
{
	u64 wait = expire_tree(&sig->cpu_timers, exec);

	if (!READ_ONCE(current->cpu_timers.node))
		return wait;
	return min(wait, expire_tree(&current->cpu_timers, task_sched_runtime(current)));
}

/* ---- creation ---- */

/* Sets kt->target, the receiver of the event, with a reference. Returns 0 or -EINVAL. */
static int set_target(struct k_itimer *kt, const struct sigevent *ev)
{
	struct task *t;

	kt->target_type = PIDTYPE_TGID;
	if (!(ev->sigev_notify & SIGEV_THREAD_ID)) {
		kt->target = get_pid(current->signal->pids[PIDTYPE_TGID]);
		return 0;
	}
	t = find_get_task(ev->sigev_notify_thread_id);
	if (!t)
		return -EINVAL;
	if (t->signal == current->signal) {
		kt->target_type = PIDTYPE_PID;
		kt->target = get_task_pid(t, PIDTYPE_PID);
	}
	put_task(t);
	return kt->target ? 0 : -EINVAL;
}

static bool event_valid(const struct sigevent *ev)
{
	if (ev->sigev_notify == SIGEV_NONE)
		return true;
	if (ev->sigev_notify != SIGEV_SIGNAL && ev->sigev_notify != SIGEV_THREAD &&
		ev->sigev_notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID))
		return false;
	return ev->sigev_signo > 0 && ev->sigev_signo <= NSIG_MAX;
}

/*
 * Sets the CPU clock that @clock, a number below zero, names. Returns 0 or -EINVAL. The timer is
 * expired by the threads that use up the CPU time, even if they belong to another process.
 */
static int set_cpu_clock(struct k_itimer *kt, int clock)
{
	pid_t pid = ~(clock >> 3);
	struct task *t;

	if (!pid && !(clock & 4))
		return 0;
	t = find_get_task(pid ? pid : task_pid_vnr(current));
	if (!t)
		return -EINVAL;
	kt->cpu = t->signal;
	if (clock & 4)
		kt->thread = t;
	else
		kt->process = t;
	return 0;
}

/*
 * Returns 0 if clocks of this kind can have timers, or -errno. set_clock() checks whether the
 * thread or process exists whose CPU time a number names.
 */
static int clock_has_timers(int clock)
{
	u64 now;

	if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
		clock == CLOCK_REALTIME_COARSE || (clock < 0 && (clock & 7) == CLOCK_OF_FILE))
		return -EOPNOTSUPP;
	if (clock_is_alarm(clock) && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	return clock < 0 ? 0 : clock_read(clock, &now);
}

/* Sets the thread or process whose CPU time @clock counts, referenced. Returns 0 or -EINVAL. */
static int set_clock(struct k_itimer *kt, int clock)
{
	u64 now;

	if (clock_read(clock, &now))
		return -EINVAL;
	if (clock < 0)
		return set_cpu_clock(kt, clock);
	if (clock == CLOCK_THREAD_CPUTIME_ID) {
		get_task(current);
		kt->thread = current;
	}
	return 0;
}

/* Allocates the signal. Returns 0, or -EAGAIN at the limit RLIMIT_SIGPENDING. */
static int set_signal(struct k_itimer *kt, const struct sigevent *ev)
{
	kt->q = sigqueue_alloc();
	if (!kt->q)
		return -EAGAIN;
	kt->q->info.si_signo = ev->sigev_signo;
	kt->q->info.si_code = SI_TIMER;
	kt->q->info.si_tid = kt->id;
	kt->q->info.si_value = ev->sigev_value;
	return 0;
}

/* Sets the number of a new timer. Takes timers_lock. */
static void choose_id(struct k_itimer *kt)
{
	struct signal_struct *sig = kt->sig;
	struct k_itimer *other;

	spin_lock(&timers_lock);
	do {
		kt->id = sig->next_posix_timer_id;
		sig->next_posix_timer_id = (kt->id + 1) & 0x7fffffff;
		other = first_from(sig, kt->id);
	} while (other && other->id == kt->id);
	spin_unlock(&timers_lock);
}

/* Returns a timer that is in no list, with a reference, or NULL if memory is short. */
static struct k_itimer *kt_new(int clock)
{
	struct k_itimer *kt = kzalloc(sizeof(*kt), GFP_KERNEL);

	if (!kt)
		return NULL;
	atomic_set(&kt->usage, 1);
	kt->clock = clock;
	kt->sig = kt->cpu = current->signal;
	spin_lock_init(&kt->lock);
	INIT_LIST_HEAD(&kt->list);
	clock_timer_setup(&kt->timer, clock, clock_expired);
	choose_id(kt);
	return kt;
}

long sys_timer_create(int which, uaddr_t event, uaddr_t id)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct k_itimer *kt;
	int err;

	if (event.v && copy_from_user(&ev, event, sizeof(ev)))
		return -EFAULT;
	err = clock_has_timers(which);
	if (err)
		return err;
	kt = kt_new(which);
	if (!kt)
		return -EAGAIN;
	if (!event.v)
		ev.sigev_value.sival_int = kt->id;
	kt->notify = ev.sigev_notify;
	kt->signo = ev.sigev_signo;
	kt->value = (u64)ev.sigev_value.sival_ptr;
	err = event_valid(&ev) ? set_target(kt, &ev) : -EINVAL;
	if (!err)
		err = set_signal(kt, &ev);
	if (!err)
		err = put_user(kt->id, id);
	if (!err)
		err = set_clock(kt, which);
	if (err) {
		kt_put(kt);
		return err;
	}
	kt_enlist(kt);
	return 0;
}

/* ---- setting ---- */

/* Reads the clock on which kt->expires counts, in ns. Returns 0 or -errno. */
static int kt_now(struct k_itimer *kt, u64 *now)
{
	if (kt->thread) {
		*now = task_sched_runtime(kt->thread);
		return 0;
	}
	return clock_read(kt->timer.clock, now);
}

/*
 * Returns the ns until the next expiry, as timer_gettime(2) reports: 0 if not armed, at least 1 if
 * a signal is due. kt->lock is held.
 */
static u64 rest(const struct k_itimer *kt, u64 now)
{
	u64 missed, expires = kt->expires;

	if (!expires)
		return 0;
	if (expires <= now && kt->notify == SIGEV_NONE)
		expires = kt->interval ? next_period(expires, kt->interval, now, &missed) : now;
	if (expires > now)
		return kt->again ? rest_of_period(expires - now, kt->interval) : expires - now;
	return kt->notify != SIGEV_NONE;
}

/*
 * Takes the signal of a disarmed timer off the queue. No lock is held. An earlier expiry is then
 * not delivered any more, as in Linux since 6.13.
 */
static void forget_signal(struct k_itimer *kt)
{
	/* the timer's function may be about to send the signal */
	clock_timer_cancel_sync(&kt->timer);
	while (__atomic_load_n(&kt->firing, __ATOMIC_ACQUIRE))
		yield(); /* so may a thread in expire_tree() */
	sigqueue_cancel(kt->q);
}

long sys_timer_settime(int id, int flags, uaddr_t setting, uaddr_t old)
{
	u64 interval, value, now, old_interval, old_rest;
	struct k_itimer *kt;
	int err;

	if (!setting.v)
		return -EINVAL;
	err = get_itimerspec(setting, &interval, &value);
	if (err)
		return err;
	kt = kt_get(id);
	if (!kt)
		return -EINVAL;
	err = kt_now(kt, &now);
	if (err)
		goto out_put;
	spin_lock(&kt->lock);
	old_interval = kt->interval;
	old_rest = rest(kt, now);
	disarm(kt);
	spin_unlock(&kt->lock);
	forget_signal(kt);
	spin_lock(&kt->lock);
	/* another thread may have armed the timer meanwhile */
	disarm(kt);
	kt->q->overrun_last = 0;
	kt->q->flushed = false;
	kt->q->info.si_overrun = 0;
	kt->q->unseen = 0;
	kt->again = false;
	kt->interval = value ? interval : 0;
	kt->timer.clock = clock_timer_base(kt->clock, flags & TIMER_ABSTIME);
	if (value && kt->timer.clock != kt->clock)
		now = ktime_get();
	if (value) {
		kt->expires = flags & TIMER_ABSTIME ? time_ns_abs(kt->clock, value) :
						      min(now + value, TIME_MAX);
		arm(kt);
	}
	spin_unlock(&kt->lock);
	if (clock_is_cpu(kt->clock))
		cpu_timers_changed(kt->cpu);
	if (old.v)
		err = put_itimerspec(old, old_interval, old_rest);
out_put:
	kt_put(kt);
	return err;
}

long sys_timer_gettime(int id, uaddr_t setting)
{
	struct k_itimer *kt = kt_get(id);
	u64 now, interval, left;
	int err;

	if (!kt)
		return -EINVAL;
	err = kt_now(kt, &now);
	if (!err) {
		spin_lock(&kt->lock);
		interval = kt->interval;
		left = rest(kt, now);
		spin_unlock(&kt->lock);
		err = put_itimerspec(setting, interval, left);
	}
	kt_put(kt);
	return err;
}

long sys_timer_getoverrun(int id)
{
	struct k_itimer *kt = kt_get(id);
	long n;

	if (!kt)
		return -EINVAL;
	n = READ_ONCE(kt->q->overrun_last);
	kt_put(kt);
	return n;
}

/*
 * Ends the rest of a timer that rests: its next expiry is at the end of the current period. Returns
 * how many periods have passed since the last expiry, for the caller to report. With @later the
 * next expiry reports them. kt->lock is held.
 */
static s64 end_rest(struct k_itimer *kt, u64 now, bool later)
{
	u64 first, passed = 0;

	if (!kt->expires || !kt->interval)
		return 0;
	first = kt->expires - kt->left_out * kt->interval;
	if (now >= first)
		passed = (now - first) / kt->interval + 1;
	if (passed == 0 && kt->left_out == 0)
		return 0;
	disarm(kt);
	kt->expires = first + passed * kt->interval;
	if (later)
		kt->left_out = passed;
	arm(kt);
	return (s64)min(passed, (u64)OVERRUN_MAX);
}

/*
 * Ends the rest of a timer whose signal was taken, and reports the periods that have passed. A
 * sender can choose si_tid, so it may name another timer. That is harmless: the timer belongs to
 * this process too.
 */
static void posix_taken(siginfo_t *info)
{
	struct k_itimer *kt = kt_get(info->si_tid);
	bool sooner = false;
	s64 passed = 0;
	u64 now, before;

	if (!kt)
		return;
	if (!kt_now(kt, &now)) {
		spin_lock(&kt->lock);
		before = kt->expires;
		passed = end_rest(kt, now, false);
		sooner = kt->expires != before;
		if (passed)
			WRITE_ONCE(kt->q->overrun_last,
				min(kt->q->overrun_last + passed, OVERRUN_MAX));
		spin_unlock(&kt->lock);
	}
	info->si_overrun = (int)min(info->si_overrun + passed, OVERRUN_MAX);
	if (sooner && clock_is_cpu(kt->clock))
		cpu_timers_changed(kt->cpu);
	kt_put(kt);
}

void timer_signal_taken(siginfo_t *info)
{
	if (info->si_code == SI_TIMER)
		posix_taken(info);
	else if (info->si_signo == SIGALRM)
		real_timer_wanted();
}

void timer_signal_wanted(int signo)
{
	struct k_itimer *kt;
	u64 now;

	if (signo == SIGALRM)
		real_timer_wanted();
	for (int id = 0; (kt = kt_find(id, true)); cond_resched()) {
		id = kt->id + 1;
		if (kt->signo == signo && kt->notify != SIGEV_NONE && !kt_now(kt, &now)) {
			spin_lock(&kt->lock);
			WRITE_ONCE(kt->q->unseen, 0);
			end_rest(kt, now, true);
			spin_unlock(&kt->lock);
			if (clock_is_cpu(kt->clock))
				cpu_timers_changed(kt->cpu);
		}
		kt_put(kt);
		if (id < 0) /* @id was the highest possible number */
			break;
	}
}

/*
 * Deletes a timer: drops the list's reference and takes its signal off the queue. Exec also deletes
 * all timers, since the new program does not know them.
 */
static void delete_timer(struct k_itimer *kt)
{
	spin_lock(&kt->lock);
	kt->interval = 0;
	disarm(kt);
	spin_unlock(&kt->lock);
	forget_signal(kt);
	kt_put(kt);
}

long sys_timer_delete(int id)
{
	struct k_itimer *kt = kt_get(id);
	bool mine;

	if (!kt)
		return -EINVAL;
	spin_lock(&timers_lock);
	mine = kt_delist(kt);
	spin_unlock(&timers_lock);
	if (mine)
		delete_timer(kt);
	kt_put(kt);
	return mine ? 0 : -EINVAL;
}

/*
 * Returns the clock number to report for a timer. For the process's or thread's own CPU clock this
 * is the number in which the pid is 0.
 */
static int shown_clock(int clock)
{
	switch (clock) {
	case CLOCK_PROCESS_CPUTIME_ID: return -6;
	case CLOCK_THREAD_CPUTIME_ID: return -2;
	default: return clock;
	}
}

int posix_timers_show(struct signal_struct *sig,
	void (*show)(void *arg, const struct posix_timer_info *i), void *arg)
{
	struct posix_timer_info *all;
	struct k_itimer *kt;
	u32 n = 0, got = 0;

	spin_lock(&timers_lock);
	list_for_each_entry(kt, &sig->posix_timers, list)
		n++;
	spin_unlock(&timers_lock);
	if (!n)
		return 0;
	all = kcalloc(n, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	spin_lock(&timers_lock);
	list_for_each_entry_reverse(kt, &sig->posix_timers, list) {
		if (got == n) /* timers were added since the count */
			break;
		all[got++] = (struct posix_timer_info){ .id = kt->id,
			.signo = kt->signo,
			.notify = kt->notify,
			.clock = shown_clock(kt->clock),
			.value = kt->value,
			.target = get_pid(kt->target) };
	}
	spin_unlock(&timers_lock);
	for (u32 i = 0; i < got; i++) {
		show(arg, &all[i]);
		put_pid(all[i].target);
	}
	kfree(all);
	return 0;
}

void posix_timers_delete_all(struct signal_struct *sig)
{
	struct k_itimer *kt;

	for (;;) {
		spin_lock(&timers_lock);
		kt = list_first_entry_or_null(&sig->posix_timers, struct k_itimer, list);
		if (kt)
			kt_delist(kt);
		spin_unlock(&timers_lock);
		if (!kt)
			return;
		delete_timer(kt);
		cond_resched();
	}
}

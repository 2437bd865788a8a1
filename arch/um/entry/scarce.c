/* SPDX-License-Identifier: MIT */
/*
 * scarce.c: a guest at the host's limit of processes.
 *
 * Address spaces are a cache: a guest task needs one mapper and one runner while it runs, and
 * nothing while it sleeps. If the host refuses a process, the task takes the space of another task
 * that does not run, a different one each time. As a last resort it ends its own runners on other
 * vCPUs. While a task waits, running tasks give up their space after SHARE_NS. Two processes of the
 * host are enough for every guest.
 *
 * A task that waits for half a minute is killed. If process 1 waits for five seconds, the instance
 * ends with a line that names the limit. The time is two seconds if no guest code has run in it,
 * and one second if process 1 has never run, since no other task has a space to give up.
 *
 * Locks: none. host_waiters and scarce_at are atomic words.
 */
#include "arch/um/entry/scarce.h"

#include <asm/errno.h>
#include <asm/signal.h>

#include "arch/um/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "skas/skas.h"

#define RETRY_NS 1000000UL
/* ns that a task keeps its space while another one waits */
#define SHARE_NS 20000000UL
#define SHARE_PAUSE_NS (3 * RETRY_NS)
/* ns without a refusal after which a scarcity is over */
#define GAP_NS (100 * RETRY_NS)
/*
 * ns after which a waiting task is killed; ns after which the instance ends because process 1
 * waits: in general, if no guest code runs, and if process 1 has never run
 */
#define PATIENCE_NS (30000 * RETRY_NS)
#define PATIENCE_INIT_NS (5000 * RETRY_NS)
#define PATIENCE_IDLE_NS (2000 * RETRY_NS)
#define PATIENCE_FIRST_NS (1000 * RETRY_NS)

u32 host_waiters;
static u64 scarce_at; /* ktime_get() of the last wait */

bool host_is_scarce(void)
{
	u64 at = READ_ONCE(scarce_at);

	return at && ktime_get() - at < GAP_NS;
}

void scarce_leave(void)
{
	pmap_leave();
}

/* Sleeps for @ns, without a space. Other vCPUs check host_waiters when they are kicked. */
static void pause_for(u64 ns)
{
	WRITE_ONCE(scarce_at, ktime_get());
	__atomic_fetch_add(&host_waiters, 1, __ATOMIC_SEQ_CST);
	pmap_leave();
	for (int cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu != smp_processor_id())
			arch_kick_cpu(cpu);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_deadline(ktime_get() + ns);
	__atomic_fetch_sub(&host_waiters, 1, __ATOMIC_SEQ_CST);
}

static void give_up(const struct task *t)
{
	char why[256];

	os_why_no_tasks(why, sizeof(why));
	if (t->tgid == 1)
		refuse("the host allows no more processes, and process 1 needs two: %s", why);
	pr_err("%s[%d]: the host gives no process for its address space: %s\n", t->comm, t->pid,
		why);
	force_fatal_sig(SIGKILL);
}

/* Returns the time that guest code has run so far, in ns. */
static u64 user_time(void)
{
	struct cpu_times ct;
	u64 sum = 0;

	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		sched_cpu_times(cpu, &ct);
		sum += ct.user + ct.nice;
	}
	return sum;
}

/*
 * Returns the total time that @t, current, may wait, in ns. (On a busy host the number of attempts
 * would be no measure.) @user: user_time() when the wait began.
 */
static u64 patience(const struct task *t, u64 user)
{
	if (t->tgid != 1)
		return PATIENCE_NS;
	if (!t->utime)
		return PATIENCE_FIRST_NS;
	return user_time() == user ? PATIENCE_IDLE_NS : PATIENCE_INIT_NS;
}

/* Ends the instance if the zygote, the parent of all spaces, has died. */
static void check_zygote(void)
{
	char why[256];

	if (!skas_zygote_died(why, sizeof(why)))
		return;
	vcpu_park_when_stopping();
	refuse("the zygote, which makes address spaces, %s (mem=%luM)", why,
		physmem_frames >> (20 - PAGE_SHIFT));
}

void space_lost(struct task *t)
{
	/* The host may report the children of a dead zygote as dead slightly before the zygote. */
	for (int i = 0; i < 10; i++) {
		check_zygote();
		os_sleep_until(os_clock_mono() + RETRY_NS);
	}
	if (t->tgid == 1 && *skas_why_lost())
		refuse("process 1 has lost its address space: %s (mem=%luM)", skas_why_lost(),
			physmem_frames >> (20 - PAGE_SHIFT));
}

struct space *space_of(struct task *t)
{
	u64 now, since = 0, user = 0;

	for (;;) {
		struct space *s = pmap_space(&t->mm->pmap);

		if (likely(!IS_ERR(s)))
			return s;
		if (fatal_signal_pending(t))
			return NULL;
		check_zygote();
		now = ktime_get();
		if (!since) {
			since = now;
			user = user_time();
		}
		if (now - since >= patience(t, user))
			break;
		pause_for(RETRY_NS);
	}
	give_up(t);
	return NULL;
}

void wait_for_host(struct task *t)
{
	struct arch_task *a = &t->arch;
	u64 now = ktime_get();

	if (now - a->scarce_last > GAP_NS) {
		a->scarce_since = now;
		a->scarce_user = user_time();
	}
	a->scarce_last = now;
	if (now - a->scarce_since > patience(t, a->scarce_user)) {
		give_up(t);
		return;
	}
	if (mm_take_idle_space())
		return;
	check_zygote();
	/*
	 * gives up the task's own space: a new one needs only a mapper, and a runner on this vCPU
	 */
	pmap_leave();
	if (pmap_take_space(&t->mm->pmap))
		skas_trim();
	pause_for(RETRY_NS);
}

void scarce_share(struct task *t)
{
	struct pmap *pm = &t->mm->pmap;

	if (!READ_ONCE(pm->space) || ktime_get() - READ_ONCE(pm->space_since) < SHARE_NS)
		return;
	pmap_leave();
	pmap_take_space(pm);
	pause_for(SHARE_PAUSE_NS);
}

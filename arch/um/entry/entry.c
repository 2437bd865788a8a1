/* SPDX-License-Identifier: MIT */
/*
 * entry.c: the one loop between the kernel and guest code.
 *
 *	boundary work (interrupts, timers, rescheduling, signals)  ->  run the guest  ->  event:
 *		EV_SYSCALL  syscall_dispatch()
 *		EV_FAULT    handle_fault()
 *		EV_SIGNAL   a signal that the guest's own instruction caused
 *		EV_KICK     nothing: the kick only causes the boundary work
 *		EV_DEAD     the space is lost, and with it all tasks that used it
 *		EV_SCARCE   wait_for_host(): another task gives up its space (scarce.c)
 *	->  boundary work ...
 *
 * States of the vCPU (os.h): kernel -> guest (published before the last check for work, so that no
 * kick is lost) -> kernel.
 *
 * Invariants:
 * 1. skas_run() always has a deadline: the next timer or the end of the time slice, and at the
 *    latest one tick after the vCPU last polled the event set, since no other vCPU polls it for a
 *    busy one.
 * 2. regs->orig_rax is the number of the system call that is being served, or -1 after any other
 *    event; signal code uses it to restart calls.
 *
 * Locks: none; everything here belongs to the current task or to this vCPU.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include "arch/um/entry/internal.h"
#include "arch/um/entry/ioport.h"
#include "arch/um/machine/ldt.h"
#include "arch/um/patch/patch.h"
#include "arch/um/entry/sample.h"
#include "arch/um/entry/scarce.h"
#include "arch/um/machine/timetravel.h"
#include "kernel/mm/group/iogroup.h"
#include "arch/um/entry/watch.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/sched/group.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/debug/userbreak.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/entry.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "skas/skas.h"

/* the longest stay in guest code: events of the host wait for its end */
#define TICK_NS 4000000UL
/* the longest stay in guest code while an idle vCPU waits for host events */
#define LONG_TICK_NS 50000000UL
/* ns after which a vCPU that makes many system calls polls the event set again */
#define POLL_NS 1000000UL
#define TRAPNO_DB 1

#define WORK_MASK                                                                                  \
	(BIT(TIF_SIGPENDING) | BIT(TIF_NEED_RESCHED) | BIT(TIF_NOTIFY) |                           \
		BIT(TIF_RESTORE_SIGMASK) | BIT(TIF_CGROUP))
#define TRACE_MASK                                                                                 \
	(BIT(TIF_SYSCALL_TRACE) | BIT(TIF_SECCOMP) | BIT(TIF_SINGLESTEP) | BIT(TIF_SYSCALL_EMU) |  \
		BIT(TIF_USER_DISPATCH))

const struct arch_sample_ops *arch_sample_ops;

/* the last poll of the event set by each vCPU; accessed by that vCPU only */
static struct last_poll {
	u64 at; /* arch_cpu_clock() */
	/* ns that arch_cpu_clock() was ahead of the host's clock at that time; modulo 2^64 */
	u64 ahead;
	/* ns until the next poll, if the guest only computes */
	u64 tick;
} __aligned(64) last_polls[MAX_CPUS];

/* ---- debug registers ---- */

static bool debug_regs_used; /* true once a runner has had breakpoints */

/*
 * Loads the task's debug registers. Returns false if the host cannot do it, or if the task slept
 * and must start over. A patched site lacks the instructions on which a breakpoint stops, so its
 * page loses its shadow. Called before patch_resume(), and before the space's orders are flushed.
 */
static bool load_debug_regs(struct task *t, struct space *s, int cpu)
{
	static const struct debug_regs none;
	const struct debug_regs *d = t->hw_debug ? hw_debug_regs(t) : NULL;
	int changed;

	if (!d)
		d = &none;
	changed = skas_debug(s, cpu, d);
	if (changed == -EAGAIN) {
		wait_for_host(t);
		return false;
	}
	if (changed < 0)
		hw_debug_refused(changed);
	if (changed <= 0 || !d->dr7)
		return !changed || !d->dr7;
	debug_regs_used = true;
	WRITE_ONCE(t->mm->watched, true);
	for (u32 i = 0; i < ARRAY_SIZE(d->addr); i++)
		if (d->dr7 >> (2 * i) & 3)
			arch_patch_forget(t->mm, d->addr[i] & PAGE_MASK,
				(d->addr[i] & PAGE_MASK) + PAGE_SIZE);
	/*
	 * arch_patch_forget() may have slept; then the caller has to look up vCPU, space and runner
	 * again
	 */
	return !READ_ONCE(t->mm->patch);
}

/*
 * Returns DR6 of a debug trap, whose bits name the breakpoints that were hit, or 0. Called on the
 * vCPU of the stay and before anything sleeps.
 */
static u64 debug_hits(const struct task *t, const struct skas_event *ev)
{
	struct space *s = READ_ONCE(t->mm->pmap.space);
	u64 dr6 = 0;

	if (ev->trapno != TRAPNO_DB || !hw_debug_regs(t) || !s ||
		skas_debug_hits(s, smp_processor_id(), &dr6))
		return 0;
	return dr6;
}

/* ---- events ---- */

static bool wants_restart(const struct regs *r)
{
	s64 ret = (s64)r->rax;

	return (s64)r->orig_rax >= 0 && ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK;
}

static void serve_syscall(struct task *t)
{
	struct regs *r = &t->arch.regs;
	bool traced = READ_ONCE(t->work_flags) & TRACE_MASK;
	s64 nr = (s64)r->orig_rax;

	if (unlikely(traced))
		nr = syscall_trace_enter(r);
	if (likely(!traced || nr != -1)) {
		u64 args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

		t->syscall_nr = (u64)nr;
		r->rax = (u64)syscall_dispatch((u64)nr, args);
		t->syscall_nr = -1UL;
	}
	if (unlikely(READ_ONCE(t->work_flags) & TRACE_MASK))
		syscall_trace_leave(r);
}

static void remember_trap(struct task *t, u64 trapno, u64 error, u64 addr)
{
	t->arch.trapno = trapno;
	t->arch.error = error;
	t->arch.cr2 = addr;
}

static void serve_fault(struct task *t, const struct skas_event *ev)
{
	int code = 0, sig;

	sig = handle_fault(t->mm, ev->addr, ev->error, &code);
	if (!sig)
		return;
	remember_trap(t, 14, ev->error, ev->addr);
	if (sig == SIGSEGV)
		log_segfault(ev->addr, ev->error);
	force_sig_fault(sig, code, ev->addr, 14, ev->error);
}

/* Executes an instruction that uses I/O ports; returns false if it is another instruction. */
static bool serve_port(struct task *t, const struct skas_event *ev)
{
	struct skas_event fault;
	enum port_result res = ioport_trap(t, ev, &fault);

	if (res == PORT_FAULT) {
		/* replaces a page that the host's truncated file no longer has */
		handle_bus_error(t->mm, fault.addr);
		serve_fault(t, &fault);
	}
	return res != PORT_NOT;
}

static void serve_trap(struct task *t, const struct skas_event *ev)
{
	if (unlikely(t->hw_debug) && hw_debug_trap(&t->arch.regs, ev->trapno, debug_hits(t, ev)))
		return;
	if (tsc_trap(t, ev))
		return;
	if (serve_port(t, ev))
		return;
	if (unlikely(user_breaks_on) && ev->signo == SIGTRAP &&
		user_breaks_trap(&t->arch.regs, ev->trapno))
		return;
	/*
	 * Perhaps a fault in frames of a host file that was truncated. If the stub's claim is
	 * forged, the check only costs time.
	 */
	if (unlikely(ev->signo == SIGBUS) && handle_bus_error(t->mm, ev->addr))
		return;
	remember_trap(t, (u64)ev->trapno, ev->error, t->arch.cr2);
	log_trap(ev->signo, ev->trapno, ev->error);
	force_sig_fault(ev->signo, ev->code, ev->addr, ev->trapno, ev->error);
}

/*
 * Refuses a 32-bit system call with a general protection fault, as a Linux kernel without 32-bit
 * calls does.
 */
static void refuse_i386(struct task *t)
{
	t->arch.regs.orig_rax = -1UL;
	remember_trap(t, 13, 0x402, 0);
	log_trap(SIGSEGV, 13, 0x402);
	force_sig_fault(SIGSEGV, SI_KERNEL, 0, 13, 0x402);
}

static void serve(struct task *t, const struct skas_event *ev)
{
	if (!ev->patched && likely(!(t->arch.regs.cs & SEL_LDT)) &&
		patch_unwind(t->mm, &t->arch.regs, ev))
		return;
	if (ev->type == EV_SYSCALL && !ev->i386) {
		if (!ev->patched && skas_patch_entry())
			patch_count_trap(t->mm, &t->arch.regs);
		if (unlikely(time_frozen))
			timetravel_call();
		serve_syscall(t);
		return;
	}
	t->arch.regs.orig_rax = -1UL;
	switch (ev->type) {
	case EV_SYSCALL: refuse_i386(t); break;
	case EV_FAULT: serve_fault(t, ev); break;
	case EV_SIGNAL: serve_trap(t, ev); break;
	case EV_KICK: break;
	case EV_DEAD:
		vcpu_park_when_stopping();
		space_lost(t);
		do_space_died();
		break;
	case EV_SCARCE: wait_for_host(t); break;
	}
}

/* ---- calls that the stub answers ---- */

/*
 * True if the stub may answer the task's calls: no tracer, filter or log of calls has to see them,
 * they take no frozen time, and the task has no hardware breakpoint.
 */
static bool may_answer(const struct task *t)
{
	return !(READ_ONCE(t->work_flags) & TRACE_MASK) && !READ_ONCE(syscall_strace) &&
	       !time_frozen && !t->hw_debug;
}

static bool may_take_events(const struct task *t)
{
	return may_answer(t) && atomic_read(&t->mm->mm_users) == 1;
}

static void learn_answers(struct arch_task *a, u64 now)
{
	static u64 last;

	task_answers(&a->answers);
	a->answers.id = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
	a->answers_at = now;
}

/*
 * Reads the generation before the answers; a change writes them in the reverse order
 * (skas/answers.c).
 */
static void offer_answers(struct task *t, struct space *s, int cpu)
{
	u64 now;

	if (!skas_patch_entry())
		return;
	now = skas_answers_now();
	if (unlikely(!may_answer(t))) {
		skas_offer(s, cpu, &t->arch.answers, now, false, false);
		return;
	}
	if (unlikely(t->arch.answers_at != now))
		learn_answers(&t->arch, now);
	skas_offer(s, cpu, &t->arch.answers, now, true, sched_alone());
}

/*
 * Offers the stub a ring of io_getevents(). The stub stops using the ring if it finds a page
 * missing, so the pages are mapped first.
 */
static void ring_offer(u64 ring, u64 size)
{
	struct task *t = current;

	if (t->arch.regs.ring == ring || !skas_patch_entry() || !may_take_events(t))
		return;
	if (!pmap_sync(&t->mm->pmap, ring, ring + size, false, 0))
		t->arch.regs.ring = ring;
}

/* ---- boundaries ---- */

static void boundary_work(struct task *t)
{
	irq_poll();
	if (need_resched())
		schedule();
	if (test_bit(TIF_NOTIFY, &t->work_flags))
		task_work_run();
	if ((READ_ONCE(t->work_flags) & (BIT(TIF_SIGPENDING) | BIT(TIF_RESTORE_SIGMASK))) ||
		wants_restart(&t->arch.regs))
		do_signal(&t->arch.regs);
	if (unlikely(test_bit(TIF_CGROUP, &t->work_flags))) {
		sched_throttle(); /* clears TIF_CGROUP */
		sched_deadline_over();
		mem_group_pay();
		io_pause();
	}
}

static bool has_work(const struct task *t, int cpu)
{
	return (READ_ONCE(t->work_flags) & WORK_MASK) || irq_pending() || cpu_kicked(cpu) ||
	       rseq_stale(t);
}

static void poll_events(struct last_poll *p, int cpu)
{
	u64 host = os_clock_mono();

	p->at = arch_cpu_clock();
	p->ahead = p->at - host;
	p->tick = os_event_poll(cpu) ? LONG_TICK_NS : TICK_NS;
}

static void look_around(struct last_poll *p, int cpu)
{
	int to;

	poll_events(p, cpu);
	watch_stir();
	if (nr_cpus == 1)
		return;
	to = skas_rests(cpu);
	if (unlikely(to >= 0))
		sched_join(to);
}

/*
 * Returns the host time at which the guest must return to the kernel, or 0 if the next timer is due
 * already. @now is the vCPU's clock, read after @timer, so that an expired timer is recognised.
 */
static u64 next_deadline(int cpu, u64 timer, u64 now)
{
	struct last_poll *p = &last_polls[cpu];

	if (now - p->at >= POLL_NS)
		look_around(p, cpu);
	return timer <= now - p->ahead ? 0 : min(timer, p->at - p->ahead + p->tick);
}

/*
 * Called before this vCPU idles. It may wait for the event set while it idles. After that, perhaps
 * no vCPU waits for the set, so this vCPU polls the set every TICK_NS again.
 */
static void before_idle(void)
{
	last_polls[smp_processor_id()].tick = TICK_NS;
	scarce_idle();
}

/*
 * Makes this vCPU poll again and measure how far arch_cpu_clock(), which has skipped, is ahead of
 * the host's clock.
 */
static void clock_skipped(void)
{
	last_polls[smp_processor_id()] = (struct last_poll){ 0 };
}

/*
 * Fetches the task's FPU state if the task has migrated: a live state stays with the vCPU that ran
 * the task last.
 */
static void claim_fpu(struct task *t, int cpu)
{
	if (t->arch.fpu_cpu == cpu)
		return;
	if (t->arch.fpu.runner)
		skas_fpu_save(&t->arch.fpu);
	t->arch.fpu_cpu = cpu;
}

static bool has_selectors(const struct regs *r)
{
	return r->ds | r->es | r->fs | r->gs;
}

/*
 * Runs guest code. Returns false if there was work to do first. Steps that may sleep come first,
 * since the task may be on another vCPU afterwards.
 */
static bool run_guest(struct task *t, struct skas_event *ev)
{
	struct space *s;
	u64 timer, now, deadline;
	int cpu;

	vcpu_park_when_stopping();
	if (unlikely(rseq_stale(t)))
		rseq_resume(&t->arch.regs);
	if (unlikely(t->mm->ldt || has_selectors(&t->arch.regs)))
		ldt_check(t->mm->ldt, &t->arch.regs);
	scarce_before_guest(t);
	s = space_of(t);
	if (!s)
		return false;
	cpu = smp_processor_id();
	if (unlikely(t->no_tsc) && !arch_tsc_traps)
		skas_trap_tsc(s, cpu);
	if (unlikely(t->hw_debug || debug_regs_used) && !load_debug_regs(t, s, cpu))
		return false;
	claim_fpu(t, cpu);
	if (ev->patched && unlikely(!patch_may_jump(t->mm, ev->addr)))
		skas_fpu_save(&t->arch.fpu); /* then the runner leaves by iretq */
	timer = host_deadline(timers_next());
	now = arch_cpu_clock_local();
	deadline = likely(!time_frozen) ? next_deadline(cpu, timer, now) : timetravel_enter();
	cpu_set_state(cpu, OS_CPU_GUEST);
	if (unlikely(!deadline || has_work(t, cpu))) {
		cpu_set_state(cpu, OS_CPU_KERNEL);
		return false;
	}
	/*
	 * the jump of a patched call continues at rip itself, if no other task has used the runner
	 * since that call
	 */
	if (!ev->patched || ev->addr != t->arch.regs.rip || !skas_fpu_live(&t->arch.fpu))
		t->arch.regs.rip = patch_resume(t->mm, t->arch.regs.rip);
	if (unlikely(t->arch.regs.ring) && !may_take_events(t))
		t->arch.regs.ring = 0;
	offer_answers(t, s, cpu);
	account_user_enter(now);
	skas_run(s, cpu, &t->arch.regs, &t->arch.fpu, deadline, ev);
	if (likely(ev->type != EV_SCARCE))
		account_user_exit();
	else
		account_user_none();
	skas_stayed(s, cpu, t->last_acct - now);
	smp_store_release(&irq_page.cpu[cpu].state, OS_CPU_KERNEL);
	return true;
}

/*
 * Does the boundary work: before a stay that was put off, after a kick, after a wait for the host,
 * and for a call that has to be restarted. @first: see struct arch_sample_ops.
 */
static void interrupted(struct task *t, bool first)
{
	const struct arch_sample_ops *ops = READ_ONCE(arch_sample_ops);

	if (ops)
		ops->guest(t, first);
	boundary_work(t);
}

static void __noreturn return_to_user(void)
{
	struct task *t = current;
	struct skas_event ev = { .type = EV_KICK };

	boundary_work(t);
	for (;;) {
		u64 entry = ev.type == EV_KICK ? 0 : t->arch.regs.rip;
		bool ran;

		if (unlikely(t->hw_debug) && hw_debug_arm(&t->arch.regs)) {
			interrupted(t, false);
			continue;
		}
		if (unlikely(user_breaks_on))
			user_breaks_enter(&t->arch.regs);
		ran = run_guest(t, &ev);
		if (unlikely(user_breaks_on))
			user_breaks_leave(&t->arch.regs);
		if (unlikely(t->hw_debug))
			hw_debug_disarm(&t->arch.regs);
		if (!ran) {
			interrupted(t, false);
			continue;
		}
		serve(t, &ev);
		if (unlikely(ev.type == EV_KICK || ev.type == EV_SCARCE ||
			     wants_restart(&t->arch.regs)))
			interrupted(t, ev.type == EV_KICK && t->arch.regs.rip == entry);
	}
}

const struct arch_entry_ops arch_entry = {
	.return_to_user = return_to_user,
	.setup_frame = setup_frame,
	.sigreturn = restore_frame,
	.map_vdso = vdso_map,
	.ring_offer = ring_offer,
	.random_renew = vdso_renew_keys,
	.clock_skipped = clock_skipped,
	.clock_changed = vdso_update,
	.before_idle = before_idle,
	.restored = entry_restored,
};

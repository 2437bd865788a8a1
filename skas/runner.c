/* SPDX-License-Identifier: MIT */
/*
 * runner.c: makes and ends runners; and the common part of both modes in a stay in guest code: it
 * writes registers into the control page, and reads the event.
 *
 * Everything read from a control page is a request of the guest. The worst that a forged one may do
 * is to end the guest program: numbers are copied once into our memory. They are either checked, or
 * passed to the guest's kernel side as the guest's own registers.
 */
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/mman.h>
#include <linux/sched.h>

#include "kernel/lib/string.h"
#include "skas/internal.h"

#define START_SLICE (NSEC_PER_SEC / 20)
#define PROOF_LIMIT (10 * NSEC_PER_MSEC)
#define TRAPNO_PF 14
/* what iretq in user mode may set: CF PF AF ZF SF TF DF OF NT RF AC ID */
#define FLAGS_USER 0x254dd5
#define FLAGS_ALWAYS 0x202
#define FLAG_TF 0x100
#define TOP_OF_ALT_STACK (SLOT_STRIDE - SLOT_CTL - ALT_TOP)

BUILD_BUG_ON(offsetof(struct skas_thunk, ret) != T_RET);
BUILD_BUG_ON(offsetof(struct skas_thunk, resume) != T_RESUME);
BUILD_BUG_ON(offsetof(struct skas_thunk, real_syscall) != T_SYSCALL);

/* ---- making ---- */

static int order_slot(struct runner *r)
{
	struct order map = {
		.nr = __NR_mmap,
		.rdi = r->va,
		.rsi = SLOT_SIZE,
		.rdx = PROT_READ | PROT_WRITE,
		.r10 = MAP_SHARED | MAP_FIXED | MAP_POPULATE,
		.r8 = ZFD_CTL,
		.r9 = r->space->orders->file + CTL_SLOT(r->cpu),
	};

	return space_order(r->space, &map);
}

static int clone(struct runner *r)
{
	struct order o = {
		.nr = __NR_clone,
		.rdi = CLONE_VM | CLONE_PARENT | CLONE_FILES | CLONE_CHILD_CLEARTID,
		.r10 = r->va + C_TURN,
		/* clone ignores it: the new runner finds its control page in it */
		.r9 = r->va,
	};

	return space_try_locked(r->space, &o);
}

/*
 * Has the mapper make the runner, whose pid is then in the order area. s->lock held, so that a
 * space_kill() sees the runner.
 */
static int clone_runner_locked(struct runner *r)
{
	struct space *s = r->space;
	int err;

	err = order_slot(r);
	if (!err) {
		err = clone(r);
		if (err)
			os_refused("clone", -err);
	}
	if (!err)
		err = os_space_adopt(s->orders->pid);
	if (err < 0)
		return err;
	r->task = err;
	r->watched = (struct watched){ .fresh = true };
	r->tsc_traps = s->tsc_traps;
	r->state = RUNNER_WAITING;
	return 0;
}

/*
 * Names the call that the host refused to a runner which ended before it slept, from the runner's
 * status and errno.
 */
static int start_refusal(const struct runner *r, int status)
{
	static const char *const calls[] = {
		[ZEXIT_ORPHAN - ZEXIT_ORPHAN] = "getppid",
		[ZEXIT_DEATHSIG - ZEXIT_ORPHAN] = "prctl",
		[ZEXIT_FILES - ZEXIT_ORPHAN] = "close_range and unshare",
		[ZEXIT_STACK - ZEXIT_ORPHAN] = "sigaltstack",
		[ZEXIT_FILTER - ZEXIT_ORPHAN] = "seccomp",
	};
	int code = (int)READ_ONCE(r->ctl->code), step = (status >> 8) - ZEXIT_ORPHAN;

	if (status & 0x7f || step < 0 || step >= (int)ARRAY_SIZE(calls) || !calls[step] ||
		code >= 0 || code < -4095)
		return -ECHILD;
	return os_refused(calls[step], -code);
}

/*
 * Waits until the runner sleeps behind its filter, which only the host can say: a sibling may have
 * written the hello and everything else in the control page. Before that the runner gets no turn
 * and no kick. It is asked in slices; a sibling that keeps it from sleeping is soon found out.
 */
static int await_sleep(struct runner *r)
{
	struct kicking k;

	kicking_begin(&k, r);
	for (;;) {
		handoff_wait(r, os_clock_mono() + START_SLICE);
		if (!runner_park(r))
			return 0;
		if (os_space_is_dead(r->task) == 1)
			return -ECHILD;
		if (!kicking_goes_on(&k, r))
			return -ETIMEDOUT;
	}
}

/*
 * Makes a runner: 0 and PARKED, with no FPU state. -EAGAIN, -ENOMEM: the host refuses a task now,
 * and the space is unchanged.
 */
int runner_make(struct runner *r)
{
	int err, status;

	memset(r->ctl, 0, sizeof(*r->ctl));
	fpu_set_areas(r);
	r->ctl->turn = TURN_RUN;
	r->spin = 0;
	r->pinned = -1;
	r->placed = 0;
	r->patient = false;
	r->regs_live = 0;
	r->told = r->offered_at = 0;
	r->debug = (struct debug_regs){ 0 };
	r->again = false;
	fpu_reset(r);
	filter_for(r);
	skas_lock(&r->space->lock);
	err = clone_runner_locked(r);
	skas_unlock(&r->space->lock);
	if (err)
		return err;
	err = await_sleep(r);
	if (!err)
		err = skas.ops->attach(r);
	if (err) {
		skas.strays = os_space_is_stray(r->task);
		pr_warn("skas: a runner did not start: error %d\n", err);
		/* A space_kill() would end the next task with this handle. */
		skas_lock(&r->space->lock);
		status = runner_end(r);
		skas_unlock(&r->space->lock);
		return err == -ECHILD ? start_refusal(r, status) : err;
	}
	runner_wipe_page(r);
	r->state = RUNNER_PARKED;
	stat_inc(runners);
	return 0;
}

/* ---- proof of stop ---- */

/*
 * Moves (requeues) the runner from its word, where no other task can wait, to a word of the
 * kernel's. Success proves that it was asleep in its one futex call, and can only come out behind
 * it.
 */
int runner_park(struct runner *r)
{
	u64 end = os_clock_mono() + PROOF_LIMIT;

	for (int tries = 0;; tries++) {
		xchg(&r->ctl->turn, TURN_PARK);
		if (os_space_requeue(r->word, &r->park, READ_ONCE(*r->word)) == 1)
			return 0;
		if (tries > 2)
			os_space_yield();
		if (os_clock_mono() > end)
			return -ETIMEDOUT;
	}
}

/*
 * True if the runner is where only the kernel can have put it. If a signal of the host's user
 * (SIGSTOP), a freezer or a tracer has stopped it, its futex call has restarted, on its own word.
 * Any guest may wake it there; then it reads its turn word, to which a sibling may have written
 * RUN.
 */
bool runner_is_parked(struct runner *r)
{
	return os_space_requeue(&r->park, &r->park, READ_ONCE(r->park)) == 1;
}

/* ---- ending ---- */

int runner_end(struct runner *r)
{
	int status;

	if (r->state == RUNNER_NONE)
		return 0;
	watch_ends(r);
	os_space_end(r->task);
	status = os_space_reap(r->task);
	if (status > 0 && (status & 0x7f) == 0)
		pr_debug("skas: a runner ended with code %d\n", status >> 8);
	handoff_forget(r);
	r->task = 0;
	/* skas_debug() compares before the next runner, which has none. */
	r->debug = (struct debug_regs){ 0 };
	r->tsc_traps = false;
	r->state = RUNNER_NONE;
	return status;
}

/* Wipes the control page of a stopped runner. */
void runner_wipe_page(struct runner *r)
{
	memset(r->ctl, 0, sizeof(*r->ctl));
	fpu_set_areas(r);
	r->ctl->turn = TURN_PARK;
	r->fresh = true;
	r->loads = false;
	/* its control page no longer has the placement */
	r->placed = 0;
	r->told = 0; /* nor the answers */
	WRITE_ONCE(r->watched.fresh, true);
	r->ctl->frsp = r->va + TOP_OF_ALT_STACK;
}

/* Makes a stopped runner forget what it ran. The next run writes the complete new state. */
void runner_wipe(struct runner *r)
{
	runner_wipe_page(r);
	memset(r->alt, 0, SLOT_ALT_SIZE);
	fpu_reset(r);
}

/* ---- one stay in guest code ---- */

void runner_stir(struct runner *r)
{
	__atomic_fetch_add(r->word, 1, __ATOMIC_SEQ_CST);
}

void runner_wake(struct runner *r)
{
	runner_stir(r);
	os_futex_wake(r->word, 1);
}

void runner_publish(struct runner *r)
{
	if (unlikely(skas.calls[r->cpu].ctl != r->ctl))
		WRITE_ONCE(skas.calls[r->cpu].ctl, r->ctl);
	__atomic_store_n(&skas_running[16 * r->cpu], (u32)r->task, __ATOMIC_SEQ_CST);
}

void runner_unpublish(struct runner *r)
{
	smp_store_release(&skas_running[16 * r->cpu], 0);
}

/*
 * Limits for a guest that does not heed kicks, yet computes. They are wide: a busy host has been
 * seen to leave a runner without CPU for two seconds. Time that a hypervisor takes away counts as
 * the runner's own, and on a busy host below a Nestling that is most of it. Time in which the
 * runner was ready and the host ran others is not its fault; nor is a pause of the whole instance,
 * which is one long wait. But a runner that has the turn and was kicked, or woken, does not sleep
 * before it has given the turn back. So a runner that is found asleep each time is given up too.
 */
#define KICKS 20 /* ignored before CPU time or sleep counts */
/* time without having a CPU or waiting for one */
#define KICK_LIMIT (10 * NSEC_PER_SEC)
/* if the host does not report how long it waited */
#define KICK_LIMIT_UNKNOWN (30 * NSEC_PER_SEC)
#define KICK_PAUSE (NSEC_PER_SEC / 4) /* the most that one wait counts for */

void kicking_begin(struct kicking *k, const struct runner *r)
{
	*k = (struct kicking){
		.last = os_clock_mono(),
		.used = os_space_cputime(r->task),
		.delayed = os_space_delayed(r->task),
	};
}

bool kicking_goes_on(struct kicking *k, const struct runner *r)
{
	u64 used = os_space_cputime(r->task) - k->used, now = os_clock_mono();
	u64 delayed = os_space_delayed(r->task);
	u64 limit = delayed ? KICK_LIMIT : KICK_LIMIT_UNKNOWN;

	k->time += min(now - k->last, KICK_PAUSE);
	k->last = now;
	k->asleep = os_space_is_asleep(r->task) ? k->asleep + 1 : 0;
	if ((++k->kicks < KICKS || used <= KICK_CPU_LIMIT) && k->asleep < KICKS &&
		k->time < limit + used + delayed - k->delayed)
		return true;
	pr_notice("skas: a guest does not heed kicks: %llu us of CPU time in %llu us%s\n",
		(unsigned long long)used / NSEC_PER_USEC,
		(unsigned long long)k->time / NSEC_PER_USEC, k->asleep < KICKS ? "" : ", asleep");
	return false;
}

/*
 * Stores a value and returns true if it differs: a cache line that is not written stays shared with
 * the runner's CPU.
 */
static inline bool put(u64 *to, u64 value)
{
	if (READ_ONCE(*to) == value)
		return false;
	WRITE_ONCE(*to, value);
	return true;
}

/*
 * Returns an address that the stub can load: a base of the guest's half below the stub's window, or
 * of the host kernel's half, which any program may set by wrgsbase.
 */
static u64 canonical(u64 addr)
{
	bool high =
		(s64)addr >> 47 == -1 && skas.ops != &ptrace_ops; /* PTRACE_SETREGS refuses those */

	return addr < skas.base || high ? addr : 0;
}

/*
 * Returns gs base for the guest. While sites may be patched, the trampoline finds its control page
 * by gs: a thread whose base is 0 is lent that address.
 */
static u64 gs_for(const struct runner *r, const struct regs *regs)
{
	bool lend = skas.patching && !regs->own_gs && !r->space->segs;

	return !regs->gs_base && lend ? r->va : canonical(regs->gs_base);
}

/*
 * Returns the thread's own gs base: a lent one comes back as 0. Any other value, also 0, the thread
 * has loaded itself; as after ARCH_SET_GS, nothing is lent any more.
 */
static u64 gs_of(const struct runner *r, struct regs *regs, u64 gs_base)
{
	if (!skas.patching)
		return gs_base;
	if (gs_base == r->va)
		return 0;
	regs->own_gs |= !r->space->segs;
	return gs_base;
}

/*
 * True if the space's selectors count. A program that has loaded a selector, as one with an LDT
 * does, keeps its own from then on.
 */
static bool has_segments(struct space *s, int selectors)
{
	if (unlikely(selectors) && !s->segs)
		WRITE_ONCE(s->segs, true);
	return s->segs;
}

/*
 * Puts selectors. With an LDT, cs and ss may be anything: an iretq to an invalid segment is the
 * guest's own fault, which it could make itself. The caller knows that ds, es, fs and gs can be
 * loaded; if that has ceased to be so, the stub comes back as after a kick.
 */
static bool put_segments(struct runner *r, const struct regs *regs)
{
	struct ctl_page *c = r->ctl;
	bool own = has_segments(r->space, regs->ds | regs->es | regs->fs | regs->gs);
	bool load = own || r->fresh, changed;

	if (load != r->loads) {
		r->loads = load;
		WRITE_ONCE(c->segs, load);
	}
	r->fresh = false;
	if (!own) {
		changed = put(&c->cs, regs->cs == USER32_CS ? USER32_CS : USER_CS);
		put(&c->ss, USER_SS);
		return changed;
	}
	put(&c->cs, (regs->cs & 0xffff) | 3);
	put(&c->ss, (regs->ss & 0xffff) | 3);
	WRITE_ONCE(c->ds, regs->ds);
	WRITE_ONCE(c->es, regs->es);
	WRITE_ONCE(c->fs, regs->fs);
	WRITE_ONCE(c->gs, regs->gs);
	return true;
}

/*
 * Takes selectors. If the last event did not save them (a patched call), they are those that were
 * put.
 */
static void take_segments(struct runner *r, struct regs *regs)
{
	struct ctl_page *c = r->ctl;

	if (!has_segments(r->space,
		    READ_ONCE(c->ds) | READ_ONCE(c->es) | READ_ONCE(c->fs) | READ_ONCE(c->gs))) {
		regs->cs = regs->cs == USER32_CS ? USER32_CS : USER_CS;
		regs->ss = USER_SS;
		regs->ds = regs->es = regs->fs = regs->gs = 0;
		return;
	}
	regs->cs &= 0xffff;
	regs->ss &= 0xffff;
	regs->ds = READ_ONCE(c->ds);
	regs->es = READ_ONCE(c->es);
	regs->fs = READ_ONCE(c->fs);
	regs->gs = READ_ONCE(c->gs);
}

/*
 * Registers that go to the control page and come from it unchanged. Only rax is changed by a call's
 * answer.
 */
#define PLAIN_REGS(x)                                                                              \
	x(r15) x(r14) x(r13) x(r12) x(rbp) x(rbx) x(r10) x(r9) x(r8) x(rsp) x(rdi) x(rsi) x(rdx)   \
		x(rip)

/*
 * Puts registers with which iretq and wrfsbase do not fault, except by the guest's own fault.
 * Returns true if all changes can be made by a way out that sets nothing but rax, and rcx and r11
 * as a system call does.
 */
static bool put_regs(struct runner *r, const struct regs *regs)
{
	struct ctl_page *c = r->ctl;
	bool changed = regs->rcx != READ_ONCE(c->rip) || regs->r11 != READ_ONCE(c->eflags);

#define PUT(reg) changed |= put(&c->reg, regs->reg);
	PLAIN_REGS(PUT)
#undef PUT
	put(&c->rax, regs->rax);
	changed |= put_segments(r, regs);
	changed |= put(&c->eflags, (regs->eflags & FLAGS_USER) | FLAGS_ALWAYS);
	changed |= put(&c->fs_base, canonical(regs->fs_base));
	changed |= put(&c->gs_base, gs_for(r, regs));
	put(&c->ring, regs->ring);
	return !changed;
}

/* Loads the registers, and how the runner is to leave the stub with them. */
void runner_load_regs(struct runner *r, const struct regs *regs)
{
	struct ctl_page *c = r->ctl;
	bool jump = put_regs(r, regs) && r->live && !r->again && !(regs->eflags & FLAG_TF);
	u32 how = jump ? EXIT_JUMP : r->live ? EXIT_IRET : EXIT_FRAME;

	if (!jump) {
		put(&c->rcx, regs->rcx);
		put(&c->r11, regs->r11);
	}
	if (!r->live)
		put(&c->fp, r->va - SLOT_CTL + SLOT_ALT + r->fp);
	if (!r->live && fpu_in_area(r))
		put(&c->frsp, r->va + TOP_OF_ALT_STACK);
	if (READ_ONCE(c->exit) != how)
		WRITE_ONCE(c->exit, how);
	c->event = 0;
}

static void take_regs(struct runner *r, struct regs *regs)
{
	struct ctl_page *c = r->ctl;

#define TAKE(reg) regs->reg = READ_ONCE(c->reg);
	PLAIN_REGS(TAKE)
#undef TAKE
	regs->rax = READ_ONCE(c->rax);
	regs->rcx = READ_ONCE(c->rcx);
	regs->r11 = READ_ONCE(c->r11);
	regs->eflags = READ_ONCE(c->eflags);
	regs->cs = READ_ONCE(c->cs);
	regs->ss = READ_ONCE(c->ss);
	take_segments(r, regs);
	regs->orig_rax = ~0UL;
	regs->ring = READ_ONCE(c->ring);
	if (skas.caps & OS_SPACE_FSGSBASE) {
		regs->fs_base = READ_ONCE(c->fs_base);
		regs->gs_base = gs_of(r, regs, READ_ONCE(c->gs_base));
	}
}

static void decode_patched_call(struct runner *r, struct regs *regs, struct skas_event *ev)
{
	take_regs(r, regs);
	regs->rcx = regs->rip;
	regs->r11 = regs->eflags;
	/* The trampoline, 64-bit code, does not save cs: the page has that of the last event. */
	regs->cs = USER_CS;
	ev->type = EV_SYSCALL;
	ev->patched = true;
	ev->addr = regs->rip;
	regs->orig_rax = regs->rax;
	regs->rax = (u64)-ENOSYS;
	skas.calls[r->cpu].patched++;
}

static void decode_syscall(struct ctl_page *c, struct regs *regs, struct skas_event *ev)
{
	ev->type = EV_SYSCALL;
	ev->i386 = READ_ONCE(c->sys) >> 32 != AUDIT_ARCH_X86_64;
	regs->orig_rax = regs->rax;
	regs->rax = (u64)-ENOSYS;
}

static void decode_trap(struct ctl_page *c, u32 signo, struct skas_event *ev)
{
	ev->signo = (int)signo;
	ev->code = READ_ONCE(c->code);
	ev->trapno = (int)READ_ONCE(c->trapno);
	ev->error = READ_ONCE(c->error);
	ev->type = signo == SIGSEGV && ev->trapno == TRAPNO_PF ? EV_FAULT : EV_SIGNAL;
	ev->addr = ev->trapno == TRAPNO_PF ? READ_ONCE(c->cr2) : READ_ONCE(c->fault_addr);
}

/*
 * Decodes the event when the kernel has the turn. No event means that the runner died (the host
 * wrote the turn word) or that the guest forged the turn. Both are EV_DEAD, and the caller ends
 * what is left.
 */
void runner_decode(struct runner *r, struct regs *regs, struct skas_event *ev)
{
	u32 event = READ_ONCE(r->ctl->event);

	*ev = (struct skas_event){ .type = EV_DEAD };
	if ((event == EVT_CALL || event == EVT_CALL_SAVED) && skas.ops != &seccomp_ops)
		/*
		 * The event is forged: no site is patched, and the stub could not save a live
		 * state.
		 */
		return;
	if (event && fpu_note_event(r, event != EVT_CALL))
		return;
	switch (event) {
	case EVT_CALL:
	case EVT_CALL_SAVED: decode_patched_call(r, regs, ev); break;
	case SIGSYS:
		take_regs(r, regs);
		decode_syscall(r->ctl, regs, ev);
		break;
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
		take_regs(r, regs);
		decode_trap(r->ctl, event, ev);
		break;
	case SIG_KICK:
		take_regs(r, regs);
		ev->type = EV_KICK;
		break;
	default: break;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * runner.c: makes and ends runners, and does the common part of both modes for a stay in guest
 * code: it writes registers to the control page and reads the event.
 *
 * Everything read from a control page is under the guest's control. The worst effect of a forged
 * value is the end of the guest program: each value is read once into the kernel's memory, and then
 * either checked or used as one of the guest's own registers.
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
/* flags that iretq in user mode may set: CF PF AF ZF SF TF DF OF NT RF AC ID */
#define FLAGS_USER 0x254dd5
#define FLAGS_ALWAYS 0x202
#define FLAG_TF 0x100
#define LAST_NULL 3 /* selectors 0 to 3 have no segment */
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
		/* clone ignores it: the new runner finds its control page's address in r9 */
		.r9 = r->va,
	};

	return space_try_locked(r->space, &o);
}

/*
 * Makes the mapper create the runner, whose pid is then in the order area. s->lock held, so that a
 * concurrent space_kill() sees the runner.
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
 * Records which call the host refused, for a runner that ended before it slept: wait status @status
 * names the call, C_CODE has the error. Returns that -errno, or -ECHILD if no call was refused.
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
 * Waits until the runner sleeps behind its filter. Only the host is evidence of that: a sibling may
 * have written the hello and everything else in the control page. Until then the runner gets
 * neither the turn nor a kick. The host is queried in intervals, and a sibling that keeps the
 * runner from sleeping is soon detected.
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
		if (!kicking_continues(&k, r))
			return -ETIMEDOUT;
	}
}

/*
 * Makes a runner. Returns 0, and the runner is PARKED without an FPU state. -EAGAIN, -ENOMEM: the
 * host refuses a task now, and the space is unchanged.
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
	r->answers_id = r->offered_at = 0;
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
		/* with the lock, or space_kill() might kill the next task with this handle */
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
 * Requeues the runner from its word, on which no other task can wait, to a word that only the
 * kernel accesses. Success proves that it was asleep in its one futex call, and can only return to
 * the code behind that call. Returns 0 or -ETIMEDOUT.
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
 * True if the runner still sleeps on r->park, where only the kernel can have put it. If a signal of
 * the host's user (SIGSTOP), a freezer or a tracer has stopped it, its futex call has restarted on
 * its own word. Any guest may wake it there, and it then reads its turn word, to which a sibling
 * may have written RUN.
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
	/* the next runner has no breakpoints, which skas_debug() compares */
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
	r->ctl->self = r->va;
	/* the wiped page no longer has the placement and the answers */
	r->placed = 0;
	r->answers_id = 0;
	WRITE_ONCE(r->watched.fresh, true);
	r->ctl->frsp = r->va + TOP_OF_ALT_STACK;
}

/* Makes a stopped runner forget its last guest. The next run writes the complete new state. */
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
 * Limits for a guest that ignores kicks and computes on. They are wide: a busy host has been seen
 * to leave a runner without CPU for two seconds. The host counts time that a hypervisor takes away
 * as CPU time of the runner; in a nested instance on a busy host most of its CPU time is such time.
 * Time in which the runner was ready and the host ran other tasks does not count; nor does a pause
 * of the whole instance, which is one long wait. A runner that has the turn and was kicked or woken
 * does not sleep before it has given the turn back. So a runner that is found asleep each time is
 * given up too.
 */
#define KICKS 20 /* kicks before CPU time or sleep counts */
/* time in which the runner neither had a CPU nor waited for one */
#define KICK_LIMIT (10 * NSEC_PER_SEC)
/* used if the host does not report how long the runner waited for a CPU */
#define KICK_LIMIT_UNKNOWN (30 * NSEC_PER_SEC)
#define KICK_PAUSE (NSEC_PER_SEC / 4) /* one wait counts for at most this */

void kicking_begin(struct kicking *k, const struct runner *r)
{
	*k = (struct kicking){
		.last = os_clock_mono(),
		.used = os_space_cputime(r->task),
		.delayed = os_space_delayed(r->task),
	};
}

bool kicking_continues(struct kicking *k, const struct runner *r)
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
 * Writes @value and returns true if it differs from the old one: a cache line that is not written
 * stays shared with the runner's CPU.
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
		/* PTRACE_SETREGS refuses bases of the upper half */
		(s64)addr >> 47 == -1 && skas.ops != &ptrace_ops;

	return addr < skas.base || high ? addr : 0;
}

/*
 * Returns gs base for the guest. While sites may be patched, the trampoline finds its control page
 * by gs: a thread whose own base is 0 is lent the page's address.
 */
static u64 gs_for(const struct runner *r, const struct regs *regs)
{
	bool lend = skas.patching && !regs->own_gs && !r->space->segs;

	return !regs->gs_base && lend ? r->va : canonical(regs->gs_base);
}

/*
 * Returns the thread's own gs base: a lent one is returned as 0. Any other value, 0 too, was loaded
 * by the thread itself; from then on, as after ARCH_SET_GS, no base is lent to it.
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
 * True if selectors have to be loaded and saved in this space. That begins when its program has
 * loaded a selector or has an LDT, and is permanent.
 */
static bool has_segments(struct space *s, int selectors)
{
	if (unlikely(selectors) && !s->segs)
		WRITE_ONCE(s->segs, true);
	return s->segs;
}

/*
 * Writes the selectors to the control page. Returns true if the exit path of a patched call does
 * not suffice for them. With an LDT, cs and ss may be anything: an iretq to an invalid segment is a
 * fault of the guest, which it could cause itself. The caller has checked that ds, es, fs and gs
 * can be loaded; if they no longer can, the stub returns as after a kick.
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
 * Sets the base to 0 if the thread has replaced a selector that has a segment (@old) by one that
 * has none (@now). Called on hosts without FSGSBASE.
 */
static void forget_base(u64 *base, u64 old, u16 now)
{
	if (old > LAST_NULL && now <= LAST_NULL)
		*base = 0;
}

/*
 * Reads the selectors from the control page. If the last event did not save them (a patched call),
 * the page still has those that were written.
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
	if (!(skas.caps & OS_SPACE_FSGSBASE)) {
		forget_base(&regs->fs_base, regs->fs, READ_ONCE(c->fs));
		forget_base(&regs->gs_base, regs->gs, READ_ONCE(c->gs));
	}
	regs->fs = READ_ONCE(c->fs);
	regs->gs = READ_ONCE(c->gs);
}

/*
 * Registers that are written to and read from the control page unchanged. A call's result changes
 * only rax.
 */
#define PLAIN_REGS(x)                                                                              \
	x(r15) x(r14) x(r13) x(r12) x(rbp) x(rbx) x(r10) x(r9) x(r8) x(rsp) x(rdi) x(rsi) x(rdx)   \
		x(rip)

/*
 * Writes a segment base as put() does. With OF_BASES, also marks a changed base, @base being its
 * BASE_* bit, for the next exit to load.
 */
static bool put_base(struct ctl_page *c, u64 *word, u64 value, u32 base)
{
	if (!put(word, value))
		return false;
	if (skas_loads_bases())
		WRITE_ONCE(c->bases, READ_ONCE(c->bases) | base);
	return true;
}

/*
 * Writes registers with which iretq and wrfsbase do not fault, except through a fault of the guest.
 * Returns true if the exit path of a patched call can make all changes: it sets only rax, and rcx
 * and r11 as a system call does.
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
	changed |= put_base(c, &c->fs_base, canonical(regs->fs_base), BASE_FS);
	changed |= put_base(c, &c->gs_base, gs_for(r, regs), BASE_GS);
	put(&c->ring, regs->ring);
	if (skas_loads_bases() && regs->orig_rax == __NR_arch_prctl) {
		/* the same base as before, but a selector of 0 may have changed it in between */
		WRITE_ONCE(c->bases, BASE_FS | BASE_GS);
		return false;
	}
	return !changed;
}

/* Writes the registers to the control page, and chooses how the runner leaves the stub (C_EXIT). */
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
	/* the trampoline, 64-bit code, does not save cs: the page has the cs of an older event */
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
 * Decodes the event when the kernel has the turn. Without an event the runner has died (the host
 * wrote the turn word) or the guest has forged the turn. Both are EV_DEAD, and the caller ends the
 * runner if it still exists.
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

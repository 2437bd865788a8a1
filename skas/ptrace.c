/* SPDX-License-Identifier: MIT */
/*
 * ptrace.c: guest code under PTRACE_SYSEMU, for hosts without seccomp, and as the reference for
 * correct behaviour. Spaces, mappers and stub are those of seccomp mode. The runner is traced by
 * its vCPU's thread and is always stopped while the kernel has the turn.
 *
 * Two kinds of stop:
 *
 *    in guest code   before a system call, or with a kick about to be delivered: registers and FPU
 *                    state are the tracee's
 *    in the stub     before the gate's futex call: a fault or trap was left to the handler, because
 *                    only a handler gets its error code. Registers are in the control page, the
 *                    FPU state is in the frame
 *
 * The runner continues in three ways:
 * - from guest code with other registers;
 * - from the stub through the stub's own exit path, if iretq works on the CPU;
 * - from either with all state set by ptrace, whenever another FPU state has to be loaded. An
 *   abandoned handler leaves nothing behind: no signal is masked.
 *
 * Invariants:
 * 1. r->regs_live says which kind of stop it is. r->fp is valid in both, since the state of a stop
 *    in guest code is fetched at once to the bottom of the alt stack. So another vCPU, which may
 *    not trace this runner, can take the state from there (fpu.c).
 * 2. A ptrace stop is reported by the host: it needs no proof. A kick that is still pending makes
 *    the runner stop again at once.
 *
 * Where the host has seccomp, the runner also has the filter of seccomp mode, which kills instead
 * of sending a signal. It is a second barrier that no call reaches while SYSEMU works.
 */
#include <asm/signal.h>
#include <linux/audit.h>
#include "gen/stub_syms.h"
#include "kernel/lib/string.h"
#include "skas/internal.h"

#define GATE_SIZE 16
#define SYSCALL_INSN_SIZE 2
#define XMM_FIRST 160 /* offset in an xsave area */
#define XMM_END 416
#define XSAVE_BV 512
#define XSTATE_SSE 2UL

static bool in_stub(u64 rip)
{
	return rip - skas.base < STUB_TEXT_SIZE;
}

static bool at_gate(const struct runner *r, u64 rip)
{
	return rip ==
	       skas.base + STUB_SYM_futex_gates + (u64)r->cpu * GATE_SIZE + SYSCALL_INSN_SIZE;
}

/*
 * True if the runner was asleep: at its gate or, on a host without filters, at the end of its
 * set-up.
 */
static bool at_rest(const struct runner *r, u64 rip)
{
	return skas.caps & OS_SPACE_SECCOMP ? at_gate(r, rip) :
					      rip == skas.base + STUB_SYM_runner_untraced;
}

static int ptrace_attach(struct runner *r)
{
	struct os_trace_regs t;
	int err;

	r->regs_live = 0;
	err = os_trace_seize(r->task);
	if (!err)
		err = os_trace_get_regs(r->task, &t);
	if (!err && !at_rest(r, t.rip))
		err = -EPROTO;
	return err;
}

/* ---- registers ---- */

/*
 * Returns a selector that SETREGS accepts: one with privilege 3, or 0. A guest may have loaded
 * others.
 */
static u16 user_selector(u16 sel)
{
	return sel ? sel | 3 : 0;
}

/*
 * Fills in the registers. runner_load_regs(), which wrote the control page, has already replaced
 * other values that SETREGS would refuse.
 */
static void to_trace(const struct ctl_page *c, struct os_trace_regs *t)
{
	*t = (struct os_trace_regs){
		.r15 = c->r15,
		.r14 = c->r14,
		.r13 = c->r13,
		.r12 = c->r12,
		.r11 = c->r11,
		.r10 = c->r10,
		.r9 = c->r9,
		.r8 = c->r8,
		.rbp = c->rbp,
		.rdi = c->rdi,
		.rsi = c->rsi,
		.rdx = c->rdx,
		.rcx = c->rcx,
		.rbx = c->rbx,
		.rax = c->rax,
		.rip = c->rip,
		.cs = c->cs,
		.eflags = c->eflags,
		.rsp = c->rsp,
		.ss = c->ss,
		.orig_rax = ~0UL,
		.fs_base = c->fs_base,
		.gs_base = c->gs_base,
		.ds = user_selector(READ_ONCE(c->ds)),
		.es = user_selector(READ_ONCE(c->es)),
		.fs = user_selector(READ_ONCE(c->fs)),
		.gs = user_selector(READ_ONCE(c->gs)),
	};
}

static void from_trace(const struct os_trace_regs *t, struct regs *regs)
{
	*regs = (struct regs){
		.r15 = t->r15,
		.r14 = t->r14,
		.r13 = t->r13,
		.r12 = t->r12,
		.r11 = t->r11,
		.r10 = t->r10,
		.r9 = t->r9,
		.r8 = t->r8,
		.rbp = t->rbp,
		.rdi = t->rdi,
		.rsi = t->rsi,
		.rdx = t->rdx,
		.rcx = t->rcx,
		.rbx = t->rbx,
		.rax = t->rax,
		.rip = t->rip,
		.cs = t->cs,
		.eflags = t->eflags,
		.rsp = t->rsp,
		.ss = t->ss,
		.orig_rax = t->orig_rax,
		.fs_base = t->fs_base,
		.gs_base = t->gs_base,
		.ds = (u16)t->ds,
		.es = (u16)t->es,
		.fs = (u16)t->fs,
		.gs = (u16)t->gs,
	};
}

/* ---- resuming ---- */

/*
 * Makes SSE's initial state explicit. xrstor always loads mxcsr, but the host accepts it only with
 * a component that depends on it.
 */
static void write_out_sse(u8 *area)
{
	u64 *bv = (u64 *)(area + XSAVE_BV);

	if (!has_xsave() || *bv & XSTATE_SSE)
		return;
	memset(area + XMM_FIRST, 0, XMM_END - XMM_FIRST);
	*bv |= XSTATE_SSE;
}

/* Sets the runner's registers by ptrace, and with @fpu_too the FPU state. Returns 0 or -errno. */
static int set_all(struct runner *r, bool fpu_too)
{
	struct os_trace_regs t;
	int err = 0;

	if (fpu_too) {
		write_out_sse(r->alt + r->fp);
		err = os_trace_set_xstate(r->task, r->alt + r->fp, xstate_size);
	}
	if (err)
		return err;
	to_trace(r->ctl, &t);
	return os_trace_set_regs(r->task, &t);
}

/*
 * Leaves through the stub's own exit path, which loads everything except, without FSGSBASE, the
 * segment bases.
 */
static int leave_stub(struct runner *r)
{
	struct os_trace_regs t;
	int err;

	WRITE_ONCE(r->ctl->turn, TURN_RUN);
	if (skas.caps & OS_SPACE_FSGSBASE)
		return 0;
	err = os_trace_get_regs(r->task, &t);
	if (err)
		return err;
	t.fs_base = r->ctl->fs_base;
	t.gs_base = r->ctl->gs_base;
	return os_trace_set_regs(r->task, &t);
}

/* Gives the stopped runner the state for its next stay. Returns 0 or -errno. */
static int prepare(struct runner *r, const struct regs *regs, struct fpu *fpu)
{
	bool loaded = fpu_enter(r, fpu);

	runner_load_regs(r, regs);
	if (loaded || r->regs_live)
		return set_all(r, loaded);
	/* selectors that the stub loads would change the bases */
	if (!(skas.caps & OS_SPACE_IRET) || (!(skas.caps & OS_SPACE_FSGSBASE) && r->loads))
		return set_all(r, true);
	return leave_stub(r);
}

/* ---- stops ---- */

static int fetch_fpu(struct runner *r)
{
	int err = os_trace_get_xstate(r->task, r->alt, xstate_size);

	skas_lock(&r->lock);
	r->fp = 0;
	skas_unlock(&r->lock);
	return err;
}

static void stopped_in_guest(
	struct runner *r, const struct os_trace_regs *t, struct regs *regs, struct skas_event *ev)
{
	r->regs_live = 1;
	if (fetch_fpu(r))
		return;
	from_trace(t, regs);
	if (ev->signo) {
		*ev = (struct skas_event){ .type = EV_KICK };
		regs->orig_rax = ~0UL;
		return;
	}
	ev->type = EV_SYSCALL;
	/* `syscall` copies rip to rcx; if they differ, ask the host which kind of call it was */
	ev->i386 = t->rcx != t->rip && os_trace_arch(r->task) != AUDIT_ARCH_X86_64;
}

static void stopped_in_stub(
	struct runner *r, const struct os_trace_regs *t, struct regs *regs, struct skas_event *ev)
{
	r->regs_live = 0;
	if (!at_gate(r, t->rip) || READ_ONCE(r->ctl->turn) == TURN_RUN)
		return;
	if (!READ_ONCE(r->ctl->event))
		return;
	runner_decode(r, regs, ev);
	if (!(skas.caps & OS_SPACE_FSGSBASE)) {
		regs->fs_base = t->fs_base;
		regs->gs_base = t->gs_base;
	}
}

/*
 * Kicks a runner that runs past its deadline. Returns false if kicks have had no effect for too
 * long.
 */
static bool kick_again(struct runner *r, struct kicking *k)
{
	if (!k->last)
		kicking_begin(k, r);
	else if (!kicking_continues(k, r))
		return false;
	stat_inc(kicks);
	os_space_kick(r->task);
	return true;
}

/*
 * Lets the runner run until a stop that is an event. Signals are passed to the handler, as is a
 * kick that hits the stub: only the stub knows its own state. On return *signo is SIG_KICK for a
 * kick in guest code, or 0 for a call; @t has the registers at the stop.
 */
static int run_to_stop(struct runner *r, u64 deadline, struct os_trace_regs *t, int *signo)
{
	struct kicking kicking = { 0 };
	u64 first = handoff_patience(deadline);
	int stop = os_trace_run(r->task, 0, first, signo);

	for (;;) {
		switch (stop) {
		case OS_TRACE_DEAD: return -ESRCH;
		case OS_TRACE_TIMEOUT:
			if (os_clock_mono() < deadline) {
				handoff_let_go(r);
				stop = os_trace_wait(r->task, deadline, signo);
				continue;
			}
			if (!kick_again(r, &kicking))
				return -ETIMEDOUT;
			deadline = os_clock_mono() + KICK_WAIT;
			stop = os_trace_wait(r->task, deadline, signo);
			continue;
		case OS_TRACE_SYSCALL: *signo = 0; return os_trace_get_regs(r->task, t);
		}
		if (os_trace_get_regs(r->task, t))
			return -ESRCH;
		if (*signo == SIG_KICK && !in_stub(t->rip))
			return 0;
		/*
		 * Without iretq, a runner that is in the stub is on its way to the kernel: it never
		 * leaves by itself.
		 */
		if (*signo == SIG_KICK && !(skas.caps & OS_SPACE_IRET))
			*signo = 0;
		/*
		 * A sibling may drive the runner from one fault to the next, with no call and no
		 * pause in between.
		 */
		if (os_clock_mono() >= deadline) {
			if (!kick_again(r, &kicking))
				return -ETIMEDOUT;
			deadline = os_clock_mono() + KICK_WAIT;
		}
		stop = os_trace_run(r->task, *signo, deadline, signo);
	}
}

static void ptrace_run(
	struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline, struct skas_event *ev)
{
	struct os_trace_regs t;
	int err, signo = 0;

	*ev = (struct skas_event){ .type = EV_DEAD };
	handoff_place(r);
	if (prepare(r, regs, fpu))
		return;
	runner_publish(r);
	if (skas_kicked(r->cpu))
		os_space_kick(r->task);
	r->state = RUNNER_RUNNING;
	err = run_to_stop(r, deadline, &t, &signo);
	runner_unpublish(r);
	handoff_slept(r);
	r->state = RUNNER_WAITING;
	if (err)
		return;
	ev->signo = signo;
	if (in_stub(t.rip))
		stopped_in_stub(r, &t, regs, ev);
	else
		stopped_in_guest(r, &t, regs, ev);
}

/*
 * Needs no proof that the runner has stopped. Ptrace sets the complete state for the runner's next
 * run, since no FPU state is live in it any more.
 */
static int ptrace_stop(struct runner *r)
{
	runner_wipe(r);
	r->state = RUNNER_PARKED;
	return 0;
}

const struct skas_ops ptrace_ops = {
	.name = "ptrace",
	.attach = ptrace_attach,
	.run = ptrace_run,
	.stop = ptrace_stop,
};

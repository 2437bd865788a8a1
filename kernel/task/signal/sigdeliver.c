/* SPDX-License-Identifier: MIT */
/*
 * sigdeliver.c: from a pending signal to a handler's frame, a stop, or death.
 *
 * arch/um/entry/entry.c calls do_signal() on the way to user mode while TIF_SIGPENDING is set.
 * get_signal() takes signals off the queues and performs their default actions. It returns only a
 * signal that has a handler, and deliver() builds its frame with arch_entry.setup_frame(). The
 * handler's flags and the call's result decide whether an interrupted system call is restarted or
 * ends with EINTR.
 *
 * Invariants: do_signal() returns with registers ready for user mode, or does not return. If a call
 * that sets a temporary mask (sigsuspend(), ppoll()) was interrupted, the handler's frame saves the
 * mask from before the call.
 *
 * Locks: sighand->lock; dropped where a default action sleeps.
 */
#include "gen/syscalls.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/task/internal.h"

#define SYSCALL_INSN_LEN 2
#define NR_RESTART_SYSCALL 219
#define EFLAGS_TF 0x100

/* ---- choosing a signal ---- */

/* Returns a signal that an instruction of current has caused, or 0. sighand->lock is held. */
static int dequeue_synchronous(siginfo_t *info)
{
	struct sigpending *p = current->pending;
	int sig = next_signal(p->signal & SIG_KERNEL_SYNC, current->blocked);
	struct sigqueue *q;

	if (!sig)
		return 0;
	/*
	 * Of these signals, only those that an instruction has caused come first. A signal that
	 * another process has sent keeps its place in the queue.
	 */
	list_for_each_entry(q, &p->list, list)
		if (q->info.si_signo == sig && q->info.si_code > 0) {
			collect_signal(sig, p, info);
			recalc_sigpending();
			return sig;
		}
	return 0;
}

/*
 * Notifies the parents if the process has stopped or continued. Returns true if there was a
 * notification; sighand->lock was then dropped.
 */
static bool notify_parents(void)
{
	struct signal_struct *sig = current->signal;
	int why;

	if (!(sig->flags & SIGNAL_CLD_MASK))
		return false;
	why = (sig->flags & SIGNAL_CLD_CONTINUED) ? CLD_CONTINUED : CLD_STOPPED;
	sig->flags &= ~SIGNAL_CLD_MASK;
	spin_unlock(&current->sighand->lock);
	read_lock(&tasklist_lock);
	do_notify_parent_cldstop(current, false, why);
	if (ptrace_reparented(current->group_leader))
		do_notify_parent_cldstop(current->group_leader, true, why);
	read_unlock(&tasklist_lock);
	return true;
}

static void die(int signr, const siginfo_t *info, bool dump)
{
	current->flags |= PF_SIGNALED;
	if (dump) {
		log_fatal_signal(signr);
		coredump(info);
	}
	do_group_exit(signr);
}

/*
 * True if a stop signal of a terminal (not SIGSTOP) has no effect, since the process group is
 * orphaned. sighand->lock is held; it may be dropped and retaken.
 */
static bool stop_is_void(int signr)
{
	bool orphaned;

	if (signr == SIGSTOP)
		return false;
	spin_unlock(&current->sighand->lock);
	orphaned = is_current_pgrp_orphaned();
	spin_lock(&current->sighand->lock);
	return orphaned;
}

enum outcome { NEXT, HANDLER, RELOCK };

/*
 * Acts on one signal that was taken off a queue. sighand->lock is held; the result RELOCK means
 * that it was dropped. Does not return if the signal kills the process.
 */
static enum outcome act_on(int signr, struct ksignal *ks)
{
	struct ksigaction *ka = &current->sighand->action[signr - 1];

	if (ka->handler == 1)
		return NEXT;
	if (ka->handler) {
		ks->ka = *ka;
		if (ka->flags & SA_RESETHAND)
			ka->handler = 0;
		return HANDLER;
	}
	if (SIG_KERNEL_IGNORE & sigmask_of(signr))
		return NEXT;
	if ((current->signal->flags & SIGNAL_UNKILLABLE) && !(sigmask_of(signr) & UNMASKABLE))
		return NEXT;
	if (SIG_KERNEL_STOP & sigmask_of(signr)) {
		if (stop_is_void(signr))
			return NEXT;
		return do_signal_stop(signr) ? RELOCK : NEXT;
	}
	spin_unlock(&current->sighand->lock);
	die(signr, &ks->info, SIG_KERNEL_COREDUMP & sigmask_of(signr));
	return RELOCK;
}

static bool marked_for_death(void)
{
	return current->signal->group_exit ||
	       (current->signal->group_exec_task && current->signal->group_exec_task != current);
}

/*
 * Takes signals until one has a handler. Returns true with *ks filled in, or false if no signal is
 * left. Drops sighand->lock.
 */
bool get_signal(struct ksignal *ks)
{
	struct sighand_struct *sh = current->sighand;
	enum outcome what;
	int signr;

	if (READ_ONCE(current->works))
		task_work_run();
	spin_lock(&sh->lock);
	for (;;) {
		if (notify_parents()) {
			spin_lock(&sh->lock);
			continue;
		}
		if (marked_for_death()) {
			int code = current->signal->group_exit ? current->signal->group_exit_code :
								 SIGKILL;

			current->pending->signal &= ~sigmask_of(SIGKILL);
			recalc_sigpending();
			spin_unlock(&sh->lock);
			die(code, NULL, false);
		}
		if ((current->jobctl & JOBCTL_STOP_PENDING) && do_signal_stop(0)) {
			spin_lock(&sh->lock);
			continue;
		}
		if (current->jobctl & (JOBCTL_TRAP_STOP | JOBCTL_TRAP_NOTIFY)) {
			do_jobctl_trap(); /* drops the lock */
			spin_lock(&sh->lock);
			continue;
		}
		if (current->jobctl & JOBCTL_TRAP_FREEZE) {
			do_freezer_trap(); /* drops the lock */
			spin_lock(&sh->lock);
			recalc_sigpending();
			continue;
		}
		if (unlikely(current->cg_frozen)) {
			spin_unlock(&sh->lock);
			cgroup_leave_frozen(false);
			spin_lock(&sh->lock);
			continue;
		}
		signr = dequeue_synchronous(&ks->info);
		if (!signr)
			signr = dequeue_signal_locked(current, current->blocked, &ks->info);
		if (!signr)
			break;
		if (unlikely(ks->info.si_code == SI_TIMER || signr == SIGALRM)) {
			spin_unlock(&sh->lock);
			process_timer_ops.taken(&ks->info);
			spin_lock(&sh->lock);
		}
		if (current->ptrace && signr != SIGKILL) {
			signr = ptrace_signal(signr, &ks->info);
			if (!signr)
				continue;
		}
		what = act_on(signr, ks);
		if (what == HANDLER)
			break;
		if (what == RELOCK)
			spin_lock(&sh->lock);
	}
	spin_unlock(&sh->lock);
	ks->sig = signr;
	return signr > 0;
}

/* ---- restarting ---- */

static bool in_syscall(const struct regs *regs)
{
	return regs->orig_rax != ~0UL;
}

static void restart_call(struct regs *regs, u64 nr)
{
	regs->rax = nr;
	regs->rip -= SYSCALL_INSN_LEN;
}

static void restart_before_handler(struct regs *regs, const struct ksignal *ks)
{
	if (!in_syscall(regs))
		return;
	switch (-(s64)regs->rax) {
	case ERESTARTSYS:
		if (ks->ka.flags & SA_RESTART)
			restart_call(regs, regs->orig_rax);
		else
			regs->rax = -EINTR;
		break;
	case ERESTARTNOINTR: restart_call(regs, regs->orig_rax); break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK: regs->rax = -EINTR; break;
	}
}

static void restart_without_handler(struct regs *regs)
{
	if (!in_syscall(regs))
		return;
	switch (-(s64)regs->rax) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND: restart_call(regs, regs->orig_rax); break;
	case ERESTART_RESTARTBLOCK: restart_call(regs, NR_RESTART_SYSCALL); break;
	}
}

/* ---- delivering ---- */

bool within_sig_stack(u64 sp)
{
	return sp > current->sas_ss_sp && sp - current->sas_ss_sp <= current->sas_ss_size;
}

bool on_sig_stack(u64 sp)
{
	return !(current->sas_ss_flags & SS_AUTODISARM) && within_sig_stack(sp);
}

u64 sigsp(u64 sp, const struct ksignal *ks)
{
	if ((ks->ka.flags & SA_ONSTACK) && current->sas_ss_size && !on_sig_stack(sp))
		return current->sas_ss_sp + current->sas_ss_size;
	return sp;
}

static void force_sigsegv(int sig)
{
	if (sig == SIGSEGV)
		force_fatal_sig(SIGSEGV);
	else
		force_sig(SIGSEGV);
}

void signal_setup_done(bool failed, struct ksignal *ks)
{
	u64 mask;

	if (failed) {
		force_sigsegv(ks->sig);
		return;
	}
	clear_bit(TIF_RESTORE_SIGMASK, &current->work_flags);
	mask = current->blocked | ks->ka.mask;
	if (!(ks->ka.flags & SA_NODEFER))
		mask |= sigmask_of(ks->sig);
	set_current_blocked(mask);
	if (current->sas_ss_flags & SS_AUTODISARM) {
		current->sas_ss_sp = current->sas_ss_size = 0;
		current->sas_ss_flags = SS_DISABLE;
	}
}

/* Sets up the frame of the handler. */
static void deliver(struct ksignal *ks, struct regs *regs)
{
	bool saved = test_bit(TIF_RESTORE_SIGMASK, &current->work_flags);
	bool stepping = current->ptrace && (regs->eflags & EFLAGS_TF);
	u64 mask = saved ? current->saved_sigmask : current->blocked;

	restart_before_handler(regs, ks);
	/* The tracer has set the step flag, so the flag is not saved in the frame. */
	if (current->ptrace & PT_STEPPING)
		regs->eflags &= ~(u64)EFLAGS_TF;
	signal_setup_done(arch_entry.setup_frame(ks, regs, mask) != 0, ks);
	/* A single-stepped thread stops at the handler's first instruction. */
	if (stepping)
		ptrace_notify(SIGTRAP);
}

void do_signal(struct regs *regs)
{
	struct ksignal ks;

	if (get_signal(&ks)) {
		deliver(&ks, regs);
		return;
	}
	restart_without_handler(regs);
	restore_saved_sigmask_unless(false);
}

long sys_rt_sigreturn(void)
{
	struct regs *regs = task_regs(current);
	u64 mask = 0, frame = regs->rsp - 8;
	int err;

	current->restart.fn = NULL;
	err = arch_entry.sigreturn(regs, &mask);
	/* If orig_rax is -1, the whole frame was restored, and @mask is valid. */
	if (!in_syscall(regs))
		set_current_blocked(mask);
	if (!err)
		return (long)regs->rax;
	log_bad_frame(frame);
	force_sig(SIGSEGV);
	return 0;
}

long sys_restart_syscall(void)
{
	struct restart_block *rb = &current->restart;

	return rb->fn ? rb->fn(rb) : -EINTR;
}

/* SPDX-License-Identifier: MIT */
/*
 * ptrace_request.c: a tracer's requests to a stopped tracee: memory, resuming, options, signals,
 * and the current system call. Registers are in ptrace_regs.c. The caller has checked that the
 * tracee is stopped, and keeps it stopped (not for PTRACE_KILL and PTRACE_INTERRUPT).
 *
 * Locks: sighand->lock of the tracee protects its signal state.
 */
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <linux/rseq.h>
#include <linux/uio.h>

#include "kernel/task/internal.h"
#include "kernel/task/seccomp/seccomp.h"

#define EFLAGS_TF 0x100UL
#define AUDIT_ARCH_X86_64 0xc000003eU

/* ---- memory ---- */

/*
 * True if the tracer may read and write the memory @mm of @t. The memory of a program file that the
 * tracer's user may not read is refused, even to a tracer that attached before the exec.
 */
static bool shows_memory(const struct task *t, const struct mm *mm)
{
	/*
	 * t->ptracer_cred becomes NULL when @t is no longer traced. The credentials that were read
	 * stay valid until current sleeps.
	 */
	const struct cred *by = READ_ONCE(t->ptracer_cred);

	return mm->dump_mode == 1 || (by && cred_ns_capable(by, mm->user_ns, CAP_SYS_PTRACE));
}

/* Reads or writes *@word at @addr of the tracee. Returns 0 or -EIO. May sleep. */
static long access_word(struct task *t, u64 addr, u64 *word, bool write)
{
	struct mm *mm = get_task_mm(t);
	ssize_t n = 0;

	if (!mm)
		return -EIO;
	if (shows_memory(t, mm))
		n = access_mm(mm, addr, word, sizeof(*word), write, true);
	mmput(mm);
	return n == (ssize_t)sizeof(*word) ? 0 : -EIO;
}

static long peek(struct task *t, u64 addr, u64 data)
{
	u64 word;
	long err = access_word(t, addr, &word, false);

	return err ? err : put_user(word, UADDR(data));
}

/* ---- resuming ---- */

static void set_work(struct task *t, int flag, bool on)
{
	if (on)
		set_bit(flag, &t->work_flags);
	else
		clear_bit(flag, &t->work_flags);
}

/*
 * Sets or clears single-stepping. PT_STEPPING means that the tracer, not the tracee, has set the
 * step flag in eflags.
 */
static void set_stepping(struct task *t, bool on)
{
	struct regs *r = task_regs(t);

	set_work(t, TIF_SINGLESTEP, on);
	if (on && !(r->eflags & EFLAGS_TF)) {
		r->eflags |= EFLAGS_TF;
		t->ptrace |= PT_STEPPING;
	} else if (!on && (t->ptrace & PT_STEPPING)) {
		r->eflags &= ~EFLAGS_TF;
		t->ptrace &= ~(u32)PT_STEPPING;
	}
}

/*
 * Resumes the tracee. @sig: signal with which the tracee goes on, or 0. Returns 0, -EIO if @sig is
 * no signal, or -ESRCH.
 */
static long resume(struct task *t, long request, u64 sig)
{
	struct sighand_struct *sh;

	if (sig > NSIG_MAX)
		return -EIO;
	set_work(t, TIF_SYSCALL_TRACE, request == PTRACE_SYSCALL);
	set_work(t, TIF_SYSCALL_EMU,
		request == PTRACE_SYSEMU || request == PTRACE_SYSEMU_SINGLESTEP);
	set_stepping(t, request == PTRACE_SINGLESTEP || request == PTRACE_SYSEMU_SINGLESTEP);
	sh = lock_task_sighand(t);
	if (!sh)
		return -ESRCH;
	t->exit_code = (int)sig;
	wake_up_state(t, TASK_TRACED);
	unlock_task_sighand(sh);
	return 0;
}

/* Implements PTRACE_INTERRUPT. Returns 0, -EIO if the tracee was not seized, or -ESRCH. */
static long interrupt(struct task *t)
{
	struct sighand_struct *sh;

	if (!(t->ptrace & PT_SEIZED))
		return -EIO;
	sh = lock_task_sighand(t);
	if (!sh)
		return -ESRCH;
	if (task_set_jobctl_pending(t, JOBCTL_TRAP_STOP)) {
		signal_wake_up(t, false);
		if (t->jobctl & JOBCTL_LISTENING)
			wake_up_state(t, TASK_TRACED);
	}
	unlock_task_sighand(sh);
	return 0;
}

/*
 * Implements PTRACE_LISTEN. Returns 0, -EIO if the tracee was not seized or is not in a
 * PTRACE_EVENT_STOP, or -ESRCH.
 */
static long listen(struct task *t)
{
	struct sighand_struct *sh;
	const siginfo_t *info;
	long err = -EIO;

	if (!(t->ptrace & PT_SEIZED))
		return err;
	sh = lock_task_sighand(t);
	if (!sh)
		return -ESRCH;
	info = t->ptrace_info;
	if (info && (info->si_code >> 8) == PTRACE_EVENT_STOP_CODE) {
		t->jobctl |= JOBCTL_LISTENING;
		if (t->jobctl & JOBCTL_TRAP_NOTIFY)
			wake_up_state(t, TASK_TRACED);
		err = 0;
	}
	unlock_task_sighand(sh);
	return err;
}

/* ---- signals ---- */

/*
 * Copies the info of the signal that has stopped the task to @info or, if @set is true, from @info.
 * Returns 0, -EINVAL if the stop has no info, or -ESRCH.
 */
static long copy_siginfo(struct task *t, siginfo_t *info, bool set)
{
	struct sighand_struct *sh = lock_task_sighand(t);
	siginfo_t *own;
	long err = -EINVAL;

	if (!sh)
		return -ESRCH;
	own = (siginfo_t *)t->ptrace_info;
	if (own) {
		*(set ? own : info) = *(set ? info : own);
		err = 0;
	}
	unlock_task_sighand(sh);
	return err;
}

/* Gets or sets the blocked signals. @size: of the mask in bytes, must be 8. Returns 0 or -errno. */
static long sigmask(struct task *t, long request, u64 size, uaddr_t umask)
{
	struct sighand_struct *sh;
	u64 mask;

	if (size != sizeof(mask))
		return -EINVAL;
	if (request == PTRACE_GETSIGMASK) {
		mask = test_bit(TIF_RESTORE_SIGMASK, &t->work_flags) ? t->saved_sigmask :
								       t->blocked;
		return put_user(mask, umask);
	}
	if (get_user(mask, umask))
		return -EFAULT;
	sh = lock_task_sighand(t);
	if (!sh)
		return -ESRCH;
	t->blocked = mask & ~UNMASKABLE;
	clear_bit(TIF_RESTORE_SIGMASK, &t->work_flags);
	set_bit(TIF_SIGPENDING, &t->work_flags);
	unlock_task_sighand(sh);
	return 0;
}

static long siginfo_request(struct task *t, long request, uaddr_t uinfo)
{
	siginfo_t info;
	long err;

	if (request == PTRACE_GETSIGINFO) {
		err = copy_siginfo(t, &info, false);
		return err ? err : (copy_siginfo_to_user(uinfo, &info) ? -EFAULT : 0);
	}
	if (copy_siginfo_from_user(&info, uinfo))
		return -EFAULT;
	return copy_siginfo(t, &info, true);
}

/*
 * Copies the signal at position @n (from 0) in the queue of the thread, or of the process
 * (@shared). Returns false if there is none.
 */
static bool nth_siginfo(struct task *t, u64 n, bool shared, siginfo_t *info)
{
	struct sighand_struct *sh = lock_task_sighand(t);
	struct sigpending *pending;
	struct sigqueue *q;
	bool found = false;

	if (!sh)
		return false;
	pending = shared ? &t->signal->shared_pending : t->pending;
	list_for_each_entry(q, &pending->list, list) {
		if (n--)
			continue;
		*info = q->info;
		found = true;
		break;
	}
	unlock_task_sighand(sh);
	return found;
}

/* Copies the infos of pending signals from number @off on. Returns their number or -errno. */
static long peek_siginfo(struct task *t, uaddr_t uargs, uaddr_t to)
{
	struct ptrace_peeksiginfo_args args;
	siginfo_t info;
	long n;

	if (copy_from_user(&args, uargs, sizeof(args)))
		return -EFAULT;
	if ((args.flags & ~(u32)PTRACE_PEEKSIGINFO_SHARED) || args.nr < 0)
		return -EINVAL;
	for (n = 0; n < args.nr; n++) {
		if (args.off + (u64)n < args.off ||
			!nth_siginfo(t, args.off + (u64)n, args.flags, &info))
			break;
		if (copy_siginfo_to_user(uaddr_add(to, (u64)n * sizeof(info)), &info))
			return n ? n : -EFAULT;
		if (signal_pending(current))
			return n + 1;
		cond_resched();
	}
	return n;
}

/* ---- other requests ---- */

/* Copies at most @size bytes. Returns the size of the whole struct or -EFAULT. */
static long rseq_configuration(struct task *t, u64 size, uaddr_t to)
{
	struct ptrace_rseq_configuration c = {
		.rseq_abi_pointer = t->rseq.v,
		.rseq_abi_size = t->rseq.v ? sizeof(struct rseq) : 0,
		.signature = t->rseq_sig,
	};

	return copy_to_user(to, &c, min(size, sizeof(c))) ? -EFAULT : (long)sizeof(c);
}

static long set_options(struct task *t, u64 options)
{
	long err = ptrace_check_options(options);

	if (err)
		return err;
	t->ptrace = (t->ptrace & ~(u32)(PTRACE_O_MASK << PT_OPT_SHIFT)) |
		    ((u32)options << PT_OPT_SHIFT);
	return 0;
}

/* Returns the kind of the present stop, PTRACE_SYSCALL_INFO_*. */
static u8 syscall_op(struct task *t)
{
	siginfo_t info;

	if (copy_siginfo(t, &info, false) || info.si_signo != SIGTRAP)
		return PTRACE_SYSCALL_INFO_NONE;
	if (info.si_code == ((PTRACE_EVENT_SECCOMP << 8) | SIGTRAP))
		return PTRACE_SYSCALL_INFO_SECCOMP;
	/* As on Linux, this works only with PTRACE_O_TRACESYSGOOD. */
	if (info.si_code != (SIGTRAP | 0x80))
		return PTRACE_SYSCALL_INFO_NONE;
	if (t->ptrace_message == PTRACE_EVENTMSG_SYSCALL_ENTRY)
		return PTRACE_SYSCALL_INFO_ENTRY;
	return t->ptrace_message == PTRACE_EVENTMSG_SYSCALL_EXIT ? PTRACE_SYSCALL_INFO_EXIT :
								   PTRACE_SYSCALL_INFO_NONE;
}

/* Copies at most @size bytes. Returns the number of bytes that are available, or -EFAULT. */
static long syscall_info(struct task *t, u64 size, uaddr_t to)
{
	const struct regs *r = task_regs(t);
	struct ptrace_syscall_info si;
	u64 args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	size_t n = offsetof(struct ptrace_syscall_info, entry);

	memset(&si, 0, sizeof(si));
	si.op = syscall_op(t);
	si.arch = AUDIT_ARCH_X86_64;
	si.instruction_pointer = r->rip;
	si.stack_pointer = r->rsp;
	switch (si.op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
	case PTRACE_SYSCALL_INFO_SECCOMP:
		si.entry.nr = r->orig_rax;
		memcpy(si.entry.args, args, sizeof(args));
		n = offsetof(struct ptrace_syscall_info, entry.args) + sizeof(args);
		if (si.op == PTRACE_SYSCALL_INFO_SECCOMP) {
			si.seccomp.ret_data = (u32)t->ptrace_message;
			n = offsetof(struct ptrace_syscall_info, seccomp.ret_data) + sizeof(u32);
		}
		break;
	case PTRACE_SYSCALL_INFO_EXIT:
		si.exit.rval = (s64)r->rax;
		si.exit.is_error = IS_ERR_VALUE(r->rax);
		n = offsetof(struct ptrace_syscall_info, exit.is_error) + sizeof(u8);
		break;
	}
	return copy_to_user(to, &si, min(n, size)) ? -EFAULT : (long)n;
}

/*
 * Sets number and arguments of a system call. Returns 0, or -ERANGE if @nr is not an s32. With the
 * number -1 (skip the call) @args are not used.
 */
static int set_syscall_entry(struct regs *r, u64 nr, const u64 args[6])
{
	if ((u64)(s64)(s32)nr != nr)
		return -ERANGE;
	r->orig_rax = nr;
	if ((s32)nr == -1)
		return 0;
	r->rdi = args[0];
	r->rsi = args[1];
	r->rdx = args[2];
	r->r10 = args[3];
	r->r8 = args[4];
	r->r9 = args[5];
	return 0;
}

/*
 * Sets, as Linux 6.16 does, number and arguments of a call that is about to be made, or the result
 * of a call that has been made. Returns 0 or -errno.
 */
static long set_syscall_info(struct task *t, u64 size, uaddr_t from)
{
	struct ptrace_syscall_info si;
	struct regs *r = task_regs(t);
	u64 args[6];

	if (size < sizeof(si))
		return -EINVAL;
	if (copy_from_user(&si, from, sizeof(si)))
		return -EFAULT;
	if (si.pad[0] || si.pad[1] || si.pad[2] || si.op != syscall_op(t))
		return -EINVAL;
	switch (si.op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
	case PTRACE_SYSCALL_INFO_SECCOMP: /* ret_data is ignored */
		memcpy(args, si.entry.args, sizeof(args));
		return set_syscall_entry(r, si.entry.nr, args);
	case PTRACE_SYSCALL_INFO_EXIT: r->rax = (u64)si.exit.rval; return 0;
	}
	return -EINVAL;
}

/* Implements PTRACE_ARCH_PRCTL. Returns 0, -EPERM, -EFAULT or -EINVAL. */
static long arch_prctl_of(struct task *t, u64 addr, u64 option)
{
	struct regs *r = task_regs(t);

	switch (option) {
	case 0x1002: /* ARCH_SET_FS */
	case 0x1001: /* ARCH_SET_GS */
		if (addr >= arch_task_size())
			return -EPERM;
		*(option == 0x1002 ? &r->fs_base : &r->gs_base) = addr;
		*(option == 0x1002 ? &r->fs : &r->gs) = 0;
		r->own_gs |= option == 0x1001;
		return 0;
	case 0x1003: return put_user(r->fs_base, UADDR(addr));
	case 0x1004: return put_user(r->gs_base, UADDR(addr));
	}
	return -EINVAL;
}

long ptrace_request(struct task *t, long request, u64 addr, u64 data)
{
	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA: return peek(t, addr, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA: return access_word(t, addr, &data, true);
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SYSEMU:
	case PTRACE_SYSEMU_SINGLESTEP:
	case PTRACE_SINGLESTEP: return resume(t, request, data);
	case PTRACE_KILL: return send_sig(SIGKILL, t, SEND_SIG_PRIV);
	case PTRACE_INTERRUPT: return interrupt(t);
	case PTRACE_LISTEN: return listen(t);
	case PTRACE_OLDSETOPTIONS:
	case PTRACE_SETOPTIONS: return set_options(t, data);
	case PTRACE_GETEVENTMSG: return put_user(t->ptrace_message, UADDR(data));
	case PTRACE_PEEKSIGINFO: return peek_siginfo(t, UADDR(addr), UADDR(data));
	case PTRACE_SET_DISPATCH:
	case PTRACE_GET_DISPATCH: return user_dispatch_ptrace(t, (u32)request, addr, UADDR(data));
	case PTRACE_GET_RSEQ_CONFIGURATION: return rseq_configuration(t, addr, UADDR(data));
	case PTRACE_GETSIGINFO:
	case PTRACE_SETSIGINFO: return siginfo_request(t, request, UADDR(data));
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK: return sigmask(t, request, addr, UADDR(data));
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET: return ptrace_regset(t, request, addr, UADDR(data));
	case PTRACE_SECCOMP_GET_FILTER: return seccomp_copy_filter(t, addr, UADDR(data));
	case PTRACE_SECCOMP_GET_METADATA: return seccomp_copy_metadata(t, addr, UADDR(data));
	case PTRACE_GET_SYSCALL_INFO: return syscall_info(t, addr, UADDR(data));
	case PTRACE_SET_SYSCALL_INFO: return set_syscall_info(t, addr, UADDR(data));
	case PTRACE_ARCH_PRCTL: return arch_prctl_of(t, addr, data);
	}
	return ptrace_regs_request(t, request, addr, data);
}

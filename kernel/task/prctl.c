/* SPDX-License-Identifier: MIT */
/*
 * prctl.c: prctl, arch_prctl and personality: the small properties of a thread or process.
 *
 * Operations that this kernel lacks return EINVAL, as on a Linux built without them: PR_SCHED_CORE,
 * PR_SET_PTRACER (no Yama), shadow stacks, memory tags.
 */
#include <asm/prctl.h>
#include <linux/prctl.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"
#include "kernel/task/perf.h"
#include "kernel/task/proc_event.h"
#include "kernel/task/seccomp/seccomp.h"

/*
 * Sets current's name to the string at the user address @from, cut to 15 bytes. Returns 0 or
 * -EFAULT.
 */
static long set_name(uaddr_t from)
{
	char name[sizeof(current->comm)] = { 0 };
	ssize_t n = strncpy_from_user(name, from, sizeof(name) - 1);

	if (n < 0)
		return -EFAULT;
	name[sizeof(name) - 1] = 0;
	spin_lock(&current->alloc_lock);
	memcpy(current->comm, name, sizeof(name));
	spin_unlock(&current->alloc_lock);
	proc_event_comm(current);
	return 0;
}

static long get_name(uaddr_t to)
{
	char name[sizeof(current->comm)] = { 0 };

	strscpy(name, current->comm, sizeof(name));
	return copy_to_user(to, name, sizeof(name)) ? -EFAULT : 0;
}

static long set_pdeathsig(u64 sig)
{
	if (sig > NSIG_MAX)
		return -EINVAL;
	current->pdeath_signal = (int)sig;
	return 0;
}

static long set_dumpable_by_user(u64 mode)
{
	if (mode > 1)
		return -EINVAL;
	set_dumpable(current->mm, (u32)mode);
	return 0;
}

/*
 * Marks all descendants of the subreaper @top, since an exiting task looks for a subreaper only if
 * the task is marked.
 */
static void mark_descendants(struct task *top)
{
	struct task *p, *up;

	for_each_process(p) {
		for (up = p->real_parent; !(up->flags & PF_KTHREAD); up = up->real_parent)
			if (same_thread_group(up, top)) {
				p->signal->has_child_subreaper = true;
				break;
			}
	}
}

static long set_subreaper(u64 on)
{
	write_lock(&tasklist_lock);
	current->signal->is_child_subreaper = on;
	if (on)
		mark_descendants(current);
	write_unlock(&tasklist_lock);
	return 0;
}

static long set_no_new_privs(u64 on, u64 a3, u64 a4, u64 a5)
{
	if (on != 1 || a3 || a4 || a5)
		return -EINVAL;
	current->no_new_privs = true;
	return 0;
}

static long set_timer_slack(u64 ns)
{
	if (current->policy == SCHED_FIFO || current->policy == SCHED_RR)
		return 0;
	current->timer_slack_ns = ns ? ns : current->default_timer_slack_ns;
	return 0;
}

/* Stores the policy for a process whose memory fails. The machine reports no such failures. */
static long set_mce_kill(u64 what, u64 policy, u64 a4, u64 a5)
{
	u32 bits = 0;

	if (a4 || a5)
		return -EINVAL;
	switch (what) {
	case PR_MCE_KILL_CLEAR:
		if (policy)
			return -EINVAL;
		break;
	case PR_MCE_KILL_SET:
		if (policy == PR_MCE_KILL_EARLY)
			bits = PRCTL_MCE_PROCESS | PRCTL_MCE_EARLY;
		else if (policy == PR_MCE_KILL_LATE)
			bits = PRCTL_MCE_PROCESS;
		else if (policy != PR_MCE_KILL_DEFAULT)
			return -EINVAL;
		break;
	default: return -EINVAL;
	}
	current->prctl_bits &= ~(u32)(PRCTL_MCE_PROCESS | PRCTL_MCE_EARLY);
	current->prctl_bits |= bits;
	return 0;
}

static long get_mce_kill(void)
{
	u32 bits = current->prctl_bits;

	if (!(bits & PRCTL_MCE_PROCESS))
		return PR_MCE_KILL_DEFAULT;
	return bits & PRCTL_MCE_EARLY ? PR_MCE_KILL_EARLY : PR_MCE_KILL_LATE;
}

static long set_io_flusher(u64 on, u64 a3, u64 a4, u64 a5)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (on > 1 || a3 || a4 || a5)
		return -EINVAL;
	current->prctl_bits &= ~(u32)PRCTL_IO_FLUSHER;
	current->prctl_bits |= on ? PRCTL_IO_FLUSHER : 0;
	return 0;
}

static long get_io_flusher(bool args)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return args ? -EINVAL : !!(current->prctl_bits & PRCTL_IO_FLUSHER);
}

/*
 * Serves PR_SET_THP_DISABLE. @args: the caller has set an argument that must be 0. Returns 0,
 * -EINVAL, or -EINTR if current is being killed.
 */
static long set_thp_disable(u64 on, bool args)
{
	struct mm *mm = current->mm;

	if (args)
		return -EINVAL;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	mm->thp_disabled = on;
	up_write(&mm->mmap_lock);
	return 0;
}

/* Reports the CPU's mitigations, which the host controls and a guest cannot change. */
static long speculation(u64 which, u64 value, bool set)
{
	if (which > PR_SPEC_L1D_FLUSH)
		return -ENODEV;
	if (!set)
		return PR_SPEC_ENABLE;
	return value == PR_SPEC_ENABLE || value == PR_SPEC_DISABLE ||
			       value == PR_SPEC_FORCE_DISABLE || value == PR_SPEC_DISABLE_NOEXEC ?
		       -ENXIO :
		       -ERANGE;
}

#define MDWE_REFUSE_EXEC_GAIN_ 1
#define MDWE_NO_INHERIT_ 2

/*
 * Sets the MDWE bits, which cannot be changed afterwards. @args: the call has superfluous
 * arguments.
 */
static long set_mdwe(u64 bits, bool args)
{
	struct mm *mm = current->mm;

	if (args || bits & ~(u64)(MDWE_REFUSE_EXEC_GAIN_ | MDWE_NO_INHERIT_))
		return -EINVAL;
	if (bits == MDWE_NO_INHERIT_)
		return -EINVAL;
	if (mm->mdwe && mm->mdwe != bits)
		return -EPERM;
	mm->mdwe = (u8)bits;
	return 0;
}

static long put_int(uaddr_t to, int v)
{
	return put_user(v, to);
}

/*
 * Sets whether rdtsc traps. The trap needs the host's support, without which the kernel would not
 * notice an rdtsc.
 */
static long set_tsc(u64 mode)
{
	if (mode != PR_TSC_ENABLE && (mode != PR_TSC_SIGSEGV || !arch_tsc_may_trap))
		return -EINVAL;
	current->no_tsc = mode == PR_TSC_SIGSEGV;
	return 0;
}

/* Number of XSAVE components that Linux knows; the last is APX's registers. */
#define XCOMP_MAX 20

/* Newer than the headers of the build. */
#define PR_GET_AUXV_ 0x41555856

/*
 * Copies as much of the auxiliary vector as fits in @room bytes. Returns the vector's whole length
 * in bytes, or -EFAULT.
 */
static long get_auxv(uaddr_t to, u64 room)
{
	const struct mm *mm = current->mm;
	u64 size = mm->nr_auxv * sizeof(mm->auxv[0]);

	return copy_to_user(to, mm->auxv, min(size, room)) ? -EFAULT : (long)size;
}

long sys_prctl(int option, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct task *t = current;

	switch (option) {
	case PR_SET_PDEATHSIG: return set_pdeathsig(a2);
	case PR_GET_PDEATHSIG: return put_int(UADDR(a2), t->pdeath_signal);
	case PR_GET_DUMPABLE: return t->mm->dump_mode;
	case PR_SET_DUMPABLE: return set_dumpable_by_user(a2);
	case PR_GET_KEEPCAPS: return !!(current_cred()->securebits & (1 << 4));
	case PR_SET_KEEPCAPS: return prctl_set_keepcaps(a2);
	case PR_GET_TIMING: return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING: return a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_SET_NAME: return set_name(UADDR(a2));
	case PR_GET_NAME: return get_name(UADDR(a2));
	case PR_GET_SECCOMP: return seccomp_mode(t);
	case PR_SET_SECCOMP: return prctl_set_seccomp(a2, UADDR(a3));
	case PR_CAPBSET_READ:
		return a2 <= CAP_LAST_CAP ? !!(current_cred()->cap_bset & CAP_BIT(a2)) : -EINVAL;
	case PR_CAPBSET_DROP: return prctl_capbset_drop(a2);
	case PR_GET_TSC: return put_int(UADDR(a2), t->no_tsc ? PR_TSC_SIGSEGV : PR_TSC_ENABLE);
	case PR_SET_TSC: return set_tsc(a2);
	case PR_GET_SECUREBITS: return current_cred()->securebits;
	case PR_SET_SECUREBITS: return prctl_set_securebits(a2);
	case PR_SET_TIMERSLACK: return set_timer_slack(a2);
	case PR_GET_TIMERSLACK: return (long)t->timer_slack_ns;
	case PR_SET_MM: return prctl_set_mm(a2, a3, a4, a5);
	case PR_SET_CHILD_SUBREAPER: return set_subreaper(a2);
	case PR_GET_CHILD_SUBREAPER: return put_int(UADDR(a2), t->signal->is_child_subreaper);
	case PR_SET_NO_NEW_PRIVS: return set_no_new_privs(a2, a3, a4, a5);
	case PR_GET_NO_NEW_PRIVS: return a2 || a3 || a4 || a5 ? -EINVAL : t->no_new_privs;
	case PR_GET_TID_ADDRESS: return put_user(t->clear_child_tid, UADDR(a2));
	case PR_TASK_PERF_EVENTS_DISABLE: perf_switch_own(false); return 0;
	case PR_TASK_PERF_EVENTS_ENABLE: perf_switch_own(true); return 0;
	case PR_GET_AUXV_: return a4 || a5 ? -EINVAL : get_auxv(UADDR(a2), a3);
	case PR_MCE_KILL: return set_mce_kill(a2, a3, a4, a5);
	case PR_MCE_KILL_GET: return a2 || a3 || a4 || a5 ? -EINVAL : get_mce_kill();
	case PR_SET_IO_FLUSHER: return set_io_flusher(a2, a3, a4, a5);
	case PR_GET_IO_FLUSHER: return get_io_flusher(a2 || a3 || a4 || a5);
	case PR_SET_THP_DISABLE: return set_thp_disable(a2, a3 || a4 || a5);
	case PR_GET_THP_DISABLE: return a2 || a3 || a4 || a5 ? -EINVAL : t->mm->thp_disabled;
	case PR_GET_SPECULATION_CTRL: return a3 || a4 || a5 ? -EINVAL : speculation(a2, 0, false);
	case PR_SET_SPECULATION_CTRL: return a4 || a5 ? -EINVAL : speculation(a2, a3, true);
	case PR_SET_SYSCALL_USER_DISPATCH: return user_dispatch_set(current, a2, a3, a4, a5);
	case 65: return set_mdwe(a2, a3 || a4 || a5); /* PR_SET_MDWE */
	case 66: return a2 || a3 || a4 || a5 ? -EINVAL : t->mm->mdwe;
	case 67: return a3 || a4 || a5 ? -EINVAL : ksm_set_all(t->mm, a2); /* PR_SET_MEMORY_MERGE */
	case 68: return a2 || a3 || a4 || a5 ? -EINVAL : t->mm->merge_all;
	case PR_CAP_AMBIENT: return a4 || a5 ? -EINVAL : prctl_cap_ambient(a2, a3);
	}
	return -EINVAL;
}

/* ---- x86's own ---- */

long sys_arch_prctl(int option, u64 addr)
{
	struct regs *r = task_regs(current);

	switch (option) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (addr >= arch_task_size())
			return -EPERM;
		*(option == ARCH_SET_FS ? &r->fs_base : &r->gs_base) = addr;
		*(option == ARCH_SET_FS ? &r->fs : &r->gs) = 0;
		r->own_gs |= option == ARCH_SET_GS;
		return 0;
	case ARCH_GET_FS: return put_user(r->fs_base, UADDR(addr));
	case ARCH_GET_GS: return put_user(r->gs_base, UADDR(addr));
	case ARCH_GET_XCOMP_SUPP:
	case ARCH_GET_XCOMP_PERM: return put_user(arch_xfeatures(), UADDR(addr));
	/*
	 * AMX's tiles are refused as on a CPU without AMX, since a signal frame has no room for
	 * them.
	 */
	case ARCH_REQ_XCOMP_PERM: return addr < XCOMP_MAX ? -EOPNOTSUPP : -EINVAL;
	case ARCH_GET_CPUID: return 1;
	case ARCH_SET_CPUID: return -ENODEV;
	}
	return -EINVAL;
}

long sys_personality(u32 persona)
{
	u32 old = current->personality;

	if (persona != 0xffffffff)
		current->personality = persona;
	return old;
}

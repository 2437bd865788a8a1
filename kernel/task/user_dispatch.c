/* SPDX-License-Identifier: MIT */
/*
 * user_dispatch.c: Syscall User Dispatch (prctl's PR_SET_SYSCALL_USER_DISPATCH): a thread gets SIGSYS for calls from outside of one range
 * of its text while a byte of its own says so. For programs that run foreign code: wine, emulators.
 *
 * A thread's own; a child begins without, exec takes it away. The byte is read at each call from outside of the range.
 * Locks: none, all is current's.
 */
#include <linux/audit.h>
#include <linux/prctl.h>

#include "kernel/task/internal.h"

#define SYS_USER_DISPATCH_CODE 2

void user_dispatch_clear(struct task *t)
{
	clear_bit(TIF_USER_DISPATCH, &t->work_flags);
	t->dispatch_offset = t->dispatch_len = t->dispatch_selector = 0;
}

long user_dispatch_set(u64 mode, u64 offset, u64 len, u64 selector)
{
	if (mode == PR_SYS_DISPATCH_OFF) {
		if (offset || len || selector)
			return -EINVAL;
		user_dispatch_clear(current);
		return 0;
	}
	if (mode != PR_SYS_DISPATCH_ON || (offset && offset + len <= offset))
		return -EINVAL;
	if (selector >= arch_task_size())
		return -EFAULT;
	current->dispatch_offset = offset;
	current->dispatch_len = len;
	current->dispatch_selector = selector;
	set_bit(TIF_USER_DISPATCH, &current->work_flags);
	return 0;
}

static void send_sigsys(struct regs *r)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGSYS;
	info.si_code = SYS_USER_DISPATCH_CODE;
	info.si_call_addr = (void *)r->rip;
	info.si_arch = AUDIT_ARCH_X86_64;
	info.si_syscall = (int)r->orig_rax;
	r->rax = r->orig_rax;
	force_sig_info(&info);
}

bool user_dispatch_takes(struct regs *r)
{
	struct task *t = current;
	u8 state;

	if (r->rip - t->dispatch_offset < t->dispatch_len)
		return false;
	if (t->dispatch_selector) {
		if (get_user(state, UADDR(t->dispatch_selector))) {
			force_fatal_sig(SIGSEGV);
			return true;
		}
		if (state == SYSCALL_DISPATCH_FILTER_ALLOW)
			return false;
		if (state != SYSCALL_DISPATCH_FILTER_BLOCK) {
			force_fatal_sig(SIGSYS);
			return true;
		}
	}
	send_sigsys(r);
	return true;
}

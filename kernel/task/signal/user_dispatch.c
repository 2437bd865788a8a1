/* SPDX-License-Identifier: MIT */
/*
 * user_dispatch.c: Syscall User Dispatch (prctl's PR_SET_SYSCALL_USER_DISPATCH): while a byte in
 * its memory is SYSCALL_DISPATCH_FILTER_BLOCK, a thread gets SIGSYS for calls from outside (or from
 * inside) one range of its text. Wine and emulators use it to run foreign code.
 *
 * The setting belongs to a thread; a child starts without it, and exec removes it. The byte is read
 * at each call that would cause SIGSYS.
 * Locks: none, since current alone uses the setting. A tracer sets it
 * (PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG) while the thread is stopped.
 */
#include <linux/audit.h>
#include <linux/prctl.h>

#include "kernel/task/internal.h"

#define SYS_USER_DISPATCH_CODE 2
#define INCLUSIVE_ON 2 /* PR_SYS_DISPATCH_INCLUSIVE_ON, Linux 6.17 */

void user_dispatch_clear(struct task *t)
{
	clear_bit(TIF_USER_DISPATCH, &t->work_flags);
	t->dispatch_offset = t->dispatch_len = t->dispatch_selector = 0;
}

long user_dispatch_set(struct task *t, u64 mode, u64 offset, u64 len, u64 selector)
{
	if (mode == PR_SYS_DISPATCH_OFF) {
		if (offset || len || selector)
			return -EINVAL;
		user_dispatch_clear(t);
		return 0;
	}
	if (mode != PR_SYS_DISPATCH_ON && mode != INCLUSIVE_ON)
		return -EINVAL;
	if ((offset || mode == INCLUSIVE_ON) && offset + len <= offset)
		return -EINVAL;
	/* Calls are allowed from outside the given range: store the complement. */
	if (mode == INCLUSIVE_ON) {
		offset += len;
		len = -len;
	}
	if (selector >= arch_task_size())
		return -EFAULT;
	t->dispatch_offset = offset;
	t->dispatch_len = len;
	t->dispatch_selector = selector;
	set_bit(TIF_USER_DISPATCH, &t->work_flags);
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

/* Newer than the headers of the build. */
struct dispatch_config {
	u64 mode, selector, offset, len;
};

long user_dispatch_ptrace(struct task *t, u32 request, u64 size, uaddr_t data)
{
	struct dispatch_config c;

	if (size != sizeof(c))
		return -EINVAL;
	if (request == PTRACE_SET_DISPATCH) {
		if (copy_from_user(&c, data, sizeof(c)))
			return -EFAULT;
		return user_dispatch_set(t, c.mode, c.offset, c.len, c.selector);
	}
	c = (struct dispatch_config){
		.mode = test_bit(TIF_USER_DISPATCH, &t->work_flags) ? PR_SYS_DISPATCH_ON :
								      PR_SYS_DISPATCH_OFF,
		.selector = t->dispatch_selector,
		.offset = t->dispatch_offset,
		.len = t->dispatch_len,
	};
	return copy_to_user(data, &c, sizeof(c)) ? -EFAULT : 0;
}

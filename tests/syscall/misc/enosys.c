/* SPDX-License-Identifier: MIT */
/* Numbers that are no system call, the x32 bit, and calls that Linux removed. */
#include "t.h"

TEST(enosys)
{
	T(syscall(340)); /* 335 and 336 are taken since Linux 6.11 */
	T(syscall(400));
	T(syscall(0x40000000 | SYS_getpid));
	T(syscall(100000));
	T(syscall(-1));
	T(syscall(SYS__sysctl, NULL));
	T(syscall(SYS_create_module, NULL, 0));
	T(syscall(SYS_get_kernel_syms, NULL));
	T(syscall(SYS_query_module, NULL, 0, NULL, 0, NULL));
	T(syscall(SYS_nfsservctl, 0, NULL, NULL));
	T(syscall(SYS_getpmsg));
	T(syscall(SYS_putpmsg));
	T(syscall(SYS_afs_syscall));
	T(syscall(SYS_tuxcall));
	T(syscall(SYS_security));
	T(syscall(SYS_vserver));
	T(syscall(SYS_set_thread_area, NULL));
	T(syscall(SYS_get_thread_area, NULL));
	T(syscall(SYS_epoll_ctl_old));
	T(syscall(SYS_epoll_wait_old));
	/* only the low half of rax is the number */
	{
		long r;

		__asm__ volatile("syscall"
				 : "=a"(r)
				 : "a"(0x100000000ul + SYS_getpid)
				 : "rcx", "r11", "memory");
		say("upper half ignored: %d", r == getpid());
	}
	/* rcx and r11 are lost, all other registers stay */
	{
		unsigned long rcx = 1, r11 = 2, rdx = 3, rax = SYS_getpid;

		__asm__ volatile("mov %2, %%rdx\n\tsyscall\n\tmov %%rdx, %2\n\tmov %%rcx, "
				 "%1\n\tmov %%r11, %3"
				 : "+a"(rax), "=r"(rcx), "+r"(rdx), "=r"(r11)
				 :
				 : "rcx", "r11", "memory");
		say("rdx %lu, rcx is an address %d, r11 has the flags %d", rdx, rcx > 4096,
			(r11 & 2) == 2);
	}
}

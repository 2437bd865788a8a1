/* SPDX-License-Identifier: MIT */
/* rt_sigreturn(2): a flag that the frame does not set, NT, stays as it is. */
#include "lacks.h"

#define NT "0x4000"

/* True if the flag is still set after a call, and with @signal after a signal, too. */
static bool kept(bool signal)
{
	long nr = signal ? SYS_kill : SYS_getppid;
	uint64_t after;

	__asm__ volatile("pushfq\n\torq $" NT ", (%%rsp)\n\tpopfq\n\tsyscall\n\t"
			 "pushfq\n\tpop %0\n\tpushfq\n\tandq $~" NT ", (%%rsp)\n\tpopfq"
			 : "=&r"(after), "+a"(nr)
			 : "D"(getpid()), "S"(SIGUSR1)
			 : "rcx", "r11", "memory", "cc");
	return after & 0x4000;
}

static void nothing(int sig)
{
}

TEST(rt_sigreturn_nt)
{
	if (!in_guest() && !kept(false))
		HOST_LACKS("flag of a nested task after a call");
	signal(SIGUSR1, nothing);
	say("kept by a call: %d, by a signal: %d", kept(false), kept(true));
}

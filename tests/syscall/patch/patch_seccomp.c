/* SPDX-License-Identifier: MIT */
/*
 * patch_seccomp: a filter of the program also covers sites that were hot before, and gets their
 * addresses.
 */
#include "site.h"
#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <ucontext.h>

SITE(filter_getppid, 110);
SITE(filter_getuid, 102);
SITE(filter_getgid, 104);

static long trapped, right_place;

static void on_sys(int sig, siginfo_t *si, void *arg)
{
	greg_t *g = ((ucontext_t *)arg)->uc_mcontext.gregs;

	trapped++;
	right_place += si->si_syscall == 104 && g[REG_RAX] == 104 &&
		       si->si_call_addr == (char *)filter_getgid + SITE_AFTER &&
		       g[REG_RIP] == (greg_t)filter_getgid + SITE_AFTER;
	g[REG_RAX] = 4711;
}

/* Installs a filter: getppid fails, getgid traps, getuid fails unless called from the site. */
static void install(void)
{
	uint32_t after = (uint32_t)(uintptr_t)filter_getuid + SITE_AFTER;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 110, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 104, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, after, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EILSEQ),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

TEST(patch_seccomp)
{
	struct sigaction sa = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	uid_t uid;

	NEED(sigaction(SIGSYS, &sa, NULL));
	say("heating: %ld wrong", site_heat((void *)filter_getppid, getppid()) +
					  site_heat((void *)filter_getuid, getuid()) +
					  site_heat((void *)filter_getgid, getgid()));
	uid = getuid();
	install();
	say("refused: %ld wrong", site_heat((void *)filter_getppid, -EXDEV));
	say("by its place: %ld wrong", site_heat((void *)filter_getuid, uid));
	T(syscall(SYS_getuid));
	say("trapped: %ld wrong", site_heat((void *)filter_getgid, 4711));
	say("%ld, of these as they should be %ld", trapped, right_place);
	CHILD(_exit(site_heat((void *)filter_getppid, -EXDEV) != 0));
}

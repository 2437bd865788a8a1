/* SPDX-License-Identifier: MIT */
/*
 * space_caps.c: what the host offers to spaces: the size of the FPU's state, seccomp, FSGSBASE, the top of the address space. Each is tried
 * rather than asked for; os_space.h is the contract.
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "os-linux/os_space.h"

static struct {
	uint32_t size;
	uint64_t features;
} xstate_seen;

/* The frame of a signal says how large the host's xsave area is (struct _fpx_sw_bytes at 464). */
static void see_xstate(int sig, siginfo_t *info, void *context)
{
	const char *fp = (const char *)((ucontext_t *)context)->uc_mcontext.fpregs;
	uint32_t magic, size;

	(void)sig;
	(void)info;
	memcpy(&magic, fp + 464, 4);
	memcpy(&size, fp + 480, 4);
	memcpy(&xstate_seen.features, fp + 472, 8);
	xstate_seen.size = magic == 0x46505853 ? size : 512;
}

uint32_t os_space_xstate(uint64_t *features)
{
	struct sigaction sa = { .sa_sigaction = see_xstate, .sa_flags = SA_SIGINFO }, old;
	sigset_t set, old_set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaction(SIGUSR2, &sa, &old);
	pthread_sigmask(SIG_UNBLOCK, &set, &old_set);
	pthread_kill(pthread_self(), SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &old_set, NULL);
	sigaction(SIGUSR2, &old, NULL);
	*features = xstate_seen.features;
	return xstate_seen.size;
}

/* A child tries it: a filter cannot be taken off again. */
static bool seccomp_works(void)
{
	struct {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} insn = { 0x06, 0, 0, 0x7fff0000 };
	struct {
		uint16_t len;
		const void *filter;
	} prog = { 1, &insn };
	uint32_t trap = 0x00030000;
	int status;
	pid_t pid;

	if (syscall(SYS_seccomp, 2 /* GET_ACTION_AVAIL */, 0, &trap))
		return false;
	pid = vfork();
	if (!pid) {
		syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0);
		_exit(syscall(SYS_seccomp, 1 /* SET_MODE_FILTER */, 4 /* SPEC_ALLOW */, &prog) !=
			0);
	}
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}

/*
 * A host that lends gs base to somebody else while nobody asks for it (an instance around us) does not offer FSGSBASE, but has it:
 * a child asks by arch_prctl and tries.
 */
static bool fsgsbase_works(void)
{
	struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid;

	if (getauxval(AT_HWCAP2) & 2)
		return true;
	pid = vfork();
	if (!pid) {
		uint64_t base;

		setrlimit(RLIMIT_CORE, &no_core);
		if (syscall(SYS_arch_prctl, ARCH_SET_GS, 0))
			_exit(1);
		__asm__ volatile("rdgsbase %0; wrgsbase %0" : "=r"(base));
		_exit(base != 0);
	}
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}

/* Reads nothing. Writing even an empty entry would give this process an LDT, which every switch to it then loads. */
static bool ldt_works(void)
{
	return syscall(SYS_modify_ldt, 0, NULL, 0) == 0;
}

unsigned os_space_caps(void)
{
	unsigned caps = 0;

	if (seccomp_works())
		caps |= OS_SPACE_SECCOMP;
	if (fsgsbase_works())
		caps |= OS_SPACE_FSGSBASE;
	if (__builtin_cpu_supports("bmi2"))
		caps |= OS_SPACE_BMI2;
	if (ldt_works())
		caps |= OS_SPACE_LDT;
	return caps;
}

/* Can the page at @addr be mapped, or is it already? */
static bool mappable(uint64_t addr)
{
	void *p = mmap((void *)addr, 4096, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		return errno == EEXIST;
	munmap(p, 4096);
	return p == (void *)addr;
}

uint64_t os_space_top(void)
{
	uint64_t low = 1UL << 32, high = 1UL << 47; /* low is mappable, high is not */

	while (high - low > 4096) {
		uint64_t mid = (low + (high - low) / 2) & ~4095UL;

		if (mappable(mid))
			low = mid;
		else
			high = mid;
	}
	return high;
}

/* SPDX-License-Identifier: MIT */
/*
 * space_caps.c: the capabilities of the host that spaces use: the size of the FPU's state, iretq,
 * FSGSBASE, seccomp, the top of the address space. Each is found by a trial; os_space.h is the
 * contract.
 *
 * A trial may install things that cannot be removed, and may execute a faulting instruction. So
 * trials run in a child with this process's memory and stack, but with a signal table of its own.
 * If the host refuses an instruction or a call with a signal, only the current trial ends. If the
 * host kills the child, the capabilities found until then count.
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "os-linux/os.h"
#include "os-linux/os_space.h"

#define FX_SIZE 512
/* struct _fpx_sw_bytes, in the FPU state of a signal frame */
#define SW_MAGIC 464
#define SW_FEATURES 472
#define SW_SIZE 480
#define XSTATE_MAGIC 0x46505853
#define HWCAP2_FSGSBASE 2
#define GS_TRIAL 0x1000
#define CPUID_HYPERVISOR (1U << 31) /* leaf 1, ecx */
#define CPUID_HYPERVISOR_NAME 0x40000000
#define CPUID_SMAP (1U << 20) /* leaf 7, ebx */

/* Written by the child, which shares memory with its parent; read when the child has ended. */
static volatile struct os_space_host seen;
static volatile bool no_return; /* a signal handler could not return */
static sigjmp_buf refused;

static void on_refusal(int sig)
{
	(void)sig;
	siglongjmp(refused, 1);
}

/* Returns the result of @works, or false if a signal ended it. */
static bool attempt(bool (*works)(void))
{
	return !sigsetjmp(refused, 1) && works();
}

/* Reads the size of the host's xsave area from a signal frame. */
static void see_xstate(int sig, siginfo_t *info, void *context)
{
	const char *fp = (const char *)((ucontext_t *)context)->uc_mcontext.fpregs;
	uint32_t magic, size;
	uint64_t features;

	(void)sig;
	(void)info;
	memcpy(&magic, fp + SW_MAGIC, sizeof(magic));
	memcpy(&size, fp + SW_SIZE, sizeof(size));
	memcpy(&features, fp + SW_FEATURES, sizeof(features));
	seen.xstate_size = magic == XSTATE_MAGIC ? size : FX_SIZE;
	seen.xfeatures = magic == XSTATE_MAGIC ? features : 0;
}

/* True if a signal arrived and its frame was read. */
static bool xstate_is_seen(void)
{
	struct sigaction sa = { .sa_sigaction = see_xstate, .sa_flags = SA_SIGINFO };

	sigaction(SIGURG, &sa, NULL);
	syscall(SYS_tgkill, getpid(), gettid(), SIGURG);
	return seen.xstate_size;
}

/* Returns the version of QEMU's machine type, 901 for 9.1, or 0 if it is unknown. */
static long qemu_version(void)
{
	char text[64] = "", *at, *rest;
	int fd = open("/sys/class/dmi/id/product_version", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	long major;

	if (fd >= 0)
		close(fd);
	at = n > 0 ? strrchr(text, '-') : NULL;
	if (!at)
		return 0;
	major = strtol(at + 1, &rest, 10);
	return major > 0 && major < 1000 && *rest == '.' ? major * 100 + atoi(rest + 1) : 0;
}

/*
 * True on a CPU that QEMU before 9.1 emulates with SMAP. Its iretq reads the frame with the
 * supervisor's rights, and the host's kernel handles the fault as one of its own: with an oops or a
 * panic. So iretq is not tried on such a CPU.
 */
static bool iret_is_dangerous(void)
{
	unsigned a, b, c, d, name[3];

	__cpuid(1, a, b, c, d); /* each CPU of 64 bits has this leaf */
	if (!(c & CPUID_HYPERVISOR))
		return false;
	__cpuid(CPUID_HYPERVISOR_NAME, a, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name)) &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & CPUID_SMAP && qemu_version() < 901;
}

/* True if iretq works in user mode. */
static bool iret_works(void)
{
	uint64_t ss, cs;

	if (iret_is_dangerous())
		return false;
	__asm__ volatile("mov %%ss, %0\n\t"
			 "mov %%cs, %1\n\t"
			 "mov %%rsp, %%rax\n\t"
			 "sub $128, %%rsp\n\t"
			 "push %0\n\t"
			 "push %%rax\n\t"
			 "pushfq\n\t"
			 "push %1\n\t"
			 "lea 1f(%%rip), %%rcx\n\t"
			 "push %%rcx\n\t"
			 "iretq\n"
			 "1:"
			 : "=&r"(ss), "=&r"(cs)
			 :
			 : "rax", "rcx", "memory", "cc");
	return true;
}

static bool gs_base_survives(uint64_t base, long ns)
{
	struct timespec pause = { .tv_nsec = ns };
	uint64_t now;

	__asm__ volatile("wrgsbase %0" : : "r"(base));
	syscall(SYS_nanosleep, &pause, NULL);
	__asm__ volatile("rdgsbase %0" : "=r"(now));
	return now == base;
}

/*
 * True if guests may use FSGSBASE.
 *
 * The outer instance of a nested one has FSGSBASE but does not announce it, since gs base belongs
 * to its stub until arch_prctl(2) is called. On other hosts the instructions work because a
 * hypervisor has allowed them, but the host's kernel does not know them, and loads the base of the
 * last arch_prctl(2) at each context switch. So the trial sleeps, long enough to be switched also
 * where an outer kernel waits for a while before it sleeps.
 */
static bool fsgsbase_works(void)
{
	static const long pauses[] = { 1000, 100000, 1000000 };

	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)
		return true;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, GS_TRIAL))
		return false;
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++)
		if (!gs_base_survives(2 * GS_TRIAL + i, pauses[i]))
			return false;
	return true;
}

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

	return !syscall(SYS_seccomp, 2 /* GET_ACTION_AVAIL */, 0, &trap) &&
	       !syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0) &&
	       !syscall(SYS_seccomp, 1 /* SET_MODE_FILTER */, 4 /* SPEC_ALLOW */, &prog);
}

/*
 * Tries modify_ldt(2) with an empty read. A write would give this process an LDT, which slows down
 * each context switch.
 */
static bool ldt_works(void)
{
	return syscall(SYS_modify_ldt, 0, NULL, 0) == 0;
}

static void catch_refusals(void)
{
	static const int by[] = { SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGSYS };
	struct sigaction sa = { .sa_handler = on_refusal };
	struct rlimit no_core = { 0, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		sigaction(by[i], &sa, NULL);
		sigaddset(&set, by[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
}

/* Runs all trials in the child. The filter comes last, since a host may kill the child for it. */
static void __attribute__((noreturn, noinline)) try_all(void)
{
	catch_refusals();
	no_return = !attempt(xstate_is_seen) && seen.xstate_size;
	if (attempt(iret_works))
		seen.caps |= OS_SPACE_IRET;
	if (attempt(fsgsbase_works))
		seen.caps |= OS_SPACE_FSGSBASE;
	if (attempt(ldt_works))
		seen.caps |= OS_SPACE_LDT;
	if (attempt(seccomp_works))
		seen.caps |= OS_SPACE_SECCOMP;
	_exit(0);
}

static __attribute__((noinline)) pid_t spawn(void)
{
	pid_t pid = vfork();

	if (!pid)
		try_all();
	return pid;
}

/*
 * True if the CPU has the instructions of BMI2. Does not use __builtin_cpu_supports(), whose
 * constructor executes some 14 cpuid at each start: on virtual machines each is an exit.
 */
static bool has_bmi2(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_BMI2;
}

int os_space_probe(struct os_space_host *host)
{
	pid_t pid = spawn();

	if (pid < 0)
		return os_refused("vfork", errno);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (no_return)
		return os_refused("rt_sigreturn", EPERM);
	*host = seen;
	if (has_bmi2())
		host->caps |= OS_SPACE_BMI2;
	return host->xstate_size ? 0 : -EPERM;
}

/* True if the page at @addr is mapped or can be. */
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
	uint64_t usual = high - 4096;               /* the end with four levels of tables */

	if (mappable(usual - 4096) && !mappable(usual))
		return usual;
	while (high - low > 4096) {
		uint64_t mid = (low + (high - low) / 2) & ~4095UL;

		if (mappable(mid))
			low = mid;
		else
			high = mid;
	}
	return high;
}

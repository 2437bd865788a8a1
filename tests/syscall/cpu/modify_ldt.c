/* SPDX-License-Identifier: MIT */
/*
 * modify_ldt: errors and results of all its functions, the table as it is read back; data segments
 * through gs, fs and ds, 32-bit code behind a far call, threads with selectors of their own, a
 * signal handler's frame, fork, exec, ptrace; segments that go away.
 */
#include "t.h"
#include <asm/ldt.h>
#include <setjmp.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <ucontext.h>

#define SEL(n) ((n) << 3 | 7)

static long ldt_call(long func, void *p, unsigned long n)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(SYS_modify_ldt), "D"(func), "S"(p), "d"(n)
			 : "rcx", "r11", "memory");
	return ret;
}

static long set(unsigned nr, unsigned base, unsigned limit, unsigned contents, int wide)
{
	struct user_desc d = { .entry_number = nr,
		.base_addr = base,
		.limit = limit,
		.contents = contents,
		.seg_32bit = wide,
		.useable = 1 };

	return ldt_call(0x11, &d, sizeof(d));
}

static long drop(unsigned nr)
{
	struct user_desc d = { .entry_number = nr, .read_exec_only = 1, .seg_not_present = 1 };

	return ldt_call(0x11, &d, sizeof(d));
}

static void show(const char *what)
{
	static unsigned long table[8192];
	long n;

	memset(table, 0x5a, sizeof(table));
	n = ldt_call(0, table, 10 * 8);
	printf("%s: %lx", what, n);
	for (int i = 0; i < 10; i++)
		printf(" %lx", table[i]);
	puts("");
}

static void errors(void)
{
	static unsigned long table[8300];
	struct user_desc d = { .entry_number = 3,
		.base_addr = 0x12345678,
		.limit = 0xabcde,
		.contents = 3,
		.useable = 1 };
	long n;

	printf("empty: %lx %lx\n", ldt_call(0, table, sizeof(table)), ldt_call(0, (void *)-1, 16));
	printf("default: %lx %lx %lx\n", ldt_call(2, table, 64), ldt_call(2, table, 1000),
		ldt_call(2, (void *)-1, 1));
	printf("function: %lx %lx %lx\n", ldt_call(3, table, 16), ldt_call(0x10, table, 16),
		ldt_call(-1, table, 16));
	printf("size: %lx %lx %lx\n", ldt_call(1, &d, 15), ldt_call(0x11, &d, 17),
		ldt_call(0x11, &d, 0));
	printf("address: %lx %lx\n", ldt_call(1, (void *)-1, 16), ldt_call(0x11, NULL, 16));
	printf("conforming: %lx %lx\n", ldt_call(1, &d, 16), ldt_call(0x11, &d, 16));
	d.entry_number = 8192;
	d.contents = 0;
	printf("number: %lx %lx\n", ldt_call(1, &d, 16), ldt_call(0x11, &d, 16));
	show("nothing was written");
	d.entry_number = 3;
	d.contents = 3;
	d.seg_not_present = 1;
	printf("not present: %lx %lx\n", ldt_call(1, &d, 16), ldt_call(0x11, &d, 16));
	show("written");
	for (int contents = 0; contents < 3; contents++)
		for (int bits = 0; bits < 32; bits++) {
			d = (struct user_desc){ .entry_number = bits & 7,
				.base_addr = 0x80ffee11,
				.limit = 0xfedcb,
				.contents = contents,
				.seg_32bit = bits & 1,
				.read_exec_only = bits >> 1 & 1,
				.limit_in_pages = bits >> 2 & 1,
				.seg_not_present = bits >> 3 & 1,
				.useable = bits >> 4 & 1,
				.lm = bits & 1 };
			ldt_call(bits & 1 ? 1 : 0x11, &d, sizeof(d));
			if ((bits & 7) == 7)
				show("bits");
		}
	d = (struct user_desc){ .entry_number = 5 };
	printf("old way of emptying: %lx\n", ldt_call(1, &d, 16));
	d.entry_number = 6;
	printf("which is none of the new one: %lx\n", ldt_call(0x11, &d, 16));
	printf("new way: %lx\n", drop(4));
	show("after that");
	memset(table, 0x77, 64);
	n = ldt_call(0, table, 12);
	printf("a part: %lx %lx %lx %lx\n", n, table[0], table[1], table[2]);
	n = ldt_call(0, table, sizeof(table));
	printf("all: %lx %lx %lx\n", n, table[8190], table[8192]);
	printf("read to nowhere: %lx\n", ldt_call(0, (void *)-1, 16));
	printf("the last: %lx\n", set(8191, 1, 2, 0, 1));
	ldt_call(0, table, sizeof(table));
	printf("is there: %lx\n", table[8191]);
	for (int i = 0; i < 8; i++)
		drop(i);
	drop(8191);
}

/* ---- data ---- */

static unsigned *low; /* below 4 GiB */
static sigjmp_buf back;
static volatile sig_atomic_t got, code;
static volatile unsigned long handler_gs, handler_cs;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	unsigned gs;

	__asm__ volatile("mov %%gs, %0" : "=r"(gs));
	handler_gs = gs;
	handler_cs = uc->uc_mcontext.gregs[REG_CSGSFS] & 0xffff;
	got = sig;
	code = info->si_code;
	siglongjmp(back, 1);
}

static void catch (int sig)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaction(sig, &sa, NULL);
}

static unsigned from_gs(unsigned sel, unsigned at)
{
	unsigned v, old;

	__asm__ volatile("mov %%gs, %1; mov %2, %%gs; mov %%gs:(%q3), %0; mov %1, %%gs"
			 : "=&r"(v), "=&r"(old)
			 : "r"(sel), "r"(at));
	return v;
}

static int try_gs(unsigned sel, unsigned at, unsigned *v)
{
	got = 0;
	if (!sigsetjmp(back, 1))
		*v = from_gs(sel, at);
	__asm__ volatile("mov %0, %%gs" : : "r"(0));
	return got;
}

static void data(void)
{
	unsigned v = 0, base = (unsigned)(unsigned long)low, sel, other;

	low[0] = 4711;
	low[100] = 4812;
	printf("set: %lx\n", set(0, base, 0xfff, 0, 1));
	printf("gs:0 %u, gs:400 %u\n", from_gs(SEL(0), 0), from_gs(SEL(0), 400));
	printf("moved: %lx\n", set(0, base + 400, 0xfff, 0, 1));
	printf("gs:0 %u\n", from_gs(SEL(0), 0));
	printf("no segment: %d\n", try_gs(SEL(1), 0, &v));
	drop(0);
	printf("taken away: %d\n", try_gs(SEL(0), 0, &v));
	set(2, base, 0, 0, 1);
	__asm__ volatile("mov %0, %%gs" : : "r"(SEL(2)));
	for (int i = 0; i < 50; i++)
		getppid();
	__asm__ volatile("mov %%gs, %0; mov %%gs:0, %1" : "=r"(sel), "=r"(v));
	printf("over system calls: %x %u\n", sel, v);
	raise(SIGURG);
	sched_yield();
	usleep(1000);
	__asm__ volatile("mov %%gs, %0; mov %%gs:0, %1" : "=r"(sel), "=r"(v));
	printf("over a sleep: %x %u\n", sel, v);
	__asm__ volatile("mov %2, %%ds; mov %2, %%es; mov %%ds, %0"
			 : "=r"(sel)
			 : "0"(0), "r"(SEL(2)));
	getppid();
	usleep(1000);
	__asm__ volatile("mov %%ds, %0; mov %%es, %1" : "=r"(sel), "=r"(other));
	printf("ds and es: %x %x\n", sel, other);
	got = 0;
	if (!sigsetjmp(back, 1))
		*(volatile unsigned *)(low + 4096) = 1;
	printf("a fault, and gs in the handler: %d %lx\n", got, handler_gs);
	drop(2);
	usleep(1000);
	__asm__ volatile("mov %%ds, %0; mov %%es, %1" : "=r"(sel), "=r"(other));
	printf("without their segment: %x %x\n", sel, other);
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%gs" : : "r"(0));
}

/* ---- 32-bit code ---- */

struct far {
	unsigned offset;
	unsigned short sel;
} __attribute__((packed));

/* Calls @offset of segment @sel with @a in eax, on a stack below 4 GiB. */
static unsigned far_call(unsigned sel, unsigned offset, unsigned a)
{
	struct far *f = (struct far *)(low + 900);
	unsigned long top = (unsigned long)(low + 800);

	*f = (struct far){ offset, (unsigned short)sel };
	__asm__ volatile("mov %%rsp, %%r12; mov %1, %%rsp; lcall *(%2); mov %%r12, %%rsp"
			 : "+a"(a)
			 : "r"(top), "r"(f)
			 : "r12", "rcx", "rdx", "memory", "cc");
	return a;
}

static void far_code(void)
{
	/* mov %cs,%edx; inc %eax; lea (%eax,%eax,2),%eax; lret */
	static const unsigned char text[] = { 0x8c, 0xca, 0x40, 0x8d, 0x04, 0x40, 0xcb, 0x0f,
		0x0b,                                 /* ud2 */
		0x49, 0x75, 0xfd, 0x8c, 0xc8, 0xcb }; /* 9: dec %ecx; jnz; mov %cs,%eax; lret */
	unsigned base;

	memcpy(low + 200, text, sizeof(text));
	base = (unsigned)(unsigned long)(low + 200);
	printf("code: %lx\n", set(1, base, 0xfff, 2, 1));
	printf("32-bit code: %u\n", far_call(SEL(1), 0, 6));
	got = 0;
	if (!sigsetjmp(back, 1))
		far_call(SEL(1), 7, 0);
	printf("a trap in it: %d code %d, cs %lx\n", got, code, handler_cs);
	got = 0;
	if (!sigsetjmp(back, 1))
		far_call(SEL(1), 0x2000, 0);
	printf("beyond its limit: %d\n", got);
	got = 0;
	drop(1);
	if (!sigsetjmp(back, 1))
		far_call(SEL(1), 0, 0);
	printf("none: %d\n", got);
}

/* A timer's signals strike in 32-bit code, whose cs and stack come back. */
static volatile sig_atomic_t ticks, ldt_ticks;

static void on_tick(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	ticks++;
	ldt_ticks += (uc->uc_mcontext.gregs[REG_CSGSFS] & 0xffff) == SEL(1);
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_sigaction = on_tick,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } }, none = { 0 };
	unsigned cs = 0;

	set(1, (unsigned)(unsigned long)(low + 200), 0xfff, 2, 1);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (int i = 0; i < 10000 && ldt_ticks < 5; i++) {
		struct far *f = (struct far *)(low + 900);
		unsigned long top = (unsigned long)(low + 800);

		*f = (struct far){ 9, SEL(1) };
		__asm__ volatile("mov %%rsp, %%r12; mov %1, %%rsp; mov $3000000, %%ecx; lcall "
				 "*(%2); mov %%r12, %%rsp"
				 : "=a"(cs)
				 : "r"(top), "r"(f)
				 : "r12", "rcx", "rdx", "memory", "cc");
	}
	setitimer(ITIMER_REAL, &none, NULL);
	printf("interrupted in 32-bit code, cs %x: %s\n", cs, ldt_ticks >= 5 ? "yes" : "no");
	drop(1);
}

/* ---- threads, fork, exec, ptrace ---- */

static int bad;
static pthread_barrier_t together;

static void *thread(void *arg)
{
	unsigned n = (unsigned)(unsigned long)arg, v, sel;

	set(n, (unsigned)(unsigned long)(low + 16 * n), 15, 0, 1);
	low[16 * n] = 1000 + n;
	pthread_barrier_wait(&together);
	__asm__ volatile("mov %0, %%gs; mov %0, %%es" : : "r"(SEL(n)));
	for (int i = 0; i < 300; i++) {
		sched_yield();
		if (i % 50 == 49)
			usleep(500);
		__asm__ volatile("mov %%gs:0, %0; mov %%es, %1" : "=r"(v), "=r"(sel));
		if (v != 1000 + n || sel != SEL(n))
			__atomic_fetch_add(&bad, 1, __ATOMIC_SEQ_CST);
	}
	__asm__ volatile("mov %0, %%gs; mov %0, %%es" : : "r"(0));
	return NULL;
}

static void threads(void)
{
	pthread_t t[6];

	pthread_barrier_init(&together, NULL, 6);
	for (unsigned long i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, thread, (void *)(10 + i));
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	printf("threads: %d bad\n", bad);
}

static void forked(void)
{
	unsigned v;
	int status;
	pid_t pid;

	set(3, (unsigned)(unsigned long)low, 0xfff, 0, 1);
	__asm__ volatile("mov %0, %%gs" : : "r"(SEL(3)));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
		printf("child: %u\n", v);
		set(3, (unsigned)(unsigned long)(low + 100), 0xfff, 0, 1);
		printf("its own: %u\n", from_gs(SEL(3), 0));
		fflush(stdout);
		execl("/proc/self/exe", "modify_ldt", "exec", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	printf("status %x, parent: %u\n", status, from_gs(SEL(3), 0));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		__asm__ volatile("mov %0, %%ds" : : "r"(SEL(3)));
		raise(SIGSTOP);
		__asm__ volatile("mov %%es, %0" : "=r"(v));
		_exit((int)v);
	}
	waitpid(pid, &status, 0);
	{
		struct user_regs_struct r;

		ptrace(PTRACE_GETREGS, pid, 0, &r);
		printf("tracer: ds %llx es %llx gs %llx\n", r.ds, r.es, r.gs);
		r.es = SEL(3);
		T(ptrace(PTRACE_SETREGS, pid, 0, &r));
		r.es = SEL(3) & ~3;
		T(ptrace(PTRACE_SETREGS, pid, 0, &r));
		ptrace(PTRACE_CONT, pid, 0, 0);
		waitpid(pid, &status, 0);
		printf("tracee: %x\n", status);
	}
}

TEST(modify_ldt)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	unsigned long word;

	if (t_argc > 1) {
		printf("after exec: %lx\n", ldt_call(0, &word, 8));
		return;
	}
	sigaltstack(&ss, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	low = mmap(NULL, 32768, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	mprotect(low + 4096, 16384, PROT_NONE);
	signal(SIGURG, SIG_IGN);
	catch (SIGSEGV);
	catch (SIGBUS);
	catch (SIGILL);
	errors();
	data();
	far_code();
	interrupted();
	threads();
	forked();
}

/* SPDX-License-Identifier: MIT */
/*
 * torture.c SECONDS: threads make calls through hot sites under signals, up to 1 kHz each, while
 * others map and unmap, make new sites and fork. Every register, the flags and all vector registers
 * are checked after every call. Prints "ok" and "NOT OK" lines; runs on the host or in a guest.
 *
 *	register threads   one call each (getppid, read, write, futex, epoll_wait) at a site of its
 *                         own in the text, with
 *	                   registers full of numbers that are compared afterwards; rcx and r11 as
 *	                   `syscall` leaves them
 *	library threads    the same calls through the C library, with floating-point numbers kept
 *                         across them
 *	mapper             maps, touches, protects, drops and unmaps; 64 KiB at a time
 *	maker              writes sites into fresh pages, calls them until they are hot and while a
 *                         second thread does,
 *	                   rewrites them, unmaps them
 *	forker             forks children that call hot sites, and vforks
 *	signals            SIGUSR1 to every register and library thread once a millisecond, where
 *                         the sender gets the CPU for it: on
 *	                   two CPUs some 200 a second arrive at each thread, on the host as in a
 *	                   guest
 *
 * The handler fills all vector registers, makes hot calls and looks at rip: it must be in the
 * program's own code.
 *
 * Locks: none. A worker's counters are its own; `stop` and the page of the maker are atomics.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define FLAGS_KEPT 0xcd5 /* CF PF AF ZF SF DF OF */
#define LIBRARY 2
#define STUCK_SECONDS 10

/* What torture_NAME() loads and stores. The assembler below uses these offsets. */
struct regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
	uint32_t mxcsr;
	uint16_t cw, pad;
	uint64_t pad2[7];
	uint8_t vec[32][64];
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct regs, mxcsr) == 128 && offsetof(struct regs, vec) == 192, "regs");

enum worker_kind {
	W_GETPPID,
	W_READ,
	W_WRITE,
	W_FUTEX,
	W_EPOLL,
	W_LIBRARY,
	W_LAST = W_LIBRARY + LIBRARY - 1,
	W_MAPPER,
	W_MAKER,
	W_FORKER,
	WORKERS
};

static const char *const names[WORKERS] = { "getppid", "read", "write", "futex", "epoll_wait",
	"library", "library", "mapper", "maker", "forker" };

struct worker {
	pthread_t thread;
	atomic_long rounds, signals;
	long result, gpr, rcx_r11, flags, vec, control, other;
	atomic_long bad_rip;
};

static struct worker workers[WORKERS];
static _Thread_local struct worker *self;
static atomic_bool stop;
static _Atomic(char *) made; /* the site that the maker calls now */
static int zero, null, epfd, word = 1;
static pid_t parent;
int torture_level; /* 0: xmm0-15; 1: ymm0-15; 2: zmm0-31 */

extern char __executable_start[], etext[];

/* ---- sites ---- */

#define VECTORS(op16, op32, op64)                                                                  \
	"cmpl $1, torture_level(%rip)\n\tja 2f\n\tje 1f\n\t"                                       \
	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t" op16 "\n\t.endr\n\tjmp 3f\n1:\n\t"     \
	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t" op32 "\n\t.endr\n\tjmp 3f\n2:\n\t"     \
	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,"    \
	"29,30,31\n\t" op64 "\n\t.endr\n3:\n\t"
#define LOAD                                                                                       \
	VECTORS("movdqu 192+64*\\n(%rdi), %xmm\\n", "vmovdqu 192+64*\\n(%rdi), %ymm\\n",           \
		"vmovdqu64 192+64*\\n(%rdi), %zmm\\n")
#define STORE                                                                                      \
	VECTORS("movdqu %xmm\\n, 192+64*\\n(%rcx)", "vmovdqu %ymm\\n, 192+64*\\n(%rcx)",           \
		"vmovdqu64 %zmm\\n, 192+64*\\n(%rcx)")

/*
 * Defines void torture_NAME(const struct regs *in, struct regs *out): loads *in, makes the call,
 * and stores all registers in *out.
 */
#define SITE(name, nr)                                                                             \
	void torture_##name(const struct regs *in, struct regs *out);                              \
	extern char torture_##name##_after[];                                                      \
	__asm__(".pushsection .text\n\t.balign 16\ntorture_" #name ":\n\t"                         \
		"push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"   \
		"push %rsi\n\tpush %rsi\n\tldmxcsr 128(%rdi)\n\tfldcw 132(%rdi)\n\t" LOAD          \
		"push 120(%rdi)\n\tpopfq\n\t"                                                      \
		"mov 8(%rdi), %rbx\n\tmov 24(%rdi), %rdx\n\tmov 32(%rdi), %rsi\n\t"                \
		"mov 48(%rdi), %rbp\n\tmov 56(%rdi), %r8\n\tmov 64(%rdi), %r9\n\t"                 \
		"mov 72(%rdi), %r10\n\tmov 88(%rdi), %r12\n\tmov 96(%rdi), %r13\n\t"               \
		"mov 104(%rdi), %r14\n\tmov 112(%rdi), %r15\n\tmov 40(%rdi), %rdi\n\t"             \
		"mov $" #nr ", %eax\n\tsyscall\n\t.globl torture_" #name "_after\n"                \
		"torture_" #name "_after:\n\t"                                                     \
		"mov %rcx, (%rsp)\n\tmov 8(%rsp), %rcx\n\t"                                        \
		"mov %rax, 0(%rcx)\n\tmov %rbx, 8(%rcx)\n\tmov %rdx, 24(%rcx)\n\t"                 \
		"mov %rsi, 32(%rcx)\n\tmov %rdi, 40(%rcx)\n\tmov %rbp, 48(%rcx)\n\t"               \
		"mov %r8, 56(%rcx)\n\tmov %r9, 64(%rcx)\n\tmov %r10, 72(%rcx)\n\t"                 \
		"mov %r11, 80(%rcx)\n\tmov %r12, 88(%rcx)\n\tmov %r13, 96(%rcx)\n\t"               \
		"mov %r14, 104(%rcx)\n\tmov %r15, 112(%rcx)\n\tpushfq\n\tpop 120(%rcx)\n\tcld\n\t" \
		"stmxcsr 128(%rcx)\n\tfnstcw 132(%rcx)\n\t" STORE                                  \
		"mov (%rsp), %rax\n\tmov %rax, 16(%rcx)\n\t"                                       \
		"add $16, %rsp\n\tpop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\t"    \
		"pop %rbx\n\tret\n\t.popsection")

SITE(getppid, 110);
SITE(read, 0);
SITE(write, 1);
SITE(futex, 202);
SITE(epoll, 232);

static int vectors(void)
{
	return torture_level == 2 ? 32 : 16;
}

static int vector_size(void)
{
	return torture_level == 2 ? 64 : torture_level ? 32 : 16;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* ---- register threads ---- */

static void fill(struct regs *r, uint64_t *seed)
{
	uint64_t *w = (uint64_t *)r, x;
	size_t i;

	for (i = 0; i < 15; i++)
		w[i] = next_random(seed);
	x = next_random(seed);
	for (i = 0; i < sizeof(r->vec) / 8; i++)
		((uint64_t *)r->vec)[i] = x + i * 0x9e3779b97f4a7c15;
	r->flags = 0x202 | (x & FLAGS_KEPT);
	r->mxcsr = 0x1f80 | (x >> 20 & 3) << 13;
	r->cw = 0x37f | (x >> 24 & 3) << 10;
}

/* Counts in @w what differs between *@in and *@out. @after: the address that rcx must hold. */
static void compare(struct worker *w, const struct regs *in, const struct regs *out, void *after)
{
	int i;

	w->gpr += in->rbx != out->rbx || in->rdx != out->rdx || in->rsi != out->rsi ||
		  in->rdi != out->rdi || in->rbp != out->rbp || in->r8 != out->r8 ||
		  in->r9 != out->r9 || in->r10 != out->r10 || in->r12 != out->r12 ||
		  in->r13 != out->r13 || in->r14 != out->r14 || in->r15 != out->r15;
	w->rcx_r11 += out->rcx != (uint64_t)after || (out->r11 & ~0x10000UL) != in->flags;
	w->flags += ((in->flags ^ out->flags) & FLAGS_KEPT) != 0;
	w->control += in->mxcsr != (out->mxcsr & ~63u) || in->cw != out->cw;
	for (i = 0; i < vectors(); i++)
		if (memcmp(in->vec[i], out->vec[i], vector_size())) {
			w->vec++;
			break;
		}
}

static const struct {
	void (*site)(const struct regs *in, struct regs *out);
	char *after;
} sites[] = {
	{ torture_getppid, torture_getppid_after },
	{ torture_read, torture_read_after },
	{ torture_write, torture_write_after },
	{ torture_futex, torture_futex_after },
	{ torture_epoll, torture_epoll_after },
};

/* Sets the arguments of a call. Returns the result that it must have. */
static int64_t arguments(enum worker_kind kind, struct regs *r, void *buf)
{
	switch (kind) {
	case W_READ:
	case W_WRITE:
		r->rdi = kind == W_READ ? zero : null;
		r->rsi = (uint64_t)buf;
		r->rdx = 8;
		return 8;
	case W_FUTEX:
		r->rdi = (uint64_t)&word;
		r->rsi = 0; /* FUTEX_WAIT */
		r->rdx = 2;
		r->r10 = 0;
		return -EAGAIN;
	case W_EPOLL:
		r->rdi = epfd;
		r->rsi = (uint64_t)buf;
		r->rdx = 1;
		r->r10 = 0;
		return 1;
	default: return parent;
	}
}

static void *register_thread(void *arg)
{
	enum worker_kind kind = (struct worker *)arg - workers;
	uint64_t seed = 88172645463325252 + kind * 1000003;
	struct epoll_event buf;
	struct regs in, out;
	int64_t want;

	self = arg;
	while (!stop) {
		fill(&in, &seed);
		want = arguments(kind, &in, &buf);
		sites[kind].site(&in, &out);
		self->result += (int64_t)out.rax != want;
		compare(self, &in, &out, sites[kind].after);
		self->rounds++;
	}
	return NULL;
}

/* ---- library threads ---- */

static void *library_thread(void *arg)
{
	struct epoll_event ev;
	double a = 1.5, b = 2.25, c;
	char buf[8];
	long i;

	self = arg;
	for (i = 0; !stop; i++) {
		c = a * i + b;
		self->result += getppid() != parent;
		self->result += read(zero, buf, 8) != 8;
		self->result += write(null, buf, 8) != 8;
		self->result += syscall(SYS_futex, &word, 0, 2, NULL) != -1 || errno != EAGAIN;
		self->result += epoll_wait(epfd, &ev, 1, 0) != 1;
		__asm__ volatile("" : "+x"(a), "+x"(b));
		self->vec += c != a * i + b;
		self->rounds++;
	}
	return NULL;
}

/* ---- threads that disturb ---- */

static void *mapper_thread(void *arg)
{
	size_t n = 16 * PAGE, i;
	char *p;

	self = arg;
	while (!stop) {
		p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			self->other++;
			continue;
		}
		for (i = 0; i < n; i += PAGE)
			p[i] = 1;
		self->other += mprotect(p, n / 2, PROT_READ) != 0;
		self->other += madvise(p + n / 2, n / 2, MADV_DONTNEED) != 0;
		for (i = 0; i < n; i += PAGE)
			self->other += p[i] != (i < n / 2);
		self->other += munmap(p, n) != 0;
		self->rounds++;
	}
	return NULL;
}

static void write_site(char *at, uint32_t nr)
{
	at[0] = (char)0xb8;
	memcpy(at + 1, &nr, 4);
	memcpy(at + 5, "\x0f\x05\xc3", 3);
}

static long call_site(char *at)
{
	return ((long (*)(void))at)();
}

/*
 * A second thread calls the maker's site too, so that a site gets hot under two threads. 1 while it
 * may be in the site.
 */
static atomic_int in_made;
static void *second_caller(void *arg)
{
	char *p;

	self = arg;
	while (!stop) {
		in_made = 1;
		p = made;
		if (p)
			self->result += call_site(p) != parent;
		in_made = 0;
	}
	return NULL;
}

static void *maker_thread(void *arg)
{
	pthread_t second;
	long i, n;
	char *p;

	self = arg;
	pthread_create(&second, NULL, second_caller, arg);
	for (n = 0; !stop; n++) {
		p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			self->other++;
			continue;
		}
		write_site(p + n % 509 * 8, SYS_getppid);
		made = p + n % 509 * 8;
		for (i = 0; i < 500; i++)
			self->result += call_site(made) != parent;
		p = made;
		made = NULL;
		while (in_made)
			sched_yield();
		write_site(p, SYS_getpid);
		for (i = 0; i < 50; i++)
			self->result += call_site(p) != getpid();
		self->other += munmap((char *)((uintptr_t)p & -PAGE), 2 * PAGE) != 0;
		self->rounds++;
	}
	pthread_join(second, NULL);
	return NULL;
}

/* Makes hot calls in a forked child. Returns 0 if all were right. @me: the parent. */
static int child(pid_t me)
{
	struct regs in, out;
	uint64_t seed = 4711;
	struct worker w = { 0 };
	int i;

	for (i = 0; i < 50; i++) {
		fill(&in, &seed);
		torture_getppid(&in, &out);
		compare(&w, &in, &out, torture_getppid_after);
		w.result += out.rax != (uint64_t)me;
	}
	return w.gpr || w.vec || w.flags || w.rcx_r11 || w.control || w.result;
}

static void *forker_thread(void *arg)
{
	struct timespec t = { 0, 5000000 };
	pid_t me = getpid(), pid;
	int status;

	self = arg;
	while (!stop) {
		pid = self->rounds & 1 ? vfork() : fork();
		if (!pid)
			_exit(self->rounds & 1 ? 0 : child(me));
		self->other += pid < 0;
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		self->result += status != 0;
		self->rounds++;
		nanosleep(&t, NULL);
	}
	return NULL;
}

/* ---- signals ---- */

/* True if @rip is in this program or the vDSO. */
static bool own_code(uintptr_t rip)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	return (rip >= (uintptr_t)__executable_start && rip < (uintptr_t)etext) ||
	       (vdso && rip >= vdso && rip < vdso + 4 * PAGE);
}

static void handler(int sig, siginfo_t *si, void *arg)
{
	greg_t *g = ((ucontext_t *)arg)->uc_mcontext.gregs;
	struct regs in, out;
	uint64_t seed = g[REG_RSP] | 1;
	struct worker w = { 0 };

	(void)sig;
	(void)si;
	fill(&in, &seed);
	torture_getppid(&in, &out);
	compare(&w, &in, &out, torture_getppid_after);
	if (!self)
		return;
	self->signals++;
	/*
	 * decimal places: rip 1, then vectors, registers, flags, rcx and r11, control words, the
	 * result
	 */
	self->bad_rip += w.vec * 1000000 + w.gpr * 10000000 + w.flags * 100000000 +
			 w.rcx_r11 * 1000000000L + w.control * 10000000000 +
			 (out.rax != (uint64_t)parent) * 100000000000;
	if (self != &workers[W_MAKER] && !own_code(g[REG_RIP]))
		self->bad_rip++;
}

static void *signals_thread(void *arg)
{
	struct timespec t = { 0, 1000000 };
	int i;

	(void)arg;
	while (!stop) {
		for (i = 0; i <= W_LAST; i++)
			pthread_kill(workers[i].thread, SIGUSR1);
		nanosleep(&t, NULL);
	}
	return NULL;
}

/* ---- the whole ---- */

static void setup(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct epoll_event ev = { .events = EPOLLIN };

	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	epfd = epoll_create1(0);
	if (zero < 0 || null < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, eventfd(1, 0), &ev))
		exit(2);
	parent = getppid();
	__builtin_cpu_init();
	torture_level = __builtin_cpu_supports("avx512f") ? 2 :
			__builtin_cpu_supports("avx")     ? 1 :
							    0;
	sigaction(SIGUSR1, &sa, NULL);
}

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	if (pthread_create(t, NULL, fn, arg)) {
		printf("NOT OK a thread does not start\n");
		exit(1);
	}
}

/* True if each thread has finished a round, which may take long on a busy machine. */
static bool all_began(void)
{
	int i;

	for (i = 0; i < WORKERS && workers[i].rounds; i++)
		;
	return i == WORKERS;
}

/*
 * Watches the threads once a second, for @seconds or until each has finished a round, at most
 * STUCK_SECONDS longer. Returns true if a thread made no progress for STUCK_SECONDS.
 */
static bool watch(long seconds)
{
	long last[WORKERS] = { 0 }, still[WORKERS] = { 0 }, s;
	struct timespec t = { 1, 0 };
	int i;

	for (s = 0; s < seconds || (s < seconds + STUCK_SECONDS && !all_began()); s++) {
		nanosleep(&t, NULL);
		for (i = 0; i < WORKERS; i++) {
			still[i] = workers[i].rounds == last[i] ? still[i] + 1 : 0;
			last[i] = workers[i].rounds;
			if (still[i] == STUCK_SECONDS) {
				printf("NOT OK %s: no progress for %d s\n", names[i],
					STUCK_SECONDS);
				return true;
			}
		}
	}
	return false;
}

/* Prints a line for each thread. Returns 1 if a thread saw an error or made no round, else 0. */
static int report(void)
{
	struct worker *w;
	int bad = 0;

	for (w = workers; w < workers + WORKERS; w++) {
		const char *name = names[w - workers];

		if (w->result || w->gpr || w->rcx_r11 || w->flags || w->vec || w->control ||
			w->other || w->bad_rip || !w->rounds) {
			printf("NOT OK %s: results %ld, registers %ld, rcx and r11 %ld, flags %ld, "
			       "vectors %ld, "
			       "control %ld, others %ld, in the handler %ld, of %ld rounds\n",
				name, w->result, w->gpr, w->rcx_r11, w->flags, w->vec, w->control,
				w->other, w->bad_rip, w->rounds);
			bad = 1;
		} else {
			printf("ok %s: %ld rounds, %ld signals\n", name, w->rounds, w->signals);
		}
	}
	return bad;
}

int main(int argc, char **argv)
{
	static void *(*const fn[WORKERS])(void *) = { register_thread, register_thread,
		register_thread, register_thread, register_thread, library_thread, library_thread,
		mapper_thread, maker_thread, forker_thread };
	pthread_t signals;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setup();
	for (i = 0; i < WORKERS; i++)
		start(&workers[i].thread, fn[i], &workers[i]);
	start(&signals, signals_thread, NULL);
	if (watch(argc > 1 ? atol(argv[1]) : 10))
		return 1;
	stop = true;
	pthread_join(signals, NULL);
	for (i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	return report();
}

/* SPDX-License-Identifier: MIT */
/*
 * jumps.c: the host's system calls, by every way in: each `syscall` instruction in the stub with
 * registers that would do something visible, the stub's code at every offset, int 0x80, sysenter,
 * 32-bit code, the vsyscall page, x32 numbers.
 *
 * Visible effects would be: files made, truncated or removed in the host's canary folder
 * (tests/escape/run checks it), the host's canary process killed, a page at EVIDENCE, writable
 * order areas.
 */
#include <asm/prctl.h>

#include "escape.h"

#define MAPPER_FD_CTL ZFD_CTL
#define TRIES (sizeof(tries) / sizeof(tries[0]))

static char made[256], canary[256];
static struct iovec vec;
static char stolen[64];

/* A call that must not reach the host. @a: its arguments in their order. */
struct call {
	const char *what;
	long nr;
	uint64_t a[6];
};

#define P(x) ((uint64_t)(x))
static struct call tries[] = {
	{ "openat", SYS_openat, { P(AT_FDCWD), P(made), O_CREAT | O_RDWR, 0666 } },
	{ "open", SYS_open, { P(made), O_CREAT | O_RDWR, 0666 } },
	{ "truncate", SYS_truncate, { P(canary), 0 } },
	{ "unlink", SYS_unlink, { P(canary) } },
	{ "mkdir", SYS_mkdir, { P(made), 0777 } },
	{ "symlink", SYS_symlink, { P(canary), P(made) } },
	{ "kill", SYS_kill, { 0, SIGKILL } }, /* a[0]: canary_pid */
	{ "mmap", SYS_mmap, { EVIDENCE, PAGE, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0 } },
	{ "mmap of physmem", SYS_mmap,
		{ EVIDENCE, PAGE, 3, MAP_SHARED | MAP_FIXED, ZFD_REGION, 0 } },
	{ "mmap of the control file", SYS_mmap,
		{ EVIDENCE, PAGE, 3, MAP_SHARED | MAP_FIXED, MAPPER_FD_CTL, 0 } },
	{ "mprotect", SYS_mprotect, { 0, PAGE, 7 } }, /* a[0]: the orders */
	{ "munmap", SYS_munmap, { 0, PAGE } },        /* a[0]: the orders */
	{ "pwrite64", SYS_pwrite64, { MAPPER_FD_CTL, P(stolen), 64, 0 } },
	{ "process_vm_readv", SYS_process_vm_readv, { 0, P(&vec), 1, P(&vec), 1, 0 } },
	{ "ptrace", SYS_ptrace, { PTRACE_ATTACH, 0, 0, 0 } },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, { SIG_BLOCK, P(stolen), 0, 8 } },
	{ "rt_sigreturn", SYS_rt_sigreturn, { 0 } },
	{ "rt_sigaction", SYS_rt_sigaction, { SIGSYS, P(stolen), 0, 8 } },
	{ "sigaltstack", SYS_sigaltstack, { P(stolen), 0 } },
	{ "socket", SYS_socket, { 1, 1, 0 } },
	{ "arch_prctl, gs base", SYS_arch_prctl, { ARCH_SET_GS, P(stolen) } },
	{ "arch_prctl, another vdso", SYS_arch_prctl, { ARCH_MAP_VDSO_64, EVIDENCE } },
	{ "futex, another word", SYS_futex, { P(&vec), 0, 0, 0 } },
	{ "futex, requeue", SYS_futex, { 0, 3, 1, 1, P(&vec), 0 } }, /* a[0]: the turn word */
	{ "futex, timeout", SYS_futex, { 0, 0, 1, P(stolen), 0, 0 } },
	{ "futex, its own", SYS_futex, { 0, 0, 1, 0, 0, 0 } },
};

static void set_up_tries(void)
{
	size_t i;

	snprintf(made, sizeof(made), "%s/made", canary_dir);
	snprintf(canary, sizeof(canary), "%s/canary", canary_dir);
	vec = (struct iovec){ stolen, sizeof(stolen) };
	for (i = 0; i < TRIES; i++) {
		struct call *c = &tries[i];

		if (c->nr == SYS_kill || c->nr == SYS_process_vm_readv)
			c->a[0] = canary_pid;
		else if (c->nr == SYS_ptrace)
			c->a[1] = canary_pid;
		else if (c->nr == SYS_mprotect || c->nr == SYS_munmap)
			c->a[0] = stub + STUB_ORDERS;
		else if (c->nr == SYS_futex && !c->a[0])
			c->a[0] = slot_ctl(0) + C_TURN;
	}
}

/* A thread that looks for the effects of an escaped call in this process. */
static void *witness(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 15; i++) {
		struct timespec t = { 0, 2000000 };

		if (syscall(SYS_mincore, EVIDENCE, PAGE, stolen) == 0 || readable(EVIDENCE) ||
			try_write(stub + STUB_ORDERS))
			_exit(STATUS_ESCAPED);
		nanosleep(&t, NULL);
	}
	_exit(0);
}

struct jump {
	struct call *call;
	uintptr_t at;
};

static void jump_there(void *arg)
{
	struct jump *j = arg;
	struct leap l = { .rax = j->call->nr,
		.rdi = j->call->a[0],
		.rsi = j->call->a[1],
		.rdx = j->call->a[2],
		.r10 = j->call->a[3],
		.r8 = j->call->a[4],
		.r9 = j->call->a[5],
		.rbx = slot_ctl(0),
		.r12 = stub + STUB_ORDERS,
		.rip = j->at };
	char *stack =
		mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	l.rsp = (uint64_t)stack + 15 * PAGE;
	if (j->call->nr == SYS_mmap || j->call->nr == SYS_mprotect)
		pthread_create(&t, NULL, witness, NULL);
	leap(&l);
}

/*
 * True if the `syscall` at @at is to be tried. All gates are alike, so a short run tries only the
 * first two of them. It tries every `syscall` outside the gates.
 */
static bool worth_trying(uintptr_t at, int *gates)
{
	const uint8_t *p = (const uint8_t *)at;

	if (p[2] == 0x48 && p[3] == 0x8d && p[4] == 0x1d)
		return ++*gates <= 2 || effort > 1;
	return true;
}

void attack_syscalls(void)
{
	struct jump j;
	uintptr_t at;
	int gates = 0;
	size_t i, place = 0;

	set_up_tries();
	for (at = stub; at + 1 < stub + text_size; at++) {
		if (memcmp((void *)at, "\x0f\x05", 2) || !worth_trying(at, &gates))
			continue;
		place++;
		for (i = 0; i < TRIES; i++) {
			if (effort == 1 && (i + place + (size_t)day) % 3)
				continue; /* three days have each */
			j = (struct jump){ &tries[i], at };
			if (!attempt(jump_there, &j, 300))
				finding("%s at +%#lx", tries[i].what, at - stub);
		}
	}
}

/* ---- the stub's code, at every offset ---- */

/*
 * Returns a value for a register. A jump that reaches the host must do no harm there: no value is
 * the number of a call that kills processes.
 */
static uint64_t some_value(void)
{
	uint64_t r = random64();

	switch (r % 16) {
	case 0: return slot_ctl(0);
	case 1: return slot_ctl(1);
	case 2: return slot_alt(0) + (r >> 32) % SLOT_ALT_SIZE;
	case 3: return stub + STUB_ORDERS;
	case 4: return stub + STUB_ORDERS + (r >> 32) % 4096;
	case 5: return stub + (r >> 32) % STUB_TEXT_SIZE;
	case 6: return slot_ctl(0) + C_TURN;
	case 7: return P(canary);
	case 8: return P(made);
	case 9: return 0x8000000000000000UL | r;
	case 10: return tries[(r >> 32) % 6].nr;
	case 11: return tries[(r >> 32) % TRIES].a[r >> 40 & 3];
	case 12: return r >> 32 & 31;
	case 13: return -1UL;
	case 14: return 0;
	default: return r;
	}
}

static void jump_middle(void *arg)
{
	struct leap l;
	uint64_t *w = (uint64_t *)&l;
	char *stack =
		mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	for (i = 0; i < 16; i++)
		w[i] = some_value();
	if (random64() & 1)
		l.rsp = (uint64_t)stack + 8 * PAGE;
	for (i = 0; i < 16 * PAGE / 8; i++)
		((uint64_t *)stack)[i] = some_value();
	l.gs = random64() % 4 ? 0 : slot_ctl(random64() & 1);
	l.rip = (uint64_t)arg;
	leap(&l);
}

/* Returns the bytes of the stub's code, which zeros follow. */
static size_t code_size(void)
{
	size_t n = text_size;

	while (n && !*(const char *)(stub + n - 1))
		n--;
	return n;
}

void attack_middle(void)
{
	size_t n, i, size = code_size(), step = effort > 1 ? 1 : (size_t)days;
	int round;

	set_up_tries();
	for (round = 0; round < effort; round++)
		/* each offset is tried once in @days days */
		for (n = (size_t)day % step; n < size; n += step)
			if (!attempt(jump_middle, (void *)(stub + n), 100))
				finding("jump to +%#zx", n);
	for (i = 0; i < 200; i++) /* and behind its end */
		if (!attempt(jump_middle, (void *)(stub + random64() % STUB_ZDATA), 100))
			finding("jump into the text");
}

/* ---- other doors ---- */

static void door_int80(void *arg)
{
	long nr = (long)arg, r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(0x30000000), "c"(O_CREAT | O_RDWR), "d"(0666)
			 : "memory");
	_exit(0);
}

static void door_sysenter(void *arg)
{
	long nr = (long)arg;

	__asm__ volatile("mov %%rsp, %%rbp\n\tsysenter"
			 :
			 : "a"(nr), "b"(0x30000000), "c"(O_CREAT | O_RDWR), "d"(0666)
			 : "memory");
	_exit(0);
}

static void door_x32(void *arg)
{
	syscall((long)arg | 0x40000000, made, O_CREAT | O_RDWR, 0666);
	_exit(0);
}

static void door_vsyscall(void *arg)
{
	struct leap l = { .rip = 0xffffffffff600000 + (uintptr_t)arg, .rdi = stub + STUB_ORDERS };
	uint64_t stack[16] = { 0 };

	l.rsp = (uint64_t)&stack[8];
	leap(&l);
}

/* Numbers of the 32-bit table: open, unlink, kill, mkdir. */
static const long old_numbers[] = { 5, 10, 37, 39 };

/* Copies the path to a low address, which 32-bit registers can hold. */
static void low_path(void)
{
	char *p = mmap((void *)0x30000000, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p != MAP_FAILED)
		strcpy(p, made);
}

void attack_doors(void)
{
	size_t i;
	long off;

	set_up_tries();
	low_path();
	for (i = 0; i < sizeof(old_numbers) / sizeof(long); i++) {
		if (!attempt(door_int80, (void *)old_numbers[i], 1000))
			finding("int 0x80, %ld", old_numbers[i]);
		if (!attempt(door_sysenter, (void *)old_numbers[i], 1000))
			finding("sysenter, %ld", old_numbers[i]);
	}
	for (i = 0; i < TRIES; i++)
		if (!attempt(door_x32, (void *)tries[i].nr, 1000))
			finding("x32, %s", tries[i].what);
	for (off = 0; off < 0x1000; off += 0x200)
		if (!attempt(door_vsyscall, (void *)off, 1000))
			finding("vsyscall +%#lx", off);
}

/* ---- 32-bit code ---- */

/* mov $nr,%eax; mov $path,%ebx; mov $flags,%ecx; mov $mode,%edx; the way in; hlt */
static void compat_code(uint8_t *p, uint32_t nr, const uint8_t *way)
{
	uint32_t path = 0x30000000, flags = O_CREAT | O_RDWR, mode = 0666;

	*p = 0xb8, memcpy(p + 1, &nr, 4);
	p[5] = 0xbb, memcpy(p + 6, &path, 4);
	p[10] = 0xb9, memcpy(p + 11, &flags, 4);
	p[15] = 0xba, memcpy(p + 16, &mode, 4);
	p[20] = way[0], p[21] = way[1], p[22] = 0xf4;
}

static const uint8_t ways[][2] = { { 0xcd, 0x80 }, { 0x0f, 0x34 }, { 0x0f, 0x05 } };

static void door_compat(void *arg)
{
	long n = (long)arg;
	struct {
		uint32_t rip;
		uint16_t cs;
	} __attribute__((packed)) far = { 0x30000800, 0x23 };

	compat_code((uint8_t *)0x30000800, old_numbers[n / 3], ways[n % 3]);
	__asm__ volatile("mov $0x30000ff0, %%esp\n\tljmp *(%0)" : : "r"(&far) : "memory");
	_exit(0);
}

void attack_compat(void)
{
	long i;

	set_up_tries();
	low_path();
	for (i = 0; i < 12; i++)
		if (!attempt(door_compat, (void *)i, 1000))
			finding("32-bit code, call %ld, way %ld", old_numbers[i / 3], i % 3);
}

/* ---- calls, faults and traps with a stack pointer of the attacker's choice ---- */

static void odd_stack(void *arg)
{
	long n = (long)arg;
	uint64_t at[] = { slot_alt(0) + 512, slot_alt(0) + SLOT_ALT_SIZE, slot_ctl(0) + 2048,
		stub + STUB_ORDERS + 4096, stub + 4096, 8, -8UL, 0x8000000000000000UL,
		slot_alt(1) + SLOT_ALT_SIZE, slot_alt(0) + SLOT_ALT_SIZE / 2 };

	__asm__ volatile("mov %0, %%rsp\n\tmov %1, %%eax\n\tcmp $1, %2\n\tje 1f\n\tja 2f\n\t"
			 "syscall\n\tmov $231, %%eax\n\txor %%edi, %%edi\n\tsyscall\n"
			 "1:\tmov 0, %%rax\n\tud2\n"
			 "2:\tud2"
			 :
			 : "r"(at[n / 3]), "i"(SYS_getppid), "r"((int)(n % 3))
			 : "memory", "rax", "rcx", "r11");
}

static void deny_keys(void *arg)
{
	unsigned a, b, c, d;

	(void)arg;
	__asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
	if (!(c & 1 << 4))
		_exit(0);
	/* deny access to all pages: loads fault, even those of a handler that keeps the setting */
	__asm__ volatile("wrpkru\n\tmov %1, %%eax\n\tsyscall\n\tmov $231, %%eax\n\tsyscall"
			 :
			 : "a"(-1), "i"(SYS_getppid), "c"(0), "d"(0), "D"(0)
			 : "r11", "memory");
}

void attack_stack(void)
{
	long i;

	for (i = 0; i < 30; i++)
		if (!attempt(odd_stack, (void *)i, 1000))
			finding("stack pointer %ld, %ld", i / 3, i % 3);
	if (!attempt(deny_keys, NULL, 1000))
		finding("protection keys");
}

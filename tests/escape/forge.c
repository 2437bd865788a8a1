/* SPDX-License-Identifier: MIT */
/*
 * forge.c: attacks on memory that a guest writes and the kernel reads: control pages and alternate
 * stacks (rewritten by a second thread while the first makes calls, faults and switches), the FPU
 * frame and its pointer. And attacks on memory that a guest must not write (order area, stub text),
 * by stores and by every call that maps, protects or writes memory.
 */
#include "escape.h"

/* ---- control pages and alt stacks ---- */

static const uint64_t words[] = { 0, 1, 2, 3, SIGSYS, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIG_KICK,
	SIG_ORPHAN, EVT_HELLO, EVT_BROKEN, 14, 64, 65, 0x33, 0x23, 0x2b, 0xffffffff, -1UL,
	1UL << 63, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0x600000000000,
	0x630000000000, 0x60000000, 4096, 0x202, 0x44202, 0x100, 0xc000003eUL << 32,
	0x40000003UL << 32 };

static uint64_t forged_word(void)
{
	uint64_t r = random64(), slot = random64() & 1;

	switch (r % 8) {
	case 0: return slot_alt(slot) + (r >> 32 & (SLOT_ALT_SIZE - 1));
	case 1: return slot_alt(slot) + (r >> 32 & (SLOT_ALT_SIZE - 1) & ~63UL);
	case 2: return slot_alt(slot) + SLOT_ALT_SIZE - (r >> 32 & 4095);
	case 3: return slot_ctl(slot) + (r >> 32 & 4095);
	case 4: return stub + (r >> 32 & 0xfffff);
	case 5: return r;
	default: return words[(r >> 32) % (sizeof(words) / sizeof(words[0]))];
	}
}

/* The words that the forger overwrites: only a few kinds in each run, so that some runs get far. */
struct forgery {
	int lo, hi; /* words of the control page */
	bool alt;   /* the alternate stack, too */
	bool slow;  /* pauses between rounds */
};

static struct forgery forgery;
static volatile bool forging;

static void *forger(void *arg)
{
	int slot;

	(void)arg;
	while (forging)
		for (slot = 0; slot < 4; slot++) {
			volatile uint32_t *w = (volatile uint32_t *)slot_ctl(slot);
			volatile uint64_t *a = (volatile uint64_t *)slot_alt(slot);
			int i;

			if (!slot_mapped(slot))
				continue;
			for (i = forgery.lo; i < forgery.hi; i += 2)
				*(volatile uint64_t *)(w + i) = forged_word();
			for (i = 0; forgery.alt && i < SLOT_ALT_SIZE / 8; i += 1 + random64() % 64)
				a[i] = forged_word();
			for (i = 0; forgery.slow && i < 20000; i++)
				__asm__ volatile("pause");
		}
	return NULL;
}

static void ignore(int sig)
{
	(void)sig;
}

static void under_forgery(void *arg)
{
	long i, n = 50000;
	pthread_t t[2];
	char *p;

	forgery = *(struct forgery *)arg;
	forging = true;
	signal(SIGUSR1, ignore);
	pthread_create(&t[0], NULL, forger, NULL);
	pthread_create(&t[1], NULL, forger, NULL);
	for (i = 0; i < n; i++) {
		getppid();
		if (i % 16 == 0) {
			p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (p != MAP_FAILED)
				*p = 1, munmap(p, 4 * PAGE);
		}
		if (i % 64 == 0)
			raise(SIGUSR1);
		if (i % 32 == 0)
			sched_yield();
		if (i % 1024 == 0 && !fork())
			_exit(0);
	}
	_exit(0);
}

static void forge(const char *what, struct forgery f, int times)
{
	while (times--)
		if (!attempt(under_forgery, &f, 250))
			finding("%s", what);
}

void attack_control(void)
{
	int words_of_page = 1024, w;

	forge("all words", (struct forgery){ 0, words_of_page, false, false }, 4 * effort);
	forge("all words, slowly", (struct forgery){ 0, words_of_page, false, true }, 4 * effort);
	forge("registers", (struct forgery){ 0, C_FS / 4, false, true }, 2 * effort);
	for (w = 0; w < (C_STUBRIP + 8) / 4 + 16; w += 2)
		forge("one word", (struct forgery){ w, w + 1, false, w & 4 }, effort);
	forge("both", (struct forgery){ 0, words_of_page, true, true }, 2 * effort);
}

/* ---- FPU frames ---- */

static volatile double keeper = 1.25;

/*
 * Writes a bad value into one word of the xsave area: at the place of the last frame, and at the
 * bottom, where the kernel puts one.
 */
static void bad_frame(void *arg)
{
	long n = (long)arg;
	uint64_t at[] = { 0, 24, 28, 464, 468, 472, 480, 512, 520, 528, 536, 576, 1024 };
	uint64_t value[] = { -1UL, 1UL << 63, 0x8000000000000000UL | 7, 0xffff0000, 0 };
	volatile uint64_t *fp;
	int i, slot, k = n % 13, v = n / 13;

	for (i = 0; i < 500; i++) {
		keeper *= 1.0000001;
		for (slot = 0; slot < 2; slot++) {
			if (!slot_mapped(slot))
				continue;
			fp = (volatile uint64_t *)(*(volatile uint64_t *)(slot_ctl(slot) + C_FP) &
						   ~63UL);
			*(volatile uint64_t *)(slot_alt(slot) + at[k]) = value[v];
			if ((uintptr_t)fp >= slot_alt(slot) &&
				(uintptr_t)fp < slot_alt(slot) + SLOT_ALT_SIZE - 4096)
				fp[at[k] / 8] = value[v];
		}
		if (i % 16)
			getppid();
		else
			sched_yield();
		if (i % 200 == 0 && !fork())
			_exit(0);
	}
	_exit(0);
}

/* Moves the frame pointer: to the last words of the alternate stack, and out of it. */
static void bad_pointer(void *arg)
{
	uint64_t to[] = { slot_alt(0) + SLOT_ALT_SIZE - 64, slot_alt(0) + SLOT_ALT_SIZE - 576,
		slot_alt(0) + SLOT_ALT_SIZE, slot_alt(0) - 64, slot_alt(1), slot_alt(0) + 1,
		stub + STUB_ORDERS, 0, -64UL, 0x630000000000, slot_ctl(0) };
	int i;

	for (i = 0; i < 1000; i++) {
		*(volatile uint64_t *)(slot_ctl(0) + C_FP) = to[(long)arg];
		*(volatile uint64_t *)(slot_ctl(0) + C_FRSP) = to[(long)arg];
		if (i & 1)
			getppid();
		else
			sched_yield();
	}
	_exit(0);
}

void attack_frames(void)
{
	long i;

	for (i = 0; i < 65; i++)
		if (!attempt(bad_frame, (void *)i, 500))
			finding("frame, word %ld, value %ld", i % 13, i / 13);
	for (i = 0; i < 11; i++)
		if (!attempt(bad_pointer, (void *)i, 500))
			finding("frame pointer %ld", i);
	forge("alt stack", (struct forgery){ 0, 0, true, false }, 4 * effort);
	forge("alt stack, slowly", (struct forgery){ 0, 0, true, true }, 4 * effort);
	forge("frame pointers", (struct forgery){ C_FP / 4, C_EV / 4, true, true }, 4 * effort);
}

/* ---- what must stay read-only ---- */

static uint64_t sum_of(uintptr_t at, size_t n)
{
	uint64_t h = 14695981039346656037UL;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ *(const uint8_t *)(at + i)) * 1099511628211;
	return h;
}

static void store_to(void *arg)
{
	*(volatile char *)arg = 1;
	_exit(STATUS_ESCAPED);
}

/* Stores addresses that no guest may write to @at, which has room for 16. Returns their number. */
static int forbidden(uintptr_t *at)
{
	int n = 0;

	at[n++] = stub;
	at[n++] = stub + text_size - PAGE;
	at[n++] = stub + STUB_RODATA;
	at[n++] = stub + STUB_ORDERS;
	at[n++] = stub + STUB_ORDERS + 2 * PAGE;
	return n;
}

void attack_orders(void)
{
	uintptr_t at[16];
	int i, n = forbidden(at), mem = open("/proc/self/mem", O_RDWR);
	char buf[8] = { 0 };
	struct iovec from = { buf, 8 }, to = { NULL, 8 };
	uint64_t text = sum_of(stub, text_size);

	for (i = 0; i < n; i++) {
		if (!attempt(store_to, (void *)at[i], 1000))
			finding("a store to %#lx", at[i]);
		to.iov_base = (void *)at[i];
		if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) > 0)
			finding("process_vm_writev to %#lx", at[i]);
		if (mem >= 0 && pwrite(mem, buf, 8, at[i]) > 0)
			finding("/proc/self/mem at %#lx", at[i]);
		if (syscall(SYS_getrandom, at[i], 8, 0) > 0)
			finding("a call writes to %#lx", at[i]);
	}
	if (sum_of(stub, text_size) != text)
		finding("the stub's text has changed");
	close(mem);
}

static void traced_child(void *arg)
{
	(void)arg;
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	_exit(0);
}

/* Tries to write a child's window as a debugger, by PTRACE_POKETEXT. */
static void trace_attack(void)
{
	uintptr_t at[16];
	int i, n = forbidden(at), status;
	pid_t pid = fork();

	if (!pid)
		traced_child(NULL);
	waitpid(pid, &status, 0);
	for (i = 0; i < n; i++)
		if (ptrace(PTRACE_POKETEXT, pid, at[i], 0xcccccccccccccccc) == 0)
			finding("ptrace writes to %#lx", at[i]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/*
 * Tries every call that changes mappings on every part of the window. The window must not change.
 */
void attack_window(void)
{
	uintptr_t at[16], a;
	uint64_t text = sum_of(stub, text_size);
	int i, n = forbidden(at);
	char *own =
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	at[n++] = slot_ctl(0) & -PAGE;
	at[n++] = stub + STUB_VDSO;
	at[n++] = stub + STUB_WINDOW - PAGE;
	for (i = 0; i < n; i++) {
		a = at[i];
		if (mmap((void *)a, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
			finding("mmap at %#lx", a);
		if (!mprotect((void *)a, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
			finding("mprotect at %#lx", a);
		munmap((void *)a, PAGE);
		munmap((void *)(a - PAGE), 2 * PAGE);
		madvise((void *)a, PAGE, MADV_DONTNEED);
		if (mremap(own, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)a) != MAP_FAILED)
			finding("mremap to %#lx", a);
		if (mremap((void *)a, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
			finding("mremap from %#lx", a);
	}
	munmap((void *)0x7ff000000000, 0x1000000000);
	if (!readable(stub) || sum_of(stub, text_size) != text)
		finding("the window is not what it was");
	trace_attack();
}

/*
 * ---- patched call sites: thunks and shadows that a child shares with its parent, and files that
 * all processes share ----
 */

struct area {
	uintptr_t start, end;
};

/*
 * Finds the area that /proc/self/maps calls @name, or for NULL the executable one of this program.
 * Returns false if there is none.
 */
static bool find_area(const char *name, struct area *a)
{
	char line[512], perm[8];
	FILE *f = fopen("/proc/self/maps", "r");
	bool found = false;

	while (!found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %7s", &a->start, &a->end, perm) == 3)
			found = name ? strstr(line, name) != NULL :
				       perm[2] == 'x' && a->start < 0x1000000;
	fclose(f);
	return found;
}

static struct area target;

static void poke_all(void (*poke)(uintptr_t at))
{
	uintptr_t at;

	for (at = target.start; at < target.end; at += 64)
		poke(at);
}

static void poke_store(uintptr_t at)
{
	try_write(at);
	if (try_write(at))
		*(volatile uint64_t *)at = 0xcccccccccccccccc;
}

static void poke_mem(uintptr_t at)
{
	static int fd = -1;
	uint64_t bad = 0xcccccccccccccccc;

	if (fd < 0)
		fd = open("/proc/self/mem", O_RDWR);
	if (pwrite(fd, &bad, 8, at) < 0)
		return;
}

static void poke_vm(uintptr_t at)
{
	uint64_t bad = 0xcccccccccccccccc;
	struct iovec from = { &bad, 8 }, to = { (void *)at, 8 };

	process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

static void poke_read(uintptr_t at)
{
	syscall(SYS_getrandom, at, 8, 0);
}

static void poke_by_call(long how)
{
	size_t n = target.end - target.start;
	char *p = (char *)target.start, *q;

	switch (how) {
	case 1: mprotect(p, n, PROT_READ | PROT_WRITE); break;
	case 2: mprotect(p, n, PROT_READ | PROT_WRITE | PROT_EXEC); break;
	case 3: madvise(p, n, MADV_DONTNEED); break;
	case 4: madvise(p, n, MADV_REMOVE); break;
	case 5:
		q = mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, EVIDENCE);
		if (q != MAP_FAILED) {
			mprotect(q, n, PROT_READ | PROT_WRITE);
			target = (struct area){ (uintptr_t)q, (uintptr_t)q + n };
		}
		break;
	case 6:
		munmap(p, n);
		mmap(p, n, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	}
}

static void spoil(void *arg)
{
	static void (*const pokes[])(uintptr_t) = { poke_store, poke_mem, poke_vm, poke_read };
	long n = (long)arg;

	poke_by_call(n / 4);
	poke_all(pokes[n % 4]);
	_exit(0);
}

/*
 * True if a child has changed this process's code. Loads also see call sites that were patched
 * meanwhile, so only the former bytes and the bytes that a child writes are compared.
 */
static bool spoilt(const char *name, const uint8_t *before)
{
	const uint8_t *now = (const uint8_t *)target.start;
	size_t n = target.end - target.start, i;

	for (i = 0; i < n; i += 64)
		if (*(const uint64_t *)(now + i) == 0xcccccccccccccccc &&
			*(const uint64_t *)(before + i) != 0xcccccccccccccccc)
			return true;
	for (i = 0; name && i < n; i++) /* a thunk never changes */
		if (before[i] && now[i] != before[i])
			return true;
	return false;
}

/*
 * Children try in 28 ways to change the code that they share with this process. Its code must not
 * change, and must still work.
 */
static void spoil_area(const char *name)
{
	long i, k, parent = getppid();
	uint8_t *before;
	uintptr_t at;

	if (!find_area(name, &target))
		return;
	for (at = target.start; at < target.end && readable(at); at += PAGE)
		;
	target.end = at; /* the area of thunks grows */
	before = malloc(target.end - target.start);
	memcpy(before, (void *)target.start, target.end - target.start);
	for (i = 0; i < 28; i++) {
		if (!attempt(spoil, (void *)i, 2000))
			finding("%s, way %ld", name ? name : "text", i);
		for (k = 0; k < 100; k++)
			if (getppid() != parent)
				finding("%s, way %ld: our calls are spoilt", name ? name : "text",
					i);
		if (spoilt(name, before))
			finding("%s, way %ld: a child has written to ours", name ? name : "text",
				i);
	}
	free(before);
}

void attack_thunks(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		getppid();
	spoil_area(NULL);
	for (i = 0; i < 1000; i++)
		getppid();
	spoil_area("[thunks]");
}

/* ---- threads that do not stop ---- */

static void *undo_turns(void *arg)
{
	volatile uint32_t *turn = (volatile uint32_t *)(slot_ctl((long)arg) + C_TURN);

	while (slot_mapped((long)arg))
		for (int i = 0; i < 1000000; i++)
			*turn = TURN_RUN;
	return NULL;
}

static void stubborn(void *arg)
{
	pthread_t t;
	long slot;

	(void)arg;
	for (slot = 0; slot < 2; slot++)
		pthread_create(&t, NULL, undo_turns, (void *)slot);
	for (;;)
		getppid();
}

/*
 * Jumps to the system call at which the stub waits, and stays there: with the first gate and its
 * own word.
 */
static void waits_by_itself(void *arg)
{
	uintptr_t at;
	struct leap l = { .rax = SYS_futex, .rsi = 0, .rdx = TURN_RUN, .rsp = slot_alt(0) + 4096 };

	(void)arg;
	for (at = stub; at < stub + text_size; at++)
		if (!memcmp((void *)at, "\x0f\x05\x48\x8d\x1d", 5))
			break;
	*(volatile uint32_t *)(slot_ctl(0) + C_TURN) = TURN_RUN;
	l.rdi = slot_ctl(0) + C_TURN;
	l.rbx = slot_ctl(0);
	l.rip = at;
	leap(&l);
}

void attack_stubborn(void)
{
	int i;

	for (i = 0; i < 2 * effort; i++) {
		if (!attempt(stubborn, NULL, 500))
			finding("turns taken back");
		if (!attempt(waits_by_itself, NULL, 500))
			finding("waits by itself");
	}
}

/* ---- forged signal frames, for the guest's own kernel ---- */

struct frame {
	uint64_t flags, link, ss_sp, ss_flags, ss_size;
	/* r8 .. r15, rdi .. rip, eflags, cs.., err, trapno, oldmask, cr2, fpstate */
	uint64_t r[23];
	uint64_t pad[8], mask;
};

static void forged_return(void *arg)
{
	static struct frame f;
	long n = (long)arg;
	uint64_t rip[] = { 0, stub, stub + 0x100, -1UL, 0x800000000000, 0xffffffff80000000,
		stub + STUB_SLOTS };
	uint64_t cs[] = { 0x33, 0x23, 0x10, 0, 0x2b0000000033, 0xffff };
	uint64_t fp[] = { 0, 1, stub + STUB_ORDERS, slot_alt(0), 0x630000000000, (uint64_t)&f };

	f.r[16] = rip[n % 7];
	f.r[15] = n & 1 ? (uint64_t)&f : slot_alt(0) + 4096;
	f.r[17] = random64();
	f.r[18] = cs[n / 7 % 6];
	f.r[22] = fp[n / 42 % 6];
	f.mask = -1UL;
	__asm__ volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall\n\tud2"
			 :
			 : "r"(&f)
			 : "memory");
	_exit(0);
}

void attack_sigreturn(void)
{
	long i;

	for (i = 0; i < 7 * 6 * 6; i++)
		if (!attempt(forged_return, (void *)i, 500))
			finding("signal frame %ld", i);
}

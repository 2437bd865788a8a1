/* SPDX-License-Identifier: MIT */
/*
 * values.c: random arguments. make_NAME(thread, constants, n) returns one argument; those that
 * point have filled memory of the thread's scratch area, which is fresh for every call. Some
 * pointers are bad, some end at the edge of what is mapped.
 */
#include "fuzz.h"
#include <string.h>

static const int64_t edges[] = { 0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 65, 127, 128, 255, 256, 512, 1023,
	1024, 4095, 4096, 4097, 8192, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xffffffff,
	0x100000000, 0x7ffff000, INT64_MAX, INT64_MIN, -1, -2, -22, -4096, 0x1fffff, 0x200000,
	1 << 20 };

static long edge(struct thread *t)
{
	return edges[rnd(t, sizeof(edges) / sizeof(edges[0]))];
}

static long result(struct thread *t)
{
	return t->recent[rnd(t, RECENT)];
}

static uint64_t wide(struct thread *t)
{
	return (uint64_t)rnd(t, UINT32_MAX) << 32 | rnd(t, UINT32_MAX);
}

/*
 * Returns memory for @size bytes of an argument. Sometimes, and when no more memory is free, it
 * ends at the unmapped page and overlaps other arguments.
 */
static void *room(struct thread *t, size_t size)
{
	char *end = t->scratch + SCRATCH, *p = t->bump;

	if (rnd(t, 8) == 0)
		return end - size;
	if (p + size > end)
		return end - size;
	t->bump = p + ((size + 15) & ~15ul);
	return p;
}

static long bad_pointer(struct thread *t)
{
	switch (rnd(t, 9)) {
	case 0: return 0;
	case 1: return 1;
	case 2: return (long)(t->scratch + SCRATCH);                  /* unmapped */
	case 3: return (long)(t->scratch + SCRATCH - 1 - rnd(t, 64)); /* cut off */
	case 4: return (long)0xffff800000000000ul + (long)rnd(t, 1 << 20);
	case 5: return 0x7ffffffff000 - (long)rnd(t, 64);
	case 6: return (long)(PLAY + PAGE * rnd(t, PLAY_PAGES + 1) - rnd(t, 64));
	case 7: return (long)wide(t);
	default: return 0x60000000 + (long)rnd(t, 1 << 26);
	}
}

static bool bad_now(struct thread *t)
{
	return rnd(t, 24) == 0;
}

long make_number(struct thread *t, const long *list, int n)
{
	switch (rnd(t, 5)) {
	case 0: return rnd(t, 16);
	case 1: return result(t);
	case 2: return (long)(PLAY + PAGE * rnd(t, PLAY_PAGES));
	case 3: return (long)wide(t) >> rnd(t, 64);
	default: return edge(t);
	}
}

long make_small(struct thread *t, const long *list, int n)
{
	return rnd(t, 64);
}

long make_count(struct thread *t, const long *list, int n)
{
	return rnd(t, 16) ? (long)rnd(t, 8) : edge(t);
}

long make_length(struct thread *t, const long *list, int n)
{
	switch (rnd(t, 6)) {
	case 0: return edge(t);
	case 1: return 4090 + rnd(t, 12);
	case 2: return rnd(t, SCRATCH);
	default: return rnd(t, 300);
	}
}

long make_map_length(struct thread *t, const long *list, int n)
{
	return rnd(t, 32) ? (long)(PAGE * rnd(t, 20)) + (rnd(t, 8) ? 0 : rnd(t, 4096)) : edge(t);
}

long make_page_offset(struct thread *t, const long *list, int n)
{
	return rnd(t, 32) ? (long)PAGE * rnd(t, 20) : edge(t);
}

long make_file_offset(struct thread *t, const long *list, int n)
{
	return rnd(t, 8) ? (long)rnd(t, 1 << (1 + rnd(t, 20))) : edge(t);
}

long make_offset(struct thread *t, const long *list, int n)
{
	return make_file_offset(t, list, n);
}

long make_result(struct thread *t, const long *list, int n)
{
	return rnd(t, 3) ? (long)rnd(t, 4) : result(t);
}

long make_one(struct thread *t, const long *list, int n)
{
	return rnd(t, 64) ? list[rnd(t, n)] : make_number(t, list, n);
}

long make_bits(struct thread *t, const long *list, int n)
{
	long bits = 0;
	int i, k = rnd(t, 4);

	for (i = 0; i < k; i++)
		bits |= list[rnd(t, n)];
	return rnd(t, 40) ? bits : bits | 1l << rnd(t, 64);
}

long make_flags(struct thread *t, const long *list, int n)
{
	return rnd(t, 3) ? 0 : 1l << rnd(t, 32);
}

long make_milliseconds(struct thread *t, const long *list, int n)
{
	return rnd(t, 8) ? (long)rnd(t, 5) : edge(t);
}

long make_fd(struct thread *t, const long *list, int n)
{
	long r = result(t);

	if (rnd(t, 3) == 0 && r >= 0 && r < MAX_FD)
		return r;
	return rnd(t, 20) ? 3 + (long)rnd(t, MAX_FD - 3) : edge(t);
}

long make_close_fd(struct thread *t, const long *list, int n)
{
	return rnd(t, 20) ? 3 + (long)rnd(t, MAX_FD - 3) : edge(t);
}

long make_close_first(struct thread *t, const long *list, int n)
{
	return rnd(t, 4) ? 8 + (long)rnd(t, MAX_FD) : edge(t);
}

long make_dirfd(struct thread *t, const long *list, int n)
{
	return rnd(t, 3) ? -100 /* AT_FDCWD */ : make_fd(t, list, n);
}

long make_signal(struct thread *t, const long *list, int n)
{
	long sig = 1 + rnd(t, 64);

	if (sig == 9 || sig == 19)
		return rnd(t, 8) ? 10 : sig;
	return rnd(t, 16) ? sig : edge(t);
}

/* The pid may be one that the supervisor needs: forbidden() in worker.c refuses the whole call. */
long make_pid(struct thread *t, const long *list, int n)
{
	switch (rnd(t, 6)) {
	case 0: return 0;
	case 1: return raw(39 /* getpid */, 0, 0, 0, 0, 0, 0);
	case 2: return raw(186 /* gettid */, 0, 0, 0, 0, 0, 0);
	case 3: return raw(39, 0, 0, 0, 0, 0, 0) + (long)rnd(t, 24) - 8;
	case 4: return result(t);
	default: return edge(t);
	}
}

long make_address(struct thread *t, const long *list, int n)
{
	if (rnd(t, 24) == 0)
		return bad_pointer(t);
	return (long)(PLAY + PAGE * rnd(t, PLAY_PAGES) + (rnd(t, 16) ? 0 : rnd(t, 4096)));
}

long make_brk(struct thread *t, const long *list, int n)
{
	long now = raw(12 /* brk */, 0, 0, 0, 0, 0, 0);

	return rnd(t, 8) ? now + (long)rnd(t, 20) * 1000 - 4000 : edge(t);
}

/*
 * A buffer to read from or to write to: part of the scratch area, with any contents, or of the
 * memory that calls map and unmap.
 */
long make_buffer(struct thread *t, const long *list, int n)
{
	if (bad_now(t))
		return bad_pointer(t);
	if (rnd(t, 4) == 0)
		return (long)(PLAY + PAGE * rnd(t, PLAY_PAGES) + rnd(t, 4096));
	return (long)room(t, 64u << rnd(t, 7));
}

/* Fills a structure of any kind with numbers of 4 and 8 bytes that calls may accept. */
static void fill(struct thread *t, void *at, size_t size)
{
	uint32_t *p = at;
	size_t i;

	for (i = 0; i + 2 <= size / 4; i += 2) {
		switch (rnd(t, 6)) {
		case 0:
			p[i] = rnd(t, 64);
			p[i + 1] = rnd(t, 64);
			break;
		case 1: *(int64_t *)(p + i) = make_buffer(t, NULL, 0); break;
		case 2: *(int64_t *)(p + i) = make_number(t, NULL, 0); break;
		case 3: *(int64_t *)(p + i) = make_fd(t, NULL, 0); break;
		case 4: *(int64_t *)(p + i) = 1l << rnd(t, 64); break;
		default: *(int64_t *)(p + i) = 0;
		}
	}
}

long make_numbers(struct thread *t, const long *list, int n)
{
	size_t size = 8u << rnd(t, 6);
	void *p = room(t, size);

	if (bad_now(t))
		return bad_pointer(t);
	if (rnd(t, 4) == 0)
		memset(p, 0, size);
	else
		fill(t, p, size);
	return (long)p;
}

static long make_words(struct thread *t, const uint64_t *w, int n)
{
	uint64_t *p = room(t, n * 8);

	memcpy(p, w, n * 8);
	return bad_now(t) ? bad_pointer(t) : (long)p;
}

/* Four words with short times: also a timeval, timespec[2], itimerval or itimerspec. */
long make_timespec(struct thread *t, const long *list, int n)
{
	uint64_t w[4];
	int i;

	if (rnd(t, 12) == 0)
		return 0;
	for (i = 0; i < 4; i += 2) {
		w[i] = rnd(t, 24) ? 0 : (uint64_t)edge(t);
		w[i + 1] = rnd(t, 24) ? rnd(t, 4) * 900 * rnd(t, 900) : (uint64_t)edge(t);
	}
	return make_words(t, w, 4);
}

long make_sigset(struct thread *t, const long *list, int n)
{
	uint64_t w = rnd(t, 3) ? 1ul << rnd(t, 64) : wide(t);

	return make_words(t, &w, 1);
}

long make_sigsetsize(struct thread *t, const long *list, int n)
{
	return rnd(t, 24) ? 8 : edge(t);
}

static void handler(int sig)
{
}

__asm__(".globl fuzz_restorer\nfuzz_restorer:\n\tmov $15, %eax\n\tsyscall\n");
void fuzz_restorer(void);

long make_sigaction(struct thread *t, const long *list, int n)
{
	static const uint64_t flags[] = { 0x08000000, 0x10000000, 0x40000000, 0x80000000, 1, 2, 4,
		8 };
	uint64_t w[4];

	if (rnd(t, 8) == 0)
		return 0;
	w[0] = rnd(t, 3) ? (uint64_t)(uintptr_t)handler :
	       rnd(t, 8) ? rnd(t, 2) :
			   (uint64_t)bad_pointer(t);
	w[1] = 0x04000000 | flags[rnd(t, 8)] | flags[rnd(t, 8)]; /* SA_RESTORER */
	w[2] = (uint64_t)(uintptr_t)fuzz_restorer;
	w[3] = rnd(t, 2) ? 0 : wide(t);
	return make_words(t, w, 4);
}

long make_altstack(struct thread *t, const long *list, int n)
{
	uint64_t w[3] = { PLAY + PAGE * rnd(t, PLAY_PAGES), rnd(t, 8) ? 0 : rnd(t, 4),
		rnd(t, 8) ? 4 * PAGE : rnd(t, 4096) };

	return rnd(t, 6) ? make_words(t, w, 3) : 0;
}

long make_iovec(struct thread *t, const long *list, int n)
{
	uint64_t w[16];
	int i;

	for (i = 0; i < 16; i += 2) {
		w[i] = (uint64_t)make_buffer(t, NULL, 0);
		w[i + 1] = rnd(t, 24) ? rnd(t, 4) * rnd(t, 1000) : (uint64_t)edge(t);
	}
	return make_words(t, w, 16);
}

long make_pollfds(struct thread *t, const long *list, int n)
{
	uint64_t w[8];
	int i;

	for (i = 0; i < 8; i++)
		w[i] = (uint32_t)make_fd(t, NULL, 0) | (uint64_t)rnd(t, 0x2040) << 32;
	return make_words(t, w, 8);
}

long make_fd_set(struct thread *t, const long *list, int n)
{
	uint64_t w[2] = { wide(t) & wide(t) & ((1ul << MAX_FD) - 1), 0 };

	return rnd(t, 3) ? make_words(t, w, 2) : 0;
}

long make_epoll_event(struct thread *t, const long *list, int n)
{
	uint64_t w[2] = { rnd(t, 0x40) | (uint64_t)rnd(t, 16) << 28, wide(t) };

	return make_words(t, w, 2);
}

/* Returns port 0 or 20000 to 20002, in network order. */
static uint64_t any_port(struct thread *t)
{
	return rnd(t, 4) ? 0x4e | (0x20ul + rnd(t, 3)) << 8 : 0;
}

long make_sockaddr(struct thread *t, const long *list, int n)
{
	uint64_t w[16] = { 0 };
	char *p = (char *)w;

	switch (rnd(t, 8)) {
	case 0: /* 127.0.0.1 */
	case 1: w[0] = 2 | any_port(t) << 16 | 0x0100007ful << 32; break;
	case 2: /* ::1 */
		w[0] = 10 | any_port(t) << 16;
		p[23] = 1;
		break;
	case 3:
		p[0] = (char)rnd(t, 46);
		w[1] = wide(t);
		break;
	default: /* AF_UNIX */
		p[0] = 1;
		p[2] = rnd(t, 2) ? 's' : 0;
		p[3] = rnd(t, 2) ? (char)('a' + rnd(t, 3)) : 0;
	}
	return make_words(t, w, 16);
}

long make_socklen(struct thread *t, const long *list, int n)
{
	uint64_t w = rnd(t, 4) ? rnd(t, 130) : (uint64_t)edge(t);

	return make_words(t, &w, 1);
}

/* A struct msghdr or mmsghdr[2] with descriptors or credentials. */
long make_msghdr(struct thread *t, const long *list, int n)
{
	uint64_t w[16] = { 0 }, control[8] = { 0 };
	int i, nfds = rnd(t, 5);

	control[0] = 16 + 4 * nfds;
	/* SOL_SOCKET, SCM_RIGHTS or SCM_CREDENTIALS */
	control[1] = 1 | (rnd(t, 8) ? 1ul : 2ul) << 32;
	for (i = 0; i < nfds; i++)
		((int *)(control + 2))[i] = (int)make_fd(t, NULL, 0);
	for (i = 0; i < 16; i += 8) {
		w[i] = rnd(t, 3) ? 0 : (uint64_t)make_sockaddr(t, NULL, 0);
		w[i + 1] = rnd(t, 3) ? 0 : rnd(t, 130);
		w[i + 2] = (uint64_t)make_iovec(t, NULL, 0);
		w[i + 3] = rnd(t, 16) ? rnd(t, 5) : (uint64_t)edge(t);
		w[i + 4] = rnd(t, 2) ? 0 : (uint64_t)make_words(t, control, 8);
		w[i + 5] = rnd(t, 16) ? control[0] : (uint64_t)edge(t);
	}
	return make_words(t, w, 16);
}

long make_offset_at(struct thread *t, const long *list, int n)
{
	uint64_t w = (uint64_t)make_file_offset(t, NULL, 0);

	return rnd(t, 2) ? 0 : make_words(t, &w, 1);
}

static const char *const paths[] = { "a", "b", "c", "f", "g", "d", "d/a", "d/b", "d/e", "d/e/f",
	"link", "loop", "dangling", ".", "..", "/", "", "d/", "a/", "d/..", "d/e/../..", "//d//a",
	"fifo", "sock", "sa", "new", "new/new", "/dev/null", "/dev/zero", "/dev/full", "/dev/ptmx",
	"/dev/tty", "/dev/pts/0", "/dev/pts/1", "/dev/urandom", "/proc/self/maps", "/proc/self/fd",
	"/proc/self/fd/5", "/proc/self/fd/9", "/proc/self/exe", "/proc/self/mem", "/proc/self/cwd",
	"/proc/self/root", "/proc/self/task", "/proc/self/smaps", "/proc/self/stat",
	"/proc/self/status", "/proc/self/ns/mnt", "/proc/self/ns/pid", "/proc/self/fdinfo/4",
	"/proc/self/mountinfo", "/proc/self/oom_score_adj", "/proc/self/environ", "/proc/self/comm",
	"/proc/self/pagemap", "/proc/meminfo", "/proc/slabinfo", "/proc/stat", "/proc/locks",
	"/proc/self/clear_refs", "/proc/1/maps", "/proc/sys/kernel/hostname",
	"/proc/self/attr/current", "/proc/self/uid_map", "/proc/self/setgroups", "/fuzz", "m",
	"m/a" };

static const char *const texts[] = { "user.a", "user.b", "user.", "trusted.x",
	"security.capability", "system.posix_acl_access", "tmpfs", "proc", "sysfs", "ext4",
	"devpts", "overlay", "cgroup2", "mqueue", "fuse", "/q", "/r", "name", "", "user", "keyring",
	"source", "size=1M", "size", "mode=700", "lowerdir=d,upperdir=d/e,workdir=m", "ro",
	"seccomp" };

static char *text(struct thread *t, const char *s)
{
	size_t size = strlen(s) + 1;
	char *p = room(t, size);

	memcpy(p, s, size);
	return p;
}

static char *long_text(struct thread *t)
{
	static const int sizes[] = { 254, 255, 256, 4094, 4095, 4096, 4097, 9000 };
	int i, size = sizes[rnd(t, 8)];
	char *p = room(t, size + 1);

	memset(p, 'n', size);
	for (i = 100; size > 256 && i < size; i += 100)
		p[i] = '/';
	p[size] = '\0';
	return p;
}

long make_path(struct thread *t, const long *list, int n)
{
	if (bad_now(t))
		return bad_pointer(t);
	if (rnd(t, 32) == 0)
		return (long)long_text(t);
	/* mostly one of the first 26, which are files and folders in the sandbox */
	return (long)text(t, paths[rnd(t, rnd(t, 3) ? 26 : sizeof(paths) / sizeof(paths[0]))]);
}

long make_text(struct thread *t, const long *list, int n)
{
	if (bad_now(t))
		return bad_pointer(t);
	if (rnd(t, 32) == 0)
		return (long)long_text(t);
	return (long)text(t, texts[rnd(t, sizeof(texts) / sizeof(texts[0]))]);
}

long make_argv(struct thread *t, const long *list, int n)
{
	uint64_t w[4] = { 0 };
	int i;

	if (rnd(t, 8) == 0)
		return make_numbers(t, list, n);
	w[0] = (uint64_t)(uintptr_t)text(t, "/fuzz");
	w[1] = (uint64_t)(uintptr_t)text(t, "x");
	for (i = 2; i < 3 && rnd(t, 2); i++)
		w[i] = (uint64_t)(uintptr_t)long_text(t);
	return make_words(t, w, 4);
}

/* One of a few words that all threads share. */
long make_futex(struct thread *t, const long *list, int n)
{
	if (bad_now(t))
		return bad_pointer(t);
	return (long)(PLAY + PAGE * (PLAY_PAGES - 1) + 4ul * rnd(t, 4));
}

long make_waitv(struct thread *t, const long *list, int n)
{
	uint64_t w[12];
	int i;

	for (i = 0; i < 12; i += 3) {
		w[i] = rnd(t, 3);
		w[i + 1] = (uint64_t)make_futex(t, NULL, 0);
		w[i + 2] = rnd(t, 16) ? 2 | rnd(t, 2) << 7 : wide(t);
	}
	return make_words(t, w, 12);
}

long make_robust(struct thread *t, const long *list, int n)
{
	uint64_t w[3] = { PLAY + PAGE * rnd(t, PLAY_PAGES), (uint64_t)(rnd(t, 4) ? 0 : edge(t)),
		(uint64_t)make_futex(t, NULL, 0) };
	uint64_t *p = room(t, 24);

	memcpy(p, w, 24);
	if (rnd(t, 2))
		p[0] = (uint64_t)(uintptr_t)p; /* empty */
	return (long)p;
}

long make_siginfo(struct thread *t, const long *list, int n)
{
	uint64_t w[16] = { 0 };

	w[0] = rnd(t, 65);
	w[1] = (uint32_t)(rnd(t, 2) ? -1 - (int)rnd(t, 7) : (int)rnd(t, 10));
	w[2] = wide(t);
	w[3] = wide(t);
	return rnd(t, 4) ? make_words(t, w, 16) : make_buffer(t, list, n);
}

long make_sigevent(struct thread *t, const long *list, int n)
{
	uint64_t w[8] = { 0 };

	w[0] = wide(t);
	w[1] = 1 + rnd(t, 64) | (uint64_t)rnd(t, 5) << 32;
	w[2] = (uint32_t)make_pid(t, NULL, 0);
	return rnd(t, 4) ? make_words(t, w, 8) : 0;
}

/* Limits that let the worker go on and that do not use up the guest's memory. */
long make_rlimit(struct thread *t, const long *list, int n)
{
	uint64_t w[2] = { 64 + rnd(t, 1 << 28), (uint64_t)(rnd(t, 2) ? 1 << 28 : edge(t)) };

	return rnd(t, 2) ? make_words(t, w, 2) : 0;
}

long make_capheader(struct thread *t, const long *list, int n)
{
	static const uint32_t version[] = { 0x19980330, 0x20071026, 0x20080522, 0x20080522, 7 };
	uint64_t w = version[rnd(t, 5)] | (uint64_t)(rnd(t, 4) ? 0 : (uint32_t)make_pid(t, NULL, 0))
						  << 32;

	return make_words(t, &w, 1);
}

long make_mq_attr(struct thread *t, const long *list, int n)
{
	uint64_t w[8] = { rnd(t, 2) ? 0 : 0x800, rnd(t, 12), rnd(t, 200), 0 };

	return rnd(t, 3) ? make_words(t, w, 8) : make_numbers(t, list, n);
}

long make_sembuf(struct thread *t, const long *list, int n)
{
	uint16_t w[24];
	int i;

	for (i = 0; i < 24; i += 3) {
		w[i] = rnd(t, 4);
		w[i + 1] = (uint16_t)(rnd(t, 5) - 2);
		w[i + 2] = (uint16_t)(rnd(t, 4) << 11); /* IPC_NOWAIT, SEM_UNDO */
	}
	return make_words(t, (uint64_t *)w, 6);
}

/* Pointers to four iocbs for calls on files. */
long make_iocbs(struct thread *t, const long *list, int n)
{
	uint64_t cb[8] = { 0 }, w[4];
	int i;

	for (i = 0; i < 4; i++) {
		cb[2] = rnd(t, 9) | (uint64_t)make_fd(t, NULL, 0) << 32;
		cb[3] = (uint64_t)make_buffer(t, NULL, 0);
		cb[4] = rnd(t, 5000);
		cb[5] = rnd(t, 5000);
		w[i] = (uint64_t)make_words(t, cb, 8);
	}
	return make_words(t, w, 4);
}

/* A struct sock_fprog that refuses a random call and allows all others. */
long make_filter(struct thread *t, const long *list, int n)
{
	uint64_t code[] = { 0x0000000000000020, 0x15 | 1ul << 16 | (uint64_t)rnd(t, 330) << 32,
		0x7fff000000000006,
		6 | (rnd(t, 2) ? 0x00050000ul + rnd(t, 40) : 0x7fc00000ul) << 32 };
	uint64_t w[2] = { rnd(t, 12) ? 4 : rnd(t, 9), (uint64_t)make_words(t, code, 4) };

	/* ld nr; jeq X, 1, 0; "allow"; "refuse": X jumps, other calls fall through */
	return rnd(t, 3) ? make_words(t, w, 2) : make_numbers(t, list, n);
}

long make_clone_flags(struct thread *t, const long *list, int n)
{
	static const uint64_t flags[] = { 0x100, 0x200, 0x400, 0x800, 0x2000, 0x4000, 0x8000,
		0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x1000000, 0x2000000,
		0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80000000, 0x1000,
		0x80 };
	uint64_t f = rnd(t, 3) ? 17 : 0;
	int i, k = rnd(t, 4);

	for (i = 0; i < k; i++)
		f |= flags[rnd(t, sizeof(flags) / sizeof(flags[0]))];
	return (long)f;
}

long make_prctl(struct thread *t, const long *list, int n)
{
	return rnd(t, 8) ? (long)rnd(t, 68) : rnd(t, 2) ? 0x53564d41 : 0x59616d61;
}

/* A request of terminals, pipes, files, sockets, block devices, loops or namespaces. */
long make_ioctl(struct thread *t, const long *list, int n)
{
	static const uint32_t bases[] = { 0x1200, 0x4c00, 0x8900, 0x80086601, 0xc020660b, 0xb701,
		0x80045430, 0x80047476, 0x40087601, 0xc018aa3f, 0x40049409, 0x80045440 };

	switch (rnd(t, 3)) {
	case 0: return bases[rnd(t, sizeof(bases) / sizeof(bases[0]))] + rnd(t, 32);
	case 1: return 0x5450 + (long)rnd(t, 16);
	default: return 0x5401 + (long)rnd(t, 0x60);
	}
}

long make_ioctl_arg(struct thread *t, const long *list, int n)
{
	return rnd(t, 2) ? make_numbers(t, list, n) :
	       rnd(t, 2) ? (long)rnd(t, 8) :
			   make_buffer(t, list, n);
}

long make_fcntl_arg(struct thread *t, const long *list, int n)
{
	uint64_t w[4] = { rnd(t, 3) | (uint64_t)rnd(t, 3) << 16, rnd(t, 100), rnd(t, 100), 0 };

	switch (rnd(t, 4)) {
	case 0: return rnd(t, MAX_FD);
	case 1: return 1l << rnd(t, 24);
	case 2: return make_number(t, list, n);
	default: return make_words(t, w, 4); /* struct flock */
	}
}

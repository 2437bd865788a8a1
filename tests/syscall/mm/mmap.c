/* SPDX-License-Identifier: MIT */
/*
 * mmap(2), munmap(2): private and shared, files and anonymous, fixed addresses, ends of files,
 * errors.
 */
#include "t.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int fault_signal, fault_code;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	fault_signal = sig;
	fault_code = si->si_code;
	siglongjmp(back, 1);
}

static void touch(const char *what, volatile char *p, int write)
{
	if (sigsetjmp(back, 1)) {
		say("%s: %s code %d", what, t_signame(fault_signal), fault_code);
		return;
	}
	if (write)
		*p = 1;
	else
		(void)*p;
	say("%s: fine", what);
}

static int failed(void *p)
{
	return p == MAP_FAILED ? errno : 0;
}
#define ERR(e)                                                                                     \
	({                                                                                         \
		int err_ = failed(e);                                                              \
		say("%s: %s", #e, err_ ? t_errno(err_) : "ok");                                    \
	})

static void files(void)
{
	char buf[32] = "";
	char *priv, *shared, *ro;
	int fd, rofd;

	t_text("f", "0123456789");
	fd = NEED(open("f", O_RDWR));
	rofd = NEED(open("f", O_RDONLY));
	priv = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say("%.10s, zeros behind: %d", priv, !priv[10] && !priv[4095]);
	shared[0] = 'S';
	NEED(pread(fd, buf, 10, 0));
	say("shared write is in the file: %s; private sees it before its own: %c", buf, priv[0]);
	priv[1] = 'P';
	NEED(pread(fd, buf, 10, 0));
	say("private write is not: %s", buf);
	shared[2] = 's';
	NEED(pwrite(fd, "w", 1, 3));
	say("the copied page stays: %.5s, shared %.5s", priv, shared);
	touch("beyond the file's last page", shared + PAGE, 0);
	close(fd);
	shared[4] = '!';
	t_cat("f");
	ro = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, rofd, 0);
	touch("read only", ro, 1);
	ERR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, rofd, 0));
	ERR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, rofd, 0));
	T(mprotect(ro, PAGE, PROT_READ | PROT_WRITE));
	fd = NEED(open("f", O_WRONLY));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	ERR(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, NEED(open("f", O_PATH)), 0));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, NEED(open(".", O_RDONLY)), 0));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, -1, 0));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, rofd, 100));
	ERR(mmap(NULL, 0, PROT_READ, MAP_SHARED, rofd, 0));
	ERR(mmap(NULL, PAGE, PROT_READ, 0, rofd, 0));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_PRIVATE, rofd, 0));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, rofd, 1ul << 40));
	touch("pages far behind the end", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, rofd, 1 << 20),
		0);
}

static void pieces(void)
{
	char *p, buf[8];
	int fd = NEED(open("big", O_RDWR | O_CREAT, 0600)), i;

	NEED(ftruncate(fd, 16 * PAGE));
	for (i = 0; i < 16; i++)
		NEED(pwrite(fd, &"abcdefghijklmnop"[i], 1, i * PAGE));
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8 * PAGE);
	say("%c %c", p[0], p[3 * PAGE]);
	ERR(mmap(p + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	say("%c %c %c", p[0], p[PAGE], p[2 * PAGE]);
	T(munmap(p + 2 * PAGE, PAGE));
	touch("hole", p + 2 * PAGE, 0);
	touch("behind the hole", p + 3 * PAGE, 0);
	p[3 * PAGE] = 'X';
	NEED(pread(fd, buf, 1, 11 * PAGE));
	say("%c", buf[0]);
	T(munmap(p, 4 * PAGE)); /* with a hole */
	T(munmap(p, 4 * PAGE)); /* nothing there */
	T(munmap(p + 1, PAGE));
	T(munmap(p, 0));
	T(munmap((void *)(~0ul << 12), PAGE));
	T(munmap((void *)0x7fffffffe000, PAGE)); /* the last that a program may have */
	T(munmap((void *)0x7fffffffe000, 2 * PAGE));
}

static void anonymous(void)
{
	char *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *q;
	int i, sum = 0;

	for (i = 0; i < 64 * PAGE; i += 64)
		sum += p[i];
	say("zero: %d, aligned %d", !sum, !((uintptr_t)p & (PAGE - 1)));
	p[5 * PAGE] = 'x';
	ERR(mmap(p + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	say("fixed replaces: %d", p[5 * PAGE]);
	ERR(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	NEED(munmap(p, PAGE));
	ERR(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	ERR(mmap(p + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	q = mmap(p + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("a hint may be odd: %d", q != MAP_FAILED && !((uintptr_t)q & (PAGE - 1)));
	ERR(mmap((void *)0x7fffffffffff000ul, PAGE, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	ERR(mmap(NULL, 1ul << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ERR(mmap(NULL, ~0ul, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ERR(mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
	ERR(mmap(NULL, 1ul << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	q = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
		-1, 0);
	CHILD(q[PAGE] = 'c');
	say("shared with a child: %c", q[PAGE]);
	touch("null", NULL, 0);
	touch("no canonical address", (void *)0x8000000000000000ul, 0);
	touch("kernel address", (void *)0xffffffff80000000ul, 1);
	touch("PROT_NONE", mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0);
}

static void growing(void)
{
	/* pages that appear when a file grows under its mapping */
	int fd = NEED(open("grow", O_RDWR | O_CREAT, 0600));
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	touch("empty file", p, 0);
	NEED(ftruncate(fd, PAGE + 1));
	touch("second page", p + PAGE, 1);
	touch("third page", p + 2 * PAGE, 1);
	NEED(ftruncate(fd, 4 * PAGE));
	touch("third page, grown", p + 2 * PAGE, 1);
	NEED(ftruncate(fd, PAGE));
	touch("second page, cut", p + PAGE, 0);
	NEED(unlink("grow"));
	close(fd);
	touch("unlinked and closed", p, 1);
}

static void code(void)
{
	static const unsigned char ret7[] = { 0xb8, 7, 0, 0, 0, 0xc3 };
	unsigned char *p =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(p, ret7, sizeof(ret7));
	if (sigsetjmp(back, 1))
		say("no execution: %s code %d", t_signame(fault_signal), fault_code);
	else
		say("executed without PROT_EXEC: %d", ((int (*)(void))p)());
	NEED(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	say("executed: %d", ((int (*)(void))p)());
	NEED(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	p[1] = 8;
	NEED(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	say("changed: %d", ((int (*)(void))p)());
}

static void stack(void)
{
	volatile char *sp = __builtin_frame_address(0);
	int i, sum = 0;

	for (i = 0; i < 64; i++)
		sum += sp[-i * PAGE - 8192];
	say("the stack grows: %d", sum == 0 || sum != 0);
}

TEST(mmap)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	files();
	pieces();
	anonymous();
	growing();
	code();
	stack();
}

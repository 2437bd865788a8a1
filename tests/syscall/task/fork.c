/* SPDX-License-Identifier: MIT */
/*
 * fork(2), vfork(2): what is copied, what is shared, what is reset; many children; copy-on-write.
 */
#include "t.h"

static int global = 1;

static void copies(void)
{
	int local = 1, fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	pid_t parent = getpid(), pid;
	char *priv = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	priv[0] = shared[0] = 'p';
	pid = NEED(fork());
	if (!pid) {
		say("child sees %d %d %c %c", global, local, priv[0], shared[0]);
		say("new pid %d, parent right %d, tid is pid %d", getpid() != parent,
			getppid() == parent, syscall(SYS_gettid) == getpid());
		global = local = 2;
		priv[0] = shared[0] = 'c';
		NEED(write(fd, "child", 5));
		_exit(7);
	}
	t_wait("child", pid);
	say("parent sees %d %d %c %c", global, local, priv[0], shared[0]);
	T(lseek(fd, 0, SEEK_CUR));
	T(waitpid(pid, NULL, 0));
}

static void resets(void)
{
	struct itimerval it = { { 0, 0 }, { 100, 0 } }, got;
	sigset_t set;
	struct rusage ru;

	/* pending signals and timers stay with the parent, masks and handlers are inherited */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t_handle(SIGUSR2, 0);
	raise(SIGUSR1);
	NEED(setitimer(ITIMER_REAL, &it, NULL));
	CHILD({
		sigset_t p, m;

		sigpending(&p);
		sigprocmask(SIG_BLOCK, NULL, &m);
		say("child: pending %d blocked %d", sigismember(&p, SIGUSR1),
			sigismember(&m, SIGUSR1));
		raise(SIGUSR2);
		say("handler ran %d", t_signals);
		getitimer(ITIMER_REAL, &got);
		say("timer %ld", (long)got.it_value.tv_sec);
		getrusage(RUSAGE_CHILDREN, &ru);
		say("children's time %ld", (long)ru.ru_utime.tv_sec);
	});
	it.it_value.tv_sec = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void many(void)
{
	int i, ok = 0, status;
	pid_t pids[100];

	for (i = 0; i < 100; i++)
		pids[i] = SPAWN(_exit(i));
	for (i = 99; i >= 0; i--)
		ok += waitpid(pids[i], &status, 0) == pids[i] && WEXITSTATUS(status) == i;
	say("%d of 100 children came back right", ok);
	T(wait(NULL));
}

static void cow(void)
{
	enum { N = 2 << 20 };
	unsigned char *p =
		mmap(NULL, N, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, bad = 0;
	pid_t pid;

	for (i = 0; i < N; i += 512)
		p[i] = (unsigned char)(i >> 9);
	pid = SPAWN({
		for (i = 0; i < N; i += 512)
			bad += p[i] != (unsigned char)(i >> 9);
		for (i = 0; i < N; i += 512)
			p[i] = 0xee;
		if (!fork()) {
			for (i = 0; i < N; i += 512)
				bad += p[i] != 0xee;
			_exit(bad != 0);
		}
		t_wait("grandchild", -1);
		_exit(bad != 0);
	});
	for (i = 0; i < N; i += 1024)
		p[i] = 0x11;
	t_wait("child", pid);
	for (i = 0; i < N; i += 512)
		bad += p[i] != (i % 1024 ? (unsigned char)(i >> 9) : 0x11);
	say("copy on write: %d bad", bad);
}

static void vforked(void)
{
	volatile int shared = 1;
	pid_t pid = vfork();

	if (!pid) {
		shared = 2;
		_exit(3);
	}
	say("vfork: parent waited and sees %d", shared);
	t_wait("child", pid);
}

static void orphan(void)
{
	int p[2];
	char c;

	NEED(pipe(p));
	CHILD({
		pid_t mid = getpid();

		if (!fork()) {
			while (getppid() == mid)
				usleep(1000);
			NEED(write(p[1], "o", 1));
			_exit(0);
		}
	});
	close(p[1]);
	T(read(p[0], &c, 1)); /* it has another parent */
	T(read(p[0], &c, 1)); /* it has gone */
}

TEST(fork)
{
	struct rlimit lim = { 0, 0 };

	copies();
	resets();
	many();
	cow();
	vforked();
	orphan();
	CHILD({
		NEED(setuid(54321));
		NEED(setrlimit(RLIMIT_NPROC, &lim));
		T(fork());
	});
}

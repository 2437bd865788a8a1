/* SPDX-License-Identifier: MIT */
/*
 * worker.c: one round. worker() builds the sandbox (a folder on the root file system or a tmpfs of
 * its own, with /proc, a few devices and this program in it), gives up root's rights if the round
 * says so, and starts threads that make random calls of this round's menu. The first thread pokes
 * those that sleep too long. When all are done, or after a second, it exits; what is left then is
 * the supervisor's to kill.
 *
 * clone() and its kin are calls like others, but their children run child_calls(): a few more
 * calls, then exit.
 */
#define _GNU_SOURCE
#include "fuzz.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CHILDREN 60 /* of one round */

static struct thread threads[MAX_THREADS];
static uint16_t menu[600];
static int nmenu;
static int todo; /* calls of each thread */

/* ---- what must not be called ---- */

/* True if @pid names all processes, init, or a process of the supervisor or its group. */
static bool is_protected(long pid)
{
	int i;

	if (pid == -1 || pid == 1 || pid == -1 - 1)
		return true;
	for (i = 0; i < 4; i++)
		if (protect->pid[i] && (pid == protect->pid[i] || pid == -protect->pid[i]))
			return true;
	return false;
}

/*
 * True if the call @c with arguments @a may reach a process that must live: root could stop the
 * supervisor, or all processes.
 */
static bool forbidden(const struct thread *t, const struct call *c, const long *a)
{
	int i;

	for (i = 0; i < c->nargs; i++) {
		long pid = (int)a[i];

		if (c->args[i].make != make_pid || !is_protected(pid))
			continue;
		/* wait4(-1) and the like are harmless, kill(-1) is not */
		if (pid == -1 && c->nr != SYS_kill && c->nr != SYS_setpriority &&
			c->nr != SYS_ioprio_set)
			continue;
		return true;
	}
	if (c->nr == SYS_fcntl && ((int)a[1] == F_SETOWN || (int)a[1] == F_SETOWN_EX))
		return is_protected((int)a[2]);
	return c->nr == SYS_pidfd_open && is_protected((int)a[0]);
}

/* ---- children ---- */

static void child_calls(struct thread *t, int n) __attribute__((noreturn));

/* Runs on the new stack of a child, whose struct thread is above it. */
static void child_on_stack(struct thread *t)
{
	child_calls(t, 6);
}

/*
 * Makes a call of clone, clone3, fork or vfork. Returns its result in the parent: the child makes a
 * few calls and exits. With CLONE_VM the child has a stack of its own. The child of vfork() runs
 * below this frame on the parent's stack and never returns to it.
 */
static __attribute__((noinline)) long do_clone(struct thread *t, const struct call *c, long *a)
{
	uint64_t args[11] = { 0 };
	struct thread *copy = NULL;
	char *stack = NULL;
	long ret;

	if (t->is_child || __sync_add_and_fetch(&t->log->children, 1) > MAX_CHILDREN)
		return -11;
	if (c->nr == SYS_clone || c->nr == SYS_clone3) {
		long flags = make_clone_flags(t, NULL, 0);

		if (flags & CLONE_VM) {
			stack = (char *)raw(
				SYS_mmap, 0, 16 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if ((unsigned long)stack > -4096ul)
				return -12;
			copy = (struct thread *)(stack + 12 * PAGE);
			*copy = *t;
			copy->scratch = copy->bump =
				stack; /* what ends beyond it is still its own */
		}
		if (!stack)
			flags &= ~(long)CLONE_SETTLS;
		args[0] = flags & ~0xfful;
		args[1] = (uint64_t)make_buffer(t, NULL, 0);
		args[2] = (uint64_t)make_buffer(t, NULL, 0);
		args[3] = (uint64_t)make_buffer(t, NULL, 0);
		args[4] = flags & 0xff;
		args[5] = (uint64_t)(stack ? stack + 2 * PAGE : 0);
		args[6] = stack ? 10 * PAGE : 0;
		args[7] = (uint64_t)make_buffer(t, NULL, 0);
		if (rnd(t, 16) == 0)
			args[rnd(t, 11)] = (uint64_t)make_number(t, NULL, 0);
		if (c->nr == SYS_clone3) {
			a[0] = (long)args;
			a[1] = rnd(t, 16) ? 88 : make_length(t, NULL, 0);
		} else {
			a[0] = flags;
			a[1] = stack ? (long)(stack + 12 * PAGE) : 0;
			a[2] = (long)args[2];
			a[3] = (long)args[1];
			a[4] = (long)args[7];
		}
		if (stack) {
			register long r10 __asm__("r10") = a[3];
			register long r8 __asm__("r8") = a[4];

			__asm__ volatile("syscall\n\t"
					 "test %%rax, %%rax\n\t"
					 "jnz 1f\n\t"
					 "xor %%ebp, %%ebp\n\t"
					 "mov %[copy], %%rdi\n\t"
					 "and $-16, %%rsp\n\t"
					 "call *%[entry]\n\t"
					 "hlt\n"
					 "1:"
					 : "=a"(ret)
					 : "a"(c->nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10),
					 "r"(r8), [copy] "r"(copy), [entry] "r"(child_on_stack)
					 : "rcx", "r11", "memory");
			return ret;
		}
	}
	ret = raw(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (ret == 0)
		child_calls(t, 6);
	return ret;
}

/* ---- calls ---- */

static void one_call(struct thread *t, const struct call *c)
{
	long a[6] = { 0 }, ret;
	int i;

	t->bump = t->scratch;
	for (i = 0; i < c->nargs; i++)
		a[i] = c->args[i].make(t, c->args[i].list, c->args[i].n);
	if (forbidden(t, c, a))
		return;
	for (i = 0; i < 6; i++)
		t->log->args[t->index][i] = a[i];
	t->log->nr[t->index] = c->nr;
	switch (c->nr) {
	case SYS_clone:
	case SYS_clone3:
	case SYS_fork:
	case SYS_vfork: ret = do_clone(t, c, a); break;
	case SYS_exit:
	case SYS_rt_sigreturn:
		if (rnd(t, 50))
			return;
		/* fall through */
	default: ret = raw(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	t->log->done[t->index]++;
	if (ret > 2)
		t->recent[t->nrecent++ % RECENT] = ret;
}

static void open_something(struct thread *t);

static void make_calls(struct thread *t, int n)
{
	while (n-- > 0) {
		if (rnd(t, 24) == 0)
			open_something(t);
		one_call(t, &calls[t->menu[rnd(t, t->nmenu)]]);
	}
}

static void child_calls(struct thread *t, int n)
{
	t->is_child = true;
	t->rnd = mix(t->rnd + 12345);
	make_calls(t, n);
	for (;;)
		raw(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/* ---- files ---- */

/* Opens a descriptor of a random kind, so that there always are a few of each. */
static void open_something(struct thread *t)
{
	static const char *const names[] = { "f", "g", "d", "d/a", "fifo", "/dev/zero", "/dev/ptmx",
		"/proc/self/maps", "/proc/self/fd", "/dev/null", "/proc/self/mem", ".", "new" };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "sa" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f };
	uint64_t all = ~0ul;
	int fds[2], one = 1;
	long r;

	switch (rnd(t, 20)) {
	case 0: raw(SYS_pipe2, (long)fds, O_NONBLOCK, 0, 0, 0, 0); break;
	case 1: raw(SYS_socketpair, AF_UNIX, 1 + rnd(t, 2), 0, (long)fds, 0, 0); break;
	case 2:
		raw(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, (long)fds, 0, 0);
		break;
	case 3: raw(SYS_eventfd2, rnd(t, 5), EFD_NONBLOCK, 0, 0, 0, 0); break;
	case 4: raw(SYS_epoll_create1, 0, 0, 0, 0, 0, 0); break;
	case 5: raw(SYS_timerfd_create, rnd(t, 2), TFD_NONBLOCK, 0, 0, 0, 0); break;
	case 6: raw(SYS_signalfd4, -1, (long)&all, 8, SFD_NONBLOCK, 0, 0); break;
	case 7: raw(SYS_memfd_create, (long)"m", 2, 0, 0, 0, 0); break;
	case 8:
		r = raw(SYS_inotify_init1, 0x800, 0, 0, 0, 0, 0);
		raw(SYS_inotify_add_watch, r, (long)".", 0xfff, 0, 0, 0);
		break;
	case 9:
		r = raw(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, 0, 0, 0);
		raw(SYS_unlink, (long)"sa", 0, 0, 0, 0, 0);
		raw(SYS_bind, r, (long)&un, sizeof(un), 0, 0, 0);
		raw(SYS_listen, r, 3, 0, 0, 0, 0);
		break;
	case 10:
		r = raw(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, 0, 0, 0);
		raw(SYS_connect, r, (long)&un, sizeof(un), 0, 0, 0);
		break;
	case 11: raw(SYS_pidfd_open, raw(SYS_getpid, 0, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0); break;
	case 13: /* a port of make_sockaddr()'s */
	case 14:
		in.sin_port = htons(20000 + rnd(t, 3));
		r = raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, 0, 0, 0);
		raw(SYS_setsockopt, r, SOL_SOCKET, SO_REUSEADDR, (long)&one, 4, 0);
		if (raw(SYS_bind, r, (long)&in, sizeof(in), 0, 0, 0) == 0 && rnd(t, 4))
			raw(SYS_listen, r, 3, 0, 0, 0, 0);
		else
			raw(SYS_connect, r, (long)&in, sizeof(in), 0, 0, 0);
		break;
	case 15:
		in.sin_port = htons(20000 + rnd(t, 3));
		r = raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0, 0, 0, 0);
		raw(rnd(t, 2) ? SYS_bind : SYS_connect, r, (long)&in, sizeof(in), 0, 0, 0);
		break;
	case 12: raw(SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0, 0, 0); break;
	default:
		raw(SYS_openat, AT_FDCWD, (long)names[rnd(t, 13)],
			(rnd(t, 2) ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CREAT, 0600, 0, 0);
	}
}

static void put_file(const char *name, int size)
{
	static char data[20000];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0666);

	memset(data, 'x', sizeof(data));
	if (fd < 0 || write(fd, data, size) != size)
		fprintf(stderr, "fuzz: cannot write %s\n", name);
	close(fd);
	chmod(name, 0666);
}

static void must(long ret, const char *what)
{
	if (ret < 0) {
		perror(what);
		_exit(77);
	}
}

static void make_box(const struct round *r)
{
	static const int devices[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 9 }, { 5, 0 },
		{ 5, 2 } };
	static const char *const names[] = { "null", "zero", "full", "urandom", "tty", "ptmx" };
	char path[64];
	int i;

	umask(0);
	if (r->tmpfs)
		must(mount("box", BOX, "tmpfs", 0, "size=16m"), "mount a tmpfs");
	must(chdir(BOX), "chdir");
	must(mkdir("proc", 0755) | mkdir("dev", 0755) | mkdir("dev/pts", 0755) | mkdir("w", 0777),
		"mkdir");
	must(mount("proc", "proc", "proc", 0, NULL), "mount proc");
	mount("devpts", "dev/pts", "devpts", 0, "ptmxmode=666");
	for (i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "dev/%s", names[i]);
		must(mknod(path, S_IFCHR | 0666, makedev(devices[i][0], devices[i][1])), path);
	}
	put_file("fuzz", 0);
	must(mount("/proc/self/exe", "fuzz", NULL, MS_BIND, NULL), "bind the program");
	must(chroot("."), "chroot");
	must(chdir("/w"), "chdir w");
	must(mkdir("d", 0777) | mkdir("d/e", 0777) | mkdir("m", 0777), "mkdir");
	put_file("f", 20000);
	put_file("g", 100);
	put_file("d/a", 4096);
	must(symlink("f", "link") | symlink("loop", "loop") | symlink("nothing", "dangling") |
			mkfifo("fifo", 0666),
		"links");
}

static void limits(void)
{
	struct rlimit files = { MAX_FD, MAX_FD }, size = { 8 << 20, 8 << 20 }, core = { 0, 0 },
		      space = { 512 << 20, 512 << 20 };
	struct rlimit procs = { 100, 100 };

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_FSIZE, &size);
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_AS, &space);
	setrlimit(RLIMIT_NPROC, &procs);
}

/* ---- threads ---- */

static void on_poke(int sig)
{
}

static void thread_main(struct thread *t)
{
	make_calls(t, todo);
	for (;;)
		raw(SYS_exit, 0, 0, 0, 0, 0, 0);
}

static void init_thread(struct thread *t, int index, uint64_t seed, struct log *log)
{
	int i;

	t->index = index;
	t->rnd = mix(seed + 1000 + index);
	t->log = log;
	t->menu = menu;
	t->nmenu = nmenu;
	t->scratch = mmap(
		NULL, SCRATCH + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(munmap(t->scratch + SCRATCH, PAGE), "munmap");
	for (i = 0; i < RECENT; i++)
		t->recent[i] = 3 + i;
	log->nr[index] = -1;
	log->done[index] = 0;
}

/*
 * Chooses the calls of the round: only a few, since long sequences of few calls find more than all
 * calls in equal numbers.
 */
static void choose_menu(uint64_t seed)
{
	struct thread t = { .rnd = mix(seed) };
	int i, kinds = 8 + rnd(&t, 60);

	nmenu = 0;
	for (i = 0; i < kinds; i++)
		menu[nmenu++] = rnd(&t, ncalls);
}

static void play_area(void)
{
	char *p = mmap((void *)PLAY, PLAY_PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	int fd = open("f", O_RDWR);

	must(p == MAP_FAILED ? -1 : 0, "play area");
	mmap(p + 8 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(p + 16 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap(p + 24 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mprotect(p + 32 * PAGE, 2 * PAGE, PROT_READ);
	mprotect(p + 36 * PAGE, PAGE, PROT_NONE);
	munmap(p + 40 * PAGE, 2 * PAGE);
	memset(p + (PLAY_PAGES - 4) * PAGE, 0, PAGE);
	close(fd);
}

static void become_nobody(void)
{
	gid_t group = 65534;

	must(setgroups(1, &group), "setgroups");
	must(setresgid(65534, 65534, 65534), "setresgid");
	must(setresuid(65534, 65534, 65534), "setresuid");
	prctl(PR_SET_DUMPABLE, 1);
}

static void handlers(void)
{
	struct sigaction sa = { .sa_handler = on_poke };
	int sig;

	for (sig = 1; sig < 65; sig++)
		if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE &&
			sig != SIGCHLD)
			sigaction(sig, &sa, NULL);
}

/*
 * Sends a signal to each thread that has made no call for 10 ms. Returns when all threads are done,
 * after a second, or when none has made a call for 250 ms.
 */
static void poke_threads(const struct round *r, struct log *log, const pid_t *tids)
{
	long seen[MAX_THREADS] = { 0 };
	int i, rounds, live = 1, idle = 0, self = getpid();

	for (rounds = 0; rounds < 100 && live && idle < 25; rounds++) {
		struct timespec ts = { 0, 10000000 };

		idle++;
		raw(SYS_nanosleep, (long)&ts, 0, 0, 0, 0, 0);
		for (i = 0, live = 0; i < r->nthreads; i++) {
			if (raw(SYS_tgkill, self, tids[i], 0, 0, 0, 0) == 0)
				live++;
			if (log->done[i] == seen[i])
				raw(SYS_tgkill, self, tids[i], 10, 0, 0, 0);
			else
				idle = 0;
			seen[i] = log->done[i];
		}
	}
}

static pid_t tids[MAX_THREADS];

static void *thread_start(void *arg)
{
	struct thread *t = arg;

	__atomic_store_n(&tids[t->index], gettid(), __ATOMIC_RELEASE);
	thread_main(t);
	return NULL;
}

void worker(const struct round *r, struct log *log)
{
	pthread_attr_t attr;
	pthread_t thread;
	int i, fd;

	setsid();
	make_box(r);
	limits();
	if (r->nobody)
		become_nobody();
	fd = open("/dev/null", O_RDWR);
	play_area();
	choose_menu(r->seed);
	todo = r->ncalls;
	handlers();
	for (i = 0; i < r->nthreads; i++)
		init_thread(&threads[i], i, r->seed, log);
	for (i = 0; i < 16; i++)
		open_something(&threads[0]);
	for (i = 0; i < 3; i++)
		dup2(fd, i);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	for (i = 0; i < r->nthreads; i++)
		if (pthread_create(&thread, &attr, thread_start, &threads[i]))
			_exit(78);
	for (i = 0; i < r->nthreads; i++)
		while (!__atomic_load_n(&tids[i], __ATOMIC_ACQUIRE))
			sched_yield();
	poke_threads(r, log, tids);
	for (;;)
		raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

void worker_child(uint64_t seed, struct log *log)
{
	struct thread *t = &threads[0];

	choose_menu(seed);
	init_thread(t, 0, seed, log);
	handlers();
	child_calls(t, 20);
}

/* SPDX-License-Identifier: MIT */
/*
 * space.c: the zygote's socket and the tasks of spaces, on the host's side; os_space.h is the
 * contract.
 *
 * The zygote is started by vfork and exec of a memfd. It is controlled over one SOCK_SEQPACKET
 * pair, and ends when the kernel process's socket closes. That socket is close-on-exec and never
 * leaves the process, so an end of file means that the kernel has ended.
 *
 * Invariants:
 * 1. A task's pid is valid from os_space_fork/adopt until os_space_reap, which alone lets the
 *    zygote reap it.
 * 2. request_lock is held over a request and its answer.
 */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"
#include "os-linux/why.h"
#include "skas/stub_abi.h"

#define MAX_TASKS 65536
#define IMAGE_FD 6 /* only in the child, before exec */
#define IMAGE_PATH "/proc/self/fd/6"
#define CHILD_SPARE_FD 64

static struct task {
	pid_t pid;
	/* true: kicked since os_space_quiet() last returned 0 */
	uint32_t kicked;
	bool traced;
	int next_free;
	uint64_t delay_seen; /* ns; for os_space_stolen() */
} * tasks;
/* the length of tasks[] and the list of free handles; protected by task_lock */
static int nr_tasks = 1, first_free;
static pthread_mutex_t task_lock = PTHREAD_MUTEX_INITIALIZER;

static int zygote_socket = -1;
static pid_t zygote;
/* -errno of the call that failed in the last child, or 0 */
static volatile int exec_refusal;
/* true if the zygote's policy is SCHED_OTHER; set once */
static bool ordinary;
static pthread_mutex_t request_lock = PTHREAD_MUTEX_INITIALIZER;

static uint32_t no_tasks[16 * OS_MAX_CPUS];
static uint32_t *running = no_tasks;
static uint32_t kickers[OS_MAX_CPUS]; /* threads inside kick_cpu() for that vCPU */

/* ---- requests ---- */

/*
 * Sends a request to the zygote, with a duplicate of @fd unless that is -1, and blocks until the
 * answer. Returns the answer, or -ESRCH if there is none because the zygote has died. Takes
 * request_lock.
 */
static long request_fd(const struct zyg_msg *m, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	int64_t answer;
	long r;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	pthread_mutex_lock(&request_lock);
	r = fd < 0 ? write(zygote_socket, m, sizeof(*m)) :
		     host_sendmsg(zygote_socket, &msg, MSG_NOSIGNAL);
	if (r == sizeof(*m))
		do
			r = host_recv(zygote_socket, &answer, sizeof(answer), 0);
		while (r < 0 && errno == EINTR);
	pthread_mutex_unlock(&request_lock);
	return r == sizeof(answer) ? answer : -ESRCH;
}

static long ask(int64_t cmd, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct zyg_msg m = { .cmd = cmd, .a = { (int64_t)a0, (int64_t)a1, (int64_t)a2 } };

	return request_fd(&m, -1);
}

static int map_words(const struct os_space_setup *s)
{
	long r = ask(ZYG_WORDS, s->words_at, s->words_size, s->words_off);

	return r == (long)s->words_at ? 0 : os_refused("mmap", r < 0 ? (int)-r : ENOMEM);
}

/* ---- starting the zygote ---- */

/*
 * Returns a descriptor of a memory file with the program, or -errno. Hosts before Linux 6.3 refuse
 * MFD_EXEC.
 */
static int image_fd(const struct os_space_setup *s)
{
	int fd = memfd_create("nestling-space", MFD_CLOEXEC | 0x10 /* MFD_EXEC */);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("nestling-space", MFD_CLOEXEC);
	if (fd < 0)
		return os_refused("memfd_create", errno);
	for (uint64_t done = 0; done < s->size;) {
		ssize_t n = write(fd, (const char *)s->image + done, s->size - done);

		if (n <= 0) {
			int err = os_refused("write", n ? errno : ENOSPC);

			close(fd);
			return err;
		}
		done += n;
	}
	return fd;
}

/*
 * Ends the child, which cannot become the zygote. The parent reads the error in the shared memory.
 */
static void __attribute__((noreturn)) give_up_exec(const char *call)
{
	exec_refusal = os_refused(call, errno);
	_exit(ZEXIT_REQUEST);
}

/*
 * Does what give_up_exec() does, for a call that names a descriptor. EINVAL and EBADF mean that the
 * number is above the limit of descriptors.
 */
static void __attribute__((noreturn)) give_up_number(const char *call)
{
	if (errno == EINVAL || errno == EBADF)
		errno = EMFILE;
	give_up_exec(call);
}

/*
 * Puts fds where the zygote expects them, closes all others, and becomes the zygote. Called between
 * vfork and exec.
 */
static void exec_image(int socket, int ctl, int physmem, int image)
{
	static char *const argv[] = { (char *)"nestling-space", NULL };
	static char *const envp[] = { NULL };
	const int want[][2] = { { socket, ZFD_SOCKET }, { ctl, ZFD_CTL }, { physmem, ZFD_REGION },
		{ image, IMAGE_FD } };
	int safe[4];

	for (int i = 0; i < 4; i++)
		safe[i] = fcntl(want[i][0], F_DUPFD, CHILD_SPARE_FD);
	for (int i = 0; i < 4; i++)
		if (safe[i] < 0 || dup2(safe[i], want[i][1]) < 0)
			give_up_number(safe[i] < 0 ? "fcntl" : "dup2");
	os_close_range(0, ZFD_SOCKET - 1);
	close(ZFD_SOCKET + 1);
	os_close_range(IMAGE_FD + 1, ZFD_REGION - 1);
	os_close_from(ZFD_REGION + 1);
	fcntl(IMAGE_FD, F_SETFD, FD_CLOEXEC);
	/*
	 * the zygote gives up its rights, too: a tracer without rights may not trace processes that
	 * have some (seccomp=off)
	 */
	os_user_become();
	os_no_capabilities();
	syscall(SYS_execveat, IMAGE_FD, "", argv, envp, AT_EMPTY_PATH);
	/* some hosts, such as Debian's Linux 5.10, refuse an empty path */
	if (errno == ENOENT)
		execve(IMAGE_PATH, argv, envp);
	give_up_exec("execveat");
}

static __attribute__((noinline)) pid_t spawn(int socket, int ctl, int physmem, int image)
{
	pid_t pid = vfork();

	if (!pid)
		exec_image(socket, ctl, physmem, image);
	return pid;
}

/* Starts the zygote's process. Returns 0 with zygote and zygote_socket set, or -errno. */
static int launch(const struct os_space_setup *s)
{
	int ctl = os_handle_fd(s->ctl), physmem = os_handle_fd(s->physmem), pair[2], image, err;

	if (ctl < 0 || physmem < 0)
		return -EBADF;
	image = image_fd(s);
	if (image < 0)
		return image;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		err = os_refused("socketpair", errno);
		goto err_close_image;
	}
	exec_refusal = 0;
	zygote = spawn(pair[1], ctl, physmem, image);
	err = zygote < 0 ? os_refused("vfork", errno) : 0;
	close(pair[1]);
	/* no zygote: os_space_stop() has nothing to kill */
	zygote_socket = err ? -1 : os_packet_socket(pair[0]);
	if (err)
		close(pair[0]);
err_close_image:
	close(image);
	return err;
}

/*
 * Returns the error if the zygote does not answer: that of a refused call, or -EADDRINUSE if exec
 * killed it because its addresses were in use.
 */
static int start_failure(void)
{
	return exec_refusal ? exec_refusal : -EADDRINUSE;
}

static void abandon_zygote(void)
{
	if (!os_packet_drop(zygote_socket))
		close(zygote_socket);
	zygote_socket = -1;
	host_kill(zygote);
	host_reap(zygote);
}

/*
 * True for the host's pages that move beside the stub: vvar, other data pages of the vdso, the
 * vdso.
 */
static bool wanted_mapping(const char *name)
{
	return !strncmp(name, "[vvar", 5) || !strcmp(name, "[vdso]");
}

/* Moves a mapping to s->vdso_at, keeping its distance from @from. */
static int move_mapping(const struct os_space_setup *s, uint64_t from, uint64_t start, uint64_t end)
{
	uint64_t to = s->vdso_at + (start - from);
	long r;

	if (to + (end - start) > s->vdso_at + s->vdso_room)
		return -ENOSPC;
	r = ask(ZYG_MOVE, start, end - start, to);
	return (uint64_t)r == to ? 0 : os_refused("mremap", (int)-r);
}

struct mapping {
	uint64_t start, end;
	bool vdso;
};

/*
 * Finds at most @max mappings of the zygote that move beside the stub, in ascending order. Returns
 * how many; 0 also if the host does not show them.
 */
static int read_wanted_mappings(struct mapping *found, int max)
{
	char path[64], line[512], name[256];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)zygote);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (n < max && fgets(line, sizeof(line), f)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %255s", &found[n].start, &found[n].end,
			    name) >= 2 &&
			wanted_mapping(name)) {
			found[n].vdso = !strcmp(name, "[vdso]");
			n++;
		}
	}
	fclose(f);
	return n;
}

/*
 * Moves the host's pages beside the stub, and sets *vdso to the new address of the vdso, 0 without
 * one. Returns 0 or -errno.
 */
static int move_vdso(const struct os_space_setup *s, uint64_t *vdso)
{
	struct mapping m[8];
	int n = read_wanted_mappings(m, 8), err;

	*vdso = 0;
	for (int i = 0; i < n; i++) {
		err = move_mapping(s, m[0].start, m[i].start, m[i].end);
		if (err)
			return err;
		if (m[i].vdso)
			*vdso = s->vdso_at + (m[i].start - m[0].start);
	}
	return 0;
}

static int clear_address_space(const struct os_space_setup *s)
{
	long r = ask(ZYG_UNMAP, 0, s->base, 0);

	if (!r && s->top > s->base + s->window)
		r = ask(ZYG_UNMAP, s->base + s->window, s->top - s->base - s->window, 0);
	return r ? os_refused("munmap", (int)-r) : 0;
}

/* Ends the set-up, with the filter that all tasks of spaces inherit. */
static int seal_zygote(const struct os_space_setup *s)
{
	long r = ask(ZYG_SEAL, s->filter, 0, 0);

	return r ? os_refused("seccomp", (int)-r) : 0;
}

static void kick_cpu(int cpu);

int os_space_start(const struct os_space_setup *s, uint64_t *vdso)
{
	int err;

	if (!tasks) {
		tasks = mmap(NULL, MAX_TASKS * sizeof(*tasks), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (tasks == MAP_FAILED) {
			tasks = NULL;
			return os_refused("mmap", errno);
		}
	}
	err = launch(s);
	if (err)
		return err;
	if (ask(ZYG_HELLO, 0, 0, 0) != zygote) {
		abandon_zygote();
		return start_failure();
	}
	os_short_slices(zygote); /* all tasks of spaces inherit it */
	ordinary = sched_getscheduler(zygote) == SCHED_OTHER;
	*s->tsc_may = !ask(ZYG_TSC, PR_TSC_ENABLE, 0, 0);
	if (s->tsc_traps) /* inherited by all that the zygote forks */
		*s->tsc_traps = !ask(ZYG_TSC, PR_TSC_SIGSEGV, 0, 0);
	err = move_vdso(s, vdso);
	if (!err)
		err = clear_address_space(s);
	if (!err)
		err = map_words(s);
	if (!err)
		err = seal_zygote(s);
	if (err) {
		abandon_zygote();
		return err;
	}
	os_space_note_oom_kills();
	running = s->running;
	os_kicker_set(kick_cpu);
	return 0;
}

/*
 * Kills the zygote and all tasks without waiting for tasks: other vCPUs may be creating or ending
 * some at this moment. A task that is missed here dies with the zygote (PR_SET_PDEATHSIG), and its
 * new parent reaps it.
 */
void os_space_stop(void)
{
	if (zygote_socket < 0)
		return;
	running = no_tasks;
	for (int h = 1; h < nr_tasks; h++)
		os_space_end(h);
	abandon_zygote();
}

int os_space_give_file(int file, int at_fd)
{
	struct zyg_msg m = { .cmd = ZYG_FD, .a = { at_fd } };
	int fd = os_handle_fd(file);

	return fd < 0 ? -EBADF : (int)request_fd(&m, fd);
}

/* ---- terminals ---- */

static bool guarded[NR_GUARDS]; /* under task_lock */

static int guard_take(void)
{
	int g;

	pthread_mutex_lock(&task_lock);
	for (g = 0; g < NR_GUARDS && guarded[g]; g++)
		;
	if (g < NR_GUARDS)
		guarded[g] = true;
	pthread_mutex_unlock(&task_lock);
	return g < NR_GUARDS ? g : -ENOSPC;
}

static void guard_put(int guard)
{
	pthread_mutex_lock(&task_lock);
	guarded[guard] = false;
	pthread_mutex_unlock(&task_lock);
}

int os_guard_terminal(int fd)
{
	struct zyg_msg m = { .cmd = ZYG_GUARD }, give = { .cmd = ZYG_FD };
	int g, err;

	_Static_assert(sizeof(struct termios2) <= sizeof(m.data), "room for a termios2");
	if (ioctl(fd, TCGETS2, m.data))
		return -errno;
	if (zygote_socket < 0)
		return -EAGAIN;
	g = guard_take();
	if (g < 0)
		return g;
	give.a[0] = ZFD_GUARD + g;
	m.a[0] = g;
	m.a[1] = 1;
	err = (int)request_fd(&give, fd);
	if (!err)
		err = (int)request_fd(&m, -1);
	if (err)
		guard_put(g);
	return err ? err : g;
}

void os_unguard_terminal(int guard)
{
	if (guard < 0 || guard >= NR_GUARDS || zygote_socket < 0)
		return;
	ask(ZYG_GUARD, (uint64_t)guard, 0, 0);
	guard_put(guard);
}

/* ---- tasks ---- */

static int task_add(pid_t pid)
{
	int h;

	pthread_mutex_lock(&task_lock);
	h = first_free;
	if (h)
		first_free = tasks[h].next_free;
	else if (nr_tasks < MAX_TASKS)
		h = nr_tasks++;
	pthread_mutex_unlock(&task_lock);
	if (!h)
		return -EAGAIN;
	tasks[h] = (struct task){ .pid = pid };
	return h;
}

static void task_del(int h)
{
	pthread_mutex_lock(&task_lock);
	tasks[h].pid = 0;
	tasks[h].next_free = first_free;
	first_free = h;
	pthread_mutex_unlock(&task_lock);
}

pid_t os_space_pid(int task)
{
	return tasks[task].pid;
}

uint64_t *os_space_delay_seen(int task)
{
	return &tasks[task].delay_seen;
}

pid_t os_space_zygote(void)
{
	return zygote_socket < 0 ? 0 : zygote;
}

bool os_space_ordinary(void)
{
	return ordinary;
}

void os_space_set_traced(int task)
{
	tasks[task].traced = true;
}

static int add_or_end(pid_t pid)
{
	int h = task_add(pid);

	if (h < 0) {
		host_kill(pid);
		ask(ZYG_REAP, (uint64_t)pid, 0, 0);
	}
	return h;
}

int os_space_fork(uint64_t order_offset, uint64_t order_size)
{
	long pid = ask(ZYG_FORK, order_offset, order_size, 0);

	return pid < 0 ? os_refused("clone", (int)-pid) : os_space_adopt((uint32_t)pid);
}

int os_space_adopt(uint32_t pid)
{
	/* no process has such a number */
	if (!pid || pid > INT_MAX)
		return -ESRCH;
	return add_or_end((pid_t)pid);
}

/*
 * Kills the task unless it is reaped already: then its pid is 0, which would name this process's
 * own process group.
 */
void os_space_end(int task)
{
	if (tasks[task].pid > 0)
		host_kill(tasks[task].pid);
}

/*
 * Waits until no kick is in progress. A late kick could hit the next task with this handle, or the
 * next host process with this pid.
 */
static void await_kickers(void)
{
	/* running[] was cleared without a fence */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (int cpu = 0; cpu < OS_MAX_CPUS; cpu++)
		while (__atomic_load_n(&kickers[cpu], __ATOMIC_SEQ_CST))
			sched_yield();
}

int os_space_reap(int task)
{
	int status;

	await_kickers();
	/* the tracer sees a death before the parent does */
	if (tasks[task].traced)
		while (waitpid(tasks[task].pid, &status, __WALL) >= 0 || errno == EINTR)
			;
	status = (int)ask(ZYG_REAP, (uint64_t)tasks[task].pid, 0, 0);
	task_del(task);
	return status;
}

/* Reads /proc/PID/stat from the state on, behind the name. Returns false if that fails. */
static bool read_stat(pid_t pid, char *state, int *parent)
{
	char path[64], buf[512], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	/* the end of the name, which may have brackets */
	p = strrchr(buf, ')');
	return p && sscanf(p, ") %c %d", state, parent) == 2;
}

/* Reads /proc if the host gives no pidfd. A zombie counts as dead. */
int os_space_is_dead(int task)
{
	struct pollfd p = { .events = POLLIN };
	int r, parent;
	char state;

	p.fd = (int)syscall(SYS_pidfd_open, tasks[task].pid, 0);
	if (p.fd < 0 && errno == ESRCH)
		return 1;
	if (p.fd < 0)
		return read_stat(tasks[task].pid, &state, &parent) && strchr("ZX", state);
	r = poll(&p, 1, 0);
	close(p.fd);
	return r == 1;
}

int os_space_is_stray(int task)
{
	int parent;
	char state;

	return read_stat(tasks[task].pid, &state, &parent) && parent != zygote;
}

void os_space_kick(int task)
{
	__atomic_store_n(&tasks[task].kicked, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_tgkill, tasks[task].pid, tasks[task].pid, SIG_KICK);
}

/*
 * Kicks the runner that the vCPU runs (see os_kicker_set()). The thread that has cleared running[]
 * waits until kickers[] is 0, so no kick comes late.
 */
static void kick_cpu(int cpu)
{
	uint32_t task = __atomic_load_n(&running[16 * cpu], __ATOMIC_SEQ_CST);

	if (!task)
		return;
	__atomic_fetch_add(&kickers[cpu], 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&running[16 * cpu], __ATOMIC_SEQ_CST) == task)
		os_space_kick((int)task);
	__atomic_fetch_sub(&kickers[cpu], 1, __ATOMIC_SEQ_CST);
}

/* True if SIG_KICK is pending for the process, or /proc cannot be read. */
static bool kick_pending(pid_t pid)
{
	char path[64], buf[4096], *p;
	uint64_t mask = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "\nSigPnd:");
	if (!p)
		return true;
	mask = strtoull(p + 8, NULL, 16);
	p = strstr(p, "\nShdPnd:");
	if (p)
		mask |= strtoull(p + 8, NULL, 16);
	return mask & (1UL << (SIG_KICK - 1));
}

int os_space_quiet(int task, int cpu)
{
	/* running[] was cleared without a fence */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (int i = 0; __atomic_load_n(&kickers[cpu], __ATOMIC_SEQ_CST); i++) {
		if (i == 1000)
			return -EBUSY;
		sched_yield();
	}
	if (!__atomic_load_n(&tasks[task].kicked, __ATOMIC_SEQ_CST))
		return 0;
	if (kick_pending(tasks[task].pid))
		return -EBUSY;
	__atomic_store_n(&tasks[task].kicked, 0, __ATOMIC_SEQ_CST);
	return 0;
}

int os_space_count_maps(int task)
{
	char path[64], buf[4096];
	int fd, lines = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tasks[task].pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	close(fd);
	return lines;
}

int os_space_present(int task, uint64_t va, uint32_t n, uint8_t *vec)
{
	return os_pagemap((int)tasks[task].pid, va, n, vec);
}

/*
 * Reads a CPU clock of the process. @which is 2 for the scheduler's precise clock, 1 for user mode
 * only. Returns ns, or 0 if the task is gone.
 */
static uint64_t task_clock(int task, unsigned which)
{
	clockid_t clock = (clockid_t)((~(unsigned)tasks[task].pid << 3) | which);
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

uint64_t os_space_cputime(int task)
{
	return task_clock(task, 2);
}

uint64_t os_space_usertime(int task)
{
	return task_clock(task, 1);
}

/* States: S is asleep; D waits for a disk or the freezer; T and t are stopped. */
int os_space_is_asleep(int task)
{
	int parent;
	char state;

	return read_stat(tasks[task].pid, &state, &parent) && state == 'S';
}

int os_space_requeue(uint32_t *from, uint32_t *to, uint32_t val)
{
	long r = syscall(SYS_futex, from, FUTEX_CMP_REQUEUE, 0, 1L, to, val);

	return r < 0 ? -errno : (int)r;
}

void os_space_yield(void)
{
	sched_yield();
}

/* SPDX-License-Identifier: MIT */
/*
 * space_zygote.c: the zygote's start, and requests to it.
 *
 * The zygote is started by vfork and exec of a memfd. It is controlled over one SOCK_SEQPACKET
 * pair, and ends when the kernel process's socket closes. That socket is close-on-exec and never
 * leaves the process, so an end of file means that the kernel has ended.
 *
 * Invariant: request_lock is held over a request and its answer. The set-up sends several requests
 * before it waits, since each wait takes two switches between processes. No other thread uses the
 * zygote then.
 */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"
#include "os-linux/why.h"
#include "skas/stub_abi.h"

#define IMAGE_FD 6 /* only in the child, before exec */
#define IMAGE_PATH "/proc/self/fd/6"
#define CHILD_SPARE_FD 64

static int zygote_socket = -1;
static pid_t zygote;
/* -errno of the call that failed in the last child, or 0 */
static volatile int exec_refusal;
static pthread_mutex_t request_lock = PTHREAD_MUTEX_INITIALIZER;
/* requests of post() whose answers are still to be received; under request_lock */
static struct posted {
	const char *call;
	uint64_t expected;
} posted[16];
static int nr_posted;
/* -errno of the first that failed, or 0; under request_lock */
static int posted_err;

/* ---- requests ---- */

/* Returns the zygote's next answer, or -ESRCH if the zygote has died. */
static long receive_locked(void)
{
	int64_t answer;
	ssize_t n;

	do
		n = host_recv(zygote_socket, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(answer) ? answer : -ESRCH;
}

/*
 * Receives the answers to all requests of post(). Returns 0, or the error of the first that failed,
 * now or earlier.
 */
static int collect_locked(void)
{
	for (int i = 0; i < nr_posted; i++) {
		long r = receive_locked();

		if (r != (long)posted[i].expected && !posted_err)
			posted_err = os_refused(posted[i].call, r < 0 ? (int)-r : ENOMEM);
	}
	nr_posted = 0;
	return posted_err;
}

/*
 * Sends a request to the zygote, with a duplicate of @fd unless that is -1, and blocks until the
 * answer. Returns the answer, or -ESRCH if there is none because the zygote has died, or the error
 * of a request of post(). Takes request_lock.
 */
static long request_fd(const struct zyg_msg *m, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
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
	r = collect_locked();
	if (!r) {
		r = fd < 0 ? write(zygote_socket, m, sizeof(*m)) :
			     host_sendmsg(zygote_socket, &msg, MSG_NOSIGNAL);
		r = r == sizeof(*m) ? receive_locked() : -ESRCH;
	}
	pthread_mutex_unlock(&request_lock);
	return r;
}

/* Sends a request of the set-up. If the zygote has died, the answer will be missing. */
static void send_request(int64_t cmd, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct zyg_msg m = { .cmd = cmd, .a = { (int64_t)a0, (int64_t)a1, (int64_t)a2 } };

	(void)!write(zygote_socket, &m, sizeof(m));
}

/*
 * Sends a request of the set-up without waiting for its answer. The next request that waits
 * receives it first, and fails unless it is @expected. @call: the host's call that the zygote makes
 * for the request.
 */
static void post(
	int64_t cmd, uint64_t a0, uint64_t a1, uint64_t a2, const char *call, uint64_t expected)
{
	send_request(cmd, a0, a1, a2);
	posted[nr_posted++] = (struct posted){ call, expected };
}

long zygote_ask(int64_t cmd, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct zyg_msg m = { .cmd = cmd, .a = { (int64_t)a0, (int64_t)a1, (int64_t)a2 } };

	return request_fd(&m, -1);
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

void zygote_abandon(void)
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
 * Requests that the host's pages move beside the stub, at the same distances from each other. Sets
 * *vdso to the new address of the vdso, 0 without one. Returns 0, or -ENOSPC if they do not fit.
 */
static int move_vdso(const struct os_space_setup *s, uint64_t *vdso)
{
	struct mapping m[8];
	int n = read_wanted_mappings(m, 8);

	*vdso = 0;
	for (int i = 0; i < n; i++) {
		uint64_t to = s->vdso_at + (m[i].start - m[0].start), size = m[i].end - m[i].start;

		if (to + size > s->vdso_at + s->vdso_room)
			return -ENOSPC;
		post(ZYG_MOVE, m[i].start, size, to, "mremap", to);
		if (m[i].vdso)
			*vdso = to;
	}
	return 0;
}

static void clear_address_space(const struct os_space_setup *s)
{
	post(ZYG_UNMAP, 0, s->base, 0, "munmap", 0);
	if (s->top > s->base + s->window)
		post(ZYG_UNMAP, s->base + s->window, s->top - s->base - s->window, 0, "munmap", 0);
}

/* Requests what the set-up consists of. Returns 0 or -errno. */
static int post_all(const struct os_space_setup *s, uint64_t *vdso)
{
	int err = move_vdso(s, vdso);

	if (err)
		return err;
	clear_address_space(s);
	post(ZYG_WORDS, s->words_at, s->words_size, s->words_off, "mmap", s->words_at);
	/* with the filter that all tasks of spaces inherit */
	post(ZYG_SEAL, s->filter, 0, 0, "seccomp", 0);
	return 0;
}

/*
 * Waits until the zygote runs: vfork returns while the host still maps the program and the vdso.
 * Asks what it may do with rdtsc. Returns false if it does not run.
 */
static bool greet(const struct os_space_setup *s)
{
	bool runs;

	send_request(ZYG_HELLO, 0, 0, 0);
	send_request(ZYG_TSC, PR_TSC_ENABLE, 0, 0);
	if (s->tsc_traps) /* inherited by all that the zygote forks */
		send_request(ZYG_TSC, PR_TSC_SIGSEGV, 0, 0);
	pthread_mutex_lock(&request_lock);
	runs = receive_locked() == zygote;
	if (runs)
		*s->tsc_may = !receive_locked();
	if (runs && s->tsc_traps)
		*s->tsc_traps = !receive_locked();
	pthread_mutex_unlock(&request_lock);
	return runs;
}

int zygote_start(const struct os_space_setup *s, uint64_t *vdso)
{
	int err = launch(s);

	if (err)
		return err;
	nr_posted = posted_err = 0;
	err = greet(s) ? post_all(s, vdso) : start_failure();
	if (err) {
		zygote_abandon();
		return err;
	}
	os_short_slices(zygote); /* all tasks of spaces inherit it */
	return 0;
}

pid_t os_space_zygote(void)
{
	return zygote_socket < 0 ? 0 : zygote;
}

int os_space_give_file(int file, int at_fd)
{
	struct zyg_msg m = { .cmd = ZYG_FD, .a = { at_fd } };
	int fd = os_handle_fd(file);

	return fd < 0 ? -EBADF : (int)request_fd(&m, fd);
}

/* ---- terminals ---- */

static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;
static bool guarded[NR_GUARDS]; /* under guard_lock */

static int guard_take(void)
{
	int g;

	pthread_mutex_lock(&guard_lock);
	for (g = 0; g < NR_GUARDS && guarded[g]; g++)
		;
	if (g < NR_GUARDS)
		guarded[g] = true;
	pthread_mutex_unlock(&guard_lock);
	return g < NR_GUARDS ? g : -ENOSPC;
}

static void guard_put(int guard)
{
	pthread_mutex_lock(&guard_lock);
	guarded[guard] = false;
	pthread_mutex_unlock(&guard_lock);
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
	zygote_ask(ZYG_GUARD, (uint64_t)guard, 0, 0);
	guard_put(guard);
}

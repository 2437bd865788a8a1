/* SPDX-License-Identifier: MIT */
/*
 * umid.c: finds instances by name and talks to their management console in User Mode Linux's
 * protocol, version 2. nestctl sends a datagram with a command. The kernel replies with one or more
 * datagrams. Each of them has at most 511 bytes of text and a NUL, and a flag that is set if
 * another datagram follows.
 */
#include "tools/nestctl/core/umid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"

#define MAGIC 0xcafebabe
#define VERSION 2
/* sizes of a packet's text in bytes, with its NUL: usual, and of the command "state" */
#define TEXT_MAX 512
#define LONG_TEXT_MAX 3072
#define WAIT_MS 10000
/*
 * Limits of an answer: its bytes, and its time, as a multiple of the time for its first packet. A
 * kernel process that a guest has taken over may answer without an end.
 */
#define ANSWER_MAX (64UL << 20)
#define ANSWER_TIMES 4
#define STEP_MS 200
/* how long to wait for the broker of a kernel that has ended */
#define BROKER_MS 5000

/* UML's protocol: a command, and one packet of its reply. @more: further packets follow. */
struct request {
	uint32_t magic, version, len;
	char text[LONG_TEXT_MAX];
};
struct reply {
	int32_t err, more;
	uint32_t len;
	char text[TEXT_MAX];
};

const char *umid_home(int i)
{
	const char *dir = getenv(i ? "XDG_RUNTIME_DIR" : "HOME");

	return dir && *dir == '/' ? format("%s/%s", dir, i ? "uml" : ".uml") : NULL;
}

pid_t umid_read_pid(const char *folder)
{
	FILE *f = fopen(format("%s/pid", folder), "re");
	int pid = 0;

	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid > 0 && !kill(pid, 0) ? pid : 0;
}

bool umid_is_served(const char *folder)
{
	struct umid_console c;

	if (!umid_try_connect(&c, folder))
		return false;
	close(c.fd);
	return true;
}

void umid_remove_dead(const char *folder)
{
	static const char *const files[] = { "mconsole", "console", "pid" };
	bool dead;

	if (umid_is_served(folder))
		return;
	dead = errno == ECONNREFUSED;
	for (size_t i = 0; dead && i < sizeof(files) / sizeof(files[0]); i++)
		unlink(format("%s/%s", folder, files[i]));
	/* an ending kernel removes its files, but not its folder if that was renamed: remove it */
	rmdir(folder);
}

void umid_remove_ended(const char *folder, pid_t pid)
{
	for (int ms = 0; umid_is_served(folder); ms++) {
		pid_t now = umid_read_pid(folder);

		if (ms == BROKER_MS || (now && now != pid))
			return;
		poll(NULL, 0, 1);
	}
	umid_remove_dead(folder);
}

/* Returns the folder of the only running instance in both homes. Dies if none or several run. */
static const char *only_one(void)
{
	const char *found = NULL;

	for (int i = 0; i < 2; i++) {
		DIR *d = umid_home(i) ? opendir(umid_home(i)) : NULL;

		for (struct dirent *e; d && (e = readdir(d));) {
			const char *folder = format("%s/%s", umid_home(i), e->d_name);

			if (e->d_name[0] == '.' || !umid_is_served(folder))
				continue;
			if (found)
				die("which instance? %s and %s, for example",
					strrchr(found, '/') + 1, e->d_name);
			found = folder;
		}
		if (d)
			closedir(d);
	}
	if (!found)
		die("no instance runs");
	return found;
}

const char *umid_served(const char *name)
{
	for (int i = 0; i < 2 && *name && !strchr(name, '/') && *name != '.'; i++) {
		const char *folder = umid_home(i) ? format("%s/%s", umid_home(i), name) : NULL;

		if (folder && umid_is_served(folder))
			return folder;
	}
	return NULL;
}

const char *umid_folder(const char *name)
{
	const char *folder;

	if (!name)
		return only_one();
	folder = umid_served(name);
	if (folder)
		return folder;
	die("%s: no instance of this name runs", name);
}

pid_t umid_pid(const char *folder)
{
	pid_t pid = umid_read_pid(folder);

	if (!pid)
		die("%s: the instance has ended", folder);
	return pid;
}

/*
 * Reads inode number and ctime (in ns) of the socket that is at c->path now. True if there is such
 * a file.
 */
static bool read_socket(const struct umid_console *c, uint64_t *inode, uint64_t *made)
{
	struct stat st;

	if (stat(c->path, &st))
		return false;
	*inode = st.st_ino;
	*made = (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec;
	return true;
}

/*
 * Returns a socket that is connected to @path and bound to an automatic name, to which the kernel
 * sends replies; or -1 with errno.
 */
static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	strcpy(a.sun_path, path);
	if (fd < 0 || (!bind(fd, (struct sockaddr *)&a, sizeof(sa_family_t)) &&
			      !connect(fd, (struct sockaddr *)&a, sizeof(a))))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

bool umid_try_connect(struct umid_console *c, const char *folder)
{
	c->wait_ms = WAIT_MS;
	c->step_ms = STEP_MS;
	c->late = false;
	c->fd = -1;
	errno = ENAMETOOLONG;
	if (snprintf(c->path, sizeof(c->path), "%s/mconsole", folder) >= (int)sizeof(c->path))
		return false;
	if (read_socket(c, &c->inode, &c->made))
		c->fd = connect_to(c->path);
	return c->fd >= 0;
}

/*
 * Gives the console another socket, with another name: a reply that comes too late is not taken for
 * the next request's. Returns false with errno.
 */
static bool renew(struct umid_console *c)
{
	int fd = connect_to(c->path);

	if (fd < 0 || dup3(fd, c->fd, O_CLOEXEC) < 0) {
		int err = errno;

		if (fd >= 0)
			close(fd);
		errno = err;
		return false;
	}
	close(fd);
	c->late = false;
	return true;
}

void umid_connect(struct umid_console *c, const char *folder)
{
	if (!umid_try_connect(c, folder))
		die("%s: %s", c->path, strerror(errno));
}

/*
 * A datagram socket does not report that the other end was closed, so the function checks that the
 * socket still exists and accepts connections.
 */
bool umid_is_same(const struct umid_console *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	uint64_t inode, made;
	int fd;
	bool there;

	if (!read_socket(c, &inode, &made) || inode != c->inode || made != c->made)
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(a.sun_path, c->path, sizeof(c->path));
	there = fd < 0 || !connect(fd, (struct sockaddr *)&a, sizeof(a));
	if (fd >= 0)
		close(fd);
	return there;
}

/* Waits for a reply. True if one came in time and before the instance ended. */
static bool wait_for_reply(struct umid_console *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	bool there = true;

	for (int left = c->wait_ms; left > 0 && there; left -= c->step_ms) {
		/* check before poll(), so that a reply sent before the end is still read */
		there = umid_is_same(c);
		if (poll(&p, 1, !there ? 0 : left < c->step_ms ? left : c->step_ms) > 0)
			return true;
	}
	return false;
}

/* Receives one reply. True if a valid one came in time. */
static bool receive(struct umid_console *c, struct reply *r)
{
	ssize_t n = wait_for_reply(c) ? recv(c->fd, r, sizeof(*r), 0) : -1;

	return n >= (ssize_t)offsetof(struct reply, text) &&
	       r->len <= (size_t)n - offsetof(struct reply, text);
}

/*
 * Sends a packet with @n descriptors, at most 8. False with errno: EAGAIN if the instance does not
 * take it in wait_ms.
 */
static bool send_request(struct umid_console *c, struct request *q, const int *fds, size_t n)
{
	union {
		char room[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr header;
	} control = { .room = { 0 } };
	size_t text = q->len < TEXT_MAX ? TEXT_MAX : q->len + 1;
	struct iovec iov = { q, offsetof(struct request, text) + text };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	/* requests wait in the queue of an instance that is stopped, which has room for a few */
	const struct timeval patience = { c->wait_ms / 1000, c->wait_ms % 1000 * 1000L };

	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (n) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	while (sendmsg(c->fd, &m, 0) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

char *umid_ask(struct umid_console *c, const char *command, int *err, size_t *len)
{
	return umid_ask_with(c, command, NULL, 0, err, len);
}

bool umid_send(struct umid_console *c, const char *command, const int *fds, size_t n)
{
	struct request q = { .magic = MAGIC, .version = VERSION, .len = (uint32_t)strlen(command) };

	if (q.len >= sizeof(q.text))
		die("%s: too long a command", command);
	memcpy(q.text, command, q.len);
	return (!c->late || renew(c)) && send_request(c, &q, fds, n);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

char *umid_reply(struct umid_console *c, int *err, size_t *len)
{
	const int64_t end = now_ms() + (int64_t)c->wait_ms * ANSWER_TIMES;
	struct reply r = { .more = 1 };
	char *all = xalloc(1);

	*len = 0;
	while (r.more) {
		if (now_ms() > end || *len > ANSWER_MAX || !receive(c, &r)) {
			free(all);
			c->late = true;
			return NULL;
		}
		/* do not count the terminating zero */
		if (r.len && !r.text[r.len - 1])
			r.len--;
		all = realloc(all, *len + r.len + 1);
		if (!all)
			die("out of memory");
		memcpy(all + *len, r.text, r.len);
		*len += r.len;
		all[*len] = '\0';
	}
	*err = r.err;
	return all;
}

char *umid_ask_with(struct umid_console *c, const char *command, const int *fds, size_t n, int *err,
	size_t *len)
{
	*len = 0;
	return umid_send(c, command, fds, n) ? umid_reply(c, err, len) : NULL;
}

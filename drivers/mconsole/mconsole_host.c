/* SPDX-License-Identifier: MIT */
/*
 * mconsole_host.c: the name of an instance on the host: a folder DIR/UMID with the sockets
 * "mconsole" and "console" (served by drivers/console) and the file "pid".
 *
 * The folder is created under a temporary name that begins with a dot, and then renamed without
 * replacing an existing name. So a socket that a process finds is either served, or its instance
 * has died: then connect() fails with ECONNREFUSED. Names are therefore unique, and an instance
 * that starts can remove the folders of killed ones without a lock, also those of User Mode Linux.
 * The folder has mode 0700, files have 0600. A sender that has access but is neither the owner nor
 * root gets no reply.
 */
#include "drivers/mconsole/mconsole_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/console/attach_host.h"
#include "os-linux/host.h"

/* Maximum of names that an instance checks at its start. */
#define SWEEP_MAX 256
#define TRIES 16
#define SOCKET_PATH_MAX sizeof(((struct sockaddr_un *)0)->sun_path)

static int sock = -1, console = -1, line;
/* True if packets come from the broker of a jail, each preceded by a header. */
static bool relayed;
/* A random number for this process (mconsole_packet.process). */
static uint64_t process;
/* Paths to remove at the end of the process; set before leave() is registered. */
static char folder[256], socket_path[256 + 16], console_path[256 + 16], pid_path[256 + 16];

static int fail(struct mconsole_open *o, int err, const char *what, const char *path)
{
	snprintf(o->err, sizeof(o->err), "%.160s%s%s", path, *what ? ": " : "", what);
	return -err;
}

/* ---- removal of dead instances' folders ---- */

/*
 * Returns 1 for a socket that no process serves, 0 for one that is served, and -1 if the socket is
 * missing or its state is unknown.
 */
static int is_dead(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, dead = -1;

	if (strlen(path) >= sizeof(a.sun_path))
		return -1;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
		dead = 0;
	else if (errno == ECONNREFUSED)
		dead = 1;
	close(fd);
	return dead;
}

static void remove_folder(const char *path)
{
	char file[600];

	snprintf(file, sizeof(file), "%s/mconsole", path);
	unlink(file);
	snprintf(file, sizeof(file), "%s/console", path);
	unlink(file);
	snprintf(file, sizeof(file), "%s/pid", path);
	unlink(file);
	rmdir(path);
}

/*
 * Removes DIR/NAME if its instance is dead. The folder is renamed first, so that a new instance
 * which takes the name meanwhile does not lose it.
 */
static void sweep_one(const char *dir, const char *name)
{
	char path[560], file[600], aside[560];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(file, sizeof(file), "%s/mconsole", path);
	if (is_dead(file) != 1)
		return;
	snprintf(aside, sizeof(aside), "%s/.old-%d", dir, (int)getpid());
	if (rename(path, aside))
		return;
	snprintf(file, sizeof(file), "%s/mconsole", aside);
	if (!is_dead(file) && !renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE))
		return; /* a new instance had just taken the name */
	remove_folder(aside);
}

/*
 * Checks all names, also folders that killed instances were creating (".new-PID") or removing
 * (".old-PID"). Runs in the broker or in a separate thread, since a removal may take milliseconds.
 */
static void sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	for (int n = 0; d && n < SWEEP_MAX && (e = readdir(d)); n++)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			sweep_one(dir, e->d_name);
	if (d)
		closedir(d);
}

/* The folder of names, for the thread that runs sweep_names(). */
static char names[256];

static void sweep_names(void *unused)
{
	sweep(names);
}

/* ---- creation ---- */

static int write_pid(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%d\n", (int)getpid()) < 0)
		err = -errno;
	close(fd);
	return err;
}

static bool address_of(struct sockaddr_un *a, const char *path)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return false;
	strcpy(a->sun_path, path);
	return true;
}

static int bind_at(const char *path, int type)
{
	struct sockaddr_un a;
	int fd, on = 1;

	if (!address_of(&a, path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) &&
		!bind(fd, (struct sockaddr *)&a, sizeof(a)) && !chmod(path, 0600) &&
		(type == SOCK_DGRAM || !listen(fd, 16)))
		return fd;
	on = errno;
	close(fd);
	return -on;
}

static void make_up_name(char *umid)
{
	static const char set[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	unsigned char r[6];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		memset(r, getpid() & 0xff, sizeof(r));
	for (int i = 0; i < 6; i++)
		umid[i] = set[r[i] % (sizeof(set) - 1)];
	umid[6] = 0;
}

/*
 * Renames the finished folder @from to DIR/UMID. If the UMID is empty, makes up a random one first.
 * Returns 0 or -errno.
 */
static int take_name(struct mconsole_open *o, const char *from)
{
	bool given = o->umid[0];
	int err = 0;

	for (int i = 0; i < TRIES; i++) {
		if (!given)
			make_up_name(o->umid);
		snprintf(folder, sizeof(folder), "%.180s/%s", o->dir, o->umid);
		if (strlen(folder) + strlen("/mconsole") >= SOCKET_PATH_MAX)
			/* too long for clients to connect to it */
			return -ENAMETOOLONG;
		if (!renameat2(AT_FDCWD, from, AT_FDCWD, folder, RENAME_NOREPLACE))
			return 0;
		err = errno;
		if (err == EINVAL && access(folder, F_OK)) { /* no support for RENAME_NOREPLACE */
			if (!rename(from, folder))
				return 0;
			err = errno;
		}
		if (err != EEXIST || given)
			break;
	}
	return -err;
}

/*
 * Makes the folder of the instance, with its sockets and its pid file, under a temporary name, then
 * renames it. Returns 0, or -errno with o->err set and nothing left behind.
 */
static int build(struct mconsole_open *o)
{
	char path[256], file[280];
	int err;

	snprintf(path, sizeof(path), "%.180s/.new-%d", o->dir, (int)getpid());
	snprintf(file, sizeof(file), "%s/mconsole", path);
	remove_folder(path);
	if (mkdir(path, 0700))
		return fail(o, errno, strerror(errno), path);
	sock = bind_at(file, SOCK_DGRAM);
	if (sock < 0) {
		err = fail(o, -sock, strerror(-sock), file);
		goto err_remove;
	}
	snprintf(file, sizeof(file), "%s/console", path);
	console = bind_at(file, SOCK_SEQPACKET);
	if (console < 0) {
		err = fail(o, -console, strerror(-console), file);
		goto err_close;
	}
	snprintf(file, sizeof(file), "%s/pid", path);
	err = write_pid(file);
	if (err) {
		fail(o, -err, strerror(-err), file);
		goto err_close;
	}
	err = take_name(o, path);
	if (!err)
		return 0;
	if (err == -EEXIST || err == -ENOTEMPTY)
		snprintf(o->err, sizeof(o->err), "an instance of this name is running: %.160s",
			folder);
	else
		fail(o, -err, strerror(-err), folder);
err_close:
	close(sock);
	if (console >= 0)
		close(console);
	sock = console = -1;
err_remove:
	remove_folder(path);
	return err;
}

/* Sets the folder of names: the given one, ~/.uml, or uml in $XDG_RUNTIME_DIR. */
static int choose_dir(struct mconsole_open *o)
{
	const char *home = getenv("HOME"), *run = getenv("XDG_RUNTIME_DIR");

	if (o->dir[0]) {
		if (mkdir(o->dir, 0700) && errno != EEXIST)
			return fail(o, errno, strerror(errno), o->dir);
		return 0;
	}
	if (home && *home == '/') {
		snprintf(o->dir, sizeof(o->dir), "%.200s/.uml", home);
		if ((!mkdir(o->dir, 0700) || errno == EEXIST) && !access(o->dir, W_OK | X_OK))
			return 0;
	}
	if (run && *run == '/') {
		snprintf(o->dir, sizeof(o->dir), "%.200s/uml", run);
		if ((!mkdir(o->dir, 0700) || errno == EEXIST) && !access(o->dir, W_OK | X_OK))
			return 0;
	}
	return fail(o, ENOENT, "", "neither $HOME nor $XDG_RUNTIME_DIR can be written");
}

/* Inode of this instance's socket: another instance may use the path by now. */
static ino_t socket_inode;

/* Removes the folder at the end of the process. Async-signal-safe. */
static void leave(void)
{
	struct stat st;

	if (stat(socket_path, &st) || st.st_ino != socket_inode)
		return;
	unlink(socket_path);
	unlink(console_path);
	unlink(pid_path);
	rmdir(folder);
}

/* ---- notifications to the user's socket ---- */

#define NOTE_MAX 528

static int notify_opener = -1;

static int send_note(const char *path, const void *data, size_t len)
{
	struct sockaddr_un a;
	int fd, err = 0;

	if (!address_of(&a, path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, data, len, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Runs in the broker. @text: "notify:PATH", and in the next line the packet in hexadecimal. */
static int send_for_jailed(const char *text, struct os_opened *unused)
{
	const char *path = strchr(text, ':'), *end = strchr(text, '\n');
	char name[128], data[NOTE_MAX];
	unsigned int byte;
	size_t n = 0;

	if (!path || !end || path > end)
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s", (int)(end - path - 1), path + 1);
	for (end++; n < sizeof(data) && sscanf(end, "%2x", &byte) == 1; end += 2)
		data[n++] = (char)byte;
	return send_note(name, data, n);
}

static int send_by_broker(const char *path, const uint8_t *data, size_t len)
{
	char text[160 + 2 * NOTE_MAX];
	size_t at = (size_t)snprintf(text, 160, "notify:%s\n", path);
	struct os_opened o;

	if (at >= 160 || len > NOTE_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%02x", data[i]);
	return os_jail_open(notify_opener, text, &o);
}

/*
 * Runs before the jail closes. Passes the socket to the broker, which from then on forwards packets
 * to this process. So the broker sees the names of files in the owner's requests.
 */
static void give_to_broker(void)
{
	int relay = os_jail_relay(sock);

	notify_opener = os_jail_opener(send_for_jailed);
	if (relay < 0) {
		os_event_rearm(sock, EPOLLIN, line);
		return;
	}
	os_event_del(sock);
	close(sock);
	sock = relay;
	__atomic_store_n(&relayed, true, __ATOMIC_RELEASE);
	os_event_add(sock, EPOLLIN, line);
}

static void set_paths(void)
{
	snprintf(socket_path, sizeof(socket_path), "%s/mconsole", folder);
	snprintf(console_path, sizeof(console_path), "%s/console", folder);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", folder);
}

int mconsole_host_rename(const char *umid, const struct mconsole_packet *p)
{
	const char *name = strrchr(folder, '/');
	char to[sizeof(folder)], file[sizeof(socket_path)];
	struct stat st;
	int n;

	if (!name)
		return -ENOENT;
	n = snprintf(to, sizeof(to), "%.*s/%s", (int)(name - folder), folder, umid);
	if (n >= (int)sizeof(to))
		return -ENAMETOOLONG;
	snprintf(file, sizeof(file), "%s/mconsole", to);
	/* a stat(2) of a jailed process costs two wake-ups: the broker makes it */
	if (!p->is_its_name && stat(file, &st))
		return -errno;
	if (!p->is_its_name && st.st_ino != socket_inode)
		return -EEXIST;
	memcpy(folder, to, sizeof(folder));
	set_paths();
	return 0;
}

int mconsole_host_open(struct mconsole_open *o)
{
	int err = choose_dir(o);
	struct stat st;

	if (err)
		return err;
	if (o->umid[0])
		sweep_one(o->dir, o->umid);
	err = build(o);
	if (err)
		return err;
	snprintf(names, sizeof(names), "%s", o->dir);
	if (os_jail_run(sweep, o->dir))
		/* without a thread, the next instance removes the folders */
		os_worker_start("sweep", sweep_names, NULL);
	set_paths();
	snprintf(o->path, sizeof(o->path), "%.255s", socket_path);
	socket_inode = stat(socket_path, &st) ? 0 : st.st_ino;
	line = o->irq;
	os_getrandom(&process, sizeof(process));
	os_at_exit(leave);
	/* nestctl trusts these files, such as "pid" with the process number */
	os_jail_grant(folder, OS_GRANT_READ | OS_GRANT_REMOVE);
	os_at_jail(give_to_broker);
	err = os_event_add(sock, EPOLLIN, line);
	if (!err)
		err = con_attach_serve(console, console_path);
	return err ? fail(o, -err, strerror(-err), o->path) : 0;
}

/* ---- packets ---- */

/*
 * Stores a packet's descriptors. Padding may carry one more than there is room for, which is
 * closed.
 */
static void take_fds(struct mconsole_packet *p, const unsigned char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		if (p->nr_fds < MCONSOLE_FDS)
			p->fds[p->nr_fds++] = fd;
		else
			close(fd);
	}
}

/*
 * Stores the descriptors of a packet. True if its sender may send requests, which the broker has
 * checked for a jailed process.
 */
static bool take_control(struct msghdr *m, struct mconsole_packet *p)
{
	struct cmsghdr *c;
	struct ucred cred = { .uid = (uid_t)-1 };

	p->nr_fds = 0;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		take_fds(p, CMSG_DATA(c), (c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	}
	return relayed || cred.uid == geteuid() || cred.uid == 0;
}

int mconsole_host_take(struct mconsole_packet *p, uint32_t i)
{
	int fd = i < p->nr_fds && p->process == process ? p->fds[i] : -1;

	if (i < p->nr_fds)
		p->fds[i] = -1;
	return fd;
}

void mconsole_host_done(struct mconsole_packet *p)
{
	for (uint32_t i = 0; p->process == process && i < p->nr_fds; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	p->nr_fds = 0;
}

void mconsole_host_wait(void)
{
	poll(&(struct pollfd){ .fd = sock, .events = POLLIN }, 1, -1);
}

static void __attribute__((noreturn)) end_without_broker(void)
{
	static const char line[] = "nestling: jail: the broker has died, so the instance ends\n";

	os_write_stderr(line, sizeof(line) - 1);
	os_exit(1);
}

int mconsole_host_recv(struct mconsole_packet *p)
{
	/* no packets until give_to_broker() has run, which also arms the interrupt */
	if (!__atomic_load_n(&relayed, __ATOMIC_ACQUIRE) && os_jail_is_open())
		return 0;
	for (;;) {
		union {
			char room[CMSG_SPACE(sizeof(struct ucred)) +
				  CMSG_SPACE(MCONSOLE_FDS * sizeof(int))];
			struct cmsghdr align;
		} control;
		struct os_relayed head;
		struct iovec iov[] = { { &head, sizeof(head) }, { p->data, sizeof(p->data) } };
		struct msghdr m = { .msg_name = p->from,
			.msg_namelen = relayed ? 0 : sizeof(p->from),
			.msg_iov = relayed ? iov : iov + 1,
			.msg_iovlen = relayed ? 2 : 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control) };
		/* Descriptors for which there is no room are closed by the host. */
		ssize_t n = host_recvmsg(sock, &m, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			os_event_rearm(sock, EPOLLIN, line);
			return 0;
		}
		p->process = process;
		if (relayed && n < (ssize_t)sizeof(head))
			end_without_broker();
		if (!take_control(&m, p)) {
			mconsole_host_done(p);
			continue;
		}
		p->len = relayed ? head.len : (uint32_t)n;
		p->is_its_name = relayed && head.is_its_name;
		p->from_len = relayed ? head.from_len : m.msg_namelen;
		if (relayed)
			memcpy(p->from, head.from, sizeof(p->from));
		return 1;
	}
}

int mconsole_host_reply(const struct mconsole_packet *p, const void *data, size_t len)
{
	struct os_relayed head = { .len = (uint32_t)len, .from_len = p->from_len };
	struct iovec iov[] = { { &head, sizeof(head) }, { (void *)data, len } };
	ssize_t n;

	if (p->process != process)
		return -ECONNRESET;
	if (p->from_len <= sizeof(sa_family_t) || p->from_len > sizeof(p->from))
		/* A sender without an address cannot get a reply. */
		return -EDESTADDRREQ;
	memcpy(head.from, p->from, sizeof(head.from));
	do {
		if (relayed)
			n = pwritev2(sock, iov, 2, HERE, 0);
		else
			n = sendto(sock, data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
				(const struct sockaddr *)p->from, p->from_len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static struct mconsole_packet kept;
static int has_kept;

void mconsole_host_keep(const struct mconsole_packet *p)
{
	has_kept = p != NULL;
	if (p)
		kept = *p;
}

int mconsole_host_kept(struct mconsole_packet *p)
{
	if (!has_kept)
		return 0;
	has_kept = 0;
	*p = kept;
	return 1;
}

int mconsole_host_notify(const char *path, const void *data, size_t len)
{
	return os_jailed() ? send_by_broker(path, data, len) : send_note(path, data, len);
}

/* SPDX-License-Identifier: MIT */
/*
 * user.c: user=: an instance that root starts runs as another user, in namespaces of its own, once
 * its jail closes. Its broker stays root's, and so do the files that the broker makes.
 *
 *      user_begin()        at the start: reads the parameter. Before Landlock forbids mounts, it
 *                          starts a child, which makes a mount namespace with an empty root, and
 *                          namespaces for the network and for System V IPC, sends files of /proc
 *                          that keep these, and ends. The boot goes on meanwhile.
 *      user_spaces()       when the jail closes, before the threads: receives the namespaces
 *      os_user_become()    in zygote and slirp helper, between vfork and exec
 *      user_close()        in each thread, when the jail closes
 *      os_jail_user_note() afterwards: returns the parts that the host has refused
 *
 * With ",optional" behind the value, a process that cannot become the user's stays root's.
 * "dynamic" stands for a user that no other instance has (dynamic.c).
 *
 * There is no namespace of processes: a process can enter one only by a fork. But this process's
 * parent waits for it, and it has threads and children that know each other's pids. pid files,
 * nestctl and gdb use the host's pids.
 *
 * Open files stay open: disks, folders of hostfs, cards. The process can open no other file by
 * name, except through its broker.
 *
 * The change of the user clears the dumpable flag: other processes of the user cannot trace this
 * process, and this process dumps no core.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/jail/jail.h"

#define ID_MAX 0xfffffffeUL

#define OPTIONAL ",optional"
#define DYNAMIC "dynamic"

static bool wanted;
static uint32_t uid, gid;
/* the value without ",optional"; the reason why it is ignored, or NULL */
static char user[256];
static const char *why_not;
static int not_taken; /* the error of dynamic_take(), or 0 */

/* the namespaces; fd: descriptor, or -1; missing: 1 if a thread has not entered it (atomic) */
static struct {
	const char *name;
	int type, fd, missing;
} spaces[] = {
	{ "mnt", CLONE_NEWNS, -1, 0 },
	{ "net", CLONE_NEWNET, -1, 0 },
	{ "ipc", CLONE_NEWIPC, -1, 0 },
};
#define SPACES (sizeof(spaces) / sizeof(spaces[0]))
/* the child that makes the namespaces, and the socket that they come through; -1: none */
static pid_t maker;
static int from_maker = -1;

/* ---- namespaces ---- */

/*
 * Replaces, in the child, all mounts by an empty folder that no process can write to. Returns 0, or
 * another value if the host refuses.
 */
static int empty_root(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"mode=0555,nr_inodes=2,nr_blocks=1") ||
		chdir("/proc") || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
		chdir("/"))
		return -1;
	return mount(
		NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* A message with the namespaces: those that were made, and as control data the file of each. */
struct spaces_message {
	char made[SPACES];
	union {
		char room[CMSG_SPACE(SPACES * sizeof(int))];
		struct cmsghdr head;
	} control;
	struct iovec iov;
	struct msghdr m;
};

static void message_init(struct spaces_message *s)
{
	*s = (struct spaces_message){ .iov = { s->made, sizeof(s->made) },
		.m = { .msg_iov = &s->iov,
			.msg_iovlen = 1,
			.msg_control = &s->control,
			.msg_controllen = sizeof(s->control) } };
}

/* Makes the namespaces that the host allows, and sends them. */
static void __attribute__((noreturn)) make_spaces(int sock)
{
	struct spaces_message s;
	int *fds = (int *)CMSG_DATA(&s.control.head);
	size_t nr = 0;
	char path[64];

	message_init(&s);
	for (size_t i = 0; i < SPACES; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", spaces[i].name);
		if (unshare(spaces[i].type))
			continue;
		fds[nr] = open(path, O_RDONLY | O_CLOEXEC);
		s.made[i] = fds[nr] >= 0;
		nr += fds[nr] >= 0;
	}
	/* the first namespace, if it was made; /proc is gone after this */
	if (s.made[0] && empty_root()) {
		s.made[0] = 0;
		memmove(fds, fds + 1, --nr * sizeof(int));
	}
	s.control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(nr * sizeof(int)) };
	s.m.msg_controllen = nr ? CMSG_SPACE(nr * sizeof(int)) : 0;
	sendmsg(sock, &s.m, MSG_NOSIGNAL);
	_exit(0);
}

/* ---- the user ---- */

/* Looks a name up in /etc/passwd. Returns 0 or -ENOENT. */
static int look_up(const char *name, uint32_t *u, uint32_t *g)
{
	FILE *f = fopen("/etc/passwd", "re");
	char line[1024];
	size_t n = strlen(name);
	int err = -ENOENT;

	while (f && err && fgets(line, sizeof(line), f)) {
		char *second = strchr(line, ':');

		second = second ? strchr(second + 1, ':') : NULL;
		if (n && !strncmp(line, name, n) && line[n] == ':' && second &&
			sscanf(second, ":%u:%u:", u, g) == 2)
			err = 0;
	}
	if (f)
		fclose(f);
	return err;
}

/* Reads NAME, UID or UID:GID. */
static int parse(const char *value, uint32_t *u, uint32_t *g)
{
	unsigned long a, b;
	char *end;

	if (*value < '0' || *value > '9')
		return look_up(value, u, g);
	a = b = strtoul(value, &end, 10);
	if (*end == ':' && end[1] >= '0' && end[1] <= '9')
		b = strtoul(end + 1, &end, 10);
	if (*end || a > ID_MAX || b > ID_MAX)
		return -EINVAL;
	*u = (uint32_t)a;
	*g = (uint32_t)b;
	return 0;
}

/*
 * Returns the name of the first capability that this process lacks for a change of the user, or
 * NULL. The broker, which stays root's, needs the last three to answer and to send signals.
 */
static const char *lacks(void)
{
	static const struct {
		unsigned nr;
		const char *name;
	} needed[] = { { CAP_SETUID, "CAP_SETUID" }, { CAP_SETGID, "CAP_SETGID" },
		{ CAP_KILL, "CAP_KILL" }, { CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
		{ CAP_SYS_NICE, "CAP_SYS_NICE" } };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { 0 };

	syscall(SYS_capget, &head, caps);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(caps[0].effective >> needed[i].nr & 1))
			return needed[i].name;
	return NULL;
}

/*
 * Makes the system calls directly, since libc's functions change all threads. Async-signal-safe.
 * Returns 0, or another value if the host refuses.
 */
static int change_ids(void)
{
	return syscall(SYS_setgroups, 0L, NULL) || syscall(SYS_setresgid, gid, gid, gid) ||
	       syscall(SYS_setresuid, uid, uid, uid);
}

/*
 * True if the user is mapped in this user namespace, which may contain only root: a child tries.
 * The child has this process's memory, whose dumpable flag it clears.
 */
static bool may_change(void)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), status = -1;
	pid_t pid = vfork();

	if (!pid)
		_exit(change_ids());
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return !status;
}

static int choose(const char *value)
{
	bool dynamic = !strcmp(value, DYNAMIC);
	int err = dynamic ? 0 : parse(value, &uid, &gid);

	if (!err && !dynamic && (!uid || !gid))
		err = -EINVAL;
	if (!err && (geteuid() || lacks()))
		err = -EPERM;
	if (!err && dynamic)
		err = not_taken = dynamic_take(&uid);
	if (!err && dynamic)
		gid = uid;
	if (!err && !may_change())
		err = -ENXIO;
	wanted = !err;
	return err;
}

static const char *reason(int err)
{
	static char text[160];

	if (err == -EPERM && !geteuid() && lacks())
		snprintf(text, sizeof(text), "needs %s, which this root lacks", lacks());
	else if (not_taken)
		snprintf(text, sizeof(text), DYNAMIC_LOCKS ": %s",
			err == -EPERM  ? "is not root's alone" :
			err == -EAGAIN ? "all numbers that were tried are taken" :
					 os_strerror(err));
	return *text          ? text :
	       err == -EPERM  ? "needs to be started by root" :
	       err == -ENXIO  ? "the host does not let this process become that user" :
	       err == -ENOENT ? "/etc/passwd has no such user" :
				"expected NAME, UID, UID:GID or dynamic, and none of root's";
}

/* Has a child make the namespaces, which takes some milliseconds. */
static void begin_spaces(void)
{
	int pair[2];

	for (size_t i = 0; i < SPACES; i++)
		spaces[i].missing = 1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return;
	maker = fork();
	if (!maker) {
		close(pair[0]);
		make_spaces(pair[1]);
	}
	close(pair[1]);
	from_maker = pair[0];
}

void user_spaces(void)
{
	struct spaces_message s;
	const int *fd = (const int *)CMSG_DATA(&s.control.head);
	size_t nr = 0;
	ssize_t n;

	if (from_maker < 0)
		return;
	message_init(&s);
	do {
		n = recvmsg(from_maker, &s.m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	/* fewer descriptors than namespaces if this process may have no more of them */
	if (n == (ssize_t)sizeof(s.made) && s.m.msg_controllen >= CMSG_LEN(0))
		nr = (s.control.head.cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < SPACES && nr; i++)
		if (s.made[i]) {
			spaces[i].fd = *fd++;
			spaces[i].missing = 0;
			nr--;
		}
	close(from_maker);
	from_maker = -1;
	while (maker > 0 && waitpid(maker, NULL, 0) < 0 && errno == EINTR)
		;
}

void user_begin(char **argv, bool jail)
{
	const char *value = NULL;
	bool optional;
	size_t n;
	int err;

	for (int i = 1; argv[i - 1] && argv[i] && strcmp(argv[i], "--"); i++)
		if (!strncmp(argv[i], "user=", 5))
			value = argv[i] + 5;
	if (!value)
		return;
	n = strlen(value);
	optional = n > strlen(OPTIONAL) && !strcmp(value + n - strlen(OPTIONAL), OPTIONAL);
	n -= optional ? strlen(OPTIONAL) : 0;
	snprintf(user, sizeof(user), "%.*s", (int)n, value);
	err = n < sizeof(user) ? choose(user) : -EINVAL;
	if (err && !optional) {
		fprintf(stderr, "nestling: user=%s: %s\n", user, reason(err));
		exit(1);
	}
	if (err || (optional && !jail))
		why_not = err ? reason(err) : "needs a jail";
	wanted = !why_not;
	if (wanted)
		begin_spaces();
	else
		dynamic_started();
}

void os_user_become(void)
{
	if (wanted && change_ids())
		_exit(1);
}

int os_jail_has_user(void)
{
	return wanted;
}

const char *os_jail_user_note(void)
{
	static char text[400];
	char missing[16 * SPACES] = "";

	if (why_not) {
		snprintf(text, sizeof(text), "user=%s: %s: it stays root's", user, why_not);
		return text;
	}
	for (size_t i = 0; wanted && i < SPACES; i++)
		if (__atomic_load_n(&spaces[i].missing, __ATOMIC_RELAXED)) {
			strcat(missing, " ");
			strcat(missing, spaces[i].name);
		}
	snprintf(text, sizeof(text), "user=%s: no namespaces of its own, which the host refuses:%s",
		user, missing);
	return *missing ? text : NULL;
}

void user_close(bool keeps)
{
	int death = 0;

	if (!wanted)
		return;
	for (size_t i = 0; i < SPACES; i++)
		if (spaces[i].fd >= 0 && (spaces[i].type != CLONE_NEWNS || !folders_have_space()) &&
			((spaces[i].type == CLONE_NEWNS && unshare(CLONE_FS)) ||
				setns(spaces[i].fd, spaces[i].type)))
			__atomic_store_n(&spaces[i].missing, 1, __ATOMIC_RELAXED);
	/*
	 * The change of the user clears the parent-death signal, which is set again, and without
	 * PR_SET_KEEPCAPS the capabilities.
	 */
	if (keeps)
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
	os_user_become();
	if (death)
		prctl(PR_SET_PDEATHSIG, death, 0, 0, 0);
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

void user_end(void)
{
	for (size_t i = 0; i < SPACES; i++) {
		if (spaces[i].fd >= 0)
			close(spaces[i].fd);
		spaces[i].fd = -1;
	}
}

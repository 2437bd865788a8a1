/* SPDX-License-Identifier: MIT */
/*
 * fuse_signal: signals for tasks whose requests the server has not read yet: only a fatal one takes
 * a request back, and none takes back a FLUSH.
 */
#include "fuse_server.h"

static int release[2]; /* pipe: a byte ends a request for "busy" */
static struct fuse_in_header held;
static volatile int busy, flushes;

static void serve_lookup(const struct fuse_in_header *h)
{
	const char *name = (const void *)(h + 1);
	char c;

	if (!strcmp(name, "file")) {
		serve_file(h, 0644, 0);
		return;
	}
	if (!strcmp(name, "busy")) {
		busy = 1;
		NEED(read(release[0], &c, 1));
	} else {
		say("LOOKUP %s", name);
	}
	if (!strcmp(name, "held"))
		held = *h; /* until INTERRUPT */
	else
		reply(h->unique, -ENOENT, NULL, 0);
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_interrupt_in *i = (const void *)(h + 1);

	switch (h->opcode) {
	case FUSE_LOOKUP: serve_lookup(h); break;
	case FUSE_INTERRUPT:
		if (i->unique != held.unique)
			break;
		say("INTERRUPT");
		reply(held.unique, -ENOENT, NULL, 0);
		break;
	case FUSE_FLUSH:
		reply(h->unique, 0, NULL, 0);
		flushes++;
		break;
	default: serve_file(h, 0644, 0);
	}
}

/* Starts a process whose request keeps the server busy. Returns its pid. */
static pid_t keep_busy(void)
{
	pid_t pid;

	busy = 0;
	pid = SPAWN(access("m/busy", F_OK));
	T_WAIT(busy);
	return pid;
}

/* Lets the server go on. Waits for the process that kept it busy and for @pid. */
static void go_on(pid_t busy_one, pid_t pid)
{
	NEED(write(release[1], "x", 1));
	t_wait("asker", pid);
	t_wait("busy", busy_one);
}

/* Waits until a request is queued, and the task sleeps. */
static void until_asked(pid_t pid)
{
	struct pollfd p = { dev, POLLIN, 0 };

	T_WAIT(poll(&p, 1, 0) == 1);
	t_until(pid, 'S');
}

static void handled(int flags)
{
	pid_t first = keep_busy(), pid = SPAWN({
		t_handle(SIGALRM, flags);
		T(access("m/held", F_OK));
		say("signals: %d", (int)t_signals);
	});

	until_asked(pid);
	NEED(kill(pid, SIGALRM));
	t_until(pid, 'D');
	go_on(first, pid);
}

static void fatal(void)
{
	pid_t first = keep_busy(), pid = SPAWN(access("m/killed", F_OK));

	until_asked(pid);
	NEED(kill(pid, SIGKILL));
	t_until(pid, 'Z');
	go_on(first, pid);
}

/* True if the task has seen a fatal signal. Linux ends it only after the answer. */
static bool is_killed(pid_t pid)
{
	char state = t_state(pid);

	return state == 'D' || state == 'Z';
}

static void flush(void)
{
	pid_t first, pid;
	int opened[2], go[2];
	char c;

	NEED(pipe(opened));
	NEED(pipe(go));
	pid = SPAWN({
		int fd = NEED(open("m/file", O_RDWR));

		NEED(write(opened[1], "x", 1));
		NEED(read(go[0], &c, 1));
		close(fd);
		pause();
	});
	NEED(read(opened[0], &c, 1));
	first = keep_busy();
	NEED(write(go[1], "x", 1));
	until_asked(pid);
	NEED(kill(pid, SIGKILL));
	T_WAIT(is_killed(pid));
	flushes = 0;
	go_on(first, pid);
	T_WAIT(flushes);
	say("FLUSH: %d", flushes);
}

TEST(fuse_signal)
{
	fuse_init_flags = FUSE_PARALLEL_DIROPS;
	NEED(pipe(release));
	CHILD({
		fuse_serve();
		handled(0);
		handled(SA_RESTART);
		fatal();
		flush();
		NEED(umount2("m", MNT_DETACH));
	});
}

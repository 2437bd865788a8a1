/* SPDX-License-Identifier: MIT */
/*
 * here.c: `nestctl migrate --here`: a new process of the kernel takes the place of the old one.
 *
 * Neither process is a child of nestctl. The old process is held (hold.c). The new process reads
 * the memory, and is held, too. Then the old process's folder of names is renamed, the new process
 * runs under the old name, and the old process is killed. If the new process cannot run, the old
 * process gets its name back and continues.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/migrate/migrate.h"
#include "tools/nestctl/service/service.h"

#define SAVE_MS 600000

/* A migration. @aside: where the old folder of names goes. @channel: to the new kernel, or -1. */
struct move {
	const struct instance *in;
	const char *wanted_kernel, *kernel, *aside;
	struct state_new folder;
	struct state state;
	struct start start;
	struct hold hold;
	int channel, pidfd;
	bool held, begun, moved;
};

/* Saves and describes the instance once before the hold, since a held instance cannot answer. */
static void describe(struct move *m)
{
	struct umid_console c;
	size_t len;
	int err;
	char *text;

	umid_connect(&c, m->in->folder);
	c.wait_ms = SAVE_MS;
	text = umid_ask(&c, format("state save %s", m->folder.made), &err, &len);
	if (!text)
		die("%s: the instance has ended, or does not answer", m->in->name);
	if (err)
		die("%s: %s", m->in->name, text);
	m->state = save_described(m->in, &c, m->folder.fd);
	close(c.fd);
	mig_next(m->folder.fd);
	m->state.folder = m->folder.made;
	m->kernel = start_kernel_of(&m->state, m->wanted_kernel);
}

/* Starts the new process, which waits for the files. */
static void start(struct move *m)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair: %s", strerror(errno));
	fcntl(pair[1], F_SETFD, 0);
	m->channel = pair[0];
	m->start = (struct start){
		.state = &m->state, .name = m->in->name, .moves = true, .hold = pair[1], .pidfd = -1
	};
	start_begin(&m->start, m->kernel);
	m->begun = true;
	if (!start_await_held(&m->start, m->channel, START_WAITS))
		die("%s", m->start.error);
}

/* Makes the new process read the memory. */
static void load(struct move *m)
{
	if (send(m->channel, "s", 1, MSG_NOSIGNAL) != 1)
		die("%s: its new process has ended", m->in->name);
	if (!start_await_held(&m->start, m->channel, START_READY))
		die("%s", m->start.error);
}

/* Gives the instance and its name to the new process, which continues it. */
static void hand_over(struct move *m)
{
	conn_hold_signals(true);
	if (!hold_commit(&m->hold))
		die("%s: the instance has ended", m->in->name);
	if (rename(m->in->folder, m->aside))
		die("%s: %s", m->in->folder, strerror(errno));
	m->moved = true;
	if (send(m->channel, "g", 1, MSG_NOSIGNAL) != 1 || !start_await(&m->start))
		die("%s", m->start.error ? m->start.error :
					   format("%s: its new process has ended", m->in->name));
}

static void move_all(void *arg)
{
	struct move *m = arg;

	m->folder = state_begin_unnamed();
	conn_watch_signals();
	m->pidfd = (int)syscall(SYS_pidfd_open, m->in->pid, 0);
	if (m->pidfd < 0)
		die("%s: %s", m->in->name, strerror(errno));
	describe(m);
	start(m);
	m->hold = hold_begin(m->in, m->folder.made, NULL);
	m->held = true;
	load(m);
	hand_over(m);
}

/* Undoes everything, makes the old process continue and dies. */
static void __attribute__((noreturn)) give_up(struct move *m, const char *why)
{
	if (m->channel >= 0)
		close(m->channel);
	if (m->begun && !start_undo(&m->start))
		die("%s; the new process %d does not end, so the old one stands still", why,
			(int)m->start.kernel);
	if (m->moved && renameat2(AT_FDCWD, m->aside, AT_FDCWD, m->in->folder, RENAME_NOREPLACE))
		warn("%s: its name is %s now: %s", m->in->name, strrchr(m->aside, '/') + 1,
			strerror(errno));
	if (!m->held || hold_release(&m->hold))
		die("%s; it goes on as before", why);
	die("%s", why);
}

/* Kills the old process and removes its folder of names. */
static void end_old(struct move *m)
{
	static const char *const names[] = { "mconsole", "console", "pid" };

	syscall(SYS_pidfd_send_signal, m->pidfd, SIGKILL, NULL, 0);
	poll(&(struct pollfd){ .fd = m->pidfd, .events = POLLIN }, 1, 10000);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(format("%s/%s", m->aside, names[i]));
	rmdir(m->aside);
	hold_leave(&m->hold);
}

void migrate_here(const struct instance *in, const char *wanted_kernel, bool json)
{
	struct move m = { .in = in,
		.wanted_kernel = wanted_kernel,
		.aside = format("%s" MIG_ASIDE "%d", in->folder, (int)getpid()),
		.channel = -1 };
	const char *why, *head;
	struct service s;

	if (service_find(&s, in->name))
		die("%s: --here: a detached instance stays a child of its supervisor", in->name);
	why = attempt(move_all, &m);
	if (why)
		give_up(&m, why);
	end_old(&m);
	head = head_get(in->pid);
	if (head)
		head_set(m.start.kernel, head);
	state_drop();
	if (!json) {
		printf("%s: runs as process %d\n", in->name, (int)m.start.kernel);
		return;
	}
	json_open(NULL, '{');
	json_text("name", in->name);
	json_number("pid", m.start.kernel);
	json_close('}');
}

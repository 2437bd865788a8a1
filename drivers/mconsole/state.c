/* SPDX-License-Identifier: MIT */
/*
 * state.c: the management console's "state": saves the instance to a folder of the host, and rolls
 * it back to a saved state (kernel/state/state.h).
 *
 *     state save DIR       replies "stopped NS", the time for which the instance was stopped
 *     state rollback DIR   replies "put back" afterwards if that was possible in place; else
 *                          replies when it begins, since the process that continues does not have
 *                          the request
 *     state hold DIR       saves, but the machine stays stopped until a command on the channel that
 *                          came with the request (hold_host.h); then replies as save does
 *     state go [NAME]      continues an instance whose holder has gone, see below, or a restored
 *                          one that waits (hold=console). NAME: the present name of its folder
 *     state end            ends a restored instance that waits (hold=console), and no other
 *     state place WORD     a rollback that executes the kernel again gives it this parameter, which
 *                          places the instance on its host: umid=NAME when the folder of the
 *                          sockets was renamed, ubd0=FILE,... when a disk's file was
 *
 * A held machine serves no request. But if its holder disconnects after it has allowed another
 * process to continue from the state, this process cannot know which of the two must run. It then
 * stays stopped, and replies so to every client, until "state go" or SIGKILL.
 *
 * A separate thread executes a save or rollback, since both take time and the console must stay
 * usable. In a restored instance that thread continues too: its client sent the request to another
 * process, so mconsole_host_reply() does not reply. A client that disconnects in between changes
 * nothing.
 *
 * Locks: none; a request belongs to its thread.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/hold_host.h"
#include "drivers/mconsole/internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/state/state.h"
#include "os-linux/os.h"

struct state_request {
	struct mconsole_packet from;
	struct mconsole_call call;
	char dir[MCONSOLE_STATE];
	bool held;
	struct state_why why;
};

/* Called while the machine is stopped: waits for the holder's command. */
static void hold(u64 so_far)
{
	if (hold_host_wait(so_far) == HOLD_GO)
		return;
	while (mconsole_serve_stopped("it stands still: it was migrated, and its receiver did not "
				      "confirm that it runs there; nestctl migrate --resume lets "
				      "it go on here, nestctl kill ends it",
		       false) != MCONSOLE_GO)
		mconsole_host_wait();
}

static int save_thread(void *arg)
{
	struct state_request *r = arg;
	u64 stopped = 0;
	int err = state_save_held(r->dir, r->held ? hold : NULL, &stopped, &r->why);

	/* The client of a continued instance had its answer from the one that was saved. */
	if (err == 1) {
		kfree(r);
		return 0;
	}
	if (r->held)
		hold_host_end();
	if (err)
		mconsole_fail(&r->call, err, "%s", r->why.text);
	else
		mconsole_print(&r->call, "stopped %lu", stopped);
	mconsole_end(&r->call, 0);
	kfree(r);
	return 0;
}

/*
 * Stores the client in the host's half, for connected(), before a rollback in place, which would
 * forget it. Before another rollback, replies to the client.
 */
static void rollback_begins(void *arg, bool in_place)
{
	struct state_request *r = arg;

	mconsole_host_keep(in_place ? &r->from : NULL);
	if (in_place)
		return;
	/* why it is not done in place, if that was tried */
	mconsole_print(&r->call, "rolling back%s%s", r->why.text[0] ? ": " : "", r->why.text);
	mconsole_end(&r->call, 0);
}

static int rollback_thread(void *arg)
{
	struct state_request *r = arg;
	int err = state_rollback(r->dir, rollback_begins, r, &r->why);

	mconsole_fail(&r->call, err, "%s", r->why.text);
	kfree(r);
	return 0;
}

/* Called after a rollback in place. Replies to its client. */
static void connected(void)
{
	static struct mconsole_packet from;
	static struct mconsole_call call;

	if (!mconsole_host_kept(&from))
		return;
	call = (struct mconsole_call){ .from = &from };
	mconsole_print(&call, "put back");
	mconsole_end(&call, 0);
}

STATE_PART(rollback_state) = {
	.name = "rollback",
	.connected = connected,
};

/* Returns the text after the word @verb, or NULL if the first word differs. */
static const char *behind(const char *args, const char *verb)
{
	size_t n = strlen(verb);

	return !strncmp(args, verb, n) && args[n] == ' ' ? args + n + 1 : NULL;
}

/* Takes the channel of a hold out of the request. Returns false after a reply with the reason. */
static bool take_channel(struct mconsole_call *c)
{
	int err = hold_host_take(c->from);

	if (err)
		mconsole_fail(c, err, "state hold: %s",
			err == -EBUSY ? "another one is under way" : "no socket came along");
	return !err;
}

static void place(struct mconsole_call *c, const char *word)
{
	int err = strncmp(word, "umid=", 5) ? 0 : mconsole_rename(word + 5, c->from);

	err = err ?: os_place(word);
	if (err)
		mconsole_fail(c, err, "state place %s: %s", word, arch_strerror(err));
}

void cmd_state(struct mconsole_call *c)
{
	const char *save = behind(c->args, "save"), *back = behind(c->args, "rollback");
	const char *held = behind(c->args, "hold"), *dir = save ?: back ?: held;
	struct state_request *r;

	if (!strcmp(c->args, "go")) {
		mconsole_fail(c, -EINVAL, "state go: the instance is not held");
		return;
	}
	if (behind(c->args, "place")) {
		place(c, behind(c->args, "place"));
		return;
	}
	if (!dir || *dir != '/') {
		mconsole_fail(c, -EINVAL,
			"state: expected save DIR, hold DIR or rollback DIR, a path from /");
		return;
	}
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r) {
		mconsole_fail(c, -ENOMEM, "state: no memory");
		return;
	}
	if (held && !take_channel(c)) {
		kfree(r);
		return;
	}
	strscpy(r->dir, dir, sizeof(r->dir));
	r->held = held;
	mconsole_take(&r->call, &r->from, c);
	if (kthread_run(back ? rollback_thread : save_thread, r, "state"))
		return;
	if (held)
		hold_host_end();
	kfree(r);
	c->ended = false;
	mconsole_fail(c, -ENOMEM, "state: no memory");
}

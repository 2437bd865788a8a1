/* SPDX-License-Identifier: MIT */
/*
 * state.c: the management console's "state": saves the instance to a folder of the host, and goes
 * back to what was saved there (kernel/state/state.h).
 *
 *     state save DIR       answers "stopped NS", the time for which the instance stood still
 *     state rollback DIR   answers "put back" if that was possible in place; or when it begins: the
 *                          process that goes on has not been asked
 *     state hold DIR       saves, but the machine stands still until the channel that came along
 *                          says more (hold_host.h); then answers as save does
 *     state go             an instance whose holder has gone at the wrong moment goes on
 *
 * A held machine serves no request. But if its holder has gone after it had let another process go
 * on from the state, no process here can know which of the two should run: then this one stands
 * still, and tells every client so, until "state go" or SIGKILL.
 *
 * A thread of its own does either, since both take time and the console goes on meanwhile. In a
 * restored instance that thread goes on too: its client has asked another process, so
 * mconsole_host_reply() does not answer. A client that goes away in between changes nothing.
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

struct state_request {
	struct mconsole_packet from;
	struct mconsole_call call;
	char dir[MCONSOLE_DATA];
	bool held;
	struct state_why why;
};

/* The machine is stopped. */
static void hold(u64 so_far)
{
	if (hold_host_wait(so_far) == HOLD_GO)
		return;
	while (!mconsole_serve_stopped())
		mconsole_host_wait();
}

static int save_thread(void *arg)
{
	struct state_request *r = arg;
	u64 stopped = 0;
	int err = state_save_held(r->dir, r->held ? hold : NULL, &stopped, &r->why);

	if (r->held && err != 1)
		hold_host_end();
	if (err)
		mconsole_fail(&r->call, err, "%s", r->why.text);
	else
		mconsole_print(&r->call, "stopped %lu", stopped);
	mconsole_end(&r->call, 0);
	kfree(r);
	return 0;
}

/* What goes back in place forgets its client: the host's half keeps it, for connected(). */
static void rollback_begins(void *arg, bool in_place)
{
	struct state_request *r = arg;

	mconsole_host_keep(in_place ? &r->from : NULL);
	if (in_place)
		return;
	/* why not in place, where that was tried */
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

/* Answers the client that the machine was put back for, if that was in place. */
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

/* Returns the text behind the word @verb, or NULL if the first word is another. */
static const char *behind(const char *args, const char *verb)
{
	size_t n = strlen(verb);

	return !strncmp(args, verb, n) && args[n] == ' ' ? args + n + 1 : NULL;
}

/* Takes the channel of a hold. */
static bool take_channel(struct mconsole_call *c)
{
	int err = hold_host_take(c->from);

	if (err)
		mconsole_fail(c, err, "state hold: %s",
			err == -EBUSY ? "another one is under way" : "no socket came along");
	return !err;
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
	if (!dir || *dir != '/') {
		mconsole_fail(c, -EINVAL,
			"state: wants save DIR, hold DIR or rollback DIR, a path from /");
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

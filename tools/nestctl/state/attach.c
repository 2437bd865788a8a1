/* SPDX-License-Identifier: MIT */
/*
 * attach.c: `nestctl restore --attach`: runs an instance from a state as `nestctl run` runs a new
 * one: at this terminal or over this process's standard streams. The instance ends with this
 * process, and nestctl returns its command's status.
 *
 * The streams go to the consoles that had them when the state was saved. An instance that ran in
 * the background had none. Then con1 to con3 get them if they exist, as in the channel mode of
 * `nestctl run` (run/run.c), or con1 of a machine, and otherwise con0.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/state/state.h"

/* The consoles of channel mode. */
static const char *const channels[] = { "con1=fd:0,null", "con2=null,fd:1", "con3=null,fd:2" };

/* True for a console's parameter whose input and output are standard streams or null. */
static bool is_standard(const char *param)
{
	const char *value = strchr(param, '='), *fd = value ? strstr(value, "fd:") : NULL;

	if (!fd || (strncmp(param, "con", 3) && strncmp(param, "ssl", 3)))
		return false;
	for (; fd; fd = strstr(fd + 1, "fd:"))
		if (fd[3] < '0' || fd[3] > '2' || (fd[4] && fd[4] != ','))
			return false;
	return true;
}

/* Sets r->lines: the consoles of the state that get nestctl's streams. */
static void choose_lines(struct run *r, const struct state *s)
{
	size_t n = 0;

	for (const char **p = s->params; *p; p++)
		if (is_standard(*p) && n < ATTACH_LINES)
			r->lines[n++] = *p;
	if (!n && start_has_init(s) && start_has_line(s, "con1=") && start_has_line(s, "con2=")) {
		for (; n < (start_has_line(s, "con3=") ? 3 : 2); n++)
			r->lines[n] = channels[n];
	} else if (!n && s->boot && start_has_line(s, "con1=")) {
		r->lines[n++] = "con1=fd:0,fd:1"; /* run/machine.c */
	} else if (!n) {
		r->lines[n++] = "con0=fd:0,fd:1";
	}
	r->lines[n] = NULL;
}

/* True if a console has both input and output, as a terminal has. */
static bool wants_terminal(const struct run *r)
{
	for (const char *const *p = r->lines; *p; p++)
		if (strstr(*p, "fd:0") && strstr(*p, "fd:1"))
			return true;
	return false;
}

/* True if a console gets standard error. */
static bool has_errors(const struct run *r)
{
	for (const char *const *p = r->lines; *p; p++)
		if (strstr(*p, "fd:2"))
			return true;
	return false;
}

/* Makes init's pipes. Without the built-in init, closes the kernel's ends of them at once. */
static void make_channels(struct run *r, const struct state *s)
{
	r->status_fd = kernel_pipe(1, &r->status_end);
	r->control_fd = kernel_pipe(0, &r->control_end);
	r->ready = kernel_pipe(1, &r->ready_fd);
	fcntl(r->control_fd, F_SETFL, O_NONBLOCK);
	/* init made its consoles raw before the save, so input may flow at once */
	if (write(r->ready_fd, "\n", 1) != 1)
		die("pipe: %s", strerror(errno));
	r->login = !start_has_init(s);
	if (r->login) {
		close(r->status_end);
		close(r->control_end);
		close(r->ready_fd);
		r->status_end = r->control_end = r->ready_fd = -1;
	}
}

void attach_prepare(struct run *r, const struct state *s, const char *kernel)
{
	*r = (struct run){ .kernel = kernel,
		.image = s->name,
		.cwd = s->cwd,
		.mem = format("%lu", (unsigned long)s->mem),
		.template = -1,
		.machine = s->boot,
		.started_fd = -1,
		.stop_timeout = -1,
		.folder_fd = -1,
		.fds = { 0, 1, 2 } };
	attend_prepare();
	choose_lines(r, s);
	make_channels(r, s);
	r->login = r->login || r->machine;
	r->terminal = wants_terminal(r) && isatty(0) && isatty(1) && !in_background();
	r->joined = !has_errors(r);
	if (r->terminal)
		return;
	r->fds[0] = pump_input(0, r->ready);
	r->fds[1] = pump_output(1, r->control_fd);
	if (!r->joined)
		r->fds[2] = pump_output(2, r->control_fd);
}

const char *attach_channel(const struct run *r, const char *param)
{
	size_t n = strcspn(param, "=") + 1;

	for (const char *const *p = r->lines; *p; p++)
		if (!strncmp(*p, param, n))
			return *p;
	return NULL;
}

int attach_run(struct start *st, void (*begun)(struct start *st, void *arg), void *arg)
{
	attend_begin(st->attached);
	if (start_await(st))
		begun(st, arg);
	return attend_rest(st->attached, st->kernel);
}

/* SPDX-License-Identifier: MIT */
/*
 * opener_host.c: lines of a jailed process, which has no socket(2), no open(2) of a device and no
 * fork(2): the broker (os-linux/jail/openers.c) opens their sides from the text of the parameter:
 * "port:9000", "unix:/run/line", "pty" or "xterm".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/console/internal_host.h"
#include "os-linux/host.h"

static int opener = -1;

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/*
 * Makes a pseudo terminal in the broker. Adds its master, its slave and, if there is one, the watch
 * to o->fd. Returns 0 or -errno.
 */
static int open_terminal(struct os_opened *o)
{
	struct con_pty p;
	int err = pty_make(&p, o->text, sizeof(o->text));

	if (err)
		return err;
	o->fd[o->nr++] = p.fd;
	o->fd[o->nr++] = p.slave;
	if (p.watch >= 0)
		o->fd[o->nr++] = p.watch;
	return 0;
}

/* True for a line's name, such as "con1". A program of the host gets it as a word. */
static bool is_line(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");

	return n && n < 16 && !name[n];
}

static int open_for_jailed(const char *text, struct os_opened *o)
{
	int fd;

	if (!strcmp(text, "pty"))
		return open_terminal(o);
	if (begins(text, "xterm\n") && is_line(text + strlen("xterm\n")))
		return xterm_run(text + strlen("xterm\n")) > 0 ? 0 : -ECHILD;
	if (begins(text, "port:"))
		fd = listen_port(text + strlen("port:"));
	else if (begins(text, "unix:"))
		fd = listen_unix(text + strlen("unix:"));
	else
		fd = -EINVAL;
	if (fd < 0)
		return fd;
	o->fd[o->nr++] = fd;
	return 0;
}

/* ---- the kernel process ---- */

static void prepare(void)
{
	opener = os_jail_opener(open_for_jailed);
	xterm_register_opener();
}

int con_host_setup(void)
{
	static bool done;

	if (done)
		return 0;
	done = true;
	return os_at_jail(prepare);
}

int jailed_listen(const char *kind, const char *key)
{
	struct os_opened o = { 0 };
	char text[CON_TEXT + 8];
	int err;

	snprintf(text, sizeof(text), "%s:%s", kind, key);
	err = os_jail_open(opener, text, &o);
	return err ? err : o.nr == 1 ? o.fd[0] : -EIO;
}

int jailed_pty(struct con_pty *p, char *name, size_t size)
{
	struct os_opened o = { 0 };
	int err = os_jail_open(opener, "pty", &o);

	if (err || o.nr < 2)
		return err ? err : -EIO;
	*p = (struct con_pty){ o.fd[0], o.fd[1], o.nr > 2 ? o.fd[2] : -1 };
	o.text[sizeof(o.text) - 1] = 0;
	snprintf(name, size, "%s", o.text);
	return 0;
}

int jailed_xterm(const char *line)
{
	struct os_opened o = { 0 };
	char text[CON_TEXT];

	snprintf(text, sizeof(text), "xterm\n%s", line);
	return os_jail_open(opener, text, &o);
}

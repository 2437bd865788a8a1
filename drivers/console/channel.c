/* SPDX-License-Identifier: MIT */
/*
 * channel.c: the syntax of a channel, on the command line and in the management console.
 *
 *      SIDE | IN,OUT   one side for input and output, or one for each
 *      SIDE: null | none | fd:N | tty:PATH | pty | pts | port:[ADDRESS:]N | unix:PATH | xterm
 */
#include <asm/errno.h>

#include "drivers/console/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define FD_MOST 1048575
#define PORT_MOST 65535

static const char *const kinds[] = {
	[CON_NULL] = "null",
	[CON_FD] = "fd",
	[CON_TTY] = "tty",
	[CON_PTY] = "pty",
	[CON_PORT] = "port",
	[CON_UNIX] = "unix",
	[CON_XTERM] = "xterm",
};

/*
 * Returns the kind with this name, or -1. User Mode Linux has two kinds of pseudo terminals (pty,
 * pts), which are one here.
 */
static int find_kind(const char *name, size_t len)
{
	if (len == 3 && !strncmp(name, "pts", 3))
		return CON_PTY;
	if (len == 4 && !strncmp(name, "none", 4))
		return CON_NULL;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i]) == len && !strncmp(kinds[i], name, len))
			return (int)i;
	return -1;
}

static int parse_port(struct con_side *s, const char *value, char *err, size_t size)
{
	const char *colon = strrchr(value, ':'), *digits = colon ? colon + 1 : value;
	u64 n;

	if (kstrtou64(digits, 10, &n) || !n || n > PORT_MOST)
		return invalid(err, size,
			"port:%s: expected port:N or port:ADDRESS:N, N from 1 to %d", value,
			PORT_MOST);
	return strscpy(s->text, value, sizeof(s->text)) < 0 ?
		       invalid(err, size, "port: the address is too long") :
		       0;
}

static int parse_value(struct con_side *s, const char *value, char *err, size_t size)
{
	u64 n;

	switch (s->kind) {
	case CON_FD:
		if (kstrtou64(value, 10, &n) || n > FD_MOST)
			return invalid(
				err, size, "fd:%s: expected the number of a descriptor", value);
		s->fd = (s32)n;
		return 0;
	case CON_PORT: return parse_port(s, value, err, size);
	case CON_TTY:
	case CON_UNIX:
		if (*value != '/')
			return invalid(err, size, "%s:%s: expected a path that begins with /",
				kinds[s->kind], value);
		if (strscpy(s->text, value, sizeof(s->text)) < 0)
			return invalid(err, size, "%s: the path has more than %d letters",
				kinds[s->kind], CON_TEXT - 1);
		return 0;
	}
	return *value ? invalid(err, size, "%s takes nothing behind it", kinds[s->kind]) : 0;
}

static int parse_side(const char *text, struct con_side *s, char *err, size_t size)
{
	size_t len = strcspn(text, ":");
	int kind = find_kind(text, len);

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	if (kind < 0)
		return invalid(err, size,
			"%.*s: unknown kind of channel; fd, tty, pty, pts, port, unix, xterm, null "
			"and none are known",
			(int)min(len, 40UL), text);
	s->kind = (u32)kind;
	return parse_value(s, text[len] ? text + len + 1 : text + len, err, size);
}

int channel_parse(const char *text, struct con_open *o, char *err, size_t size)
{
	char words[2 * CON_TEXT + 64], *at = words, *in, *out;
	int bad;

	memset(o, 0, sizeof(*o));
	if (strscpy(words, text, sizeof(words)) < 0)
		return invalid(err, size, "longer than %zu letters", sizeof(words) - 1);
	in = strsep(&at, ",");
	out = strsep(&at, ",");
	if (at)
		return invalid(err, size, "expected one channel, or two with a comma between");
	bad = parse_side(in, &o->in, err, size);
	if (!bad)
		bad = parse_side(out ? out : in, &o->out, err, size);
	if (!bad && out && (o->in.kind == CON_XTERM) != (o->out.kind == CON_XTERM))
		return invalid(err, size, "xterm is for both ways");
	return bad;
}

static void print_side(const struct con_side *s, const char *name, char *text, size_t size)
{
	size_t n = strlen(text);

	if (n) /* after the first side */
		n += scnprintf(text + n, size - n, ",");
	if (s->kind == CON_FD)
		scnprintf(text + n, size - n, "fd:%d", s->fd);
	else if (s->kind == CON_PTY)
		scnprintf(text + n, size - n, "pty:%s", name);
	else
		scnprintf(text + n, size - n, "%s%s%s", kinds[s->kind], s->text[0] ? ":" : "",
			s->text);
}

void channel_print(const struct con_open *o, char *text, size_t size)
{
	text[0] = 0;
	print_side(&o->in, o->name, text, size);
	if (memcmp(&o->in, &o->out, sizeof(o->in)) != 0)
		print_side(&o->out, o->name, text, size);
}

/* SPDX-License-Identifier: MIT */
/*
 * console.c: consoles, front end: con<n> is /dev/tty<n>, ssl<n> is /dev/ttyS<n>.
 *
 *	con<n>=fd:IN[,fd:OUT] | pty | null | none     one line; con=... is the default of all that are not named
 *	ssl<n>=...                                     the same for serial lines
 *	console=tty<n>|ttyS<n>                         where /dev/console and the kernel's messages go (default tty0)
 *
 * con0 is on the kernel's own standard input and output by default, everything else is null: what is written to it is lost, reads wait for
 * ever. The command line is checked at once; channels are opened at initcall level 4, or for the kernel's messages before that.
 * No locks of its own: lines are written at boot; tty.h says what protects a tty.
 */
#include <asm/errno.h>
#include <linux/major.h>

#include "arch/um/arch.h"
#include "drivers/console/con_host.h"
#include "os-linux/os.h"
#include "kernel/dev/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/vfs.h"

#define NR_CON 16
#define SERIAL_FIRST_MINOR 64

struct line {
	struct con_open open;
	bool given, opened, none;
	char param[12];
	struct tty_struct *tty;
	u8 left[256]; /* input that the tty had no room for */
	int nr_left;
};
static struct line cons[NR_CON], serials[NR_CON];
static struct con_open con_default = { .kind = CON_NULL }, ssl_default = { .kind = CON_NULL };
static bool con_default_given;
static int size_irq;

/* ---- the command line ---- */

static int parse_fd(const char **s, s32 *fd)
{
	u64 n = 0;
	const char *p = *s;

	if (strncmp(p, "fd:", 3))
		return -EINVAL;
	p += 3;
	if (*p < '0' || *p > '9')
		return -EINVAL;
	while (*p >= '0' && *p <= '9' && n < 1000000)
		n = n * 10 + (u64)(*p++ - '0');
	*fd = (s32)n;
	*s = p;
	return 0;
}

/* One side of a channel: "fd:N" or "null". */
static int parse_side(const char **s, s32 *fd)
{
	if (!strncmp(*s, "null", 4)) {
		*s += 4;
		*fd = -1;
		return 0;
	}
	return parse_fd(s, fd);
}

static void parse_channel(const char *param, const char *val, struct con_open *o)
{
	const char *p = val;

	*o = (struct con_open){ .kind = CON_NULL, .in = -1, .out = -1 };
	if (!strcmp(val, "null") || !strcmp(val, "none"))
		return;
	if (!strcmp(val, "pty")) {
		o->kind = CON_PTY;
		return;
	}
	if (!strncmp(val, "port", 4) || !strncmp(val, "xterm", 5) || !strncmp(val, "tty:", 4) ||
		!strcmp(val, "pts"))
		refuse("%s=%s: this kind of console is not supported; fd:, pty and null are", param,
			val);
	o->kind = CON_FD;
	if (parse_side(&p, &o->in))
		goto bad;
	o->out = o->in;
	if (*p == ',') {
		p++;
		if (parse_side(&p, &o->out))
			goto bad;
	}
	if (*p)
		goto bad;
	return;
bad:
	refuse("%s=%s: wants fd:N, fd:IN,fd:OUT, pty or null", param, val);
}

static int line_setup(const char *kind, const char *s, struct line *lines, struct con_open *deflt)
{
	const char *eq = strchr(s, '=');
	char num[8];
	u64 n;

	if (!eq)
		refuse("%s%s: wants %s<n>=CHANNEL", kind, s, kind);
	if (eq == s) {
		char param[8];

		strscpy(param, kind, sizeof(param));
		parse_channel(param, eq + 1, deflt);
		return 0;
	}
	scnprintf(num, sizeof(num), "%.*s", (int)min_t(long, eq - s, 7), s);
	if (kstrtou64(num, 10, &n) || n >= NR_CON)
		refuse("%s%s: no such device: there are %s0 to %s%d", kind, s, kind, kind,
			NR_CON - 1);
	scnprintf(lines[n].param, sizeof(lines[n].param), "%s%s", kind, num);
	parse_channel(lines[n].param, eq + 1, &lines[n].open);
	lines[n].given = true;
	lines[n].none = !strcmp(eq + 1, "none");
	return 0;
}

static int con_setup(const char *s)
{
	if (*s == '=')
		con_default_given = true;
	return line_setup("con", s, cons, &con_default);
}
PARAM_DEV("con", con_setup,
	"con<n>=fd:IN[,fd:OUT]|pty|null  console n (/dev/tty<n>); con= is the default");

static int ssl_setup(const char *s)
{
	return line_setup("ssl", s, serials, &ssl_default);
}
PARAM_DEV("ssl", ssl_setup, "ssl<n>=fd:IN[,fd:OUT]|pty|null  serial line n (/dev/ttyS<n>)");

static int console_setup(const char *s)
{
	char name[16];
	size_t n = strcspn(s, ",");
	const char *num = !strncmp(s, "ttyS", 4) ? s + 4 : s + 3;
	u64 v;

	scnprintf(name, sizeof(name), "%.*s", (int)min_t(size_t, n, 15), s);
	if (strncmp(name, "tty", 3) || kstrtou64(name + (num - s), 10, &v) || v >= NR_CON)
		refuse("console=%s: wants tty0 to tty%d or ttyS0 to ttyS%d", s, NR_CON - 1,
			NR_CON - 1);
	tty_set_console(name);
	return 0;
}
PARAM("console=", console_setup,
	"console=tty<n>|ttyS<n>  where /dev/console and kernel messages go");

/* ---- a line as a tty ---- */

static void feed_tty(struct line *l)
{
	for (;;) {
		int n, took;

		if (!l->nr_left) {
			n = con_host_read(l->open.host, l->left, sizeof(l->left));
			if (n < 0)
				tty_input_eof(l->tty);
			if (n <= 0)
				return;
			l->nr_left = n;
		}
		took = tty_input(l->tty, l->left, l->nr_left);
		if (took < l->nr_left)
			memmove(l->left, l->left + took, (size_t)(l->nr_left - took));
		l->nr_left -= took;
		if (l->nr_left)
			return; /* unthrottle comes back */
	}
}

static void line_irq(void *arg)
{
	struct line *l = arg;

	if (!l->tty)
		return;
	feed_tty(l);
	tty_wakeup(l->tty);
}

static int con_write(struct tty_struct *tty, const u8 *buf, int n)
{
	struct line *l = tty->driver_data;

	return l->opened ? con_host_write(l->open.host, buf, n) : n;
}

static int con_write_room(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	return l->opened ? con_host_room(l->open.host) : N_TTY_BUF_SIZE;
}

static int con_chars(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	return l->opened ? con_host_pending(l->open.host) : 0;
}

static void con_flush(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	if (l->opened)
		con_host_drop(l->open.host);
}

/* The reader took something: the interrupt feeds the rest, at a boundary. */
static void con_unthrottle(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	if (l->opened)
		os_irq_raise(l->open.irq);
}

static const struct tty_operations con_ops = {
	.write = con_write,
	.write_room = con_write_room,
	.chars_in_buffer = con_chars,
	.flush_buffer = con_flush,
	.unthrottle = con_unthrottle,
};

static void read_size(struct line *l)
{
	struct con_size s;
	struct winsize ws;

	if (!l->opened || !l->tty || con_host_size(l->open.host, &s) < 0)
		return;
	ws = (struct winsize){ s.rows, s.cols, s.xpixel, s.ypixel };
	tty_do_resize(l->tty, &ws);
}

static void size_changed(void *arg)
{
	u32 i;

	for (i = 0; i < NR_CON; i++) {
		read_size(&cons[i]);
		read_size(&serials[i]);
	}
}

/* ---- the kernel's messages ---- */

static struct line *messages_line;

/* Lines end in CR LF: a terminal in raw mode gets them as they are. */
static void printk_write(struct console *con, const char *s, size_t n)
{
	struct con_host *h = messages_line->open.host;

	while (n) {
		size_t k = 0;

		while (k < n && s[k] != '\n')
			k++;
		if (k)
			con_host_write(h, (const u8 *)s, (int)k);
		if (k < n) {
			con_host_write(h, (const u8 *)"\r\n", 2);
			k++;
		}
		s += k;
		n -= k;
	}
}

static struct console printk_console = { .name = "tty", .write = printk_write };

static struct line *named_line(const char *name)
{
	bool serial = name[3] == 'S';
	u64 n = 0;

	kstrtou64(name + (serial ? 4 : 3), 10, &n);
	return serial ? &serials[n] : &cons[n];
}

/* ---- boot ---- */

static void open_line(struct line *l)
{
	if (l->opened || l->open.kind == CON_NULL)
		return;
	l->open.irq = irq_register(l->param, line_irq, l);
	if (con_host_open(&l->open) < 0)
		refuse("%s: %s", l->param, l->open.err);
	l->opened = true;
	if (l->open.kind == CON_PTY)
		pr_notice("%s: %s\n", l->param, l->open.name);
}

static void set_defaults(void)
{
	u32 i;

	if (!cons[0].given && !con_default_given) {
		cons[0].open = (struct con_open){ .kind = CON_FD, .in = 0, .out = 1 };
		cons[0].given = true;
	}
	for (i = 0; i < NR_CON; i++) {
		if (!cons[i].given)
			cons[i].open = con_default;
		if (!serials[i].given)
			serials[i].open = ssl_default;
		scnprintf(cons[i].param, sizeof(cons[i].param), "con%u", i);
		scnprintf(serials[i].param, sizeof(serials[i].param), "ssl%u", i);
	}
}

static int make_tty(struct line *l, const char *prefix, u32 i, u32 minor)
{
	char name[16];

	scnprintf(name, sizeof(name), "%s%u", prefix, i);
	l->tty = tty_alloc(&con_ops, MKDEV(TTY_MAJOR, minor), name, (int)i);
	if (!l->tty)
		return -ENOMEM;
	l->tty->driver_data = l;
	read_size(l);
	return tty_register_line(l->tty);
}

/* The line of the kernel's messages opens first: a boot that fails later has been told of. */
static int console_early(void)
{
	set_defaults();
	messages_line = named_line(tty_console_name());
	open_line(messages_line);
	if (messages_line->opened)
		console_register(&printk_console);
	return 0;
}
INITCALL(2, console_early);

static int console_init(void)
{
	u32 i;
	int err = 0;

	for (i = 0; i < NR_CON && !err; i++) {
		open_line(&cons[i]);
		open_line(&serials[i]);
		err = make_tty(&cons[i], "tty", i, i);
		if (!err)
			err = make_tty(&serials[i], "ttyS", i, SERIAL_FIRST_MINOR + i);
	}
	size_irq = irq_register("winch", size_changed, NULL);
	con_host_watch_size(size_irq);
	size_changed(NULL);
	/* what arrived before the ttys existed */
	for (i = 0; i < NR_CON; i++) {
		if (cons[i].opened)
			os_irq_raise(cons[i].open.irq);
		if (serials[i].opened)
			os_irq_raise(serials[i].open.irq);
	}
	return err;
}
INITCALL(4, console_init);

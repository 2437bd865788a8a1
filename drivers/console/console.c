/* SPDX-License-Identifier: MIT */
/*
 * console.c: consoles, front end: con<n> is /dev/tty<n>, ssl<n> is /dev/ttyS<n>.
 *
 *      con<n>=CHANNEL           one line (channel.c has the syntax); con=... is the default of all
 *                               lines that are not named
 *      ssl<n>=CHANNEL           a serial line
 *      console=tty<n>|ttyS<n>   target of /dev/console and the kernel's messages (default tty0)
 *      xterm=PROGRAM,TITLE,EXEC the terminal program of xterm
 *
 * By default con0 is on the kernel's own standard input and output. All other lines are null: their
 * output is only kept as scroll-back for `nestctl console`, and reads wait for ever. The command
 * line is checked at once. Channels are opened at initcall level 4, or earlier for the kernel's
 * messages.
 *
 * The management console changes channels while the instance runs: the line gets another channel,
 * and its programs keep running. Removing a channel hangs the line up, as does a client that
 * disconnects.
 *
 * A restored instance gets the channels that its parameters name, or those that it had. A line that
 * a program of the host used at the save is hung up, and output that no reader had taken is lost.
 * If a channel that it had cannot be opened again, the line is null, with a message in the log. A
 * new channel that cannot be opened is an error.
 *
 * Locks: lines_lock for l->open and l->plugged (held while a line is configured; sleeps). tty.h
 * describes the locks of a tty. l->left is used by the interrupt only.
 */
#include <asm/errno.h>
#include <linux/major.h>

#include "arch/um/machine/arch.h"
#include "drivers/console/internal.h"
#include "drivers/mconsole/mconsole.h"
#include "os-linux/os.h"
#include "kernel/dev/tty.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"
#include "kernel/state/state.h"
#include "kernel/vfs/vfs.h"

#define NR_CON 16
#define SERIAL_FIRST_MINOR 64

struct line {
	struct con_open open;
	/*
	 * The channel that the parameters named last; the management console may have set another.
	 */
	struct con_side asked_in, asked_out;
	/* The line's number in con_host.h; immutable, like @irq and @tty. */
	int host;
	int irq;
	bool given, plugged;
	/* After a restore: the parameters name another channel than at the save. */
	bool anew;
	/* At a save: a client or program of the host used the line. */
	bool had_client;
	char param[12];
	struct tty_struct *tty;
	struct work hangup;
	/* A hang-up is in progress: input that comes now is for the next session. */
	bool hanging;
	/*
	 * Size that the host reported last. A size set by stty in the guest stays until the host's
	 * size changes.
	 */
	struct con_size size;
	u8 left[256]; /* input that the tty had no room for */
	int nr_left;
};
static struct line cons[NR_CON], serials[NR_CON];
static struct con_open con_default, ssl_default; /* all zero: the channel null */
static bool con_default_given;
static char xterm_spec[CON_TEXT + 64]; /* xterm=, or "" */
static int size_irq;
/* True during a restore: input must wait, since programs that get it would not find all devices. */
static bool cut_off;
static DEFINE_MUTEX(lines_lock);

/* ---- the command line ---- */

/* Sets the channel that a parameter names, unless the parameter is unchanged since the save. */
static void ask_for(struct line *l, const struct con_open *o)
{
	if (!memcmp(&l->asked_in, &o->in, sizeof(o->in)) &&
		!memcmp(&l->asked_out, &o->out, sizeof(o->out)))
		return;
	l->asked_in = o->in;
	l->asked_out = o->out;
	l->open = (struct con_open){ .in = o->in, .out = o->out };
	l->anew = true;
}

/*
 * Sets the channel of a line, or with no number the default @deflt. Returns 0, or ends the process
 * with refuse().
 */
static int line_setup(const char *kind, const char *s, struct line *lines, struct con_open *deflt)
{
	const char *eq = strchr(s, '=');
	struct con_open o;
	struct line *l = NULL;
	char num[8] = "", err[200];
	u64 n = 0;

	if (!eq)
		refuse("%s%s: expected %s<n>=CHANNEL", kind, s, kind);
	if (eq != s) {
		scnprintf(num, sizeof(num), "%.*s", (int)min_t(long, eq - s, 7), s);
		if (kstrtou64(num, 10, &n) || n >= NR_CON)
			refuse("%s%s: no such device: there are %s0 to %s%d", kind, s, kind, kind,
				NR_CON - 1);
		l = &lines[n];
		l->given = true;
	}
	if (channel_parse(eq + 1, &o, err, sizeof(err)))
		refuse("%s%s=%.100s: %s", kind, num, eq + 1, err);
	if (l)
		ask_for(l, &o);
	else
		*deflt = o;
	return 0;
}

static int con_setup(const char *s)
{
	if (*s == '=')
		con_default_given = true;
	return line_setup("con", s, cons, &con_default);
}
PARAM_DEV("con", con_setup,
	"con<n>=CHANNEL[,CHANNEL]: console n (/dev/tty<n>), both ways or in and out: fd:N, "
	"tty:PATH, pty, "
	"port:[ADDRESS:]N, unix:PATH, xterm, null; con= is the default");

static int ssl_setup(const char *s)
{
	return line_setup("ssl", s, serials, &ssl_default);
}
PARAM_DEV("ssl", ssl_setup, "ssl<n>=CHANNEL[,CHANNEL]: serial line n (/dev/ttyS<n>), as con<n>");

static int xterm_setup(const char *s)
{
	if (con_host_xterm(s))
		refuse("xterm=%s: expected PROGRAM,TITLE-SWITCH,EXEC-SWITCH", s);
	strscpy(xterm_spec, s, sizeof(xterm_spec));
	return 0;
}
PARAM("xterm=", xterm_setup,
	"PROGRAM,TITLE-SWITCH,EXEC-SWITCH: for lines on xterm (x-terminal-emulator,-T,-e)");

static int console_setup(const char *s)
{
	char name[16];
	size_t n = strcspn(s, ",");
	const char *num = !strncmp(s, "ttyS", 4) ? s + 4 : s + 3;
	u64 v;

	scnprintf(name, sizeof(name), "%.*s", (int)min_t(size_t, n, 15), s);
	if (strncmp(name, "tty", 3) || kstrtou64(name + (num - s), 10, &v) || v >= NR_CON)
		refuse("console=%s: expected tty0 to tty%d or ttyS0 to ttyS%d", s, NR_CON - 1,
			NR_CON - 1);
	tty_set_console(name);
	return 0;
}
PARAM("console=", console_setup,
	"console=tty<n>|ttyS<n>  where /dev/console and kernel messages go");

/* ---- a line as a tty ---- */

static void hangup_work(struct work *w)
{
	struct line *l = container_of(w, struct line, hangup);

	tty_hangup(l->tty);
	smp_store_release(&l->hanging, false);
	os_irq_raise(l->irq); /* input for the next session may have come */
}

/*
 * Passes the host's input to the tty. A line that was never opened gets its buffers with its first
 * input; without memory the input waits on the host until the line is opened.
 */
static void feed_tty(struct line *l)
{
	while (!smp_load_acquire(&l->hanging)) {
		int n, took;

		if (!l->nr_left) {
			n = con_host_read(l->host, l->left, sizeof(l->left));
			if (n == CON_END)
				tty_input_eof(l->tty);
			if (n == CON_HANGUP) {
				l->hanging = true;
				work_queue(&l->hangup);
			}
			if (n <= 0)
				return;
			l->nr_left = n;
		}
		if (!tty_make_buffers(l->tty, GFP_ATOMIC))
			return;
		took = tty_input(l->tty, l->left, l->nr_left);
		if (took < l->nr_left)
			memmove(l->left, l->left + took, (size_t)(l->nr_left - took));
		l->nr_left -= took;
		if (l->nr_left)
			return; /* con_unthrottle() passes on the rest */
	}
}

static void read_size(struct line *l)
{
	struct con_size s;
	struct winsize ws;

	if (!l->tty || con_host_size(l->host, &s) < 0 || !memcmp(&s, &l->size, sizeof(s)))
		return;
	l->size = s;
	ws = (struct winsize){ s.rows, s.cols, s.xpixel, s.ypixel };
	tty_do_resize(l->tty, &ws);
}

static void line_irq(void *arg)
{
	struct line *l = arg;

	if (!l->tty)
		return;
	read_size(l);
	if (!READ_ONCE(cut_off))
		feed_tty(l);
	tty_wakeup(l->tty);
}

static int con_open(struct tty_struct *tty, struct file *f)
{
	struct line *l = tty->driver_data;

	if (!tty->count) {
		con_host_want(l->host, 1);
		/* the interrupt reads input that had no buffers */
		os_irq_raise(l->irq);
	}
	return 0;
}

static void con_close(struct tty_struct *tty, struct file *f)
{
	struct line *l = tty->driver_data;

	if (!tty->count)
		con_host_want(l->host, 0);
}

static int con_write(struct tty_struct *tty, const u8 *buf, int n)
{
	struct line *l = tty->driver_data;

	return con_host_write(l->host, buf, n);
}

static int con_write_room(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	return con_host_room(l->host);
}

static int con_chars(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	return con_host_pending(l->host);
}

static void con_flush(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	con_host_drop(l->host);
}

/* Called when a reader has made room. Raises the interrupt, which passes on the remaining input. */
static void con_unthrottle(struct tty_struct *tty)
{
	struct line *l = tty->driver_data;

	os_irq_raise(l->irq);
}

static const struct tty_operations con_ops = {
	.open = con_open,
	.close = con_close,
	.write = con_write,
	.write_room = con_write_room,
	.chars_in_buffer = con_chars,
	.flush_buffer = con_flush,
	.unthrottle = con_unthrottle,
};

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

/*
 * Writes messages with CR LF at line ends, since the terminal is in raw mode. Bytes for which the
 * line has no room are lost.
 */
static void printk_write(struct console *con, const char *s, size_t n)
{
	int h = messages_line->host;

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

static void make_line(struct line *l, const char *kind, u32 i)
{
	scnprintf(l->param, sizeof(l->param), "%s%u", kind, i);
	work_setup(&l->hangup, hangup_work);
	l->irq = irq_register(l->param, line_irq, l);
	l->host = con_host_create(l->param, l->irq, 0);
	if (l->irq < 0 || l->host < 0)
		refuse("%s: the host has no memory for it", l->param);
}

static void plug_line(struct line *l)
{
	if (l->plugged)
		return;
	if (con_host_open(l->host, &l->open) < 0)
		refuse("%s: %s", l->param, l->open.err);
	l->plugged = true;
	l->anew = false;
	if (l->open.name[0])
		pr_notice("%s: %s\n", l->param, l->open.name);
}

/* Sets the default channel of lines that no parameter names. */
static void ask_defaults(void)
{
	for (u32 i = 0; i < NR_CON; i++) {
		if (!cons[i].given)
			ask_for(&cons[i], &con_default);
		if (!serials[i].given)
			ask_for(&serials[i], &ssl_default);
	}
}

static void make_lines(void)
{
	u32 i;

	if (!cons[0].given && !con_default_given) {
		const struct con_open standard = {
			.in = { .kind = CON_FD, .fd = 0 },
			.out = { .kind = CON_FD, .fd = 1 },
		};

		ask_for(&cons[0], &standard);
		cons[0].given = true;
	}
	ask_defaults();
	for (i = 0; i < NR_CON; i++) {
		make_line(&cons[i], "con", i);
		make_line(&serials[i], "ssl", i);
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

/*
 * Opens the line of the kernel's messages first, so that errors later in the boot can be reported.
 */
static int console_early(void)
{
	con_host_setup();
	make_lines();
	messages_line = named_line(tty_console_name());
	plug_line(messages_line);
	console_register(&printk_console);
	return 0;
}
INITCALL(2, console_early);

/* ---- commands of the management console ---- */

static int line_config(struct line *l, const char *args, char *err, size_t size)
{
	static struct con_open o; /* under lines_lock */
	int bad;

	mutex_lock(&lines_lock);
	bad = channel_parse(args, &o, err, size);
	if (!bad) {
		clear_bit(TTY_EOF, &l->tty->flags);
		bad = con_host_open(l->host, &o);
		if (bad)
			strscpy(err, o.err, size);
		else
			l->open = o;
	}
	mutex_unlock(&lines_lock);
	/* the interrupt reads the size and sends waiting output */
	os_irq_raise(l->irq);
	return bad;
}

static int line_query(struct line *l, char *text, size_t size)
{
	mutex_lock(&lines_lock);
	channel_print(&l->open, text, size);
	mutex_unlock(&lines_lock);
	return 0;
}

static int line_remove(struct line *l)
{
	mutex_lock(&lines_lock);
	con_host_close(l->host);
	memset(&l->open, 0, sizeof(l->open));
	mutex_unlock(&lines_lock);
	tty_hangup(l->tty);
	return 0;
}

static int con_config(u32 n, const char *args, char *err, size_t size)
{
	return line_config(&cons[n], args, err, size);
}

static int con_query(u32 n, char *text, size_t size)
{
	return line_query(&cons[n], text, size);
}

static int con_remove(u32 n, char *err, size_t size)
{
	return line_remove(&cons[n]);
}

static int ssl_config(u32 n, const char *args, char *err, size_t size)
{
	return line_config(&serials[n], args, err, size);
}

static int ssl_query(u32 n, char *text, size_t size)
{
	return line_query(&serials[n], text, size);
}

static int ssl_remove(u32 n, char *err, size_t size)
{
	return line_remove(&serials[n]);
}

static struct mconsole_device con_device = {
	.name = "con",
	.numbers = NR_CON,
	.config = con_config,
	.query = con_query,
	.remove = con_remove,
};
static struct mconsole_device ssl_device = {
	.name = "ssl",
	.numbers = NR_CON,
	.config = ssl_config,
	.query = ssl_query,
	.remove = ssl_remove,
};

/* Shows the console's name: systemd starts a getty on a serial console. */
static int show_active(struct seq *s, void *unused)
{
	seq_printf(s, "%s\n", tty_console_name());
	return 0;
}

static int console_init(void)
{
	int err = sysfs_create("devices/virtual/tty/console/active", show_active, NULL);
	u32 i;

	for (i = 0; i < NR_CON && !err; i++) {
		err = make_tty(&cons[i], "tty", i, i);
		if (!err)
			err = make_tty(&serials[i], "ttyS", i, SERIAL_FIRST_MINOR + i);
	}
	/* Clients of a shared port get the lines in this order. */
	for (i = 0; i < NR_CON && !err; i++)
		plug_line(&cons[i]);
	for (i = 0; i < NR_CON && !err; i++)
		plug_line(&serials[i]);
	size_irq = irq_register("winch", size_changed, NULL);
	con_host_watch_size(size_irq);
	/* For input that came before the ttys existed. */
	for (i = 0; i < NR_CON; i++) {
		os_irq_raise(cons[i].irq);
		os_irq_raise(serials[i].irq);
	}
	mconsole_register(&con_device);
	mconsole_register(&ssl_device);
	return err;
}
INITCALL(4, console_init);

/* ---- save and restore ---- */

static int describe(const char *dir, struct state_why *why)
{
	for (u32 i = 0; i < NR_CON; i++) {
		cons[i].had_client = con_host_has_client(cons[i].host);
		serials[i].had_client = con_host_has_client(serials[i].host);
	}
	return 0;
}

/*
 * Reopens the channel of @l after a restore. Returns -errno only if the parameters name another
 * channel than before; otherwise a channel that cannot be opened becomes null.
 */
static int replug(struct line *l, struct state_why *why)
{
	int err;

	l->open.name[0] = l->open.err[0] = 0;
	err = con_host_open(l->host, &l->open);
	if (err && l->anew) {
		scnprintf(why->text, sizeof(why->text), "%s: %s", l->param, l->open.err);
		return err;
	}
	if (err) {
		pr_warn("%s: %s: it is null now\n", l->param, l->open.err);
		memset(&l->open, 0, sizeof(l->open));
	} else if (l->open.name[0]) {
		pr_notice("%s: %s\n", l->param, l->open.name);
	}
	l->anew = false;
	if (l->had_client)
		con_host_hang_up(l->host);
	if (l->tty)
		clear_bit(TTY_EOF, &l->tty->flags); /* the end of the old channel's input */
	return 0;
}

static int remake(struct line *l, struct state_why *why)
{
	int number = con_host_create(l->param, l->irq, l->host);

	if (number < 0)
		scnprintf(why->text, sizeof(why->text), "%s: %s", l->param, os_strerror(number));
	return number < 0 ? number : 0;
}

static int rebuild(const char *dir, struct state_why *why)
{
	int err = 0;

	cut_off = true;
	con_host_setup();
	if (xterm_spec[0])
		con_host_xterm(xterm_spec);
	ask_defaults();
	for (u32 i = 0; i < NR_CON && !err; i++) {
		err = remake(&cons[i], why);
		if (!err)
			err = remake(&serials[i], why);
	}
	if (!err)
		err = replug(messages_line, why);
	for (u32 i = 0; i < NR_CON && !err; i++)
		err = &cons[i] == messages_line ? 0 : replug(&cons[i], why);
	for (u32 i = 0; i < NR_CON && !err; i++)
		err = &serials[i] == messages_line ? 0 : replug(&serials[i], why);
	if (!err)
		con_host_watch_size(size_irq);
	return err;
}

/*
 * Notifies the host of an open line. If a program of the host used the line at the save, its
 * session ends instead, and its terminal program starts only when the line is opened again.
 */
static void line_resumed(struct line *l)
{
	if (l->tty && l->tty->count && !l->had_client)
		con_host_want(l->host, 1);
	l->had_client = false;
}

static void resumed(void)
{
	for (u32 i = 0; i < NR_CON; i++) {
		line_resumed(&cons[i]);
		line_resumed(&serials[i]);
	}
}

static void connected(void)
{
	WRITE_ONCE(cut_off, false);
	for (u32 i = 0; i < NR_CON; i++) {
		os_irq_raise(cons[i].irq);
		os_irq_raise(serials[i].irq);
	}
}

/*
 * Called after a rollback in place. The channels were not closed, so their clients are still there.
 */
static void returned(void)
{
	for (u32 i = 0; i < NR_CON; i++)
		cons[i].had_client = serials[i].had_client = false;
}

STATE_PART(console_state) = {
	.name = "console",
	.describe = describe,
	.returned = returned,
	.rebuild = rebuild,
	.resumed = resumed,
	.connected = connected,
};

/* SPDX-License-Identifier: MIT */
/*
 * tty_ioctl.c: terminal settings: termios in its three forms, window size, flow control, queues.
 *
 * A request on a pty's master concerns the settings of its slave, as in Linux. Changes are made
 * under ctl_mutex and lock. Source: tty_ioctl(4).
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/tty.h>

#include "kernel/dev/tty.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

static struct tty_struct *real_tty(struct tty_struct *tty)
{
	return test_bit(TTY_MASTER, &tty->flags) && tty->link ? tty->link : tty;
}

/* ---- termios ---- */

/* Restores the bits and characters of @k that @lock protects from @old. */
static void keep_locked(struct ktermios *k, const struct ktermios *old, const struct ktermios *lock)
{
	k->c_iflag = (k->c_iflag & ~lock->c_iflag) | (old->c_iflag & lock->c_iflag);
	k->c_oflag = (k->c_oflag & ~lock->c_oflag) | (old->c_oflag & lock->c_oflag);
	k->c_cflag = (k->c_cflag & ~lock->c_cflag) | (old->c_cflag & lock->c_cflag);
	k->c_lflag = (k->c_lflag & ~lock->c_lflag) | (old->c_lflag & lock->c_lflag);
	if (lock->c_line)
		k->c_line = old->c_line;
	for (u32 i = 0; i < NCCS; i++)
		if (lock->c_cc[i])
			k->c_cc[i] = old->c_cc[i];
}

/* Returns the baud rate of the CBAUD bits in @code; BOTHER stands for @other. */
static u32 baud_rate(u32 code, u32 other)
{
	static const u32 low[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800,
		9600, 19200, 38400 };
	static const u32 high[] = { 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000,
		1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };

	if (code == BOTHER)
		return other;
	return code & CBAUDEX ? high[(code & 15) - 1] : low[code & 15];
}

/* Sets c_ispeed and c_ospeed from the flags. */
static void set_speeds(struct ktermios *k)
{
	u32 in = (k->c_cflag >> IBSHIFT) & CBAUD;

	k->c_ospeed = baud_rate(k->c_cflag & CBAUD, k->c_ospeed);
	k->c_ispeed = in == B0 ? k->c_ospeed : baud_rate(in, k->c_ispeed);
}

static void change_termios(struct tty_struct *tty, const struct ktermios *new)
{
	struct ktermios old;

	mutex_lock(&tty->ctl_mutex);
	spin_lock(&tty->lock);
	old = tty->termios;
	tty->termios = *new;
	keep_locked(&tty->termios, &old, &tty->locked);
	set_speeds(&tty->termios);
	spin_unlock(&tty->lock);
	n_tty_termios_changed(tty, &old);
	if (tty->ops->set_termios)
		tty->ops->set_termios(tty, &old);
	mutex_unlock(&tty->ctl_mutex);
}

/* Returns how many bytes of output are not sent yet, or 0 if the driver does not count them. */
static int chars_in_buffer(struct tty_struct *tty)
{
	int n;

	if (!tty->ops->chars_in_buffer)
		return 0;
	spin_lock(&tty->lock);
	n = (int)(tty->echo_head - tty->echo_tail) + tty->ops->chars_in_buffer(tty);
	spin_unlock(&tty->lock);
	return n;
}

static bool output_done(struct tty_struct *tty, u32 hangups)
{
	return !chars_in_buffer(tty) || READ_ONCE(tty->hangups) != hangups;
}

static int wait_until_sent(struct tty_struct *tty)
{
	u32 hangups = READ_ONCE(tty->hangups);

	return wait_event_interruptible(&tty->write_wait, output_done(tty, hangups));
}

enum termios_form { FORM_TERMIO, FORM_TERMIOS, FORM_TERMIOS2 };

static int read_form(struct ktermios *k, enum termios_form form, uaddr_t ua)
{
	struct termio io;

	switch (form) {
	case FORM_TERMIOS2: return copy_from_user(k, ua, sizeof(struct termios2)) ? -EFAULT : 0;
	case FORM_TERMIOS: return copy_from_user(k, ua, sizeof(struct termios)) ? -EFAULT : 0;
	default:
		if (copy_from_user(&io, ua, sizeof(io)))
			return -EFAULT;
		k->c_iflag = (k->c_iflag & 0xffff0000) | io.c_iflag;
		k->c_oflag = (k->c_oflag & 0xffff0000) | io.c_oflag;
		k->c_cflag = (k->c_cflag & 0xffff0000) | io.c_cflag;
		k->c_lflag = (k->c_lflag & 0xffff0000) | io.c_lflag;
		k->c_line = io.c_line;
		memcpy(k->c_cc, io.c_cc, NCC);
		return 0;
	}
}

static long get_termios(struct tty_struct *tty, enum termios_form form, uaddr_t ua)
{
	struct ktermios k;
	struct termio io;

	spin_lock(&tty->lock);
	k = tty->termios;
	spin_unlock(&tty->lock);
	switch (form) {
	case FORM_TERMIOS2: return copy_to_user(ua, &k, sizeof(struct termios2)) ? -EFAULT : 0;
	case FORM_TERMIOS: return copy_to_user(ua, &k, sizeof(struct termios)) ? -EFAULT : 0;
	default:
		memset(&io, 0, sizeof(io));
		io.c_iflag = (u16)k.c_iflag;
		io.c_oflag = (u16)k.c_oflag;
		io.c_cflag = (u16)k.c_cflag;
		io.c_lflag = (u16)k.c_lflag;
		io.c_line = k.c_line;
		memcpy(io.c_cc, k.c_cc, NCC);
		return copy_to_user(ua, &io, sizeof(io)) ? -EFAULT : 0;
	}
}

/*
 * Sets termios. @how: 0: at once; 1: after output was transmitted; 2: after output was transmitted,
 * and drops unread input.
 */
static long set_termios(struct tty_struct *tty, enum termios_form form, u32 how, uaddr_t ua)
{
	struct ktermios k;
	int err = tty_check_change(tty, SIGTTOU);

	if (err)
		return err;
	spin_lock(&tty->lock);
	k = tty->termios;
	spin_unlock(&tty->lock);
	err = read_form(&k, form, ua);
	if (err)
		return err;
	if (how) {
		err = wait_until_sent(tty);
		if (err)
			return err;
	}
	if (how == 2) {
		n_tty_flush_input(tty);
		tty_packet_status(tty, TIOCPKT_FLUSHREAD);
	}
	change_termios(tty, &k);
	return 0;
}

static long get_locked(struct tty_struct *tty, uaddr_t ua)
{
	struct ktermios k;

	spin_lock(&tty->lock);
	k = tty->locked;
	spin_unlock(&tty->lock);
	return copy_to_user(ua, &k, sizeof(struct termios)) ? -EFAULT : 0;
}

static long set_locked(struct tty_struct *tty, uaddr_t ua)
{
	struct ktermios k = { .c_iflag = 0 };

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&k, ua, sizeof(struct termios)))
		return -EFAULT;
	spin_lock(&tty->lock);
	tty->locked = k;
	spin_unlock(&tty->lock);
	return 0;
}

/* Sets or reads CLOCAL through TIOCSSOFTCAR and TIOCGSOFTCAR. */
static long soft_carrier(struct tty_struct *tty, bool set, uaddr_t ua)
{
	int on = !!(tty->termios.c_cflag & CLOCAL);
	struct ktermios k;

	if (!set)
		return put_user(on, ua);
	if (get_user(on, ua))
		return -EFAULT;
	spin_lock(&tty->lock);
	k = tty->termios;
	spin_unlock(&tty->lock);
	k.c_cflag = on ? k.c_cflag | CLOCAL : k.c_cflag & ~(u32)CLOCAL;
	change_termios(tty, &k);
	return 0;
}

/* ---- window size ---- */

int tty_do_resize(struct tty_struct *tty, const struct winsize *ws)
{
	bool same;

	spin_lock(&tty->lock);
	same = !memcmp(&tty->winsize, ws, sizeof(*ws));
	tty->winsize = *ws;
	spin_unlock(&tty->lock);
	if (!same)
		tty_signal_pgrp(tty, SIGWINCH);
	return 0;
}

static long set_winsize(struct tty_struct *tty, uaddr_t ua)
{
	struct winsize ws;

	if (get_user(ws, ua))
		return -EFAULT;
	if (tty->ops->resize)
		return tty->ops->resize(tty, &ws);
	return tty_do_resize(tty, &ws);
}

static long get_winsize(struct tty_struct *tty, uaddr_t ua)
{
	struct winsize ws;

	spin_lock(&tty->lock);
	ws = tty->winsize;
	spin_unlock(&tty->lock);
	return put_user(ws, ua);
}

/* ---- flow and queues ---- */

/* tcflow(): stops or starts output. It does not start output that ^S stopped; only ^Q does. */
static void stop_output(struct tty_struct *tty, bool stop)
{
	bool was;

	spin_lock(&tty->lock);
	was = tty->tco_stopped;
	tty->tco_stopped = stop;
	if (stop)
		tty_stop_locked(tty);
	else if (was)
		tty_start_locked(tty);
	spin_unlock(&tty->lock);
	tty_packet_status(tty, 0);
	tty_wakeup(tty);
}

/*
 * Sends @c even if ^S has stopped output. If tcflow() has stopped the output of a pty, @c is lost,
 * as on Linux.
 */
static void send_flow_char(struct tty_struct *tty, u8 c)
{
	bool stopped;

	spin_lock(&tty->lock);
	stopped = tty->stopped;
	tty_start_locked(tty);
	spin_unlock(&tty->lock);
	tty->ops->write(tty, &c, 1);
	if (!stopped)
		return;
	spin_lock(&tty->lock);
	tty_stop_locked(tty);
	spin_unlock(&tty->lock);
	tty_packet_status(tty, 0);
}

static long flow_control(struct tty_struct *tty, u64 arg)
{
	int err = tty_check_change(tty, SIGTTOU);
	u8 c;

	if (err)
		return err;
	switch (arg) {
	case TCOOFF:
	case TCOON: stop_output(tty, arg == TCOOFF); return 0;
	case TCIOFF:
	case TCION:
		c = tty->termios.c_cc[arg == TCIOFF ? VSTOP : VSTART];
		if (c)
			send_flow_char(tty, c);
		return 0;
	}
	return -EINVAL;
}

static long flush_queues(struct tty_struct *tty, u64 arg)
{
	int err = tty_check_change(tty, SIGTTOU);

	if (err)
		return err;
	if (arg > TCIOFLUSH)
		return -EINVAL;
	if (arg != TCOFLUSH) {
		n_tty_flush_input(tty);
		tty_packet_status(tty, TIOCPKT_FLUSHREAD);
	}
	if (arg != TCIFLUSH && tty->ops->flush_buffer)
		tty->ops->flush_buffer(tty);
	if (arg != TCIFLUSH)
		tty_wakeup(tty);
	return 0;
}

int legacy_tiocsti = 1;

static long simulate_input(struct tty_struct *tty, uaddr_t ua)
{
	u8 c;

	if (!READ_ONCE(legacy_tiocsti) && !capable(CAP_SYS_ADMIN))
		return -EIO;
	if (current->signal->tty != tty && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(c, ua))
		return -EFAULT;
	tty_input(tty, &c, 1);
	return 0;
}

static long set_ldisc(uaddr_t ua)
{
	int n;

	if (get_user(n, ua))
		return -EFAULT;
	return n == N_TTY ? 0 : -EINVAL;
}

static long settings_ioctl(struct tty_struct *tty, u32 cmd, u64 arg)
{
	uaddr_t ua = UADDR(arg);

	switch (cmd) {
	case TCGETS: return get_termios(tty, FORM_TERMIOS, ua);
	case TCGETS2: return get_termios(tty, FORM_TERMIOS2, ua);
	case TCGETA: return get_termios(tty, FORM_TERMIO, ua);
	case TCSETS:
	case TCSETSW:
	case TCSETSF: return set_termios(tty, FORM_TERMIOS, cmd - TCSETS, ua);
	case TCSETS2: return set_termios(tty, FORM_TERMIOS2, 0, ua);
	case TCSETSW2: return set_termios(tty, FORM_TERMIOS2, 1, ua);
	case TCSETSF2: return set_termios(tty, FORM_TERMIOS2, 2, ua);
	case TCSETA:
	case TCSETAW:
	case TCSETAF: return set_termios(tty, FORM_TERMIO, cmd - TCSETA, ua);
	case TIOCGWINSZ: return get_winsize(tty, ua);
	case TIOCSWINSZ: return set_winsize(tty, ua);
	case TIOCGLCKTRMIOS: return get_locked(tty, ua);
	case TIOCSLCKTRMIOS: return set_locked(tty, ua);
	case TIOCGSOFTCAR: return soft_carrier(tty, false, ua);
	case TIOCSSOFTCAR: return soft_carrier(tty, true, ua);
	case TIOCGPTPEER: return -EIO; /* only a master has it */
	}
	return -ENOTTY;
}

static long line_ioctl(struct tty_struct *tty, u32 cmd, u64 arg)
{
	uaddr_t ua = UADDR(arg);
	int n;

	switch (cmd) {
	case FIONREAD: n = n_tty_chars(tty); return put_user(n, ua);
	case TIOCOUTQ: n = chars_in_buffer(tty); return put_user(n, ua);
	case TIOCSTI: return simulate_input(tty, ua);
	case TIOCGETD: return put_user((int)N_TTY, ua);
	case TIOCSETD: n = tty_check_change(tty, SIGTTOU); return n ? n : set_ldisc(ua);
	case TIOCEXCL: set_bit(TTY_EXCLUSIVE, &tty->flags); return 0;
	case TIOCNXCL: clear_bit(TTY_EXCLUSIVE, &tty->flags); return 0;
	case TIOCGEXCL: n = test_bit(TTY_EXCLUSIVE, &tty->flags); return put_user(n, ua);
	case TIOCGDEV:
		return put_user((u32)((MINOR(tty->dev) & 0xff) | (MAJOR(tty->dev) << 8)), ua);
	case TIOCVHANGUP:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		tty_hangup(tty);
		return 0;
	/* A break has no effect on these terminals. TCSBRK with 1 is tcdrain(). */
	case TCSBRK:
	case TCSBRKP: n = tty_check_change(tty, SIGTTOU); return n ? n : wait_until_sent(tty);
	case TIOCSBRK:
	case TIOCCBRK: return 0;
	case TCXONC: return flow_control(tty, arg);
	case TCFLSH: return flush_queues(tty, arg);
	}
	return -ENOTTY;
}

long tty_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct tty_struct *tty = file_tty(f);
	long r;

	if (tty_hung_up(tty, f))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	r = tty_jobctl_ioctl(tty, f, cmd, arg);
	if (r == -ENOTTY && cmd != TIOCGPGRP && cmd != TIOCSPGRP && cmd != TIOCGSID &&
		tty->ops->ioctl)
		r = tty->ops->ioctl(tty, f, cmd, arg);
	if (r == -ENOTTY)
		r = settings_ioctl(real_tty(tty), cmd, arg);
	if (r == -ENOTTY)
		r = line_ioctl(tty, cmd, arg);
	return r;
}

/* SPDX-License-Identifier: MIT */
/*
 * n_tty.c: the line discipline: what happens to bytes between the line (a driver, or the other side
 * of a pty) and read(2), and between write(2) and the line.
 *
 * Input: tty_input() takes each byte through the termios flags: flow control, signals, CR/NL
 * mapping. In canonical mode line editing follows (erase, word erase, kill, literal next, reprint),
 * then echo and the read buffer. A line is readable once it is ended by NL, EOL, EOL2 or EOF; in
 * raw mode bytes are readable at once (VMIN, VTIME). Output: OPOST mapping and the column, which
 * erasing a tab needs.
 *
 * The read buffer is a ring of bytes with a mark for each. Positions only grow:
 *      read_tail <= canon_head <= read_head <= read_tail + N_TTY_BUF_SIZE
 *      [read_tail, canon_head)   whole lines: readable
 *      [canon_head, read_head)   the line that is being edited (canonical mode); readable in raw
 *                                mode
 * A ^D is a byte with MARK_EOF: it ends a read and is never returned to a program.
 *
 * Echo goes to a separate ring that is flushed to the driver as room permits, so input processing
 * never waits.
 * Lock: tty->lock for this state. Signals are sent after it is dropped.
 * Sources: POSIX.1-2017 chapter 11, termios(3).
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/dev/n_tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

static bool is_cc(const struct tty_struct *tty, u8 c, int which)
{
	return CC(tty, which) && c == CC(tty, which);
}

static bool is_continuation(const struct tty_struct *tty, u8 c)
{
	return I_FLAG(tty, IUTF8) && (c & 0xc0) == 0x80;
}

/* True for a capital letter as Linux classifies it, which includes Latin 1. */
static bool is_upper(u8 c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c < 0xdf && c != 0xd7);
}

static bool is_lower(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

/* ---- output processing ---- */

static u32 next_tab(u32 column)
{
	return 8 - (column & 7);
}

/*
 * Writes the bytes that @c becomes on the line to @out (up to 8) and returns how many. Updates the
 * column. Under tty->lock.
 */
int n_tty_process_output(struct tty_struct *tty, u8 c, u8 *out)
{
	u32 n;

	if (!O_FLAG(tty, OPOST)) {
		out[0] = c;
		return 1;
	}
	switch (c) {
	case '\n':
		if (O_FLAG(tty, ONLRET))
			tty->column = 0;
		if (O_FLAG(tty, ONLCR)) {
			tty->column = 0;
			out[0] = '\r';
			out[1] = '\n';
			return 2;
		}
		break;
	case '\r':
		if (O_FLAG(tty, ONOCR) && !tty->column)
			return 0;
		if (O_FLAG(tty, OCRNL)) {
			if (O_FLAG(tty, ONLRET))
				tty->column = 0;
			out[0] = '\n';
			return 1;
		}
		tty->column = 0;
		break;
	case '\t':
		n = next_tab(tty->column);
		tty->column += n;
		if (O_FLAG(tty, TABDLY) == XTABS) {
			memset(out, ' ', n);
			return (int)n;
		}
		break;
	case '\b':
		if (tty->column)
			tty->column--;
		break;
	default:
		if (O_FLAG(tty, OLCUC) && is_lower(c))
			c -= 'a' - 'A';
		if (c >= ' ' && c != 0x7f && !is_continuation(tty, c))
			tty->column++;
	}
	out[0] = c;
	return 1;
}

/* Passes pending echo to the driver. Under tty->lock. */
void n_tty_flush_echoes_locked(struct tty_struct *tty)
{
	while (tty->echo_tail != tty->echo_head && !tty->stopped) {
		u32 from = tty->echo_tail % ECHO_BUF_SIZE;
		u32 n = min(tty->echo_head - tty->echo_tail, ECHO_BUF_SIZE - from);
		int done = tty->ops->write(tty, tty->echo_buf + from, (int)n);

		if (done <= 0)
			return;
		tty->echo_tail += (u32)done;
	}
}

void tty_flush_echoes(struct tty_struct *tty)
{
	spin_lock(&tty->lock);
	n_tty_flush_echoes_locked(tty);
	spin_unlock(&tty->lock);
}

static u32 echo_room(const struct tty_struct *tty)
{
	return ECHO_BUF_SIZE - (tty->echo_head - tty->echo_tail);
}

void n_tty_keep_output(struct tty_struct *tty, const u8 *buf, u32 n)
{
	if (tty->echo_tail == tty->echo_head)
		tty->echo_column = tty->column;
	n = min(n, echo_room(tty));
	for (u32 i = 0; i < n; i++)
		tty->echo_buf[tty->echo_head++ % ECHO_BUF_SIZE] = buf[i];
}

/* Puts a byte through output processing into the echo ring. It is dropped if the ring is full. */
static void echo_raw(struct tty_struct *tty, u8 c)
{
	u8 out[8];
	int n, i;

	if (tty->echo_tail == tty->echo_head)
		tty->echo_column = tty->column;
	n = 1;
	out[0] = c;
	/* 0xff is echoed unchanged, though OPOST would change it in written output. */
	if (c == 0xff)
		tty->column++;
	else
		n = n_tty_process_output(tty, c, out);
	if (echo_room(tty) < (u32)n)
		return;
	for (i = 0; i < n; i++)
		tty->echo_buf[tty->echo_head++ % ECHO_BUF_SIZE] = out[i];
}

/* Echoes a byte, a control character as ^X if ECHOCTL is set. */
static void echo_char(struct tty_struct *tty, u8 c)
{
	if (L_FLAG(tty, ECHOCTL) && ((c < ' ' && c != '\t') || c == 0x7f)) {
		echo_raw(tty, '^');
		echo_raw(tty, c ^ 0x40);
		return;
	}
	echo_raw(tty, c);
}

/* Drops echo that the driver does not have yet, and resets the column to where it began. */
static void forget_echoes(struct tty_struct *tty)
{
	if (tty->echo_tail != tty->echo_head)
		tty->column = tty->echo_column;
	tty->echo_tail = tty->echo_head;
}

static void echo_string(struct tty_struct *tty, const char *s)
{
	while (*s)
		echo_raw(tty, (u8)*s++);
}

/* ---- line editing ---- */

/*
 * Returns how many columns a byte of the edited line occupies. For a tab, put_char() stored the
 * number in the byte's mark.
 */
static u32 width_of(const struct tty_struct *tty, u8 c, u8 mark)
{
	if (c == '\t')
		return mark >> MARK_TAB;
	if (c < ' ' || c == 0x7f)
		return L_FLAG(tty, ECHOCTL) ? 2 : 0;
	return !is_continuation(tty, c);
}

static void put_char(struct tty_struct *tty, u8 c, u8 mark)
{
	if (c == '\t')
		mark |= (u8)(next_tab(tty->line_column) << MARK_TAB);
	tty->line_column += width_of(tty, c, mark);
	tty->read_buf[ring_at(tty->read_head)] = c;
	tty->read_mark[ring_at(tty->read_head)] = mark;
	tty->read_head++;
}

/* Removes the last byte of the edited line and returns its columns. */
static u32 drop_char(struct tty_struct *tty)
{
	u32 at = ring_at(--tty->read_head), width;

	width = width_of(tty, tty->read_buf[at], tty->read_mark[at]);
	tty->line_column -= width;
	return width;
}

static void finish_erasing(struct tty_struct *tty)
{
	if (tty->erasing) {
		echo_raw(tty, '/');
		tty->erasing = false;
	}
}

/*
 * Erases the character whose bytes are at [@at, @end) and which occupies @width columns from the
 * screen. A tab needs only cursor moves.
 */
static void echo_erased(struct tty_struct *tty, u64 at, u64 end, u32 width)
{
	u8 c = tty->read_buf[ring_at(at)];

	if (L_FLAG(tty, ECHOPRT)) {
		if (!tty->erasing) {
			echo_raw(tty, '\\');
			tty->erasing = true;
		}
		echo_char(tty, c);
		while (++at < end)
			echo_raw(tty, tty->read_buf[ring_at(at)]);
		return;
	}
	for (; width; width--)
		echo_string(tty, c == '\t' ? "\b" : "\b \b");
}

/*
 * Returns where the line's last character begins, including all bytes of a UTF-8 sequence. Returns
 * the line's end if no character begins there.
 */
static u64 last_char(const struct tty_struct *tty)
{
	u64 at = tty->read_head;

	while (at != tty->canon_head)
		if (!is_continuation(tty, tty->read_buf[ring_at(--at)]))
			return at;
	return tty->read_head;
}

/* Removes the last character of the line and echoes the erasure. False if the line is empty. */
static bool erase_one(struct tty_struct *tty)
{
	u64 at = last_char(tty), end = tty->read_head;
	u32 width = 0;

	if (at == end)
		return false;
	while (tty->read_head != at)
		width += drop_char(tty);
	if (L_FLAG(tty, ECHO))
		echo_erased(tty, at, end, width);
	if (at == tty->canon_head && L_FLAG(tty, ECHO))
		finish_erasing(tty);
	return true;
}

static bool is_word_char(u8 c)
{
	return (c >= '0' && c <= '9') || is_upper(c) || is_lower(c) || c == '_';
}

static void erase_word(struct tty_struct *tty)
{
	bool seen = false;
	u64 at;

	while ((at = last_char(tty)) != tty->read_head) {
		bool word = is_word_char(tty->read_buf[ring_at(at)]);

		if (seen && !word)
			return;
		seen |= word;
		erase_one(tty);
	}
}

static void kill_line(struct tty_struct *tty, u8 c)
{
	if (tty->read_head == tty->canon_head)
		return;
	if (!L_FLAG(tty, ECHO)) {
		tty->read_head = tty->canon_head;
		return;
	}
	if (L_FLAG(tty, ECHOK) && L_FLAG(tty, ECHOKE) && L_FLAG(tty, ECHOE)) {
		while (erase_one(tty))
			;
		return;
	}
	tty->read_head = tty->canon_head;
	finish_erasing(tty);
	echo_char(tty, c);
	if (L_FLAG(tty, ECHOK))
		echo_raw(tty, '\n');
}

static void erase_key(struct tty_struct *tty, u8 c)
{
	if (L_FLAG(tty, ECHO) && !L_FLAG(tty, ECHOE) && !L_FLAG(tty, ECHOPRT)) {
		u64 head = tty->read_head;

		tty->termios.c_lflag &= ~(u32)ECHO;
		if (erase_one(tty) && head != tty->read_head) {
			tty->termios.c_lflag |= ECHO;
			echo_char(tty, c);
		}
		tty->termios.c_lflag |= ECHO;
		return;
	}
	erase_one(tty);
}

static void reprint_line(struct tty_struct *tty, u8 c)
{
	u64 p;

	finish_erasing(tty);
	echo_char(tty, c);
	echo_raw(tty, '\n');
	for (p = tty->canon_head; p < tty->read_head && echo_room(tty); p++)
		echo_char(tty, tty->read_buf[ring_at(p)]);
}

static void end_line(struct tty_struct *tty, u8 c, u8 mark)
{
	put_char(tty, c, mark);
	tty->canon_head = tty->read_head;
}

/* Handles @c in canonical mode. True if it was an editing or line-ending key. */
static bool canon_key(struct tty_struct *tty, u8 c)
{
	bool ext = L_FLAG(tty, IEXTEN);

	if (is_cc(tty, c, VERASE)) {
		erase_key(tty, c);
	} else if (is_cc(tty, c, VKILL)) {
		kill_line(tty, c);
	} else if (ext && is_cc(tty, c, VWERASE)) {
		erase_word(tty);
	} else if (ext && is_cc(tty, c, VLNEXT)) {
		tty->lnext = true;
		if (L_FLAG(tty, ECHO)) {
			finish_erasing(tty);
			if (L_FLAG(tty, ECHOCTL))
				echo_string(tty, "^\b");
		}
	} else if (ext && L_FLAG(tty, ECHO) && is_cc(tty, c, VREPRINT)) {
		reprint_line(tty, c);
	} else if (c == '\n') {
		if (L_FLAG(tty, ECHO | ECHONL)) {
			finish_erasing(tty);
			echo_raw(tty, '\n');
		}
		end_line(tty, c, MARK_EOL);
	} else if (is_cc(tty, c, VEOF)) {
		end_line(tty, 0, MARK_EOF);
	} else if (is_cc(tty, c, VEOL) || (ext && is_cc(tty, c, VEOL2))) {
		if (L_FLAG(tty, ECHO)) {
			if (tty->canon_head == tty->read_head)
				tty->line_column = tty->column;
			echo_char(tty, c);
		}
		end_line(tty, c, MARK_EOL);
	} else {
		return false;
	}
	return true;
}

/*
 * Puts an ordinary byte into the buffer, with echo. @newline: it is a newline made from a carriage
 * return, which is echoed without ECHOCTL.
 */
static void plain_char(struct tty_struct *tty, u8 c, bool newline)
{
	u64 used = tty->read_head - tty->read_tail;
	bool twice = c == 0xff && I_FLAG(tty, PARMRK);

	/* In canonical mode the buffer's last byte is kept for the end of the line. */
	if (used + twice >= N_TTY_BUF_SIZE - (ICANON_ON(tty) ? 1UL : 0UL)) {
		if (I_FLAG(tty, IMAXBEL))
			echo_raw(tty, '\a');
		return;
	}
	if (L_FLAG(tty, ECHO)) {
		finish_erasing(tty);
		if (tty->canon_head == tty->read_head)
			tty->line_column = tty->column;
		if (newline)
			echo_raw(tty, c);
		else
			echo_char(tty, c);
	}
	/* A single 0xff would look like the start of a PARMRK sequence. */
	if (twice)
		put_char(tty, c, 0);
	put_char(tty, c, 0);
}

/* ---- input ---- */

void tty_stop_locked(struct tty_struct *tty)
{
	if (tty->stopped)
		return;
	tty->stopped = true;
	if (tty->link && test_bit(TTY_PKT, &tty->link->flags))
		tty->ctrl_status = (u8)((tty->ctrl_status & ~TIOCPKT_START) | TIOCPKT_STOP);
}

void tty_start_locked(struct tty_struct *tty)
{
	/* Only tcflow() restarts output that tcflow() stopped. */
	if (!tty->stopped || tty->tco_stopped)
		return;
	tty->stopped = false;
	if (tty->link && test_bit(TTY_PKT, &tty->link->flags))
		tty->ctrl_status = (u8)((tty->ctrl_status & ~TIOCPKT_STOP) | TIOCPKT_START);
}

static void flush_input_locked(struct tty_struct *tty)
{
	tty->read_head = tty->canon_head = tty->read_tail = 0;
	tty->lnext = tty->erasing = false;
}

void n_tty_flush_input(struct tty_struct *tty)
{
	spin_lock(&tty->lock);
	flush_input_locked(tty);
	tty->ahead_tail = tty->ahead_head;
	spin_unlock(&tty->lock);
	n_tty_unthrottle(tty);
}

static int signal_key(const struct tty_struct *tty, u8 c)
{
	if (!L_FLAG(tty, ISIG))
		return 0;
	if (is_cc(tty, c, VINTR))
		return SIGINT;
	if (is_cc(tty, c, VQUIT))
		return SIGQUIT;
	if (is_cc(tty, c, VSUSP))
		return SIGTSTP;
	return 0;
}

/* Handles a byte from the line. Returns the signal that the byte causes, or 0. Under lock. */
static int receive_char(struct tty_struct *tty, u8 c)
{
	bool newline = false;
	int sig;

	if (L_FLAG(tty, EXTPROC) && !I_FLAG(tty, ISTRIP) &&
		!(I_FLAG(tty, IUCLC) && L_FLAG(tty, IEXTEN))) {
		if (tty->read_head - tty->read_tail < N_TTY_BUF_SIZE)
			put_char(tty, c, 0);
		return 0;
	}
	if (I_FLAG(tty, ISTRIP))
		c &= 0x7f;
	if (I_FLAG(tty, IUCLC) && L_FLAG(tty, IEXTEN) && is_upper(c))
		c += 'a' - 'A';
	if (tty->lnext) {
		tty->lnext = false;
		plain_char(tty, c, false);
		return 0;
	}
	if (I_FLAG(tty, IXON)) {
		if (is_cc(tty, c, VSTART)) {
			tty_start_locked(tty);
			return 0;
		}
		if (is_cc(tty, c, VSTOP)) {
			tty_stop_locked(tty);
			return 0;
		}
		if (tty->stopped && I_FLAG(tty, IXANY))
			tty_start_locked(tty);
	}
	sig = signal_key(tty, c);
	if (sig) {
		if (!L_FLAG(tty, NOFLSH)) {
			flush_input_locked(tty);
			forget_echoes(tty);
		}
		if (I_FLAG(tty, IXON))
			tty_start_locked(tty);
		if (L_FLAG(tty, ECHO))
			echo_char(tty, c);
		return sig;
	}
	if (c == '\r') {
		if (I_FLAG(tty, IGNCR))
			return 0;
		newline = I_FLAG(tty, ICRNL);
		if (newline)
			c = '\n';
	} else if (c == '\n' && I_FLAG(tty, INLCR)) {
		c = '\r';
	}
	if (ICANON_ON(tty) && canon_key(tty, c))
		return 0;
	plain_char(tty, c, newline);
	return 0;
}

bool n_tty_readable_locked(const struct tty_struct *tty, u32 min_raw)
{
	if (LINES_ON(tty))
		return tty->canon_head != tty->read_tail;
	return tty->read_head - tty->read_tail >= min_raw;
}

/*
 * Returns for how many input bytes the buffer surely has room: with PARMRK a byte may take two. One
 * byte of the buffer is kept, for the end of a line in canonical mode.
 */
static int room_locked(const struct tty_struct *tty)
{
	int places = (int)(N_TTY_BUF_SIZE - (tty->read_head - tty->read_tail)) - 1;

	return I_FLAG(tty, PARMRK) ? places / 2 : places;
}

/*
 * True if the buffer holds no complete line (canonical mode). If it is full, the line can still be
 * edited or ended, but not read, and further bytes are lost.
 */
static bool is_endless(const struct tty_struct *tty)
{
	return LINES_ON(tty) && tty->canon_head == tty->read_tail;
}

int tty_input_room(struct tty_struct *tty)
{
	int room;

	spin_lock(&tty->lock);
	room = room_locked(tty);
	if (room < 2 && is_endless(tty))
		room = 64;
	if (room <= 0)
		set_bit(TTY_THROTTLED, &tty->flags);
	spin_unlock(&tty->lock);
	return max(room, 0);
}

/*
 * Processes input like tty_input(), but stops after a byte that causes a signal: *sig is set to it,
 * or to 0. *wake: true if something became readable.
 */
static int input_until_signal(struct tty_struct *tty, const u8 *buf, int n, int *sig, bool *wake)
{
	int i;

	*sig = 0;
	spin_lock(&tty->lock);
	for (i = 0; i < n && !*sig; i++) {
		if (room_locked(tty) <= 0 && !is_endless(tty))
			break;
		if (tty->read_head - tty->read_tail >= N_TTY_BUF_SIZE)
			drop_char(tty); /* the newest byte makes room */
		*sig = receive_char(tty, buf[i]);
	}
	if (!*sig)
		n_tty_flush_echoes_locked(tty);
	*wake = n_tty_readable_locked(tty, 1);
	if (i < n && !*sig)
		set_bit(TTY_THROTTLED, &tty->flags);
	spin_unlock(&tty->lock);
	return i;
}

int tty_input(struct tty_struct *tty, const u8 *buf, int n)
{
	int i = 0, sig;
	bool wake;

	/* A loop, not recursion, since all of the bytes may cause signals. */
	do {
		i += input_until_signal(tty, buf + i, n - i, &sig, &wake);
		if (!sig)
			break;
		if (!L_FLAG(tty, NOFLSH)) {
			if (tty->ops->flush_buffer)
				tty->ops->flush_buffer(tty);
			tty_packet_status(tty, TIOCPKT_FLUSHREAD);
		}
		tty_signal_pgrp(tty, sig);
	} while (i < n);
	/* Echo the key after the signal's flush, which would drop the echo. */
	if (sig)
		tty_flush_echoes(tty);
	if (wake) {
		wake_up_poll(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
		kill_fasync_list(&tty->async, EPOLLIN | EPOLLRDNORM);
	}
	tty_wakeup(tty);
	tty_packet_status(tty, 0);
	return i;
}

void tty_input_eof(struct tty_struct *tty)
{
	set_bit(TTY_EOF, &tty->flags);
	wake_up_common(&tty->read_wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
}

int n_tty_chars(struct tty_struct *tty)
{
	u64 p;
	int n = 0;

	spin_lock(&tty->lock);
	if (LINES_ON(tty)) {
		for (p = tty->read_tail; p < tty->canon_head; p++)
			n += tty->read_mark[ring_at(p)] != MARK_EOF;
	} else {
		n = (int)(tty->read_head - tty->read_tail);
	}
	spin_unlock(&tty->lock);
	return n;
}

/* ---- settings ---- */

void n_tty_termios_changed(struct tty_struct *tty, const struct ktermios *old)
{
	spin_lock(&tty->lock);
	if ((old->c_lflag ^ tty->termios.c_lflag) & (ICANON | EXTPROC)) {
		/*
		 * Drop all marks for line ends. In canonical mode the whole content becomes one
		 * line, which ends with its last byte.
		 */
		if (tty->read_mark)
			memset(tty->read_mark, 0, N_TTY_BUF_SIZE);
		if (LINES_ON(tty) && tty->read_head != tty->read_tail) {
			tty->read_mark[ring_at(tty->read_head - 1)] = MARK_EOL;
			tty->canon_head = tty->read_head;
		} else {
			tty->canon_head = tty->read_tail;
		}
		tty->erasing = tty->lnext = false;
	}
	if (!I_FLAG(tty, IXON))
		tty_start_locked(tty);
	spin_unlock(&tty->lock);
	wake_up_all(&tty->read_wait);
	tty_wakeup(tty);
}

void n_tty_init(struct tty_struct *tty)
{
	spin_lock(&tty->lock);
	flush_input_locked(tty);
	tty->ahead_tail = tty->ahead_head;
	tty->echo_head = tty->echo_tail = 0;
	tty->column = tty->line_column = 0;
	tty->stopped = tty->tco_stopped = false;
	spin_unlock(&tty->lock);
}

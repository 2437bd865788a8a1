/* SPDX-License-Identifier: MIT */
/*
 * n_tty.h: declarations shared by the two halves of the line discipline: n_tty.c (bytes from the
 * line) and n_tty_rw.c (reads and writes).
 */
#ifndef NESTLING_DEV_N_TTY_H
#define NESTLING_DEV_N_TTY_H

#include "kernel/dev/tty.h"

/*
 * Marks, in tty->read_mark: one byte for each byte of tty->read_buf. Bits 0 and 1 are one of the
 * next two, or 0. The bits from MARK_TAB on hold a tab's number of columns.
 */
#define MARK_EOL 1
#define MARK_EOF 2
#define MARK_ENDS 3 /* mask of the two */
#define MARK_TAB 2  /* shift of the columns */

#define I_FLAG(tty, f) ((tty)->termios.c_iflag & (f))
#define O_FLAG(tty, f) ((tty)->termios.c_oflag & (f))
#define L_FLAG(tty, f) ((tty)->termios.c_lflag & (f))
#define CC(tty, i) ((tty)->termios.c_cc[i])
#define ICANON_ON(tty) (L_FLAG(tty, ICANON))
/* True if input is cut into lines. False with EXTPROC, where the remote end edits lines already. */
#define LINES_ON(tty) (L_FLAG(tty, ICANON | EXTPROC) == ICANON)

/* Returns a position in the read buffer as an index. */
static inline u32 ring_at(u64 pos)
{
	return (u32)(pos & (N_TTY_BUF_SIZE - 1));
}

/* Called under tty->lock: */
/*
 * Output-processes @c: writes the resulting 0 to 8 bytes to @out, updates tty->column and returns
 * their number.
 */
int n_tty_process_output(struct tty_struct *tty, u8 c, u8 *out);
void n_tty_flush_echoes_locked(struct tty_struct *tty); /* passes echo to the driver */
/*
 * Appends processed output that the driver did not take to the echo ring. It precedes all further
 * output. Bytes for which the ring has no room are lost.
 */
void n_tty_keep_output(struct tty_struct *tty, const u8 *buf, u32 n);
/* True if a read finds data: a whole line with LINES_ON(), otherwise @min_raw bytes. */
bool n_tty_readable_locked(const struct tty_struct *tty, u32 min_raw);

/* Notifies the writer of new room in the input buffer. tty->lock is not held. */
void n_tty_unthrottle(struct tty_struct *tty);

#endif

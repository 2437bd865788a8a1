/* SPDX-License-Identifier: MIT */
/*
 * n_tty.h: between the two halves of the line discipline: n_tty.c (bytes from the line) and
 * n_tty_rw.c (reads and writes).
 */
#ifndef NESTLING_DEV_N_TTY_H
#define NESTLING_DEV_N_TTY_H

#include "kernel/dev/tty.h"

#define MARK_EOL 1
#define MARK_EOF 2
#define MARK_ENDS 3 /* either of the two */
/* bits above: columns of a tab */
#define MARK_TAB 2

#define I_FLAG(tty, f) ((tty)->termios.c_iflag & (f))
#define O_FLAG(tty, f) ((tty)->termios.c_oflag & (f))
#define L_FLAG(tty, f) ((tty)->termios.c_lflag & (f))
#define CC(tty, i) ((tty)->termios.c_cc[i])
#define ICANON_ON(tty) (L_FLAG(tty, ICANON))
/*
 * True if input is cut into lines. It is not if the other end of a network has edited it (EXTPROC).
 */
#define LINES_ON(tty) (L_FLAG(tty, ICANON | EXTPROC) == ICANON)

/* Returns a position in the read buffer as an index. */
static inline u32 ring_at(u64 pos)
{
	return (u32)(pos & (N_TTY_BUF_SIZE - 1));
}

/* All called under tty->lock. */
/* Writes the bytes that @c becomes on the wire to @out (up to 8) and returns how many. */
int n_tty_process_output(struct tty_struct *tty, u8 c, u8 *out);
void n_tty_flush_echoes_locked(struct tty_struct *tty);
bool n_tty_readable_locked(
	const struct tty_struct *tty, u32 min_raw); /* a line, or so many bytes in raw mode */

/* Tells that input has room again; without the lock. */
void n_tty_unthrottle(struct tty_struct *tty);

#endif

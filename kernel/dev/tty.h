/* SPDX-License-Identifier: MIT */
/*
 * tty.h: terminals: operations of a driver, the line discipline, and controlling terminals.
 *
 * A driver (drivers/console, kernel/dev/pty.c) registers lines with tty_register_line() or makes
 * ttys by tty_alloc(). The driver passes input to tty_input(), at a boundary or in a task, and
 * calls tty_wakeup() when it has room for output. Output reaches the driver through ops->write,
 * which must not sleep.
 *
 * Locks of a struct tty_struct, in this order:
 *      ctl_mutex       termios changes, hang-up, open and close of a line (may sleep)
 *        read_mutex    one reader at a time; write_mutex: one writer at a time (may sleep)
 *          lock        (spin) input buffer, echo, column, flow state. A pty slave's before its
 *                      master's.
 * Controlling terminal: signal->tty, tty->session, tty->pgrp change under tasklist_lock (write) and
 * are read under it or racily.
 *
 * The functions take these locks themselves, unless their name ends in _locked (lock is held).
 * Functions of type int, long and ssize_t return -errno on failure. The caller has a reference to
 * the tty that it passes.
 */
#ifndef NESTLING_DEV_TTY_H
#define NESTLING_DEV_TTY_H

#include <asm/termbits.h>
#include <asm/termios.h>

#include "kernel/lib/alloc.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/vfs/lock/fasync.h"

struct file;
struct inode;
struct iov_iter;
struct pid;
struct poll_table;
struct task;
struct tty_struct;

/*
 * All but write and write_room may be NULL. open, close, set_termios, resize, ioctl, hangup and
 * free may sleep; open and hangup are called under ctl_mutex. The others may not sleep.
 */
struct tty_operations {
	/* Returns 0 or -errno. */
	int (*open)(struct tty_struct *tty, struct file *f); /* NULL: always works */
	/* Called at each close of a file; at the last one tty->count is 0. */
	void (*close)(struct tty_struct *tty, struct file *f);
	/* Accepts up to @n bytes and returns how many, or -errno. Mostly called under lock. */
	int (*write)(struct tty_struct *tty, const u8 *buf, int n);
	int (*write_room)(struct tty_struct *tty);      /* bytes that write() would accept */
	int (*chars_in_buffer)(struct tty_struct *tty); /* NULL: 0 */
	void (*unthrottle)(struct tty_struct *tty);     /* the input buffer has room again */
	/* Called under ctl_mutex when termios has changed from @old. */
	void (*set_termios)(struct tty_struct *tty, const struct ktermios *old);
	void (*flush_buffer)(struct tty_struct *tty); /* drops output not yet transmitted */
	int (*resize)(struct tty_struct *tty,
		const struct winsize *ws); /* NULL: the size is only stored */
	long (*ioctl)(struct tty_struct *tty, struct file *f, u32 cmd,
		u64 arg); /* -ENOTTY: an unknown request */
	void (*hangup)(struct tty_struct *tty);
	void (*free)(struct tty_struct *tty); /* the last reference is gone */
};

#define N_TTY_BUF_SIZE 4096 /* bytes, a power of two */
#define ECHO_BUF_SIZE 4096

/* tty->flags */
#define TTY_EXCLUSIVE 0    /* TIOCEXCL: no further open */
#define TTY_OTHER_CLOSED 1 /* pty: the other side is gone */
#define TTY_PTY_LOCK 3     /* slave cannot be opened yet */
#define TTY_MASTER 4
#define TTY_SLAVE 5
/* Input has ended: reads return 0, writes still work. */
#define TTY_EOF 6
#define TTY_THROTTLED 7 /* unthrottle() is due when there is room */
#define TTY_PKT 8       /* of a master: packet mode */

struct tty_struct {
	atomic_t refs;
	u64 flags; /* TTY_*, atomic bits */
	dev_t dev;
	char name[16]; /* "tty0", "pts/3" */
	const struct tty_operations *ops;
	void *driver_data; /* of the driver */
	/* pty: the other side; under ctl_mutex of the pair's master */
	struct tty_struct *link;
	int index; /* number of the line or pair */

	struct mutex ctl_mutex;
	int count; /* open files, under ctl_mutex */
	/*
	 * Number of hang-ups, written under ctl_mutex. A file opened at another count is hung up.
	 */
	u32 hangups;
	struct ktermios termios; /* written under ctl_mutex and lock */
	/* Bits that TIOCSLCKTRMIOS locks; written under ctl_mutex and lock. */
	struct ktermios locked;
	struct winsize winsize; /* under lock */

	struct pid *pgrp, *session; /* under tasklist_lock */

	struct mutex read_mutex, write_mutex;
	struct wait_queue_head read_wait, write_wait;
	struct fasync_list async; /* receivers of SIGIO */

	/* the line discipline; all under lock */
	spinlock_t lock;
	/*
	 * N_TTY_BUF_SIZE bytes of input; NULL until tty_make_buffers(), which makes all three
	 * buffers. The positions below grow until a flush zeroes them. An index is a position
	 * modulo the size.
	 */
	u8 *read_buf;
	u8 *read_mark; /* for each byte: n_tty.h's MARK_* */
	/*
	 * read_tail: next byte for a reader. canon_head: end of the whole lines. read_head: end of
	 * the input, behind the line that is being edited.
	 */
	u64 read_head, canon_head, read_tail;
	u8 *echo_buf; /* ECHO_BUF_SIZE bytes for the driver */
	u32 echo_head, echo_tail;
	u32 echo_column; /* column where pending echo began */
	/* column: after all output and echo. line_column: of the end of the edited line. */
	u32 column, line_column;
	/*
	 * lnext: ^V was typed, so the next character is literal. erasing: the echo of erased
	 * characters has begun and not ended (ECHOPRT). stopped: output is stopped. tco_stopped:
	 * tcflow() has stopped it, so ^Q does not start it.
	 */
	bool lnext, erasing, stopped, tco_stopped;
	u8 ctrl_status; /* TIOCPKT_* that the master has not read */

	/*
	 * pty.c: a ring of bytes that the other side wrote while read_buf had no room. Positions
	 * only grow. Under lock.
	 */
	u8 *ahead;       /* NULL until needed */
	bool ahead_none; /* its allocation has failed */
	u64 ahead_head, ahead_tail;
	/*
	 * feeding: a task is moving bytes to read_buf. feed_again: it must check for more before it
	 * stops.
	 */
	bool feeding, feed_again;
};

/* n_tty.c */
void n_tty_init(struct tty_struct *tty); /* empties the buffers, allocates nothing */
/*
 * Processes @n bytes from the line, with echo and signals. Returns how many: fewer than @n only if
 * the buffer is full and has bytes that a reader can take. If it is full of one unfinished line,
 * further bytes of that line are lost. Does not sleep, as the next two functions do not.
 */
int tty_input(struct tty_struct *tty, const u8 *buf, int n);
/*
 * Returns how many bytes tty_input() would accept now. If that is 0, unthrottle() will be called
 * when there is room.
 */
int tty_input_room(struct tty_struct *tty);
/* Ends the input: reads return 0 once the buffer is empty. */
void tty_input_eof(struct tty_struct *tty);
/*
 * Serve read(2) and write(2) after job control. Return the bytes moved or -errno; a read returns 0
 * at the end of the input and after a hang-up. May sleep.
 */
ssize_t n_tty_read(struct tty_struct *tty, struct file *f, struct iov_iter *to);
ssize_t n_tty_write(struct tty_struct *tty, struct file *f, struct iov_iter *from);
/* Serves poll(2). Returns EPOLL* bits. */
u32 n_tty_poll(struct tty_struct *tty, struct file *f, struct poll_table *pt);
void n_tty_flush_input(struct tty_struct *tty); /* drops unread input */
/* Adapts marks and flow to tty->termios, which has changed from @old. ctl_mutex is held. */
void n_tty_termios_changed(struct tty_struct *tty, const struct ktermios *old);
int n_tty_chars(struct tty_struct *tty);       /* FIONREAD: bytes that a read returns */
void tty_flush_echoes(struct tty_struct *tty); /* passes pending echo to the driver */
void tty_stop_locked(struct tty_struct *tty);  /* stops the output (^S) */
/* Starts the output again, unless tcflow() has stopped it. */
void tty_start_locked(struct tty_struct *tty);

/* tty.c */
extern const struct ktermios tty_std_termios;
extern const struct file_operations tty_fops;
/*
 * Makes a tty with one reference and the standard termios. @ops stays valid; @name is copied. May
 * sleep.
 */
struct tty_struct *tty_alloc(const struct tty_operations *ops, dev_t dev, const char *name,
	int index); /* NULL: no memory */
/*
 * Makes the buffers of the line discipline unless they exist. Opening does so; a driver that passes
 * input to a tty that may not have been opened yet calls it first. Returns false without memory.
 */
bool tty_make_buffers(struct tty_struct *tty, gfp_t gfp);
void tty_get(struct tty_struct *tty);
void tty_put(struct tty_struct *tty); /* drops a reference; may sleep */
/*
 * Registers a line that can be opened by its number for ever, and keeps the caller's reference.
 * Makes /dev/NAME. Returns 0, -ENOSPC (too many lines) or -errno. Called while drivers are set up.
 */
int tty_register_line(struct tty_struct *tty);
/*
 * Counts @f as an open of @tty. Returns 0; -EIO: a pty's slave is locked or its master gone;
 * -EBUSY: opened exclusively; -ENOMEM; or the error of ops->open. May sleep.
 */
int tty_open_file(struct tty_struct *tty, struct file *f);
struct tty_struct *file_tty(struct file *f); /* borrowed; NULL: @f is no terminal */
/*
 * Adds TIOCPKT_* bits to a slave's status for a master in packet mode, and wakes up the master. 0:
 * only wakes up, since the bits are set already. No lock is held.
 */
void tty_packet_status(struct tty_struct *tty, u8 status);
/*
 * Values of @what for tty_log_ops->add(). TTY_LOG_OPEN: @data is the device number (u64) of the
 * opener's controlling terminal.
 */
#define TTY_LOG_OPEN 1
#define TTY_LOG_CLOSE 2
#define TTY_LOG_WRITE 3 /* bytes read or written */
/* Values of @direction for TTY_LOG_WRITE: bytes that a program has read, or written. */
#define TTY_LOG_IN 1
#define TTY_LOG_OUT 2
/* A log of terminal input and output. drivers/console registers it if the user enables it. */
struct tty_log_ops {
	/* Called for each open, close, read and write. May sleep. */
	void (*add)(struct tty_struct *tty, int what, int direction, const void *data, size_t n);
};
extern const struct tty_log_ops *tty_log_ops; /* or NULL */
/* Wakes up writers. Does not sleep; lock is not held. */
void tty_wakeup(struct tty_struct *tty); /* the driver has room for output */
/*
 * Hangs up: sends SIGHUP to the terminal's session. From now on reads of open files return 0 and
 * writes fail. The next open finds a clean terminal. May sleep.
 */
void tty_hangup(struct tty_struct *tty);
/*
 * Callback for for_each_in_pid_locked(): clears the leader's signal->tty if it is @arg
 * (tty_jobctl.c). tasklist_lock held for writing, since readers of signal->tty may use it.
 */
void tty_leaves_leader(struct task *leader, void *arg);
/*
 * Hangs the slave up; the caller holds a reference to the pair's master. The master can still read
 * the remaining bytes, then gets EIO.
 */
void pty_slave_end(struct tty_struct *slave);
/* True if @tty was hung up since @f was opened. */
bool tty_hung_up(const struct tty_struct *tty, const struct file *f);
int tty_do_resize(struct tty_struct *tty, const struct winsize *ws); /* also sends SIGWINCH */
/* Set and return the name of the line that /dev/console opens: that of console=, default tty0. */
void tty_set_console(const char *name);
const char *tty_console_name(void);
struct tty_struct *tty_console(void); /* borrowed; NULL: not registered yet */
/*
 * Checks whether current, if it is in a background group, may read from, write to or change the
 * terminal. @sig: SIGTTIN or SIGTTOU. Returns 0 if it may, -ERESTARTSYS after a signal was sent, or
 * -EIO.
 */
int tty_check_change(struct tty_struct *tty, int sig);
/* Sends @sig to the foreground group. The caller does not hold tty->lock. */
void tty_signal_pgrp(struct tty_struct *tty, int sig);
/*
 * Releases the terminal of a session leader. The foreground group gets SIGHUP, and SIGCONT unless
 * the leader exits with the terminal. kernel/task calls it through a hook.
 */
void disassociate_ctty(bool on_exit);
extern int legacy_tiocsti;                        /* 0: TIOCSTI needs CAP_SYS_ADMIN */
long tty_ioctl(struct file *f, u32 cmd, u64 arg); /* tty_ioctl.c */
long tty_jobctl_ioctl(struct tty_struct *tty, struct file *f, u32 cmd,
	u64 arg); /* tty_jobctl.c; -ENOTTY: another request */
/* Gives the terminal to current if it is a session leader without one. */
void tty_open_acquire(struct tty_struct *tty, struct file *f);
dev_t tty_devnum(struct tty_struct *tty); /* for /proc/PID/stat */

/* pty.c and devpts.c */
/*
 * Makes a pair for @f, an open ptmx, and pts/N for its slave. Returns the master with the reference
 * of @f, or ERR_PTR. May sleep, as all functions below but devpts_hold().
 */
struct tty_struct *ptm_open(struct file *f);
/* Pairs that only instances of the first mount namespace may use. */
extern int pty_reserve;

/* An instance of devpts: its numbers and its nodes. */
struct devpts;
/*
 * Returns the instance of an open ptmx: the one that contains it, or the one mounted on pts/ beside
 * it. Its superblock exists until devpts_release(). ERR_PTR(-ENODEV).
 */
struct devpts *devpts_acquire(struct file *ptmx);
void devpts_release(struct devpts *dp);
/* Takes a reference to the part of an instance that outlives its last mount: the numbers. */
struct devpts *devpts_hold(struct devpts *dp);
void devpts_put(struct devpts *dp);
/*
 * Returns how many pairs this instance must leave unused: pty_reserve, or 0 in the first mount
 * namespace.
 */
int devpts_spare(const struct devpts *dp);
/* Reserves the lowest free number for a pair. Returns it, -ENOSPC or -ENOMEM. */
int devpts_number(struct devpts *dp, struct tty_struct *slave);
void devpts_number_free(struct devpts *dp, int index);
/*
 * Makes pts/N, which holds a reference to @slave. Returns 0 or -errno. The superblock exists, as
 * for devpts_kill(), which removes pts/N.
 */
int devpts_new(struct devpts *dp, struct tty_struct *slave);
void devpts_kill(struct devpts *dp, struct tty_struct *slave);
/* Returns the slave of a pts node with a reference, or NULL. */
struct tty_struct *devpts_get(struct inode *inode);
/*
 * Opens the slave through its node, wherever devpts is mounted. @flags: O_*. Returns ERR_PTR on
 * failure; -EIO: the node is gone.
 */
struct file *devpts_open(struct devpts *dp, struct file *ptmx, int index, u32 flags);

#endif

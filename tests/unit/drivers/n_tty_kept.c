/* SPDX-License-Identifier: MIT */
/*
 * n_tty_kept.c: output that a driver had no room for precedes later output, although the driver has
 * more room by then.
 *
 * SOURCES: kernel/dev/n_tty.c kernel/dev/n_tty_rw.c kernel/lib/string.c
 */
#include "kernel/dev/n_tty.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/vfs.h"
#include "unit.h"

/* ---- fakes ---- */

const struct tty_log_ops *tty_log_ops;
static const char *text; /* that the program writes */

size_t copy_from_iter(void *dst, size_t n, struct iov_iter *it)
{
	memcpy(dst, text, n);
	it->count -= n;
	return n;
}
size_t copy_to_iter(const void *src, size_t n, struct iov_iter *it)
{
	return 0;
}
int mutex_lock_interruptible(struct mutex *m)
{
	mutex_lock(m);
	return 0;
}
int tty_check_change(struct tty_struct *tty, int sig)
{
	return 0;
}
bool tty_hung_up(const struct tty_struct *tty, const struct file *f)
{
	return false;
}
void tty_packet_status(struct tty_struct *tty, u8 status)
{
}
void tty_signal_pgrp(struct tty_struct *tty, int sig)
{
}
void tty_wakeup(struct tty_struct *tty)
{
}
void kill_fasync_list(struct fasync_list *l, int band)
{
}
u64 ktime_get(void)
{
	return 0;
}

/* ---- a driver ---- */

/* what it has taken, and how many bytes it takes of each write to come */
static char taken[100];
static int nr_taken, takes[8], calls;

static int driver_write(struct tty_struct *tty, const u8 *buf, int n)
{
	n = min(n, takes[calls++]);
	memcpy(taken + nr_taken, buf, (size_t)n);
	nr_taken += n;
	return n;
}

static int driver_room(struct tty_struct *tty)
{
	return 50;
}

/* ---- the test ---- */

static ssize_t put(struct tty_struct *tty, const char *s)
{
	struct iov_iter from = { .count = strlen(s) };
	struct file f = { 0 };

	text = s;
	return n_tty_write(tty, &f, &from);
}

static void in_order(tcflag_t oflag)
{
	static const struct tty_operations ops = {
		.write = driver_write,
		.write_room = driver_room,
	};
	static u8 echo[ECHO_BUF_SIZE];
	struct tty_struct tty = { .ops = &ops, .echo_buf = echo };

	/* The driver takes three bytes of the first text, and one more before the second text. */
	memcpy(takes, (int[8]){ 3, 1, 0, 50, 50, 50, 50, 50 }, sizeof(takes));
	memset(taken, 0, sizeof(taken));
	nr_taken = calls = 0;
	tty.termios.c_oflag = OPOST;
	assert_int_equal(put(&tty, "first "), 6);
	tty.termios.c_oflag = oflag;
	assert_int_equal(put(&tty, "second"), 6);
	assert_string_equal(taken, "first second");
}

static void processed(void **state)
{
	in_order(OPOST);
}

static void as_it_is(void **state)
{
	in_order(0);
}

UNIT_MAIN(cmocka_unit_test(processed), cmocka_unit_test(as_it_is))

/* SPDX-License-Identifier: MIT */
/*
 * seq.c: texts that are made when they are read, and parsed when they are written.
 *
 * An open file keeps its text. Reading at position 0 prints it again, so that `pread(fd, ..., 0)`
 * in a loop sees changes, as programs expect.
 *
 * Many texts are made with spinlocks held, so the buffer grows without sleeping (GFP_ATOMIC). If
 * that fails, the buffer is enlarged after the show function has returned, and the text is made
 * once more. The buffer for one long print that does not fit into a block grows in this way too.
 *
 * A text of at most CHUNK bytes lies in one block, and a longer one in several, which need not be
 * contiguous. A text that may be longer than memory is made in pieces: the show function begins at
 * s->cursor, ends a piece that is long enough, and sets s->next to the start of the next.
 *
 * Unused memory of a buffer is freed. If the texts of a user's other open files take more than
 * 1/KEPT_PART of the machine's memory, this file keeps at most a page: a longer text is made again
 * for each read.
 *
 * Locks: s->lock, which is taken before all locks that a show function or a copy to the reader
 * takes.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

#define CHUNK (64U << 10)   /* bytes in a block */
#define SEQ_MAX (64U << 20) /* bytes of the longest text */
#define STORE_MAX 4096      /* room for a written text, in bytes */
#define KEPT_PART 32        /* 1/32 of the memory: see may_keep() */

/* Sets s->size (bytes), and adds the change to the texts of the user that opened the file. */
static void set_size(struct seq *s, size_t size)
{
	if (s->payer)
		atomic_add((s64)size - (s64)s->size, &s->payer->texts);
	s->size = size;
}

/* Grows the first block to @need bytes, at most CHUNK. Returns false if memory is short. */
static bool grow_first(struct seq *s, size_t need, gfp_t gfp)
{
	size_t size = max_t(size_t, s->size, PAGE_SIZE / 2);
	char *buf;

	do
		size *= 2;
	while (size < need);
	buf = krealloc(s->buf, size, gfp);
	if (!buf)
		return false;
	s->buf = buf;
	set_size(s, size);
	return true;
}

/* Adds a block of CHUNK bytes. Returns false if memory is short. */
static bool add_chunk(struct seq *s, gfp_t gfp)
{
	char *chunk;

	if (!s->more)
		s->more = kmalloc(SEQ_MAX / CHUNK * sizeof(*s->more), gfp);
	chunk = s->more ? kmalloc(CHUNK, gfp) : NULL;
	if (!chunk)
		return false;
	s->more[s->size / CHUNK - 1] = chunk;
	set_size(s, s->size + CHUNK);
	return true;
}

/*
 * Makes room for @need more bytes and a terminator. If memory is short, sets s->full and returns
 * false, and the text must be printed again. Sleeps only if @gfp allows it.
 */
static bool seq_grow(struct seq *s, size_t need, gfp_t gfp)
{
	size_t size = s->len + need + 1;
	bool grown = size <= SEQ_MAX;

	while (grown && s->size < size)
		grown = s->size < CHUNK ? grow_first(s, min_t(size_t, size, CHUNK), gfp) :
					  add_chunk(s, gfp);
	if (!grown) {
		s->full = true;
		s->wanted = max(size, min_t(size_t, s->size * 2, SEQ_MAX));
	}
	return grown;
}

/*
 * Returns the address of byte @at of the text. *room: number of bytes from it to the end of its
 * block.
 */
static char *place_of(const struct seq *s, size_t at, size_t *room)
{
	if (at < CHUNK) {
		*room = min_t(size_t, s->size, CHUNK) - at;
		return s->buf + at;
	}
	*room = CHUNK - at % CHUNK;
	return s->more[at / CHUNK - 1] + at % CHUNK;
}

void seq_write(struct seq *s, const void *p, size_t n)
{
	size_t room;

	if (s->full || (s->len + n + 1 > s->size && !seq_grow(s, n, GFP_ATOMIC)))
		return;
	while (n) {
		char *to = place_of(s, s->len, &room);

		room = min(room, n);
		memcpy(to, p, room);
		p = (const char *)p + room;
		n -= room;
		s->len += room;
	}
}

char seq_char(const struct seq *s, size_t at)
{
	size_t room;

	return *place_of(s, at, &room);
}

void seq_reserve(struct seq *s, size_t n)
{
	if (!s->full && s->len + n + 1 > s->size)
		seq_grow(s, n, GFP_KERNEL);
}

int seq_turns(struct seq *s, size_t size, int (*turn)(void *arg, char *buf, size_t size), void *arg)
{
	char *buf = kmalloc(size, GFP_KERNEL);
	int n;

	if (!buf)
		return -ENOMEM;
	while (!s->full && !fatal_signal_pending(current) && (n = turn(arg, buf, size)) > 0) {
		seq_reserve(s, (size_t)n);
		seq_write(s, buf, (size_t)n);
		cond_resched();
	}
	kfree(buf);
	return 0;
}

void seq_puts(struct seq *s, const char *text)
{
	seq_write(s, text, strlen(text));
}

/*
 * Prints one text of @n bytes that does not fit into the current block. If memory is short, sets
 * s->full. Does not sleep.
 */
static void print_aside(struct seq *s, size_t n, const char *fmt, va_list ap)
{
	char few[256], *text = n < sizeof(few) ? few : s->aside, *own = NULL;

	if (text == s->aside && n >= s->aside_size)
		text = own = kmalloc(n + 1, GFP_ATOMIC);
	if (!text) {
		s->full = true;
		s->aside_wanted = n + 1;
		return;
	}
	vsnprintf(text, n + 1, fmt, ap);
	seq_write(s, text, n);
	kfree(own);
}

void seq_printf(struct seq *s, const char *fmt, ...)
{
	size_t room, n;
	va_list ap;
	char *to;

	if (s->full || (s->len + 256 > s->size && !seq_grow(s, 256, GFP_ATOMIC)))
		return;
	to = place_of(s, s->len, &room);
	va_start(ap, fmt);
	n = (size_t)vsnprintf(to, room, fmt, ap);
	va_end(ap);
	if (n < room) {
		s->len += n;
		return;
	}
	va_start(ap, fmt);
	print_aside(s, n, fmt, ap);
	va_end(ap);
}

/* ---- open files ---- */

void seq_open(struct seq *s, const struct file *f)
{
	mutex_init(&s->lock);
	s->payer = f->f_cred->user;
}

/* Frees the blocks after the first @size bytes. */
static void drop_chunks(struct seq *s, size_t size)
{
	while (s->size > max_t(size_t, size, CHUNK)) {
		kfree(s->more[s->size / CHUNK - 2]);
		set_size(s, s->size - CHUNK);
	}
	if (s->size <= CHUNK) {
		kfree(s->more);
		s->more = NULL;
	}
}

/* Frees the text. The next read makes it again. */
static void forget_text(struct seq *s)
{
	drop_chunks(s, 0);
	kfree(s->buf);
	s->buf = NULL;
	s->len = 0;
	set_size(s, 0);
}

void seq_close(struct seq *s)
{
	forget_text(s);
}

int proc_text_open(struct inode *inode, struct file *f)
{
	struct seq *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err;

	if (!s)
		return -ENOMEM;
	seq_open(s, f);
	err = proc_entry_open(PROC_I(inode), s);
	if (err) {
		kfree(s);
		return err;
	}
	f->private_data = s;
	return 0;
}

int proc_text_release(struct inode *inode, struct file *f)
{
	struct seq *s = f->private_data;

	if (s && s->mm)
		mmdrop(s->mm);
	if (s)
		seq_close(s);
	kfree(s);
	return 0;
}

/* Replaces s->aside by a buffer of @size bytes (0: none). Returns false if there is none. */
static bool set_aside(struct seq *s, size_t size)
{
	kfree(s->aside);
	s->aside = size && size <= SEQ_MAX ? kmalloc(size, GFP_KERNEL) : NULL;
	s->aside_size = s->aside ? size : 0;
	s->aside_wanted = 0;
	return s->aside;
}

/*
 * Allocates the memory that the last try lacked. The text in the buffer is lost. Returns false if
 * memory is short.
 */
static bool make_room(struct seq *s)
{
	if (s->aside_wanted)
		return set_aside(s, s->aside_wanted);
	forget_text(s);
	return seq_grow(s, s->wanted - 1, GFP_KERNEL);
}

/* Makes the piece at s->cursor, again with more memory until it fits. Returns 0 or -errno. */
static int make_text(struct seq *s, int (*make)(struct seq *s, void *arg), void *arg)
{
	int err;

	do {
		s->len = 0;
		s->next = 0;
		s->full = false;
		err = make(s, arg);
	} while (!err && s->full && make_room(s));
	set_aside(s, 0);
	return err ? err : s->full ? -ENOMEM : 0;
}

/* Copies the text of the piece from *pos on. Returns the number of bytes or -EFAULT. */
static ssize_t copy_text(const struct seq *s, struct iov_iter *to, loff_t *pos)
{
	ssize_t done = 0;

	while (*pos >= s->base && *pos - s->base < (loff_t)s->len && to->count) {
		size_t at = (size_t)(*pos - s->base), room, n;
		char *from = place_of(s, at, &room);

		room = min(min(room, s->len - at), to->count);
		n = copy_to_iter(from, room, to);
		*pos += (loff_t)n;
		done += (ssize_t)n;
		if (n < room)
			return done ? done : -EFAULT;
	}
	return done;
}

/* Frees the room that the text does not need. */
static void shrink_text(struct seq *s)
{
	size_t size = PAGE_SIZE;
	char *buf;

	drop_chunks(s, round_up(s->len + 1, CHUNK));
	if (s->size > CHUNK)
		return;
	while (size < s->len + 1)
		size *= 2;
	buf = size <= s->size / 4 ? krealloc(s->buf, size, GFP_KERNEL) : NULL;
	if (!buf)
		return;
	s->buf = buf;
	set_size(s, size);
}

/*
 * True if the text is kept between two reads. A user's only open text is always kept, so that it is
 * made only once.
 */
static bool may_keep(const struct seq *s)
{
	return s->size <= PAGE_SIZE || !s->payer ||
	       (u64)atomic_read(&s->payer->texts) - s->size <=
		       nr_managed_frames() * (PAGE_SIZE / KEPT_PART);
}

/* Makes the piece that contains @pos, unless it is the current piece. Returns 0 or -errno. */
static int find_piece(struct seq *s, loff_t pos, int (*make)(struct seq *s, void *arg), void *arg)
{
	int err = 0;

	if (!pos || !s->buf || pos < s->base) {
		s->base = 0;
		s->cursor = 0;
		err = make_text(s, make, arg);
	}
	while (!err && s->next && pos - s->base >= (loff_t)s->len) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		s->base += (loff_t)s->len;
		s->cursor = s->next;
		err = make_text(s, make, arg);
	}
	return err;
}

ssize_t seq_read(struct seq *s, struct iov_iter *to, loff_t *pos,
	int (*make)(struct seq *s, void *arg), void *arg)
{
	ssize_t n = mutex_lock_killable(&s->lock), done = 0;

	if (n)
		return n;
	if (*pos < 0)
		goto out;
	do {
		n = find_piece(s, *pos, make, arg);
		if (!n) {
			shrink_text(s);
			n = copy_text(s, to, pos);
		}
		if (n > 0)
			done += n;
	} while (n > 0 && to->count && s->next);
	if (n < 0) /* the piece may be incomplete */
		forget_text(s);
	if (!may_keep(s))
		forget_text(s);
out:
	mutex_unlock(&s->lock);
	return done ? done : n;
}

/* A function for seq_read(). @arg: the open file. */
static int show_entry(struct seq *s, void *arg)
{
	struct file *f = arg;

	s->file = f;
	s->seen = true;
	return proc_entry_show(PROC_I(f->f_inode), s);
}

ssize_t proc_text_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return seq_read(f->private_data, to, pos, show_entry, f);
}

ssize_t proc_text_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count;
	char *text;
	int err;

	if (n >= STORE_MAX)
		return -EINVAL;
	text = kmalloc(STORE_MAX, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, n, from) != n) {
		err = -EFAULT;
		goto out;
	}
	text[n] = 0;
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	err = proc_entry_store(f, text, strlen(text));
out:
	kfree(text);
	return err ? err : (ssize_t)n;
}

/*
 * Copies the variable's present string up to @pos to @text. Returns the number of bytes, or -errno:
 * -ENOSPC if the string is shorter.
 */
static ssize_t text_before(struct file *f, char *text, loff_t pos)
{
	struct seq now = { .len = 0 };
	ssize_t n = make_text(&now, show_entry, f);

	if (!n && pos >= (loff_t)now.len) /* the last byte is a line feed */
		n = -ENOSPC;
	if (!n && pos) {
		memcpy(text, now.buf, (size_t)pos);
		n = (ssize_t)pos;
	}
	forget_text(&now);
	return n;
}

/*
 * Writes a string at *pos. The new string ends after the written bytes. A write beyond the end of
 * the old string changes nothing, but succeeds.
 */
static ssize_t string_write(struct file *f, u32 max, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count, room;
	char *text = kmalloc(STORE_MAX, GFP_KERNEL);
	ssize_t len = -ENOMEM;

	if (!text)
		return len;
	len = text_before(f, text, *pos);
	if (len >= 0) {
		room = min(n, (size_t)(STORE_MAX - 1 - len));
		text[len + (ssize_t)room] = 0;
		if (copy_from_iter(text + len, room, from) != room)
			len = -EFAULT;
	}
	if (len >= 0) {
		text[len + (ssize_t)strcspn(text + len, "\n")] = 0;
		text[max - 1] = 0;
		len = proc_entry_store(f, text, strlen(text));
		*pos += len ? 0 : (loff_t)n;
	}
	kfree(text);
	return len < 0 && len != -ENOSPC ? len : (ssize_t)n;
}

/*
 * Writes as much of a list as fits into the buffer. Returns the number of bytes, and the caller
 * calls again for the rest.
 */
static ssize_t list_write(
	struct file *f, const struct proc_entry *e, struct iov_iter *from, loff_t *pos)
{
	size_t all = from->count, n = min_t(size_t, all, STORE_MAX - 1);
	ssize_t done = -EFAULT;
	char *text;

	if (!proc_opener_may(f, e))
		return -EPERM;
	text = kmalloc(STORE_MAX, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	text[n] = 0;
	if (copy_from_iter(text, n, from) == n)
		done = proc_extra(e)->store_list(text, n, n < all, *pos);
	kfree(text);
	if (done > 0)
		*pos += done;
	return done;
}

/*
 * Writes a variable. A number must be written in one piece: a write at another offset than 0
 * changes nothing, but succeeds. Returns the number of bytes or -errno.
 */
static ssize_t sysctl_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	const struct proc_entry *e = PROC_I(f->f_inode)->de;
	const struct proc_extra *x = e ? proc_extra(e) : NULL;
	ssize_t n;

	if (!from->count)
		return 0;
	if (x && x->text_max)
		return string_write(f, x->text_max, from, pos);
	if (x && x->store_list)
		return list_write(f, e, from, pos);
	n = *pos ? (ssize_t)from->count : proc_text_write(f, from, pos);
	if (n > 0)
		*pos += n;
	return n;
}

/* Writes a text that must be written in one piece, at offset 0. */
static ssize_t once_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t n = *pos ? -EINVAL : proc_text_write(f, from, pos);

	if (n > 0)
		*pos = n;
	return n;
}

/* Opens a text for which pwrite() fails. */
static int once_open(struct inode *inode, struct file *f)
{
	f->f_mode &= ~FMODE_PWRITE;
	return proc_text_open(inode, f);
}

static loff_t text_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == 1)
		off += f->f_pos;
	else if (whence != 0)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->f_pos = off;
	return off;
}

u32 proc_always_poll(struct file *f, struct poll_table *pt)
{
	return vfs_default_poll();
}

/* Returns the events of a file that can only be read. */
static u32 list_poll(struct file *f, struct poll_table *pt)
{
	return EPOLLIN | EPOLLRDNORM;
}

const struct file_operations proc_polled_fops = {
	.open = proc_text_open,
	.release = proc_text_release,
	.read_iter = proc_text_read,
	.poll = list_poll,
	.llseek = text_llseek,
};

static int variable_open(struct inode *inode, struct file *f)
{
	const struct proc_extra *x = proc_extra(PROC_I(inode)->de);
	int err = proc_text_open(inode, f);
	struct seq *s = f->private_data;

	if (!err && x->changes)
		s->changes = READ_ONCE(*x->changes);
	return err;
}

/* Polls a variable. Each change is reported once to each open file, whether or not it is read. */
static u32 variable_poll(struct file *f, struct poll_table *pt)
{
	const struct proc_extra *x = proc_extra(PROC_I(f->f_inode)->de);
	struct seq *s = f->private_data;
	u32 now;

	if (!x->changes)
		return vfs_default_poll();
	poll_wait(f, x->changed, pt);
	now = READ_ONCE(*x->changes);
	if (READ_ONCE(s->changes) == now)
		return vfs_default_poll();
	WRITE_ONCE(s->changes, now);
	return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLPRI;
}

/*
 * Reads a variable. A number must be read in one piece: a read at another offset than 0 returns
 * nothing.
 */
static ssize_t variable_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	const struct proc_extra *x = proc_extra(PROC_I(f->f_inode)->de);

	if (*pos && !x->text_max && !x->words)
		return 0;
	return proc_text_read(f, to, pos);
}

const struct file_operations proc_sysctl_fops = {
	.open = variable_open,
	.release = proc_text_release,
	.read_iter = variable_read,
	.write_iter = sysctl_write,
	.poll = variable_poll,
	.llseek = text_llseek,
};

/* Operations of texts that splice() can neither read nor write, as most texts of Linux. */
#define UNSPLICED_TEXT(open_text, write_text)                                                      \
	{                                                                                          \
		.open = open_text, .release = proc_text_release, .read_iter = proc_text_read,      \
		.write_iter = write_text, .no_splice_read = true, .no_splice_write = true,         \
		.ioctl = proc_entry_ioctl, .llseek = text_llseek,                                  \
	}

const struct file_operations proc_pid_text_fops = UNSPLICED_TEXT(proc_text_open, proc_text_write);

/* For texts that Linux makes by seq_file. pwrite() fails. */
const struct file_operations proc_pid_seq_fops = UNSPLICED_TEXT(once_open, proc_text_write);

const struct file_operations proc_once_fops = UNSPLICED_TEXT(once_open, once_write);

const struct file_operations proc_start_fops = UNSPLICED_TEXT(proc_text_open, once_write);

const struct file_operations proc_text_fops = {
	.no_splice_write = true,
	.open = proc_text_open,
	.release = proc_text_release,
	.read_iter = proc_text_read,
	.write_iter = proc_text_write,
	.poll = proc_always_poll,
	.ioctl = proc_entry_ioctl,
	.llseek = text_llseek,
};

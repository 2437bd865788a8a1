/* SPDX-License-Identifier: MIT */
/*
 * printk.c: the kernel log: a ring of records and the consoles that it is written to.
 *
 * - printk() formats on the caller's stack, splits the text into lines and appends each as a
 *   record, under ring_lock.
 * - A caller that appended then tries to become the one console writer. The writer copies records
 *   out under ring_lock and calls the consoles with no spinlock held. Other callers return at once,
 *   and the writer checks for new records before it gives up the role. So printk never waits for a
 *   console, and a console may make (non-sleeping) host calls.
 * - printk_read() copies one record for dmesg and /dev/kmsg.
 *
 * A record in the ring is a header and its text, 8-byte aligned, never split at the end of the ring
 * (a header with len SKIP marks the rest as unused).
 * Invariants: [tail, head) holds whole records, numbered tail_seq .. next_seq - 1; a record is
 * overwritten only after tail has passed it.
 *
 * Locks: ring_lock (innermost of all) for the ring and the flags; console_busy, a flag under it, is
 * the writer's role. console_list and console_seq change under that role.
 *
 * Fragments are not joined: a call without a newline makes a line of its own.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include <asm/errno.h>

#define RING_SIZE (256 * 1024)
#define LINE_MAX 1000
#define SKIP 0xffff
#define DEFAULT_LEVEL 4

struct ring_record {
	u64 ts_ns;
	u16 len;
	u8 level;
	u8 pad[5];
};

static u8 ring[RING_SIZE] __aligned(8);
static u32 head, tail;
static u64 tail_seq, next_seq;
/* Number of the next record for the consoles. */
static u64 console_seq;
static bool console_busy;
static bool reader_wake;
static LIST_HEAD(console_list);
static DEFINE_SPINLOCK(ring_lock);

int console_loglevel = 7;
int sysctl_printk_ratelimit = 5, sysctl_printk_ratelimit_burst = 10, sysctl_printk_delay;

static struct ring_record *record_at(u32 off)
{
	return (struct ring_record *)(ring + off);
}

static u32 record_size(u16 len)
{
	return (u32)round_up(sizeof(struct ring_record) + len, 8);
}

/*
 * Returns the offset of the next record: @off, or 0 if the rest of the ring is marked SKIP or is
 * too short for a header.
 */
static u32 normal(u32 off)
{
	if (off + sizeof(struct ring_record) > RING_SIZE || record_at(off)->len == SKIP)
		return 0;
	return off;
}

static void drop_oldest(void)
{
	tail += record_size(record_at(tail)->len);
	if (++tail_seq != next_seq)
		tail = normal(tail);
}

/* Drops old records until @n bytes are free at head. May move head to the start of the ring. */
static void make_room(u32 n)
{
	for (;;) {
		if (tail_seq == next_seq) {
			head = tail = 0;
			return;
		}
		if (head > tail) { /* free: [head, end) and [0, tail) */
			if (head + n <= RING_SIZE)
				return;
			if (head + sizeof(struct ring_record) <= RING_SIZE)
				record_at(head)->len = SKIP;
			head = 0;
		} else { /* free: [head, tail) */
			if (head + n <= tail)
				return;
			drop_oldest();
		}
	}
}

/* Appends a record. ring_lock is held. */
static void append(u8 level, u64 ts, const char *text, u16 len)
{
	u32 n = record_size(len);
	struct ring_record *r;

	make_room(n);
	r = record_at(head);
	r->ts_ns = ts;
	r->level = level;
	r->len = len;
	memcpy(r + 1, text, len);
	head += n;
	next_seq++;
	reader_wake = true;
}

/* Finds record @seq, which must exist, by walking from the tail or from the last result. */
static struct ring_record *find(u64 seq)
{
	/* The last result: readers go forward. */
	static u64 hint_seq;
	static u32 hint_off;
	u64 s = tail_seq;
	u32 off = tail;

	if (hint_seq >= tail_seq && hint_seq <= seq && hint_seq < next_seq) {
		s = hint_seq;
		off = hint_off;
	}
	for (; s < seq; s++)
		off = normal(off + record_size(record_at(off)->len));
	hint_seq = seq;
	hint_off = off;
	return record_at(off);
}

/* The body of printk_read(), with ring_lock held. */
static int copy_record_locked(u64 *seq, struct printk_record *rec)
{
	struct ring_record *r;

	if (*seq < tail_seq)
		*seq = tail_seq;
	if (*seq >= next_seq)
		return -EAGAIN;
	r = find(*seq);
	rec->seq = *seq;
	rec->ts_ns = r->ts_ns;
	rec->level = r->level;
	rec->len = r->len;
	memcpy(rec->text, r + 1, r->len);
	rec->text[r->len] = 0;
	(*seq)++;
	return 0;
}

int printk_read(u64 *seq, struct printk_record *rec)
{
	int err;

	spin_lock(&ring_lock);
	err = copy_record_locked(seq, rec);
	spin_unlock(&ring_lock);
	return err;
}

u64 printk_next_seq(void)
{
	return READ_ONCE(next_seq);
}

u64 printk_first_seq(void)
{
	return READ_ONCE(tail_seq);
}

bool printk_take_wake(void)
{
	if (likely(!READ_ONCE(reader_wake)))
		return false;
	return xchg(&reader_wake, false);
}

static int format_line(char *buf, size_t size, const struct printk_record *r)
{
	return scnprintf(buf, size, "[%5lu.%06lu] %s\n", (unsigned long)(r->ts_ns / 1000000000),
		(unsigned long)(r->ts_ns / 1000 % 1000000), r->text);
}

/*
 * Writes a record to the consoles. The writer's role keeps console_list stable:
 * console_unregister() waits until the role is free.
 */
static void write_consoles(const struct printk_record *r)
{
	static char line[LINE_MAX + 64]; /* owned by the writer */
	struct console *con;
	int n;

	n = format_line(line, sizeof(line), r);
	list_for_each_entry(con, &console_list, list)
		if (con->everything || (r->level & 7) < console_loglevel)
			con->write(con, line, (size_t)n);
}

/* Writes all new records to the consoles, unless another caller does so already. */
static void flush_consoles(void)
{
	static struct printk_record rec; /* owned by the writer */

	spin_lock(&ring_lock);
	if (console_busy || list_empty(&console_list)) {
		spin_unlock(&ring_lock);
		return;
	}
	console_busy = true;
	while (!copy_record_locked(&console_seq, &rec)) {
		spin_unlock(&ring_lock);
		write_consoles(&rec);
		spin_lock(&ring_lock);
	}
	console_busy = false;
	spin_unlock(&ring_lock);
}

/* Spins until no record is being written; then the caller alone may change console_list. */
static void take_writer_role(void)
{
	spin_lock(&ring_lock);
	while (console_busy) {
		spin_unlock(&ring_lock);
		cpu_relax();
		spin_lock(&ring_lock);
	}
	console_busy = true;
	spin_unlock(&ring_lock);
}

static void drop_writer_role(void)
{
	spin_lock(&ring_lock);
	console_busy = false;
	spin_unlock(&ring_lock);
	flush_consoles();
}

void console_register(struct console *con)
{
	static struct printk_record rec;
	static char line[LINE_MAX + 64];
	u64 seq = 0;

	take_writer_role();
	while (seq < READ_ONCE(console_seq) && !printk_read(&seq, &rec))
		if (con->everything || (rec.level & 7) < console_loglevel)
			con->write(con, line, (size_t)format_line(line, sizeof(line), &rec));
	list_add_tail(&con->list, &console_list);
	drop_writer_role();
}

void console_unregister(struct console *con)
{
	take_writer_role();
	list_del_init(&con->list);
	drop_writer_role();
}

static u64 timestamp(void)
{
	return ktime_get();
}

/*
 * Spins, since printk() may be called with spinlocks held. Counts the host's time, since the
 * guest's clock may stand still while its vCPU is busy (time-travel=inf-cpu).
 */
static void delay_writer(void)
{
	int ms = READ_ONCE(sysctl_printk_delay);
	u64 until;

	if (likely(!ms))
		return;
	until = arch_host_ns() + (u64)ms * 1000000UL;
	while (arch_host_ns() < until)
		cpu_relax();
}

int vprintk(const char *fmt, va_list ap)
{
	char buf[LINE_MAX + 2];
	const char *s = buf;
	u8 level = DEFAULT_LEVEL;
	u64 ts = timestamp();
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);

	if (s[0] == 1 && s[1] >= '0' && s[1] <= '7') {
		level = (u8)(s[1] - '0');
		s += 2;
	} else if (s[0] == 2 && s[1]) { /* from /dev/kmsg: with a facility */
		level = (u8)s[1];
		s += 2;
	}
	delay_writer();
	spin_lock(&ring_lock);
	do {
		size_t len = strcspn(s, "\n");

		append(level, ts, s, (u16)len);
		s += len;
		s += *s == '\n';
	} while (*s);
	spin_unlock(&ring_lock);
	flush_consoles();
	return n;
}

int printk(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vprintk(fmt, ap);
	va_end(ap);
	return n;
}

bool printk_ratelimit(const char *func)
{
	static DEFINE_SPINLOCK(limit_lock);
	static u64 since;
	static int said, left_out;
	u64 span = (u64)max(READ_ONCE(sysctl_printk_ratelimit), 0) * 1000000000UL;
	u64 now = timestamp();
	int lost = 0;
	bool may;

	if (!span)
		return true;
	spin_lock(&limit_lock);
	if (!since || now - since > span) {
		lost = left_out;
		since = now;
		said = left_out = 0;
	}
	may = said < READ_ONCE(sysctl_printk_ratelimit_burst);
	if (may)
		said++;
	else
		left_out++;
	spin_unlock(&limit_lock);
	if (lost)
		pr_warn("%s: %d callbacks suppressed\n", func, lost);
	return may;
}

static int set_quiet(const char *value)
{
	console_loglevel = 4;
	return 0;
}
PARAM("quiet", set_quiet, "only warnings and worse reach the console");

static int set_debug(const char *value)
{
	console_loglevel = 10;
	return 0;
}
PARAM("debug", set_debug, "every kernel message reaches the console");

static int set_loglevel(const char *value)
{
	u64 v;

	if (kstrtou64(value, 10, &v) || v > 15) {
		refuse("loglevel=%s: not a number from 0 to 15", value);
		return -EINVAL;
	}
	console_loglevel = (int)v;
	return 0;
}
PARAM("loglevel=", set_loglevel, "N: messages with a level below N reach the console (7)");

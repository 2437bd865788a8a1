/* SPDX-License-Identifier: MIT */
/*
 * syslog.c: syslog(2), by which dmesg reads the kernel log (kernel/lib/printk.h), and reads of
 * /proc/kmsg. A record is printed as "<level>[seconds] text".
 * Locks: syslog_mutex protects the read position, which all readers share, and the position of the
 * last SYSLOG_ACTION_CLEAR.
 */
#include "gen/syscalls.h"
#include "kernel/task/internal.h"

enum {
	CLOSE,
	OPEN,
	READ,
	READ_ALL,
	READ_CLEAR,
	CLEAR,
	CONSOLE_OFF,
	CONSOLE_ON,
	CONSOLE_LEVEL,
	SIZE_UNREAD,
	SIZE_BUFFER
};

#define LOG_BUFFER_SIZE (256 << 10)
#define LINE_MAX 1100

static DEFINE_MUTEX(syslog_mutex);
static u64 read_seq, clear_seq; /* under syslog_mutex */
static int saved_loglevel = -1; /* while the console is off */

static size_t format_record(const struct printk_record *r, char *line, size_t size)
{
	return (size_t)scnprintf(line, size, "<%u>[%5llu.%06llu] %.*s\n", r->level,
		(unsigned long long)(r->ts_ns / 1000000000UL),
		(unsigned long long)(r->ts_ns % 1000000000UL / 1000), (int)r->len, r->text);
}

struct scratch {
	struct printk_record rec;
	char line[LINE_MAX];
};

/* Returns the number of bytes that the records from @seq on take as text. */
static size_t size_from(u64 seq, struct scratch *s)
{
	size_t sum = 0;

	while (!printk_read(&seq, &s->rec)) {
		sum += format_record(&s->rec, s->line, sizeof(s->line));
		cond_resched();
	}
	return sum;
}

/*
 * Copies whole records from *seq on while they fit, and advances *seq past them. Returns bytes or
 * -EFAULT.
 */
static long copy_records(struct iov_iter *to, u64 *seq, struct scratch *s)
{
	size_t done = 0;

	for (;;) {
		u64 next = *seq;
		size_t n;

		if (printk_read(&next, &s->rec))
			return (long)done;
		n = format_record(&s->rec, s->line, sizeof(s->line));
		if (n > to->count)
			return (long)done;
		if (copy_to_iter(s->line, n, to) != n)
			return done ? (long)done : -EFAULT;
		done += n;
		*seq = next;
		cond_resched();
	}
}

/*
 * Copies as many of the newest records as fit, none older than clear_seq. Sets *end to the number
 * behind the last one. Returns bytes or -EFAULT.
 */
static long read_all(struct iov_iter *to, u64 *end, struct scratch *s)
{
	u64 seq = clear_seq;
	size_t size = size_from(seq, s);
	long n;

	while (size > to->count) {
		if (printk_read(&seq, &s->rec))
			break;
		size -= format_record(&s->rec, s->line, sizeof(s->line));
	}
	n = copy_records(to, &seq, s);
	*end = seq;
	return n;
}

/*
 * Waits for a record, and copies whole records. Returns bytes or -errno, -EINVAL if the buffer is
 * too short. Sleeps.
 */
static long read_some(struct iov_iter *to, struct scratch *s)
{
	size_t len = to->count;
	bool unread;
	long n = 0;
	int err;

	while (!n) {
		err = wait_event_interruptible(
			&printk_wait, printk_next_seq() > READ_ONCE(read_seq));
		if (err)
			return err;
		mutex_lock(&syslog_mutex);
		unread = syslog_unread(); /* false: another reader took it */
		n = copy_records(to, &read_seq, s);
		if (!n && unread && len < LINE_MAX)
			n = -EINVAL; /* the buffer is too short for a line */
		mutex_unlock(&syslog_mutex);
	}
	return n;
}

bool syslog_unread(void)
{
	return printk_next_seq() > READ_ONCE(read_seq);
}

u64 syslog_cleared(void)
{
	return READ_ONCE(clear_seq);
}

ssize_t syslog_read(struct iov_iter *to)
{
	struct scratch *s = kmalloc(sizeof(*s), GFP_KERNEL);
	ssize_t ret;

	if (!s)
		return -ENOMEM;
	ret = read_some(to, s);
	kfree(s);
	return ret;
}

/* Serves READ, READ_ALL and READ_CLEAR (@type). @len: bytes. Returns bytes or -errno. */
static long read_call(int type, uaddr_t buf, int len)
{
	struct iov_iter to;
	struct scratch *s;
	u64 end;
	long ret;

	if (!buf.v || len < 0)
		return -EINVAL;
	if (!len)
		return 0;
	iov_iter_user(&to, buf, (size_t)len);
	if (type == READ)
		return syslog_read(&to);
	s = kmalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	mutex_lock(&syslog_mutex);
	ret = read_all(&to, &end, s);
	if (type == READ_CLEAR && ret >= 0)
		WRITE_ONCE(clear_seq, end);
	mutex_unlock(&syslog_mutex);
	kfree(s);
	return ret;
}

static long size_unread(void)
{
	struct scratch *s = kmalloc(sizeof(*s), GFP_KERNEL);
	long n;

	if (!s)
		return -ENOMEM;
	n = (long)size_from(READ_ONCE(read_seq), s);
	kfree(s);
	return n;
}

/* Changes the log level of the console. @level: for CONSOLE_LEVEL, 1 to 8. Returns 0 or -EINVAL. */
static long set_console(int type, int level)
{
	switch (type) {
	case CONSOLE_OFF:
		if (saved_loglevel < 0)
			saved_loglevel = console_loglevel;
		console_loglevel = 1;
		return 0;
	case CONSOLE_ON:
		if (saved_loglevel >= 0)
			console_loglevel = saved_loglevel;
		saved_loglevel = -1;
		return 0;
	}
	if (level < 1 || level > 8)
		return -EINVAL;
	console_loglevel = level;
	saved_loglevel = -1;
	return 0;
}

int sysctl_dmesg_restrict;

static bool privileged(void)
{
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN);
}

bool syslog_may_read_all(void)
{
	return !READ_ONCE(sysctl_dmesg_restrict) || privileged();
}

long sys_syslog(int type, uaddr_t buf, int len)
{
	if (type != READ_ALL && type != SIZE_BUFFER ? !privileged() : !syslog_may_read_all())
		return -EPERM;
	switch (type) {
	case CLOSE:
	case OPEN: return 0;
	case READ:
	case READ_ALL:
	case READ_CLEAR: return read_call(type, buf, len);
	case CLEAR:
		mutex_lock(&syslog_mutex);
		WRITE_ONCE(clear_seq, printk_next_seq());
		mutex_unlock(&syslog_mutex);
		return 0;
	case CONSOLE_OFF:
	case CONSOLE_ON:
	case CONSOLE_LEVEL: return set_console(type, len);
	case SIZE_UNREAD: return size_unread();
	case SIZE_BUFFER: return LOG_BUFFER_SIZE;
	}
	return -EINVAL;
}

/* SPDX-License-Identifier: MIT */
/*
 * mem.c: /dev/null, zero, full, random, urandom, kmsg; /dev/mem and port exist, but cannot be
 * opened.
 *
 * Random bytes are the host's (getrandom), or those of seed=: this kernel has no pool of its own.
 * Writing to random is accepted and adds nothing to the host's entropy, like an unprivileged write
 * in Linux.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/random.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/process.h"
#include "kernel/vfs/vfs.h"

#define KMSG_MAX 1024 /* bytes of a message */

static ssize_t null_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return 0;
}

static ssize_t null_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count;

	iov_iter_advance(from, n);
	return (ssize_t)n;
}

static ssize_t zero_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t done = 0;

	while (to->count) {
		size_t want = min_t(size_t, to->count, 1U << 20), n = iov_iter_zero(want, to);

		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		if (!to->count || signal_pending(current))
			return done;
		cond_resched();
	}
	return done;
}

static ssize_t full_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	return -ENOSPC;
}

/* Copies the written bytes in, so that bad addresses fault, and drops them. */
static ssize_t random_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	u8 buf[256];
	ssize_t done = 0;
	size_t n;

	while (from->count) {
		n = copy_from_iter(buf, min(from->count, sizeof(buf)), from);
		done += (ssize_t)n;
		if (!n)
			return done ? done : -EFAULT;
		cond_resched();
	}
	return done;
}

static ssize_t random_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t done = 0;
	/*
	 * Longer than SHORT_COPY of uninit.c: in so long a copy, two random bytes that equal
	 * UNINIT_BYTE are not reported as uninitialised.
	 */
	u8 buf[2048];

	while (to->count) {
		size_t want = min_t(size_t, to->count, sizeof(buf)), n;

		arch_random(buf, want);
		n = copy_to_iter(buf, want, to);
		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	memset(buf, 0, sizeof(buf));
	return done;
}

static u32 random_poll(struct file *f, struct poll_table *pt)
{
	return EPOLLIN | EPOLLRDNORM;
}

static long random_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case RNDGETENTCNT: return put_user((int)256, UADDR(arg));
	case RNDADDTOENTCNT:
	case RNDADDENTROPY:
	case RNDZAPENTCNT:
	/* the host's pool cannot be cleared */
	case RNDCLEARPOOL: return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	case RNDRESEEDCRNG:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		arch_entry.random_renew();
		return 0;
	}
	return -EINVAL;
}

static int refuse_open(struct inode *inode, struct file *f)
{
	return -EPERM;
}

static int zero_mmap(struct file *f, struct vm_area *vma)
{
	struct file *shm;

	if (!(vma->vm_flags & VM_SHARED)) {
		vma->vm_flags |= VM_ANON_FILE;
		return 0;
	}
	shm = shmem_file_setup("dev/zero", (loff_t)(vma->vm_end - vma->vm_start));
	if (IS_ERR(shm))
		return (int)PTR_ERR(shm);
	fput(vma->vm_file);
	vma->vm_file = shm;
	vma->vm_mapping = shm->f_mapping;
	return 0;
}

/* ---- kmsg ---- */

struct kmsg_file {
	bool reads;
	struct mutex lock;
	u64 seq;
	/*
	 * State of the writer's rate limit while kernel.printk_devkmsg is "ratelimit"; races do no
	 * harm.
	 */
	u64 since; /* ktime_get() */
	u32 lines, lost;
};
#define KMSG_SPAN (5 * 1000000000UL)
#define KMSG_LINES 10U
static const char *const kmsg_modes[] = { "on", "off", "ratelimit" };
enum { KMSG_ON, KMSG_OFF, KMSG_RATELIMIT };
static int kmsg_mode = KMSG_ON;

static int show_kmsg_mode(char *buf, size_t size)
{
	return scnprintf(buf, size, "%s\n", kmsg_modes[READ_ONCE(kmsg_mode)]);
}

static int store_kmsg_mode(char *text)
{
	text[strcspn(text, " \t\n")] = 0;
	for (int i = 0; i < (int)ARRAY_SIZE(kmsg_modes); i++) {
		if (strcmp(text, kmsg_modes[i]))
			continue;
		WRITE_ONCE(kmsg_mode, i);
		return 0;
	}
	return -EINVAL;
}

static const struct sysctl kmsg_sysctls[] = {
	{ .path = "kernel/printk_devkmsg",
		.kind = SYSCTL_WORDS,
		.mode = 0644,
		.show = show_kmsg_mode,
		.store = store_kmsg_mode },
};

static bool may_write(struct kmsg_file *r)
{
	u64 now = ktime_get();

	if (likely(kmsg_mode == KMSG_ON))
		return true;
	if (kmsg_mode == KMSG_OFF)
		return false;
	if (!r->since || now - r->since > KMSG_SPAN) {
		r->since = now;
		r->lines = 0;
	}
	if (r->lines >= KMSG_LINES) {
		r->lost++;
		return false;
	}
	r->lines++;
	return true;
}

static int kmsg_open(struct inode *inode, struct file *f)
{
	struct kmsg_file *r;

	if (f->f_mode & FMODE_READ && !syslog_may_read_all())
		return -EPERM;
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	r->reads = f->f_mode & FMODE_READ;
	r->seq = printk_first_seq();
	mutex_init(&r->lock);
	f->private_data = r;
	return 0;
}

static int kmsg_release(struct inode *inode, struct file *f)
{
	struct kmsg_file *r = f->private_data;

	if (r->lost)
		pr_warn("%s: %u output lines suppressed due to ratelimiting\n", current->comm,
			r->lost);
	kfree(r);
	return 0;
}

static ssize_t kmsg_format(const struct printk_record *rec, char *buf, size_t size)
{
	size_t n = (size_t)scnprintf(
		buf, size, "%u,%lu,%lu,-;", rec->level, rec->seq, rec->ts_ns / 1000);
	u32 i;

	for (i = 0; i < rec->len && n + 5 < size; i++) {
		u8 c = (u8)rec->text[i];

		if (c < ' ' || c >= 127 || c == '\\')
			n += (size_t)scnprintf(buf + n, size - n, "\\x%02x", c);
		else
			buf[n++] = (char)c;
	}
	buf[n++] = '\n';
	return (ssize_t)n;
}

/*
 * Fetches the next record. Returns 0 or -errno; -EPIPE once if records were overwritten before this
 * reader saw them. The lock is dropped while it waits, so that nonblocking reads and killed tasks
 * that share the file are not delayed.
 */
static int next_record(
	struct file *f, struct kmsg_file *r, const struct iov_iter *to, struct printk_record *rec)
{
	u64 seq;
	int err;

	for (;;) {
		if (mutex_lock_interruptible(&r->lock))
			return -ERESTARTSYS;
		seq = r->seq;
		err = printk_read(&r->seq, rec);
		if (!err && rec->seq != seq) { /* the next read returns this record */
			r->seq = rec->seq;
			err = -EPIPE;
		}
		mutex_unlock(&r->lock);
		if (err != -EAGAIN)
			return err;
		if (file_nonblock(f, to))
			return -EAGAIN;
		err = wait_event_interruptible(&printk_wait, READ_ONCE(r->seq) < printk_next_seq());
		if (err)
			return err;
	}
}

/* Reads one record, as in Linux. */
static ssize_t kmsg_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct kmsg_file *r = f->private_data;
	struct printk_record *rec = kmalloc(sizeof(*rec) + 5120, GFP_KERNEL);
	char *text = (char *)(rec + 1);
	ssize_t n;

	if (!rec)
		return -ENOMEM;
	n = next_record(f, r, to, rec);
	if (n)
		goto out;
	n = kmsg_format(rec, text, 5120);
	if ((size_t)n > to->count)
		n = -EINVAL;
	else if (copy_to_iter(text, (size_t)n, to) != (size_t)n)
		n = -EFAULT;
out:
	kfree(rec);
	return n;
}

/*
 * Parses "<N>" before the text: level and facility. Messages of programs never get the kernel's
 * facility, 0. A facility above 31 is truncated to five bits.
 */
static u8 kmsg_priority(char **text)
{
	char *end = **text == '<' ? strchr(*text, '>') : NULL;
	u64 v;

	if (!end || (*text)[1] < '0' || (*text)[1] > '9')
		return 1 << 3 | 4;
	*end = 0;
	if (kstrtou64(*text + 1, 10, &v)) {
		*end = '>';
		return 1 << 3 | 4;
	}
	*text = end + 1;
	v &= 0xff;
	return (u8)(v >> 3 ? v : 1 << 3 | v);
}

static ssize_t kmsg_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	size_t count = from->count, n = count;
	char *buf, *text;
	u8 priority;

	if (n > KMSG_MAX)
		return -EINVAL;
	buf = kmalloc(KMSG_MAX + 1, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (copy_from_iter(buf, n, from) != n) {
		kfree(buf);
		return -EFAULT;
	}
	buf[n] = 0;
	text = buf;
	priority = kmsg_priority(&text);
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	if (may_write(f->private_data))
		printk("\002%c%s\n", priority, text);
	kfree(buf);
	return (ssize_t)count;
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	struct kmsg_file *r = f->private_data;
	u64 seq;

	poll_wait(f, &printk_wait, pt);
	if (!r->reads)
		return EPOLLOUT | EPOLLWRNORM;
	seq = READ_ONCE(r->seq);
	if (seq >= printk_next_seq())
		return 0;
	return EPOLLIN | EPOLLRDNORM | (seq < printk_first_seq() ? EPOLLERR | EPOLLPRI : 0);
}

static loff_t kmsg_llseek(struct file *f, loff_t off, int whence)
{
	struct kmsg_file *r = f->private_data;

	if (!r->reads)
		return -EBADF;
	if (off)
		return -ESPIPE;
	if (whence == SEEK_SET)
		r->seq = printk_first_seq();
	else if (whence == SEEK_DATA)
		r->seq = syslog_cleared();
	else if (whence == SEEK_END)
		r->seq = printk_next_seq();
	else
		return -EINVAL;
	return 0;
}

/* ---- the table ---- */

static const struct file_operations null_fops = {
	.llseek = noop_llseek,
	.no_splice_read = true,
	.read_iter = null_read,
	.write_iter = null_write,
};
static const struct file_operations zero_fops = {
	.llseek = noop_llseek,
	.read_iter = zero_read,
	.write_iter = null_write,
	.mmap = zero_mmap,
};
static const struct file_operations full_fops = {
	.llseek = noop_llseek,
	.no_splice_write = true,
	.read_iter = zero_read,
	.write_iter = full_write,
};
static const struct file_operations random_fops = {
	.llseek = noop_llseek,
	.read_iter = random_read,
	.write_iter = random_write,
	.poll = random_poll,
	.ioctl = random_ioctl,
};
/* As in Linux, urandom cannot be polled. */
static const struct file_operations urandom_fops = {
	.llseek = noop_llseek,
	.read_iter = random_read,
	.write_iter = random_write,
	.ioctl = random_ioctl,
};
static const struct file_operations refuse_fops = {
	.open = refuse_open,
};
static const struct file_operations kmsg_fops = {
	.open = kmsg_open,
	.release = kmsg_release,
	.llseek = kmsg_llseek,
	.read_iter = kmsg_read,
	.write_iter = kmsg_write,
	.poll = kmsg_poll,
};

static const struct {
	const char *name;
	u32 minor;
	umode_t mode;
	const struct file_operations *fops;
} mem_devices[] = {
	{ "mem", 1, 0640, &refuse_fops },
	{ "null", 3, 0666, &null_fops },
	{ "port", 4, 0640, &refuse_fops },
	{ "zero", 5, 0666, &zero_fops },
	{ "full", 7, 0666, &full_fops },
	{ "random", 8, 0666, &random_fops },
	{ "urandom", 9, 0666, &urandom_fops },
	{ "kmsg", 11, 0644, &kmsg_fops },
};

/* True for devices that are always ready; as in Linux, /dev/full is not among them. */
static bool never_waits(const struct file_operations *fops)
{
	return fops == &null_fops || fops == &zero_fops || fops == &random_fops ||
	       fops == &urandom_fops;
}

static int mem_open(struct inode *inode, struct file *f)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(mem_devices); i++)
		if (mem_devices[i].minor == MINOR(inode->i_rdev)) {
			f->f_op = mem_devices[i].fops;
			if (never_waits(f->f_op))
				f->f_mode |= FMODE_NOWAIT;
			return f->f_op->open ? f->f_op->open(inode, f) : 0;
		}
	return -ENXIO;
}

static const struct file_operations mem_fops = { .open = mem_open };

static int mem_init(void)
{
	int err = register_chrdev(MEM_MAJOR, 0, 256, "mem", &mem_fops);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(mem_devices) && !err; i++)
		err = devtmpfs_create(mem_devices[i].name, S_IFCHR | mem_devices[i].mode,
			MKDEV(MEM_MAJOR, mem_devices[i].minor));
	return err ? err : sysctl_register(kmsg_sysctls, ARRAY_SIZE(kmsg_sysctls));
}
INITCALL(4, mem_init);

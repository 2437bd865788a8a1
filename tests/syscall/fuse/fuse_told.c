/* SPDX-License-Identifier: MIT */
/*
 * fuse_told: notifications of a server (data stored and retrieved, names invalidated or expired),
 * and the ioctls that it answers.
 */
#include "fuse_server.h"
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define SIZE 10000

static volatile int reads, looked, forgot;
static volatile unsigned long got_unique, got_offset, got_size, got_sum;

struct big {
	int a[100];
};
#define IOC_ASK _IOR('N', 1, struct big)
#define IOC_TELL _IOW('N', 2, struct big)
#define IOC_BOTH _IOWR('N', 3, int)
#define IOC_BARE _IO('N', 4)
#define IOC_SHORT _IOR('N', 5, struct big)
#define IOC_RETRY _IOR('N', 6, int)
#define IOC_FAILS _IOR('N', 7, int)
#define IOC_LONG _IOR('N', 8, int)
#define IOC_NONE_SUCH _IOR('N', 9, int)

/* What chattr and lsattr ask; how often, and through which handle, is the kernel's business. */
static bool serve_flags(const struct fuse_in_header *h, const struct fuse_ioctl_in *in)
{
	static unsigned flags = FS_NODUMP_FL;
	struct {
		struct fuse_ioctl_out o;
		unsigned flags;
	} r = { .flags = flags };

	if (in->cmd == FS_IOC_FSGETXATTR) {
		static const char none[sizeof(struct fuse_ioctl_out) + sizeof(struct fsxattr)];

		reply(h->unique, 0, none, sizeof(none));
		return true;
	}
	if (in->cmd != FS_IOC_GETFLAGS && in->cmd != FS_IOC_SETFLAGS)
		return false;
	if (in->cmd == FS_IOC_SETFLAGS)
		flags = *(const unsigned *)(in + 1);
	reply(h->unique, 0, &r, sizeof(r.o) + in->out_size);
	return true;
}

static void serve_ioctl(const struct fuse_in_header *h, const struct fuse_ioctl_in *in)
{
	static struct {
		struct fuse_ioctl_out o;
		struct big b;
	} r;
	const struct big *b = (const void *)(in + 1);
	size_t n = sizeof(r.o) + in->out_size;

	if (serve_flags(h, in))
		return;
	memset(&r, 0, sizeof(r));
	say("  ioctl %x flags %u in %u out %u body %ld fh %d", in->cmd, in->flags, in->in_size,
		in->out_size, (long)(h->len - sizeof(*h) - sizeof(*in)), (int)in->fh);
	r.o.result = 5;
	for (int i = 0; i < 100; i++)
		r.b.a[i] = i;
	switch (in->cmd) {
	case IOC_ASK:
	case IOC_BARE: break;
	case IOC_TELL: r.o.result = b->a[99]; break;
	case IOC_BOTH: r.b.a[0] = b->a[0] + 1; break;
	case IOC_SHORT: n = sizeof(r.o) + 8; break;
	case IOC_RETRY: r.o.flags = FUSE_IOCTL_RETRY; break;
	case IOC_FAILS: r.o.result = -EBUSY; break;
	case IOC_LONG: n += 8; break;
	default: reply(h->unique, -ENOSYS, NULL, 0); return;
	}
	reply(h->unique, 0, &r, n);
}

static void serve_read(const struct fuse_in_header *h, const struct fuse_read_in *r)
{
	static char buf[SIZE];
	size_t n = r->offset < SIZE ? SIZE - r->offset : 0;

	reads++;
	memset(buf, 'r', sizeof(buf));
	reply(h->unique, 0, buf, n < r->size ? n : r->size);
}

/* Answers a LOOKUP with a name and attributes that are valid for long. */
static void serve_lookup(const struct fuse_in_header *h)
{
	struct fuse_entry_out e = { .nodeid = 2, .entry_valid = 1000, .attr_valid = 1000 };

	looked++;
	file_attr(&e.attr, 2, 0666, SIZE);
	reply(h->unique, 0, &e, sizeof(e));
}

static void serve_retrieved(const struct fuse_in_header *h, const struct fuse_notify_retrieve_in *r)
{
	const unsigned char *data = (const void *)(r + 1);
	size_t n = h->len - sizeof(*h) - sizeof(*r);

	got_offset = r->offset;
	got_size = n == r->size ? n : 77777777;
	got_sum = 0;
	for (size_t i = 0; i < n; i++)
		got_sum += data[i];
	got_unique = h->unique;
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	struct fuse_attr_out a = { .attr_valid = 1000 };

	switch (h->opcode) {
	case FUSE_IOCTL: serve_ioctl(h, (const void *)(h + 1)); break;
	case FUSE_READ: serve_read(h, (const void *)(h + 1)); break;
	case FUSE_LOOKUP: serve_lookup(h); break;
	case FUSE_GETATTR:
		file_attr(&a.attr, h->nodeid, 0666, SIZE);
		reply(h->unique, 0, &a, sizeof(a));
		break;
	case FUSE_NOTIFY_REPLY: serve_retrieved(h, (const void *)(h + 1)); break;
	case FUSE_BATCH_FORGET:
	case FUSE_FORGET: forgot = 1; break;
	default: serve_file(h, 0666, SIZE);
	}
}

/*
 * Sends a store notification of @n bytes @c. @claim: the size in the message. Returns 0 or -errno.
 */
static long store(unsigned long node, unsigned long off, char c, size_t n, unsigned claim)
{
	static char data[20000];
	struct fuse_notify_store_out o = { .nodeid = node, .offset = off, .size = claim };
	struct fuse_out_header h = { sizeof(h) + sizeof(o) + (unsigned)n, FUSE_NOTIFY_STORE, 0 };
	struct iovec v[3] = { { &h, sizeof(h) }, { &o, sizeof(o) }, { data, n } };

	memset(data, c, n);
	return writev(dev, v, 3) == (long)h.len ? 0 : -errno;
}

static long retrieve(unsigned long node, unsigned long unique, unsigned long off, unsigned n)
{
	struct {
		struct fuse_out_header h;
		struct fuse_notify_retrieve_out o;
	} m = { { sizeof(m), FUSE_NOTIFY_RETRIEVE, 0 },
		{ .notify_unique = unique, .nodeid = node, .offset = off, .size = n } };
	long ret;

	got_unique = 0;
	ret = write(dev, &m, sizeof(m)) == sizeof(m) ? 0 : -errno;
	for (int i = 0; !ret && i < 10000 && got_unique != unique; i++)
		usleep(10000);
	say("retrieve %lu at %lu: %ld; got %d: %lu at %lu, sum %lu", (unsigned long)n, off, ret,
		got_unique == unique, ret ? 0 : got_size, ret ? 0 : got_offset, ret ? 0 : got_sum);
	return ret;
}

static long take_back(unsigned long parent, const char *name, unsigned flags)
{
	struct fuse_notify_inval_entry_out o = {
		.parent = parent, .namelen = (unsigned)strlen(name), .flags = flags
	};
	struct fuse_out_header h = { sizeof(h) + sizeof(o) + o.namelen + 1, FUSE_NOTIFY_INVAL_ENTRY,
		0 };
	struct iovec v[3] = { { &h, sizeof(h) }, { &o, sizeof(o) },
		{ (void *)name, o.namelen + 1 } };

	return writev(dev, v, 3) == (long)h.len ? 0 : -errno;
}

static void show(int fd, const char *what)
{
	static char buf[40000];
	long n = pread(fd, buf, sizeof(buf), 0), from = 0;
	struct stat st;

	NEED(fstat(fd, &st));
	say("%s: size %ld, read %ld, server was asked %d", what, (long)st.st_size, n, reads > 0);
	for (long i = 1; i <= n; i++)
		if (i == n || buf[i] != buf[from]) {
			say("  %ld..%ld %c", from, i, buf[from] ? buf[from] : '0');
			from = i;
		}
	reads = 0;
}

static void data(void)
{
	int fd = NEED(open("m/f", O_RDWR));

	say("store %ld", store(2, 0, 'a', 4096, 4096));  /* nothing was read yet */
	say("store %ld", store(2, 5000, 'b', 100, 100)); /* part of an absent page */
	show(fd, "after a page");
	say("store %ld", store(2, 5000, 'c', 100, 100));
	say("store %ld", store(2, 4090, 'd', 10, 10));
	show(fd, "after parts");
	say("store %ld", store(2, 12288, 'e', 5000, 5000));
	retrieve(2, 1000, 0, 4096);
	retrieve(2, 1001, 5000, 100);
	retrieve(2, 1002, 0, 60000);
	retrieve(2, 1003, 500000, 100);
	retrieve(2, 1004, 17200, 5000);
	retrieve(99, 1005, 0, 10);
	say("no node %ld, too short %ld, too long %ld", store(99, 0, 'x', 10, 10),
		store(2, 0, 'x', 10, 11), store(2, 0, 'x', 10, 9));
	NEED(close(fd));
}

static int await(volatile int *what)
{
	for (int i = 0; i < 10000 && !*what; i++)
		usleep(10000);
	return *what;
}

static void names(void)
{
	struct stat st;

	forgot = looked = 0;
	NEED(stat("m/f", &st));
	say("known: looked up %d", looked);
	say("expire %ld", take_back(1, "f", FUSE_EXPIRE_ONLY));
	usleep(100000);
	say("forgotten %d", forgot);
	say("again %ld", take_back(1, "f", FUSE_EXPIRE_ONLY)); /* the name is still there */
	NEED(stat("m/f", &st));
	say("looked up %d", looked);
	say("take back %ld", take_back(1, "f", 0));
	say("forgotten %d", await(&forgot));
	say("again %ld", take_back(1, "f", 0)); /* the name is not cached now */
	say("of no folder %ld, of a file %ld", take_back(77, "f", 0), take_back(2, "f", 0));
}

/* Without CAP_LINUX_IMMUTABLE. */
static void weak_flags(int fd)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	int n = FS_NODUMP_FL;

	NEED(syscall(SYS_capget, &h, d));
	d[0].effective &= ~(1U << CAP_LINUX_IMMUTABLE);
	NEED(syscall(SYS_capset, &h, d));
	T(ioctl(fd, FS_IOC_SETFLAGS, &n));
	n |= FS_IMMUTABLE_FL;
	T(ioctl(fd, FS_IOC_SETFLAGS, &n));
	d[0].effective |= 1U << CAP_LINUX_IMMUTABLE;
	NEED(syscall(SYS_capset, &h, d));
}

static void ioctls(const char *name, int flags)
{
	int fd = NEED(open(name, flags)), n = 41;
	struct big b;

	say("%s", name);
	memset(&b, 7, sizeof(b));
	T(ioctl(fd, IOC_ASK, &b));
	say("%d %d", b.a[1], b.a[99]);
	b.a[99] = 1234;
	T(ioctl(fd, IOC_TELL, &b));
	T(ioctl(fd, IOC_BOTH, &n));
	say("%d", n);
	T(ioctl(fd, IOC_BARE, 0));
	memset(&b, 7, sizeof(b));
	T(ioctl(fd, IOC_SHORT, &b));
	say("%d %d %x", b.a[0], b.a[1], (unsigned)b.a[2]);
	T(ioctl(fd, IOC_RETRY, &n));
	T(ioctl(fd, IOC_FAILS, &n));
	T(ioctl(fd, IOC_LONG, &n));
	T(ioctl(fd, IOC_ASK, (void *)8));
	T(ioctl(fd, IOC_TELL, (void *)8));
	T(ioctl(fd, IOC_NONE_SUCH, &n));
	T(ioctl(fd, FS_IOC_GETFLAGS, &n));
	say("flags %x", (unsigned)n);
	n = FS_NODUMP_FL | FS_NOATIME_FL;
	T(ioctl(fd, FS_IOC_SETFLAGS, &n));
	T(ioctl(fd, FS_IOC_GETFLAGS, &n));
	say("flags %x", (unsigned)n);
	n = FS_NODUMP_FL;
	T(ioctl(fd, FS_IOC_SETFLAGS, &n));
	weak_flags(fd);
	NEED(close(fd));
}

TEST(fuse_told)
{
	fuse_serve();
	data();
	names();
	ioctls("m", O_RDONLY | O_DIRECTORY);
	ioctls("m/f", O_RDWR);
	NEED(umount2("m", MNT_DETACH));
}

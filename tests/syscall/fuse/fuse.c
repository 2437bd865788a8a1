/* SPDX-License-Identifier: MIT */
/*
 * fuse: /dev/fuse with a small server: right answers, wrong answers, no answer, and the server's
 * death.
 */
#include "guest.h"
#include "fuse_server.h"
#include <dirent.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

static char content[8192] = "content of the file";
static int size = 19;
static volatile int wrong; /* how the next answers go astray */
enum { RIGHT, SHORT, BAD_TYPE, BAD_NAME, HUGE_READ, SILENT, BAD_UNIQUE, BAD_ERROR, BIG_SIZE, LATE };
static volatile unsigned long late; /* the WRITE that waits for its answer */

#define LINK 3 /* the node of a link to the file */

static void set_attr(struct fuse_attr *a, unsigned long node)
{
	memset(a, 0, sizeof(*a));
	a->ino = node + 100;
	a->mode = node == 1 ? S_IFDIR | 0755 : node == LINK ? S_IFLNK | 0777 : S_IFREG | 0644;
	a->nlink = 1;
	a->size = node == 1 ? 4321 : node == LINK ? 4 : size;
}

static void lookup(const struct fuse_in_header *h, const char *name)
{
	struct fuse_entry_out e;

	memset(&e, 0, sizeof(e));
	if (strcmp(name, "file") && strcmp(name, "link")) {
		reply(h->unique, -ENOENT, NULL, 0);
		return;
	}
	e.nodeid = *name == 'f' ? 2 : LINK;
	set_attr(&e.attr, e.nodeid);
	if (wrong == BAD_TYPE)
		e.attr.mode = S_IFDIR | 0755;
	if (wrong == BIG_SIZE)
		e.attr.size = 1UL << 63;
	reply(h->unique, 0, &e, wrong == SHORT ? sizeof(e) - 8 : sizeof(e));
}

static void list(const struct fuse_in_header *h, const struct fuse_read_in *in)
{
	char buf[256] = "";
	struct fuse_dirent *d = (void *)buf;

	if (in->offset) {
		reply(h->unique, 0, NULL, 0);
		return;
	}
	d->ino = 102;
	d->off = 1;
	d->namelen = 4;
	d->type = DT_REG;
	memcpy(d->name, wrong == BAD_NAME ? "a/b/" : "file", 4);
	reply(h->unique, 0, buf, FUSE_DIRENT_SIZE(d));
}

static void data_call(const struct fuse_in_header *h, const void *arg)
{
	const struct fuse_read_in *r = arg;
	const struct fuse_write_in *w = arg;
	struct fuse_write_out wo;
	int left;

	if (h->opcode == FUSE_READ) {
		left = r->offset < (unsigned)size ? size - (int)r->offset : 0;
		left = left < (int)r->size ? left : (int)r->size;
		if (wrong == HUGE_READ) {
			static char huge[300000];

			errno = 0;
			reply(h->unique, 0, huge, sizeof(huge));
			return;
		}
		reply(h->unique, 0, content + r->offset, left);
		return;
	}
	if (wrong == LATE) {
		late = h->unique;
		return;
	}
	wo = (struct fuse_write_out){ w->size, 0 };
	if (w->offset + w->size <= sizeof(content))
		memcpy(content + w->offset, w + 1, w->size);
	if ((int)(w->offset + w->size) > size)
		size = w->offset + w->size;
	if (wrong == SHORT)
		wo.size = w->size + 1;
	reply(h->unique, 0, &wo, sizeof(wo));
}

static void attr_call(const struct fuse_in_header *h, const struct fuse_setattr_in *in)
{
	struct fuse_attr_out a;

	if (h->opcode == FUSE_SETATTR && in->valid & FATTR_SIZE)
		size = in->size;
	memset(&a, 0, sizeof(a));
	set_attr(&a.attr, h->nodeid);
	reply(h->unique, 0, &a, sizeof(a));
}

static uint64_t owners[2]; /* of locks, as the last FLUSHes named them */
static int flushes;
static int fsync_flags; /* of the last FSYNC; 1: data only */

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const void *arg = h + 1;
	struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 65536 };
	struct fuse_open_out open = { .fh = 7 };
	struct fuse_statfs_out sf = { .st = { .bsize = 4096, .blocks = 1000, .namelen = 99 } };

	if (wrong == SILENT)
		return;
	if (wrong == BAD_UNIQUE)
		reply(h->unique + 1000, 0, NULL, 0);
	if (wrong == BAD_ERROR)
		reply(h->unique, 5, NULL, 0);
	switch (h->opcode) {
	case FUSE_INIT: reply(h->unique, 0, &init, sizeof(init)); break;
	case FUSE_LOOKUP: lookup(h, arg); break;
	case FUSE_GETATTR:
	case FUSE_SETATTR: attr_call(h, arg); break;
	case FUSE_OPEN:
	case FUSE_OPENDIR: reply(h->unique, 0, &open, sizeof(open)); break;
	case FUSE_READ:
	case FUSE_WRITE: data_call(h, arg); break;
	case FUSE_READDIR: list(h, arg); break;
	case FUSE_READLINK: reply(h->unique, 0, "file", 4); break;
	case FUSE_STATFS: reply(h->unique, 0, &sf, sizeof(sf)); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR: reply(h->unique, 0, NULL, 0); break;
	case FUSE_FLUSH:
		owners[flushes++ & 1] = ((const struct fuse_flush_in *)arg)->lock_owner;
		reply(h->unique, 0, NULL, 0);
		break;
	case FUSE_FSYNC:
		fsync_flags = (int)((const struct fuse_fsync_in *)arg)->fsync_flags;
		reply(h->unique, 0, NULL, 0);
		break;
	default: reply(h->unique, -ENOSYS, NULL, 0);
	}
}

static const char *names(void)
{
	static char all[200];
	struct dirent *e;
	DIR *d = opendir("m");

	all[0] = 0;
	errno = 0;
	while (d && (e = readdir(d)))
		strcat(strcat(all, e->d_name), " ");
	if (errno)
		strcat(all, t_errno(errno));
	if (d)
		closedir(d);
	return all;
}

static const char *text(void)
{
	static char buf[300];
	int fd = open("m/file", O_RDONLY), n = fd == -1 ? -1 : read(fd, buf, sizeof(buf) - 1);
	const char *err = t_errno(errno);

	close(fd);
	if (n < 0)
		return err;
	buf[n] = 0;
	return buf;
}

/* Tries to enlarge a file beyond RLIMIT_FSIZE. Returns the result of fallocate(). */
static int grow(int fd)
{
	struct rlimit was, eight;
	int r, err;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	eight = was;
	eight.rlim_cur = 8;
	setrlimit(RLIMIT_FSIZE, &eight);
	r = fallocate(fd, 0, 0, 10);
	err = errno;
	setrlimit(RLIMIT_FSIZE, &was);
	errno = err;
	return r;
}

/* Returns the flags of the FSYNC that follows a write to a file opened with @how. */
static int synced(int how)
{
	int fd = NEED(open("m/file", O_WRONLY | how));

	fsync_flags = -1;
	NEED(pwrite(fd, "C", 1, 0));
	close(fd);
	return fsync_flags;
}

static void right(void)
{
	struct statfs sf;
	struct stat st;
	char *p, link[8];
	int fd;

	GT(names(), "file ");
	GT(text(), "content of the file");
	G(stat("m/file", &st), "0");
	GIS(st.st_size == 19 && st.st_ino == 102);
	G(stat("m", &st), "0");
	GIS(st.st_size == 4321);
	G(lstat("m/link", &st), "0");
	GIS(st.st_size == 4);
	G(readlink("m/link", link, sizeof(link)), "4");
	G(access("m/other", F_OK), "-1 ENOENT");
	G(statfs("m", &sf), "0");
	GIS(sf.f_blocks == 1000 && sf.f_type == 0x65735546);
	fd = GNEED(open("m/file", O_RDWR));
	G(pwrite(fd, "CON", 3, 0), "3");
	GT(text(), "CONtent of the file");
	G(ftruncate(fd, 7), "0");
	GT(text(), "CONtent");
	G(getxattr("m/file", "user.x", NULL, 0), "-1 EOPNOTSUPP");
	G(grow(fd), "-1 EFBIG");
	G(fallocate(fd, 0, 0, 10), "-1 EOPNOTSUPP");
	G(mkdir("m/d", 0755), "-1 ENOSYS");
	G(lseek(fd, 0, SEEK_END), "7");
	G(synced(O_DSYNC), "1");
	G(synced(O_SYNC), "0");
	if (!in_guest()) {
		say("mapped: yes");
		say("owner of locks: the same, no address of the kernel's");
		return;
	}
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memcpy(p, "map", 3);
	munmap(p, 4096);
	close(fd);
	say("mapped: %s", !memcmp(content, "maptent", 7) ? "yes" : content);
	close(GNEED(open("m/file", O_RDONLY)));
	say("owner of locks: %s, %s",
		flushes >= 2 && owners[0] == owners[1] ? "the same" : "another",
		owners[0] >> 32 && owners[0] >> 44 != 6 ? "no address of the kernel's" :
							  "an address");
}

static void astray(void)
{
	static const struct {
		int how;
		const char *name, *text, *names;
	} ways[] = {
		{ SHORT, "short answers", "EIO", "file " },
		{ BAD_TYPE, "another type", "EIO", "file " },
		{ BIG_SIZE, "a negative size", "EIO", "file " },
		{ BAD_NAME, "a bad name", "maptent", "EIO" },
		{ HUGE_READ, "more than asked for", "EIO", "file " },
		{ BAD_UNIQUE, "a wrong number first", "maptent", "file " },
		{ BAD_ERROR, "a positive error first", "maptent", "file " },
	};
	/*
	 * While the file is open the kernel remembers its node, so the server cannot give that
	 * number to another file.
	 */
	int held = in_guest() ? NEED(open("m/file", O_RDONLY)) : -1;
	unsigned i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		wrong = ways[i].how;
		say("%s: %s", ways[i].name, in_guest() ? text() : ways[i].text);
		say("%s: %s", ways[i].name, in_guest() ? names() : ways[i].names);
		wrong = RIGHT;
	}
	close(held);
}

static void silent(void)
{
	pid_t pid;

	wrong = SILENT;
	if (!in_guest()) {
		say("child: killed by SIGKILL");
		return;
	}
	pid = SPAWN(access("m/file", F_OK));
	t_until(pid, 'S');
	NEED(kill(pid, SIGKILL));
	t_wait("child", pid);
	wrong = RIGHT;
}

static void *answer_late(void *page)
{
	reply(late, 0, page, sizeof(struct fuse_write_out));
	return NULL;
}

static void dirty_in_background(void)
{
	int fd = NEED(open("m/file", O_RDWR));
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	*p = 1;
	NEED(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE));
}

/* Maps a page whose first touch sleeps until it is filled. Returns its userfaultfd. */
static int missing_page(char **page)
{
	int uf = NEED(syscall(SYS_userfaultfd, O_NONBLOCK));
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	*page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.range = (struct uffdio_range){ (uintptr_t)*page, 4096 };
	NEED(ioctl(uf, UFFDIO_API, &api));
	NEED(ioctl(uf, UFFDIO_REGISTER, &r));
	return uf;
}

/*
 * Unmounts while the kernel reads the answer to a write in the background: nothing of the request
 * is left, and the server's write of the answer ends.
 */
static void late_answer(pthread_t *server)
{
	static char log[65536];
	struct uffdio_zeropage z = { .mode = 0 };
	pthread_t t;
	char *page;
	int uf;

	if (!in_guest()) {
		say("late: answered, nothing in use");
		return;
	}
	wrong = LATE;
	waitpid(SPAWN(dirty_in_background()), NULL, 0);
	while (!late)
		sleep_ms(1);
	uf = missing_page(&page);
	NEED0(pthread_create(&t, NULL, answer_late, page));
	poll(&(struct pollfd){ uf, POLLIN, 0 }, 1, -1);
	NEED(umount2("m", MNT_FORCE));
	pthread_join(*server, NULL);
	z.range = (struct uffdio_range){ (uintptr_t)page, 4096 };
	NEED(ioctl(uf, UFFDIO_ZEROPAGE, &z));
	pthread_join(t, NULL);
	close(uf);
	klogctl(3 /* read all */, log, sizeof(log) - 1);
	say("late: answered, %s in use",
		strstr(log, "(fuse) are in use") ? "something" : "nothing");
}

TEST(fuse)
{
	char options[100];
	pthread_t t;

	NEED(mkdir("m", 0755));
	dev = GNEED(open("/dev/fuse", O_RDWR));
	G(read(dev, options, 100), "-1 EPERM");
	G(mount("x", "m", "fuse", 0, "fd=9999,rootmode=40000,user_id=0,group_id=0"), "-1 EINVAL");
	G(mount("x", "m", "fuse", 0, "rootmode=40000,user_id=0,group_id=0"), "-1 EINVAL");
	G(mount("x", "m", "fuse", 0, "fd=0,rootmode=40000,user_id=0,group_id=0"), "-1 EINVAL");
	G(mount("x", "m", "fuseblk", 0, "fd=3"), "-1 ENODEV");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", dev);
	G(mount("x", "m", "fuse.test", 0, options), "0");
	G(read(dev, options, 100), "-1 EINVAL"); /* too small */
	if (in_guest())
		NEED0(pthread_create(&t, NULL, server, NULL));
	right();
	astray();
	silent();
	CHILD({
		NEED(setuid(65534));
		G(access("m/file", F_OK), "-1 EACCES"); /* no allow_other */
	});
	G(umount2("m", MNT_FORCE | MNT_DETACH), "0");
	if (in_guest())
		pthread_join(t, NULL);
	GIS(poll(&(struct pollfd){ dev, POLLIN, 0 }, 1, 0) == 1);
	if (in_guest())
		close(dev);
	dev = GNEED(open("/dev/fuse", O_RDWR));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", dev);
	G(mount("x", "m", "fuse", 0, options), "0");
	if (in_guest())
		NEED0(pthread_create(&t, NULL, server, NULL));
	late_answer(&t);
	if (in_guest())
		close(dev);
	dev = GNEED(open("/dev/fuse", O_RDWR));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", dev);
	G(mount("x", "m", "fuse", 0, options), "0");
	if (in_guest())
		close(dev);
	G(access("m/file", F_OK), "-1 ENOTCONN");
	G(umount("m"), "0");
}

/* SPDX-License-Identifier: MIT */
/*
 * fuse_old: servers of protocols 7.1 to 7.12, whose structures are shorter: each call uses the
 * structures of its version.
 */
#include "fuse_server.h"
#include "mounts.h"
#include <sys/statfs.h>

static unsigned minor, init_size;
static char content[PAGE];
static unsigned long size;
static mode_t mode;
static volatile unsigned mknod_len, create_len;

/* Returns the size of the version's structure, which is the beginning of today's. */
static size_t entry_size(void)
{
	return minor < 9 ? FUSE_COMPAT_ENTRY_OUT_SIZE : sizeof(struct fuse_entry_out);
}

static void entry_of(struct fuse_entry_out *e)
{
	memset(e, 0, sizeof(*e));
	e->nodeid = 2;
	file_attr(&e->attr, 2, 0, size);
	e->attr.mode = mode;
	e->attr.nlink = 3;
	e->attr.blksize = 512;
}

static void attr_to(const struct fuse_in_header *h)
{
	struct fuse_attr_out a = { .attr_valid = 0 };

	file_attr(&a.attr, h->nodeid, 0, size);
	if (h->nodeid == 2)
		a.attr.mode = mode;
	a.attr.nlink = 3;
	reply(h->unique, 0, &a, minor < 9 ? FUSE_COMPAT_ATTR_OUT_SIZE : sizeof(a));
}

static void created(const struct fuse_in_header *h)
{
	struct fuse_open_out o = { .fh = 77 };
	char out[sizeof(struct fuse_entry_out) + sizeof(o)];

	create_len = h->len - (unsigned)sizeof(*h);
	mode = S_IFREG | 0640;
	entry_of((void *)out);
	memcpy(out + entry_size(), &o, sizeof(o));
	reply(h->unique, 0, out, entry_size() + sizeof(o));
}

static void written(const struct fuse_in_header *h)
{
	const struct fuse_write_in *w = (const void *)(h + 1);
	struct fuse_write_out took = { .size = w->size };
	const char *data = (const char *)w + (minor < 9 ? FUSE_COMPAT_WRITE_IN_SIZE : sizeof(*w));

	if (data + w->size != (const char *)h + h->len || w->offset + w->size > sizeof(content) ||
		w->fh != 77) {
		reply(h->unique, -EIO, NULL, 0);
		return;
	}
	memcpy(content + w->offset, data, w->size);
	if (w->offset + w->size > size)
		size = w->offset + w->size;
	reply(h->unique, 0, &took, sizeof(took));
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	struct fuse_init_out init = { .major = 7, .max_write = 65536 };
	struct fuse_statfs_out st = { .st = { .blocks = 10, .bsize = 1024, .namelen = 99 } };
	struct fuse_entry_out e;

	switch (h->opcode) {
	case FUSE_INIT:
		init.minor = minor;
		reply(h->unique, 0, &init, init_size);
		break;
	case FUSE_LOOKUP:
		entry_of(&e);
		reply(h->unique, mode ? 0 : -ENOENT, &e, mode ? entry_size() : 0);
		break;
	case FUSE_MKNOD:
		mknod_len = h->len - (unsigned)sizeof(*h);
		mode = S_IFIFO | 0600;
		entry_of(&e);
		reply(h->unique, 0, &e, entry_size());
		break;
	case FUSE_MKDIR:
		mode = S_IFDIR | 0700;
		entry_of(&e);
		reply(h->unique, 0, &e, entry_size());
		break;
	case FUSE_RMDIR:
	case FUSE_UNLINK:
		mode = 0;
		reply(h->unique, 0, NULL, 0);
		break;
	case FUSE_SETATTR: mode = S_IFREG | 0604; /* FALLTHROUGH */
	case FUSE_GETATTR: attr_to(h); break;
	case FUSE_CREATE: created(h); break;
	case FUSE_WRITE: written(h); break;
	case FUSE_READ: reply(h->unique, 0, content, size); break;
	case FUSE_STATFS:
		reply(h->unique, 0, &st, minor < 4 ? FUSE_COMPAT_STATFS_SIZE : sizeof(st));
		break;
	default: serve_rest(h);
	}
}

static void use(void)
{
	struct statfs sf;
	struct stat st;
	char b[16] = "";
	int fd;

	T(stat("m", &st));
	say("mode %o, %lu links", st.st_mode, (unsigned long)st.st_nlink);
	T(statfs("m", &sf));
	say("%lu blocks of %lu, names of %lu", sf.f_blocks, sf.f_bsize, sf.f_namelen);
	T(mknod("m/fifo", S_IFIFO | 0600, 0));
	say("MKNOD: %u bytes", mknod_len);
	T(unlink("m/fifo"));
	T(mkdir("m/dir", 0700));
	T(rmdir("m/dir"));
	fd = NEED(open("m/file", O_RDWR | O_CREAT | O_EXCL, 0640));
	say("CREATE: %u bytes", create_len);
	T(write(fd, "through the old door", 20));
	T(fsync(fd));
	T(pread(fd, b, 11, 12));
	say("'%s', %lu bytes", b, size);
	T(fchmod(fd, 0604));
	T(fstat(fd, &st));
	say("mode %o, %lu bytes", st.st_mode, (unsigned long)st.st_size);
	close(fd);
	T(unlink("m/file"));
}

TEST(fuse_old)
{
	static const struct {
		unsigned minor, size;
	} t[] = { { 31, 64 }, { 23, 64 }, { 22, 24 }, { 13, 24 }, { 12, 24 }, { 12, 64 },
		{ 11, 24 }, { 9, 24 }, { 8, 24 }, { 7, 24 }, { 6, 24 }, { 5, 24 }, { 4, 8 },
		{ 3, 8 }, { 1, 8 } };
	pthread_t thread;

	own_mounts();
	NEED(mkdir("m", 0777));
	for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
		minor = t[i].minor;
		init_size = t[i].size;
		size = mode = 0;
		say("---- 7.%u, %u bytes", minor, init_size);
		NEED(fuse_mount("m", "rootmode=40000,user_id=0,group_id=0"));
		NEED0(pthread_create(&thread, NULL, server, NULL));
		use();
		NEED(umount("m"));
		pthread_join(thread, NULL);
	}
}

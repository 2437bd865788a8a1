/* SPDX-License-Identifier: MIT */
/*
 * fs_rules: rules of files that few programs meet: flags of a single read or write on descriptors
 * that are no regular files, seals of plain tmpfs files, what a file that became immutable or
 * append-only refuses to a process that has it open, extents behind the end, mount contexts that
 * keep no mount busy, adding lower layers of an overlay one by one, the order of inotify's events
 * and which are omitted.
 */
#include "guest.h"

#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>

/* Younger than the headers that we build with. */
#define F_CREATED_QUERY_ 1028
#define SYS_memfd_secret_ 447
#define SYS_file_getattr_ 468

static long rw2(int nr, int fd, void *buf, size_t n, int flags)
{
	struct iovec v = { buf, n };

	return syscall(nr, fd, &v, 1, -1L, 0L, flags);
}

static void flags_of_one_call(void)
{
	uint64_t two[2] = { 3, 4 };
	struct signalfd_siginfo info;
	int e = GNEED(eventfd(0, 0)), t = GNEED(timerfd_create(CLOCK_MONOTONIC, 0)), s;
	int p[2];
	sigset_t set;
	off_t at = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	s = GNEED(signalfd(-1, &set, 0));
	G(rw2(SYS_preadv2, e, two, 8, RWF_NOWAIT), "-1 EAGAIN");
	G(rw2(SYS_preadv2, t, two, 8, RWF_NOWAIT), "-1 EAGAIN");
	G(rw2(SYS_preadv2, s, &info, sizeof(info), RWF_NOWAIT), "-1 EAGAIN");
	G(write(e, two, 16), "-1 EINVAL");
	G(write(e, two, 8), "8");
	G(rw2(SYS_preadv2, e, two, 8, RWF_NOWAIT), "8");
	G(rw2(SYS_pwritev2, e, two, 8, RWF_NOWAIT), "-1 EOPNOTSUPP");
	GNEED(pipe(p));
	t_text("out", "");
	s = GNEED(open("out", O_RDONLY));
	G(sendfile(s, p[0], &at, 1), "-1 ESPIPE");
	G(sendfile(s, p[0], NULL, 1), "-1 EBADF");
}

static void which_error_first(void)
{
	static const off_t starts[] = { 0, -1, LONG_MAX }, lengths[] = { 0, -10, LONG_MAX };
	static const int cmds[] = { F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK };
	static const short types[] = { F_WRLCK, F_UNLCK, 3 };
	int fd = NEED(open("locked", O_RDWR | O_CREAT, 0600));

	for (unsigned i = 0; i < 3 * 3 * 3 * 4; i++) {
		struct flock l = { .l_type = types[i / 36],
			.l_whence = SEEK_SET,
			.l_start = starts[i / 12 % 3],
			.l_len = lengths[i / 4 % 3] };
		char text[80];

		if (cmds[i % 4] == F_OFD_GETLK && l.l_type == F_UNLCK)
			continue; /* younger than other hosts */
		snprintf(text, sizeof(text), "lock %d, kind %d, from %ld, %ld", i % 4, l.l_type,
			(long)l.l_start, (long)l.l_len);
		TN(text, fcntl(fd, cmds[i % 4], &l));
	}
	close(fd);
}

static void aio_priority(void)
{
	char byte = 'x';
	aio_context_t ctx = 0;
	struct iocb io = { .aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = NEED(open("locked", O_RDWR)),
		.aio_buf = (uintptr_t)&byte,
		.aio_nbytes = 1,
		.aio_flags = IOCB_FLAG_IOPRIO,
		.aio_reqprio = -1 };
	struct iocb *list[] = { &io };

	GNEED(syscall(SYS_io_setup, 1, &ctx));
	G(syscall(SYS_io_submit, ctx, 1, list), "-1 EINVAL");
	io.aio_reqprio = 2 << 13 | 4;
	G(syscall(SYS_io_submit, ctx, 1, list), "1");
	GNEED(syscall(SYS_io_destroy, ctx));
}

static void descriptors(void)
{
	struct {
		unsigned bytes;
		int type;
		unsigned char id[8];
	} handle = { 8, -1, { 0 } };
	struct statx x;
	char attr[24];
	int secret = GNEED(syscall(SYS_memfd_secret_, 0));
	int fd = GNEED(open(".", O_PATH)), loop = GNEED(open("/dev/loop7", O_RDWR)), p[2];

	G(fcntl(fd, F_CREATED_QUERY_), "0");
	G(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY), "-1 EINVAL");
	G(fsync(loop), "0");
	G(syscall(SYS_file_getattr_, AT_FDCWD, "/dev/null", attr, sizeof(attr), 0),
		"-1 EOPNOTSUPP");
	G(fcntl(secret, F_GET_SEALS), "-1 EINVAL");
	GNEED(pipe(p));
	GNEED(statx(p[0], "", AT_EMPTY_PATH, STATX_ALL, &x));
	GIS(!(x.stx_mask & STATX_BTIME));
	GNEED(statx(AT_FDCWD, "/sys/devices/system/cpu/online", 0, STATX_ALL, &x));
	GIS(x.stx_size == 4096 && x.stx_blksize == 4096);
}

static void set(int fd, int flags)
{
	GNEED(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

/*
 * Opens and closes a name that was just used, with RESOLVE_CACHED. Returns 0, or -1 with errno. The
 * cache may drop the name under memory pressure, so there are up to 100 tries.
 */
static int cached(const char *name, uint64_t how)
{
	struct open_how h = { .flags = O_RDONLY, .resolve = how | RESOLVE_CACHED };
	int fd = -1;

	for (int i = 0; i < 100 && fd < 0; i++) {
		fd = open(name, O_RDONLY);
		if (fd >= 0)
			close(fd);
		fd = syscall(SYS_openat2, AT_FDCWD, name, &h, sizeof(h));
	}
	return fd < 0 ? -1 : close(fd);
}

static void from_the_cache(void)
{
	NEED(mkdir("c", 0755));
	t_text("c/f", "");
	NEED(symlink("../c/f", "c/l"));
	G(cached("c/f", 0), "0");
	G(cached("c/../c/./f", 0), "0");
	G(cached("c/l", 0), "0");
	G(cached("c/l", RESOLVE_BENEATH), "0");
	G(cached("c/l", RESOLVE_NO_SYMLINKS), "-1 ELOOP");
	G(cached("c/f", RESOLVE_IN_ROOT | RESOLVE_NO_XDEV), "0");
	G(cached("c/f/x", RESOLVE_BENEATH), "-1 EAGAIN");
}

static void made_hard(void)
{
	struct {
		struct fiemap head;
		struct fiemap_extent e[4];
	} map = {
		.head = { .fm_length = ~0ULL, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = 4 }
	};
	struct fsxattr fx = { .fsx_xflags = 1 << 20 };
	struct statfs sf;
	int fd, flags = 0;

	NEED(statfs(".", &sf));
	if (in_guest() && sf.f_type != EXT4_SUPER_MAGIC)
		say("not on ext4");
	t_text("hard", "text");
	fd = NEED(open("hard", O_RDWR));
	GNEED(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	set(fd, flags | FS_IMMUTABLE_FL);
	G(write(fd, "x", 1), "-1 EPERM");
	G(ftruncate(fd, 1), "-1 EPERM");
	set(fd, flags | FS_APPEND_FL);
	GIS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
	GIS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	G(fcntl(fd, F_SETFL, O_APPEND), "-1 EPERM");
	set(fd, flags);
	G(fcntl(fd, F_SETFL, O_APPEND), "0");
	G(ioctl(fd, FS_IOC_FSSETXATTR, &fx), "-1 EOPNOTSUPP");
	GNEED(fallocate(fd, FALLOC_FL_KEEP_SIZE, 65536, 8192));
	G(ioctl(fd, FS_IOC_FIEMAP, &map), "0");
	GIS(map.head.fm_mapped_extents == 2 && map.e[1].fe_logical == 65536 &&
		map.e[1].fe_length == 8192 &&
		map.e[1].fe_flags == (FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_LAST));
	close(fd);
}

static int config(int fd, unsigned cmd, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fd, cmd, key, value, 0);
}

static void contexts(void)
{
	int fd, tree, file, below = 0, flags = 0;

	NEED(mkdir("m", 0755));
	fd = GNEED(syscall(SYS_fsopen, "tmpfs", 0));
	G(config(fd, FSCONFIG_CMD_CREATE, NULL, NULL), "0");
	tree = GNEED(syscall(SYS_fsmount, fd, 0, 0));
	G(syscall(SYS_move_mount, tree, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), "0");
	close(tree);
	file = GNEED(open("m/f", O_RDWR | O_CREAT, 0600));
	G(fcntl(file, F_GET_SEALS), "1");
	G(fcntl(file, F_ADD_SEALS, F_SEAL_GROW), "-1 EPERM");
	close(file);
	file = GNEED(open("m", O_RDONLY));
	set(file, FS_NODUMP_FL | FS_APPEND_FL);
	close(file);
	file = GNEED(open("m/g", O_RDWR | O_CREAT, 0600));
	GNEED(ioctl(file, FS_IOC_GETFLAGS, &flags));
	GIS(flags == FS_NODUMP_FL);
	close(file);
	G(umount2("m", 0), "0");
	G(config(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL), "0");
	close(fd);

	GNEED(mount("t", "m", "tmpfs", 0, NULL));
	fd = GNEED(syscall(SYS_fspick, AT_FDCWD, "m", 0));
	G(umount2("m", 0), "0");
	close(fd);

	NEED(mkdir("l:1", 0755));
	NEED(mkdir("l2", 0755));
	t_text("l:1/a", "");
	t_text("l2/b", "");
	fd = GNEED(syscall(SYS_fsopen, "overlay", 0));
	G(config(fd, FSCONFIG_SET_STRING, "lowerdir+", "l:1"), "0");
	G(config(fd, FSCONFIG_SET_STRING, "lowerdir+", "missing"), "-1 ENOENT");
	G(config(fd, FSCONFIG_SET_STRING, "lowerdir+", "l2"), "0");
	G(config(fd, FSCONFIG_CMD_CREATE, NULL, NULL), "0");
	tree = GNEED(syscall(SYS_fsmount, fd, 0, 0));
	G(faccessat(tree, "a", F_OK, 0), "0");
	G(faccessat(tree, "b", F_OK, 0), "0");
	file = GNEED(open("l2/b", O_RDONLY));
	GNEED(ioctl(file, FS_IOC_GETFLAGS, &below));
	file = GNEED(openat(tree, "b", O_RDONLY));
	G(ioctl(file, FS_IOC_GETFLAGS, &flags), "0");
	GIS(flags == below);
	close(tree);
	close(fd);
}

static const char *events(int ino)
{
	static char text[1000], buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(ino, buf, sizeof(buf));
	char *p = text;

	*p = 0;
	for (ssize_t at = 0; at < n;) {
		struct inotify_event *e = (void *)(buf + at);

		p += sprintf(p, " %d:%x%s", e->wd, e->mask, e->len ? "+" : "");
		at += sizeof(*e) + e->len;
	}
	return text;
}

static void watched(void)
{
	int ino = NEED(inotify_init1(IN_NONBLOCK)), fd;

	NEED(mkdir("w", 0755));
	t_text("w/f", "");
	NEED(mkfifo("w/p", 0600));
	NEED(inotify_add_watch(ino, "w/f", IN_OPEN | IN_ATTRIB));
	NEED(inotify_add_watch(
		ino, "w", IN_OPEN | IN_MODIFY | IN_ACCESS | IN_ATTRIB | IN_EXCL_UNLINK));
	fd = NEED(open("w/f", O_RDWR));
	GT(events(ino), " 2:20+ 1:20");
	NEED(unlink("w/f"));
	GT(events(ino), " 1:4");
	NEED(write(fd, "x", 1));
	GT(events(ino), "");
	NEED(fchmod(fd, 0644));
	GT(events(ino), " 2:4+ 1:4");
	fd = NEED(open("w/p", O_RDWR));
	NEED(write(fd, "x", 1));
	GT(events(ino), " 2:20+");
}

TEST(fs_rules)
{
	flags_of_one_call();
	which_error_first();
	aio_priority();
	descriptors();
	from_the_cache();
	made_hard();
	contexts();
	watched();
}

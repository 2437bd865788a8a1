/* SPDX-License-Identifier: MIT */
/* loop(4): the control device, binding, status, sizes, flags, partitions, what is refused. */
#include "guest.h"
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#define MB (1 << 20)

static int ctl, lo, backing;
static char dev[32];

static const char *sys_text(const char *name)
{
	static char text[256];
	char path[128];
	int fd, n;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", dev + 5, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return t_errno(errno);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = 0;
	return text;
}

static long sectors(void)
{
	unsigned long n = 0;

	ioctl(lo, BLKGETSIZE, &n);
	return (long)n;
}

static int open_partition(int n)
{
	char path[40];

	snprintf(path, sizeof(path), "%sp%d", dev, n);
	return GNEED(open(path, O_RDWR));
}

/* BLKROSET of a partition is for it alone, that of the disk for its partitions, too. */
static void read_only_parts(void)
{
	int on = 1, off = 0, p[2];

	p[0] = open_partition(1);
	p[1] = open_partition(2);
	G(ioctl(p[0], BLKROSET, &on), "0");
	G(pwrite(p[0], "x", 1, 0), "-1 EPERM");
	G(pwrite(p[1], "x", 1, 0), "1");
	G(pwrite(lo, "x", 1, 0), "1");
	GT(sys_text("ro"), "0");
	G(ioctl(p[0], BLKROSET, &off), "0");
	G(ioctl(lo, BLKROSET, &on), "0");
	GT(sys_text("ro"), "1");
	G(pwrite(p[0], "x", 1, 0), "-1 EPERM");
	G(pwrite(p[1], "x", 1, 0), "-1 EPERM");
	G(ioctl(p[1], BLKROGET, &off), "0");
	GIS(off == 1);
	off = 0;
	G(ioctl(lo, BLKROSET, &off), "0");
	G(pwrite(p[1], "x", 1, 0), "1");
	/* before the table changes behind the cache */
	G(fsync(lo), "0");
	close(p[0]);
	close(p[1]);
}

static void units(void)
{
	long n;

	n = GNEED(ioctl(ctl, LOOP_CTL_GET_FREE));
	snprintf(dev, sizeof(dev), "/dev/loop%ld", n);
	GIS(strtol(sys_text("bdi/read_ahead_kb"), NULL, 10) > 0);
	G(ioctl(ctl, LOOP_CTL_ADD, n), "-1 EEXIST");
	G(ioctl(ctl, LOOP_CTL_ADD, 40), "40");
	G(access("/dev/loop40", F_OK), "0");
	G(ioctl(ctl, LOOP_CTL_REMOVE, 40), "40");
	G(access("/dev/loop40", F_OK), "-1 ENOENT");
	G(ioctl(ctl, LOOP_CTL_REMOVE, 40), "-1 ENODEV");
	G(ioctl(ctl, LOOP_CTL_REMOVE, -1), "-1 EINVAL");
	G(ioctl(ctl, LOOP_CTL_ADD, 40), "40");
	G(ioctl(ctl, LOOP_CTL_REMOVE, 40), "40");
	G(ioctl(ctl, 0x4c99), "-1 ENOSYS");
}

/* A disk as a file: holes are zeros, everything is data. */
static void as_file(void)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	char got[1024];
	unsigned n;

	memset(got, 'x', sizeof(got));
	GNEED(pwrite(lo, got, sizeof(got), 0));
	G(fallocate(lo, punch, 0, 512), "0");
	GNEED(pread(lo, got, sizeof(got), 0));
	GIS(!got[0] && !got[511] && got[512] == 'x');
	G(fallocate(lo, FALLOC_FL_ZERO_RANGE, 512, 512), "0");
	GNEED(pread(lo, got, sizeof(got), 0));
	GIS(!got[512] && !got[1023]);
	G(fallocate(lo, FALLOC_FL_ZERO_RANGE, 100, 512), "-1 EINVAL");
	G(fallocate(lo, FALLOC_FL_ZERO_RANGE, 0, 1L << 40), "-1 EINVAL");
	G(fallocate(lo, punch, 1L << 40, 512), "-1 EINVAL");
	G(fallocate(lo, 0, 0, 512), "-1 EOPNOTSUPP");
	G(fallocate(lo, FALLOC_FL_COLLAPSE_RANGE, 0, 512), "-1 EOPNOTSUPP");
	G(lseek(lo, 0, SEEK_DATA), "-1 EINVAL");
	G(lseek(lo, 0, SEEK_HOLE), "-1 EINVAL");
	G(ioctl(lo, BLKSECTGET, &n), "0");
	G(ioctl(lo, BLKSECDISCARD, &(uint64_t[2]){ 0, 512 }), "-1 EOPNOTSUPP");
}

static void binding(void)
{
	struct loop_info64 i;
	struct loop_info old;
	char buf[512];
	int ro = 0, fd;

	memset(&i, 0, sizeof(i));
	G(ioctl(lo, LOOP_GET_STATUS64, &i), "-1 ENXIO");
	G(ioctl(lo, LOOP_CLR_FD), "-1 ENXIO");
	G(ioctl(lo, LOOP_SET_CAPACITY), "-1 ENXIO");
	G(ioctl(lo, LOOP_SET_FD, -1), "-1 EBADF");
	G(ioctl(lo, LOOP_SET_FD, lo), "-1 EBADF");
	G(ioctl(lo, LOOP_SET_FD, ctl), "-1 EINVAL");
	GIS(sectors() == 0);
	GT(sys_text("loop/offset"), "ENOENT");
	G(ioctl(lo, LOOP_SET_FD, backing), "0");
	G(ioctl(lo, LOOP_SET_FD, backing), "-1 EBUSY");
	G(ioctl(ctl, LOOP_CTL_REMOVE, minor(0)), "-1 EBUSY");
	GIS(sectors() == 2 * MB / 512);
	GT(strrchr(sys_text("loop/backing_file"), '/'), "/img");
	GT(sys_text("size"), "4096");
	G(pwrite(lo, "hello", 5, 1024), "5");
	G(fsync(lo), "0");
	G(pread(backing, buf, 5, 1024), "5");
	GIS(!memcmp(buf, "hello", 5));
	as_file();
	G(pread(lo, buf, 512, 2 * MB), "0");
	G(pwrite(lo, buf, 512, 2 * MB), "-1 ENOSPC");
	G(ioctl(lo, LOOP_GET_STATUS64, &i), "0");
	GIS(i.lo_flags == 0 && i.lo_offset == 0);
	i.lo_offset = 1024;
	i.lo_sizelimit = MB;
	strcpy((char *)i.lo_file_name, "a name");
	G(ioctl(lo, LOOP_SET_STATUS64, &i), "0");
	GIS(sectors() == MB / 512);
	G(pread(lo, buf, 5, 0), "5");
	GIS(!memcmp(buf, "hello", 5));
	GT(sys_text("loop/offset"), "1024");
	GT(sys_text("loop/sizelimit"), "1048576");
	G(ioctl(lo, LOOP_GET_STATUS, &old), "0");
	GIS(old.lo_offset == 1024 && !strcmp(old.lo_name, "a name"));
	i.lo_encrypt_type = 1;
	G(ioctl(lo, LOOP_SET_STATUS64, &i), "-1 EINVAL");
	G(ioctl(lo, BLKROGET, &ro), "0");
	GIS(ro == 0);
	ro = 1;
	G(ioctl(lo, BLKROSET, &ro), "0");
	G(pwrite(lo, "x", 1, 0), "-1 EPERM");
	fd = GNEED(open(dev, O_RDWR));
	G(ioctl(lo, LOOP_CLR_FD), "0"); /* another descriptor is open: later */
	GT(sys_text("loop/autoclear"), "1");
	if (in_guest())
		close(fd);
	G(ioctl(lo, LOOP_CLR_FD), "0");
	GT(sys_text("loop/autoclear"), "ENOENT");
	GIS(sectors() == 0);
	G(ioctl(lo, LOOP_CLR_FD), "-1 ENXIO");
}

static void configure(void)
{
	struct loop_config c;
	struct loop_info64 i;
	int other, n = 0, readers;

	memset(&c, 0, sizeof(c));
	c.fd = (unsigned)backing;
	c.block_size = 256;
	G(ioctl(lo, LOOP_CONFIGURE, &c), "-1 EINVAL");
	c.block_size = 8192;
	G(ioctl(lo, LOOP_CONFIGURE, &c), "-1 EINVAL");
	c.block_size = 1024;
	c.info.lo_flags = 0x1000;
	G(ioctl(lo, LOOP_CONFIGURE, &c), "-1 EINVAL");
	c.info.lo_flags = LO_FLAGS_READ_ONLY;
	c.info.lo_sizelimit = MB;
	G(ioctl(lo, LOOP_CONFIGURE, &c), "0");
	GIS(sectors() == MB / 512);
	G(ioctl(lo, BLKSSZGET, &n), "0");
	GIS(n == 1024);
	G(ioctl(lo, LOOP_SET_BLOCK_SIZE, 100), "-1 EINVAL");
	G(ioctl(lo, LOOP_SET_BLOCK_SIZE, 512), "0");
	G(ioctl(lo, LOOP_GET_STATUS64, &i), "0");
	GIS(i.lo_flags == LO_FLAGS_READ_ONLY);
	GT(sys_text("ro"), "1");
	G(pwrite(lo, "x", 1, 0), "-1 EPERM");
	other = NEED(open("other", O_RDWR | O_CREAT, 0600));
	NEED(ftruncate(other, MB));
	G(ioctl(lo, LOOP_CHANGE_FD, other), "-1 EINVAL"); /* another size */
	NEED(ftruncate(other, 2 * MB));
	G(ioctl(lo, LOOP_CHANGE_FD, other), "0");
	G(ioctl(lo, LOOP_CHANGE_FD, -1), "-1 EBADF");
	G(ioctl(lo, LOOP_CLR_FD), "0");

	c.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	G(ioctl(lo, LOOP_CONFIGURE, &c), "0");
	G(ioctl(lo, LOOP_CHANGE_FD, other), "-1 EINVAL"); /* not read-only */
	G(ftruncate(backing, MB / 2), "0");
	G(ioctl(lo, LOOP_SET_CAPACITY), "0");
	GIS(sectors() == MB / 2 / 512);
	NEED(ftruncate(backing, 2 * MB));
	readers = GNEED(open(dev, O_RDONLY));
	G(close(lo), "0");
	GT(sys_text("loop/autoclear"), "1");
	if (in_guest())
		close(readers);
	GT(sys_text("loop/autoclear"), "ENOENT");
	lo = GNEED(open(dev, O_RDWR));
}

static void partitions(void)
{
	static const unsigned char entry[32] = {
		[4] = 0x83, [8] = 8, [12] = 16, [20] = 0x83, [24] = 32, [28] = 16
	};
	struct loop_info64 i;
	char part[48], buf[16];
	int fd;

	NEED(pwrite(backing, entry, 32, 446));
	NEED(pwrite(backing, "\x55\xaa", 2, 510));
	NEED(pwrite(backing, "in the partition", 16, 8 * 512));
	snprintf(part, sizeof(part), "%sp1", dev);
	G(ioctl(lo, LOOP_SET_FD, backing), "0");
	G(access(part, F_OK), "-1 ENOENT");
	memset(&i, 0, sizeof(i));
	i.lo_flags = LO_FLAGS_PARTSCAN;
	G(ioctl(lo, LOOP_SET_STATUS64, &i), "0");
	GT(sys_text("loop/partscan"), "1");
	fd = GNEED(open(part, O_RDONLY));
	G(read(fd, buf, 16), "16");
	GIS(!memcmp(buf, "in the partition", 16));
	G(ioctl(lo, BLKRRPART), "-1 EBUSY");
	if (in_guest())
		close(fd);
	G(ioctl(lo, BLKRRPART), "0");
	G(access(part, F_OK), "0");
	read_only_parts();
	NEED(pwrite(backing, "\0\0", 2, 510));
	G(ioctl(lo, BLKFLSBUF), "0");
	G(ioctl(lo, BLKRRPART), "0");
	G(access(part, F_OK), "-1 ENOENT");
	G(ioctl(lo, LOOP_CLR_FD), "0");
}

/* Binding keeps no descriptor of the caller open: a shell's $(losetup -f --show FILE) ends. */
static void keeps_nothing(void)
{
	struct pollfd ends;
	int p[2];

	NEED(pipe(p));
	if (!NEED(fork()))
		_exit(ioctl(lo, LOOP_SET_FD, backing) != 0);
	close(p[1]);
	GNEED(wait(NULL));
	ends = (struct pollfd){ .fd = p[0], .events = POLLIN };
	G(poll(&ends, 1, 100000), "1");
	G(ioctl(lo, LOOP_CLR_FD), "0");
	close(p[0]);
}

/*
 * Tries to make a disk its own backing file, through a partition that is the whole disk, and
 * through another loop device. The refused calls change nothing.
 */
static void circle(void)
{
	static const unsigned char entry[16] = { [4] = 0x83, [13] = 2 * MB / 512 >> 8 };
	char part[48], other[32];
	struct loop_config c;
	int fd, second;
	long n;

	NEED(pwrite(backing, entry, 16, 446));
	NEED(pwrite(backing, "\x55\xaa", 2, 510));
	memset(&c, 0, sizeof(c));
	c.fd = (unsigned)backing;
	c.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_PARTSCAN | LO_FLAGS_AUTOCLEAR;
	G(ioctl(lo, LOOP_CONFIGURE, &c), "0");
	snprintf(part, sizeof(part), "%sp1", dev);
	fd = GNEED(open(part, O_RDONLY));
	n = GNEED(ioctl(ctl, LOOP_CTL_GET_FREE));
	snprintf(other, sizeof(other), "/dev/loop%ld", n);
	second = GNEED(open(other, O_RDONLY));
	G(ioctl(second, LOOP_SET_FD, fd), "0");
	G(ioctl(lo, LOOP_CHANGE_FD, second), "-1 EBADF");
	G(ioctl(lo, LOOP_CHANGE_FD, fd), "-1 EBADF");
	G(pread(second, part, 16, 446), "16");
	GIS(!memcmp(part, entry, 16));
	G(ioctl(second, LOOP_CLR_FD), "0");
}

TEST(loop)
{
	backing = NEED(open("img", O_RDWR | O_CREAT, 0600));
	NEED(ftruncate(backing, 2 * MB));
	ctl = GNEED(open("/dev/loop-control", O_RDWR));
	units();
	lo = GNEED(open(dev, O_RDWR));
	binding();
	configure();
	partitions();
	keeps_nothing();
	circle();
}

/* SPDX-License-Identifier: MIT */
/*
 * blkpg: partitions that a program adds by BLKPG; O_EXCL between a disk, its partitions and mounts;
 * BLKGETDISKSEQ; loop devices over O_DIRECT.
 */
#include "guest.h"
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#define MB (1 << 20)

static int ctl, lo, backing;
static char dev[32], part1[40], part2[40];

static int blkpg(int fd, int op, int pno, long long start, long long length)
{
	struct blkpg_partition p = { .start = start, .length = length, .pno = pno };
	struct blkpg_ioctl_arg a = { .op = op, .datalen = sizeof(p), .data = &p };

	return ioctl(fd, BLKPG, &a);
}

static long sectors(const char *path)
{
	unsigned long n = 0;
	int fd = open(path, O_RDONLY);

	if (fd >= 0) {
		ioctl(fd, BLKGETSIZE, &n);
		close(fd);
	}
	return fd < 0 ? -1 : (long)n;
}

static int opens(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static void partitions(void)
{
	int add = BLKPG_ADD_PARTITION, del = BLKPG_DEL_PARTITION, resize = BLKPG_RESIZE_PARTITION;
	char buf[4] = "";
	int fd, one;

	G(blkpg(lo, add, 0, 0, 4096), "-1 EINVAL");
	G(blkpg(lo, add, 1, -512, 4096), "-1 EINVAL");
	G(blkpg(lo, add, 1, 4096, 0), "-1 EINVAL");
	G(blkpg(lo, add, 1, 100, 4096), "-1 EINVAL");
	G(blkpg(lo, add, 1, 0, 4 * MB), "-1 EINVAL");
	G(blkpg(lo, add, 1, 4 * MB, 4096), "-1 EINVAL");
	G(blkpg(lo, 99, 1, 0, 4096), "-1 EINVAL");
	G(ioctl(lo, BLKPG, NULL), "-1 EFAULT");
	G(blkpg(lo, add, 1, 4096, 65536), "0");
	GIS(sectors(part1) == 128);
	G(blkpg(lo, add, 1, MB, 4096), "-1 EBUSY");
	G(blkpg(lo, add, 2, 8192, 4096), "-1 EBUSY");
	G(blkpg(lo, add, 2, 4096 + 65536, 4096), "0");
	GIS(sectors(part2) == 8);
	G(blkpg(lo, resize, 1, 4096, 2 * 65536), "-1 EBUSY");
	G(blkpg(lo, resize, 1, 8192, 4096), "-1 EINVAL");
	G(blkpg(lo, resize, 3, 8192, 4096), "-1 ENXIO");
	G(blkpg(lo, resize, 1, 4096, 8192), "0");
	GIS(sectors(part1) == 16);
	one = GNEED(open(part1, O_RDWR));
	G(blkpg(one, add, 3, 0, 512), "-1 EINVAL");
	G(pwrite(one, "one", 3, 0), "3");
	G(fsync(one), "0");
	fd = GNEED(open(dev, O_RDONLY | O_DIRECT));
	G(pread(backing, buf, 3, 4096), "3");
	GT(buf, "one");
	G(blkpg(lo, del, 1, 0, 0), "-1 EBUSY");
	if (in_guest())
		close(one);
	G(blkpg(lo, del, 1, 0, 0), "0");
	G(blkpg(lo, del, 1, 0, 0), "-1 ENXIO");
	G(blkpg(lo, del, 99, 0, 0), "-1 ENXIO");
	G(opens(part1, O_RDONLY), "-1 ENOENT");
	if (in_guest())
		close(fd);
}

/* Opens the device or a single partition with O_EXCL, and then others beside it. */
static void exclusively(void)
{
	int fd = GNEED(open(dev, O_RDONLY | O_EXCL)), part;

	G(opens(dev, O_RDONLY), "0");
	G(opens(dev, O_RDWR | O_EXCL), "-1 EBUSY");
	G(opens(part2, O_RDONLY), "0");
	G(opens(part2, O_RDONLY | O_EXCL), "-1 EBUSY");
	if (in_guest())
		close(fd);
	part = GNEED(open(part2, O_RDONLY | O_EXCL));
	G(opens(dev, O_RDONLY | O_EXCL), "-1 EBUSY");
	G(opens(dev, O_RDWR), "0");
	if (in_guest())
		close(part);
	G(opens(dev, O_RDONLY | O_EXCL), "0");
	G(opens(part2, O_RDONLY | O_EXCL), "0");
}

static unsigned long long diskseq(void)
{
	unsigned long long seq = 0;

	ioctl(lo, BLKGETDISKSEQ, &seq);
	return seq;
}

static int bind(int fd, unsigned int block_size, unsigned int flags)
{
	struct loop_config c = {
		.fd = (unsigned)fd, .block_size = block_size, .info.lo_flags = flags
	};

	return ioctl(lo, LOOP_CONFIGURE, &c);
}

static void sequence(void)
{
	unsigned long long before = diskseq(), bound;
	char path[64], text[32] = "";
	int fd;

	GIS(before > 0);
	G(ioctl(lo, LOOP_CLR_FD), "0");
	G(opens(part2, O_RDONLY), "-1 ENOENT"); /* went with the file */
	G(bind(backing, 0, LO_FLAGS_READ_ONLY), "0");
	bound = diskseq();
	GIS(bound > before);
	snprintf(path, sizeof(path), "/sys/block/%s/diskseq", dev + 5);
	fd = GNEED(open(path, O_RDONLY));
	GNEED(read(fd, text, sizeof(text) - 1));
	GIS(strtoull(text, NULL, 10) == bound);
	if (in_guest())
		close(fd);
	G(opens(dev, O_RDWR), "0");
	G(opens(dev, O_RDWR | O_EXCL), "0"); /* only writes are refused */
	G(ioctl(lo, LOOP_CLR_FD), "0");
}

/* A loop device on a device with blocks of 4096 bytes: with the same and with smaller blocks. */
static void direct(void)
{
	char *buf = aligned_alloc(4096, 8192), under[32];
	int lower = lo, fd, size = 0;
	long n;

	G(bind(backing, 4096, 0), "0");
	n = GNEED(ioctl(ctl, LOOP_CTL_GET_FREE));
	snprintf(under, sizeof(under), "/dev/loop%ld", n);
	fd = GNEED(open(dev, O_RDWR | O_DIRECT));
	lo = GNEED(open(under, O_RDWR));
	for (int block = 0; block <= 512; block += 512) {
		G(bind(fd, (unsigned)block, 0), "0");
		G(ioctl(lo, BLKSSZGET, &size), "0");
		GIS(size == (block ? block : 4096));
		memset(buf, 'a' + !!block, 4096);
		G(pwrite(lo, buf, 4096, 8192), "4096");
		G(fsync(lo), "0");
		G(pread(backing, buf, 100, 8192), "100");
		GIS(buf[0] == 'a' + !!block);
		G(ioctl(lo, BLKFLSBUF), "0");
		memset(buf, 0, 4096);
		G(pread(lo, buf, 4096, 8192), "4096");
		GIS(buf[0] == 'a' + !!block && buf[4095] == buf[0]);
		G(ioctl(lo, LOOP_CLR_FD), "0");
	}
	if (in_guest()) {
		close(lo);
		close(fd);
	}
	lo = lower;
	G(ioctl(lo, LOOP_CLR_FD), "0");
	free(buf);
}

TEST(blkpg)
{
	long n;

	ctl = GNEED(open("/dev/loop-control", O_RDWR));
	n = GNEED(ioctl(ctl, LOOP_CTL_GET_FREE));
	snprintf(dev, sizeof(dev), "/dev/loop%ld", n);
	snprintf(part1, sizeof(part1), "%sp1", dev);
	snprintf(part2, sizeof(part2), "%sp2", dev);
	backing = NEED(open("img", O_RDWR | O_CREAT, 0600));
	NEED(ftruncate(backing, 2 * MB));
	lo = GNEED(open(dev, O_RDWR));
	G(bind(backing, 0, 0), "0");
	partitions();
	exclusively();
	sequence();
	direct();
}

/* SPDX-License-Identifier: MIT */
/*
 * A thread writes the first byte of a block device's page through the cache and reads it back,
 * while another writes other sectors of that page past the cache, which drops the page where it is
 * clean. No write may be lost with a page that has left the cache.
 */
#include "guest.h"

#include <linux/loop.h>
#include <pthread.h>
#include <sys/ioctl.h>

#define ROUNDS 20000
#define SECTOR 512

static char name[32];
static int stop;

static void *past_the_cache(void *unused)
{
	int fd = NEED(open(name, O_RDWR | O_DIRECT));
	char *buf = t_pages(1);

	for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		NEED(pwrite(fd, buf, SECTOR, SECTOR * (1 + i % 7)));
	close(fd);
	return NULL;
}

static int lost(int fd)
{
	int n = 0;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned char value = (unsigned char)i, got;

		NEED(pwrite(fd, &value, 1, 0));
		NEED(pread(fd, &got, 1, 0));
		n += got != value;
		if (!(i % 16))
			NEED(fsync(fd)); /* the page is clean again */
	}
	return n;
}

static void device(void)
{
	int ctl = NEED(open("/dev/loop-control", O_RDWR)), lo, backing;
	pthread_t other;

	snprintf(name, sizeof(name), "/dev/loop%ld", (long)NEED(ioctl(ctl, LOOP_CTL_GET_FREE)));
	backing = NEED(open("backing", O_RDWR | O_CREAT, 0600));
	NEED(ftruncate(backing, 1 << 20));
	lo = NEED(open(name, O_RDWR));
	NEED(ioctl(lo, LOOP_SET_FD, backing));
	NEED0(pthread_create(&other, NULL, past_the_cache, NULL));
	say("%d writes lost", lost(lo));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	NEED0(pthread_join(other, NULL));
	NEED(ioctl(lo, LOOP_CLR_FD));
}

TEST(race_bdev_write)
{
	if (in_guest())
		device();
	else
		say("0 writes lost");
}

/* SPDX-License-Identifier: MIT */
/*
 * dynamic.c: user=dynamic: a user number that no other instance has, as systemd's DynamicUser gives
 * one to a service.
 *
 * The numbers are part of a range that Debian, systemd, useradd and sssd give to nobody. An
 * instance tries numbers from a random one on, and takes the first whose byte in DYNAMIC_LOCKS it
 * can lock. The lock belongs to the open file (F_OFD_SETLK), which the broker keeps: it ends with
 * the last process of the instance that is root's, however that ends. The file never has content.
 *
 * Files do not get the number: what the instance leaves behind is made by the broker, and so is
 * root's. So the next instance may have the number at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/jail/jail.h"

#define FIRST 0x7f000000U
#define NUMBERS 0x10000U
#define TRIES 4096U

static int lock = -1;

/* Opens the file of locks, which must be root's alone. Returns a descriptor or -errno. */
static int open_locks(void)
{
	struct stat st;
	int fd = open(DYNAMIC_LOCKS, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_uid && !(st.st_mode & 022))
		return fd;
	close(fd);
	return -EPERM;
}

/* Locks the byte of number @n. Returns 0 or -errno. */
static int lock_number(int fd, uint32_t n)
{
	struct flock byte = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = n, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &byte) ? -errno : 0;
}

int dynamic_take(uint32_t *id)
{
	uint32_t from, n = 0;
	int fd = open_locks(), err = fd < 0 ? fd : -EAGAIN;

	if (getrandom(&from, sizeof(from), GRND_NONBLOCK) != (ssize_t)sizeof(from))
		from = (uint32_t)getpid();
	for (uint32_t i = 0; fd >= 0 && err && i < TRIES; i++) {
		n = (from + i) % NUMBERS;
		err = lock_number(fd, n);
		if (err && err != -EAGAIN && err != -EACCES)
			break;
	}
	if (!err) {
		*id = FIRST + n;
		lock = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

void dynamic_started(void)
{
	if (lock >= 0)
		close(lock);
	lock = -1;
}

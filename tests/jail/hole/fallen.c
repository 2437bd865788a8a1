/* SPDX-License-Identifier: MIT */
/*
 * fallen.c: the planted hole of MODE=fallen: /proc/nestling/fallen, by which root of the guest runs
 * code in the kernel process. It stands for any fault with which a guest program takes over its
 * kernel, so that tests prove the jail from the guest (tests/jail/fallen). No other build has it:
 * the Makefile takes no source of the product from tests/, and tools/lint/laws looks for it.
 *
 *      offset 0 to FALLEN_SIZE     the hole's memory, to read and to write
 *      FALLEN_SIZE                 a u64: the write runs the function at this offset of the memory,
 *                                  with the memory's address as its argument, and returns after it;
 *                                  a read returns the result of the last function
 *
 * The function runs on the host stack of the vCPU, as every door does (mk/door.h), so it may be any
 * code of the host world. Locks: none. Writers on several vCPUs change the memory while another
 * one's function runs, as an attacker with threads would.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/vfs/file/file.h"
#include "tests/jail/hole/fallen_host.h"

static u64 hole_result;

/* Returns the hole's memory at @pos, with the bytes that follow, at most @count, in *@n. */
static char *hole_at(loff_t pos, size_t count, u64 *n)
{
	*n = min((u64)FALLEN_SIZE - (u64)pos, (u64)count);
	return (char *)fallen_host_memory() + pos;
}

static ssize_t fallen_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t done;
	char *from;
	u64 n;

	if (!fallen_host_memory())
		return -ENOMEM;
	if (*pos == FALLEN_SIZE)
		return copy_to_iter(&hole_result, sizeof(hole_result), to) == sizeof(hole_result) ?
			       8 :
			       -EFAULT;
	if ((u64)*pos > FALLEN_SIZE)
		return 0;
	from = hole_at(*pos, to->count, &n);
	done = (ssize_t)copy_to_iter(from, n, to);
	*pos += done;
	return done || !n ? done : -EFAULT;
}

static ssize_t hole_run(struct iov_iter *from)
{
	u64 at;

	if (copy_from_iter(&at, sizeof(at), from) != sizeof(at))
		return -EFAULT;
	if (at >= FALLEN_SIZE)
		return -EINVAL;
	hole_result = fallen_host_run(at);
	return sizeof(at);
}

static ssize_t fallen_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t done;
	char *to;
	u64 n;

	if (!fallen_host_memory())
		return -ENOMEM;
	if (*pos == FALLEN_SIZE)
		return hole_run(from);
	if ((u64)*pos > FALLEN_SIZE)
		return -EFBIG;
	to = hole_at(*pos, from->count, &n);
	done = (ssize_t)copy_from_iter(to, n, from);
	*pos += done;
	return done || !n ? done : -EFAULT;
}

static const struct file_operations fallen_fops = {
	.read_iter = fallen_read,
	.write_iter = fallen_write,
	.no_splice_read = true,
	.no_splice_write = true,
};

static int fallen_init(void)
{
	return proc_create_fops("nestling/fallen", 0600, &fallen_fops);
}
INITCALL(5, fallen_init);

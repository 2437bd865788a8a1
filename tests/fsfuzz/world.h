/* SPDX-License-Identifier: MIT */
/*
 * world.h: between host.c (libc: mutations, coverage, memory, stacks) and the kernel side
 * (machine.c, use.c), which is compiled as the kernel is and sees no libc.
 */
#ifndef TESTS_FSFUZZ_WORLD_H
#define TESTS_FSFUZZ_WORLD_H

/* ---- host.c ---- */

/*
 * Memory of the host. host_alloc() returns @n zeroed bytes or NULL, host_size() the bytes that were
 * asked for.
 */
void *host_alloc(unsigned long n);
unsigned long host_size(const void *p);
void host_free(void *p);
/* From host_poison() to host_unpoison() ASan reports each access to the bytes. */
void host_poison(const void *p, unsigned long n);
void host_unpoison(const void *p, unsigned long n);
/* Prints @n bytes if the run is verbose. */
void host_say(const char *text, unsigned long n);
/* Reports the finding, keeps the input in a file and exits with status 1. */
void host_die(const char *why) __attribute__((noreturn));
/*
 * Returns a stack on which fn(arg), which never returns, will run. @fn NULL: the present stack.
 * host_switch() stores the present context in @from, and continues @to. A stack that runs must not
 * be freed.
 */
void *host_stack(void (*fn)(void *), void *arg);
void host_stack_free(void *stack);
void host_switch(void *from, void *to);
long host_inflate(
	void *to, unsigned long room, const void *from, unsigned long n); /* zlib: bytes or -1 */

/* ---- the kernel side ---- */

/* Boots the kernel side. Called once, first. */
void world_boot(void);
/* True if world_use() knows @name. */
int world_knows(const char *name);
/*
 * Mounts the image of @size bytes as file system @name ("ext4", "vfat", "iso9660", "squashfs";
 * "partitions": only reads its partition table) and uses it. Changes the image if @write is not 0,
 * else mounts it read-only. @choice decides what is done. Dies if memory of the kernel is left
 * behind.
 */
void world_use(const char *name, unsigned char *image, unsigned long size, unsigned long choice,
	int write);
/* how many images could be mounted so far */
extern unsigned long world_mounted;

#endif

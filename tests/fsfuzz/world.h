/* SPDX-License-Identifier: MIT */
/*
 * world.h: between host.c (libc: mutations, coverage, memory, stacks) and the kernel side
 * (machine.c, use.c), which is compiled as the kernel is and sees no libc.
 */
#ifndef TESTS_FSFUZZ_WORLD_H
#define TESTS_FSFUZZ_WORLD_H

/* ---- host.c ---- */

void *host_alloc(unsigned long n);      /* zeroed; NULL */
unsigned long host_size(const void *p); /* that was asked for */
void host_free(void *p);
void host_poison(const void *p, unsigned long n); /* asan: an access is an error */
void host_unpoison(const void *p, unsigned long n);
void host_say(const char *text, unsigned long n);
void host_die(const char *why) __attribute__((noreturn)); /* keeps the input */
/*
 * A stack of its own that runs fn(arg), which never returns; host_switch() goes there and remembers
 * where it came from.
 */
void *host_stack(void (*fn)(void *), void *arg);
void host_stack_free(void *stack);
void host_switch(void *from, void *to);
long host_inflate(
	void *to, unsigned long room, const void *from, unsigned long n); /* zlib: bytes or -1 */

/* ---- the kernel side ---- */

void world_boot(void); /* once */
/* Is @name one that world_use() knows? */
int world_knows(const char *name);
/*
 * Mounts the image as file system @name ("ext4", "vfat", "iso9660", "squashfs"; "partitions": its
 * table is read) and uses it. @choice decides what is done; it is read-only unless @write. Dies
 * when something of the kernel's memory is left behind.
 */
void world_use(const char *name, unsigned char *image, unsigned long size, unsigned long choice,
	int write);
extern unsigned long world_mounted; /* how many were mounted at all */

#endif

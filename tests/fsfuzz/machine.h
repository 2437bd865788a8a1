/* SPDX-License-Identifier: MIT */
/* machine.h: the fake machine, as use.c sees it. */
#ifndef TESTS_FSFUZZ_MACHINE_H
#define TESTS_FSFUZZ_MACHINE_H

#include "kernel/block/block.h"

#define FRAMES 16384UL /* 64 MiB */

/* allocated objects and page frames that are not freed yet */
extern long machine_objects, machine_frames;
extern struct gendisk machine_disk;
/* Puts another disk of @size bytes at @data, which is not copied, into the drive. */
void machine_insert(u8 *data, u64 size);
/* The sequence of machine_random() depends on the seed alone. */
void machine_seed(u64 seed);
u32 machine_random(void);
/* memory.c and threads.c: make the memory of FRAMES frames, and the first thread. */
void memory_boot(void);
void threads_boot(void);
extern u64 machine_now; /* ns */
/*
 * The thread has made progress: threads.c counts from 0 again how often it was rescheduled in vain.
 */
void machine_step(void);

#endif

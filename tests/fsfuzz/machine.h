/* SPDX-License-Identifier: MIT */
/* machine.h: what use.c asks of machine.c. */
#ifndef TESTS_FSFUZZ_MACHINE_H
#define TESTS_FSFUZZ_MACHINE_H

#include "kernel/block/block.h"

#define FRAMES 16384UL /* 64 MiB */

extern long machine_objects, machine_frames; /* of the kernel's, in use */
extern struct gendisk machine_disk;
void machine_insert(u8 *data, u64 size); /* another disk in the drive */
void machine_seed(u64 seed);
u32 machine_random(void);
void memory_boot(void);
void threads_boot(void);
extern u64 machine_now; /* ns */
/* what was waited for has come: the count of turns begins again */
void machine_step(void);

#endif

/* SPDX-License-Identifier: MIT */
/* init.h: the start of the kernel. */
#ifndef NESTLING_INIT_H
#define NESTLING_INIT_H

/*
 * Runs in the first kernel thread, after arch/um has set up the machine. Runs the initcalls, starts
 * process 1 and returns. An error is a panic.
 */
void kernel_main(void);

#endif

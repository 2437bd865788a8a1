/* SPDX-License-Identifier: MIT */
/* init.h: the start of the kernel. */
#ifndef NESTLING_INIT_H
#define NESTLING_INIT_H

/* runs in the first kernel thread, after the machine's start */
void kernel_main(void);

#endif

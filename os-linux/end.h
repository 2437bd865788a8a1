/* SPDX-License-Identifier: MIT */
/*
 * end.h: the value that a SIGTERM for an instance may carry (sigqueue(3)): the signal for its
 * programs, and the seconds after which they are killed. The kernel passes it to init with the
 * SIGINT of ctrl-alt-del. 0: SIGTERM, and init's own time.
 */
#ifndef NESTLING_OS_END_H
#define NESTLING_OS_END_H

#define END_SECONDS_MAX 0xfffff
#define END_VALUE(sig, seconds) ((sig) << 20 | (seconds))
#define END_SIGNAL(value) ((value) >> 20 & 0x7f)
#define END_SECONDS(value) ((value)&END_SECONDS_MAX)

#endif

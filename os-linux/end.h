/* SPDX-License-Identifier: MIT */
/*
 * end.h: the value that a SIGTERM to an instance may carry (sigqueue(3)): the signal to be sent to
 * the guest's programs, and the seconds after which they are killed. The kernel passes the value to
 * init with the SIGINT of ctrl-alt-del. 0 leaves signal and time to init, whose default is SIGTERM.
 */
#ifndef NESTLING_OS_END_H
#define NESTLING_OS_END_H

#define END_SECONDS_MAX 0xfffff
#define END_VALUE(sig, seconds) ((sig) << 20 | (seconds))
#define END_SIGNAL(value) ((value) >> 20 & 0x7f)
#define END_SECONDS(value) ((value)&END_SECONDS_MAX)

#endif

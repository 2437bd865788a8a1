/* SPDX-License-Identifier: MIT */
/* jail_log.h: jail=log, the calls that the jail would stop (jail_log.c). */
#ifndef NESTLING_OS_JAIL_LOG_H
#define NESTLING_OS_JAIL_LOG_H

/*
 * Starts the process that hears of the calls: it writes a line for each call and place that it has
 * not seen before to standard error, or to $NESTLING_JAIL_LOG, and lets the call pass. Returns
 * where the caller writes the number of the filter's listener as soon as it has it, since each of
 * its calls waits from then on; -1 if there is none. The process has it when the number is 0 again.
 * NULL with errno: no process.
 */
int *jail_log_start(void);

#endif

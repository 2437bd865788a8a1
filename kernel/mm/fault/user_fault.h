/* SPDX-License-Identifier: MIT */
/*
 * user_fault.h: faults of guest code and of copies to guest memory, and their counts for
 * /proc/nestling/faults.
 */
#ifndef NESTLING_MM_USER_FAULT_H
#define NESTLING_MM_USER_FAULT_H

#include "kernel/lib/types.h"

struct file;
struct mm;

/*
 * Handles a fault of guest code. Returns 0 if it was resolved, or a signal to force: SIGSEGV or
 * SIGBUS, with *code set.
 */
int handle_fault(struct mm *mm, u64 addr, u64 error, int *code);
/*
 * Handles a SIGBUS of the host for an access of guest code at @addr. Returns true if the access may
 * be tried again, false if the guest gets the signal.
 */
bool handle_bus_error(struct mm *mm, u64 addr);
/* Makes one page of the mm accessible, for uaccess. 0 or -errno. */
int user_fault_in(struct mm *mm, u64 addr, bool write);
/* Maps the pages that a new program will surely touch, before it runs. */
void mm_prefault(struct mm *mm, struct file *exe);

/*
 * Counts of guests' faults by kind (fault_count.c). A line: KIND FAULTS MAJOR MICROSECONDS LONGEST.
 * Returns 0 for a kind without faults, -1 past the last kind.
 */
extern bool faults_counted;
void fault_counts_reset(void);
int fault_count_line(int i, char *buf, size_t size);

#endif

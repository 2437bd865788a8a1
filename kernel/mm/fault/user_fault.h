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
 * Handles a fault of current's guest code at @addr; @error: the CPU's error code. Takes mmap_lock,
 * and may sleep. Returns 0 if guest code may try the access again, or the signal that the caller
 * must force: SIGSEGV or SIGBUS, with *code set to its si_code.
 */
int handle_fault(struct mm *mm, u64 addr, u64 error, int *code);
/*
 * Handles a SIGBUS of the host for an access of guest code at @addr. May sleep. Returns true if the
 * access may be tried again, false if the guest gets the signal.
 */
bool handle_bus_error(struct mm *mm, u64 addr);
/* Makes one page of the mm accessible, for uaccess. Takes mmap_lock, and may sleep. 0 or -errno. */
int user_fault_in(struct mm *mm, u64 addr, bool write);
/*
 * Maps the pages that a new program will surely touch, before it runs. Takes mmap_lock, and may
 * sleep. Errors are ignored.
 */
void mm_prefault(struct mm *mm, struct file *exe);

/*
 * Counts of the guest's faults by kind (fault_count.c). They grow while faults_counted is set;
 * fault_counts_reset() clears them. fault_count_line() writes the line of kind @i, "KIND FAULTS
 * MAJOR MICROSECONDS LONGEST" (LONGEST in microseconds too), and returns its length; 0: a kind
 * without faults; -1: @i is past the last kind.
 */
extern bool faults_counted;
void fault_counts_reset(void);
int fault_count_line(int i, char *buf, size_t size);

#endif

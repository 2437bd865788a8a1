/* SPDX-License-Identifier: MIT */
/*
 * doors.c: counts the calls of each door (mk/door.h) while door_counting is set. A door first tests
 * that byte, which is rarely written. Each count is one call of the host world, which may make any
 * number of host system calls.
 *
 * Locks: none; doors add atomically.
 */
#include "arch/um/machine/arch.h"
#include "arch/um/layout.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"

/* defined in doors.S */
extern const char *const __start_door_names[], *const __stop_door_names[];
extern u8 door_counting;
extern u64 door_counts[MAX_DOORS];

void arch_count_host_calls(bool on)
{
	WRITE_ONCE(door_counting, on);
}

void arch_reset_host_calls(void)
{
	for (int i = 0; i < MAX_DOORS; i++)
		WRITE_ONCE(door_counts[i], 0);
}

int arch_host_call_line(int i, char *buf, size_t size)
{
	u64 n;

	if (i < 0 || i >= __stop_door_names - __start_door_names)
		return -1;
	n = READ_ONCE(door_counts[i]);
	return n ? scnprintf(buf, size, "%10lu %s\n", n, __start_door_names[i]) : 0;
}

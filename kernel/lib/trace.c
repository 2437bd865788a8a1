/* SPDX-License-Identifier: MIT */
/*
 * trace.c: the ring of text lines (trace.h), and the table of tracepoints.
 *
 * The ring has one write position, which only grows: bytes further behind it than the ring's size
 * are overwritten. A reader passes its own position. If the bytes there are overwritten, the reader
 * continues at the first whole line and gets the number of lost bytes. A writer waits for a reader
 * only while the reader copies under ring_lock.
 *
 * Locks: ring_lock, raw and innermost: lines are written under the scheduler's locks, too. A line
 * is formatted before the lock is taken.
 */
#include "kernel/lib/trace.h"

#include "arch/um/machine/arch.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/string.h"

#define LINE 640

u64 trace_points __aligned(64);

static spinlock_t ring_lock = SPINLOCK_INIT(ring_lock);
/* The ring, its size and all bytes ever written; under ring_lock, except trace_ring_there(). */
static u8 *ring;
static u64 ring_size, written;

static const struct {
	const char *name, *text;
} points[] = {
#define ROW(n, t) { #n, t },
	TRACE_POINTS(ROW)
#undef ROW
};

const char *trace_point_name(int i, const char **text)
{
	if (i < 0 || i >= TRACE_NR)
		return NULL;
	*text = points[i].text;
	return points[i].name;
}

bool trace_point_set(const char *name, bool on)
{
	u64 bits = 0;

	for (int i = 0; i < TRACE_NR; i++)
		if (!strcmp(name, "all") || !strcmp(name, points[i].name))
			bits |= BIT(i);
	if (on)
		__atomic_or_fetch(&trace_points, bits, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&trace_points, ~bits, __ATOMIC_RELAXED);
	return bits;
}

bool trace_ring_set(void *buf, u64 size)
{
	bool ours;

	spin_lock_raw(&ring_lock);
	ours = !ring;
	if (ours) {
		ring = buf;
		ring_size = size;
	}
	spin_unlock_raw(&ring_lock);
	return ours;
}

bool trace_ring_there(void)
{
	return READ_ONCE(ring);
}

static void append(const char *text, size_t n)
{
	spin_lock_raw(&ring_lock);
	for (size_t done = 0; ring && done < n;) {
		u64 at = written & (ring_size - 1);
		size_t part = min(n - done, (size_t)(ring_size - at));

		memcpy(ring + at, text + done, part);
		written += part;
		done += part;
	}
	spin_unlock_raw(&ring_lock);
}

/*
 * Replaces control characters: the guest chooses names, which must not begin a new line or control
 * a terminal.
 */
static void make_harmless(char *line, int n)
{
	for (int i = 0; i < n; i++)
		if ((u8)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
}

void trace_print(const char *name, const char *fmt, ...)
{
	char line[LINE];
	u64 now = ktime_get();
	int n = scnprintf(line, sizeof(line) - 1, "%lu.%06lu %s%s",
		(unsigned long)(now / 1000000000), (unsigned long)(now / 1000 % 1000000), name,
		*name ? ": " : "");
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, fmt, ap);
	va_end(ap);
	n = min(n, (int)sizeof(line) - 2);
	make_harmless(line, n);
	line[n++] = '\n';
	append(line, (size_t)n);
}

/* Moves *pos, whose bytes are overwritten, to the first whole line. */
static void skip_to_line(u64 *pos)
{
	u64 p = written - ring_size;

	while (p < written && ring[p & (ring_size - 1)] != '\n')
		p++;
	*pos = min(p + 1, written);
}

size_t trace_read(u64 *pos, char *buf, size_t size, u64 *lost)
{
	size_t n = 0, whole = 0;
	u64 from;

	*lost = 0;
	spin_lock_raw(&ring_lock);
	from = *pos = min(*pos, written);
	if (ring && written - from > ring_size) {
		skip_to_line(pos);
		*lost = *pos - from;
	}
	for (; ring && *pos + n < written && n < size; n++) {
		buf[n] = (char)ring[(*pos + n) & (ring_size - 1)];
		if (buf[n] == '\n')
			whole = n + 1;
	}
	*pos += whole;
	spin_unlock_raw(&ring_lock);
	return whole;
}

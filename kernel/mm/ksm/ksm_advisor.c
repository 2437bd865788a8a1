/* SPDX-License-Identifier: MIT */
/*
 * ksm_advisor.c: chooses the number of pages that ksmd scans between two sleeps, so that a round
 * takes the requested time (Linux: mm/ksm.rst).
 */
#include "kernel/mm/internal.h"

u64 ksm_pages_to_scan = KSM_PAGES_TO_SCAN, ksm_sleep_ms = 20; /* read without a lock */
struct ksm_advisor ksm_advisor = {
	.max_cpu = 70, .min_pages = 500, .max_pages = 30000, .seconds = 200
};

/*
 * Returns how many pages ksmd should scan between two sleeps, so that its rounds approach the
 * wanted length without exceeding the share of a CPU. The last round scanned @pages pages and took
 * @took_ns, of which ksmd was scanning for @busy_ns.
 */
u64 ksm_advised(u64 pages, u64 took_ns, u64 busy_ns)
{
	const struct ksm_advisor *a = &ksm_advisor;
	u64 now = min(READ_ONCE(ksm_pages_to_scan), 1UL << 30),
	    sleep = READ_ONCE(ksm_sleep_ms) * 1000000;
	u64 wanted = max(READ_ONCE(a->seconds), 1UL) * 1000000000,
	    cpu = min(READ_ONCE(a->max_cpu), 99UL);
	u64 each = max(busy_ns / max(pages, 1UL), 1UL), most, n;

	n = pages > 1 ? (now + now * (took_ns / 1000) / (wanted / 1000)) / 2 : now;
	most = cpu * sleep / ((100 - cpu) * each);
	n = min(min(n, most), READ_ONCE(a->max_pages));
	return max(max(n, READ_ONCE(a->min_pages)), 1UL);
}

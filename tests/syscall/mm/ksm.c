/* SPDX-License-Identifier: MIT */
/*
 * ksm: MADV_MERGEABLE and /sys/kernel/mm/ksm: pages of equal content merge and are counted, each
 * kind of write gets its own copy, and no concurrent write is lost. Only the guest does this, since
 * merging on a host is up to its administrator.
 */
#include "guest.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define PAGES 64
#define WRITES 20000

static long get(const char *name)
{
	char path[64], text[32] = "";
	int fd, n;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atol(text) : -1;
}

static long put(const char *name, long value)
{
	char path[64], text[32];
	int fd, n, err;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	snprintf(text, sizeof(text), "%ld\n", value);
	fd = open(path, O_WRONLY);
	if (fd == -1)
		return -1;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return n == -1 ? -1 : 0;
}

/* Waits for two whole scans: the first records the pages, the second merges them. Returns true. */
static bool settled(void)
{
	long end = get("full_scans") + 3;

	T_WAIT(get("full_scans") >= end);
	return true;
}

static bool are(long shared, long sharing)
{
	return get("pages_shared") == shared && get("pages_sharing") == sharing;
}

static bool counts(long shared, long sharing)
{
	bool ok = are(shared, sharing);

	if (!ok)
		say("shared %ld, sharing %ld", get("pages_shared"), get("pages_sharing"));
	return ok;
}

/*
 * Waits for as many scans as it takes: a scan skips pages that are pinned for a moment, and pages
 * that are no longer used are dropped in a later scan.
 */
#define COMES(e)                                                                                   \
	({                                                                                         \
		for (int i_ = 0; i_ < 20 && settled() && !(e); i_++)                               \
			;                                                                          \
		e;                                                                                 \
	})

static bool comes(long shared, long sharing)
{
	(void)COMES(are(shared, sharing));
	return counts(shared, sharing);
}

/* Half of the pages are full of 'a', half of 'b', but for the last two, which are like no other. */
static char content(int page)
{
	return page == PAGES - 1 ? 'd' : page == PAGES - 2 ? 'c' : page < PAGES / 2 ? 'a' : 'b';
}

static void fill(char *p)
{
	for (int i = 0; i < PAGES; i++)
		memset(p + i * PAGE, content(i), PAGE);
}

/* True if each page from @first on reads as fill() has left it. */
static bool intact(const char *p, int first)
{
	for (int i = first * PAGE; i < PAGES * PAGE; i++)
		if (p[i] != content(i / PAGE))
			return false;
	return true;
}

static char *area(void)
{
	char *p = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	fill(p);
	return p;
}

static void merging(char *p)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));

	NEED(write(fd, "from a file", 11));
	G(madvise(p, PAGES * PAGE, MADV_MERGEABLE), "0");
	GIS(comes(2, PAGES - 4));
	GIS(COMES(get("pages_unshared") == 2 && get("pages_volatile") == 0));
	GIS(intact(p, 0));
	p[0] = 'x';
	NEED(pread(fd, p + PAGE, 11, 0));
	GIS(comes(2, PAGES - 6));
	GIS(p[0] == 'x' && p[1] == 'a' && !memcmp(p + PAGE, "from a fileaa", 13) && intact(p, 2));
	G(put("run", 0), "0"); /* the child's pages would count */
	CHILD({
		p[2 * PAGE] = 'y';
		say("child: %c %c %c", p[2 * PAGE], p[2 * PAGE + 1], p[3 * PAGE]);
	});
	GIS(intact(p, 2));
	G(put("run", 1), "0");
	fill(p);
	GIS(comes(2, PAGES - 4));
	close(fd);
}

static void parting(char *p)
{
	G(put("max_page_sharing", 1), "-1 EINVAL");
	G(put("max_page_sharing", 500), "-1 EBUSY");
	G(madvise(p, 8 * PAGE, MADV_UNMERGEABLE), "0");
	GIS(comes(2, PAGES - 12) && intact(p, 0));
	G(put("run", 2), "0");
	GIS(counts(0, 0) && intact(p, 0));
	G(put("run", 3), "-1 EINVAL");
	G(put("max_page_sharing", 10), "0");
	G(put("run", 1), "0");
	GIS(COMES(get("pages_shared") > 4) && intact(p, 0));
	NEED(munmap(p, PAGES * PAGE));
	GIS(comes(0, 0));
}

/*
 * Merged pages that userfaultfd write-protects stay merged: no task waits for a handler that would
 * allow the write.
 */
static void watched(void)
{
	int fd = (int)GNEED(syscall(SYS_userfaultfd, O_CLOEXEC));
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect w = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	char *p = area();

	GNEED(put("max_page_sharing", 1000));
	GNEED(madvise(p, PAGES * PAGE, MADV_MERGEABLE));
	GIS(comes(2, PAGES - 4));
	GNEED(ioctl(fd, UFFDIO_API, &api));
	r.range.start = w.range.start = (uintptr_t)p;
	r.range.len = PAGES * PAGE;
	w.range.len = PAGE;
	G(ioctl(fd, UFFDIO_REGISTER, &r), "0");
	G(ioctl(fd, UFFDIO_WRITEPROTECT, &w), "0");
	G(madvise(p, PAGES * PAGE, MADV_UNMERGEABLE), "0");
	GIS(counts(1, 0) && intact(p, 0));
	GNEED(close(fd));
	NEED(munmap(p, PAGES * PAGE));
	GIS(comes(0, 0));
}

/* Writes to pages that are alike again and again. Returns "lost" if a value is missing. */
static void *writer(void *arg)
{
	char *p = arg;

	for (long n = 0; n < WRITES; n++)
		for (int i = 0; i < 4; i++) {
			volatile long *at = (volatile long *)(p + i * PAGE);

			if (*at != (n ? (n - 1) / 64 : 0))
				return "lost";
			*at = n / 64;
		}
	return NULL;
}

static bool nothing_lost(void)
{
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *a, *b;
	pthread_t t[2];

	NEED(madvise(p, 8 * PAGE, MADV_MERGEABLE));
	pthread_create(&t[0], NULL, writer, p);
	pthread_create(&t[1], NULL, writer, p + 4 * PAGE);
	pthread_join(t[0], &a);
	pthread_join(t[1], &b);
	munmap(p, 8 * PAGE);
	return !a && !b;
}

/* Returns the number of merged pages of this process. */
static long own(void)
{
	char text[32] = "";
	int fd = NEED(open("/proc/self/ksm_merging_pages", O_RDONLY));

	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	return atol(text);
}

#define SET_MERGE 67
#define GET_MERGE 68

/* Merges all memory of a process by prctl(2), without madvise(2). */
static void process(void)
{
	char *p = area();

	G(prctl(SET_MERGE, 1, 1, 0, 0), "-1 EINVAL");
	G(prctl(GET_MERGE, 1, 0, 0, 0), "-1 EINVAL");
	G(prctl(GET_MERGE, 0, 0, 0, 0), "0");
	G(prctl(SET_MERGE, 1, 0, 0, 0), "0");
	G(prctl(GET_MERGE, 0, 0, 0, 0), "1");
	CHILD(G(prctl(GET_MERGE, 0, 0, 0, 0), "1"));
	GIS(COMES(own() >= PAGES - 2) && intact(p, 0));
	G(prctl(SET_MERGE, 0, 0, 0, 0), "0");
	GIS(own() == 0 && intact(p, 0));
}

/* Returns the number in a line of /proc/self/ksm_stat. */
static long stat_of(const char *name)
{
	char text[512] = "", *at;
	int fd = NEED(open("/proc/self/ksm_stat", O_RDONLY));

	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

/* Pages of zeros are one page, which counts for itself. */
static void zeros(void)
{
	char *p = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	G(put("use_zero_pages", 1), "0");
	G(put("max_page_sharing", 10), "0");
	for (int i = 0; i < PAGES; i++) { /* zeros that were something else */
		p[i * PAGE] = 1;
		p[i * PAGE] = 0;
	}
	NEED(madvise(p, PAGES * PAGE, MADV_MERGEABLE));
	p[0] = 1;
	GIS(comes(0, 0));
	GIS(COMES(
		get("ksm_zero_pages") > 0 && get("ksm_zero_pages") == stat_of("ksm_zero_pages ")));
	GIS(get("ksm_zero_pages") <= PAGES - 1 && stat_of("ksm_merging_pages ") == 0);
	for (int i = 1; i < PAGES; i++)
		p[i * PAGE + 5] = (char)(i + 1);
	GIS(get("ksm_zero_pages") == 0);
	for (int i = 1; i < PAGES; i++)
		if (p[i * PAGE] || p[i * PAGE + 5] != (char)(i + 1))
			say("page %d is not what was written", i);
	NEED(munmap(p, PAGES * PAGE));
	G(put("use_zero_pages", 0), "0");
}

/* More pages of one content than may share one: several that read the same. */
static void twins(void)
{
	char *p = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	GIS(COMES(get("stable_node_chains") == 0 && get("stable_node_dups") == 0));
	memset(p, 'x', PAGES * PAGE);
	NEED(madvise(p, PAGES * PAGE, MADV_MERGEABLE));
	GIS(COMES(get("pages_shared") + get("pages_sharing") == PAGES));
	GIS(get("pages_shared") >= PAGES / 10);
	GIS(get("stable_node_chains") == 1 && get("stable_node_dups") == get("pages_shared"));
	GIS(stat_of("ksm_merging_pages ") == own() && stat_of("ksm_rmap_items ") == PAGES);
	GIS(stat_of("ksm_process_profit ") > 40 * PAGE);
	G(put("merge_across_nodes", 0), "-1 EBUSY");
	NEED(munmap(p, PAGES * PAGE));
	GIS(comes(0, 0));
	G(put("merge_across_nodes", 0), "0");
	G(put("merge_across_nodes", 1), "0");
	G(put("merge_across_nodes", 2), "-1 EINVAL");
}

/*
 * A page without a twin in many scans is looked at less often, and is still merged when it gets
 * one.
 */
static void passed_over(void)
{
	char *p = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long before = get("pages_skipped");

	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = (char)(i + 1);
	NEED(madvise(p, PAGES * PAGE, MADV_MERGEABLE));
	GIS(settled());
	GIS(settled() && get("pages_skipped") == before);
	G(put("smart_scan", 1), "0");
	GIS(settled());
	GIS(COMES(get("pages_skipped") > before && get("pages_unshared") == PAGES));
	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = 'z';
	GIS(COMES(get("pages_shared") + get("pages_sharing") == PAGES));
	NEED(munmap(p, PAGES * PAGE));
	G(put("smart_scan", 0), "0");
}

static void advisor(void)
{
	int fd = (int)GNEED(open("/sys/kernel/mm/ksm/advisor_mode", O_RDWR));
	char text[32] = "";

	GNEED(pread(fd, text, sizeof(text) - 1, 0));
	GT(text, "[none] scan-time\n");
	GNEED(pwrite(fd, "scan-time\n", 10, 0));
	G(put("pages_to_scan", 1000), "-1 EINVAL");
	GIS(get("pages_to_scan") >= get("advisor_min_pages_to_scan"));
	GNEED(pwrite(fd, "none", 4, 0));
	GIS(get("pages_to_scan") == 100);
	G(put("pages_to_scan", 1000), "0");
}

TEST(ksm)
{
	char *p = area();

	G(put("run", 0), "0");
	G(put("pages_to_scan", 1000), "0");
	G(put("sleep_millisecs", 0), "0");
	G(put("max_page_sharing", 1000), "0");
	G(put("smart_scan", 0), "0");
	G(put("run", 1), "0");
	merging(p);
	parting(p);
	watched();
	GIS(nothing_lost());
	CHILD(process());
	zeros();
	twins();
	passed_over();
	advisor();
	G(put("run", 2), "0");
	G(put("run", 0), "0");
	G(put("pages_to_scan", 100), "0");
	G(put("sleep_millisecs", 20), "0");
	G(put("max_page_sharing", 256), "0");
	G(put("smart_scan", 1), "0");
}

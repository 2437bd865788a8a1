/* SPDX-License-Identifier: MIT */
/*
 * leak.c: finds slab objects that no pointer leads to, as a conservative collector would (Boehm and
 * Weiser 1988), and names the callers that allocated them. Debug builds do it when the machine ends
 * in order, and when /proc/nestling/leaks is read.
 *
 * Roots are the kernel's data, the live parts of the kernel's stacks, the array of frames, and
 * every frame outside slabs, free memory, the page cache and guest memory. A word in a root, or in
 * an object that was reached, reaches an allocated object if the word is an address inside the
 * object. So no object in use is ever reported. Two kinds of leaks are not found: objects that a
 * list still reaches though they will never be freed, and blocks of kmalloc above 8 KiB. The scan
 * does not see pointers that only the host world has, so the kernel keeps such objects (requests)
 * in lists of its own.
 *
 * Other tasks may run meanwhile and move a pointer from a place not yet scanned to a scanned one:
 * only objects that two scans have missed are reported.
 *
 * Slabs that become empty meanwhile are held (slabs_hold()), so that the marks that the scan writes
 * behind an object never land in a frame with another owner.
 *
 * At the end of the machine the report also lists what is left: objects by cache, frames by kind.
 *
 * The state of an object is in slab_tail.link: the address of the next object that was reached and
 * is not scanned yet, and in the low bits the flags SEEN and SUSPECT.
 *
 * Locks: scan_lock, one scan at a time.
 */
#include "kernel/mm/debug/leak.h"

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/ksyms.h"
#include "kernel/mm/internal.h"
#include "kernel/sched/sched.h"

#ifdef CONFIG_DEBUG
#define SEEN 1UL
#define SUSPECT 2UL
#define FLAGS (SEEN | SUSPECT)
#define ROWS 255
#define SCANS 2

extern u8 __kdata_start[], __kdata_end[]; /* mk/image.lds */

struct row {
	u64 site[LEAK_SITES];
	const char *cache;
	u64 objects, bytes;
};

static DEFINE_MUTEX(scan_lock);
/*
 * a row for each kind of object, the last row for all other objects; this and the variables below
 * are protected by scan_lock
 */
static struct row rows[ROWS + 1];
static int nr_rows;
/* objects that were reached and are not scanned yet, linked by address in slab_tail.link */
static u64 grey;

void leak_callers(u64 *site)
{
	u64 frame = **(u64 **)__builtin_frame_address(0), next;

	for (int i = 0; i < LEAK_SITES; i++) {
		site[i] = ((u64 *)frame)[1];
		next = *(u64 *)frame;
		if (next <= frame || (next ^ frame) & ~(u64)(KSTACK_ALIGN - 1))
			return;
		frame = next;
	}
}

/* ---- marking what is reached ---- */

static void look_at_word(u64 word)
{
	struct slab_object o;

	if (!in_direct_map((void *)word, 1) || !slab_object_at((void *)word, &o) ||
		!o.tail->site[0] || o.tail->link & SEEN)
		return;
	o.tail->link = grey | SEEN | (o.tail->link & SUSPECT);
	grey = (u64)o.start;
}

static void look_at(const void *from, const void *end)
{
	for (const u64 *p = from; p + 1 <= (const u64 *)end; p++)
		look_at_word(READ_ONCE(*p));
}

static void follow(void)
{
	while (grey) {
		struct slab_object o;

		if (!slab_object_at((void *)grey, &o))
			return;
		grey = o.tail->link & ~FLAGS;
		look_at(o.start, (u8 *)o.start + o.usable);
	}
}

/* ---- roots ---- */

/* Scans the kernel's data, except the first stack and its guard, which lie in it. */
static void look_at_data(void)
{
	u8 *stack = init_task_storage.arch.kstack;

	look_at(__kdata_start, stack);
	look_at(stack + KSTACK_ALIGN, __kdata_end);
	follow();
}

static void look_at_stacks(void)
{
	u64 sp, end;

	for (u64 i = 0; arch_kstack_live(i, &sp, &end) >= 0; i++) {
		if (sp < end)
			look_at((void *)sp, (void *)end);
		follow();
	}
}

static bool in_array(const void *p)
{
	return p >= (void *)mem_map && p < (void *)(mem_map + max_pfn);
}

/*
 * True if the frame contains data of the kernel: tables, buffers, blocks of kmalloc. A frame that
 * is about to be used for these counts too.
 */
static bool is_kernels(const struct page *p)
{
	return !p->mapping && !(p->flags & (BIT(PG_slab) | BIT(PG_buddy) | BIT(PG_anon)));
}

static void look_at_frames(void)
{
	pfn_t end = mm_first_wild();

	for (pfn_t pfn = 0; pfn < end; pfn++) {
		struct page *p = mem_map + pfn;

		look_at(p, p + 1);
		if (p->flags &
			(BIT(PG_buddy) | BIT(PG_reserved))) { /* free, or the host's (plug.c) */
			pfn += (1UL << min(p->private, (u64)MAX_ORDER)) - 1;
			continue;
		}
		/* the array of frames was scanned already */
		if (is_kernels(p) && !in_array(pfn_to_virt(pfn)))
			look_at(pfn_to_virt(pfn), (u8 *)pfn_to_virt(pfn) + PAGE_SIZE);
		follow();
		if (!(pfn & 1023))
			cond_resched();
	}
}

/* ---- objects that were not reached ---- */

static void each_object(void (*fn)(struct slab_object *o))
{
	pfn_t end = mm_first_wild();

	for (pfn_t pfn = 0; pfn < end; pfn++) {
		struct slab_object o;
		u8 *at = pfn_to_virt(pfn);

		if (!test_bit(PG_slab, &mem_map[pfn].flags) || !slab_starts_at(mem_map + pfn))
			continue;
		for (; slab_object_at(at, &o) && o.slab == mem_map + pfn; at += o.size)
			if (o.tail->site[0])
				fn(&o);
	}
}

static void forget_marks(struct slab_object *o)
{
	o->tail->link &= SUSPECT;
}

static void forget_all(struct slab_object *o)
{
	o->tail->link = 0;
}

static void suspect(struct slab_object *o)
{
	if (o->tail->link & SEEN)
		o->tail->link = 0;
	else
		o->tail->link = SUSPECT;
}

/*
 * Compares word by word, and not by memcmp(), which asan checks: the bytes behind an object do not
 * belong to its user.
 */
static bool same_sites(const u64 *a, const u64 *b)
{
	for (int i = 0; i < LEAK_SITES; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static struct row *row_of(const struct slab_object *o)
{
	int i = 0;

	while (i < nr_rows &&
		(rows[i].cache != o->cache || !same_sites(rows[i].site, o->tail->site)))
		i++;
	if (i < nr_rows || i == ROWS)
		return &rows[i];
	nr_rows++;
	rows[i].cache = o->cache;
	for (int k = 0; k < LEAK_SITES; k++)
		rows[i].site[k] = o->tail->site[k];
	return &rows[i];
}

static void report_object(struct slab_object *o)
{
	struct row *r;

	if (o->tail->link != SUSPECT)
		return;
	r = row_of(o);
	r->objects++;
	r->bytes += o->usable;
}

static void scan_once(void)
{
	grey = 0;
	each_object(forget_marks);
	look_at_data();
	look_at_stacks();
	look_at_frames();
}

u64 leak_scan(void)
{
	u64 n = 0;

	mutex_lock(&scan_lock);
	slabs_hold(true);
	each_object(forget_all);
	for (int i = 0; i < SCANS; i++) {
		scan_once();
		if (i < SCANS - 1) {
			each_object(suspect);
			sleep_ns(2000000);
		}
	}
	memset(rows, 0, sizeof(rows));
	nr_rows = 0;
	each_object(report_object);
	for (int i = 0; i <= nr_rows; i++)
		n += rows[i].objects;
	slabs_hold(false);
	mutex_unlock(&scan_lock);
	return n;
}

static int leak_row(const struct row *r, char *buf, size_t size)
{
	int n = scnprintf(
		buf, size, "%lu %lu %s", r->objects, r->bytes, r->cache ? r->cache : "others");

	for (int i = 0; i < LEAK_SITES && r->site[i]; i++) {
		u64 offset;
		const char *name = ksym_lookup(r->site[i] - 1, &offset);

		n += scnprintf(buf + n, size - (size_t)n, "%s %s+0x%lx", i ? " <" : ":",
			name ? name : "?", name ? offset : 0UL);
	}
	return n + scnprintf(buf + n, size - (size_t)n, "\n");
}

int leak_line(int i, char *buf, size_t size)
{
	int n = -1;

	mutex_lock(&scan_lock);
	if (i >= 0 && i <= nr_rows)
		n = rows[i].objects ? leak_row(&rows[i], buf, size) : 0;
	mutex_unlock(&scan_lock);
	return n;
}

void leak_one(void)
{
	u64 *p = kmalloc(200, GFP_KERNEL);

	if (p)
		*p = 0;
}

/* ---- the report at the end of the machine ---- */

/*
 * Names an object: by its cache, or by the function that allocated it if the cache is one of
 * kmalloc's.
 */
static const char *kind_of(const struct slab_object *o)
{
	if (strncmp(o->cache, "kmalloc", 7))
		return o->cache;
	for (int i = 0; i < LEAK_SITES && o->tail->site[i]; i++) {
		u64 offset;
		const char *name = ksym_lookup(o->tail->site[i] - 1, &offset);

		if (name && strncmp(name, "kmalloc", 7) && strncmp(name, "kzalloc", 7))
			return name;
	}
	return o->cache;
}

static void count_object(struct slab_object *o)
{
	const char *kind = kind_of(o);
	int i = 0;

	while (i < nr_rows && strcmp(rows[i].cache, kind))
		i++;
	if (i == ROWS)
		return;
	nr_rows = max(nr_rows, i + 1);
	rows[i].cache = kind;
	rows[i].objects++;
}

/* Prints the number of objects of each kind, several kinds in a line. */
static void print_objects(void)
{
	char line[200] = "";
	int n = 0;

	mutex_lock(&scan_lock);
	memset(rows, 0, sizeof(rows));
	nr_rows = 0;
	slabs_hold(true);
	each_object(count_object);
	slabs_hold(false);
	for (int i = 0; i < nr_rows; i++) {
		n += scnprintf(line + n, sizeof(line) - (size_t)n, " %s %lu", rows[i].cache,
			rows[i].objects);
		if (n < 120 && i < nr_rows - 1)
			continue;
		pr_info("left: objects:%s\n", line);
		n = 0;
	}
	mutex_unlock(&scan_lock);
}

static void print_frames(void)
{
	struct memory_kinds k;
	u64 known;

	mm_memory_kinds(&k);
	known = k.free + k.anon + k.file + k.shmem + k.slab + k.large + k.tables + k.huge;
	pr_info("left: frames: free %lu anonymous %lu files %lu shared %lu objects %lu blocks %lu "
		"page-tables %lu huge %lu "
		"other %lu\n",
		k.free, k.anon, k.file, k.shmem, k.slab, k.large, k.tables, k.huge,
		k.total - min(k.total, known));
}

void leak_report(void)
{
	u64 found = leak_scan();
	char line[400];

	if (found)
		pr_err("leak: nothing leads to %lu objects\n", found);
	for (int i = 0, n; found && (n = leak_line(i, line, sizeof(line))) >= 0; i++)
		if (n)
			pr_err("leak: %s", line);
	print_objects(); /* fills in the table's rows */
	print_frames();
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * ubd.c: the user-mode block device, front end. ubd0 is /dev/ubda (98, 0), ubd1 /dev/ubdb (98, 16)
 * and so on.
 *
 *      ubd<n><flags>=FILE[,BACKING[,SERIAL]]     n: 0..15 or a..p; flags, any number: r read-only,
 *                                                s synchronous, c shared (no lock), t no discard, d
 *                                                data (never a COW file), m map read-only data, k
 *                                                kept (UBD_F_KEPT), x temporary
 *                                                (UBD_F_TEMPORARY)
 *      ubd=sync                                  flag s for all disks
 *
 * The command line is checked at once (unit, flags). ubd_init() (initcall level 4) opens the files;
 * on failure it refuses to boot with one line that names the parameter. A bio becomes one ubd_req;
 * the back end completes it at once, or later through the disk's interrupt.
 *
 * The management console adds disks to a running instance (config ubd1r=FILE) and removes those
 * that are not open. A unit's gendisk is never freed once it existed: a task that has looked it up
 * may hold it. Locks: u->lock protects u->host in the interrupt against the removal of the disk.
 * All other fields of a unit are written at boot and by the console's thread. A submitter has the
 * disk open. A request belongs to one side at a time.
 */
#include <asm/errno.h>
#include <linux/major.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/mconsole.h"
#include "drivers/ubd/ubd.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "os-linux/os.h"

#define UBD_MINORS 16

struct ubd ubd_units[UBD_UNITS];
bool ubd_is_saved;
static char texts[UBD_UNITS][4096];
/* the text after "ubd" of each unit's parameter; empty: none */
static char given[UBD_UNITS][4096];
static u32 all_flags; /* ubd=sync */

/* ---- requests ---- */

static void ubd_end(struct ubd_req *r)
{
	struct bio *bio = r->cookie;

	bio_endio(bio, r->status); /* frees *r, which is memory of the bio */
}

static void ubd_irq(void *arg)
{
	struct ubd *u = arg;
	struct ubd_req *r;

	spin_lock(&u->lock);
	r = u->host ? ubd_host_reap(u->host) : NULL;
	spin_unlock(&u->lock);
	while (r) {
		struct ubd_req *next = r->next;

		ubd_end(r);
		r = next;
	}
}

static const u32 ubd_ops[] = {
	[REQ_READ] = UBD_READ,
	[REQ_WRITE] = UBD_WRITE,
	[REQ_DISCARD] = UBD_DISCARD,
	[REQ_FLUSH] = UBD_FLUSH,
	[REQ_WRITE_ZEROES] = UBD_ZERO,
};

/*
 * Gives the frames memory of their own (physmem_take()), since the host writes to them while the
 * guest runs.
 */
static int take_frames(const struct bio *bio)
{
	int err = 0;

	for (u32 i = 0; i < bio->nr_vecs && !err; i++)
		err = physmem_take(page_to_pfn(bio->vec[i].page), 1);
	return err;
}

static void ubd_submit(struct gendisk *d, struct bio *bio)
{
	struct ubd *u = d->private;
	u32 op = bio->opf & REQ_OP_MASK, i;
	struct ubd_req *r = bio_driver(bio);

	if (op >= ARRAY_SIZE(ubd_ops) || !u->host) {
		bio_endio(bio, u->host ? -EOPNOTSUPP : -EIO);
		return;
	}
	if (op == REQ_READ && unlikely(take_frames(bio))) {
		bio_endio(bio, -ENOMEM);
		return;
	}
	r->op = ubd_ops[op];
	r->preflush = !!(bio->opf & REQ_PREFLUSH);
	r->fua = !!(bio->opf & REQ_FUA);
	r->waited_for = !!(bio->opf & REQ_SYNC);
	r->spare = r->waited_for && !(op == REQ_READ) && sched_spare(UBD_SPARE_NS);
	r->past_cache = !!(bio->opf & REQ_PAST_CACHE);
	r->off = bio->sector << SECTOR_SHIFT;
	r->len = bio->bytes;
	r->cookie = bio;
	r->nr_vecs = bio->nr_vecs;
	for (i = 0; i < bio->nr_vecs; i++)
		r->vec[i] =
			(struct ubd_vec){ (char *)page_address(bio->vec[i].page) + bio->vec[i].off,
				bio->vec[i].len };
	if (ubd_host_submit(u->host, r)) {
		if (r->spare)
			sched_waited_on_host(r->spare);
		ubd_end(r);
	}
}

/* ---- an image that is mapped ---- */

static u32 ubd_frames(struct gendisk *d, sector_t s, u32 nr, pfn_t *pfn)
{
	struct ubd *u = d->private;
	u64 first = s >> (PAGE_SHIFT - SECTOR_SHIFT), n;
	int inside;

	*pfn = 0;
	if (first >= u->nr_frames)
		return nr;
	n = ubd_host_image_run(u->host, first << PAGE_SHIFT,
		    min_t(u64, nr, u->nr_frames - first) << PAGE_SHIFT, PAGE_SIZE, &inside) >>
	    PAGE_SHIFT;
	if (inside)
		*pfn = u->frames + first;
	return (u32)n;
}

/*
 * Maps the image. If that is not possible, a message gives the reason, and the disk is read as
 * without the flag.
 */
static void ubd_map_image(struct ubd *u)
{
	u64 bytes = 0;
	int file = ubd_host_image(u->host, &bytes);
	s64 first = file < 0 ? file : arch_region_add(file, bytes >> PAGE_SHIFT);

	if (first > 0) {
		u->frames = (pfn_t)first;
		u->nr_frames = bytes >> PAGE_SHIFT;
		u->disk.has_frames = true;
	} else if (first == -EROFS) {
		pr_notice("%s: the image is written to (no r, no backing file): not mapped\n",
			u->param);
	} else {
		pr_notice("%s: the image cannot be mapped: %s\n", u->param,
			arch_strerror((int)first));
	}
	if (first < 0 && file >= 0)
		os_file_close(file);
}

static const struct block_device_operations ubd_disk_ops = {
	.frames = ubd_frames,
	.submit = ubd_submit,
};

/* ---- the user's parameters ---- */

static int unit_number(const char **s)
{
	const char *p = *s;
	int n;

	if (*p >= 'a' && *p <= 'p') {
		n = *p++ - 'a';
	} else if (*p >= '0' && *p <= '9') {
		n = *p++ - '0';
		while (*p >= '0' && *p <= '9' && n < 1000)
			n = n * 10 + (*p++ - '0');
	} else {
		return -EINVAL;
	}
	*s = p;
	return n < UBD_UNITS ? n : -ENODEV;
}

static int flag_of(char c)
{
	switch (c) {
	case 'r': return UBD_F_RDONLY;
	case 's': return UBD_F_SYNC;
	case 'c': return UBD_F_SHARED;
	case 't': return UBD_F_NODISCARD;
	case 'd': return UBD_F_DATA;
	case 'm': return UBD_F_MAP;
	case 'k': return UBD_F_KEPT;
	case 'x': return UBD_F_TEMPORARY;
	}
	return 0;
}

/*
 * Returns the next part of @text, or NULL. As in UML, the separator is a comma, or a colon if there
 * is no comma; a separator after a backslash belongs to a name.
 */
static char *split(char *text, char separator)
{
	char *from = text, *to = text;

	if (!text)
		return NULL;
	for (; *from && *from != separator; from++) {
		if (from[0] == '\\' && from[1] == separator)
			from++;
		*to++ = *from;
	}
	text = *from ? from + 1 : NULL;
	*to = 0;
	return text;
}

/*
 * Splits FILE[,BACKING[,SERIAL]]. "FILE,,SERIAL" is valid without a backing file, but "FILE," is an
 * error.
 */
static int split_files(struct ubd *u, char *text, char *why, size_t size)
{
	char separator = strchr(text, ',') ? ',' : ':';

	u->file = text;
	u->backing = split(text, separator);
	u->serial = split(u->backing, separator);
	if (split(u->serial, separator))
		return invalid(why, size, "more than a file, its backing file and a serial number");
	if (!*u->file || (u->backing && !*u->backing && !u->serial))
		return invalid(why, size, "a file name is missing");
	if (u->backing && !*u->backing)
		u->backing = NULL;
	if (u->backing && u->flags & UBD_F_DATA)
		return invalid(why, size,
			"the flag d says that %s is no COW file, yet it has a backing file",
			u->file);
	for (const char *p = u->serial; p && *p; p++)
		if (*p <= ' ' || *p > '~')
			return invalid(why, size, "a serial number is of visible characters");
	if (u->serial && strlen(u->serial) > UBD_SERIAL_MAX)
		return invalid(
			why, size, "a serial number has at most %d characters", UBD_SERIAL_MAX);
	return 0;
}

/* Handles ubd=sync, for all disks. */
static int all_setup(const char *value)
{
	if (strcmp(value, "sync"))
		refuse("ubd=%s: only ubd=sync is known", value);
	all_flags |= UBD_F_SYNC;
	return 0;
}

/*
 * Records a parameter of the command line; @s follows "ubd". In a process that continues from a
 * saved state the disk exists already: its files are replaced only if the text has changed. Returns
 * false if there is nothing to do.
 */
static bool note_given(struct ubd *u, u32 n, const char *s)
{
	bool same = !strcmp(given[n], s), known = given[n][0];

	if (ubd_is_saved && same)
		return false;
	if (ubd_is_saved && !u->host && known) {
		pr_notice("ubd%.40s: disk %u had been removed when the state was saved\n", s, n);
		return false;
	}
	if (ubd_is_saved && !u->host)
		refuse("ubd%s: the saved instance has no disk %u", s, n);
	if (ubd_is_saved ? u->given_again : !!u->file)
		refuse("ubd%s: %s is disk %u already, %s", s, u->param, n, u->file);
	if (strscpy(given[n], s, sizeof(given[n])) < 0)
		refuse("ubd%u: file names are too long", n);
	if (ubd_is_saved && u->serial && u->serial != u->kept_serial)
		strscpy(u->kept_serial, u->serial, sizeof(u->kept_serial));
	u->given_again = ubd_is_saved;
	return true;
}

/* Parses a parameter; @s follows "ubd". */
static int ubd_setup(const char *s)
{
	const char *p = s, *eq = strchr(s, '=');
	int n = unit_number(&p);
	char why[300];
	struct ubd *u;
	u32 flags = 0;

	if (eq == s)
		return all_setup(eq + 1);
	if (!eq)
		refuse("ubd%s: expected ubd<n>=FILE or ubd<n>=COW,BACKING", s);
	if (n < 0)
		refuse("ubd%s: no such device: there are ubd0 to ubd%d", s, UBD_UNITS - 1);
	for (; p < eq; p++) {
		if (!flag_of(*p))
			refuse("ubd%s: unknown flag '%c': r, s, c, t, d, m, k and x are known", s,
				*p);
		flags |= (u32)flag_of(*p);
	}
	u = &ubd_units[n];
	if (!note_given(u, (u32)n, s))
		return 0;
	if (strscpy(texts[n], eq + 1, sizeof(texts[n])) < 0)
		refuse("ubd%d: file names are too long", n);
	scnprintf(u->param, sizeof(u->param), "ubd%.*s", (int)min_t(long, eq - s, 8), s);
	u->flags = flags;
	if (split_files(u, texts[n], why, sizeof(why)))
		refuse("%s: %s", u->param, why);
	if (u->given_again && !u->serial && u->kept_serial[0])
		u->serial = u->kept_serial;
	return 0;
}
PARAM("ubd*", ubd_setup,
	"ubd<n>[rsctdmkx]=FILE[,BACKING[,SERIAL]]  disk n from an image, or a COW file over one");

static int udb_setup(const char *s)
{
	refuse("udb%s: the user-mode block device is called ubd", s);
}
PARAM("udb*", udb_setup, NULL);

static int set_cutlog(const char *s)
{
	int err = ubd_host_record(s);

	if (err)
		refuse("cutlog=%s: %s", s, arch_strerror(err));
	return 0;
}
PARAM("cutlog=", set_cutlog, "for tests: a record of all that is written to disks' files");

static u64 layer_limit; /* bytes; 0: none */

static int set_layer_limit(const char *s)
{
	if (kstrtosize(s, &layer_limit) || !layer_limit)
		refuse("layer_limit=%s: not a size (such as 512M)", s);
	return 0;
}
PARAM("layer_limit=", set_layer_limit,
	"SIZE: what each copy-on-write layer may take on the host (what there is)");

static int set_diskfault(const char *s)
{
	if (ubd_host_fault(s))
		refuse("diskfault=%s: expected "
		       "[UNIT,]read|write|data|flush,eio|enospc,EVERY[,SEED[,FROM[,BYTES[,COUNT]]]"
		       "]",
			s);
	return 0;
}
PARAM("diskfault=", set_diskfault,
	"for tests: [UNIT,]read|write|data|flush,eio|enospc,EVERY[,SEED[,FROM[,BYTES[,COUNT]]]]");

/* ---- adding and removing disks ---- */

int ubd_open_host(struct ubd *u, u32 n, const char *state, const struct ubd_open **opened,
	char *why, size_t size)
{
	static struct ubd_open o;
	int err;

	memset(&o, 0, sizeof(o));
	o.file = u->file;
	o.backing = u->backing;
	o.flags = u->flags | all_flags | (time_travels ? UBD_F_INLINE : 0);
	o.unit = n;
	o.state = state;
	o.limit = layer_limit;
	o.host = u->host;
	if (!u->irq)
		u->irq = irq_register(u->param, ubd_irq, u);
	o.irq = u->irq;
	err = u->irq < 0 ? u->irq : ubd_host_open(&o);
	if (err) {
		strscpy(why, o.err[0] ? o.err : arch_strerror(err), size);
		u->irq = max(u->irq, 0);
		return err;
	}
	if (o.note[0])
		pr_notice("%s: %s\n", u->param, o.note);
	u->host = o.host;
	*opened = &o;
	return 0;
}

void ubd_take_over(struct ubd *u, const struct ubd_open *o)
{
	struct gendisk *d = &u->disk;

	u->base = o->base;
	d->serial = u->serial;
	d->host_file = strncmp(u->file, "/proc/self/fd/", 14) ? u->file : "";
	d->capacity = o->size >> SECTOR_SHIFT;
	d->ro = o->rdonly;
	d->discard = o->discard;
	d->write_zeroes = !o->rdonly;
	d->write_cache = !o->rdonly && !(o->flags & UBD_F_SYNC);
	d->temporary = u->flags & UBD_F_TEMPORARY;
}

/* Opens the back end. Returns 0, or -errno with @why set. */
static int ubd_open_files(struct ubd *u, u32 n, char *why, size_t size)
{
	const struct ubd_open *o;
	int err = ubd_open_host(u, n, NULL, &o, why, size);

	if (!err)
		ubd_take_over(u, o);
	return err;
}

static int ubd_add(struct ubd *u, u32 n)
{
	struct gendisk *d = &u->disk;
	int err;

	if (u->added)
		return disk_return(d);
	scnprintf(d->name, sizeof(d->name), "ubd%c", 'a' + n);
	d->major = UBD_MAJOR;
	d->first_minor = n * UBD_MINORS;
	d->minors = UBD_MINORS;
	d->ops = &ubd_disk_ops;
	d->private = u;
	d->logical_block_size = 512;
	d->nr_requests = UBD_DEPTH;
	d->driver_bytes = sizeof(struct ubd_req);
	d->driver_vec_bytes = sizeof(struct ubd_vec);
	err = add_disk(d);
	u->added = !err;
	return err;
}

static void ubd_log_added(const struct ubd *u)
{
	const struct gendisk *d = &u->disk;

	pr_info("%s: %lu MiB%s%s%s\n", d->name, (unsigned long)(d->capacity >> 11),
		u->backing ? ", copy on write" : "", d->ro ? ", read-only" : "",
		u->frames ? ", mapped" : "");
}

static int ubd_start(struct ubd *u, u32 n)
{
	char why[512];
	int err;

	if (ubd_open_files(u, n, why, sizeof(why)))
		refuse("%s: %s", u->param, why);
	scnprintf(u->disk.name, sizeof(u->disk.name), "ubd%c", 'a' + n);
	if (u->flags & UBD_F_MAP)
		ubd_map_image(u);
	err = ubd_add(u, n);
	if (!err)
		ubd_log_added(u);
	return err;
}

static void ubd_close(struct ubd *u)
{
	int host;

	spin_lock(&u->lock);
	host = u->host;
	u->host = 0;
	spin_unlock(&u->lock);
	if (host)
		ubd_host_close(host);
	u->file = NULL;
}

/*
 * Adds a disk while the instance runs: /sys has the disk before its partitions. Once it exists the
 * guest may have it open, so an error removes it only if it is not open. If another task has
 * already scanned the partitions and has one open, nothing is left to do.
 */
static int ubd_add_first(struct ubd *u, u32 n)
{
	struct gendisk *d = &u->disk;
	u64 sectors = d->capacity;
	int err;

	d->capacity = 0;
	err = ubd_add(u, n);
	if (err)
		return err;
	err = sysfs_add_disk(d);
	if (err && !disk_withdraw(d))
		return err;
	disk_set_capacity(d, sectors);
	if (!err)
		disk_event(d->part[0], "add");
	disk_rescan(d);
	return 0;
}

/* Configures a disk. @text: flags, =, files. */
static int ubd_config(u32 n, const char *text, char *why, size_t size)
{
	const char *eq = strchr(text, '=');
	struct ubd *u = &ubd_units[n];
	int err;

	if (u->file) {
		scnprintf(why, size, "is there already: %.200s", u->file);
		return -EEXIST;
	}
	u->flags = 0;
	for (const char *p = text; p < eq; p++) {
		if (!flag_of(*p) || strchr("mkx", *p))
			return invalid(why, size,
				"flag '%c': a disk that is added has r, s, c, t and d only", *p);
		u->flags |= (u32)flag_of(*p);
	}
	if (strscpy(texts[n], eq + 1, sizeof(texts[n])) < 0)
		return invalid(why, size, "file names are too long");
	scnprintf(u->param, sizeof(u->param), "ubd%u%.*s", n, (int)min_t(long, eq - text, 8), text);
	err = split_files(u, texts[n], why, size);
	if (!err)
		err = ubd_open_files(u, n, why, size);
	if (!err)
		err = u->added ? ubd_add(u, n) : ubd_add_first(u, n);
	if (err)
		ubd_close(u);
	else
		ubd_log_added(u);
	return err;
}

/* Appends @name to the @at bytes of @text, in the syntax of split(). Returns the new length. */
static size_t put_name(char *text, size_t size, size_t at, const char *name, char separator)
{
	for (; *name && at + 2 < size; name++) {
		if (*name == separator)
			text[at++] = '\\';
		text[at++] = *name;
	}
	text[at] = 0;
	return at;
}

/* Prints a disk in the syntax of config. */
static int ubd_query(u32 n, char *text, size_t size)
{
	const struct ubd *u = &ubd_units[n];
	const char *part[] = { u->file, u->backing ? u->backing : "", u->serial };
	u32 parts = u->serial ? 3 : u->backing ? 2 : 1;
	char separator = ':';
	size_t at = 0;

	if (!u->file)
		return -ENODEV;
	for (u32 i = 0; i < parts; i++)
		if (parts > 1 || strchr(part[i], ','))
			separator = ',';
	for (u32 i = 0; i < parts; i++) {
		if (i && at + 2 < size)
			text[at++] = separator;
		at = put_name(text, size, at, part[i], separator);
	}
	return 0;
}

static int ubd_remove(u32 n, char *why, size_t size)
{
	struct ubd *u = &ubd_units[n];
	int err;

	if (!u->file)
		return -ENODEV;
	if (u->frames) {
		scnprintf(why, size, "its image is mapped for good (flag m)");
		return -EBUSY;
	}
	err = queue_is_held(&u->disk) ? -EBUSY : disk_withdraw(&u->disk);
	if (err) {
		scnprintf(why, size, "in use: mounted, swapped on, open, or held by a snapshot");
		return err;
	}
	ubd_close(u);
	return 0;
}

static struct gendisk *ubd_gendisk(u32 n)
{
	return ubd_units[n].file ? &ubd_units[n].disk : NULL;
}

static int ubd_file(u32 n, u32 depth, char *text, size_t size)
{
	return ubd_units[n].file ? ubd_host_describe(ubd_units[n].host, depth, text, size) :
				   -ENODEV;
}

static struct mconsole_device ubd_device = {
	.disk = ubd_gendisk,
	.file = ubd_file,
	.name = "ubd",
	.numbers = UBD_UNITS,
	.letters = true,
	.config = ubd_config,
	.query = ubd_query,
	.remove = ubd_remove,
};

static int ubd_init(void)
{
	u32 n;

	for (n = 0; n < UBD_UNITS; n++) {
		int err;

		spin_lock_init(&ubd_units[n].lock);
		err = ubd_units[n].file ? ubd_start(&ubd_units[n], n) : 0;
		if (err)
			return err;
	}
	mconsole_register(&ubd_device);
	return 0;
}
INITCALL(4, ubd_init);

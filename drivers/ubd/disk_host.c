/* SPDX-License-Identifier: MIT */
/*
 * disk_host.c: a disk as a whole: opens, describes, maps and closes it, and flushes it when the
 * process ends.
 *
 * image_host.c has its layers, ubd_host.c its requests and workers.
 */
#include "drivers/ubd/disk_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/aio_host.h"
#include "drivers/ubd/image_host.h"
#include "drivers/ubd/media_host.h"
#include "drivers/ubd/state_host.h"
#include "os-linux/host.h"

/* ---- mapping the image ---- */

/*
 * Opens the image again, since the image's own descriptor has the lock and the caller will own the
 * new one.
 */
int ubd_host_image(int host, uint64_t *bytes)
{
	struct ubd_host *h = os_object(host);
	int base = image_base_fd(h->image), fd, handle;
	char self[64];
	struct stat st;

	if (base < 0)
		return base;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", base);
	fd = open(self, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (host_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EOPNOTSUPP;
	}
	handle = os_handle_add(fd);
	if (handle < 0)
		close(fd);
	*bytes = (uint64_t)st.st_size;
	return handle;
}

uint64_t ubd_host_image_run(int host, uint64_t off, uint64_t len, uint64_t unit, int *inside)
{
	struct ubd_host *h = os_object(host);
	int base = image_base_fd(h->image);
	struct image_piece p = { .len = 0 };
	uint64_t end = off, n;

	/* adjacent pieces of the base, whose bounds need not be units */
	while (end < off + len && !image_where(h->image, end, off + len - end, true, &p) &&
		p.fd == base && p.off == end)
		end += p.len;
	n = (end - off) / unit * unit;
	*inside = n > 0;
	if (!n && end == off) /* the first piece lies elsewhere */
		n = p.len / unit * unit;
	return n ? n : unit;
}

int ubd_host_describe(int host, uint32_t depth, char *text, size_t size)
{
	struct ubd_host *h = os_object(host);

	return image_describe(h->image, depth, text, size);
}

/* ---- opening ---- */

#define DISKS_MAX 64
static struct ubd_host *disks[DISKS_MAX]; /* atomic; for the end of the process */

static void say(const char *text)
{
	os_write_stderr(text, strlen(text));
}

/*
 * Reports that the last flush, for which no request waits, has failed with @err. Async-signal-safe.
 */
static void report_lost(const struct ubd_host *h, int err)
{
	const char *why = strerrordesc_np(-err);

	/* -EBUSY: a thread is in a flush, whose result was not reported */
	if (!err || err == -EBUSY)
		return;
	os_note_lost();
	say("nestling: ");
	say(h->file);
	say(": the last changes could not be brought to the disk: ");
	say(why ? why : "unknown error");
	say("\n");
}

static void at_exit(void)
{
	int i;

	for (i = 0; i < DISKS_MAX; i++) {
		struct ubd_host *h = __atomic_exchange_n(&disks[i], NULL, __ATOMIC_ACQ_REL);

		if (h)
			report_lost(h, image_at_exit(h->image));
	}
}

static void remember(struct ubd_host *h)
{
	/* disks are opened by one task at a time */
	static bool registered;
	int i;

	for (i = 0; i < DISKS_MAX; i++) {
		struct ubd_host *none = NULL;

		if (__atomic_compare_exchange_n(
			    &disks[i], &none, h, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			break;
	}
	if (!registered)
		registered = os_at_exit(at_exit) == 0;
}

static void forget(struct ubd_host *h)
{
	int i;

	for (i = 0; i < DISKS_MAX; i++) {
		struct ubd_host *old = h;

		__atomic_compare_exchange_n(
			&disks[i], &old, NULL, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	}
}

int ubd_host_record(const char *path)
{
	return media_record(path);
}

int ubd_host_fault(const char *spec)
{
	return media_fault(spec);
}

/*
 * Opens the files. The flags of ubd_host.h have the values of those of image_host.h; some are used
 * only here.
 */
static int open_files(struct ubd_open *o, struct ubd_host *h, const struct disk_load *l)
{
	struct image_open io = { .file = o->file,
		.backing = o->backing,
		.fd = l->fd,
		.parts = l->parts,
		.nr_parts = l->nr_parts };
	int err;

	io.flags = IMAGE_SECTORS | IMAGE_DIRECT | (o->flags & UBD_F_RDONLY ? IMAGE_RDONLY : 0) |
		   (o->flags & UBD_F_SHARED ? IMAGE_SHARED : 0) |
		   (o->flags & UBD_F_DATA ? IMAGE_RAW : 0) |
		   (o->flags & UBD_F_TEMPORARY ? IMAGE_PASSING : 0);
	err = image_open(&io);
	memcpy(o->note, io.note, sizeof(o->note));
	memcpy(o->err, io.err, sizeof(o->err));
	h->image = io.image;
	h->size = io.size;
	o->rdonly = io.rdonly;
	return err;
}

static int load_and_open(struct ubd_open *o, struct ubd_host *h)
{
	struct disk_load *l = calloc(1, sizeof(*l));
	int err;

	if (!l) {
		snprintf(o->err, sizeof(o->err), "%s: %s", o->file, strerror(ENOMEM));
		return -ENOMEM;
	}
	err = o->state ? disk_load(o, l) : 0;
	if (!err)
		err = open_files(o, h, l);
	free(l);
	return err;
}

/* Gives the disk the object number that the caller requests, or a free one. */
static int number_of(struct ubd_open *o, struct ubd_host *h)
{
	int number = o->host ? os_object_add_as(o->host, h) : os_object_add(h);

	if (number < 0) {
		snprintf(o->err, sizeof(o->err), "%s: %s", o->file, strerror(-number));
		return number;
	}
	if (!o->host)
		o->host = number;
	return 0;
}

/*
 * Records grants for a jailed process: for ubd_host_image(), for later saves, and for the present
 * name of the file. A path /proc/self/fd/N is not granted, since its file may change.
 */
static void allow_file(int fd, const char *path, bool written)
{
	if (!written)
		os_jail_know(fd);
	if (path && strncmp(path, "/proc/", 6))
		os_jail_grant(path, OS_GRANT_READ | (written ? OS_GRANT_WRITE : 0));
}

int ubd_host_open(struct ubd_open *o)
{
	struct ubd_host *h = calloc(1, sizeof(*h));
	int err;

	if (h)
		h->file = strdup(o->file);
	if (!h || !h->file) {
		free(h);
		snprintf(o->err, sizeof(o->err), "%s: %s", o->file, strerror(ENOMEM));
		return -ENOMEM;
	}
	err = load_and_open(o, h);
	if (!err)
		err = number_of(o, h);
	if (err) {
		image_close(h->image);
		free(h->file);
		free(h);
		return err;
	}
	image_identify(h->image, &o->base);
	image_each(h->image, allow_file);
	disk_grant_folder(image_fd(h->image));
	h->flags = o->flags | (o->rdonly ? UBD_F_RDONLY : 0);
	h->irq = o->irq;
	h->limit = o->limit;
	disk_workers_init(h);
	h->aio = ubd_aio_open(o->irq, UBD_DEPTH);
	if (!o->rdonly)
		media_attach(image_fd(h->image), o->unit, o->file);
	if (!o->rdonly)
		remember(h);
	o->size = h->size;
	o->discard = !o->rdonly && !(o->flags & UBD_F_NODISCARD);
	return 0;
}

void ubd_host_close(int host)
{
	struct ubd_host *h = os_object(host);

	disk_workers_end(h);
	disk_save_forget(h);
	free(h->mark);
	ubd_aio_close(h->aio);
	forget(h);
	media_detach(image_fd(h->image));
	report_lost(h, image_close(h->image));
	os_object_del(host);
	free(h->file);
	free(h);
}

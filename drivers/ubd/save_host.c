/* SPDX-License-Identifier: MIT */
/*
 * save_host.c: saves a disk, for the front end (ubd_host.h). state_host.c handles the files, and a
 * worker copies, so that no vCPU has to wait.
 *
 * A job belongs to the saving task, or to the worker while busy is 1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/ubd/disk_host.h"
#include "drivers/ubd/image_host.h"
#include "drivers/ubd/media_host.h"
#include "drivers/ubd/state_host.h"
#include "os-linux/host.h"

struct save_job {
	struct disk_save *disk;
	uint32_t unit;
	int busy;     /* atomic */
	bool stopped; /* between stop() and undo() */
	bool ending, saved;
	int result;
	char err[600];
};

static void work(void *arg)
{
	struct save_job *j = arg;

	j->err[0] = '\0';
	j->result = j->ending ? disk_save_complete(j->disk, j->saved, j->err, sizeof(j->err)) :
				disk_save_prepare(j->disk, j->err, sizeof(j->err));
	__atomic_store_n(&j->busy, 0, __ATOMIC_RELEASE);
}

static void start(struct save_job *j)
{
	__atomic_store_n(&j->busy, 1, __ATOMIC_RELEASE);
	if (os_worker_start("ubd-save", work, j))
		work(j);
}

int ubd_host_save_begin(int host, uint32_t unit, const char *dir)
{
	struct ubd_host *h = os_object(host);
	struct save_job *j;

	if (h->save)
		return 0;
	j = calloc(1, sizeof(*j));
	if (j)
		j->disk = disk_save_new(h->image, dir, unit, h->flags & UBD_F_KEPT);
	if (!j || !j->disk) {
		free(j);
		return -ENOMEM;
	}
	j->unit = unit;
	h->save = j;
	start(j);
	return 0;
}

int ubd_host_save_may(int host, const struct ubd_base *base, char *err, size_t size)
{
	return image_check_base(((struct ubd_host *)os_object(host))->image, base, err, size);
}

static void free_job(struct ubd_host *h)
{
	disk_save_free(h->save->disk);
	free(h->save);
	h->save = NULL;
}

int ubd_host_save_wait(int host, char *err, size_t size)
{
	struct ubd_host *h = os_object(host);
	struct save_job *j = h->save;
	int result;

	if (!j)
		return 0;
	if (__atomic_load_n(&j->busy, __ATOMIC_ACQUIRE))
		return -EINPROGRESS;
	result = j->result;
	if (result)
		snprintf(err, size, "%s", j->err);
	if (j->ending)
		free_job(h);
	return result;
}

/* Called when the written file has changed: makes records and faults of tests follow it. */
static void attend(struct ubd_host *h, int before)
{
	if (image_fd(h->image) == before)
		return;
	media_detach(before);
	media_attach(image_fd(h->image), h->save->unit, h->file);
}

int ubd_host_save_stop(int host)
{
	struct ubd_host *h = os_object(host);
	struct save_job *j = h->save;
	int before = image_fd(h->image);

	if (!j || __atomic_load_n(&j->busy, __ATOMIC_ACQUIRE) || j->result || j->ending)
		return -EAGAIN;
	disk_save_stop(j->disk);
	j->stopped = true;
	attend(h, before);
	return 0;
}

void ubd_host_save_undo(int host)
{
	struct ubd_host *h = os_object(host);
	int before = image_fd(h->image);

	if (!h->save || !h->save->stopped)
		return;
	disk_save_undo(h->save->disk);
	h->save->stopped = false;
	attend(h, before);
}

void ubd_host_save_end(int host, int saved)
{
	struct ubd_host *h = os_object(host);
	struct save_job *j = h->save;

	if (!j || j->ending)
		return;
	j->ending = true;
	j->saved = saved && j->stopped;
	start(j);
}

void disk_save_forget(struct ubd_host *h)
{
	if (!h->save)
		return;
	while (__atomic_load_n(&h->save->busy, __ATOMIC_ACQUIRE))
		host_pause(1);
	free_job(h);
}

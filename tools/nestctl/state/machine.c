/* SPDX-License-Identifier: MIT */
/*
 * machine.c: what the next kernel of a machine (`nestctl run --init`) needs when its guest
 * restarts: the kernel's words for a boot, and init's job.
 *
 * `nestctl run` holds it as a memory file (run/machine.c), since neither can be found out later: a
 * kernel that was rolled back has other words, and init has read its job. A save finds that file
 * and puts its content into state.json ("boot"). A restore replaces the words for things that
 * differ in the new process: name, disks, consoles, network cards. The restored instance's keeper,
 * or the nestctl that it is attached to, holds the result as a memory file for the next save.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/init/job.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/state/state.h"

/* the kernel's process, its launcher, its stub (os-linux/jail/again.c), and nestctl */
#define ANCESTORS 4
/* bytes of the memory file's content; state.json has room for them, with two digits a byte */
#define BOOT_MAX (JOB_MAX + 128 * 1024)

/* ---- finding ---- */

/* Opens the memory file of a machine among the descriptors of a process. Returns -1 without it. */
static int open_of(pid_t pid)
{
	static const char wanted[] = "/memfd:" MACHINE_FILE " ";
	const char *dir = format("/proc/%d/fd", (int)pid);
	DIR *d = opendir(dir);
	int fd = -1;

	for (struct dirent *e; d && fd < 0 && (e = readdir(d));) {
		const char *path = format("%s/%s", dir, e->d_name);
		char target[64];
		ssize_t n = readlink(path, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		if (!strncmp(target, wanted, strlen(wanted)))
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return fd;
}

const char *machine_find(const struct instance *in, size_t *size)
{
	pid_t pid = in->pid;
	char *text;
	ssize_t n;
	int fd = -1;

	for (int i = 0; i < ANCESTORS && fd < 0 && pid > 1; i++, pid = process_parent(pid))
		fd = open_of(pid);
	if (fd < 0)
		return NULL;
	text = xalloc(BOOT_MAX + 1);
	*size = 0;
	/* nestctl shares the file's offset */
	while ((n = pread(fd, text + *size, BOOT_MAX + 1 - *size, (off_t)*size)) > 0)
		*size += (size_t)n;
	close(fd);
	if (n < 0 || *size > BOOT_MAX)
		die("%s: " MACHINE_FILE ": %s", in->name, strerror(n < 0 ? errno : EFBIG));
	return text;
}

/* ---- changing ---- */

bool machine_parse(const char *text, size_t size, struct machine *m)
{
	const char *p = text, *end = text + size;

	*m = (struct machine){ .argc = 0 };
	if (!size || size > BOOT_MAX || end[-1])
		return false;
	for (; p < end && *p; p += strlen(p) + 1) {
		if (m->argc == MACHINE_WORDS)
			return false;
		m->argv[m->argc++] = p;
	}
	m->job = ++p;
	if (p >= end || *p != 'm')
		return false;
	m->job_size = (size_t)(end - p);
	while (p < end && *p)
		p += strlen(p) + 1;
	return p < end;
}

/*
 * True if the boot's parameter @old sets the same parameter or device as @fresh, which replaces it.
 */
static bool is_replaced(const char *old, const char *fresh)
{
	const char *value = strchr(fresh, '='), *flags;

	if (!strncmp(fresh, "ubd", 3)) {
		const char *const one[] = { old, NULL };
		int digits = (int)strspn(fresh + 3, "0123456789");

		return device_param(one, format("%.*s", 3 + digits, fresh), &flags) != NULL;
	}
	return value && !strncmp(old, fresh, (size_t)(value - fresh) + 1);
}

void machine_replace(struct machine *m, const char *param, bool adds)
{
	for (int i = 0; i < m->argc; i++)
		if (is_replaced(m->argv[i], param)) {
			m->argv[i] = param;
			return;
		}
	if (!adds)
		return;
	if (m->argc == MACHINE_WORDS)
		die("%s: too many parameters", param);
	m->argv[m->argc++] = param;
}

void machine_drop(struct machine *m, const char *name)
{
	int n = 0;

	for (int i = 0; i < m->argc; i++)
		if (strncmp(m->argv[i], name, strlen(name)) != 0)
			m->argv[n++] = m->argv[i];
	m->argc = n;
	m->argv[n] = NULL;
}

void machine_spare_cards(struct machine *m)
{
	for (int i = 0; i < m->argc; i++)
		if (!strncmp(m->argv[i], "eth", 3) && strchr(m->argv[i], '=') &&
			!strstr(m->argv[i], ",optional"))
			m->argv[i] = format("%s,optional", m->argv[i]);
}

void machine_rename(struct machine *m, const char *name, const char *hostname)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *p = m->job, *end = m->job + m->job_size;

	for (; f && *p; p += strlen(p) + 1) {
		const char *now = *p == 'i' ? name : *p == 'h' ? hostname : NULL;

		fprintf(f, "%c%s%c", *p, now ? now : p + 1, 0);
	}
	if (!f || fwrite(p, 1, (size_t)(end - p), f) != (size_t)(end - p) || fclose(f))
		die("out of memory");
	m->job = text;
	m->job_size = size;
}

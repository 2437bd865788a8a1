/* SPDX-License-Identifier: MIT */
/*
 * instance.c: finds running instances, and sums up the host's /proc data of their processes.
 *
 * Memory: the guest's memory is in memory files of the kernel's process, which the processes of its
 * address spaces map. These files are counted once, whichever process has touched their pages, and
 * the private memory of the kernel's process is added.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

#define FILES_MAX 64
#define CMDLINE_MAX (128 * 1024)

/* A process of the host: processor time and begin, in clock ticks. */
struct process {
	pid_t pid, parent;
	uint64_t ticks, start;
};
struct processes {
	struct process *all;
	size_t n;
};

/* ---- the host's processes ---- */

/* Opens a file of /proc/PID. Returns -1 with errno. */
static int open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Fills @p. Returns false if the process has gone. */
static bool read_stat(pid_t pid, struct process *p)
{
	char text[1024], *end;
	int fd = open_proc(pid, "stat");
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long long user, system, start;
	int parent;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	end = strrchr(text, ')'); /* a name may contain any character */
	if (!end || sscanf(end + 1,
			    " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
			    "%*d %*d %llu",
			    &parent, &user, &system, &start) != 4)
		return false;
	*p = (struct process){ pid, parent, user + system, start };
	return true;
}

pid_t process_parent(pid_t pid)
{
	struct process p;

	return read_stat(pid, &p) ? p.parent : 0;
}

unsigned long long process_start(pid_t pid)
{
	struct process p;

	return read_stat(pid, &p) ? p.start : 0;
}

/* True if an error means that a process is another user's. */
static bool is_refused(int err)
{
	return err == EACCES || err == EPERM;
}

bool process_has_open(pid_t pid, bool (*is)(const struct stat *st, void *arg), void *arg)
{
	char path[64];
	bool found = false;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		return is_refused(errno);
	for (struct dirent *e; !found && (e = readdir(d));) {
		if (*e->d_name == '.')
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, 0))
			found = is_refused(errno);
		else
			found = is(&st, arg);
	}
	closedir(d);
	return found;
}

bool is_file_of(const struct stat *st, void *wanted)
{
	const struct stat *w = wanted;

	return st->st_dev == w->st_dev && st->st_ino == w->st_ino;
}

/* Returns all processes of the host. The caller frees ps.all. */
static struct processes processes_read(void)
{
	struct processes ps = { 0 };
	DIR *d = opendir("/proc");
	size_t room = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		if (ps.n == room) {
			room = room ? 2 * room : 256;
			ps.all = realloc(ps.all, room * sizeof(*ps.all));
			if (!ps.all)
				die("out of memory");
		}
		ps.n += read_stat(atoi(e->d_name), &ps.all[ps.n]);
	}
	if (d)
		closedir(d);
	return ps;
}

/* Finds the instance's process and its descendants. Sums up their number and processor time. */
static void add_family(const struct processes *ps, struct instance *in)
{
	bool *mine = xalloc(ps->n + 1), more = true;
	uint64_t ticks = 0;

	while (more) {
		more = false;
		for (size_t i = 0; i < ps->n; i++) {
			const struct process *p = &ps->all[i];
			bool is = p->pid == in->pid;

			for (size_t j = 0; !is && j < ps->n; j++)
				is = mine[j] && ps->all[j].pid == p->parent;
			if (mine[i] || !is)
				continue;
			mine[i] = more = true;
			ticks += p->ticks;
			in->processes++;
		}
	}
	in->cpu = (double)ticks / (double)sysconf(_SC_CLK_TCK);
	free(mine);
}

/* Returns the bytes in the first FILES_MAX memory files of @pid, each counted once. */
static uint64_t memory_files(pid_t pid)
{
	char *dir = format("/proc/%d/fd", (int)pid);
	DIR *d = opendir(dir);
	ino_t seen[FILES_MAX];
	size_t n = 0, i;
	uint64_t bytes = 0;

	for (struct dirent *e; d && (e = readdir(d)) && n < FILES_MAX;) {
		char target[64], *path = format("%s/%s", dir, e->d_name);
		ssize_t len = readlink(path, target, sizeof(target) - 1);
		struct stat st;

		if (len > 7 && !memcmp(target, "/memfd:", 7) && !stat(path, &st)) {
			for (i = 0; i < n && seen[i] != st.st_ino; i++)
				;
			if (i == n) {
				seen[n++] = st.st_ino;
				bytes += (uint64_t)st.st_blocks * 512;
			}
		}
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
	return bytes;
}

/* Returns the bytes of anonymous memory that the process occupies. */
static uint64_t own_memory(pid_t pid)
{
	int fd = open_proc(pid, "status");
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned long long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib << 10;
}

/* Returns the seconds since the process began, or 0. */
static double age_of(const struct processes *ps, pid_t pid)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].pid == pid)
			return (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
			       (double)ps->all[i].start / (double)sysconf(_SC_CLK_TCK);
	return 0;
}

/* ---- the kernel's command line ---- */

/*
 * Returns the words of a command line, ending in NULL, and their memory in *kept. The caller frees
 * both. There are no words if the process has gone, and none beyond CMDLINE_MAX bytes.
 */
static char **read_cmdline(pid_t pid, char **kept)
{
	char *text = xalloc(CMDLINE_MAX + 1);
	int fd = open_proc(pid, "cmdline");
	size_t n = 0, words = 0;
	char **argv;
	ssize_t got;

	while (fd >= 0 && n < CMDLINE_MAX && (got = read(fd, text + n, CMDLINE_MAX - n)) > 0)
		n += (size_t)got;
	if (fd >= 0)
		close(fd);
	text = realloc(text, n + 1);
	if (!text)
		die("out of memory");
	for (size_t i = 0; i < n; i++)
		words += !text[i];
	argv = xalloc((words + 2) * sizeof(*argv));
	*kept = text;
	words = 0;
	for (char *p = text; p < text + n; p += strlen(p) + 1)
		argv[words++] = p;
	return argv;
}

/*
 * Returns FILE of "FILE", "FILE,,SERIAL", "COW,FILE" or "COW,FILE,SERIAL". A comma after a
 * backslash is part of a name.
 */
static const char *last_name(const char *files)
{
	char *name = format("%s", files), *to = name;
	bool second = false;

	for (; *files; files++) {
		if (*files == ',' && (second || !files[1] || files[1] == ','))
			break;
		if (*files == ',') {
			second = true;
			to = name;
			continue;
		}
		files += files[0] == '\\' && files[1] == ',';
		*to++ = *files;
	}
	*to = '\0';
	return name;
}

/* Returns the file of disk ubd0 from a word such as "ubd0m=COW,FILE", or "" if there is none. */
static const char *image_of(char *const *argv)
{
	for (; *argv; argv++) {
		const char *file = strchr(*argv, '=');

		if (strncmp(*argv, "ubd0", 4) || !file ||
			strspn(*argv + 4, "rsctdmkx") != (size_t)(file - *argv - 4))
			continue;
		return last_name(file + 1);
	}
	return "";
}

/* ---- all instances ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct instance *)a)->name, ((const struct instance *)b)->name);
}

/* True if @text may be the name of an instance. */
static bool is_name(const char *text)
{
	return *text && *text != '.' && !strchr(text, '/');
}

/* Adds the instance @name, if it runs, to the @n instances in *all. */
static void add_instance(struct instance **all, size_t *n, const char *home, const char *name)
{
	char *folder = format("%s/%s", home, name);
	pid_t pid = umid_is_served(folder) ? umid_read_pid(folder) : 0;

	if (!pid) {
		free(folder);
		return;
	}
	*all = realloc(*all, (*n + 1) * sizeof(**all));
	if (!*all)
		die("out of memory");
	(*all)[(*n)++] =
		(struct instance){ .name = format("%s", name), .folder = folder, .pid = pid };
}

struct instance *instances_find(const char *only, size_t *count)
{
	struct instance *all = NULL;
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		DIR *d = umid_home(i) && !only ? opendir(umid_home(i)) : NULL;

		if (umid_home(i) && only && is_name(only))
			add_instance(&all, &n, umid_home(i), only);
		for (struct dirent *e; d && (e = readdir(d));)
			if (is_name(e->d_name))
				add_instance(&all, &n, umid_home(i), e->d_name);
		if (d)
			closedir(d);
	}
	for (size_t i = 0; i < n; i++) {
		all[i].argv = read_cmdline(all[i].pid, &all[i].text);
		all[i].image = image_of(all[i].argv);
	}
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	*count = n;
	return all;
}

void instances_measure(struct instance *all, size_t n)
{
	struct processes ps = n ? processes_read() : (struct processes){ 0 };

	for (size_t i = 0; i < n; i++) {
		all[i].age = age_of(&ps, all[i].pid);
		all[i].memory = memory_files(all[i].pid) + own_memory(all[i].pid);
		add_family(&ps, &all[i]);
	}
	free(ps.all);
}

void instances_free(struct instance *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free((char *)all[i].name);
		free((char *)all[i].folder);
		free(all[i].text);
		free(all[i].argv);
	}
	free(all);
}

struct instance instance_find(const char *name)
{
	size_t n;
	struct instance *all = instances_find(name, &n);

	if (!n && name)
		die("%s: no instance of this name runs", name);
	if (!n)
		die("no instance runs");
	if (n > 1 && !name)
		die("which instance? %s and %s, for example", all[0].name, all[1].name);
	return all[0];
}

/* SPDX-License-Identifier: MIT */
/*
 * remote.c: starts a command in an instance, by the management console's command "exec", which
 * takes the descriptors of its channels.
 *
 * The console answers before the built-in init has mounted the image, so nestctl waits for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/mconsole/exec_host.h"
#include "tools/nestctl/run/exec.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

#define READ_MAX (4 << 20)
/* ms: for the image, and from then on for /proc, /dev and the other folders of the built-in init */
#define BOOT_MS 30000
#define FOLDERS_MS 1000
#define LOOK_MS 10

void exec_job_add(struct exec_job *j, char letter, const char *text)
{
	size_t n = strlen(text) + 1 + !!letter;

	j->text = realloc(j->text, j->size + n);
	if (!j->text)
		die("out of memory");
	if (letter)
		j->text[j->size] = letter;
	memcpy(j->text + j->size + !!letter, text, n - !!letter);
	j->size += n;
}

/* Returns a memory file with the job. Lifts the soft limit on file sizes meanwhile. */
static int job_file(const struct exec_job *j)
{
	int fd = memfd_create("job", MFD_CLOEXEC);
	struct rlimit was, most;

	if (fd < 0)
		die("memfd: %s", strerror(errno));
	if (j->size > EXEC_JOB_MAX)
		die("exec: the command and its environment are too long");
	getrlimit(RLIMIT_FSIZE, &was);
	most = (struct rlimit){ was.rlim_max, was.rlim_max };
	setrlimit(RLIMIT_FSIZE, &most);
	write_all(fd, j->text, j->size, "job");
	setrlimit(RLIMIT_FSIZE, &was);
	return fd;
}

/* Makes a socket pair. Returns nestctl's end, and the instance's in *theirs. */
static int channel(int type, int *theirs)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds))
		die("socketpair: %s", strerror(errno));
	*theirs = fds[1];
	return fds[0];
}

/*
 * True if nestctl run has booted the instance, with the built-in init. False if it was started from
 * a state or a template, where the image is mounted already.
 */
static bool has_init(const struct instance *in)
{
	for (char **word = in->argv; *word; word++)
		if (!strncmp(*word, "initrd=/proc/self/fd/", 21))
			return true;
	return false;
}

/* Returns the mounts of the guest's process 1, or "" before it has any. */
static char *mounts_of_init(const struct instance *in)
{
	struct umid_console c;
	size_t len;
	char *text;
	int err;

	umid_connect(&c, in->folder);
	text = umid_ask(&c, "proc 1/mounts", &err, &len);
	close(c.fd);
	if (!text)
		die("%s: no answer", in->name);
	if (err)
		*text = '\0';
	return text;
}

/* Returns for how long the instance has run, in ms: since its folder got the file "pid". */
static int64_t age_of(const struct instance *in)
{
	struct stat st;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (stat(format("%s/pid", in->folder), &st))
		return 0;
	return (now.tv_sec - st.st_mtim.tv_sec) * 1000 +
	       (now.tv_nsec - st.st_mtim.tv_nsec) / 1000000;
}

/*
 * Waits until the built-in init of an instance that has just begun has mounted the image, and then
 * the usual folders. /run is the last of those that all instances have. The guest may unmount it,
 * so the wait for the folders ends after FOLDERS_MS.
 */
static void await_image(const struct instance *in)
{
	int entered = -1;

	/* the boot is over: folders that are missing now will not appear */
	if (age_of(in) > BOOT_MS)
		return;
	for (int ms = 0; ms < BOOT_MS; ms += LOOK_MS) {
		char *text = mounts_of_init(in);
		const bool image = *text && strncmp(text, "rootfs ", 7) != 0;
		const bool folders = image && strstr(text, " /run ");

		free(text);
		if (entered < 0 && image)
			entered = ms;
		if (folders || (image && ms - entered >= FOLDERS_MS))
			return;
		usleep(LOOK_MS * 1000);
	}
	die("%s: the guest is still booting: its image is not mounted yet", in->name);
}

struct remote remote_start(const struct instance *in, const struct exec_job *j, enum channels kind)
{
	int fds[EXEC_FDS], n = kind == CHANNELS_TERMINAL ? EXEC_ERR : EXEC_FDS, err;
	struct remote r = { .err = -1 };
	struct umid_console c;
	char *text;
	size_t len;

	if (has_init(in))
		await_image(in);
	fds[EXEC_JOB] = job_file(j);
	r.control = channel(SOCK_SEQPACKET, &fds[EXEC_CONTROL]);
	r.in = channel(SOCK_STREAM, &fds[EXEC_IN]);
	r.out = channel(SOCK_STREAM, &fds[EXEC_OUT]);
	if (kind == CHANNELS_APART)
		r.err = channel(SOCK_STREAM, &fds[EXEC_ERR]);
	if (kind == CHANNELS_JOINED)
		fds[EXEC_ERR] = fcntl(fds[EXEC_OUT], F_DUPFD_CLOEXEC, 3);
	umid_connect(&c, in->folder);
	text = umid_ask_with(&c, "exec", fds, (size_t)n, &err, &len);
	if (!text)
		die("%s: no answer", in->name);
	if (err)
		die("%s: %s", in->name, text);
	free(text);
	close(c.fd);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	return r;
}

/* Reads standard output to @text, at most READ_MAX bytes, and drops errors. */
static void read_output(const struct remote *r, char *text)
{
	struct pollfd p[] = { { r->out, POLLIN, 0 }, { r->err, POLLIN, 0 } };
	char dropped[4096];
	size_t size = 0;
	ssize_t n = 1;

	while (n > 0 && size < READ_MAX) {
		if (poll(p, 2, -1) < 0)
			continue;
		/* at its end a negative descriptor is not polled any more */
		if (p[1].revents && read(r->err, dropped, sizeof(dropped)) <= 0)
			p[1].fd = -1;
		if (!p[0].revents)
			continue;
		n = read(r->out, text + size, READ_MAX - size);
		size += n > 0 ? (size_t)n : 0;
	}
}

char *remote_read(const struct instance *in, const char *const *argv)
{
	struct exec_job j = { 0 };
	char *text = xalloc(READ_MAX + 1), end[EXEC_PACKET_MAX + 1];
	struct remote r;
	ssize_t n;

	exec_job_add(&j, 'm', "channels");
	exec_job_add(&j, 'u', "0:0");
	exec_job_add(&j, 0, "");
	for (; *argv; argv++)
		exec_job_add(&j, 0, *argv);
	r = remote_start(in, &j, CHANNELS_APART);
	shutdown(r.in, SHUT_WR);
	read_output(&r, text);
	/* stop a command that still writes */
	shutdown(r.out, SHUT_RDWR);
	shutdown(r.err, SHUT_RDWR);
	n = recv(r.control, end, EXEC_PACKET_MAX, 0);
	end[n > 0 ? n : 0] = '\0';
	close(r.control);
	close(r.in);
	close(r.out);
	close(r.err);
	free(j.text);
	if (!strcmp(end, "x0"))
		return text;
	free(text);
	return NULL;
}

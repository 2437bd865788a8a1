/* SPDX-License-Identifier: MIT */
/*
 * state.c: the state of a kept instance: a line of text in a file of fixed size, which is written
 * in place. Its blocks are allocated from the start, so that a full disk does not lose an exit
 * status. Readers and the writer lock the file during one call.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/service.h"

#define STATE_SIZE 256
#define KILLED (128 + SIGKILL)

static const char format_of_state[] =
	"phase %d stopped %d exit %d ends %u restarts %u started %ld finished %ld supervisor %d "
	"health %d failing %u oom %d lost %d";

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* Writes the state, always STATE_SIZE bytes. False with errno. */
static bool put(int fd, const struct service_state *st)
{
	char text[STATE_SIZE];
	int n;

	memset(text, ' ', sizeof(text));
	n = snprintf(text, sizeof(text), format_of_state, (int)st->phase, st->stopped, st->exit,
		st->ends, st->restarts, (long)st->started, (long)st->finished, (int)st->supervisor,
		(int)st->health, st->failing, st->oom, st->lost);
	text[n] = ' ';
	text[STATE_SIZE - 1] = '\n';
	return pwrite(fd, text, sizeof(text), 0) == sizeof(text);
}

void service_state_create(struct service *s)
{
	int fd = openat(s->dir, "state", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct service_state st = { .phase = PHASE_CREATED };

	if (fd < 0 || !put(fd, &st) || fsync(fd))
		die("%s/state: %s", s->folder, strerror(errno));
	s->state = fd;
}

void service_state_write(const struct service *s, const struct service_state *st)
{
	int fd = openat(s->dir, "state", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		/* the user has removed the instance's folder, so no state is needed */
		return;
	service_flock(fd, LOCK_EX);
	put(fd, st);
	close(fd);
}

/* Returns the state in the file; all zeros if there is none. */
static struct service_state get(const struct service *s)
{
	struct service_state st = { 0 };
	char text[STATE_SIZE + 1];
	int phase, stopped, supervisor, health = HEALTH_NONE, oom = 0, lost = 0;
	long started, finished;
	ssize_t n = -1;

	if (s->state >= 0) {
		service_flock(s->state, LOCK_SH);
		n = pread(s->state, text, STATE_SIZE, 0);
		service_flock(s->state, LOCK_UN);
	}
	text[n > 0 ? n : 0] = '\0';
	/* in files of older versions the fields health, oom and lost may be missing at the end */
	if (sscanf(text, format_of_state, &phase, &stopped, &st.exit, &st.ends, &st.restarts,
		    &started, &finished, &supervisor, &health, &st.failing, &oom, &lost) < 8)
		return (struct service_state){ 0 };
	st.phase = phase >= 0 && phase <= PHASE_EXITED ? (enum phase)phase : PHASE_CREATED;
	st.stopped = stopped;
	st.started = started;
	st.finished = finished;
	st.supervisor = supervisor;
	st.oom = oom;
	st.lost = lost;
	st.health = health >= 0 && health <= HEALTH_UNHEALTHY ? (enum health)health : HEALTH_NONE;
	return st;
}

struct service_state service_state_read(const struct service *s)
{
	/*
	 * test the lock before the state is read: a supervisor that ends in between has then
	 * written its last state
	 */
	bool lives = service_is_busy(s);
	struct service_state st = get(s);

	if (lives || (st.phase != PHASE_RUNNING && st.phase != PHASE_RESTARTING))
		return st;
	st.phase = PHASE_EXITED;
	st.exit = KILLED;
	st.ends++;
	return st;
}

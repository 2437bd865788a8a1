/* SPDX-License-Identifier: MIT */
/*
 * health.c: checks of the program of a detached instance.
 *
 * The supervisor runs the check as `nestctl exec` in a child, with the environment, user and folder
 * of the command. Its output, at most OUTPUT_MAX bytes, is in a memory file. The last results are
 * JSON in the instance's file `health`, for `nestctl inspect`.
 *
 * States: starting; healthy once a check succeeds; unhealthy once --health-retries checks in a row
 * have failed. Failures within --health-start-period do not count, until the first success.
 */
#include "tools/nestctl/service/health.h"

#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/service/view.h"

#define SECOND 1000000000L
#define INTERVAL (30 * SECOND)
#define TIMEOUT (30 * SECOND)
#define START_INTERVAL (5 * SECOND)
#define RETRIES 3
#define OUTPUT_MAX 4096
#define RESULTS 5
#define WORDS_MAX 4096

/* The result of a check. */
struct result {
	int64_t begun, ended; /* ns since 1970 */
	int status;           /* exit status; -1: timed out */
	char output[OUTPUT_MAX + 1];
};

static struct {
	const struct service *service;
	const struct health_spec *spec;
	enum health state;
	unsigned int failing;
	int64_t began;
	/*
	 * when to start the next check or to kill the running one, ns of CLOCK_BOOTTIME; 0: never
	 */
	int64_t due;
	pid_t pid; /* the running check, or 0 */
	/* the check was killed since it took too long */
	bool late;
	int output; /* memory file of its output */
	struct result results[RESULTS];
	int nr_results;
} health;

const char *health_word(enum health h)
{
	static const char *const words[] = { [HEALTH_NONE] = "none",
		[HEALTH_STARTING] = "starting",
		[HEALTH_HEALTHY] = "healthy",
		[HEALTH_UNHEALTHY] = "unhealthy" };

	return words[h];
}

/* ---- the check's settings ---- */

int64_t health_time(const char *text, const char *name)
{
	static const struct {
		const char *word;
		double ns;
	} units[] = { { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 }, { "s", 1e9 }, { "m", 60e9 },
		{ "h", 3600e9 } };
	const char *p = text;
	double sum = 0;

	while (isdigit((unsigned char)*p)) {
		size_t i = 0;
		char *end;
		double n = strtod(p, &end);

		while (i < 6 && strncmp(end, units[i].word, strlen(units[i].word)) != 0)
			i++;
		if (i == 6)
			break;
		sum += n * units[i].ns;
		p = end + strlen(units[i].word);
	}
	if (!*text || *p || sum > 1e18 || (sum > 0 && sum < 1e6))
		die("run: --%s '%s': expected a time (500ms, 30s, 1m30s)", name, text);
	return (int64_t)sum;
}

/* Returns a copy of a list that ends in NULL. */
static char **words_of(const char *const *words)
{
	size_t n = 0;
	char **copy;

	while (words[n])
		n++;
	copy = xalloc((n + 1) * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = format("%s", words[i]);
	return copy;
}

struct health_spec health_of_run(const struct run *r)
{
	static const char *const none[] = { NULL };
	const struct image_config config =
		r->bare ? (struct image_config){ .size = 0 } : image_config_read(r->image);
	const struct image_health image = image_config_health(&config);
	struct health_spec h = r->health;

	if (!h.test)
		h.test = words_of((const char *const *)image.test);
	if (!*h.test || !strcmp(*h.test, "NONE"))
		return (struct health_spec){ .test = words_of(none) };
	h.interval = h.interval ?: (int64_t)image.interval ?: INTERVAL;
	h.timeout = h.timeout ?: (int64_t)image.timeout ?: TIMEOUT;
	h.start_period = h.start_period ?: (int64_t)image.start_period;
	h.start_interval = h.start_interval ?: (int64_t)image.start_interval ?: START_INTERVAL;
	h.retries = h.retries ?: (unsigned int)image.retries ?: RETRIES;
	return h;
}

/* ---- results ---- */

static void put_results(void)
{
	json_open(NULL, '[');
	for (int i = 0; i < health.nr_results; i++) {
		const struct result *r = &health.results[i];

		json_open(NULL, '{');
		json_text("Start", time_text(r->begun));
		json_text("End", time_text(r->ended));
		json_number("ExitCode", r->status);
		json_text("Output", r->output);
		json_close('}');
	}
	json_close(']');
}

/* Writes the results. If the disk is full, they are lost, but the state is kept. */
static void write_results(void)
{
	const int dir = health.service->dir;
	int fd = openat(
		dir, "health.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return;
	json_to(f);
	put_results();
	json_to(NULL);
	if (!fclose(f))
		renameat(dir, "health.new", dir, "health");
}

/* Returns the place for a new result; the oldest of RESULTS is dropped. */
static struct result *new_result(void)
{
	if (health.nr_results == RESULTS)
		memmove(health.results, health.results + 1,
			(RESULTS - 1) * sizeof(health.results[0]));
	else
		health.nr_results++;
	return &health.results[health.nr_results - 1];
}

/* ---- running a check ---- */

static const char *words[WORDS_MAX];

static void add(int *n, const char *word)
{
	if (*n < WORDS_MAX - 1)
		words[(*n)++] = word;
}

/* Sets @words to the `nestctl exec` of the check. Returns their number. */
static int make_words(void)
{
	char **test = health.spec->test;
	int n = 0;

	add(&n, "exec");
	add(&n, "--no-tty");
	add(&n, health.service->name);
	add(&n, "--");
	if (!strcmp(*test, "CMD-SHELL")) {
		add(&n, "/bin/sh");
		add(&n, "-c");
	}
	for (char **w = test + 1; *w; w++)
		add(&n, *w);
	words[n] = NULL;
	return n;
}

static void __attribute__((noreturn)) run_check(pid_t parent)
{
	struct rlimit limit;
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0)
		_exit(1);
	dup2(null, 0);
	dup2(health.output, 1);
	dup2(health.output, 2);
	close_range(3, ~0U, 0);
	/*
	 * cut longer output: a write beyond the limit fails with EFBIG, without SIGXFSZ. The soft
	 * limit only: the file of the job may be larger (remote.c)
	 */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_max > OUTPUT_MAX) {
		limit.rlim_cur = OUTPUT_MAX;
		setrlimit(RLIMIT_FSIZE, &limit);
	}
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	optind = 0;
	exit(finish_output(cmd_exec.run(make_words(), (char **)words)));
}

/* Starts a check, or tries again later if no process can be made. */
static void start_check(int64_t now)
{
	pid_t parent = getpid();

	if (health.output >= 0)
		close(health.output);
	health.output = memfd_create("health", MFD_CLOEXEC);
	health.pid = fork();
	if (!health.pid)
		run_check(parent);
	if (health.pid < 0) {
		health.pid = 0;
		health.due = now + health.spec->interval;
		return;
	}
	*new_result() = (struct result){ .begun = now_ns() };
	health.late = false;
	health.due = now + health.spec->timeout;
}

/* Updates the state by the result of a check. */
static void judge(bool good, int64_t now)
{
	const struct health_spec *c = health.spec;
	bool young = health.state == HEALTH_STARTING && now - health.began < c->start_period;

	health.due = now + (young && !good ? c->start_interval : c->interval);
	if (good) {
		health.state = HEALTH_HEALTHY;
		health.failing = 0;
	} else if (!young && ++health.failing >= c->retries) {
		health.state = HEALTH_UNHEALTHY;
	}
}

/* ---- for the supervisor ---- */

void health_begin(const struct service *s, int64_t now)
{
	if (!*s->spec.health.test)
		return;
	health.service = s;
	health.spec = &s->spec.health;
	health.state = HEALTH_STARTING;
	health.failing = 0;
	health.began = now;
	health.nr_results = 0;
	health.output = -1;
	health.due = now + (health.spec->start_period ? health.spec->start_interval :
							health.spec->interval);
	unlinkat(s->dir, "health", 0);
}

void health_end(void)
{
	if (health.pid)
		kill(health.pid, SIGKILL);
	health.pid = 0;
	health.due = 0;
	health.state = HEALTH_NONE;
}

int64_t health_due(void)
{
	return health.due;
}

void health_step(int64_t now)
{
	if (!health.due || now < health.due)
		return;
	if (!health.pid)
		return start_check(now);
	health.late = true;
	kill(health.pid, SIGKILL);
	health.due = 0;
}

bool health_reap(pid_t pid, int status, int64_t now)
{
	struct result *r = &health.results[health.nr_results - 1];
	ssize_t n;

	if (!health.pid || pid != health.pid)
		return false;
	health.pid = 0;
	n = pread(health.output, r->output, OUTPUT_MAX, 0);
	r->output[n > 0 ? n : 0] = '\0';
	r->ended = now_ns();
	r->status = health.late         ? -1 :
		    WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
					  WEXITSTATUS(status);
	if (health.late)
		snprintf(r->output, sizeof(r->output), "Health check exceeded timeout (%.3g s)",
			(double)health.spec->timeout / SECOND);
	judge(!r->status, now);
	write_results();
	return true;
}

enum health health_now(unsigned int *failing)
{
	*failing = health.failing;
	return health.state;
}
